"""
The reserve: a file that takes room on the disk while there is enough, and gives it back when there is hardly any.

Openings and letters need little room, and they must not wait for somebody who tidies up. All that may wait leaves
`disk.MARGIN_BYTES` free, so it does not use up what the reserve has given back.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from memorycapsule import disk
from memorycapsule.journal import journal

RESERVE_BYTES = disk.MARGIN_BYTES
#: With less than this free, the reserve is given back: a write-ahead log grows by 4 MiB before it begins anew.
GIVE_BACK_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024


class Reserve:
    """The reserve of a data folder. The folder's lock need not be held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "reserve"

    def make_room(self) -> None:
        """Give the reserve back on a disk that is nearly full, and take it again when there is room. Never raises."""
        self.give_back_when_low()
        with contextlib.suppress(OSError):
            if disk.free_bytes(self._folder) >= RESERVE_BYTES + disk.MARGIN_BYTES:
                self._take()

    def give_back_when_low(self) -> None:
        """Give it back on a disk that is nearly full, and make none: there may be no instance here. Never raises."""
        with contextlib.suppress(OSError):
            free = disk.free_bytes(self._folder)
            if free < GIVE_BACK_BYTES and self._path.exists():
                self._path.unlink()
                journal.warning("disk.reserve_given", free=free)

    def _take(self) -> None:
        if self._path.exists():
            return
        half = self._path.with_name("reserve.half")
        try:
            # Random, since some file systems keep zeros in no room at all.
            piece = os.urandom(_PIECE_BYTES)
            with half.open("wb") as file:
                for _ in range(RESERVE_BYTES // _PIECE_BYTES):
                    file.write(piece)
            half.replace(self._path)
        except OSError:
            half.unlink(missing_ok=True)
            raise
