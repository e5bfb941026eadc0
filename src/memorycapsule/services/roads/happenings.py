"""What happened and what is wrong becomes rows that wait for a road, once each."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from memorycapsule.domain.events import Event
from memorycapsule.domain.notices import Notice, NoticeKind
from memorycapsule.domain.roads.notifications import (
    OUTDATED_AFTER,
    SOON,
    Notification,
    NotificationKind,
    NotificationState,
    Road,
    news_for_road,
    over_on_road,
)
from memorycapsule.domain.waits import is_recent
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.roads import notifications as notification_store
from memorycapsule.store.transactions import Store, Transaction

#: What is told of, by the kinds of events.
_TOLD = {
    "member.joined": NotificationKind.JOINED,
    "story.added": NotificationKind.STORIES,
    "capsule.opened": NotificationKind.OPENED,
}


def queue_new(store: Store, road: Road, gather: timedelta, *, is_clock_right: bool, now: datetime) -> int:
    """
    Queue what has happened since a road was last asked, and return how many things that were.

    A story waits for `gather` until others have come, to be told with it. With a clock in doubt nothing is said to be
    near, and nothing to be too old. An instance that is held queues nothing.
    """
    with store.reading() as tx:
        if instance_store.get(tx).hold or not _is_anything_new(
            tx, road, is_clock_right=is_clock_right, now=now
        ):
            return 0
    with store.transaction() as tx:
        state = notification_store.state_of(tx, road)
        newest = notification_store.newest_event(tx)
        found = [
            _of_event(road, number, event, gather, now)
            for number, event in notification_store.unread_events(tx, state, _TOLD)
            if not is_clock_right or is_recent(event.at, now, within=OUTDATED_AFTER)
        ]
        if is_clock_right:
            found += _opening_soon(tx, road, now)
        queued = _add_new(tx, road, found)
        notification_store.change_road(tx, road, read_until=newest)
    return queued


def tell(store: Store, road: Road, notices: Sequence[Notice], now: datetime) -> int:
    """
    Queue what a road has to tell of what is wrong, and return how many notices that are.

    It tells each notice by itself when that is news, and not that roads fail while it rests itself. An instance that
    is held tells nobody before it is released.
    """
    with store.reading() as tx:
        instance = instance_store.get(tx)
        if instance.hold:
            return 0
        told = notification_store.standing(tx, road)
        is_sending = not instance.why_letters_wait(now) and delivery_store.is_any_due(tx, now)
        news = news_for_road(notices, told, is_sending=is_sending, now=now)
        over = over_on_road(told, notices, now)
    if not news and not over:
        return 0
    with store.transaction() as tx:
        state = notification_store.state_of(tx, road)
        if state.pauses:
            news = [notice for notice in news if notice.kind is not NoticeKind.ROADS]
        again = [one for one in told if any(one.is_of(notice) for notice in news)]
        notification_store.change(tx, [*over, *again], is_standing=False)
        return _add_new(tx, road, [_of_notice(road, notice, now) for notice in news])


def _is_anything_new(tx: Transaction, road: Road, *, is_clock_right: bool, now: datetime) -> bool:
    """Return whether there may be something to queue: most passes find nothing, and write nothing."""
    state = notification_store.roads.find(tx, road)
    if state is None or state.read_until != notification_store.newest_event(tx):
        return True
    soon = {one.dedupe_key for one in _opening_soon(tx, road, now)} if is_clock_right else set()
    return bool(soon) and not soon <= _known(tx, road, soon_at=now)


def _known(tx: Transaction, road: Road, *, soon_at: datetime) -> set[str]:
    """Return the keys of what a road knows of events since `soon_at`, and of dates that were near then."""
    return notification_store.keys_since(tx, road, soon_at - SOON)


def _opening_soon(tx: Transaction, road: Road, now: datetime) -> list[Notification]:
    return [
        _queued(
            road,
            NotificationKind.OPENING_SOON,
            # Another date is another thing to be told.
            f"soon:{capsule.id}:{int(capsule.opens_at.timestamp())}:{road}",
            capsule_id=capsule.id,
            happened_at=now,
            now=now,
        )
        for capsule in notification_store.opening_between(tx, now, now + SOON)
    ]


def _of_event(road: Road, number: int, event: Event, gather: timedelta, now: datetime) -> Notification:
    kind = _TOLD[event.kind]
    return _queued(
        road,
        kind,
        f"event:{number}:{road}",
        capsule_id=event.capsule_id,
        happened_at=event.at,
        now=now,
        wait=gather if kind is NotificationKind.STORIES else timedelta(0),
    )


def _of_notice(road: Road, notice: Notice, now: datetime) -> Notification:
    return _queued(
        road,
        NotificationKind.NOTICE,
        f"notice:{uuid.uuid4()}:{road}",
        notice=notice,
        capsule_id=notice.capsule_id,
        happened_at=now,
        now=now,
    )


def _queued(
    road: Road,
    kind: NotificationKind,
    dedupe_key: str,
    *,
    capsule_id: str | None,
    happened_at: datetime,
    now: datetime,
    notice: Notice | None = None,
    wait: timedelta = timedelta(0),
) -> Notification:
    return Notification(
        id=str(uuid.uuid4()),
        road=road,
        kind=kind,
        notice=notice.kind if notice else None,
        capsule_id=capsule_id,
        dedupe_key=dedupe_key,
        count=notice.count if notice else 1,
        state=NotificationState.QUEUED,
        tries=0,
        message_id=None,
        happened_at=happened_at,
        # It may have happened while nobody looked, or by a clock that was ahead.
        next_attempt_at=min(happened_at, now) + wait,
        queued_at=now,
        finished_at=None,
        detail=None,
        is_standing=notice is not None,
    )


def _add_new(tx: Transaction, road: Road, found: Collection[Notification]) -> int:
    """Add what is not there yet, and is of a capsule that still is."""
    if not found:
        return 0
    known = _known(tx, road, soon_at=min(one.happened_at for one in found))
    there: dict[str | None, bool] = {None: True}
    added = 0
    for one in found:
        if one.capsule_id not in there:
            there[one.capsule_id] = capsule_store.capsules.find(tx, str(one.capsule_id)) is not None
        if there[one.capsule_id] and one.dedupe_key not in known:
            notification_store.notifications.add(tx, one)
            added += 1
    return added
