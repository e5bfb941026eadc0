"""Opening: from sealed to open, once, on the date, never before."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.events import Event
from memorycapsule.domain.film.montages import Montage, MontageState, queued_montage
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.zones import wall_time
from memorycapsule.errors import CapsuleError, NotDue, Unexpected
from memorycapsule.journal import journal
from memorycapsule.mail.calendar_entry import calendar_entry
from memorycapsule.services import letters, reading
from memorycapsule.services.letters import FilmStatus
from memorycapsule.services.wakes import Wake
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store.transactions import Store, Transaction


@dataclass(frozen=True, kw_only=True)
class FailedOpening:
    """A capsule that is due and could not be opened; the next pass tries it again."""

    capsule: Capsule
    error: CapsuleError


@dataclass(frozen=True, kw_only=True)
class Openings:
    """What one pass over the capsules that are due came to."""

    opened: tuple[Capsule, ...] = ()
    failed: tuple[FailedOpening, ...] = ()


def due(store: Store, now: datetime) -> list[Capsule]:
    """Return the capsules that are due, the earliest first."""
    with store.reading() as tx:
        return [capsule_store.capsules.get(tx, capsule_id) for capsule_id in capsule_store.due_ids(tx, now)]


def next_to_open(store: Store) -> Capsule | None:
    """Return the sealed capsule with the earliest date, which may have come; None when nothing is sealed."""
    with store.reading() as tx:
        return next(iter(capsule_store.sealed_after(tx, None, 1)), None)


def open_due(store: Store, wake: Wake, now: datetime) -> Openings:
    """
    Open everything that is due, each capsule in a transaction of its own, and return what this call opened.

    A capsule that cannot be opened, for whatever reason, does not keep the others closed: it is named in the answer.
    """
    opened: list[Capsule] = []
    failed: list[FailedOpening] = []
    for waiting in due(store, now):
        try:
            capsule = open_if_due(store, wake, waiting.id, now)
        except Exception as error:  # noqa: BLE001 - the others are due, too
            cause = error if isinstance(error, CapsuleError) else Unexpected()
            journal.error(
                "opening.failed", capsule=waiting.id, error=type(error).__name__, reason=cause.reason
            )
            journal.debug("opening.failed", capsule=waiting.id, exc_info=error)
            failed.append(FailedOpening(capsule=waiting, error=cause))
            continue
        if capsule is not None:
            opened.append(capsule)
    return Openings(opened=tuple(opened), failed=tuple(failed))


def open_if_due(store: Store, wake: Wake, capsule_id: str, now: datetime) -> Capsule | None:
    """
    Open a capsule if it is sealed and its date has come; return None if it is not, or somebody else was first.

    The montage that the letters wait for is queued in the same transaction, so no open capsule is without it. Raises
    NotDue while the instance waits to be released.
    """
    with store.transaction() as tx:
        if held := instance_store.get(tx).held:
            raise held
        if not capsule_store.open_if_due(tx, capsule_id, now):
            return None
        capsule = capsule_store.capsules.get(tx, capsule_id)
        montage = opening_montage(capsule, now)
        montage_store.montages.add(tx, montage)
        event_store.record(
            tx, Event(kind="capsule.opened", at=now, capsule_id=capsule_id, subject_id=capsule_id)
        )
        wake(tx, "films", montage.id)
        wake(tx, "cleanup", capsule_id)
    return capsule


def opening_montage(capsule: Capsule, now: datetime) -> Montage:
    """Return the montage that the opening of a capsule queues."""
    return queued_montage(
        montage_id=str(uuid.uuid4()),
        capsule_id=capsule.id,
        soundtrack_blob=capsule.soundtrack_blob,
        now=now,
    )


def open_now(store: Store, wake: Wake, viewer: Viewer, reference: str, *, now: datetime) -> Capsule:
    """Open a capsule that is due because a member asks for it. Raises NotFound, and NotDue before its date."""
    with store.reading() as tx:
        capsule, _member = reading.standing_in(tx, viewer, reference)
    if capsule.is_open:
        return capsule
    opened = open_if_due(store, wake, capsule.id, now)
    if opened is None:
        with store.reading() as tx:
            capsule = capsule_store.capsules.get(tx, capsule.id)
        if not capsule.is_open:
            raise NotDue("not_yet", opens=wall_time(capsule.opens_local, capsule.zone, capsule.fold))
        return capsule
    return opened


def queue_letters(tx: Transaction, wake: Wake, capsule_id: str, film: FilmStatus, now: datetime) -> int:
    """
    Queue the letters to the members of an opened capsule that are due with this status of its film.

    The first call queues the opened letters. A later call, with the film ready, queues letters to the members whose
    opened letter came without it.
    """
    # Whoever comes first, the finished film or the end of the grace, holds this row until its letters are queued.
    capsule = capsule_store.capsules.get(tx, capsule_id, lock=True)
    queued = letters.queue_opened(tx, wake, capsule, film, now)
    if film == "ready":
        queued += letters.queue_film_ready(tx, wake, capsule, now)
    if queued:
        event_store.record(
            tx,
            Event(
                kind="letters.queued",
                at=now,
                capsule_id=capsule_id,
                subject_id=capsule_id,
                facts={"count": queued, "film": film},
            ),
        )
    return queued


def queue_overdue_letters(store: Store, wake: Wake, render_grace: timedelta, now: datetime) -> int:
    """Queue the opened letters of capsules whose film has taken longer than `render_grace`, and count them."""
    with store.reading() as tx:
        waiting = delivery_store.capsules_without_opened_letters(tx, now - render_grace)
    queued = 0
    for capsule_id in waiting:
        with store.transaction() as tx:
            status = film_status(montage_store.of_opening(tx, capsule_id))
            queued += queue_letters(tx, wake, capsule_id, status, now)
    return queued


def film_status(montage: Montage | None) -> FilmStatus:
    """Return what a letter may say about the film of a montage."""
    if montage is None or montage.state in {MontageState.FAILED, MontageState.CANCELLED}:
        return "none"
    return "ready" if montage.state.has_film else "follows"


def calendar_entry_of(capsule: Capsule, *, summary: str, description: str) -> bytes:
    """Return the day of the opening for calendars (iCalendar). The same capsule gives the same bytes."""
    return calendar_entry(
        uid=f"{capsule.id}@memorycapsule",
        summary=summary,
        description=description,
        opens_at=capsule.opens_at,
        zone=capsule.zone,
        stamp=capsule.created_at,
    )
