"""The disk beneath a folder: how much room there is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from memorycapsule.errors import DiskFull, is_disk_full

#: What may wait leaves so much of the disk to what may not: to openings and letters.
MARGIN_BYTES = 8 * 1024 * 1024
#: With less than this, people are told: uploads are about to be refused, and films to wait.
LOW_BYTES = 1_000_000_000
#: SQLite writes at least so much at a time: its index of a write-ahead log grows by 32 KiB.
_PROBE_BYTES = 64 * 1024


def free_bytes(folder: Path) -> int:
    """Return how many bytes this program may still write to a folder's disk; a user's quota is not counted."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def size_bytes(folder: Path) -> int:
    """Return how many bytes a folder's disk has, free or not."""
    status = os.statvfs(folder)
    return status.f_blocks * status.f_frsize


def check_room(folder: Path, count: int) -> None:
    """Raise DiskFull when `count` further bytes on the disk of a folder would leave less than MARGIN_BYTES free."""
    if free_bytes(folder) < count + MARGIN_BYTES:
        raise DiskFull


def is_full(folder: Path) -> bool:
    """
    Say whether the disk of a folder is full: a small file is written there, since no figure knows of quotas.

    A folder that is not there or cannot be written for another reason is not full.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(_PROBE_BYTES))
            os.fsync(probe.fileno())
    except OSError as error:
        return is_disk_full(error)
    return False
