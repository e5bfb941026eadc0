"""
Sending: what waits for a road leaves by it, until something fails; then the road rests, longer each time.

A try is written down before the first byte leaves, so that whatever cuts it off was a try. A receiver may get a message
twice, and knows it by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from memorycapsule.domain.deliveries import LONGEST_WAIT, wait_after
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.domain.roads.notifications import (
    OUTDATED_AFTER,
    Notification,
    NotificationState,
    Road,
    RoadState,
)
from memorycapsule.domain.waits import is_over, is_recent
from memorycapsule.errors import CapsuleError
from memorycapsule.journal import journal
from memorycapsule.notify.messages import Message
from memorycapsule.notify.outcomes import PostOutcome
from memorycapsule.services.roads.composing import Teller, compose
from memorycapsule.store import instances as instance_store
from memorycapsule.store.roads import notifications as notification_store
from memorycapsule.store.transactions import Store, Transaction

#: Posts a message by a road.
Post = Callable[[Road, Message], PostOutcome]


@dataclass(frozen=True, kw_only=True)
class _Leaving:
    """What leaves as one message."""

    batch: tuple[Notification, ...]
    message: Message


def send_due(
    store: Store,
    road: Road,
    post: Post,
    teller: Teller,
    *,
    is_clock_right: bool,
    is_stopping: Callable[[], bool] = lambda: False,
    clock: Callable[[], datetime],
) -> int:
    """
    Send what is due by one road, and return how many messages it took.

    What did not leave for days is dropped, unless the clock is in doubt. Nothing is sent while the instance is held.
    """
    taken = 0
    while not is_stopping() and (
        leaving := _next(store, road, teller, is_clock_right=is_clock_right, now=clock())
    ):
        outcome = post(road, leaving.message)
        _settle(store, road, leaving.batch, outcome, clock())
        if not outcome.is_taken:
            break
        taken += 1
    if taken:
        journal.info("notifications.sent", road=road, count=taken)
    return taken


def end_pause(store: Store, road: Road) -> None:
    """Let notifications leave again, since the receiver has just taken one."""
    with store.transaction() as tx:
        notification_store.state_of(tx, road)
        notification_store.change_road(tx, road, **_NO_PAUSE)


_NO_PAUSE = {"paused_until": None, "pauses": 0, "pause_reason": None}


def _next(
    store: Store, road: Road, teller: Teller, *, is_clock_right: bool, now: datetime
) -> _Leaving | None:
    """Claim what leaves next; None where nothing is due, or the road rests."""
    with store.reading() as tx:
        if instance_store.get(tx).hold or notification_store.first_due(tx, road, now) is None:
            return None
    with store.transaction() as tx:
        # Of several programs, one chooses at a time.
        state = notification_store.state_of(tx, road)
        if _is_resting(state, now):
            return None
        while first := notification_store.first_due(tx, road, now):
            if not is_clock_right or is_recent(first.queued_at, now, within=OUTDATED_AFTER):
                return _claim(tx, teller, first, now)
            _drop(tx, first, now)
    return None


def _is_resting(state: RoadState, now: datetime) -> bool:
    return state.paused_until is not None and not is_over(state.paused_until, now, longest=LONGEST_WAIT)


def _claim(tx: Transaction, teller: Teller, first: Notification, now: datetime) -> _Leaving:
    message_id = first.message_id or first.id
    tries = first.tries + 1
    # Should this try be cut off, it counts, and the next one comes by itself.
    notification_store.change_together(
        tx, first, tries=tries, message_id=message_id, next_attempt_at=now + wait_after(tries)
    )
    claimed = notification_store.leaving_with(tx, replace(first, message_id=message_id))
    return _Leaving(batch=tuple(claimed), message=compose(tx, teller, claimed))


def _drop(tx: Transaction, outdated: Notification, now: datetime) -> None:
    detail = outdated.detail or kept_reason(CapsuleError("road_outdated"))
    fields = {"state": NotificationState.DROPPED, "finished_at": now, "detail": detail}
    notification_store.change(tx, [outdated], **fields)
    journal.warning("notification.dropped", road=outdated.road, reason=detail.reason)


def _settle(
    store: Store, road: Road, batch: Sequence[Notification], outcome: PostOutcome, now: datetime
) -> None:
    """Write down what became of a try, and let the road rest where it failed."""
    with store.transaction() as tx:
        state = notification_store.state_of(tx, road)
        if outcome.problem is None:
            fields = {"state": NotificationState.SENT, "finished_at": now, "detail": None}
            notification_store.change_together(tx, batch[0], **fields)
            notification_store.change_road(tx, road, **_NO_PAUSE)
            return
        why = kept_reason(outcome.problem)
        pauses = state.pauses + 1
        # A receiver may name any number, also one that no instant is so far away as.
        asked = timedelta(seconds=min(outcome.wait_seconds, LONGEST_WAIT.total_seconds()))
        until = now + min(max(wait_after(pauses), asked), LONGEST_WAIT)
        notification_store.change_together(tx, batch[0], detail=why)
        notification_store.change_road(tx, road, pauses=pauses, paused_until=until, pause_reason=why)
    journal.warning(
        "notification.failed", road=road, reason=why.reason, status=outcome.problem.values.get("status")
    )
