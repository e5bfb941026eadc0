"""Looking for what is wrong, and telling those who should know."""

from __future__ import annotations

from memorycapsule.domain.notices import Notice
from memorycapsule.errors import NotDue
from memorycapsule.journal import journal
from memorycapsule.services.notices import finding, telling
from memorycapsule.services.notices.finding import Surroundings
from memorycapsule.work.worker_context import WorkerContext


def standing(context: WorkerContext, clock_doubt: NotDue | None) -> list[Notice]:
    """Return all that is wrong at this moment; `clock_doubt` is why the clock cannot be trusted."""
    surroundings = Surroundings(
        clock_doubt=clock_doubt,
        free_bytes=context.watching.free_bytes(),
        backup_days=context.watching.backup_days,
    )
    return finding.notices(context.store, surroundings, context.now())


def tell(context: WorkerContext, clock_doubt: NotDue | None) -> int:
    """Queue a letter to everybody who has to be told something new, and return how many."""
    queued = telling.tell(context.store, context.wake, standing(context, clock_doubt), context.now())
    if queued:
        journal.info("notices.told", letters=queued)
    return queued
