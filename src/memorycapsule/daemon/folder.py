"""The data folder's lock, for processes that run for long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from memorycapsule.config import Settings
from memorycapsule.errors import Busy, NotInitialised
from memorycapsule.work.lock import FolderLock

#: How long to wait for the lock: commands that only read hold it for a moment.
_GRACE_SECONDS = 3.0


@contextmanager
def folder_lock(settings: Settings) -> Iterator[FolderLock]:
    """Hold the folder's lock. Raises Busy when another program holds it for longer than a command that reads."""
    if settings.cluster:
        # What belongs to the instance is elsewhere, and a further machine begins with nothing.
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FolderLock(settings.data_dir)
    deadline = time.monotonic() + _GRACE_SECONDS
    while True:
        try:
            lock.take()
            break
        except FileNotFoundError as error:
            raise NotInitialised from error
        except Busy:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
    with lock:
        yield lock
