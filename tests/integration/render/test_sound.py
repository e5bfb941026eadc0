"""The film's sound on its own: many clips and short songs cost no more than few and long ones."""

import json
import re
import resource
import subprocess
import sys
import wave
from dataclasses import replace

import numpy as np
import pytest

from memorycapsule import themes
from memorycapsule.domain.film.plan import Clip
from memorycapsule.processes import ffmpeg_path
from memorycapsule.render import sound
from support.effort import calls_in

#: Enough for Python, one child and the files in hand; too few for a child a clip.
FEW_FILES = 32
#: ffmpeg plays one ear's song in both, each so loud.
SPREAD = 0.5**0.5


def samples_of(studio, film):
    data = studio.ffmpeg("-i", str(film), "-f", "s16le", "-ac", "1", "-ar", "48000", "-")
    return np.frombuffer(data, "<i2").astype(float) / 32768


def loudness_of(studio, film, first, stop):
    part = samples_of(studio, film)[round(first * 48000) : round(stop * 48000)]
    return float(np.sqrt(np.mean(part**2)))


def tone_of(samples, first, stop, frequency):
    """Return the strength of one frequency between two times (seconds)."""
    part = samples[round(first * 48000) : round(stop * 48000)]
    time = np.arange(len(part)) / 48000
    window = np.hanning(len(part))
    return float(2 * np.abs(np.sum(part * window * np.exp(-2j * np.pi * frequency * time))) / window.sum())


def lufs_of(film, first, stop):
    """Return the loudness that ffmpeg measures between two times (EBU R 128)."""
    done = subprocess.run(
        [
            ffmpeg_path(),
            "-hide_banner",
            "-nostats",
            "-i",
            str(film),
            "-af",
            f"atrim={first}:{stop},ebur128",
            "-f",
            "null",
            "-",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(re.search(r"I:\s+(-?[\d.]+) LUFS", done.stderr.rpartition("Summary:")[2])[1])


def sound_of(studio, plan):
    out = studio.folder / "sound.m4a"
    assert sound.make(plan, studio.pictures, studio.folder, out).song_usable
    return out


def clip_in(plan):
    """Return when the clip begins and ends (seconds)."""
    placed = next(placed for placed in plan.timeline if isinstance(placed.shot, Clip))
    return placed.first / 30, placed.stop / 30


@pytest.mark.slow
def test_forty_clips_need_no_more_open_files_than_one(studio):
    clip = studio.clip("clip", seconds=1.5)
    plan = studio.plan([replace(clip, id=f"c{number}", position=number) for number in range(40)])
    out = studio.folder / "sound.m4a"
    order = {"plan": plan.to_json(), "pictures": str(studio.pictures), "out": str(out)}
    done = subprocess.run(
        [sys.executable, "-m", "memorycapsule.render.sound"],
        input=json.dumps({**order, "workspace": str(studio.folder)}).encode() + b"\n",
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, FEW_FILES)),
    )

    assert json.loads(done.stdout) == {"done": True, "song_usable": True, "unplayable_notes": []}, done.stderr
    for placed in (plan.timeline[1], plan.timeline[40]):
        assert loudness_of(studio, out, placed.first / 30 + 0.6, placed.first / 30 + 0.9) > 0.05


@pytest.mark.slow
def test_a_very_short_song_over_a_long_film_costs_not_much_more_than_a_longer_one(studio):
    photos = [studio.photo(f"p{number}") for number in range(200)]
    out = studio.folder / "sound.m4a"

    def made_with(seconds):
        plan = studio.plan(photos, soundtrack=studio.song("song.wav", seconds))
        made = []
        calls = calls_in(lambda: made.append(sound.make(plan, studio.pictures, studio.folder, out)))
        assert made[0].song_usable
        for first in (1.0, plan.seconds / 2, plan.seconds - 4):
            assert loudness_of(studio, out, first, first + 0.5) > 0.1
        return calls

    assert made_with(0.25) < 5 * made_with(3.0)


def test_a_song_that_is_a_playlist_plays_nothing(studio):
    song = studio.song("inner.wav", 3)
    (studio.pictures / "song").write_text("ffconcat version 1.0\nfile inner.wav\n")
    plan = studio.plan([studio.photo("a")], soundtrack=replace(song, file="song"))

    assert not sound.make(plan, studio.pictures, studio.folder, studio.folder / "sound.m4a").song_usable


@pytest.mark.parametrize("ending", ["mp3", "m4a", "ogg", "flac", "wav"])
def test_every_kind_of_music_that_is_accepted_plays(studio, ending):
    studio.song("inner.wav", 3)
    studio.ffmpeg("-i", str(studio.pictures / "inner.wav"), str(studio.pictures / f"song.{ending}"))
    plan = studio.plan([studio.photo("a")], soundtrack=replace(studio.song("x", 1), file=f"song.{ending}"))

    assert sound.make(plan, studio.pictures, studio.folder, studio.folder / "sound.m4a").song_usable


@pytest.mark.parametrize("loudness", [0.9, 0.25, 0.1])
def test_loud_and_quiet_songs_make_films_of_the_same_loudness(studio, loudness):
    song = studio.song("song.wav", 10, loudness=loudness)
    plan = studio.plan([studio.photo(f"p{number}") for number in range(3)], soundtrack=song)

    assert lufs_of(sound_of(studio, plan), 1, plan.seconds - 4) == pytest.approx(-16, abs=0.5)


def test_a_whisper_of_a_song_is_raised_by_nine_decibels_and_no_more(studio):
    song = studio.song("song.wav", 10, loudness=0.01)
    plan = studio.plan([studio.photo("p")], soundtrack=song)
    samples = samples_of(studio, sound_of(studio, plan))

    assert tone_of(samples, 2, 3, 440) == pytest.approx(0.01 * SPREAD * 10 ** (9 / 20), rel=0.05)


@pytest.mark.parametrize("name", themes.names())
def test_each_themes_own_music_is_as_loud(studio, name):
    plan = replace(studio.plan([studio.photo(f"p{number}") for number in range(12)]), theme=name)

    assert lufs_of(sound_of(studio, plan), 1, plan.seconds - 4) == pytest.approx(-16, abs=1)


@pytest.mark.parametrize("loudness", [0.06, 0.125, 1.0])
def test_quiet_and_loud_clips_come_nearer_to_each_other_and_never_clip(studio, loudness):
    clip = studio.clip("c", seconds=4.0, loudness=loudness)
    plan = studio.plan([studio.photo("a"), clip], soundtrack=studio.song("song.wav", 3, loudness=0))
    first, stop = clip_in(plan)
    samples = samples_of(studio, sound_of(studio, plan))

    assert 0.1 < tone_of(samples, first + 1, stop - 1, 1000) < 0.36
    assert np.abs(samples).max() < 0.95


@pytest.mark.parametrize("loudness", [0.0, 0.0005])
def test_music_plays_on_over_a_clip_in_which_nothing_is_heard(studio, loudness):
    clip = studio.clip("c", seconds=4.0, loudness=loudness)
    plan = studio.plan([studio.photo("a"), clip], soundtrack=studio.song("song.wav", 20))
    first, stop = clip_in(plan)
    samples = samples_of(studio, sound_of(studio, plan))
    before = tone_of(samples, first - 0.9, first - 0.4, 440)

    assert tone_of(samples, first + 1, stop - 1, 440) == pytest.approx(before, rel=0.05)
    assert tone_of(samples, first + 1, stop - 1, 1000) < 0.001, "hiss is not raised"


def test_music_steps_back_for_speech_without_a_jolt(studio):
    clip = studio.clip("c", seconds=4.0)
    plan = studio.plan([studio.photo("a"), clip], soundtrack=studio.song("song.wav", 15))
    first, stop = clip_in(plan)
    samples = samples_of(studio, sound_of(studio, plan))
    steps = [tone_of(samples, at, at + 0.05, 440) for at in np.arange(first - 0.8, first + 0.5, 0.05)]

    assert tone_of(samples, first + 1, stop - 1, 440) == pytest.approx(0.25 * steps[0], rel=0.1)
    assert np.abs(np.diff(steps)).max() < 0.25 * steps[0]


def test_a_short_song_with_a_beat_begins_again_on_the_beat(studio):
    """120 beats a minute, cut off in the middle of its fourth bar."""
    song = studio.song("song.wav", 7.3)
    at, knock = 0.25, np.sin(np.arange(2400) * 0.3) * np.exp(-np.arange(2400) / 500)
    samples = np.zeros(round(7.3 * 48000))
    while at < 7.2:
        samples[round(at * 48000) :][:2400] += 0.6 * knock[: len(samples) - round(at * 48000)]
        at += 0.5
    with wave.open(str(studio.pictures / "song.wav"), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    song = replace(song, beat_seconds=0.5, first_beat_seconds=0.25, fade_in_seconds=0.0)
    plan = studio.plan([studio.photo(f"p{number}") for number in range(12)], soundtrack=song)
    amplitude = np.abs(samples_of(studio, sound_of(studio, plan)))

    for beat in np.arange(0.25, plan.seconds - 4, 0.5):
        place = round(beat * 48000)
        assert amplitude[place : place + 600].max() > 0.2, f"a beat at {beat} s"
        assert amplitude[place - 9600 : place - 1200].max() < 0.05, f"nothing before {beat} s"


def test_the_music_is_gone_when_the_picture_is(studio):
    plan = studio.plan(
        [studio.photo(f"p{number}") for number in range(4)], soundtrack=studio.song("song.wav", 15)
    )
    samples = samples_of(studio, sound_of(studio, plan))
    levels = [
        tone_of(samples, at, at + 0.1, 440) for at in np.arange(plan.seconds - 4, plan.seconds - 0.1, 0.1)
    ]

    assert levels[0] > 0.1
    assert levels[-1] < 0.02
    assert np.abs(np.diff(levels)).max() < 0.15 * levels[0]
