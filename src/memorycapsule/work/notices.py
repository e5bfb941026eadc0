"""Looking for what is wrong, and telling those who should know."""

from __future__ import annotations

from datetime import timedelta

from memorycapsule.domain.notices import Notice
from memorycapsule.journal import journal
from memorycapsule.services import instances
from memorycapsule.services.notices import finding, mail_trial, telling
from memorycapsule.services.notices.finding import Surroundings
from memorycapsule.services.preservation import trash
from memorycapsule.services.roads import happenings
from memorycapsule.work.worker_context import WorkerContext


def standing(context: WorkerContext, *, late: timedelta = finding.LATE) -> list[Notice]:
    """Return all that is wrong at this moment; `late` is how long a capsule may take to open."""
    return finding.notices(context.store, surroundings(context), late=late, now=context.now())


def surroundings(context: WorkerContext) -> Surroundings:
    """Look at the machine."""
    in_trash = trash.contents(context.vault)
    return Surroundings(
        clock_doubt=instances.judge_clock(context.store, context.clock).doubt,
        absence=context.vault.absence(),
        free_bytes=context.watching.free_bytes(),
        backup_days=context.watching.backup_days,
        trash_files=in_trash.files,
        trash_bytes=in_trash.bytes,
        has_mail_server=context.mailing.mailbox is None,
        roads=context.notifying.roads,
    )


def tell(context: WorkerContext, *, late: timedelta = finding.LATE) -> int:
    """
    Look for what is wrong, and queue a letter to everybody who has to be told something new; return how many.

    Roads besides mail are told the same. The login at the mail server is tried first where it is time to.
    """
    if context.watching.log_in and (
        problem := mail_trial.try_login(context.store, context.watching.log_in, context.now())
    ):
        journal.warning("mail.login_failed", reason=problem.reason)
    found = standing(context, late=late)
    # First, since a letter that is queued now would look as if others were being sent.
    for road in context.notifying.roads:
        happenings.tell(context.store, road, found, context.now())
    queued = telling.tell(context.store, context.wake, found, context.now())
    if queued:
        journal.info("notices.told", letters=queued)
    return queued
