"""Notifications by roads besides mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from memorycapsule.domain.roads.notifications import NotificationState, Road
from memorycapsule.schemas.model import Id, Instant, Model
from memorycapsule.schemas.outbox import detail_fields

if TYPE_CHECKING:
    from memorycapsule.domain.roads import notifications as roads
    from memorycapsule.errors import CapsuleError


class Notification(Model):
    """A notification; never what it says."""

    id: Id
    road: Road
    type: str = Field(description="What happened.", examples=["capsule.opened", "notice.disk"])
    state: NotificationState
    tries: int
    capsule: Id | None
    message: Id | None = Field(description="What its receiver knows it by; null before the first try.")
    happened_at: Instant
    next_attempt_at: Instant | None = Field(description="When it is tried next; null once it is finished.")
    finished_at: Instant | None
    detail: str | None = Field(description="Why the last try failed, in English.")
    reason: str | None = Field(description="The same in one word.", examples=["road_answered"])
    values: dict[str, Any] | None = Field(description="What fills the places of its sentence.")

    @classmethod
    def of(cls, found: roads.Notification) -> Self:
        return cls(
            id=found.id,
            road=found.road,
            type=found.type,
            state=found.state,
            tries=found.tries,
            capsule=found.capsule_id,
            message=found.message_id,
            happened_at=found.happened_at,
            next_attempt_at=found.next_attempt_at if found.finished_at is None else None,
            finished_at=found.finished_at,
            **detail_fields(found.detail.error if found.detail else None),
        )


class RoadPause(Model):
    """Why nothing leaves by a road at present."""

    road: Road
    until: Instant | None
    detail: str | None = Field(description="A sentence in English.")
    reason: str | None = Field(description="The same in one word.", examples=["road_timed_out"])
    values: dict[str, Any] | None

    @classmethod
    def of(cls, state: roads.RoadState) -> Self:
        why = state.pause_reason.error if state.pause_reason else None
        return cls(road=state.road, until=state.paused_until, **detail_fields(why))


class TriedRoad(Model):
    """How a test message fared."""

    road: Road
    is_taken: bool
    detail: str | None = Field(description="Why it was not taken, in English.")
    reason: str | None = Field(description="The same in one word.", examples=["road_unreachable"])
    values: dict[str, Any] | None

    @classmethod
    def of(cls, road: Road, problem: CapsuleError | None) -> Self:
        return cls(road=road, is_taken=problem is None, **detail_fields(problem))
