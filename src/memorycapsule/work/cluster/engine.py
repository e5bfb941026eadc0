"""
The engine that wakes workers on other machines: Procrastinate, on the Postgres that holds the rows.

A job is a wake, written in the transaction that queued the work, and over as soon as it has been heard. Nothing else
of the engine has a meaning here: no retry, no lock, no schedule, no state of a job. If all jobs were deleted, workers
would find what is due at their next heartbeat.

Procrastinate comes with the extra `cluster`; this module alone imports it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from memorycapsule.errors import ConfigurationProblem
from memorycapsule.journal import journal
from memorycapsule.services.wakes import Work
from memorycapsule.store.transactions import Store, Transaction
from memorycapsule.work.cluster.dispatcher import OnWake

try:
    import procrastinate
    import procrastinate.exceptions
    from procrastinate.jobs import Status
except ModuleNotFoundError as error:
    raise ConfigurationProblem("cluster_not_installed") from error

_TASK = "wake"
#: The engine is asked for wakes this often, should the database not have told of one.
_POLL_SECONDS = 10.0
#: How long to wait before listening again to a database that went away.
_AGAIN_SECONDS = 2.0
_END_SECONDS = 5.0
#: How often jobs are looked for whose worker was killed. They wake nobody any more, so it is enough that they do not
#: become many.
_FORGET_SECONDS = 60.0
#: It fires once a year and does nothing. Without a schedule, Procrastinate 3.10 does not watch its own tasks: one that
#: listens no more, after a restart of the database, would never be missed.
_ONCE_A_YEAR = "0 0 1 1 *"


class EngineDispatcher:
    """Wakes one worker of those that listen to the same database, whichever is first."""

    def __init__(self, store: Store) -> None:
        # What it says of jobs is of no interest, and what goes wrong is told by the listener, in one line.
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
        self._address = store.driver_url
        # It is never opened: jobs are written on the connections of our own transactions.
        self._writing = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def wake(self, tx: Transaction, work: Work, row_id: str, /) -> None:
        # Whoever is woken for one letter sends all of them, but each film may find a worker of its own.
        if work == "films" or tx.is_first(f"wake {work}"):
            job = self._writing.configure_task(_TASK, queue=work, connection=tx.driver_connection)
            job.defer(work=work, row_id=row_id)

    @contextmanager
    def listening(self, works: Collection[Work], on_wake: OnWake) -> Iterator[None]:
        listener = _Listener(self._address, works, on_wake)
        listener.start()
        try:
            yield
        finally:
            listener.stop()


class _Listener:
    """A thread in which Procrastinate's worker runs, again and again when the database goes away."""

    def __init__(self, address: str, works: Collection[Work], on_wake: OnWake) -> None:
        self._address = address
        self._works = sorted(works)
        self._on_wake = on_wake
        self._thread = threading.Thread(target=self._run, name="wakes", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._listen())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is over already
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        with contextlib.closing(self._loop), contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except Exception as error:  # noqa: BLE001 - whatever it is, heartbeats go on without wakes
                journal.warning("wakes.lost", error=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _listen_once(self) -> None:
        """Hear wakes until the database goes away or the task is cancelled."""
        app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=self._address, min_size=1, max_size=3)
        )

        @app.task(name=_TASK)
        async def wake(work: Work, row_id: str) -> None:
            del row_id  # for whoever looks at the table of jobs
            self._on_wake(work)

        @app.periodic(cron=_ONCE_A_YEAR)
        @app.task(name="nothing")
        async def nothing(timestamp: int) -> None:
            del timestamp

        async with app.open_async():
            forgetting = asyncio.create_task(_forget_stalled(app))
            try:
                await app.run_worker_async(
                    queues=self._works,
                    delete_jobs="always",
                    fetch_job_polling_interval=_POLL_SECONDS,
                    install_signal_handlers=False,
                )
            finally:
                forgetting.cancel()


async def _forget_stalled(app: procrastinate.App) -> None:
    """Delete, again and again, the jobs that were heard by workers that were killed before they could do so."""
    while True:
        with contextlib.suppress(procrastinate.exceptions.ProcrastinateException):
            for job in await app.job_manager.get_stalled_jobs():
                # Another listener may have been faster.
                with contextlib.suppress(procrastinate.exceptions.ProcrastinateException):
                    await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
        await asyncio.sleep(_FORGET_SECONDS)
