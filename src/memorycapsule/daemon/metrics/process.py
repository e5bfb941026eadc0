"""What this process has done since its start, counted as it happens."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

import memorycapsule
from memorycapsule import disk
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.services.uploads import UploadEnd, UploadStage
from memorycapsule.work.worker_context import FilmMade, Tally

#: Pages take milliseconds, what a browser waits for a second, and the end of a long file minutes.
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STATEMENT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
#: SQLite waits for its one writer as it begins; Postgres begins without a word.
_OPERATIONS = frozenset({"begin", "select", "insert", "update", "delete"})


class ProcessMetrics:
    """
    The counters of a process, in a registry of their own.

    No label holds a name, an address, a title or an id, and each has few values.
    """

    def __init__(self, *, is_in_cluster: bool) -> None:
        #: For what else is to be told beside these.
        self.registry = CollectorRegistry()
        # Nobody asks when each counter began.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        for collect in (ProcessCollector, PlatformCollector, GCCollector):
            collect(registry=self.registry)
        self._gauge("build_info", "Always 1.", "version", "python", "cluster").labels(
            memorycapsule.__version__, platform.python_version(), str(is_in_cluster).lower()
        ).set(1)
        self._films = self._counter("films_finished", "Films that this process has made.", "state")
        self._film_seconds = self._counter("film_seconds", "Seconds of film in these.")
        self._render_seconds = self._counter("film_render_seconds", "Seconds that it took to make these.")
        self._segments = self._counter(
            "film_segments", "Segments of these, by where they came from.", "source"
        )
        self._uploads = self._counter("uploads", "Files that arrived over HTTP.", "result", "reason")
        self._requests = self._counter(
            "http_requests", "Requests by the template of their route.", "method", "route", "status"
        )
        self._request_seconds = self._histogram(
            "http_request_duration_seconds",
            "How long it took until an answer began.",
            _REQUEST_SECONDS,
            "method",
            "route",
        )
        self.requests_in_progress = self._gauge("http_requests_in_progress", "Requests being answered.")
        self._statement_seconds = self._histogram(
            "database_statement_duration_seconds",
            "How long statements took.",
            _STATEMENT_SECONDS,
            "operation",
        )

        self._begin_at_0()

    def _begin_at_0(self) -> None:
        """Tell what will happen sooner or later as 0 at first, since no rate is known of what comes out of nowhere."""
        for state in (MontageState.READY, MontageState.DEGRADED):
            self._films.labels(state)
        for source in ("encoded", "reused"):
            self._segments.labels(source)
        for stage in (UploadStage.KEPT, UploadStage.DUPLICATE, UploadStage.POSTPONED):
            self._uploads.labels(stage, "")

    @property
    def tally(self) -> Tally:
        """What is told of work that is done."""
        return Tally(film_made=self._count_film, upload_over=self._count_upload)

    def watch_heartbeat(self, age_seconds: Callable[[], float], *, limit_seconds: float) -> None:
        """Tell how old the last beat is whenever somebody asks, and from which age on the heartbeat is stuck."""
        age = self._gauge(
            "heartbeat_age_seconds", "How long ago the last run of the job ended that opens capsules."
        )
        age.set_function(age_seconds)
        limit = self._gauge("heartbeat_limit_seconds", "The age from which on the heartbeat is stuck.")
        limit.set(limit_seconds)

    def watch_disk(self, folder: Path) -> None:
        """Tell how large the disk of a folder is and what is free of it, whenever somebody asks."""

        def told(count: Callable[[Path], int]) -> Callable[[], float]:
            def read() -> float:
                try:
                    return count(folder)
                except OSError:
                    return math.nan

            return read

        free = self._gauge("disk_free_bytes", "Free space on the disk of the data folder.")
        free.set_function(told(disk.free_bytes))
        size = self._gauge("disk_size_bytes", "The size of the disk of the data folder.")
        size.set_function(told(disk.size_bytes))

    def count_statement(self, operation: str, seconds: float) -> None:
        """Count a statement by its first word in small letters."""
        named = operation if operation in _OPERATIONS else "other"
        self._statement_seconds.labels(named).observe(seconds)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that took so long until its answer began; `route` is the template of its path."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def _count_film(self, film: FilmMade) -> None:
        self._films.labels(film.state).inc()
        self._film_seconds.inc(film.seconds)
        self._render_seconds.inc(film.took_seconds)
        self._segments.labels("encoded").inc(film.segments_encoded)
        self._segments.labels("reused").inc(film.segments_reused)

    def _count_upload(self, end: UploadEnd) -> None:
        self._uploads.labels(end.stage, end.refusal or "").inc()

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"capsule_{name}", documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(f"capsule_{name}", documentation, labels, registry=self.registry)

    def _histogram(
        self, name: str, documentation: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"capsule_{name}", documentation, labels, buckets=buckets, registry=self.registry)
