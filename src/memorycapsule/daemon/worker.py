"""The worker: a process that does due work of some kinds beside others that share its database, and serves no pages."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Collection

from memorycapsule.app import open_app
from memorycapsule.config import Settings
from memorycapsule.daemon import logs
from memorycapsule.daemon.heartbeat import Heartbeat
from memorycapsule.daemon.jobs import add_jobs, keep_right, pulse_of, tell_of_slow_statements
from memorycapsule.daemon.metrics.listener import listening
from memorycapsule.daemon.metrics.process import ProcessMetrics
from memorycapsule.daemon.metrics.telling import telling_of
from memorycapsule.daemon.signals import end_on_signals
from memorycapsule.daemon.status import Watchdog, keep_status
from memorycapsule.errors import UsageProblem
from memorycapsule.journal import journal
from memorycapsule.systemd.manager import ServiceManager
from memorycapsule.work import ticks
from memorycapsule.work.cluster.queues import Queue, works_of
from memorycapsule.work.lock import working_in_database
from memorycapsule.work.reserve import Reserve

#: How long what is in hand may still take when the worker ends; what takes longer is done again by another one, once
#: its lease has expired.
_DRAIN_SECONDS = 30.0


def work(
    settings: Settings,
    *,
    queues: Collection[Queue],
    films_at_once: int,
    announce: Callable[[int, str | None], None],
    is_verbose: bool = False,
) -> None:
    """
    Work on the queues until SIGTERM, SIGINT or SIGHUP; then claim nothing more, and finish what is in hand or give it
    back.

    A second SIGINT ends the process at once. Calls `announce(pid, metrics_url)` once everything is ready; the address
    is None where the metrics have no port. Raises UsageProblem where several processes cannot share the work, Busy when
    another one works alone in the database, and what `open_app` raises.
    """
    if not settings.cluster:
        raise UsageProblem("worker_without_cluster")
    if not queues:
        raise UsageProblem("worker_without_queues")
    logs.configure(settings.log_format, is_verbose=is_verbose)
    stopping = threading.Event()
    # A queue of this kind may be filled by a signal's handler while the same thread waits for it; no event may.
    ended: queue.SimpleQueue[None] = queue.SimpleQueue()
    manager = ServiceManager.of_environment()
    heartbeat = Heartbeat()
    metrics = ProcessMetrics(is_in_cluster=settings.cluster)
    Reserve(settings.data_dir).give_back_when_low()

    def end() -> None:
        manager.stopping()
        stopping.set()
        ended.put(None)

    with (
        open_app(settings, is_stopping=stopping.is_set, tally=metrics.tally) as app,
        working_in_database(app, kind="worker") as right,
        end_on_signals(stopping, end),
    ):
        tell_of_slow_statements(app)
        ticks.settle(app)
        wake = add_jobs(heartbeat, app, queues, films_at_once=films_at_once)
        keep_right(heartbeat, right.renew, end)
        keep_status(heartbeat, app, manager)

        def heartbeat_age() -> float:
            return heartbeat.age_seconds(pulse_of(queues))

        watchdog = Watchdog(
            manager,
            age_seconds=heartbeat_age,
            stuck_after_seconds=settings.daemon.stuck_after_seconds,
        )
        telling = telling_of(app, metrics, heartbeat_age=heartbeat_age)
        with app.dispatcher.listening(works_of(queues), wake), listening(settings, telling) as metrics_url:
            heartbeat.start()
            journal.info("worker.ready", pid=os.getpid(), queues=sorted(queues), metrics_url=metrics_url)
            announce(os.getpid(), metrics_url)
            manager.ready()
            _wait(ended, watchdog)
        if unfinished := heartbeat.stop(_DRAIN_SECONDS):
            journal.warning("worker.cut_off", jobs=unfinished)
    journal.info("worker.ended")


def _wait(ended: queue.SimpleQueue[None], watchdog: Watchdog) -> None:
    """Wait until the worker is to end, and meanwhile tell whoever watches it that all is well."""
    while True:
        watchdog.tell()
        with contextlib.suppress(queue.Empty):
            return ended.get(timeout=watchdog.every_seconds)
