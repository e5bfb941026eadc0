"""A capsule with all that its viewer may see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.capsules import Role
from memorycapsule.schemas.capsule_lines import DatedCapsule
from memorycapsule.schemas.invitations import Invitation
from memorycapsule.schemas.members import Contribution, Member
from memorycapsule.schemas.model import Instant
from memorycapsule.schemas.montages import Montage
from memorycapsule.schemas.stories import Story

if TYPE_CHECKING:
    from memorycapsule.services.reading import CapsuleView


class Capsule(DatedCapsule):
    slug: str = Field(examples=["the-summer-we-kept"])
    title: str = Field(examples=["The summer we kept"])
    message: str | None
    theme: str = Field(examples=["museum"])
    film_photos: int = Field(examples=[60])
    music: str | None = Field(
        description="The theme whose own music is heard instead of its own; a song of people's own goes before it.",
        examples=["museum"],
    )
    film_language: str | None = Field(
        description="The language of what the film says itself, if not that of whoever made the capsule.",
        examples=["ko"],
    )
    has_soundtrack: bool
    has_cover: bool
    role: Role
    created_at: Instant
    opened_at: Instant | None
    members: list[Member]
    contributions: list[Contribution]
    stories: list[Story] = Field(description="Before the date the caller's own, afterwards all.")
    invitations: list[Invitation] = Field(description="For the owner; empty for everybody else.")
    montages: list[Montage] = Field(description="Empty before the date.")

    @classmethod
    def of_view(cls, view: CapsuleView) -> Self:
        found = view.capsule
        return cls(
            **dict(DatedCapsule.of(found)),
            slug=found.slug,
            title=found.title,
            message=found.message,
            theme=found.theme,
            film_photos=found.film_photos,
            music=found.music,
            film_language=found.film_language,
            has_soundtrack=found.soundtrack_blob is not None,
            has_cover=found.cover_blob is not None,
            role=view.member.role,
            created_at=found.created_at,
            opened_at=found.opened_at,
            members=[Member.of(one.member) for one in view.contributions],
            contributions=[Contribution.of(one) for one in view.contributions],
            stories=[Story.of(one) for one in view.stories],
            invitations=[Invitation.of(one) for one in view.invitations],
            montages=[Montage.of(one) for one in view.montages],
        )
