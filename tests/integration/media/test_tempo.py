"""Tempo of files: found by a child with limits, and no file is too odd to ask."""

import subprocess
import wave

import numpy as np
import pytest

from memorycapsule import processes
from memorycapsule.media.tempo import tempo_of

RATE = 44_100


def write_song(path, seconds, beat_seconds=0.6):
    time = np.arange(round(seconds * RATE)) / RATE
    beat = time % beat_seconds
    samples = 0.4 * np.sin(2 * np.pi * 330 * time) * np.exp(-beat / 0.1) * np.clip(beat / 0.003, 0, 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("name", ["song", "-i.mp3", "file:x.wav", "여름 노래.wav", "%d.wav"])
def test_a_song_of_any_name_is_found(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    song = write_song(tmp_path / name, 30)
    found = tempo_of(song.relative_to(tmp_path))

    assert found.beat_seconds == pytest.approx(0.6, rel=0.003)
    assert found.first_beat_seconds % 0.6 == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("ending", ["mp3", "m4a", "ogg", "flac"])
def test_every_kind_of_music_is_listened_to(tmp_path, ending):
    song = write_song(tmp_path / "song.wav", 20)
    other = tmp_path / f"song.{ending}"
    subprocess.run([processes.ffmpeg_path(), "-v", "error", "-i", str(song), str(other)], check=True)

    assert tempo_of(other).beat_seconds == pytest.approx(0.6, rel=0.003)


@pytest.mark.slow
def test_of_a_song_of_two_hours_the_beginning_is_enough(tmp_path):
    song = write_song(tmp_path / "song.wav", 60)
    long = tmp_path / "long.flac"
    repeat = ["-stream_loop", "119", "-i", str(song), "-c:a", "flac", str(long)]
    subprocess.run([processes.ffmpeg_path(), "-v", "error", *repeat], check=True)

    assert tempo_of(long).beat_seconds == pytest.approx(0.6, rel=0.003)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3 not a song",
        b"\xff\xfb\x90" * 2000,
        b"RIFF\x00\x00\x00\x00WAVE",
        b"#EXTM3U\nhttp://x/",
        bytes(9999),
    ],
)
def test_what_is_no_song_has_no_tempo(tmp_path, data):
    (tmp_path / "song").write_bytes(data)

    assert tempo_of(tmp_path / "song") is None


def test_a_playlist_is_not_followed(tmp_path):
    write_song(tmp_path / "inner.wav", 20)
    (tmp_path / "song").write_text("ffconcat version 1.0\nfile inner.wav\n")

    assert tempo_of(tmp_path / "song") is None
