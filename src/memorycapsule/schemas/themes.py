"""Themes and their soundtracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.schemas.model import Model

if TYPE_CHECKING:
    from memorycapsule import themes


class Theme(Model):
    name: str = Field(examples=["museum"])
    titles: dict[str, str] = Field(
        description="How people call it, by language.", examples=[{"en": "Museum", "ko": "미술관"}]
    )

    @classmethod
    def of(cls, found: themes.Theme) -> Self:
        return cls(name=found.name, titles=found.titles)


class Soundtrack(Model):
    name: str = Field(description="The theme whose own music it is.", examples=["museum"])
    titles: dict[str, str] = Field(examples=[{"en": "Slow Light"}])
    beats_per_minute: float = Field(examples=[72])
    file: str = Field(
        description="Where it can be listened to.", examples=["/api/v1/soundtracks/museum/file"]
    )

    @classmethod
    def of(cls, found: themes.Theme, url: str) -> Self:
        """Return a theme's own music; `url` is where it can be listened to."""
        return cls(
            name=found.name,
            titles=found.music.titles,
            beats_per_minute=found.music.beats_per_minute,
            file=url,
        )
