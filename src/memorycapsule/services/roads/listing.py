"""What waits and what left, for whoever keeps the machine to look at."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from memorycapsule.domain.deliveries import LONGEST_WAIT
from memorycapsule.domain.roads.notifications import Notification, Road, RoadState
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.waits import is_over
from memorycapsule.errors import NotAllowed
from memorycapsule.store.roads import notifications as notification_store
from memorycapsule.store.transactions import Store


def newest(store: Store, viewer: Viewer, count: int) -> list[Notification]:
    """Return the notifications that were queued last, the oldest of them first. Raises NotAllowed but for the admin."""
    if not viewer.is_admin:
        raise NotAllowed("only_admin_sees_notifications")
    with store.reading() as tx:
        return notification_store.newest(tx, count)


def paused(store: Store, roads: Collection[Road], now: datetime) -> list[RoadState]:
    """Return those of `roads` that rest now."""
    with store.reading() as tx:
        resting = notification_store.resting(tx, roads, least_pauses=1)
    return [
        one
        for one in resting
        if one.paused_until and not is_over(one.paused_until, now, longest=LONGEST_WAIT)
    ]
