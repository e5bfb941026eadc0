"""Montages: queueing films, claiming them for rendering, and keeping what came of it."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from memorycapsule import themes
from memorycapsule.domain.events import Event
from memorycapsule.domain.film.direction import Direction, check_length, parse_length
from memorycapsule.domain.film.montages import (
    FIRST_RETRY,
    MOST_FAILURES,
    Montage,
    MontageState,
    Omission,
    checked_title,
    content_omissions,
    omission_of,
    queued_montage,
)
from memorycapsule.domain.instances import Blob
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import CapsuleError, NotFound, Postponed, Sealed, TooMany
from memorycapsule.services import opening, reading
from memorycapsule.services.capsule_files import Song
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import Wake
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction

_RENDERING = "montage.rendering"
#: A smaller share says too little about what is left.
_LEAST_PROGRESS = 0.03
#: So many films of one member may wait or be made at a time.
_MOST_AT_ONCE = 5


@dataclass(frozen=True, kw_only=True)
class RenderedFilm:
    """What the renderer made."""

    film: Path
    poster: Path
    seconds: float
    #: What was left out.
    report: tuple[Omission, ...]
    #: The plan as it was followed in the end, as JSON; None for the one that is known.
    plan: str | None = None

    @property
    def state(self) -> MontageState:
        """What its montage becomes with it."""
        return MontageState.DEGRADED if self.report else MontageState.READY


def queue(
    store: Store,
    vault: Vault,
    wake: Wake,
    viewer: Viewer,
    reference: str,
    *,
    story_ids: Sequence[str] = (),
    soundtrack: Song | None = None,
    length: str | None = None,
    music: str | None = None,
    title: str | None = None,
    once: str | None = None,
    now: datetime,
) -> Montage:
    """
    Queue a further film of an open capsule: of the chosen stories in the chosen order, or of all.

    `music` is the theme whose soundtrack is wanted instead of the capsule's. `length` is what `parse_length`
    understands. `title` is the film's; without one it goes by the capsule's. `once` is an idempotency key: a second
    call with the same one queues nothing and returns the montage of the first. Raises NotFound for a capsule or
    story that is not there, Sealed before the date, UsageProblem for a length, theme or title that cannot be,
    TooMany.
    """
    viewer.check(Scope.EVERYTHING)
    seconds = parse_length(length)
    title = checked_title(title)
    if music:
        themes.load(music)
    with store.reading() as tx:
        capsule, member = reading.standing_in(tx, viewer, reference)
        if not capsule.is_open:
            raise Sealed
        check_length(Direction(style=themes.load(capsule.theme).film, length=seconds))
        montage_id = (
            vault.key.row_id("montage", viewer.session_id, capsule.id, once) if once else str(uuid.uuid4())
        )
        if once and (known := montage_store.montages.find(tx, montage_id)):
            return known
        there = {story.id for story in story_store.of_capsule(tx, capsule.id)}
        _check_queue(tx, capsule.id, member.id)
    for story_id in story_ids:
        if story_id not in there:
            raise NotFound("film_story_unknown", story=story_id)
    blob = vault.keep_open(capsule.id, soundtrack, now) if soundtrack else None
    montage = queued_montage(
        montage_id=montage_id,
        capsule_id=capsule.id,
        member_id=member.id,
        story_ids=tuple(dict.fromkeys(story_ids)),
        soundtrack_blob=blob.id if blob else None if music else capsule.soundtrack_blob,
        length=length,
        music=music,
        title=title,
        now=now,
    )
    with store.transaction() as tx:
        # Held until the end, against the same request at the same time.
        capsule_store.capsules.get(tx, capsule.id, lock=True)
        if once and (known := montage_store.montages.find(tx, montage_id)):
            return known
        if blob:
            capsule_store.blobs.add(tx, blob)
        montage_store.montages.add(tx, montage)
        _record(tx, "montage.queued", montage, now)
        wake(tx, "films", montage.id)
    return montage


def cancel(store: Store, viewer: Viewer, montage_id: str, *, now: datetime) -> Montage:
    """
    Cancel a further film before it is ready.

    Raises NotFound, and NotAllowed for the film of the opening, for a finished one, and for anybody but the
    member who asked for it and the capsule's owner.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        found, member = reading.montage(tx, viewer, montage_id)
        # Held until the end: a renderer may be about to keep it.
        found = montage_store.montages.get(tx, found.id, lock=True)
        found.check_cancelled_by(member)
        cancelled = dataclasses.replace(found, state=MontageState.CANCELLED, lease=None, finished_at=now)
        montage_store.montages.save(tx, cancelled)
        _record(tx, "montage.cancelled", cancelled, now)
    return cancelled


def retry(store: Store, wake: Wake, viewer: Viewer, montage_id: str, *, now: datetime) -> Montage:
    """
    Have a film that failed, or waits for its next try, made at once; what it failed of before counts no more.

    When the opening's film is there at last, whoever was written to without it gets a letter. Raises NotFound, and
    NotAllowed for one that has not failed and for anybody but the member who asked for it and the capsule's owner.
    The admin may retry the film of any opening.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        found = montage_store.montages.find(tx, montage_id, lock=True)
        member = None
        if found is None or not (found.is_opening and viewer.is_admin):
            _found, member = reading.montage(tx, viewer, montage_id)
            found = montage_store.montages.get(tx, montage_id, lock=True)
        found.check_retried_by(member)
        again = found.tried_again(now)
        montage_store.montages.save(tx, again)
        _record(tx, "montage.queued", again, now)
        wake(tx, "films", again.id)
    return again


def _check_queue(tx: Transaction, capsule_id: str, member_id: str) -> None:
    theirs = [one for one in montage_store.of_capsule(tx, capsule_id) if one.member_id == member_id]
    if sum(not one.state.is_over for one in theirs) >= _MOST_AT_ONCE:
        raise TooMany("films_waiting", most=_MOST_AT_ONCE)


def renderable(store: Store, now: datetime) -> list[Montage]:
    """Return the montages that could be rendered now, those of openings first."""
    with store.reading() as tx:
        return montage_store.renderable(tx, now)


def has_work(store: Store, now: datetime) -> bool:
    """Say whether a film is being rendered or waits to be, or a capsule is due."""
    with store.reading() as tx:
        return bool(
            montage_store.rendering(tx) or montage_store.renderable(tx, now) or capsule_store.due_ids(tx, now)
        )


def seconds_left(store: Store, montage: Montage, now: datetime) -> float | None:
    """Return for about how many seconds a film will still be rendered; None when it is not, or has hardly begun."""
    if montage.state is not MontageState.RENDERING or montage.progress < _LEAST_PROGRESS:
        return None
    with store.reading() as tx:
        # Of this attempt: what an earlier one finished does not count as progress of this one.
        started = event_store.last_at(tx, _RENDERING, montage.id)
    if started is None:
        return None
    return max(0.0, (now - started).total_seconds() * (1 - montage.progress) / montage.progress)


def claim(store: Store, montage_id: str, *, lease: str, now: datetime) -> Montage | None:
    """Claim a waiting montage under a new attempt; return None if somebody else has it."""
    with store.transaction() as tx:
        montage = montage_store.claim(tx, montage_id, lease)
        if montage:
            _record(tx, _RENDERING, montage, now)
    return montage


def requeue_abandoned(store: Store, lease: str | None, now: datetime) -> None:
    """
    Put montages that nobody renders any more back into the queue: those of runs that are not alive.

    Those of `lease` are among them: it is for a run that renders none now. With None, all that are claimed: this run
    works alone. Otherwise a film that was cut off before waits, so that it does not go from machine to machine and
    kills one after the other.
    """
    with store.reading() as tx:
        found = montage_store.abandoned(tx, lease)
    for one in found:
        with store.transaction() as tx:
            for montage in montage_store.abandoned(tx, lease, only=one.id):
                wait = timedelta(0) if lease is None else montage.wait_after_kill
                requeue(tx, montage, now + wait, Postponed("renderer_stopped") if wait else None)


def requeue(
    tx: Transaction, montage: Montage, not_before: datetime, cause: CapsuleError | None = None
) -> None:
    """Put a montage back into the queue without counting a failure: its work was cut off, not wrong."""
    # Of now, not of when the attempt began: it may have made the plan, which does without these.
    report = content_omissions(montage_store.montages.get(tx, montage.id).report)
    if montage_store.change_attempt(
        tx,
        montage.id,
        montage.attempt,
        state=MontageState.QUEUED,
        lease=None,
        not_before=not_before,
        report=report if cause is None else (*report, omission_of("", cause)),
    ):
        _record(tx, "montage.queued", montage, not_before)


def note_progress(store: Store, montage: Montage, share: float) -> bool:
    """Note how far a film is, 0..1; return False when this attempt does not hold the montage any more."""
    with store.transaction() as tx:
        return montage_store.change_attempt(tx, montage.id, montage.attempt, progress=share)


def note_plan(store: Store, montage: Montage, plan: str, report: tuple[Omission, ...]) -> None:
    """Keep the plan that this attempt renders, and what it leaves out, for later attempts."""
    with store.transaction() as tx:
        montage_store.change_attempt(tx, montage.id, montage.attempt, plan=plan, report=report)


def keep(
    store: Store,
    vault: Vault,
    wake: Wake,
    montage: Montage,
    rendered: RenderedFilm,
    *,
    now: datetime,
) -> bool:
    """
    Keep a finished film, and queue the letters that wait for it, in one transaction.

    Return False, and change nothing, when this attempt does not hold the montage any more. Raises DiskFull.
    """
    with rendered.film.open("rb") as film:
        film_blob = vault.keep_open(montage.capsule_id, film, now)
    with rendered.poster.open("rb") as poster:
        poster_blob = vault.keep_open(montage.capsule_id, poster, now)
    try:
        return _keep(store, wake, montage, rendered, [film_blob, poster_blob], now)
    finally:
        vault.delete_uncommitted(store, [film_blob.id, poster_blob.id])


def _keep(
    store: Store,
    wake: Wake,
    montage: Montage,
    rendered: RenderedFilm,
    blobs: list[Blob],
    now: datetime,
) -> bool:
    film_blob, poster_blob = blobs
    with store.transaction() as tx:
        for blob in blobs:
            capsule_store.blobs.add(tx, blob)
        is_kept = montage_store.change_attempt(
            tx,
            montage.id,
            montage.attempt,
            state=rendered.state,
            lease=None,
            progress=1.0,
            seconds=rendered.seconds,
            film_blob=film_blob.id,
            poster_blob=poster_blob.id,
            report=rendered.report,
            finished_at=now,
            **({"plan": rendered.plan} if rendered.plan else {}),
        )
        if is_kept:
            _record(tx, f"montage.{rendered.state}", montage, now)
            if montage.is_opening:
                opening.queue_letters(tx, wake, montage.capsule_id, "ready", now)
        else:
            capsule_store.drop_blobs(tx, [film_blob.id, poster_blob.id])
    return is_kept


def fail(store: Store, wake: Wake, montage: Montage, failure: CapsuleError, *, now: datetime) -> MontageState:
    """
    Note that an attempt failed: the montage is tried again later or, after three failures, given up.

    Letters that wait for a film which is given up go out without it. Returns the montage's state now.
    """
    failures = montage.failures + 1
    is_over = failures >= MOST_FAILURES
    state = MontageState.FAILED if is_over else MontageState.QUEUED
    with store.transaction() as tx:
        is_ours = montage_store.change_attempt(
            tx,
            montage.id,
            montage.attempt,
            state=state,
            lease=None,
            failures=failures,
            report=(omission_of("", failure),),
            # A plan that cannot be rendered is not worth keeping.
            plan=None,
            not_before=now + FIRST_RETRY * (1 << (failures - 1)),
            finished_at=now if is_over else None,
        )
        if is_ours:
            _record(tx, f"montage.{'failed' if is_over else 'queued'}", montage, now)
            if is_over and montage.is_opening:
                opening.queue_letters(tx, wake, montage.capsule_id, "none", now)
    return state


def without_film(store: Store, montage_ids: Sequence[str]) -> list[Montage]:
    """Return those of some montages that have no film and say why in their report, as they are now."""
    with store.reading() as tx:
        found = [montage_store.montages.find(tx, one) for one in montage_ids]
    return [one for one in found if one is not None and not one.state.has_film and one.report]


def unfinished_ids(store: Store) -> set[str]:
    """Return the ids of the montages that wait or are rendered: their working folders are still needed."""
    with store.reading() as tx:
        return {
            montage.id
            for state in (MontageState.QUEUED, MontageState.RENDERING)
            for montage in montage_store.montages.by(tx, state=state)
        }


def _record(tx: Transaction, kind: str, montage: Montage, now: datetime) -> None:
    event_store.record(
        tx,
        Event(
            kind=kind,
            at=now,
            capsule_id=montage.capsule_id,
            subject_id=montage.id,
            facts={"attempt": montage.attempt},
        ),
    )
