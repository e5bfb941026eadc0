"""Who holds the blobs on this machine: a lock on a file beside them (flock(2))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memorycapsule import file_locks
from memorycapsule.errors import Busy

#: Others take the lock for a moment to see whether anybody has it; a sweep of a large folder takes seconds.
TRIES = 100


@contextmanager
def locked(path: Path, *, tries: int = TRIES) -> Iterator[None]:
    """Lock a file, which is made if need be. Raises Busy while another one has it, and OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            file_locks.lock(descriptor, tries=tries)
        except BlockingIOError as error:
            raise Busy("blobs_held") from error
        yield
    finally:
        os.close(descriptor)
