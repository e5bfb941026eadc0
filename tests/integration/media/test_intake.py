"""Copies in memory, and songs."""

import errno
import io
import os
import subprocess

import pytest

from memorycapsule import processes
from memorycapsule.errors import CapsuleError, DiskFull, Refusal
from memorycapsule.media.intake import memory_copy, probe_soundtrack
from support.refusals import file_refused


def seconds(path) -> float:
    with path.open("rb") as upload:
        return probe_soundtrack(upload)


def test_a_memory_copy_is_a_real_file_with_no_name():
    with memory_copy(io.BytesIO(b"x" * 3_000_000), limit_bytes=3_000_000) as copy:
        assert os.fstat(copy.fileno()).st_size == 3_000_000
        assert os.fstat(copy.fileno()).st_nlink == 0
        assert copy.tell() == 0
        assert copy.read(3) == b"xxx"


def test_a_memory_copy_stops_at_its_limit():
    with file_refused(Refusal.FILE_TOO_LARGE, megabytes=2):
        memory_copy(io.BytesIO(b"x" * 2_000_001), limit_bytes=2_000_000)


@pytest.mark.parametrize(("code", "kind"), [(errno.EIO, CapsuleError), (errno.EDQUOT, DiskFull)])
def test_a_copy_that_fails_says_so_in_one_sentence(code, kind):
    class Broken(io.RawIOBase):
        def read(self, _=-1):
            raise OSError(code, os.strerror(code))

    with pytest.raises(CapsuleError) as raised:
        memory_copy(Broken(), limit_bytes=100)

    assert type(raised.value) is kind


@pytest.mark.parametrize("kind", ["mp3", "m4a", "ogg", "flac", "wav", "mp4"])
def test_a_song_is_known_by_content_and_as_long_as_it_sounds(tmp_path, kind):
    made = tmp_path / f"song.{kind}"
    subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", "sine=d=2.5:r=48000", str(made)],
        check=True,
    )
    song = made.rename(tmp_path / "song")

    assert seconds(song) == pytest.approx(2.5, abs=0.1)


def test_the_sample_songs_are_as_long_as_their_facts_say(samples):
    for name in ("music/own_piano_60s.ogg", "bad/silence_3s.mp3"):
        assert seconds(samples[name].path) == pytest.approx(samples[name].facts["duration_s"], abs=0.1)


@pytest.mark.parametrize("name", ["bad/text_named.mp3", "bad/own_base.jpg", "video/no_audio_360p.mov"])
def test_what_is_not_music_is_refused(samples, name):
    with file_refused(Refusal.NO_SONG):
        seconds(samples[name].path)


def test_noise_is_called_no_music_and_not_no_photo(tmp_path):
    song = tmp_path / "song.mp3"
    song.write_bytes(bytes(range(255, 0, -1)) * 40)

    with file_refused(Refusal.NO_SONG):
        seconds(song)


def test_an_empty_song_is_called_empty(samples):
    with file_refused(Refusal.EMPTY):
        seconds(samples["bad/zero_byte.mov"].path)


def test_a_damaged_song_is_refused(samples):
    with file_refused(Refusal.NO_READABLE_SOUND):
        seconds(samples["bad/damaged.mp3"].path)
