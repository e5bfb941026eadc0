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


_MADE = "sine=d=2.5:r=44100"
#: Before music, as broken copies, taggers and recorders of streams leave it.
IN_FRONT = {
    "two zeros": bytes(2),
    "a page of zeros": bytes(2048),
    "many zeros": bytes(50_000),
    "line ends": b"\r\n\r\n",
    "blanks and zeros": b" \t\n" + bytes(5),
    "a tag": b"ID3\x04\x00\x00\x00\x00\x00\x64" + bytes(100),
    "two tags": 2 * (b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10)),
    "zeros and a tag": bytes(300) + b"ID3\x04\x00\x00\x00\x00\x00\x00",
}
#: Before frames of mp3 alone, which are found wherever they begin.
IN_FRONT_OF_FRAMES = {
    "a tag whose length is wrong": b"ID3\xff\xff\xff\xff\xff\xff\xff",
    "the tag that belongs at the end": b"TAG" + b"x" * 125,
    "an APE tag": b"APETAGEX\xd0\x07\x00\x00" + bytes(20) + b"y" * 40,
    "what a radio answers": b"ICY 200 OK\r\nicy-name:Radio\r\n\r\n\x00\x01",
    "the rest of a frame": bytes(range(1, 250)),
}


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> dict[str, bytes]:
    """The same tone in each format."""
    folder = tmp_path_factory.mktemp("songs")
    made = {}
    for kind in ("mp3", "ogg", "flac", "wav"):
        path = folder / f"song.{kind}"
        subprocess.run(
            [
                processes.ffmpeg_path(),
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                _MADE,
                "-id3v2_version",
                "0",
                str(path),
            ]
            if kind == "mp3"
            else [processes.ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", _MADE, str(path)],
            check=True,
        )
        made[kind] = path.read_bytes()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("junk", IN_FRONT.values(), ids=IN_FRONT)
@pytest.mark.parametrize("kind", ["mp3", "ogg", "flac", "wav"])
def test_a_song_is_taken_whatever_blank_and_tag_stand_in_front(tmp_path, songs, kind, junk):
    song = tmp_path / "song"
    song.write_bytes(junk + songs[kind])

    assert seconds(song) == pytest.approx(2.5, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("junk", IN_FRONT_OF_FRAMES.values(), ids=IN_FRONT_OF_FRAMES)
def test_an_mp3_is_taken_whatever_stands_before_its_frames(tmp_path, songs, junk):
    song = tmp_path / "song"
    song.write_bytes(junk + songs["mp3"])

    assert seconds(song) == pytest.approx(2.5, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mp3", "ogg", "flac", "wav"])
def test_a_film_plays_a_song_behind_zeros_from_any_moment(tmp_path, songs, kind):
    song = tmp_path / "song"
    song.write_bytes(bytes(2048) + songs[kind])
    source = processes.sound_input(song, start_seconds=1.0)
    heard = subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", *source, "-ar", "8000", "-f", "s16le", "-"],
        capture_output=True,
        check=True,
    ).stdout

    assert len(heard) / 16000 == pytest.approx(1.5, abs=0.15)


@pytest.mark.slow
def test_a_voice_note_behind_zeros_is_taken(tmp_path, songs, prepare):
    path = tmp_path / "note"
    path.write_bytes(bytes(2048) + songs["mp3"])
    prepared = prepare(path)

    assert (prepared.kind, prepared.format) == ("voice", "MP3")
    assert prepared.duration_seconds == pytest.approx(2.5, abs=0.1)


@pytest.mark.slow
def test_music_of_a_shop_is_called_copy_protected(tmp_path):
    song = tmp_path / "song.m4a"
    subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", _MADE, str(song)], check=True
    )
    song.write_bytes(song.read_bytes().replace(b"mp4a", b"drms"))

    with file_refused(Refusal.COPY_PROTECTED):
        seconds(song)


@pytest.mark.slow
def test_a_song_is_no_archive_that_holds_songs(tmp_path, songs):
    path = tmp_path / "songs.zip"
    path.write_bytes(b"PK\x03\x04" + bytes(26) + songs["mp3"])

    with file_refused(Refusal.NO_SONG):
        seconds(path)


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
