"""
The right to do due work: one worker per data folder, by a lock that the kernel releases when its holder dies, however
it dies; or, where several machines share a database, one of its nodes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

from memorycapsule import file_locks
from memorycapsule.errors import Busy, ConfigurationProblem
from memorycapsule.store.cluster import nodes
from memorycapsule.store.right_to_work import RightToWork
from memorycapsule.store.transactions import Store
from memorycapsule.work.cluster.liveness import Liveness
from memorycapsule.work.worker_context import WorkerContext

_NAME = "daemon.lock"
#: In the folder of a node: locked while it is alive, whatever the database has heard of it.
_NODE_NAME = "node.lock"
_TRIES = 5


class FolderLock:
    """
    The right to do due work in a data folder (flock(2)); a context manager.

    The locked file names the holder's process id and the address that it listens on.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _NAME
        self._descriptor: int | None = None

    def take(self) -> Self:
        """Take the lock. Raises Busy when another process holds it, ConfigurationProblem without permission."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise ConfigurationProblem("lock_of_another_user", file=self._path) from error
        # `is_held` of another process holds it for a moment, too.
        try:
            file_locks.lock(descriptor, tries=_TRIES)
        except BlockingIOError as error:
            os.close(descriptor)
            raise Busy from error
        self._descriptor = descriptor
        try:
            self.publish()
        except OSError:
            self.release()
            raise
        return self

    def publish(self, *, url: str | None = None, local_url: str | None = None) -> None:
        """Write into the locked file where the holder can be reached, and where from this machine alone."""
        assert self._descriptor is not None
        holder = json.dumps({"pid": os.getpid(), "url": url, "local_url": local_url}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, holder, 0)

    def release(self) -> None:
        """Release the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self if self._descriptor is not None else self.take()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


@contextmanager
def working_alone(data_dir: Path, store: Store) -> Iterator[None]:
    """Hold the right to do due work, in a data folder and in its database. Raises Busy when another program has it."""
    with FolderLock(data_dir), RightToWork(store):
        yield


@contextmanager
def working_in_database(context: WorkerContext, *, kind: str) -> Iterator[RightToWork]:
    """
    Hold the right to do due work in a database, alone or, where several machines share it, as one of its nodes.

    A node says as long as the block lasts that it is alive, and has a folder of its own for unfinished films. `kind`
    says what it is: "daemon", "worker" or "command". Raises Busy when another program works alone, or at all.
    """
    if context.run.is_alone:
        with RightToWork(context.store) as right:
            yield right
        return
    liveness = Liveness(
        context.store, node_id=context.run.lease, kind=kind, key_fingerprint=context.vault.key.fingerprint
    )
    folder = context.rendering.work_dir
    with RightToWork(context.store, is_shared=True) as right, liveness:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with file_locks.held(folder / _NODE_NAME):
                yield right
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def working(context: WorkerContext, data_dir: Path) -> Iterator[None]:
    """Hold the right to do due work for the time of a command. Raises Busy when it cannot be had."""
    with (
        FolderLock(data_dir) if context.run.is_alone else nullcontext(),
        working_in_database(context, kind=nodes.COMMAND),
    ):
        yield


def is_worked_on(context: WorkerContext, data_dir: Path) -> bool:
    """Return whether some other program does what is due: one that holds the folder's lock, or another node."""
    if context.run.is_alone:
        return is_held(data_dir)
    return bool(node_ids(context) - {context.run.lease})


def is_left_behind(folder: Path, node_ids: Collection[str]) -> bool:
    """
    Return whether a folder of unfinished films is that of no node that is alive.

    `node_ids` names those that the database has heard of lately. Nodes that share a data folder may have been cut off
    from the database together, so the lock in the folder is asked as well.
    """
    return folder.name not in node_ids and not file_locks.is_locked(folder / _NODE_NAME)


def node_ids(context: WorkerContext) -> set[str]:
    """Return the ids of the nodes that are alive."""
    with context.store.reading() as tx:
        return {node.id for node in nodes.alive(tx)}


def is_held(data_dir: Path) -> bool:
    """Return whether some process holds the folder's lock now."""
    return file_locks.is_locked(data_dir / _NAME)


def holder_url(data_dir: Path) -> str | None:
    """Return the address of the daemon that works in the folder; None without one, or before it has published it."""
    return _published(data_dir, "url")


def holder_local_url(data_dir: Path) -> str | None:
    """Return the same daemon's address on this machine, past any proxy; None where `holder_url` is None."""
    return _published(data_dir, "local_url")


def _published(data_dir: Path, name: str) -> str | None:
    if not is_held(data_dir):
        return None
    try:
        url = json.loads((data_dir / _NAME).read_text(encoding="utf-8")).get(name)
    except (OSError, ValueError):
        return None
    return str(url) if url else None
