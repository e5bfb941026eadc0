"""The built-in soundtracks are what the themes say of them."""

import re
import subprocess

import pytest

from memorycapsule import themes
from memorycapsule.media.tempo import tempo_of
from memorycapsule.processes import ffmpeg_path


def listened(path):
    """Return seconds, loudness (LUFS) and true peak (dBTP) as ffmpeg measures them."""
    command = [ffmpeg_path(), "-hide_banner", "-nostats", "-i", str(path), "-af", "ebur128=peak=true"]
    done = subprocess.run([*command, "-f", "s16le", "-ac", "1", "-"], capture_output=True, check=True)
    summary = done.stderr.decode().rpartition("Summary:")[2]
    loud = float(re.search(r"I:\s+(-?[\d.]+) LUFS", summary)[1])
    peak = float(re.search(r"Peak:\s+(-?[\d.]+) dBFS", summary)[1])
    return len(done.stdout) / 2 / 48000, loud, peak


@pytest.mark.parametrize("name", themes.names())
def test_a_soundtrack_has_its_length_and_loudness(name):
    theme = themes.load(name)
    seconds, loud, peak = listened(theme.soundtrack)
    bars = seconds / (theme.music.beats_per_bar * 60 / theme.music.beats_per_minute)

    assert 120 <= seconds <= 180
    assert bars == pytest.approx(round(bars), abs=0.001)
    assert loud == pytest.approx(-16, abs=0.3)
    assert peak < -1.5


@pytest.mark.parametrize("name", themes.names())
@pytest.mark.slow
def test_a_soundtrack_has_its_tempo(name):
    theme = themes.load(name)
    own, found = theme.own_soundtrack("en"), tempo_of(theme.soundtrack)

    assert found.beat_seconds == pytest.approx(own.beat_seconds, rel=0.001)
    assert found.first_beat_seconds == pytest.approx(own.first_beat_seconds, abs=0.03)
    assert found.beats_per_bar == own.beats_per_bar
    assert own.beat_seconds * 30 == pytest.approx(round(own.beat_seconds * 30)), "beats fall on frames"


@pytest.mark.parametrize("name", themes.names())
def test_a_soundtrack_has_titles_and_says_where_it_comes_from(name):
    theme = themes.load(name)
    text = theme.soundtrack.with_name("SOUNDTRACK.md").read_text(encoding="utf-8")

    assert set(theme.music.titles) == {"en", "ko"}
    assert theme.own_soundtrack("en").title in text
    assert theme.own_soundtrack("xx").title == theme.own_soundtrack("en").title
    assert "CC0" in text
