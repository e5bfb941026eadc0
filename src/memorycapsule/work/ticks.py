"""One pass over all that is due, for daemon, cron and demo alike: rows hold all truth, and this looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.deliveries import Delivery
from memorycapsule.domain.film.montages import Montage
from memorycapsule.journal import journal
from memorycapsule.services import cleanup, deliveries, instances, opening, uploads
from memorycapsule.services.deliveries import Sent
from memorycapsule.services.film import montages
from memorycapsule.store import instances as instance_store
from memorycapsule.work import films, tmpfs
from memorycapsule.work.worker_context import WorkerContext

#: Letters in the mailbox folder hold live links; they are kept this long.
MAILBOX_AGE = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Ticked:
    """What one pass did."""

    opened: tuple[Capsule, ...]
    #: Ids of montages that ended with a film.
    films: tuple[str, ...]
    letters: Sent
    #: Why nothing may be opened now, if the clock cannot be trusted.
    doubt: str | None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What one pass would do."""

    opened: tuple[Capsule, ...]
    films: tuple[Montage, ...]
    letters: tuple[Delivery, ...]
    doubt: str | None


def settle(workshop: WorkerContext) -> None:
    """Take up what an earlier run of the program left behind. The folder's lock must be held."""
    now = workshop.now()
    deliveries.take_up_abandoned(workshop.store, workshop.lease, now)
    montages.take_up_abandoned(workshop.store, workshop.lease, now)
    for capsule in instances.follow_zone_rules(workshop.store, now):
        journal.warning("capsule.rederived", capsule=capsule.id, opens_at=capsule.opens_at.isoformat())
    films.remove_leftovers(workshop)
    tmpfs.wipe(workshop.memory_places, workshop.work_dir)
    cleanup.sweep_cache(workshop.store, workshop.vault)


def tick(workshop: WorkerContext) -> Ticked:
    """
    Do everything that is due: open, send letters, render films, send the letters that waited for them.

    The folder's lock must be held, and `settle` called once before.
    """
    opened, doubt = open_due(workshop)
    letters = send_letters(workshop)
    made = films.make_waiting(workshop)
    letters += send_letters(workshop)
    tidy(workshop)
    return Ticked(opened=tuple(opened), films=tuple(made), letters=letters, doubt=doubt)


def preview(workshop: WorkerContext) -> Preview:
    """Return what `tick` would begin with now, changing nothing."""
    now = workshop.now()
    doubt = clock_doubt(workshop)
    return Preview(
        opened=() if doubt else tuple(opening.due(workshop.store, now)),
        films=tuple(montages.waiting(workshop.store, now)),
        letters=tuple(deliveries.due(workshop.store, now)),
        doubt=doubt,
    )


def open_due(workshop: WorkerContext) -> tuple[list[Capsule], str | None]:
    """Open every capsule that is due, unless the clock is in doubt; then return the reason."""
    doubt = clock_doubt(workshop)
    if doubt:
        journal.warning("clock.doubted", reason=doubt)
        return [], doubt
    now = workshop.now()
    instances.note_time(workshop.store, now)
    opened = opening.open_due(workshop.store, workshop.wake, now)
    for capsule in opened:
        late = (now - capsule.opens_at).total_seconds()
        journal.info("capsule.opened", capsule=capsule.id, late_seconds=round(late, 1))
    return opened, None


def send_letters(workshop: WorkerContext) -> Sent:
    """Queue letters that have waited long enough for a film, and send all that are due."""
    opening.queue_overdue_letters(workshop.store, workshop.wake, workshop.render_grace, workshop.now())
    sent = deliveries.send_due(
        workshop.store,
        workshop.post,
        workshop.carrier,
        lease=workshop.lease,
        give_up_days=workshop.give_up_days,
        is_stopping=workshop.is_stopping,
        clock=workshop.now,
    )
    if sent != Sent():
        journal.info(
            "letters.tried",
            sent=len(sent.sent),
            retrying=len(sent.retrying),
            rejected=len(sent.rejected),
            unknown=len(sent.unknown),
        )
    return sent


def tidy(workshop: WorkerContext) -> None:
    """Unseal at leisure what an opening has made readable, and sweep up."""
    while not workshop.is_stopping() and cleanup.unseal_opened(
        workshop.store, workshop.vault, workshop.damaged, now=workshop.now()
    ):
        pass
    workshop.vault.cache.trim()
    if workshop.mailbox and not clock_doubt(workshop):
        workshop.mailbox.empty_older_than(workshop.now() - MAILBOX_AGE)


def sweep(workshop: WorkerContext) -> None:
    """
    Sweep up what crashes and cut connections left; for once a day, since it looks at every blob.

    Whole files that the database does not know stay where they are. The log says how many there are.
    """
    uploads.expire(workshop.store, workshop.vault, now=workshop.now())
    cleanup.sweep_parts(workshop.vault, now=workshop.now())
    unknown = cleanup.unknown_blobs(workshop.store, workshop.vault, now=workshop.now())
    if unknown.files:
        journal.warning("blobs.unknown", count=unknown.files, bytes=unknown.bytes)


def clock_doubt(workshop: WorkerContext) -> str | None:
    """Return why the clock cannot be trusted now, in one sentence, or None."""
    with workshop.store.reading() as tx:
        instance = instance_store.get(tx)
    return workshop.clock.doubt(
        seen_at=instance.seen_at,
        trusted_at=instance.clock_trusted_at,
        second_source=workshop.store.clock(),
    )
