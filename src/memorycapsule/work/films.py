"""
Films that wait to be rendered: each is claimed, rendered by a child process, and then kept or tried again later.

The child may be killed at any time: the next try goes on from its finished segments.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorycapsule import disk
from memorycapsule.domain.film.direction import without_pictures
from memorycapsule.domain.film.montages import FIRST_RETRY, Montage, omission_of, omissions_of
from memorycapsule.domain.film.plan import MontagePlan, Source
from memorycapsule.domain.film.voices import Voice
from memorycapsule.errors import (
    FROM_OUTSIDE,
    CapsuleError,
    DiskFull,
    RenderFailed,
    shortage,
)
from memorycapsule.journal import journal, on_behalf_of
from memorycapsule.render.survey import Survey
from memorycapsule.services.film import montages, preparation, segment_cache, shared_segments
from memorycapsule.services.film.montages import RenderedFilm
from memorycapsule.services.film.preparation import PreparedFilm
from memorycapsule.services.wakes import requests_of
from memorycapsule.work import lock, tmpfs
from memorycapsule.work.cluster import film_pieces
from memorycapsule.work.renderer import RenderInterrupted, RenderJob, run_renderer, survey
from memorycapsule.work.worker_context import FilmMade, WorkerContext

#: Progress is written to the store this often at most.
_PROGRESS_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class MadeFilms:
    """What one pass over the films that wait came to."""

    #: Ids of montages that ended with a film.
    made: tuple[str, ...] = ()
    #: Those that were tried and have none, as they are now; the last line of the report says why.
    unmade: tuple[Montage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Segments:
    """How many segments of a film the renderer had to encode, and how many were there."""

    encoded: int
    reused: int


def make_waiting(context: WorkerContext, *, only: str | None = None) -> MadeFilms:
    """Render the films that wait, one after another, and return what came of them."""
    made: dict[str, bool] = {}
    while not context.run.is_stopping():
        # This run renders nothing now, so a film that it has still claimed was abandoned.
        montages.requeue_abandoned(context.store, context.run.void_lease, context.now())
        waiting = [
            montage
            for montage in montages.renderable(context.store, context.now())
            if montage.id not in made and only in {None, montage.id}
        ]
        # Films of openings come first, then whatever segments of them others leave to this machine.
        is_free = only is None and not context.run.is_alone and not (waiting and waiting[0].is_opening)
        if is_free and film_pieces.help_others(context, only_openings=bool(waiting)):
            continue
        if not waiting:
            break
        made[waiting[0].id] = make(context, waiting[0].id)
    film_pieces.forget_pictures(context)
    unmade = montages.without_film(context.store, [one for one, has_film in made.items() if not has_film])
    return MadeFilms(made=tuple(one for one, has_film in made.items() if has_film), unmade=tuple(unmade))


def make(context: WorkerContext, montage_id: str) -> bool:
    """Render one film and return whether it is there now. A failure is noted in the film's row, not raised."""
    if absent := context.vault.absence():
        journal.warning("film.postponed", montage=montage_id, reason=absent.reason)
        return False
    montage = montages.claim(context.store, montage_id, lease=context.run.lease, now=context.now())
    if montage is None:
        return False
    asked_by = requests_of(context.store, [montage.id]).get(montage.id)
    with on_behalf_of(asked_by):
        return _make(context, montage)


def _make(context: WorkerContext, montage: Montage) -> bool:
    """Render a film that is claimed."""
    folder = context.rendering.work_dir / montage.id
    log = journal.bind(montage=montage.id, capsule=montage.capsule_id, attempt=montage.attempt)
    started = time.monotonic()
    log.info("film.started")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not context.run.is_alone:
            plan = [segment_cache.PLAN]
            shared_segments.fetch_ahead(context.store, context.vault, montage.capsule_id, plan, anew=True)
        prepared = preparation.prepare(
            context.store,
            context.vault,
            montage,
            folder,
            size=context.rendering.size,
            fps=context.rendering.fps,
            face_model=context.rendering.face_model,
        )
        _check_room(context, prepared.plan)
        rendered, segments = _render(context, montage, prepared, folder, log)
        is_kept = montages.keep(
            context.store, context.vault, context.wake, montage, rendered, now=context.now()
        )
    except RenderInterrupted:
        with context.store.transaction() as tx:
            montages.requeue(tx, montage, context.now())
        if not (context.run.is_stopping() and context.run.is_alone):
            # It was cancelled, but the next one may show the same segments; or another node goes on with it.
            segment_cache.keep_open(context.vault, montage.capsule_id, folder / "segments")
            shutil.rmtree(folder, ignore_errors=True)
        log.info("film.interrupted")
        return False
    except Exception as error:
        failure = error if isinstance(error, CapsuleError) else shortage(error) or _translate_error(error)
        if isinstance(failure, FROM_OUTSIDE):
            context.vault.cache.trim()
            wait = montage.wait_after_interruption
            if isinstance(failure, DiskFull):
                # What is done of it would keep the disk full; with room again, it is made without delay.
                shutil.rmtree(folder, ignore_errors=True)
                wait = FIRST_RETRY
            with context.store.transaction() as tx:
                montages.requeue(tx, montage, context.now() + wait, failure)
            log.warning("film.postponed", reason=failure.reason)
            return False
        state = montages.fail(context.store, context.wake, montage, failure, now=context.now())
        if state.is_over:
            shutil.rmtree(folder, ignore_errors=True)
        log.warning("film.failed", reason=failure.reason, state=str(state), exc_info=error)
        return False
    shutil.rmtree(folder, ignore_errors=True)
    took = time.monotonic() - started
    log.info(
        "film.finished",
        seconds=rendered.seconds,
        took_seconds=round(took, 1),
        segments_encoded=segments.encoded,
    )
    if is_kept:
        context.tally.film_made(
            FilmMade(
                state=rendered.state,
                seconds=rendered.seconds,
                took_seconds=took,
                segments_encoded=segments.encoded,
                segments_reused=segments.reused,
            )
        )
    return is_kept


def remove_leftovers(context: WorkerContext) -> None:
    """
    Remove the working folders of films that nobody waits for any more, and what lies on a tmpfs for a prerenderer.

    Where several nodes work, each has a folder of its own, and those of nodes that are gone are removed.
    """
    work_dir, places = context.rendering.work_dir, context.rendering.tmpfs_places
    tmpfs.remove_leftovers(places, work_dir)
    if context.run.is_alone:
        wanted = montages.unfinished_ids(context.store)
        left = [folder for folder in _folders_in(work_dir) if folder.name not in wanted]
    else:
        alive = lock.node_ids(context)
        left = [folder for folder in _folders_in(work_dir.parent) if lock.is_left_behind(folder, alive)]
    for folder in left:
        tmpfs.remove_leftovers(places, folder)
        shutil.rmtree(folder, ignore_errors=True)


def _folders_in(parent: Path) -> list[Path]:
    return [folder for folder in parent.iterdir() if folder.is_dir()] if parent.exists() else []


def _check_room(context: WorkerContext, plan: MontagePlan) -> None:
    """Raise DiskFull unless there is room for a film: for its segments, its file, and the blob of that."""
    disk.check_room(context.rendering.work_dir, context.rendering.size.bytes_while_made(plan.frames))


def _render(
    context: WorkerContext, montage: Montage, prepared: PreparedFilm, folder: Path, log: Any
) -> tuple[RenderedFilm, _Segments]:
    """Return the film and what became of its segments; `log` is told every tenth."""
    noted_at, logged_tenths = time.monotonic(), 0

    def on_progress(share: float) -> None:
        nonlocal noted_at, logged_tenths
        if (tenths := int(share * 10)) > logged_tenths:
            logged_tenths = tenths
            log.info("film.progress", percent=10 * tenths)
        if context.run.is_stopping():
            raise RenderInterrupted
        disk.check_room(context.rendering.work_dir, 0)
        if time.monotonic() - noted_at >= _PROGRESS_SECONDS:
            noted_at = time.monotonic()
            if not montages.note_progress(context.store, montage, share):
                raise RenderInterrupted

    job = RenderJob(
        plan_file=prepared.plan_file,
        pictures=prepared.pictures,
        out=folder / "film.mp4",
        poster=folder / "poster.jpg",
        workspace=folder,
        workers=context.rendering.workers,
        nice=context.rendering.nice,
        digests_file=prepared.digests_file,
    )
    key = segment_cache.key_of(context.vault, montage.capsule_id)
    surveyed, unreadable = _collect_inputs(
        context, montage, prepared, job, key, lambda _share: on_progress(0.0)
    )
    if not (context.run.is_alone or unreadable or prepared.unreadable):
        film_pieces.share(context, montage, job, prepared.plan, surveyed, on_progress)
    try:
        film = run_renderer(job, key=key, on_progress=on_progress)
    except RenderFailed:
        # One of the cached segments may be bad, and nobody knows which.
        context.vault.cache.clear(montage.capsule_id)
        raise
    segment_cache.keep_open(context.vault, montage.capsule_id, folder / "segments")
    left_out: dict[str, CapsuleError] = film["left_out"]
    rendered = RenderedFilm(
        film=job.out,
        poster=job.poster,
        seconds=float(film["seconds"]),
        report=(
            *prepared.report,
            *omissions_of(unreadable),
            *(
                omission_of(one, error)
                for one, error in left_out.items()
                if one not in prepared.unreadable and one not in unreadable
            ),
        ),
        # Chapters and subtitles are made from it, so it must be the plan that was rendered.
        plan=without_pictures(prepared.plan, frozenset(left_out)).to_json(),
    )
    segments = _Segments(encoded=int(film["segments_encoded"]), reused=int(film["segments_reused"]))
    return rendered, segments


def _collect_inputs(
    context: WorkerContext,
    montage: Montage,
    prepared: PreparedFilm,
    job: RenderJob,
    key: bytes,
    on_progress: Callable[[float], None],
) -> tuple[Survey, dict[str, CapsuleError]]:
    """
    Fetch finished segments from where they are kept, and the pictures that the renderer needs besides.

    When any segment is missing, all pictures are fetched, since a broken one moves the cuts of the film. Returns what
    the film is joined of, and why pictures cannot be read, by their ids.
    """
    store, vault = context.store, context.vault
    folder = job.workspace / "segments"
    folder.mkdir(mode=0o700, exist_ok=True)
    surveyed = survey(job, key=key, on_progress=on_progress)
    names = [segment.name for segment in surveyed.segments]
    if not context.run.is_alone:
        ahead = [segment_cache.sealed_name(name) for name in names]
        shared_segments.fetch(store, vault, montage.capsule_id, names, folder)
        shared_segments.fetch_ahead(store, vault, montage.capsule_id, ahead)
    segment_cache.fetch(store, vault, montage.capsule_id, names, folder)
    # Voice notes belong to no segment: they are always needed, for the sound.
    sources: tuple[Source | Voice, ...] = (*prepared.plan.sources, *prepared.plan.voices)
    if all((folder / segment_cache.file_name(name)).exists() for name in names):
        needed = [source for source in sources if source.id in surveyed.always_needed]
        if not preparation.fetch(store, vault, needed, prepared.pictures):
            return surveyed, {}
    unreadable = preparation.fetch(store, vault, sources, prepared.pictures)
    return surveyed, {one: error for one, error in unreadable.items() if one not in prepared.unreadable}


def _translate_error(error: Exception) -> CapsuleError:
    return RenderFailed(
        "film_stuck", kind=error.__class__.__name__, problem=CapsuleError("other", sentence=str(error))
    )
