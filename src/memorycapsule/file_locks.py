"""Locks on files (flock(2)): the kernel releases one when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SECONDS_BETWEEN = 0.05


def lock(descriptor: int, *, tries: int) -> None:
    """Lock an open file for its holder alone. Raises BlockingIOError when another one holds it at each try."""
    for tries_left in reversed(range(tries)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if not tries_left:
                raise
            time.sleep(_SECONDS_BETWEEN)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Make a file and hold its lock. Raises BlockingIOError when another one does, OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        lock(descriptor, tries=1)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Say whether some process holds the lock of a file now; nobody does where there is no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # A shared lock, so that two processes that ask at once do not find each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
