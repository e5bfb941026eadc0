"""Wishes for an earlier date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.date_requests import DateRequestState
from memorycapsule.schemas.model import Id, Instant, Model

if TYPE_CHECKING:
    from memorycapsule.domain.date_requests import EarlierDateRequest
    from memorycapsule.services.rescheduling import DateRequestView


class AskedWish(Model):
    """A wish without what has been answered to it."""

    id: Id
    state: DateRequestState
    opens_at: Instant
    opens_local: str = Field(examples=["2034-05-08T09:00:00"])
    zone: str = Field(examples=["Asia/Seoul"])
    asked_at: Instant
    ended_at: Instant | None

    @classmethod
    def of(cls, found: EarlierDateRequest) -> Self:
        return cls(
            id=found.id,
            state=found.state,
            opens_at=found.opens_at,
            opens_local=found.opens_local.isoformat(),
            zone=found.zone,
            asked_at=found.created_at,
            ended_at=found.ended_at,
        )


class Wish(AskedWish):
    """Its owner would like to open a capsule earlier; everybody concerned has to say yes, and silence is no."""

    asked_by: Id
    answer: bool | None = Field(description="What the caller said.")
    concerned: int = Field(description="How many have to say yes.", examples=[4])
    said_yes: int = Field(description="How many have said yes.", examples=[3])

    @classmethod
    def of_view(cls, view: DateRequestView) -> Self:
        return cls(
            **dict(AskedWish.of(view.request)),
            asked_by=view.asker.id,
            answer=view.is_given,
            concerned=len(view.answers),
            said_yes=sum(1 for one in view.answers if one.is_given),
        )
