"""
Rendering ahead: films of sealed capsules are made piece by piece while nobody waits, so that they are there on the day.

What is shown in plain exists in a folder in memory only, and of the pictures only those of the piece in hand. Plan
and pieces are kept sealed; they are joined after the opening, by `films`.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.direction import without_pictures
from memorycapsule.domain.film.montages import omissions_of
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import CapsuleError, DiskFull
from memorycapsule.journal import journal
from memorycapsule.render.survey import SurveyedSegment
from memorycapsule.services import opening
from memorycapsule.services.film import material, montages, preparation, segment_cache
from memorycapsule.services.film.segment_cache import PreparedPlan
from memorycapsule.services.vault import Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.work import tmpfs
from memorycapsule.work.renderer import RenderJob, render_segment, survey
from memorycapsule.work.worker_context import WorkerContext

#: Whether something is due is looked up this often while a segment is rendered.
_LOOK_SECONDS = 1.0
_LOWEST_PRIORITY = 19
#: What is sealed more strongly cannot be unsealed before its date, by nobody.
_SEAL_LEVEL = 1


class _PrerenderingInterrupted(Exception):
    """Something else is to be done now, or what is in hand has changed."""


class _NoRoom(Exception):
    """The cache is full of what is wanted sooner."""


@dataclass(kw_only=True)
class Prerenderer:
    """One worker; what it remembers spares it looks at capsules to which nothing has happened."""

    context: WorkerContext
    #: Capsules for which nothing more can be done, with the number of what happened to them last.
    settled: dict[str, int] = field(default_factory=dict)
    _is_warned: bool = False

    def work(self) -> int:
        """
        Render what is missing of the films to come, the next to open first, and return how many segments.

        Ends early as soon as anything is due. The folder's lock must be held, and `settle` called once before.
        """
        if not self._is_quiet():
            # The next night looks at everything anew: segments may have had to make room.
            self.settled.clear()
            return 0
        if not self._is_free():
            return 0
        with self.context.store.reading() as tx:
            newest = event_store.newest_ids(tx)
            capsules = [one for one in capsule_store.all_sealed(tx) if one.seal_level == _SEAL_LEVEL]
        sparing: set[str] = set()
        rendered = 0
        try:
            for capsule in capsules:
                sparing.add(capsule.id)
                happened = newest.get(capsule.id, 0)
                if self.settled.get(capsule.id) == happened:
                    continue
                if not self.context.vault.cache.has_room(sparing - {capsule.id}):
                    break
                folder = tmpfs.place(self.context.memory_places, self.context.work_dir)
                order = _Order(capsule=capsule, happened=happened, folder=folder, sparing=frozenset(sparing))
                rendered += self._try(order)
        except _PrerenderingInterrupted:
            journal.info("ahead.interrupted")
        except tmpfs.NoMemoryFolder as error:
            if not self._is_warned:
                journal.warning("ahead.impossible", reason=error.message)
            self._is_warned = True
        return rendered

    def _try(self, order: _Order) -> int:
        """Do one capsule to its end, whatever that is, and leave nothing in memory."""
        capsule = order.capsule
        log = journal.bind(capsule=capsule.id)
        tmpfs.make(order.folder)
        try:
            rendered = self._render(order)
        except _NoRoom:
            log.info("ahead.no_room")
            rendered = 0
        except CapsuleError as error:
            # Not what it says: that may be about what is sealed.
            log.warning("ahead.failed", error=type(error).__name__)
            rendered = 0
        else:
            log.info("ahead.done")
        finally:
            tmpfs.wipe_folder(order.folder)
        self.settled[capsule.id] = order.happened
        return rendered

    def _render(self, order: _Order) -> int:
        capsule, context = order.capsule, self.context
        # What is too large for a memory file must not go to the disk either.
        vault = dataclasses.replace(context.vault, workspace=order.folder)
        prepared = self._prepared(order, vault)
        key = segment_cache.key_of(vault, capsule.id)
        rendered = 0
        while True:
            plan_file, digests_file = preparation.write_plan(order.folder, prepared.plan, prepared.digests)
            job = RenderJob(
                plan_file=plan_file,
                pictures=order.folder / "pictures",
                out=order.folder / "segment.mp4",
                poster=order.folder / "poster.jpg",
                workspace=order.folder,
                workers=1,
                nice=_LOWEST_PRIORITY,
                digests_file=digests_file,
            )
            segments = survey(job, key=key, on_progress=self._looking()).segments
            segment_cache.keep_only(vault, capsule.id, [segment.name for segment in segments])
            broken: dict[str, str] = {}
            for segment in segments:
                if segment_cache.has_sealed(vault, capsule.id, segment.name):
                    continue
                self._check()
                broken = self._render_segment(order, vault, prepared, job, segment, key)
                if broken:
                    break
                rendered += 1
            if not broken:
                return rendered
            prepared = dataclasses.replace(
                prepared,
                plan=without_pictures(prepared.plan, frozenset(broken)),
                report=(*prepared.report, *omissions_of(broken)),
            )
            self._keep_plan(order, vault, prepared)

    def _prepared(self, order: _Order, vault: Vault) -> PreparedPlan:
        """Return the plan from before, if it still is what the film would be, or a new one."""
        context, capsule = self.context, order.capsule
        film = opening.opening_montage(capsule, context.now())
        with context.store.reading() as tx:
            before = segment_cache.find_plan(tx, vault, capsule.id)
        fingerprint = material.fingerprint(context.store, vault, film, size=context.size, fps=context.fps)
        if before is not None and before.fingerprint == fingerprint:
            return before
        prepared = preparation.plan_sealed(
            context.store,
            vault,
            film,
            size=context.size,
            fps=context.fps,
            known=before,
            folder=order.folder,
            face_model=context.face_model,
            check=self._check,
        )
        self._keep_plan(order, vault, prepared)
        return prepared

    def _keep_plan(self, order: _Order, vault: Vault, prepared: PreparedPlan) -> None:
        self._check_unchanged(order)
        if not segment_cache.keep_plan(vault, order.capsule, prepared, order.sparing):
            raise _NoRoom

    def _render_segment(
        self,
        order: _Order,
        vault: Vault,
        prepared: PreparedPlan,
        job: RenderJob,
        segment: SurveyedSegment,
        key: bytes,
    ) -> dict[str, str]:
        """Make one segment and keep it sealed; or return sentences about pictures that are broken, by their ids."""
        job.pictures.mkdir(mode=0o700)
        try:
            sources = [source for source in prepared.plan.sources if source.id in segment.pictures]
            broken = preparation.fetch(self.context.store, vault, sources, job.pictures)
            if not broken:
                broken = render_segment(job, segment.name, key=key, on_progress=self._looking())
            if not broken:
                self._check_unchanged(order)
                if not segment_cache.keep_sealed(vault, order.capsule, segment.name, job.out, order.sparing):
                    raise _NoRoom
        except DiskFull:
            # More than there is memory for: this segment is made after the opening.
            return {}
        else:
            return broken
        finally:
            shutil.rmtree(job.pictures)
            job.out.unlink(missing_ok=True)

    def _looking(self) -> _Looking:
        return _Looking(self)

    def _check(self) -> None:
        if not (self._is_quiet() and self._is_free()):
            raise _PrerenderingInterrupted

    def _check_unchanged(self, order: _Order) -> None:
        """What somebody has just taken out must not be put into the cache again."""
        with self.context.store.reading() as tx:
            if event_store.newest_ids(tx).get(order.capsule.id, 0) != order.happened:
                raise _PrerenderingInterrupted

    def _is_quiet(self) -> bool:
        hours = self.context.quiet_hours
        return hours is not None and hours.has(local_of(self.context.now(), self.context.zone))

    def _is_free(self) -> bool:
        context = self.context
        return not context.is_stopping() and not montages.has_work(context.store, context.now())


@dataclass(frozen=True, kw_only=True)
class _Order:
    """One capsule whose film is to be rendered ahead."""

    capsule: Capsule
    #: The number of what happened to it last when it was looked at.
    happened: int
    #: The folder in memory.
    folder: Path
    #: Ids of the capsules that keep their segments, however little room there is.
    sparing: Collection[str]


class _Looking:
    """Looks now and then, while a child works, whether something else is to be done."""

    def __init__(self, ahead: Prerenderer) -> None:
        self._ahead = ahead
        self._looked = time.monotonic()

    def __call__(self, _share: float) -> None:
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._looked = time.monotonic()
            self._ahead._check()
