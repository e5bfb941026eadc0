"""Letters of the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.schemas.model import Id, Instant, Model

if TYPE_CHECKING:
    from memorycapsule.domain.deliveries import Delivery


class Letter(Model):
    """A letter of the outbox; never what it says."""

    id: Id
    kind: LetterKind
    to: str
    state: DeliveryState
    attempt: int
    capsule: Id | None
    queued_at: Instant
    next_attempt_at: Instant | None = Field(description="When it is tried next; null once it is finished.")
    finished_at: Instant | None
    detail: str | None = Field(description="The last answer of the mail server.")

    @classmethod
    def of(cls, found: Delivery) -> Self:
        return cls(
            id=found.id,
            kind=found.kind,
            to=found.address,
            state=found.state,
            attempt=found.attempt,
            capsule=found.capsule_id,
            queued_at=found.queued_at,
            next_attempt_at=found.next_attempt_at if found.finished_at is None else None,
            finished_at=found.finished_at,
            detail=found.detail,
        )


class MailPause(Model):
    """Why no letter leaves at present."""

    until: Instant
    reason: str | None
