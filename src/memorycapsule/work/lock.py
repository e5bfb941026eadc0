"""One worker per data folder: a lock that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from memorycapsule import file_locks
from memorycapsule.errors import Busy, ConfigurationProblem
from memorycapsule.store.right_to_work import RightToWork
from memorycapsule.store.transactions import Store

_NAME = "daemon.lock"
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
            self.publish(url=None)
        except OSError:
            self.release()
            raise
        return self

    def publish(self, *, url: str | None) -> None:
        """Write into the locked file where the holder can be reached."""
        assert self._descriptor is not None
        holder = json.dumps({"pid": os.getpid(), "url": url}).encode()
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


def alone_in(store: Store) -> RightToWork:
    """Return the right to do due work in a database, not taken yet."""
    return RightToWork(store)


@contextmanager
def working_alone(data_dir: Path, store: Store) -> Iterator[None]:
    """Hold the right to do due work, in a data folder and in its database. Raises Busy when another program has it."""
    with FolderLock(data_dir), alone_in(store):
        yield


def is_held(data_dir: Path) -> bool:
    """Return whether some process holds the folder's lock now."""
    return file_locks.is_locked(data_dir / _NAME)


def holder_url(data_dir: Path) -> str | None:
    """Return the address of the daemon that works in the folder; None without one, or before it has published it."""
    if not is_held(data_dir):
        return None
    try:
        url = json.loads((data_dir / _NAME).read_text(encoding="utf-8")).get("url")
    except (OSError, ValueError):
        return None
    return str(url) if url else None
