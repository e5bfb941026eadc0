"""The daemon: one process that serves pages, runs the heartbeat and ends when a signal asks it to."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Collection

from memorycapsule.app import App, open_app
from memorycapsule.config import Settings
from memorycapsule.daemon import logs
from memorycapsule.daemon.folder import folder_lock
from memorycapsule.daemon.heartbeat import Heartbeat
from memorycapsule.daemon.http.protocol.pressure import bound_page_threads
from memorycapsule.daemon.http.site import make_site
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver
from memorycapsule.daemon.jobs import add_jobs, keep_right, pulse_of, tell_of_slow_statements
from memorycapsule.daemon.metrics.answers import MetricsAnswers
from memorycapsule.daemon.metrics.listener import listening
from memorycapsule.daemon.metrics.measured_site import MeasuredSite
from memorycapsule.daemon.metrics.process import ProcessMetrics
from memorycapsule.daemon.metrics.telling import telling_of
from memorycapsule.daemon.reloading import Reload, begin_anew
from memorycapsule.daemon.server import BoundServer, bound_socket
from memorycapsule.daemon.signals import end_on_signals
from memorycapsule.daemon.status import Watchdog, keep_status
from memorycapsule.errors import UsageProblem
from memorycapsule.journal import journal
from memorycapsule.systemd.manager import ServiceManager
from memorycapsule.work import ticks
from memorycapsule.work.cluster.queues import ALL_QUEUES, Queue, works_of
from memorycapsule.work.lock import working_in_database
from memorycapsule.work.reserve import Reserve

#: How long downloads, and then jobs, may still take when the daemon ends.
_DOWNLOADS_GRACE_SECONDS = 2
_WORK_GRACE_SECONDS = 6.0
#: Proxies close idle connections after at most two minutes (nginx one, Caddy two). The daemon closes them later than
#: that: a request that is sent while the daemon closes the connection gets no answer.
_KEEP_ALIVE_SECONDS = 150
_UPLOADS_SECONDS = 60.0


def serve(
    settings: Settings,
    *,
    announce: Callable[[str, int, str | None], None],
    read_settings: Callable[[], object],
    queues: Collection[Queue] = ALL_QUEUES,
    is_verbose: bool = False,
) -> None:
    """
    Run until SIGTERM, SIGINT or SIGHUP, then end cleanly; a second SIGINT ends the process at once.

    Calls `announce(url, pid, metrics_url)` once everything is ready and the port is open; both are addresses on this
    machine, the second None where the metrics have no port of their own.
    Where a service manager started this process, it is told how it is, and a SIGHUP of it has the settings read again:
    if `read_settings` raises nothing, the service ends and the process begins anew.
    Workers on the same database may do what is in none of the `queues`. Raises UsageProblem where there cannot be any,
    Busy when another program works in the folder or its database, ConfigurationProblem when the port is taken,
    and what `open_app` raises.
    """
    if not (settings.cluster or set(queues) >= ALL_QUEUES):
        raise UsageProblem("worker_without_cluster")
    logs.configure(settings.log_format, is_verbose=is_verbose)
    stopping = threading.Event()
    manager = ServiceManager.of_environment()
    heartbeat = Heartbeat()
    metrics = ProcessMetrics(is_in_cluster=settings.cluster)
    servers: list[_Server] = []

    def end() -> None:
        if not reload.begins_anew:
            manager.stopping()
        stopping.set()
        for server in servers:
            server.end()

    reload = Reload(manager, read_settings=read_settings, end=end)
    # On a full disk neither the lock's file can be written nor the database be read.
    Reserve(settings.data_dir).give_back_when_low()
    with (
        folder_lock(settings) as lock,
        contextlib.closing(
            bound_socket(settings.daemon.host, settings.daemon.port, section="daemon")
        ) as listener,
    ):
        url = settings.local_url(int(listener.getsockname()[1]))
        with (
            open_app(
                settings,
                base_url=settings.public_url or url,
                is_stopping=stopping.is_set,
                tally=metrics.tally,
            ) as app,
            working_in_database(app, kind="daemon") as right,
            end_on_signals(reload.told_to_end, end, reload=reload.ask if manager.is_there else None),
        ):
            tell_of_slow_statements(app)
            ticks.settle(app)
            wake = add_jobs(heartbeat, app, queues)

            def heartbeat_age() -> float:
                return heartbeat.age_seconds(pulse_of(queues))

            telling = telling_of(app, metrics, heartbeat_age=heartbeat_age)
            server = _Server(app, stopping, metrics, telling, heartbeat_age=heartbeat_age)
            servers.append(server)
            # Files that had arrived whole when the daemon ended, or could not be finished on a full disk.
            heartbeat.add("uploads", server.receiver.resume, every_seconds=_UPLOADS_SECONDS)
            keep_right(heartbeat, right.renew, end)
            keep_status(heartbeat, app, manager)
            watchdog = Watchdog(
                manager, age_seconds=heartbeat_age, stuck_after_seconds=settings.daemon.stuck_after_seconds
            )
            with (
                app.dispatcher.listening(works_of(queues), wake),
                listening(settings, telling) as metrics_url,
            ):
                heartbeat.start()
                lock.publish(url=settings.public_url or url, local_url=url)

                def ready() -> None:
                    journal.info("daemon.ready", url=url, pid=os.getpid(), metrics_url=metrics_url)
                    announce(url, os.getpid(), metrics_url)
                    manager.ready()
                    watchdog.begin()

                try:
                    server.run_on(listener, ready)
                finally:
                    stopping.set()
                    unfinished = heartbeat.stop(_WORK_GRACE_SECONDS)
                    server.receiver.close()
                    if unfinished:
                        # The rows of these jobs say what was begun; the next start goes on with it.
                        journal.warning("daemon.cut_off", jobs=unfinished)
            journal.info("daemon.ended")
    if reload.begins_anew:
        begin_anew()


class _Server(BoundServer):
    """The server of the pages."""

    def __init__(
        self,
        app: App,
        stopping: threading.Event,
        metrics: ProcessMetrics,
        telling: MetricsAnswers,
        *,
        heartbeat_age: Callable[[], float],
    ) -> None:
        site = make_site(app, heartbeat_age=heartbeat_age)
        self.receiver: UploadReceiver = site.state.receiver
        super().__init__(
            MeasuredSite(site, metrics, telling, public_url=app.settings.public_url),
            # The client's address and scheme are taken from a proxy's headers only if the proxy is trusted.
            proxy_headers=True,
            forwarded_allow_ips=app.settings.daemon.trusted_proxies,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_DOWNLOADS_GRACE_SECONDS,
        )
        self.should_exit = stopping.is_set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        bound_page_threads()
        await super().startup(sockets)
