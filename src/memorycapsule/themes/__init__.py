"""Themes: data for page and film alike, one folder each, and the fonts they share."""

from __future__ import annotations

import functools
import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from memorycapsule.errors import UsageProblem
from memorycapsule.words.catalogues import wording
from memorycapsule.words.languages import languages

if TYPE_CHECKING:
    from memorycapsule.domain.film.plan import FilmStyle, Soundtrack

_HERE = Path(__file__).parent
_FONTS = _HERE / "fonts"
_OTHER_FONT_FOLDERS = (Path("/Library/Fonts"), Path("C:/Windows/Fonts"))


@dataclass(frozen=True, kw_only=True)
class ThemeMusic:
    """What is known of a built-in soundtrack."""

    #: The name of the theme that it goes with.
    theme: str
    beats_per_minute: float
    beats_per_bar: int
    first_beat_seconds: float

    def title(self, language: str) -> str:
        return wording(language)(f"music_title_{self.theme}")

    @property
    def titles(self) -> dict[str, str]:
        """Return its title in every language."""
        return {language: self.title(language) for language in languages()}

    def with_beat(self, track: Soundtrack) -> Soundtrack:
        """Return `track` with the beat of this music."""
        return replace(
            track,
            beat_seconds=60 / self.beats_per_minute,
            first_beat_seconds=self.first_beat_seconds,
            beats_per_bar=self.beats_per_bar,
        )


@dataclass(frozen=True, kw_only=True)
class Theme:
    """One world for page and film."""

    name: str
    film: FilmStyle
    #: The built-in music.
    soundtrack: Path
    music: ThemeMusic

    def title(self, language: str) -> str:
        return wording(language)(f"theme_title_{self.name}")

    @property
    def titles(self) -> dict[str, str]:
        """Return how people call it in every language."""
        return {language: self.title(language) for language in languages()}

    def own_soundtrack(self, language: str) -> Soundtrack:
        """Return the theme's own music for a plan. It begins by itself, so nothing fades in."""
        from memorycapsule.domain.film.plan import Soundtrack

        return self.music.with_beat(Soundtrack(title=self.music.title(language), fade_in_seconds=0.0))


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all themes, alphabetically."""
    return tuple(sorted(path.parent.name for path in _HERE.glob("*/theme.toml")))


def song_title(title: str, language: str) -> str:
    """Return the title of a built-in song in a language, whichever language `title` is in; any other title as it is."""
    own = (load(name).music for name in names())
    return next((music.title(language) for music in own if title in music.titles.values()), title)


@functools.cache
def load(name: str) -> Theme:
    """Return a theme. Raises UsageProblem, naming the themes there are, for any other name."""
    if name not in names():
        raise UsageProblem("theme_unknown", theme=name, themes=names())
    # Commands that make no film need the names of themes alone.
    from memorycapsule.domain.film import plan
    from memorycapsule.domain.film.plan_json import read_value

    folder = _HERE / name
    data = tomllib.loads((folder / "theme.toml").read_text(encoding="utf-8"))
    music = data["music"]
    return Theme(
        name=name,
        film=read_value(plan.FilmStyle, data["film"], f"{name}/theme.toml"),
        soundtrack=folder / "soundtrack.m4a",
        music=ThemeMusic(
            theme=name,
            beats_per_minute=float(music["beats_per_minute"]),
            beats_per_bar=music["beats_per_bar"],
            first_beat_seconds=float(music["first_beat_seconds"]),
        ),
    )


def font_path(name: str) -> Path:
    """Return the file of a font by its file name. Raises UsageProblem when there is none such."""
    path = _FONTS / Path(name).name
    if not path.is_file():
        raise UsageProblem("font_unknown", font=name)
    return path


@functools.cache
def script_fonts() -> tuple[Path, ...]:
    """Return the fonts for scripts that the themes' own fonts lack, in the order in which they are asked."""
    return tuple(sorted(_FONTS.glob("NotoSans*.ttf")))


@functools.cache
def system_fonts() -> tuple[Path, ...]:
    """
    Return the Noto fonts of this machine, in the order in which they are asked: they draw what ours have no glyph for.

    They are looked for where the XDG Base Directory Specification 0.8 has data, and where macOS and Windows keep fonts.
    """
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    folders = [home / "fonts", *(Path(one) / "fonts" for one in shared.split(":")), *_OTHER_FONT_FOLDERS]
    found = (path for folder in folders for path in folder.rglob("Noto*Regular.*"))
    # Han has the most characters beside those that are drawn anyway, so its fonts are asked first.
    return tuple(sorted(found, key=lambda path: ("CJK" not in path.name, str(path))))
