"""How the instance is, read when somebody asks, and not so often that it would cost the machine anything."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from memorycapsule.domain.capsules import CapsuleState
from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.instances import BlobDamage
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.journal import journal
from memorycapsule.work.measuring import Measured

#: A reading is good for so many times as long as it took: reading takes a twentieth of the time at most.
_RESTS = 20
#: But not for longer, however much there is to be counted.
_LONGEST_REST_SECONDS = 300.0
#: How long one who asks waits for a reading. Prometheus gives up after ten seconds, and takes the program for dead.
_PATIENCE_SECONDS = 5.0

Kind = TypeVar("Kind", bound=StrEnum)
#: One figure, the figures by the values of a label, or None for what there is none of.
Values = float | Mapping[str, float] | None


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """What the last try to read found, None where it failed."""

    measured: Measured | None
    #: When it ended and how long it took, in seconds of the collector's clock.
    ended: float
    took: float


@dataclass(frozen=True, kw_only=True)
class _Gauge:
    name: str
    documentation: str
    #: What it is at an instant.
    value: Callable[[Measured, datetime], Values]
    label: str | None = None


def _by(kinds: Iterable[Kind], counts: Mapping[Kind, int]) -> dict[str, float]:
    """Return the counts of all kinds, so that those that there are none of are 0 and not absent."""
    return {str(kind): counts.get(kind, 0) for kind in kinds}


def _since(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else (now - at).total_seconds()


def _since_or_0(at: datetime | None, now: datetime) -> float:
    return _since(at, now) or 0.0


def _until(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else (at - now).total_seconds()


_GAUGES = (
    _Gauge(
        name="capsules",
        documentation="Capsules by state.",
        label="state",
        value=lambda measured, _now: _by(CapsuleState, measured.figures.capsules),
    ),
    _Gauge(
        name="due",
        documentation="Capsules whose date has come and that are still sealed.",
        value=lambda measured, _now: measured.figures.due,
    ),
    _Gauge(
        name="due_seconds",
        documentation="How long ago the earliest date of the due capsules came.",
        value=lambda measured, now: _since_or_0(measured.figures.first_due_at, now),
    ),
    _Gauge(
        name="next_opening_seconds",
        documentation="How long it is until the next date of a sealed capsule.",
        value=lambda measured, now: _until(measured.figures.next_opening_at, now),
    ),
    _Gauge(
        name="clock_doubted",
        documentation="Whether the clock is in doubt, so that nothing opens.",
        value=lambda measured, _now: measured.surroundings.clock_doubt is not None,
    ),
    _Gauge(
        name="notices",
        documentation="What is wrong, by kind.",
        label="kind",
        value=lambda measured, _now: _by(NoticeKind, Counter(one.kind for one in measured.notices)),
    ),
    _Gauge(
        name="outbox_letters",
        documentation="Letters by state.",
        label="state",
        value=lambda measured, _now: _by(DeliveryState, measured.figures.letters),
    ),
    _Gauge(
        name="outbox_oldest_seconds",
        documentation="How long the oldest letter has been in the outbox that is queued or being sent.",
        value=lambda measured, now: _since_or_0(measured.figures.oldest_letter_at, now),
    ),
    _Gauge(
        name="sender_paused",
        documentation="Whether no letter is tried because the mail server took none.",
        value=lambda measured, _now: measured.figures.is_sender_paused,
    ),
    _Gauge(
        name="sender_pauses",
        documentation="How often in a row the sender has paused.",
        value=lambda measured, _now: measured.figures.pauses,
    ),
    _Gauge(
        name="films",
        documentation="Films by state.",
        label="state",
        value=lambda measured, _now: _by(MontageState, measured.figures.films),
    ),
    _Gauge(
        name="films_oldest_seconds",
        documentation="How long ago the oldest film was asked for that is queued or being rendered.",
        value=lambda measured, now: _since_or_0(measured.figures.oldest_film_at, now),
    ),
    _Gauge(
        name="blobs",
        documentation="Stored files.",
        value=lambda measured, _now: measured.figures.blobs,
    ),
    _Gauge(
        name="blob_bytes",
        documentation="How large the stored files are together.",
        value=lambda measured, _now: measured.figures.blob_bytes,
    ),
    _Gauge(
        name="blobs_damaged",
        documentation="Stored files that were found damaged when they were last read.",
        label="damage",
        value=lambda measured, _now: _by(BlobDamage, measured.figures.damaged),
    ),
    _Gauge(
        name="scrub_age_seconds",
        documentation="How long ago the stored file was read whose last check is the longest ago.",
        value=lambda measured, now: _since(measured.figures.oldest_look_at, now),
    ),
    _Gauge(
        name="trash_files",
        documentation="Files in the trash.",
        value=lambda measured, _now: measured.surroundings.trash_files,
    ),
    _Gauge(
        name="trash_bytes",
        documentation="How large the files in the trash are together.",
        value=lambda measured, _now: measured.surroundings.trash_bytes,
    ),
    _Gauge(
        name="backup_age_seconds",
        documentation="How old the newest backup is.",
        value=lambda measured, now: _since(measured.figures.backed_up_at, now),
    ),
    _Gauge(
        name="nodes",
        documentation="Programs that work in the database now.",
        value=lambda measured, _now: max(measured.figures.nodes, 1),
    ),
)


class InstanceCollector(Collector):
    """
    Tells how the instance is, by `measure`.

    One reading is made at a time, in a thread of its own. Whoever asks meanwhile gets the last one, and whoever it is
    made for waits `patience_seconds` at most: a database that hangs holds up no scrape for longer.
    """

    def __init__(
        self,
        measure: Callable[[], Measured],
        now: Callable[[], datetime],
        *,
        clock: Callable[[], float] = time.monotonic,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._measure = measure
        self._now = now
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._turn = threading.Lock()
        self._reader: threading.Thread | None = None
        self._last: _Reading | None = None

    def describe(self) -> Iterable[Metric]:
        """Return nothing: to know the names, nothing need be read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the reading that is current."""
        last = self._current()
        measured = last.measured if last else None
        yield _family("database_readable", "Whether the last reading succeeded.", measured is not None)
        if last is None or measured is None:
            return
        yield _family("reading_age_seconds", "How old this reading is.", self._clock() - last.ended)
        now = self._now()
        for gauge in _GAUGES:
            yield _family(gauge.name, gauge.documentation, gauge.value(measured, now), gauge.label)

    def _current(self) -> _Reading | None:
        with self._turn:
            reader = self._reader_to_wait_for()
        if reader is not None:
            reader.join(self._patience_seconds)
        return self._last

    def _reader_to_wait_for(self) -> threading.Thread | None:
        if self._reader is not None and self._reader.is_alive():
            # While there is none yet, all wait for the first reading.
            return self._reader if self._last is None else None
        return self._begin() if self._is_old() else None

    def _begin(self) -> threading.Thread:
        # It ends with the process, however long the database hangs.
        self._reader = threading.Thread(target=self._read, name="measuring", daemon=True)
        self._reader.start()
        return self._reader

    def _is_old(self) -> bool:
        last = self._last
        if last is None:
            return True
        return self._clock() - last.ended >= min(_RESTS * last.took, _LONGEST_REST_SECONDS)

    def _read(self) -> None:
        begun = self._clock()
        measured = None
        try:
            measured = self._measure()
        except Exception as error:  # noqa: BLE001 - nobody is there to catch it, and the metrics of the process go on
            journal.warning("metrics.unreadable", error=type(error).__name__)
        ended = self._clock()
        self._last = _Reading(measured=measured, ended=ended, took=ended - begun)


def _family(name: str, documentation: str, value: Values, label: str | None = None) -> Metric:
    family = GaugeMetricFamily(f"capsule_{name}", documentation, labels=[label] if label else [])
    if isinstance(value, Mapping):
        for one, count in value.items():
            family.add_metric([one], count)
    elif value is not None:
        family.add_metric([], float(value))
    return family
