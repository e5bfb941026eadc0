"""The look of a capsule: the themes and songs that forms offer, and the covers and songs that come with a form."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from starlette.datastructures import UploadFile

from memorycapsule import themes
from memorycapsule.app import App
from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.intake import memory_copy, probe_soundtrack

_MOST_COVER_BYTES = 40_000_000
_MOST_SONG_BYTES = 60_000_000
#: The order in which themes are offered: the most playful first, the calm one last.
_ORDER = ("photocard", "museum", "window", "classic")


@dataclass(frozen=True, kw_only=True)
class ThemeChoice:
    """A theme as a form offers it."""

    name: str
    title: str
    #: Its built-in music, which any capsule may take.
    song: str
    beats: int


def theme_choices(language: str) -> Sequence[ThemeChoice]:
    """Return the themes there are, in the order in which forms offer them."""
    known = [name for name in _ORDER if name in themes.names()]
    found = [themes.load(name) for name in (*known, *(set(themes.names()) - set(known)))]
    return [
        ThemeChoice(
            name=theme.name,
            title=theme.title(language),
            song=theme.music.title(language),
            beats=round(theme.music.beats_per_minute),
        )
        for theme in found
    ]


def has_file(upload: UploadFile | None) -> bool:
    """Say whether a file was chosen; a browser sends an empty file where none was."""
    return upload is not None and bool(upload.filename) and upload.size != 0


def prepare_cover(app: App, upload: UploadFile) -> BinaryIO:
    """Return a picture as JPEG of the size that is shown. Raises MediaRefused for anything but a photo."""
    with memory_copy(upload.file, limit_bytes=_MOST_COVER_BYTES) as copy, app.decoders() as decoders:
        prepared = decoders.prepare(copy)
    if prepared.clip:
        prepared.clip.close()
    if prepared.kind != "photo" or prepared.display is None:
        raise MediaRefused(Refusal.NO_PHOTO)
    return io.BytesIO(prepared.display)


def checked_song(upload: UploadFile) -> BinaryIO:
    """Return a copy of a song that can be played. Raises MediaRefused for anything else."""
    copy = memory_copy(upload.file, limit_bytes=_MOST_SONG_BYTES)
    try:
        probe_soundtrack(copy)
    except BaseException:
        copy.close()
        raise
    return copy
