"""Small disks that fill up: a tmpfs of a few megabytes, where this machine lets the tests mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class SmallDisk:
    """A disk of its own, and a file on it that takes the room away."""

    folder: Path

    @property
    def free_bytes(self) -> int:
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def fill(self, *, but_bytes: int = 0) -> None:
        """Take all the room but so many bytes."""
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while (left := self.free_bytes - but_bytes) > 0:
                    file.write(bytes(min(left, _MEGABYTE)))
            except OSError:
                pass

    def empty(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of so many megabytes at `folder`; skips the test where nothing may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine does not let the tests mount a small disk")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a daemon that a failed test left behind may still have files open.
        subprocess.run(["umount", "-l", str(folder)], check=True)
