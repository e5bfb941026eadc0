"""Members of a capsule, and how much each has put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.capsules import Role
from memorycapsule.schemas.model import Id, Instant, Model

if TYPE_CHECKING:
    from memorycapsule.domain import capsules


class Member(Model):
    id: Id
    name: str = Field(examples=["Younghee"])
    role: Role
    joined_at: Instant
    left_at: Instant | None = Field(description="When they left; their stories stay.")

    @classmethod
    def of(cls, found: capsules.Member) -> Self:
        return cls(
            id=found.id, name=found.name, role=found.role, joined_at=found.joined_at, left_at=found.left_at
        )


class MemberLine(Member):
    stories: int = Field(examples=[2])
    photos: int = Field(examples=[31])
    clips: int = Field(examples=[1])
    voices: int = Field(description="Voice notes.", examples=[0])

    @classmethod
    def of_contribution(cls, found: capsules.Contribution) -> Self:
        return cls(
            **dict(Member.of(found.member)),
            stories=found.stories,
            photos=found.photos,
            clips=found.clips,
            voices=found.voices,
        )


class Contribution(Model):
    """How much a member has put in; before the date nobody learns what."""

    member: Id
    name: str = Field(examples=["Younghee"])
    stories: int = Field(examples=[2])
    photos: int = Field(examples=[31])
    clips: int = Field(examples=[1])
    voices: int = Field(description="Voice notes.", examples=[0])

    @classmethod
    def of(cls, found: capsules.Contribution) -> Self:
        return cls(
            member=found.member.id,
            name=found.member.name,
            stories=found.stories,
            photos=found.photos,
            clips=found.clips,
            voices=found.voices,
        )
