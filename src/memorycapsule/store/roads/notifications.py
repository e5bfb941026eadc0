"""Notifications: what waits to leave by each road, and how the roads fare."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from memorycapsule.domain.capsules import Capsule, CapsuleState
from memorycapsule.domain.deliveries import LONGEST_WAIT
from memorycapsule.domain.events import Event
from memorycapsule.domain.roads.notifications import (
    Notification,
    NotificationState,
    Road,
    RoadState,
)
from memorycapsule.store import events as event_store
from memorycapsule.store import waits
from memorycapsule.store.capsules import capsules
from memorycapsule.store.rows import CapsuleRow, NotificationRow, RoadRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

notifications = Table(Notification, NotificationRow)
roads = Table(RoadState, RoadRow, key="road")

#: On Postgres transactions commit in another order than their events are numbered. So many are looked at once more.
_MARGIN = 1000


def state_of(tx: Transaction, road: Road) -> RoadState:
    """
    Return how a road fares, and keep others from changing that while this transaction writes.

    One that was never used begins with what happens from now on.
    """
    newest = newest_event(tx)
    roads.add_once(tx, RoadState(road=road, began_after=newest, read_until=newest))
    return roads.get(tx, road, lock=True)


def newest_event(tx: Transaction) -> int:
    """Return the number of the newest event; 0 while there is none."""
    found = event_store.newest(tx)
    return found[0] if found else 0


def unread_events(tx: Transaction, state: RoadState, kinds: Collection[str]) -> list[tuple[int, Event]]:
    """Return the events of these kinds that a road may not have told of yet, with their numbers."""
    return event_store.of_kinds_since(tx, max(state.began_after, state.read_until - _MARGIN), kinds)


def change_road(tx: Transaction, road: Road, **fields: Any) -> None:
    """Change how a road fares."""
    roads.change(tx, col(RoadRow.road) == road, **fields)


def resting(tx: Transaction, among: Collection[Road], *, least_pauses: int) -> list[RoadState]:
    """Return the roads that have had so many pauses since something went through, of those `among`."""
    return [one for one in roads.by(tx, "road") if one.road in among and one.pauses >= least_pauses]


def keys_since(tx: Transaction, road: Road, since: datetime) -> set[str]:
    """Return the dedupe keys of what a road tells, or has told, of what happened at `since` or later."""
    statement = select(NotificationRow.dedupe_key).where(
        col(NotificationRow.road) == road, col(NotificationRow.happened_at) >= since
    )
    return set(tx.session.exec(statement))


def opening_between(tx: Transaction, after: datetime, until: datetime) -> list[Capsule]:
    """Return the sealed capsules that open after `after` and until `until`, the next first."""
    statement = capsules.rows().where(
        col(CapsuleRow.state) == CapsuleState.SEALED,
        col(CapsuleRow.opens_at) > after,
        col(CapsuleRow.opens_at) <= until,
    )
    return capsules.all(tx, statement.order_by(col(CapsuleRow.opens_at)))


def standing(tx: Transaction, road: Road) -> list[Notification]:
    """Return the notifications of notices that have not ended as far as is known."""
    statement = notifications.rows().where(
        col(NotificationRow.road) == road, col(NotificationRow.is_standing)
    )
    return notifications.all(tx, statement)


def change(tx: Transaction, some: Iterable[Notification], **fields: Any) -> None:
    """Change these notifications."""
    notifications.change(tx, col(NotificationRow.id).in_([one.id for one in some]), **fields)


def first_due(tx: Transaction, road: Road, now: datetime) -> Notification | None:
    """Return what is the next to leave by a road now: what was tried least, then what has waited longest."""
    statement = (
        _queued(road)
        .where(waits.is_over(col(NotificationRow.next_attempt_at), now, longest=LONGEST_WAIT))
        .order_by(col(NotificationRow.tries), col(NotificationRow.next_attempt_at), col(NotificationRow.id))
        .limit(1)
    )
    found = notifications.all(tx, statement)
    return found[0] if found else None


def leaving_with(tx: Transaction, first: Notification) -> list[Notification]:
    """Return what makes one message with a notification: what left with it before, or all that waits with it."""
    statement = notifications.rows().where(*_together(first))
    return notifications.all(
        tx, statement.order_by(col(NotificationRow.happened_at), col(NotificationRow.id))
    )


def change_together(tx: Transaction, first: Notification, **fields: Any) -> None:
    """Change what makes one message with a notification."""
    notifications.change(tx, *_together(first), **fields)


def newest(tx: Transaction, count: int) -> list[Notification]:
    """Return the notifications that were queued last, at most `count`, the oldest of them first."""
    statement = notifications.rows().order_by(
        col(NotificationRow.queued_at).desc(), col(NotificationRow.id).desc()
    )
    return notifications.all(tx, statement.limit(count))[::-1]


def _queued(road: Road) -> Any:
    return notifications.rows().where(*_is_queued(road))


def _is_queued(road: Road) -> list[Any]:
    return [col(NotificationRow.road) == road, col(NotificationRow.state) == NotificationState.QUEUED]


def _together(first: Notification) -> list[Any]:
    """Return the conditions of what makes one message with a notification; however many these are."""
    conditions = _is_queued(first.road)
    if first.message_id is not None:
        return [*conditions, col(NotificationRow.message_id) == first.message_id]
    if not (first.kind.is_counted or first.kind.is_gathered):
        return [*conditions, col(NotificationRow.id) == first.id]
    conditions += [col(NotificationRow.kind) == first.kind, col(NotificationRow.message_id).is_(None)]
    if first.kind.is_counted:
        conditions.append(col(NotificationRow.capsule_id) == first.capsule_id)
    return conditions
