"""
Wakes: a hint that a row can be worked on. Losing one costs a heartbeat, never more.

Which request asked for the work is an event beside it, so whoever does the work, now or after a restart, can say it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Literal

from memorycapsule.domain.events import Event
from memorycapsule.journal import current_request
from memorycapsule.store import events as event_store
from memorycapsule.store.transactions import Store, Transaction

Work = Literal["letters", "films", "cleanup"]
Wake = Callable[[Transaction, Work, str], None]
_ASKED = "work.asked"


def no_wake(_tx: Transaction, _work: Work, _row_id: str) -> None:
    """Leave what was queued to the next heartbeat."""


def noting_requests(wake: Wake, now: Callable[[], datetime]) -> Wake:
    """Return `wake` so that the row's work can be traced to the request that is being answered, if any is."""

    def noted(tx: Transaction, work: Work, row_id: str) -> None:
        if (request := current_request()) is not None:
            facts = {"request": request}
            event_store.record(tx, Event(kind=_ASKED, at=now(), subject_id=row_id, facts=facts))
        wake(tx, work, row_id)

    return noted


def requests_of(store: Store, row_ids: Collection[str]) -> dict[str, str]:
    """Return the ids of the requests that last asked for work on these rows, by row; none for what none asked for."""
    with store.reading() as tx:
        facts = event_store.newest_facts(tx, _ASKED, row_ids)
    return {row_id: str(one["request"]) for row_id, one in facts.items()}
