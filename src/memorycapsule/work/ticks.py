"""
One pass over all that is due, for daemon, cron and demo alike.

What is due stands in the rows of the database alone; no state is kept between two passes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import timedelta

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.deliveries import Delivery
from memorycapsule.domain.film.montages import Montage
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import DiskFull, NotDue, Postponed
from memorycapsule.journal import journal, on_behalf_of
from memorycapsule.services import cleanup, instances, opening, reading, reminders, uploads
from memorycapsule.services.cluster import buckets
from memorycapsule.services.film import montages, shared_segments
from memorycapsule.services.mailing import deliveries, sending
from memorycapsule.services.mailing.deliveries import LettersWaiting, Sent
from memorycapsule.services.opening import FailedOpening, Openings
from memorycapsule.services.preservation import fixity, history, holds, trash
from memorycapsule.services.wakes import requests_of
from memorycapsule.work import films, notices, notifying, rehearsals
from memorycapsule.work.worker_context import WorkerContext

#: Letters in the mailbox folder hold live links; they are kept this long.
MAILBOX_AGE = timedelta(days=30)
#: A pass reads stored bytes for so long at most, so that it takes little from a disk that others need.
SCRUB_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class TickResult:
    """What one pass did."""

    opened: tuple[Capsule, ...]
    #: Capsules that are due and could not be opened.
    not_opened: tuple[FailedOpening, ...]
    #: Ids of montages that ended with a film.
    films: tuple[str, ...]
    #: Montages that were tried and have no film.
    unmade: tuple[Montage, ...]
    letters: Sent
    #: How many letters wait and why, if none leaves at present.
    waiting: LettersWaiting | None
    #: Why nothing may be opened now, if the clock cannot be trusted or the instance waits to be released.
    doubt: NotDue | None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What one pass would do; for a held instance, what the first one would do after its release."""

    opened: tuple[Capsule, ...]
    films: tuple[Montage, ...]
    letters: tuple[Delivery, ...]
    #: How many letters wait and why, if none leaves at present.
    waiting: LettersWaiting | None
    doubt: NotDue | None


def settle(context: WorkerContext) -> None:
    """
    Take up what an earlier run of the program left unfinished, and remove its leftovers.

    The right to do due work must be held. Where several nodes share it, nothing of those that are alive is touched.
    """
    now = context.now()
    history.follow(context.store, context.vault, now)
    if held := holds.hold_of(context.store):
        journal.warning("instance.held", reason=held.reason)
    deliveries.settle_abandoned(context.store, context.run.void_lease, now)
    montages.requeue_abandoned(context.store, context.run.void_lease, now)
    for capsule in instances.rederive_dates(context.store, now):
        journal.warning("capsule.rederived", capsule=capsule.id, opens_at=capsule.opens_at.isoformat())
    films.remove_leftovers(context)
    cleanup.sweep_cache(context.store, context.vault, is_alone=context.run.is_alone, now=now)


def tick(context: WorkerContext) -> TickResult:
    """
    Do everything that is due: open capsules, send letters, render films, send the letters that waited for a film;
    and tell whoever should know of what is wrong.

    The folder's lock must be held, and `settle` called once before.
    """
    openings, doubt = open_due(context)
    letters = send_letters(context)
    made = films.make_waiting(context)
    if made != films.MadeFilms():
        letters += send_letters(context)
    CleanUp(context=context).run()
    trim_cache(context)
    sweep_daily(context)
    scrub(context)
    rehearsals.rehearse_due(context)
    history.remember(context.store, context.vault)
    # Whatever is due and still sealed after such a pass did not open.
    if notices.tell(context, late=timedelta(0)):
        letters += send_letters(context)
    # Last, since a receiver may hang.
    for road in context.notifying.roads:
        notifying.notify(context, road)
    return TickResult(
        opened=openings.opened,
        not_opened=openings.failed,
        films=made.made,
        unmade=made.unmade,
        letters=letters,
        waiting=deliveries.letters_waiting(context.store, context.now()),
        doubt=doubt,
    )


def preview(context: WorkerContext) -> Preview:
    """Return what `tick` would begin with now, changing nothing."""
    now = context.now()
    verdict = instances.judge_clock(context.store, context.clock)
    until = verdict.opens_until
    return Preview(
        opened=tuple(opening.due(context.store, until)) if until else (),
        films=tuple(montages.renderable(context.store, now)),
        letters=tuple(deliveries.due(context.store, now)),
        waiting=deliveries.letters_waiting(context.store, now),
        doubt=verdict.doubt or holds.hold_of(context.store),
    )


def open_due(context: WorkerContext) -> tuple[Openings, NotDue | None]:
    """
    Open every capsule that is certainly due.

    Also return why the clock is in doubt, or else why the instance waits to be released, if it does.
    """
    context.reserve.make_room()
    verdict = instances.note_clock(context.store, context.clock)
    if verdict.doubt:
        journal.warning("clock.doubted", reason=verdict.doubt.reason)
    if verdict.opens_until is None:
        return Openings(), verdict.doubt
    now = verdict.opens_until
    history.follow(context.store, context.vault, now)
    if held := holds.hold_of(context.store):
        return Openings(), held
    openings = opening.open_due(context.store, context.wake, now)
    for capsule in openings.opened:
        late = (now - capsule.opens_at).total_seconds()
        journal.info("capsule.opened", capsule=capsule.id, late_seconds=round(late, 1))
    return openings, verdict.doubt


def open_now(context: WorkerContext, viewer: Viewer, reference: str) -> Capsule:
    """
    Open a capsule because a member asks for it.

    Raises NotFound, and NotDue before its date, in doubt of it, or while the instance waits to be released.
    """
    verdict, now = instances.judge_clock(context.store, context.clock), context.now()
    history.follow(context.store, context.vault, now)
    found = reading.standing(context.store, viewer, reference).capsule
    is_certain = verdict.opens_until is not None and found.is_due(verdict.opens_until)
    if verdict.doubt and found.is_due(now) and not is_certain:
        raise verdict.doubt
    return opening.open_now(context.store, context.wake, viewer, found.id, now=verdict.opens_until or now)


def release(context: WorkerContext, viewer: Viewer, *, with_letters: bool) -> bool:
    """Do what `holds.release` does. Raises NotDue while the clock is in doubt."""
    if doubt := clock_doubt(context):
        raise doubt
    return holds.release(
        context.store, context.vault, context.wake, viewer, with_letters=with_letters, now=context.now()
    )


def send_letters(context: WorkerContext) -> Sent:
    """Queue letters that have waited long enough for a film or for an answer, and send all that are due."""
    context.reserve.make_room()
    opening.queue_overdue_letters(context.store, context.wake, context.mailing.render_grace, context.now())
    is_clock_right = clock_doubt(context) is None
    if is_clock_right:
        reminders.remind_of_opening(context.store, context.wake, context.now())
    sent = sending.send_due(
        context.store,
        context.mailing.composer,
        context.mailing.connect,
        connections=context.mailing.connections,
        lease=context.run.lease,
        is_alone=context.run.is_alone,
        # By a wrong clock, the days after which a letter is given up would be over at once.
        give_up_days=context.mailing.give_up_days if is_clock_right else None,
        is_stopping=context.run.is_stopping,
        # What becomes of a letter must be written down after it has left.
        make_room=context.reserve.make_room,
        clock=context.now,
    )
    if sent != Sent():
        _tell_of_letters(context, sent)
        journal.info(
            "letters.tried",
            sent=len(sent.sent),
            retrying=len(sent.retrying),
            rejected=len(sent.rejected),
            unknown=len(sent.unknown),
        )
        if waiting := deliveries.letters_waiting(context.store, context.now()):
            journal.warning(
                "letters.paused",
                letters=waiting.count,
                until=waiting.until.isoformat(),
                reason=waiting.why.reason,
            )
    return sent


def _tell_of_letters(context: WorkerContext, sent: Sent) -> None:
    """Log what became of each letter that a request asked for; the others are counted."""
    became = {
        delivery_id: state.name
        for state in dataclasses.fields(sent)
        for delivery_id in getattr(sent, state.name)
    }
    for delivery_id, request in requests_of(context.store, became).items():
        with on_behalf_of(request):
            journal.info("letter.tried", delivery=delivery_id, state=became[delivery_id])


@dataclass(frozen=True, kw_only=True)
class CleanUp:
    """Unseals the stored bytes of opened capsules, and removes what is too old in the mailbox."""

    context: WorkerContext
    #: Ids of rows that could not be unsealed because they are damaged; the next run of the program tries them again.
    damaged: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Do all there is to do now. What cannot be unsealed for want of room or time waits for the next run."""
        context = self.context
        try:
            self._unseal()
        except (DiskFull, Postponed) as error:
            journal.warning("unsealing.postponed", reason=error.reason)
        if context.mailing.mailbox and not clock_doubt(context):
            context.mailing.mailbox.empty_older_than(context.now() - MAILBOX_AGE)

    def _unseal(self) -> None:
        context = self.context
        context.vault.refuse_absent()
        # The sealed bytes, which go then, may be all that a newer database knows.
        is_held = holds.hold_of(context.store) is not None
        while not (is_held or context.run.is_stopping()) and cleanup.unseal_opened(
            context.store, context.vault, self.damaged, now=context.now()
        ):
            pass


def trim_cache(context: WorkerContext) -> None:
    """
    Remove from this machine's cache what is too much for it or its disk.

    Each node does so: its cache is its own, or that of all programs on its machine.
    """
    context.vault.cache.trim(anew=not context.run.is_alone)


def sweep_daily(context: WorkerContext) -> None:
    """Sweep unless that was done within a day, by the daemon or by a tick."""
    if trash.is_due(context.store, now=context.now()):
        sweep(context)


def sweep(context: WorkerContext) -> None:
    """
    Remove what crashes and broken connections left. It reads the name of every blob.

    Whole files that the database does not know go into the trash, and those are noted that it knows and are missing.
    With a clock in doubt everything stays: what came yesterday would look years old to a clock that is ahead. Where the
    disk of the files is not mounted, none of them is missing.
    """
    buckets.forget_full(context.store)
    if clock_doubt(context) or holds.hold_of(context.store) or context.vault.absence():
        return
    now = context.now()
    uploads.expire(context.store, context.vault, now=now)
    shared_segments.expire(context.store, context.vault, now=now)
    cleanup.sweep_parts(context.vault, now=now)
    swept = trash.sweep(context.store, context.vault, now=now)
    if swept.moved.files:
        journal.warning("blobs.trashed", count=swept.moved.files, bytes=swept.moved.bytes)
    if swept.left.files and swept.why_left:
        journal.warning(
            "blobs.unknown",
            count=swept.left.files,
            bytes=swept.left.bytes,
            reason=swept.why_left.reason,
        )
    if swept.deleted.files:
        journal.info("trash.emptied", count=swept.deleted.files, bytes=swept.deleted.bytes)


def scrub(context: WorkerContext) -> None:
    """Read some of the stored bytes again, unless the clock is in doubt; all are read within thirty days."""
    if clock_doubt(context):
        return
    try:
        context.vault.refuse_absent()
        fixity.scrub(
            context.store,
            context.vault,
            most_seconds=SCRUB_SECONDS,
            is_stopping=context.run.is_stopping,
            clock=context.now,
        )
    except Postponed as error:
        journal.warning("scrub.postponed", reason=error.reason)


def clock_doubt(context: WorkerContext) -> NotDue | None:
    """Return why nothing that cannot be undone may be done now, or None when it may."""
    return instances.judge_clock(context.store, context.clock).doubt
