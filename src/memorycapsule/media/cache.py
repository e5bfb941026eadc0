"""
A cache of files that can be made again: bounded in size, least recently used out first, deletable at any time.

    <root>/<shelf>/<name>         0600, in folders of mode 0700
    <root>/<shelf>/.<name>.part   being written; left over only by a crash, removed by `sweep`

The modification time of a file says when it was used last. A full disk is no error: a file that finds no room is not
kept, and kept files are removed when little of the disk is free.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from memorycapsule.errors import is_disk_full
from memorycapsule.journal import journal

#: So much of the disk stays free for others.
FREE_BYTES = 1_000_000_000
_PART = ".part"


@dataclass(frozen=True, kw_only=True)
class _Kept:
    path: Path
    bytes: int
    used_at: float


class Cache:
    """Files on shelves. The program chooses the names of both; they are safe as file names."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        self._root = root
        self._most = most_bytes

    def keep(
        self,
        shelf: str,
        name: str,
        fill: Callable[[BinaryIO], None],
        *,
        pinned: Collection[str] = (),
    ) -> bool:
        """
        Keep what `fill` writes, and return whether there was room for it.

        Files on other shelves than `pinned` are removed to make room. What `fill` raises passes through, except for a
        full disk.
        """

        def write(part: Path) -> None:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())

        return self._keep(shelf, name, write, pinned)

    def keep_file(self, shelf: str, name: str, source: Path) -> bool:
        """Keep a file that does not change any more, as a hard link where that is possible; return whether it was."""

        def link(part: Path) -> None:
            part.unlink(missing_ok=True)
            try:
                part.hardlink_to(source)
            except OSError:  # another file system, or one without hard links
                shutil.copyfile(source, part)
                with part.open("rb") as file:
                    os.fsync(file.fileno())

        return self._keep(shelf, name, link, ())

    def find(self, shelf: str, name: str) -> Path | None:
        """Return the path of a file and mark it as used, or None."""
        path = self._root / shelf / name
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def names(self, shelf: str) -> set[str]:
        """Return the names of all files on a shelf."""
        try:
            return {path.name for path in (self._root / shelf).iterdir() if not path.name.startswith(".")}
        except OSError:
            return set()

    def shelves(self) -> set[str]:
        try:
            return {path.name for path in self._root.iterdir()}
        except OSError:
            return set()

    def drop(self, shelf: str, names: Collection[str]) -> None:
        """Remove files; missing ones are ignored."""
        for name in names:
            with contextlib.suppress(OSError):
                (self._root / shelf / name).unlink()

    def clear(self, shelf: str) -> None:
        """Remove a shelf with all that is on it."""
        shutil.rmtree(self._root / shelf, ignore_errors=True)

    def sweep(self, known: Collection[str]) -> None:
        """Remove half-written files and shelves that are not `known`. Nothing may be writing at that time."""
        for shelf in self.shelves() - set(known):
            self.clear(shelf)
        for part in self._root.glob(f"*/.*{_PART}"):
            part.unlink(missing_ok=True)

    def has_room(self, pinned: Collection[str]) -> bool:
        """Return whether there would be room for more if only the `pinned` shelves stayed."""
        kept = self._all()
        return sum(one.bytes for one in kept if one.path.parent.name in pinned) < self._allowed(kept)

    def trim(self, pinned: Collection[str] = ()) -> bool:
        """
        Remove the least recently used files until the rest fits, but none on the shelves in `pinned`.

        Returns whether the rest fits now.
        """
        kept = sorted(self._all(), key=lambda one: one.used_at)
        total, allowed = sum(one.bytes for one in kept), self._allowed(kept)
        for one in kept:
            if total <= allowed:
                break
            if one.path.parent.name not in pinned:
                one.path.unlink(missing_ok=True)
                total -= one.bytes
                with contextlib.suppress(OSError):
                    one.path.parent.rmdir()  # if it was the last one there
        return total <= allowed

    def _keep(self, shelf: str, name: str, write: Callable[[Path], None], pinned: Collection[str]) -> bool:
        path = self._root / shelf / name
        part = path.with_name(f".{name}{_PART}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                write(part)
                part.replace(path)
                os.utime(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            if not self.trim(pinned):
                path.unlink(missing_ok=True)
                return False
        except OSError as error:
            if not is_disk_full(error):
                journal.warning("cache.unusable", reason=error.strerror)
            return False
        return path.exists()

    def _all(self) -> list[_Kept]:
        found = []
        for path in self._root.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append(_Kept(path=path, bytes=status.st_size, used_at=status.st_mtime))
        return found

    def _allowed(self, kept: list[_Kept]) -> int:
        """Return how many bytes may be kept: the limit, or less where the disk is nearly full."""
        total = sum(one.bytes for one in kept)
        try:
            free = shutil.disk_usage(self._root).free
        except FileNotFoundError:  # nothing was ever kept
            return self._most
        return max(0, min(self._most, total + free - FREE_BYTES))
