"""Letters of the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.domain.reasons import reason_fields
from memorycapsule.schemas.model import Id, Instant, Model
from memorycapsule.words.error_sentences import english_sentence_of

if TYPE_CHECKING:
    from datetime import datetime

    from memorycapsule.domain.deliveries import Delivery
    from memorycapsule.errors import CapsuleError


def detail_fields(error: CapsuleError | None) -> dict[str, Any]:
    """
    Return what became of a letter as JSON has it: {"detail": English, "reason": word, "values": {name: value}}.

    All three are null for a letter that was not tried.
    """
    if error is None:
        return {"detail": None, "reason": None, "values": None}
    return {"detail": english_sentence_of(error), **reason_fields(error)}


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
    detail: str | None = Field(
        description="The last answer of the mail server, or what came instead, in English."
    )
    reason: str | None = Field(description="The same in one word.", examples=["mail_server_replied"])
    values: dict[str, Any] | None = Field(description="What fills the places of its sentence.")

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
            **detail_fields(found.detail.error if found.detail else None),
        )


class MailPause(Model):
    """Why no letter leaves at present."""

    until: Instant
    reason: str = Field(description="A sentence in English.")
    code: str = Field(description="The same in one word.", examples=["mail_login_refused"])
    values: dict[str, Any]

    @classmethod
    def of(cls, until: datetime, error: CapsuleError) -> Self:
        sentence, values = english_sentence_of(error), reason_fields(error)["values"]
        return cls(until=until, reason=sentence, code=error.reason, values=values)
