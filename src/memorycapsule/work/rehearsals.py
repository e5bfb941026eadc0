"""Rehearsing what is to open: each week, and on the day before the date."""

from __future__ import annotations

from collections.abc import Callable

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.rehearsals import RehearsedStep
from memorycapsule.errors import CapsuleError
from memorycapsule.journal import journal
from memorycapsule.services import keys
from memorycapsule.services.preservation import rehearsal
from memorycapsule.services.preservation.rehearsal import Stage
from memorycapsule.work.worker_context import WorkerContext


def rehearse_due(context: WorkerContext) -> None:
    """
    Rehearse the openings that are to be rehearsed now.

    Before that, those envelopes of the recovery key that are damaged or missing are made anew. The mail is tried by
    itself, and blobs are read by the scrub.
    """
    capsules = rehearsal.due(context.store, context.now())
    if not capsules or context.vault.absence():
        return
    try:
        for capsule_id in keys.mend_recovery(context.store, context.vault.key, now=context.now()):
            journal.warning("key.recovery_mended", capsule=capsule_id)
    except CapsuleError as error:
        journal.warning("key.recovery_not_mended", reason=error.reason)
    for capsule in capsules:
        if context.run.is_stopping():
            return
        try:
            _rehearse_and_note(context, capsule)
        except CapsuleError as error:
            # The disk is full or the database is busy: it is tried again at the next pass.
            journal.warning("rehearsal.not_noted", capsule=capsule.id, reason=error.reason)


def _rehearse_and_note(context: WorkerContext, capsule: Capsule) -> None:
    steps = rehearsal.rehearse(
        context.store, context.vault, capsule, _stage(context), deep=False, now=context.now()
    )
    rehearsal.note(context.store, capsule, steps, context.now())
    for one in steps:
        if one.problem:
            journal.warning(
                "opening.would_fail", capsule=capsule.id, step=one.step, reason=one.problem.reason
            )


def rehearse_now(
    context: WorkerContext, capsule: Capsule, on_read: Callable[[int], None]
) -> list[RehearsedStep]:
    """Rehearse one opening with all there is to try: all bytes are read, and the mail server is asked."""
    return rehearsal.rehearse(
        context.store,
        context.vault,
        capsule,
        _stage(context, with_mail=True),
        deep=True,
        on_read=on_read,
        now=context.now(),
    )


def _stage(context: WorkerContext, *, with_mail: bool = False) -> Stage:
    return Stage(
        size=context.rendering.size,
        fps=context.rendering.fps,
        free_bytes=context.watching.free_bytes(),
        log_in=context.watching.log_in if with_mail else None,
    )
