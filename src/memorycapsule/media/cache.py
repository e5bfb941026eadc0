"""
A cache of files that can be made again: bounded in size, least recently used out first, deletable at any time.

    <root>/<shelf>/<name>         0600, in folders of mode 0700
    <root>/<shelf>/.<name>.*.part being written; left over only by a crash, removed by `sweep`

The modification time of a file says when it was used last. A full disk is no error: a file that finds no room is not
kept, and kept files are removed when little of the disk is free.

How much lies on each shelf is measured once and counted from then on, so that keeping a file costs no look at all the
others. Whatever removes files behind our back makes the count too large, never too small; where it says that there is
no room, the files themselves are looked at. Where several programs use one folder, each counts its own: `trim` finds
out, when it looks anew, what all have kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from memorycapsule.errors import is_disk_full
from memorycapsule.journal import journal

#: So much of the disk stays free for others.
FREE_BYTES = 1_000_000_000
_PART = ".part"


@dataclass(frozen=True, kw_only=True)
class _CachedFile:
    path: Path
    bytes: int
    used_at: float

    @property
    def shelf(self) -> str:
        return self.path.parent.name


class Cache:
    """Files on shelves. The program chooses the names of both; they are safe as file names."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        self._root = root
        self._most = most_bytes
        #: Bytes on each shelf; None until they are measured.
        self._sizes: dict[str, int] | None = None
        #: Held while files and their count change together.
        self._lock = threading.RLock()

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
            path = self._root / shelf / name
            with self._lock, contextlib.suppress(OSError):
                size = path.stat().st_size
                path.unlink()
                self._count(shelf, -size)

    def clear(self, shelf: str) -> None:
        """Remove a shelf with all that is on it."""
        with self._lock:
            shutil.rmtree(self._root / shelf, ignore_errors=True)
            if self._sizes is not None:
                self._sizes.pop(shelf, None)

    def sweep(self, gone: Collection[str], *, older_than: datetime | None) -> None:
        """
        Remove the shelves in `gone`, and half-written files that nobody has written to since `older_than`.

        With None, all that are half-written: nobody may be writing at that time.
        """
        for shelf in gone:
            self.clear(shelf)
        for part in self._root.glob(f"*/.*{_PART}"):
            with contextlib.suppress(FileNotFoundError):
                if older_than is None or part.stat().st_mtime < older_than.timestamp():
                    part.unlink()

    def has_room(self, pinned: Collection[str]) -> bool:
        """Return whether there would be room for more if only the `pinned` shelves stayed."""
        with self._lock:
            return self._has_room(self._counted(), pinned) or self._has_room(self._measured(), pinned)

    def trim(self, pinned: Collection[str] = (), *, anew: bool = False) -> bool:
        """
        Remove the least recently used files until the rest fits, but none on the shelves in `pinned`.

        Returns whether the rest fits now. With `anew` the files themselves are looked at, those of other programs too.
        """
        with self._lock:
            total = sum((self._measured() if anew else self._counted()).values())
            return total <= self._allowed(total) or self._trim(pinned)

    def _trim(self, pinned: Collection[str]) -> bool:
        kept = sorted(self._all(), key=lambda one: one.used_at)
        self._sizes = _by_shelf(kept)
        total = sum(one.bytes for one in kept)
        allowed = self._allowed(total)
        for one in kept:
            if total <= allowed:
                break
            if one.shelf not in pinned:
                one.path.unlink(missing_ok=True)
                total -= one.bytes
                self._count(one.shelf, -one.bytes)
                with contextlib.suppress(OSError):
                    one.path.parent.rmdir()  # if it was the last one there
        return total <= allowed

    def _keep(self, shelf: str, name: str, write: Callable[[Path], None], pinned: Collection[str]) -> bool:
        path = self._root / shelf / name
        # Two programs or threads may write the same file at the same moment.
        part = path.with_name(f".{name}.{uuid.uuid4().hex}{_PART}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                write(part)
                with self._lock:
                    self._put(part, path)
                    fits = self.trim(pinned)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            if not fits:
                self.drop(shelf, [name])
                return False
        except OSError as error:
            if not is_disk_full(error):
                journal.warning("cache.unusable", reason=error.strerror)
            return False
        return path.exists()

    def _put(self, part: Path, path: Path) -> None:
        self._counted()
        size = part.stat().st_size
        with contextlib.suppress(FileNotFoundError):
            size -= path.stat().st_size
        part.replace(path)
        # To rename one name of a file to another name of the same file does nothing (rename(2)).
        part.unlink(missing_ok=True)
        os.utime(path)
        self._count(path.parent.name, size)

    def _count(self, shelf: str, change: int) -> None:
        if self._sizes is not None:
            self._sizes[shelf] = self._sizes.get(shelf, 0) + change

    def _counted(self) -> dict[str, int]:
        """Return the bytes on each shelf, as far as is known without a look at them."""
        return self._measured() if self._sizes is None else self._sizes

    def _measured(self) -> dict[str, int]:
        """Return the bytes on each shelf after a look at all files."""
        self._sizes = _by_shelf(self._all())
        return self._sizes

    def _has_room(self, sizes: dict[str, int], pinned: Collection[str]) -> bool:
        staying = sum(size for shelf, size in sizes.items() if shelf in pinned)
        return staying < self._allowed(sum(sizes.values()))

    def _all(self) -> list[_CachedFile]:
        found = []
        for path in self._root.glob("*/[!.]*"):  # half-written ones are nobody's yet
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append(_CachedFile(path=path, bytes=status.st_size, used_at=status.st_mtime))
        return found

    def _allowed(self, total: int) -> int:
        """Return how many bytes may be kept where `total` are: the limit, or less where the disk is nearly full."""
        try:
            free = shutil.disk_usage(self._root).free
        except FileNotFoundError:  # nothing was ever kept
            return self._most
        return max(0, min(self._most, total + free - FREE_BYTES))


def _by_shelf(kept: list[_CachedFile]) -> dict[str, int]:
    """Return how many bytes lie on each shelf."""
    sizes: dict[str, int] = defaultdict(int)
    for one in kept:
        sizes[one.shelf] += one.bytes
    return dict(sizes)
