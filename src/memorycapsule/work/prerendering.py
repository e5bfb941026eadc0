"""
Prerendering: films of sealed capsules are rendered segment by segment in quiet hours, to be ready on the day.

Plain pictures exist in a tmpfs workspace only, and only those of the segment that is being rendered. Plan and segments
are kept sealed. `films` joins the segments after the opening.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.direction import without_pictures
from memorycapsule.domain.film.montages import omissions_of
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import CapsuleError, DiskFull
from memorycapsule.journal import journal
from memorycapsule.render.survey import SurveyedSegment
from memorycapsule.services import opening
from memorycapsule.services.film import material, montages, preparation, segment_cache, shared_segments
from memorycapsule.services.film.segment_cache import PreparedPlan
from memorycapsule.services.vault import Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.work import tmpfs
from memorycapsule.work.renderer import PeriodicCheck, RenderInterrupted, RenderJob, render_segment, survey
from memorycapsule.work.worker_context import WorkerContext

#: How often a check for due work is made while a segment is rendered.
_CHECK_SECONDS = 1.0
_LOWEST_PRIORITY = 19
#: Nobody can unseal a capsule of a higher level before its date.
_SEAL_LEVEL = 1
#: So many capsules are read at a time.
_READ_AT_ONCE = 50


#: Date and id of a capsule: the order in which they open.
_Place = tuple[datetime, str]


class _CacheFull(Exception):
    """The cache is full of segments that are needed sooner."""


@dataclass(kw_only=True)
class Prerenderer:
    """
    One worker. It goes through the sealed capsules once in quiet hours, and then goes by what happens.

    So a look at an instance in which nothing has happened costs the same however many capsules it holds.
    """

    context: WorkerContext
    #: Whether it has gone past the last capsule.
    is_through: bool = False
    #: Date and id of the capsule that it has come to; None before the first.
    _reached: _Place | None = None
    _events: event_store.Follower = field(default_factory=event_store.Follower)
    #: Ids of capsules that it has gone past, and that something has happened to since.
    _changed: set[str] = field(default_factory=set)
    _is_warned: bool = False

    def run(self) -> int:
        """
        Render the missing segments of films to come, those of the next capsule to open first; return how many.

        Ends early as soon as anything is due. The folder's lock must be held, and `ticks.settle` called once before.
        """
        if not self._is_quiet():
            # The cache may have dropped segments until the next quiet hours, so all capsules are checked again then.
            self._reached, self.is_through, self._events = None, False, event_store.Follower()
            self._changed.clear()
            return 0
        if not self._is_idle() or self.context.vault.absence():
            return 0
        rendered = 0
        try:
            for capsule in self._waiting():
                job = self._job(capsule)
                if job is None:
                    continue
                if not self.context.vault.cache.has_room(job.pinned - {capsule.id}):
                    break
                rendered += self._do(job)
        except RenderInterrupted:
            journal.info("ahead.interrupted")
        except tmpfs.NoTmpfs as error:
            if not self._is_warned:
                journal.warning("ahead.impossible", reason=error.reason)
            self._is_warned = True
        return rendered

    def _waiting(self) -> Iterator[Capsule]:
        """
        Yield the capsules to be looked at; whoever asks for the next one is done with the one before.

        Those that something has happened to since they were done come first, since they open sooner than those that
        nobody has come to.
        """
        for capsule in self._changed_ones():
            yield capsule
            self._changed.discard(capsule.id)
        while not self.is_through:
            some = self._next_ones()
            for capsule in some:
                yield capsule
                self._reached = _place(capsule)
            self.is_through = not some

    def _changed_ones(self) -> list[Capsule]:
        with self.context.store.reading() as tx:
            if happened := self._events.look(tx):
                since = capsule_store.sealed_among(tx, happened)
                self._changed |= {one.id for one in since if self._has_gone_past(one)}
            found = capsule_store.sealed_among(tx, self._changed)
        self._changed = {one.id for one in found}
        return found

    def _has_gone_past(self, capsule: Capsule) -> bool:
        return self.is_through or (self._reached is not None and _place(capsule) <= self._reached)

    def _next_ones(self) -> list[Capsule]:
        with self.context.store.reading() as tx:
            return capsule_store.sealed_after(tx, self._reached, _READ_AT_ONCE)

    def _job(self, capsule: Capsule) -> _PrerenderingJob | None:
        """Return what is to be done for a capsule as it is now; None where nobody can do anything before its date."""
        with self.context.store.reading() as tx:
            current = capsule_store.capsules.find(tx, capsule.id)
            if current is None or current.is_open or current.seal_level != _SEAL_LEVEL:
                return None
            cached = capsule_store.sealed_among(tx, self.context.vault.cache.shelves())
            events = event_store.count_of_capsule(tx, current.id)
        rendering = self.context.rendering
        return _PrerenderingJob(
            capsule=current,
            events=events,
            workspace=tmpfs.workspace(rendering.tmpfs_places, rendering.work_dir),
            pinned=frozenset({current.id, *(one.id for one in cached if _place(one) < _place(current))}),
        )

    def _do(self, job: _PrerenderingJob) -> int:
        """Render one capsule's missing segments, and remove the workspace however that ends; return how many."""
        log = journal.bind(capsule=job.capsule.id)
        tmpfs.create(job.workspace)
        try:
            rendered = self._render_missing(job)
        except _CacheFull:
            log.info("ahead.no_room")
            rendered = 0
        except CapsuleError as error:
            # The message stays out of the log: it may speak of sealed content.
            log.warning("ahead.failed", error=type(error).__name__)
            rendered = 0
        else:
            log.info("ahead.done")
        finally:
            tmpfs.remove(job.workspace)
        return rendered

    def _render_missing(self, job: _PrerenderingJob) -> int:
        capsule = job.capsule
        # Files that are too large for memory must not go to the disk either.
        vault = dataclasses.replace(self.context.vault, workspace=job.workspace)
        prepared = self._prepared(job, vault)
        key = segment_cache.key_of(vault, capsule.id)
        rendered = 0
        while True:
            plan_file, digests_file = preparation.write_plan(job.workspace, prepared.plan, prepared.digests)
            render_job = RenderJob(
                plan_file=plan_file,
                pictures=job.workspace / "pictures",
                out=job.workspace / "segment.mp4",
                poster=job.workspace / "poster.jpg",
                workspace=job.workspace,
                workers=1,
                nice=_LOWEST_PRIORITY,
                digests_file=digests_file,
            )
            segments = survey(
                render_job, key=key, on_progress=PeriodicCheck(self._check_idle, _CHECK_SECONDS)
            ).segments
            segment_cache.keep_only(vault, capsule.id, [segment.name for segment in segments])
            elsewhere = self._keep_only_elsewhere(capsule, segments)
            broken: dict[str, CapsuleError] = {}
            for segment in segments:
                name = segment_cache.sealed_name(segment.name)
                if name in elsewhere:
                    continue
                if segment_cache.has_sealed(vault, capsule.id, segment.name):
                    self._share(job, vault, name)
                    continue
                self._check_idle()
                broken = self._render_segment(job, vault, prepared, render_job, segment, key)
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
            self._keep_plan(job, vault, prepared)

    def _prepared(self, job: _PrerenderingJob, vault: Vault) -> PreparedPlan:
        """Return the plan that was kept, if nothing has changed that it depends on, or a new one."""
        context, capsule, rendering = self.context, job.capsule, self.context.rendering
        montage = opening.opening_montage(capsule, context.now())
        if not context.run.is_alone:
            shared_segments.fetch_ahead(context.store, vault, capsule.id, [segment_cache.PLAN], anew=True)
        before = segment_cache.find_plan(context.store, vault, capsule.id)
        fingerprint = material.fingerprint(
            context.store, vault, montage, size=rendering.size, fps=rendering.fps
        )
        if before is not None and before.fingerprint == fingerprint:
            return before
        prepared = preparation.plan_sealed(
            context.store,
            vault,
            montage,
            size=rendering.size,
            fps=rendering.fps,
            known=before,
            folder=job.workspace,
            face_model=rendering.face_model,
            check=self._check_idle,
        )
        self._keep_plan(job, vault, prepared)
        return prepared

    def _keep_plan(self, job: _PrerenderingJob, vault: Vault, prepared: PreparedPlan) -> None:
        self._check_unchanged(job)
        if not segment_cache.keep_plan(vault, job.capsule, prepared, job.pinned):
            raise _CacheFull
        self._share(job, vault, segment_cache.PLAN)

    def _share(self, job: _PrerenderingJob, vault: Vault, name: str) -> None:
        """Keep a file of the cache where all nodes find it, if there are several."""
        if not self.context.run.is_alone:
            store, now = self.context.store, self.context.now()
            shared_segments.keep_ahead(store, vault, job.capsule.id, name, events=job.events, now=now)

    def _keep_only_elsewhere(self, capsule: Capsule, segments: Sequence[SurveyedSegment]) -> set[str]:
        """Return which sealed files any node has rendered; those that no segment is made of any more are removed."""
        if self.context.run.is_alone:
            return set()
        store, vault = self.context.store, self.context.vault
        wanted = {segment_cache.sealed_name(segment.name) for segment in segments} | {segment_cache.PLAN}
        shared_segments.keep_only_ahead(store, vault, capsule.id, wanted)
        return shared_segments.names_ahead(store, capsule.id)

    def _render_segment(
        self,
        job: _PrerenderingJob,
        vault: Vault,
        prepared: PreparedPlan,
        render_job: RenderJob,
        segment: SurveyedSegment,
        key: bytes,
    ) -> dict[str, CapsuleError]:
        """Render one segment and keep it sealed; or return why pictures are broken, by their ids."""
        pictures, out = render_job.pictures, render_job.out
        pictures.mkdir(mode=0o700)
        try:
            sources = [source for source in prepared.plan.sources if source.id in segment.pictures]
            broken = preparation.fetch(self.context.store, vault, sources, pictures)
            if not broken:
                check = PeriodicCheck(self._check_idle, _CHECK_SECONDS)
                broken = render_segment(render_job, segment.name, key=key, on_progress=check)
            if not broken:
                self._check_unchanged(job)
                if not segment_cache.keep_sealed(vault, job.capsule, segment.name, out, job.pinned):
                    raise _CacheFull
                self._share(job, vault, segment_cache.sealed_name(segment.name))
        except DiskFull:
            # The segment needs more memory than there is. It is rendered after the opening, on the disk.
            return {}
        else:
            return broken
        finally:
            shutil.rmtree(pictures)
            out.unlink(missing_ok=True)

    def _check_idle(self) -> None:
        """Raise RenderInterrupted unless these are quiet hours and nothing is due."""
        if not (self._is_quiet() and self._is_idle()):
            raise RenderInterrupted

    def _check_unchanged(self, job: _PrerenderingJob) -> None:
        """Raise RenderInterrupted after any event: what somebody has just removed must not be cached again."""
        with self.context.store.reading() as tx:
            if event_store.count_of_capsule(tx, job.capsule.id) != job.events:
                raise RenderInterrupted

    def _is_quiet(self) -> bool:
        hours = self.context.rendering.quiet_hours
        return hours is not None and hours.contains(local_of(self.context.now(), self.context.rendering.zone))

    def _is_idle(self) -> bool:
        context = self.context
        return not context.run.is_stopping() and not montages.has_work(context.store, context.now())


def _place(capsule: Capsule) -> _Place:
    return capsule.opens_at, capsule.id


@dataclass(frozen=True, kw_only=True)
class _PrerenderingJob:
    """One capsule whose film is to be prerendered."""

    capsule: Capsule
    #: How many events the capsule had had when the job began.
    events: int
    #: A folder on a tmpfs.
    workspace: Path
    #: Ids of the capsules whose segments the cache must not drop for this one.
    pinned: frozenset[str]
