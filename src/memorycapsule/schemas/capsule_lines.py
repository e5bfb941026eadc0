"""Capsules from outside: in lists, and as they open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.capsules import CapsuleState, Role
from memorycapsule.schemas.model import Id, Instant, Model

if TYPE_CHECKING:
    from memorycapsule.domain import capsules
    from memorycapsule.services import reading


class DatedCapsule(Model):
    """What every model of a capsule begins with."""

    id: Id
    state: CapsuleState
    opens_at: Instant
    opens_local: str = Field(
        description="The wall time that people meant, in `zone`.", examples=["2036-05-08T09:00:00"]
    )
    zone: str = Field(examples=["Asia/Seoul"])

    @classmethod
    def of(cls, found: capsules.Capsule) -> Self:
        return cls(
            id=found.id,
            state=found.state,
            opens_at=found.opens_at,
            opens_local=found.opens_local.isoformat(),
            zone=found.zone,
        )


class CapsuleLine(DatedCapsule):
    slug: str | None = Field(
        description="The short name; each person's own, addresses may hold it instead of the id.",
        examples=["the-summer-we-kept"],
    )
    title: str | None = Field(examples=["The summer we kept"])
    theme: str | None = Field(examples=["museum"])
    role: Role | None
    members: int | None
    bytes: int | None = Field(description="Only the command line of the machine itself learns it; null here.")

    @classmethod
    def of_line(cls, line: reading.CapsuleLine) -> Self:
        """Return one capsule of a list: of one that the admin is not in, its id, state, date and bytes."""
        found, is_own = line.capsule, line.member is not None
        return cls(
            **dict(DatedCapsule.of(found)),
            slug=found.slug if is_own else None,
            title=found.title if is_own else None,
            theme=found.theme if is_own else None,
            role=line.member.role if line.member else None,
            members=line.members if is_own else None,
            bytes=line.bytes,
        )


class OpenedCapsule(DatedCapsule):
    """A capsule that has just been opened, or would be; without its words for an admin who is not in it."""

    slug: str | None
    title: str | None
    opened_at: Instant | None

    @classmethod
    def of_opened(cls, found: capsules.Capsule) -> Self:
        return cls(
            **dict(DatedCapsule.of(found)),
            slug=found.slug or None,
            title=found.title or None,
            opened_at=found.opened_at,
        )
