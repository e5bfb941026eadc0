"""Telling whoever keeps the machine by one road: what has happened is queued, and what is due leaves."""

from __future__ import annotations

from memorycapsule.domain.roads.notifications import Road
from memorycapsule.services import instances
from memorycapsule.services.roads import happenings, sending
from memorycapsule.work.worker_context import WorkerContext


def notify(context: WorkerContext, road: Road) -> int:
    """
    Queue what has happened and send what is due by one road; return how many messages it took.

    A receiver that hangs keeps this waiting for some seconds, and then rests: whoever calls it has nothing more urgent
    to do afterwards.
    """
    notifying = context.notifying
    is_clock_right = instances.judge_clock(context.store, context.clock).doubt is None
    happenings.queue_new(
        context.store, road, notifying.gather, is_clock_right=is_clock_right, now=context.now()
    )
    return sending.send_due(
        context.store,
        road,
        notifying.post,
        notifying.teller,
        is_clock_right=is_clock_right,
        is_stopping=context.run.is_stopping,
        clock=context.now,
    )
