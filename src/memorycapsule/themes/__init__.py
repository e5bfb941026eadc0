"""Themes: data for page and film alike, one folder each, and the fonts they share."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from memorycapsule.domain import plan
from memorycapsule.domain.plan import FilmStyle
from memorycapsule.domain.plan_json import read_value
from memorycapsule.errors import UsageProblem

_HERE = Path(__file__).parent
_FONTS = _HERE / "fonts"
#: What a theme without a soundtrack of its own plays.
_FALLBACK = "classic"


@dataclass(frozen=True, kw_only=True)
class Theme:
    """One world for page and film."""

    name: str
    #: How people call it, by language: 'en', 'ko'.
    titles: dict[str, str]
    film: FilmStyle
    #: The built-in music.
    soundtrack: Path

    def title(self, locale: str) -> str:
        return self.titles.get(locale, self.titles["en"])


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all themes, alphabetically."""
    return tuple(sorted(path.parent.name for path in _HERE.glob("*/theme.toml")))


@functools.cache
def load(name: str) -> Theme:
    """Return a theme. Raises UsageProblem, naming the themes there are, for any other name."""
    if name not in names():
        raise UsageProblem(f"There is no theme '{name}'; choose one of {', '.join(names())}.")
    folder = _HERE / name
    data = tomllib.loads((folder / "theme.toml").read_text(encoding="utf-8"))
    own = folder / "soundtrack.m4a"
    return Theme(
        name=name,
        titles=dict(data["titles"]),
        film=read_value(FilmStyle, data["film"], vars(plan), f"{name}/theme.toml"),
        soundtrack=own if own.exists() else _HERE / _FALLBACK / "soundtrack.m4a",
    )


def font_path(name: str) -> Path:
    """Return the file of a font by its file name. Raises UsageProblem when there is none such."""
    path = _FONTS / Path(name).name
    if not path.is_file():
        raise UsageProblem(f"There is no font '{name}'.")
    return path
