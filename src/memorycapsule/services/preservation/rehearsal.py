"""
Rehearsal of an opening: all that it will need is tried, and nothing is opened, sent or kept.

The same rehearsal is made each week and on the day before the date, and by `capsule doctor --opening`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from memorycapsule import disk
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.events import Event
from memorycapsule.domain.film.montages import Montage
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.reasons import kept_reason, reason_fields
from memorycapsule.domain.rehearsals import (
    BEFORE_DATE,
    REHEARSED_EVERY,
    RehearsalStep,
    RehearsedStep,
    is_rehearsal_due,
)
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import CapsuleError, NotFound, Unexpected, UsageProblem, WrongKey
from memorycapsule.journal import journal
from memorycapsule.seal.envelopes import recipient_of
from memorycapsule.services import opening, reading
from memorycapsule.services.film import material
from memorycapsule.services.preservation import verification
from memorycapsule.services.vault import RECOVERY, Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store

_EVENT = "opening.rehearsed"
_MEGABYTE = 1_000_000
#: Steps that nothing can be said of while the capsule's key cannot be unwrapped.
_BEHIND_KEY = {RehearsalStep.WORDS, RehearsalStep.PLAN, RehearsalStep.SPACE}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What an opening finds on this machine."""

    #: Of the film, in pixels, and how many frames a second it has.
    size: Size
    fps: int
    #: Space on the disk of the data folder.
    free_bytes: int
    #: Logs in at the mail server. None: letters are files, or the mail is not part of this rehearsal.
    log_in: Callable[[], None] | None = None


def rehearse(
    store: Store,
    vault: Vault,
    capsule: Capsule,
    stage: Stage,
    *,
    deep: bool,
    on_read: Callable[[int], None] = lambda _bytes: None,
    now: datetime,
) -> list[RehearsedStep]:
    """
    Try all that the opening of a sealed capsule will need, and return how each step went.

    All bytes of its blobs are read when `deep`, and counted otherwise; `on_read` is called with the number of bytes of
    each piece. What lies behind a key that does not open is left out.
    """
    seconds, plan_problem = _planned(store, vault, opening.opening_montage(capsule, now), stage)
    attempts: dict[RehearsalStep, Callable[[], CapsuleError | None]] = {
        RehearsalStep.KEY: lambda: _key_problem(store, vault, capsule),
        RehearsalStep.ENVELOPES: lambda: _recovery_problem(store, vault, capsule),
        RehearsalStep.WORDS: lambda: _words_problem(store, vault, capsule),
        RehearsalStep.BLOBS: lambda: _blobs_problem(store, vault, capsule, deep=deep, on_read=on_read),
        RehearsalStep.PLAN: lambda: plan_problem,
        RehearsalStep.SPACE: lambda: _space_problem(store, capsule, seconds, stage),
        RehearsalStep.MAIL: lambda: _mail_problem(stage),
    }
    steps: list[RehearsedStep] = []
    left_out = set() if stage.log_in else {RehearsalStep.MAIL}
    for step, problem_of in attempts.items():
        if step not in left_out:
            steps.append(_step(step, problem_of))
        if step is RehearsalStep.KEY and steps[-1].problem:
            left_out |= _BEHIND_KEY
    return steps


def to_rehearse(store: Store, viewer: Viewer, reference: str) -> Capsule:
    """
    Return the capsule whose opening the host wants to rehearse: by slug or id, or anybody's by its id.

    Raises NotFound, and UsageProblem when it is open already or a slug means several.
    """
    try:
        capsule = reading.standing(store, viewer, reference).capsule
    except NotFound:
        with store.reading() as tx:
            found = capsule_store.capsules.find(tx, reference.strip().lower()) if viewer.is_admin else None
        if found is None:
            raise
        capsule = found
    if capsule.is_open:
        raise UsageProblem("rehearsal_open")
    return capsule


def due(store: Store, now: datetime) -> list[Capsule]:
    """Return the sealed capsules whose openings are to be rehearsed now, the next to open first."""
    with store.reading() as tx:
        last = capsule_store.last_rehearsals(
            tx, before=now - REHEARSED_EVERY, opens_before=now + BEFORE_DATE, now=now
        )
        capsules = [(capsule_store.capsules.get(tx, one), *last[one]) for one in last]
    return [
        capsule
        for capsule, rehearsed_at, has_failed in capsules
        if is_rehearsal_due(capsule, rehearsed_at, now, has_failed=has_failed)
    ]


def note(store: Store, capsule: Capsule, steps: list[RehearsedStep], now: datetime) -> None:
    """Write down how a rehearsal went."""
    problems = [one.problem for one in steps if one.problem]
    facts = {
        "problems": len(problems),
        "first": json.dumps(reason_fields(problems[0])) if problems else None,
    }
    with store.transaction() as tx:
        capsule_store.note_rehearsal(tx, capsule.id, kept_reason(problems[0]) if problems else None, now)
        # Not an event of the capsule itself: nothing has happened to it.
        event_store.record(tx, Event(kind=_EVENT, at=now, subject_id=capsule.id, facts=facts))


def _step(step: RehearsalStep, problem_of: Callable[[], CapsuleError | None]) -> RehearsedStep:
    try:
        return RehearsedStep(step=step, problem=problem_of())
    except CapsuleError as error:
        # Of the database or the data folder, and so of every step.
        return RehearsedStep(step=step, problem=error)
    except Exception as error:  # noqa: BLE001 - a damaged row may be anything, and the other steps are tried as well
        journal.warning("rehearsal.failed", step=step, error=type(error).__name__)
        return RehearsedStep(step=step, problem=Unexpected())


def _key_problem(store: Store, vault: Vault, capsule: Capsule) -> CapsuleError | None:
    with store.reading() as tx:
        unsealer = vault.unsealer(tx, capsule.id)
    try:
        fits = recipient_of(unsealer.identity) == capsule.recipient
    except CapsuleError as error:
        return CapsuleError("rehearsal_key", problem=error)
    return None if fits else CapsuleError("rehearsal_key", problem=WrongKey("key_envelope_foreign"))


def _recovery_problem(store: Store, vault: Vault, capsule: Capsule) -> CapsuleError | None:
    damaged = verification.damaged_envelopes(store, vault, only=capsule.id)
    is_damaged = any(one.detail == RECOVERY for one in damaged)
    return CapsuleError("rehearsal_envelopes") if is_damaged else None


def _words_problem(store: Store, vault: Vault, capsule: Capsule) -> CapsuleError | None:
    count = sum(1 for _damage in verification.damaged_contents(store, vault, only=capsule.id))
    return CapsuleError("rehearsal_words", count=count) if count else None


def _blobs_problem(
    store: Store, vault: Vault, capsule: Capsule, *, deep: bool, on_read: Callable[[int], None]
) -> CapsuleError | None:
    damaged = verification.damaged_blobs(store, vault, deep=deep, only=capsule.id, on_read=on_read)
    count = sum(1 for _damage in damaged)
    return CapsuleError("rehearsal_blobs", count=count) if count else None


def _planned(store: Store, vault: Vault, montage: Montage, stage: Stage) -> tuple[float, CapsuleError | None]:
    """Return about how many seconds the film would last, or why it cannot be planned."""
    try:
        return material.estimated_seconds(store, vault, montage, size=stage.size, fps=stage.fps), None
    except Exception as error:  # noqa: BLE001 - whatever it is, the film would meet it as well
        # The message stays out of the log: it may speak of sealed content.
        journal.warning("rehearsal.no_plan", capsule=montage.capsule_id, error=type(error).__name__)
        cause = error if isinstance(error, CapsuleError) else Unexpected()
        return 0.0, CapsuleError("rehearsal_plan", problem=cause)


def _space_problem(store: Store, capsule: Capsule, seconds: float, stage: Stage) -> CapsuleError | None:
    film = stage.size.bytes_while_made(seconds * stage.fps)
    needed = film + _copied_bytes(store, capsule.id) + disk.MARGIN_BYTES
    if needed <= stage.free_bytes:
        return None
    # No row tells how long a film will be, so the figure is rounded up to a power of two.
    rounded = 2 ** math.ceil(math.log2(needed / _MEGABYTE))
    return CapsuleError("rehearsal_space", needed=rounded, free=stage.free_bytes // _MEGABYTE)


def _copied_bytes(store: Store, capsule_id: str) -> int:
    """Return how much the copies of pictures take that a film is made of, and the largest file while it is unsealed."""
    with store.reading() as tx:
        sizes = {blob.id: blob.bytes for blob in capsule_store.blobs.by(tx, capsule_id=capsule_id)}
        media = story_store.media_of_capsule(tx, capsule_id)
    shown = sum(sizes.get(blob_id or "", 0) for one in media for blob_id in (one.display_blob, one.clip_blob))
    return shown + max(sizes.values(), default=0)


def _mail_problem(stage: Stage) -> CapsuleError | None:
    if stage.log_in is None:
        return None
    try:
        stage.log_in()
    except CapsuleError as error:
        return CapsuleError("rehearsal_mail", problem=error)
    return None
