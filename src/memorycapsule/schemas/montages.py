"""Montages: films, and how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.film.montages import MontageState
from memorycapsule.schemas.model import Id, Instant, Model
from memorycapsule.schemas.reasons import Reason
from memorycapsule.words.error_sentences import english_sentence_of

if TYPE_CHECKING:
    from memorycapsule.domain.film import montages


class Montage(Model):
    id: Id
    capsule: Id
    state: MontageState
    progress: float = Field(ge=0, le=1, examples=[0.42])
    seconds_left: int | None = Field(
        description="About how long it will still be rendered, where that is known.", examples=[95]
    )
    seconds: float | None = Field(description="The film's length, once it is there.", examples=[142.5])
    is_opening: bool = Field(description="Whether it is the film that was made on the day.")
    stories: list[Id] = Field(description="The chosen stories in their order; empty for all.")
    title: str | None = Field(
        description="What it is called; null for a film that goes by its capsule's title.",
        examples=["The best of the summer"],
    )
    length: str | None = Field(examples=["short"])
    music: str | None = Field(description="The theme whose own music was chosen.", examples=["museum"])
    report: list[str] = Field(description="What was left out or went wrong, a sentence each.")
    reasons: list[Reason] = Field(
        description="The lines of `report`, in its order, as a reason with values each."
    )
    queued_at: Instant
    finished_at: Instant | None

    @classmethod
    def of(cls, found: montages.Montage, *, seconds_left: float | None = None) -> Self:
        """Return a film; `seconds_left` is about how long it will still be rendered, None where nobody knows."""
        return cls(
            id=found.id,
            capsule=found.capsule_id,
            state=found.state,
            progress=round(found.progress, 3),
            seconds_left=None if seconds_left is None else round(seconds_left),
            seconds=found.seconds,
            is_opening=found.is_opening,
            stories=list(found.story_ids),
            title=found.title or None,
            length=found.length,
            music=found.music,
            report=[english_sentence_of(omission.error) for omission in found.report],
            reasons=[Reason.of(omission.error) for omission in found.report],
            queued_at=found.queued_at,
            finished_at=found.finished_at,
        )
