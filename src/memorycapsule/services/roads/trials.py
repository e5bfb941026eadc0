"""Trials: a test message shows whether a road leads anywhere."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from memorycapsule.domain.roads.notifications import Notification, NotificationKind, NotificationState, Road
from memorycapsule.errors import CapsuleError, ConfigurationProblem
from memorycapsule.services.roads.composing import Teller, compose
from memorycapsule.services.roads.sending import Post, end_pause
from memorycapsule.store.transactions import Store


def send_tests(
    store: Store, roads: Sequence[Road], post: Post, teller: Teller, *, now: datetime
) -> Mapping[Road, CapsuleError | None]:
    """
    Send a test message by each road now, past what waits, and return why it failed, None where it was taken.

    A road that takes it rests no longer. Raises ConfigurationProblem when no road is set.
    """
    if not roads:
        raise ConfigurationProblem("no_roads")
    problems: dict[Road, CapsuleError | None] = {}
    for road in roads:
        with store.reading() as tx:
            message = compose(tx, teller, [_test(road, now)])
        problems[road] = post(road, message).problem
        if problems[road] is None:
            end_pause(store, road)
    return problems


def _test(road: Road, now: datetime) -> Notification:
    return Notification(
        id=str(uuid.uuid4()),
        road=road,
        kind=NotificationKind.TEST,
        notice=None,
        capsule_id=None,
        dedupe_key="",
        count=1,
        state=NotificationState.QUEUED,
        tries=0,
        message_id=None,
        happened_at=now,
        next_attempt_at=now,
        queued_at=now,
        finished_at=None,
        detail=None,
    )
