"""The brief: what a film is to be made of, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from memorycapsule.domain.film.picture_choice import VoiceNote
from memorycapsule.domain.film.plan import Encoder, FilmStyle, Soundtrack
from memorycapsule.domain.film.sizes import Size
from memorycapsule.errors import UsageProblem

#: "About three minutes" with the classic style.
USUAL_PICTURES = 60
_SHORTEST_SECONDS, _LONGEST_SECONDS = 5, 4 * 3600

#: None: as long as the chosen pictures need; 'full': all pictures; a number: about so many seconds.
Length = Literal["short", "full"] | float | None


@dataclass(frozen=True, kw_only=True)
class StoryText:
    """The words of a story, written and spoken."""

    story_id: str
    title: str
    text: str = ""
    contributor: str
    #: Tells contributors of one name apart; '' for the name itself.
    contributor_id: str = ""
    #: What is heard over its pictures, in order.
    notes: tuple[VoiceNote, ...] = ()

    @property
    def contributor_key(self) -> str:
        """Return who told it."""
        return self.contributor_id or self.contributor


@dataclass(frozen=True, kw_only=True)
class Direction:
    """How a film is to be made."""

    size: Size = field(default_factory=lambda: Size(width=1920, height=1080))
    fps: int = 30
    theme: str = "classic"
    style: FilmStyle = field(default_factory=FilmStyle)
    soundtrack: Soundtrack = field(default_factory=Soundtrack)
    encoder: Encoder = field(default_factory=Encoder)
    #: At most so many pictures, fairly chosen; None takes all.
    limit: int | None = USUAL_PICTURES
    length: Length = None
    #: False: stories by the time of their first picture; True: as they are given (chosen by a person).
    keeps_story_order: bool = False
    #: The language of what the film says itself.
    language: str = "en"
    #: How it says a day.
    day_in_words: Callable[[date], str] = field(default=date.isoformat, repr=False)
    seed: int = 0

    def frames(self, seconds: float) -> int:
        """Return the nearest number of frames, at least one."""
        return max(1, round(seconds * self.fps))

    @property
    def entrance_frames(self) -> int:
        """Return how many frames a shot must leave to the one after it, however that comes in."""
        return self.frames(max(self.style.entrance_seconds, self.style.story_entrance_seconds))


def parse_length(text: str | None) -> Length:
    """Return how long a film is to be: short, full, seconds, or None for the usual. Raises UsageProblem."""
    match text:
        case None | "short" | "full":
            return text
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise UsageProblem("film_length_unreadable", least=_SHORTEST_SECONDS, most=_LONGEST_SECONDS)
    return seconds
