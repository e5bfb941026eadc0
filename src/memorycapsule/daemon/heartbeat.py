"""
The heartbeat: it runs jobs at intervals, and at once when they are woken.

Jobs keep nothing in memory: rows say what is due. APScheduler starts each job in a thread of its own, so that neither
a film nor a mail server that hangs delays an opening. A thread lives as long as the daemon, because children are
killed when the thread that started them ends (see `processes`).
"""

# APScheduler has no types; this module is the typed wrapper around it.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from memorycapsule.errors import CapsuleError
from memorycapsule.journal import journal

#: One run, and one that waits: a wake that comes during a run must not be lost. Each job has one thread, so two runs
#: of it never overlap.
_RUNNING_AND_WAITING = 2
_WATCH_SECONDS = 2.0
_SLOW_SECONDS = 60.0


@dataclass(kw_only=True)
class _Job:
    """A job and its thread."""

    name: str
    seconds: float
    work: Callable[[], object]
    thread: _DaemonThread
    #: A run that takes longer is told.
    slow_seconds: float
    #: When the last run ended (time.monotonic); runs that failed count as well.
    ended: float = field(default_factory=time.monotonic)


class Heartbeat:
    """
    Jobs by name: `add` them, then `start`.

    A job that raises is logged in one line, and its next run comes as if nothing had happened.
    """

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={
                "misfire_grace_time": None,
                "coalesce": True,
                "max_instances": _RUNNING_AND_WAITING,
            },
        )
        self._jobs: dict[str, _Job] = {}
        self._is_stopped = threading.Event()
        self._watch = threading.Thread(target=self._watch_clock, name="watchdog", daemon=True)

    def add(
        self,
        name: str,
        work: Callable[[], object],
        *,
        every_seconds: float,
        slow_seconds: float = _SLOW_SECONDS,
    ) -> None:
        """
        Add a job that runs at the start and then every so many seconds.

        A run that takes longer than `slow_seconds` is logged; infinity for work that takes its time.
        """
        thread = _DaemonThread(name)
        self._jobs[name] = _Job(
            name=name, seconds=every_seconds, work=work, thread=thread, slow_seconds=slow_seconds
        )
        self._scheduler.add_executor(_ThreadExecutor(thread), name)
        self._scheduler.add_job(
            self._run,
            _Interval(every_seconds),
            args=[name],
            id=name,
            executor=name,
            next_run_time=datetime.now(UTC),
        )

    def start(self) -> None:
        self._scheduler.start()
        self._watch.start()

    def wake(self, name: str) -> None:
        """Have a job run now; a job that is running runs once more afterwards."""
        if self._is_stopped.is_set() or name not in self._jobs:
            return
        self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def age_seconds(self, name: str) -> float:
        """Return how long ago a job's last run ended, however it ended."""
        return time.monotonic() - self._jobs[name].ended

    def stop(self, deadline_seconds: float) -> list[str]:
        """
        Begin no other run, wait for those that are running, and return the names of jobs that run longer than that.

        The threads of these end with the process and do not delay its end.
        """
        self._is_stopped.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        deadline = time.monotonic() + deadline_seconds
        return [
            job.name
            for job in self._jobs.values()
            if not job.thread.is_over(max(0.0, deadline - time.monotonic()))
        ]

    def _run(self, name: str) -> None:
        job = self._jobs[name]
        if self._is_stopped.is_set():
            return
        began = time.monotonic()
        try:
            job.work()
        except CapsuleError as error:
            journal.error("job.failed", job=name, error=type(error).__name__, reason=error.reason)
            journal.debug("job.failed", job=name, exc_info=True)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in one job, the others and its next run go on
            journal.error("job.failed", job=name, error=type(error).__name__)
            journal.debug("job.failed", job=name, exc_info=True)
        finally:
            job.ended = time.monotonic()
        if (took := job.ended - began) > job.slow_seconds:
            journal.warning("job.slow", job=name, took_seconds=round(took, 1))

    def _watch_clock(self) -> None:
        """
        Wake jobs whose next run is further away than their interval, because the wall clock was set back.

        The scheduler goes by the wall clock and would wait until that has caught up.
        """
        while not self._is_stopped.wait(_WATCH_SECONDS):
            for job in self._jobs.values():
                scheduled = self._scheduler.get_job(job.name)
                latest = datetime.now(UTC) + timedelta(seconds=job.seconds + _WATCH_SECONDS)
                if scheduled is not None and scheduled.next_run_time > latest:
                    journal.warning("heartbeat.revived", job=job.name)
                    self.wake(job.name)


class _Interval(BaseTrigger):
    """
    A trigger that fires so many seconds after now.

    APScheduler's own trigger lists every run that was missed. When a machine without a battery clock learns the time
    and jumps ahead by decades, those are more than fit into memory.
    """

    def __init__(self, seconds: float) -> None:
        self._interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        del previous_fire_time
        return now + self._interval


class _DaemonThread(Executor):
    """
    One thread, which starts with its first call and ends with `shutdown`.

    Python joins the threads of concurrent.futures at its end, so a mail server that hangs would keep the daemon from
    ending.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._has_started = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self._has_started:
            self._has_started = True
            self._thread.start()
        future: Future[Any] = Future()
        self._calls.put((future, functools.partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        del wait, cancel_futures
        self._calls.put(None)

    def is_over(self, timeout_seconds: float) -> bool:
        """Wait for the thread to end, for at most so many seconds, and return whether it did."""
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future is told
                future.set_exception(error)


class _ThreadExecutor(BasePoolExecutor):
    """APScheduler's executor on a thread of ours."""

    def __init__(self, thread: _DaemonThread) -> None:
        super().__init__(thread)
