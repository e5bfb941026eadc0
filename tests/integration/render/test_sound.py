"""The film's sound on its own: many clips and short songs cost no more than few and long ones."""

import json
import resource
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from memorycapsule.render import sound

#: Enough for Python, one child and the files in hand; too few for a child a clip.
FEW_FILES = 32


def loudness_of(studio, film, first, stop):
    data = studio.ffmpeg("-i", str(film), "-f", "s16le", "-ac", "1", "-ar", "48000", "-")
    part = np.frombuffer(data, "<i2")[round(first * 48000) : round(stop * 48000)].astype(float) / 32768
    return float(np.sqrt(np.mean(part**2)))


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

    assert json.loads(done.stdout) == {"done": True, "usable": True}, done.stderr.decode()[-500:]
    for placed in (plan.timeline[1], plan.timeline[40]):
        assert loudness_of(studio, out, placed.first / 30 + 0.6, placed.first / 30 + 0.9) > 0.05


def test_a_very_short_song_is_played_over_a_long_film_quickly(studio):
    song = studio.song("song.wav", 0.25)
    plan = studio.plan([studio.photo(f"p{number}") for number in range(200)], soundtrack=song)
    out = studio.folder / "sound.m4a"
    begun = time.process_time()

    assert sound.make(plan, studio.pictures, studio.folder, out)
    assert time.process_time() - begun < 10, "seconds of work for a film of minutes"
    for first in (1.0, plan.seconds / 2, plan.seconds - 4):
        assert loudness_of(studio, out, first, first + 0.5) > 0.1


def test_a_song_that_is_a_playlist_plays_nothing(studio):
    song = studio.song("inner.wav", 3)
    (studio.pictures / "song").write_text("ffconcat version 1.0\nfile inner.wav\n")
    plan = studio.plan([studio.photo("a")], soundtrack=replace(song, file="song"))

    assert not sound.make(plan, studio.pictures, studio.folder, studio.folder / "sound.m4a")


@pytest.mark.parametrize("ending", ["mp3", "m4a", "ogg", "flac", "wav"])
def test_every_kind_of_music_that_is_accepted_plays(studio, ending):
    studio.song("inner.wav", 3)
    studio.ffmpeg("-i", str(studio.pictures / "inner.wav"), str(studio.pictures / f"song.{ending}"))
    plan = studio.plan([studio.photo("a")], soundtrack=replace(studio.song("x", 1), file=f"song.{ending}"))

    assert sound.make(plan, studio.pictures, studio.folder, studio.folder / "sound.m4a")
