"""Stories and their media."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.stories import MediumKind, Missing
from memorycapsule.schemas.model import Id, Instant, Model
from memorycapsule.schemas.reasons import Reason
from memorycapsule.words.error_sentences import english_sentence_of

if TYPE_CHECKING:
    from memorycapsule.domain import capsules, stories
    from memorycapsule.services.album.story_views import StoryView


class Medium(Model):
    id: Id
    file: str = Field(description="The name that it came with.", examples=["IMG_2041.HEIC"])
    position: int = Field(description="Its place in the story.", examples=[0])
    kind: MediumKind
    sha256: str = Field(
        description="SHA-256 of the original, hexadecimal.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    bytes: int = Field(examples=[2_481_330])
    format: str = Field(examples=["HEIC"])
    width: int | None = Field(
        description="As a person sees it, in pixels; null for a voice note.", examples=[4032]
    )
    height: int | None = Field(examples=[3024])
    taken_at: str | None = Field(
        description="When it was taken; without an offset where the camera knew none, in UTC where the file states "
        "an instant and no place. Null where only the day is known, or nothing.",
        examples=["2026-08-02T18:41:07+09:00"],
    )
    taken_day: dt.date | None = Field(
        default=None,
        description="The day on which it was taken, on the clock of the place: the offset of the file itself, or of "
        "the same person's photos of that day, or else the capsule's zone. Null where nothing tells.",
        examples=["2026-08-02"],
    )
    has_gps: bool
    duration_seconds: float | None
    has_sound: bool
    missing: list[Missing] = Field(
        description="What cannot be shown or heard of it, although the original is kept whole; empty as a rule."
    )
    caption: str | None

    @classmethod
    def of(
        cls, found: stories.Medium, details: stories.MediumDetails, taken_local: dt.datetime | None
    ) -> Self:
        return cls(
            id=found.id,
            file=details.file,
            position=found.position,
            kind=found.kind,
            sha256=details.sha256,
            bytes=details.bytes,
            format=details.format,
            width=details.width or None,
            height=details.height or None,
            taken_at=details.taken.text if details.taken else None,
            taken_day=taken_local.date() if taken_local else None,
            has_gps=details.has_gps,
            duration_seconds=details.duration_seconds,
            has_sound=details.has_sound,
            missing=list(details.missing),
            caption=details.caption,
        )


class Author(Model):
    id: Id
    name: str = Field(examples=["Younghee"])

    @classmethod
    def of(cls, found: capsules.Member) -> Self:
        return cls(id=found.id, name=found.name)


class Story(Model):
    id: Id
    capsule: Id
    author: Author
    title: str = Field(examples=["The swing"])
    text: str = Field(examples=["We stayed until dark."])
    damage: Reason | None = Field(
        description="Why title and text cannot be read any more, which `text` says then; null as a rule."
    )
    created_at: Instant
    changed_at: Instant
    media: list[Medium]

    @classmethod
    def of(cls, view: StoryView) -> Self:
        found = view.story
        return cls(
            id=found.id,
            capsule=found.capsule_id,
            author=Author.of(view.author),
            title=view.words.title,
            text=english_sentence_of(view.damage) if view.damage else view.words.text,
            damage=Reason.of(view.damage) if view.damage else None,
            created_at=found.created_at,
            changed_at=found.changed_at,
            media=[Medium.of(one.medium, one.details, one.taken_local) for one in view.media],
        )
