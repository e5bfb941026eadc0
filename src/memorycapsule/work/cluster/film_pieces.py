"""
Films that several machines make together: one has claimed the film, and all render its segments.

The one that has claimed it joins them. Should it be killed, another one claims the film and finds all that was done.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from memorycapsule.domain.film.montages import Montage
from memorycapsule.domain.film.pieces import Piece
from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.errors import FROM_OUTSIDE, CapsuleError
from memorycapsule.journal import journal
from memorycapsule.render.survey import Survey
from memorycapsule.services.film import preparation, segment_cache, shared_segments
from memorycapsule.work.renderer import PeriodicCheck, RenderInterrupted, RenderJob, render_segment
from memorycapsule.work.worker_context import WorkerContext

#: A film of which fewer segments are missing is made by one machine: to hand over pictures and segments takes longer.
LEAST_PIECES = 4
#: How often whoever has nothing left to render looks whether the others are done.
_POLL_SECONDS = 0.5
#: How often whoever renders a piece looks whether it is still wanted.
_CHECK_SECONDS = 5.0


def share(
    context: WorkerContext,
    montage: Montage,
    job: RenderJob,
    plan: MontagePlan,
    surveyed: Survey,
    on_progress: Callable[[float], None],
) -> None:
    """
    Have all machines render the missing segments of a film into the workspace of `job`, if there are many.

    All pictures must be there. Segments that cannot be rendered alone are still missing afterwards. Raises what
    `on_progress` raises, DiskFull and Postponed.
    """
    folder = job.workspace / "segments"
    names = list(dict.fromkeys(segment.name for segment in surveyed.segments))
    missing = {name for name in names if not (folder / segment_cache.file_name(name)).exists()}
    if len(missing) < LEAST_PIECES:
        return
    store, vault = context.store, context.vault
    _plan_file, digests_file = _write_plan(plan, job.pictures, job.workspace)
    job = dataclasses.replace(job, digests_file=digests_file)
    shared_segments.offer(store, context.wake, montage, names, missing)
    while True:
        over, total = shared_segments.progress(store, montage)
        on_progress(over / total)
        if over == total:
            break
        if claimed := shared_segments.claim(store, context.run.lease, of=montage):
            _render(context, claimed[0], montage, job, functools.partial(_tell, on_progress, over, total))
        else:
            threading.Event().wait(_POLL_SECONDS)
    shared_segments.fetch(store, vault, montage.capsule_id, names, folder)


def _tell(on_progress: Callable[[float], None], over: int, total: int, part: float) -> None:
    """Tell how far a film is of which `over` pieces are there, and `part` of another one."""
    on_progress((over + part) / total)


def help_others(context: WorkerContext, *, only_openings: bool) -> bool:
    """Render one segment of a film that another machine has claimed, and return whether there was one to render."""
    claimed = shared_segments.claim(context.store, context.run.lease, only_openings=only_openings)
    if claimed is None:
        return False
    piece, montage = claimed
    folder = context.rendering.work_dir / f"{montage.id}-{montage.attempt}"
    try:
        job = _job(context, montage, folder)
        _render(context, piece, montage, job, _while_wanted(context, piece))
    except RenderInterrupted:
        journal.info("piece.interrupted", montage=montage.id, number=piece.number)
    except CapsuleError as error:
        # Its machine is in trouble, or the film is gone; others may be luckier.
        shared_segments.give_back(context.store, piece)
        journal.warning("piece.postponed", montage=montage.id, number=piece.number, reason=error.reason)
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def forget_pictures(context: WorkerContext) -> None:
    """Remove the pictures of other machines' films, once there is nothing to help with."""
    if context.rendering.work_dir.exists():
        for folder in context.rendering.work_dir.glob("*-*-*-*-*-*"):
            shutil.rmtree(folder, ignore_errors=True)


def _job(context: WorkerContext, montage: Montage, folder: Path) -> RenderJob:
    """Return a job with plan and pictures of a film in `folder`, where they stay for the next piece of it."""
    plan = MontagePlan.from_json(montage.plan or "")
    pictures = folder / "pictures"
    pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
    preparation.fetch(context.store, context.vault, plan.sources, pictures)
    plan_file, digests_file = _write_plan(plan, pictures, folder)
    return RenderJob(
        plan_file=plan_file,
        pictures=pictures,
        out=folder / "film.mp4",
        poster=folder / "poster.jpg",
        workspace=folder,
        workers=1,
        nice=context.rendering.nice,
        digests_file=digests_file,
    )


def _render(
    context: WorkerContext,
    piece: Piece,
    montage: Montage,
    job: RenderJob,
    on_progress: Callable[[float], None],
) -> None:
    """Render a piece that this run has claimed, and keep it for all. Raises RenderInterrupted, DiskFull, Postponed."""
    out = job.workspace / "piece.mp4"
    key = segment_cache.key_of(context.vault, montage.capsule_id)
    started = time.monotonic()
    try:
        broken = render_segment(
            dataclasses.replace(job, out=out), piece.name, key=key, on_progress=on_progress
        )
        if broken:
            shared_segments.leave(context.store, piece)
            return
        shared_segments.keep(context.store, context.vault, piece, out, now=context.now())
    except RenderInterrupted:
        shared_segments.give_back(context.store, piece)
        raise
    except FROM_OUTSIDE:
        raise
    except CapsuleError as error:
        # Whoever joins the film makes it, and finds out what is wrong.
        journal.warning("piece.left", montage=montage.id, number=piece.number, reason=error.reason)
        shared_segments.leave(context.store, piece)
        return
    finally:
        out.unlink(missing_ok=True)
    took = round(time.monotonic() - started, 1)
    journal.info("piece.finished", montage=montage.id, number=piece.number, took_seconds=took)


def _write_plan(plan: MontagePlan, pictures: Path, folder: Path) -> tuple[Path, Path]:
    """Write a plan and the digests of all its pictures into `folder`, and return both files. Raises DiskFull."""
    digests = {}
    for source in plan.sources:
        path = pictures / source.file
        if path.is_file():
            with path.open("rb") as file:
                digests[source.id] = hashlib.file_digest(file, "sha256").hexdigest()
    return preparation.write_plan(folder, plan, digests)


def _while_wanted(context: WorkerContext, piece: Piece) -> Callable[[float], None]:
    """Return what ends the renderer of a piece when this program ends, or nobody wants the piece any more."""

    def check_held() -> None:
        if not shared_segments.is_held(context.store, piece):
            raise RenderInterrupted

    now_and_then = PeriodicCheck(check_held, _CHECK_SECONDS)

    def check(share: float) -> None:
        if context.run.is_stopping():
            raise RenderInterrupted
        now_and_then(share)

    return check
