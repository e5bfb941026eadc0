"""Cover and song: what every door has accepted by the same two functions."""

import io

import pytest

from memorycapsule.errors import MediaRefused
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.services.capsule_files import (
    LARGEST_COVER_BYTES,
    LARGEST_SONG_BYTES,
    accepted_cover,
    accepted_song,
)
from support.cast import make_photo, make_recording


@pytest.fixture
def prepare(tmp_path):
    with Decoders(workspace=tmp_path, children=1) as decoders:
        yield decoders.prepare


def test_a_cover_is_a_photo(prepare):
    with accepted_cover(io.BytesIO(make_photo()), prepare) as cover:
        assert cover.read(3) == b"\xff\xd8\xff"


@pytest.mark.parametrize("what", ["a recording", "words", "too much"])
def test_nothing_else_is_a_cover(prepare, what):
    content = {
        "a recording": make_recording(),
        "words": b"not even a picture",
        "too much": make_photo() + bytes(LARGEST_COVER_BYTES),
    }[what]
    with pytest.raises(MediaRefused):
        accepted_cover(io.BytesIO(content), prepare)


def test_a_song_of_six_minutes_in_a_wav_file_is_accepted():
    second = 48_000 * 2 * 2
    with accepted_song(io.BytesIO(_wav(second * 330))) as song:
        assert 63_000_000 < len(song.read()) < LARGEST_SONG_BYTES


def test_nothing_but_a_song_is_a_song():
    for content in (make_photo(), b"", b"words", _wav(LARGEST_SONG_BYTES)):
        with pytest.raises(MediaRefused):
            accepted_song(io.BytesIO(content))


def _wav(length: int) -> bytes:
    """Silence in a stereo WAV file of 16 bits and 48 kHz, with `length` bytes of samples."""
    layout = (1).to_bytes(2, "little") + (2).to_bytes(2, "little") + (48_000).to_bytes(4, "little")
    layout += (192_000).to_bytes(4, "little") + (4).to_bytes(2, "little") + (16).to_bytes(2, "little")
    chunks = b"WAVEfmt " + len(layout).to_bytes(4, "little") + layout
    chunks += b"data" + length.to_bytes(4, "little") + bytes(length)
    return b"RIFF" + len(chunks).to_bytes(4, "little") + chunks
