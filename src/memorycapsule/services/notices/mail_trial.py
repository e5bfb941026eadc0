"""The login at the mail server, tried in time, so that a wrong password is known before letters have to leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from memorycapsule.domain.notices import TRIALS_BEFORE_OPENING, is_trial_due
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.errors import CapsuleError
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store


def try_login(store: Store, log_in: Callable[[], None], now: datetime) -> CapsuleError | None:
    """
    Log in at the mail server if it is time to, keep what came of it, and return why it failed.

    `log_in` raises CapsuleError when it fails. An instance that is held asks nothing.
    """
    with store.reading() as tx:
        instance = instance_store.get(tx)
        openings = capsule_store.next_openings(tx, now, now + max(TRIALS_BEFORE_OPENING))
    has_failed = instance.mail_problem is not None
    if instance.hold or not is_trial_due(instance.mail_tried_at, openings, has_failed=has_failed, now=now):
        return None
    problem = None
    try:
        log_in()
    except CapsuleError as error:
        problem = error
    with store.transaction() as tx:
        instance_store.change(tx, mail_tried_at=now, mail_problem=kept_reason(problem) if problem else None)
    return problem
