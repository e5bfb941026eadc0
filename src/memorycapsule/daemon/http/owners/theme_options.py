"""The look of a capsule: the themes and songs that forms offer, and the covers and songs that come with a form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import UploadFile

from memorycapsule import themes
from memorycapsule.app import App
from memorycapsule.services import capsule_files
from memorycapsule.services.capsule_files import Cover, Song

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


def _chosen(upload: UploadFile | None) -> UploadFile | None:
    """Return the file that was chosen; a browser sends an empty file where none was."""
    return upload if upload is not None and upload.filename and upload.size != 0 else None


def accepted_cover(app: App, upload: UploadFile | None) -> Cover | None:
    """Return the cover that was chosen, None where none was. Raises MediaRefused."""
    chosen = _chosen(upload)
    return capsule_files.accepted_cover(chosen.file, app.prepare) if chosen else None


def accepted_song(upload: UploadFile | None) -> Song | None:
    """Return the song that was chosen, None where none was. Raises MediaRefused."""
    chosen = _chosen(upload)
    return capsule_files.accepted_song(chosen.file) if chosen else None
