"""
The files that people give a capsule for everybody to see and hear: its cover, and the song of its film.

Every door has them accepted here, and services take nothing else.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, NewType

from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.intake import memory_copy, probe_soundtrack
from memorycapsule.media.prepared import Prepared

#: Six minutes of stereo in a WAV file have 63 MB.
LARGEST_SONG_BYTES = 100_000_000
LARGEST_COVER_BYTES = 40_000_000

#: A JPEG of the size that is shown, as `accepted_cover` returns it.
Cover = NewType("Cover", BinaryIO)
#: Music that can be played, as `accepted_song` returns it.
Song = NewType("Song", BinaryIO)


def accepted_cover(upload: BinaryIO, prepare: Callable[[BinaryIO], Prepared]) -> Cover:
    """
    Return a photo of at most LARGEST_COVER_BYTES as a cover; `prepare` is `App.prepare`.

    Raises MediaRefused for anything but a photo, and DiskFull.
    """
    with memory_copy(upload, limit_bytes=LARGEST_COVER_BYTES) as copy:
        prepared = prepare(copy)
    if prepared.clip:
        prepared.clip.close()
    if prepared.kind != "photo" or prepared.display is None:
        raise MediaRefused(Refusal.NO_PHOTO)
    return Cover(io.BytesIO(prepared.display))


def accepted_song(upload: BinaryIO) -> Song:
    """
    Return a copy of a song of at most LARGEST_SONG_BYTES, all of which can be played; it lies in memory.

    Raises MediaRefused for anything but an mp3, m4a, ogg, flac or wav file, and DiskFull.
    """
    copy = memory_copy(upload, limit_bytes=LARGEST_SONG_BYTES)
    try:
        probe_soundtrack(copy)
    except BaseException:
        copy.close()
        raise
    return Song(copy)
