"""
A workspace on a tmpfs: the only place where plain pictures of a sealed capsule may lie, while they are rendered.

A disk will not do, since deleted files can be recovered from it. The workspace is named after the folder of unfinished
films, whose lock keeps other processes out. What a killed run left in it is removed at the next start.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path

from memorycapsule.errors import CapsuleError

#: A tmpfs with less free space is not used: the machine needs its memory for other things.
LEAST_FREE_BYTES = 256 << 20
_MOUNTS = Path("/proc/self/mounts")
#: What mounts(5) writes for a space, a tab, a line break and a backslash in a path.
_ESCAPES = ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\"))


class NoTmpfs(CapsuleError):
    """There is no folder in memory with enough room."""

    code = "no_tmpfs"


def default_places() -> tuple[Path, ...]:
    """Return the folders on a tmpfs that Linux has: the user's own (XDG_RUNTIME_DIR), and /dev/shm."""
    own = os.environ.get("XDG_RUNTIME_DIR")
    return (*((Path(own),) if own else ()), Path("/dev/shm"))  # noqa: S108 - only a folder of mode 0700 in it is used


def workspace(places: tuple[Path, ...], work_dir: Path) -> Path:
    """
    Return the path of the workspace in the first usable one of `places`, without creating it.

    Raises NoTmpfs when no place is usable.
    """
    for place in places:
        if is_on_tmpfs(place) and os.access(place, os.W_OK | os.X_OK):
            if shutil.disk_usage(place).free < LEAST_FREE_BYTES:
                continue
            folder = place / _name(work_dir)
            if not folder.exists() or _is_ours(folder):
                return folder
    raise NoTmpfs


def create(folder: Path) -> None:
    """Create the workspace, empty and with mode 0700. Raises NoTmpfs."""
    remove(folder)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise NoTmpfs from error


def remove_leftovers(places: tuple[Path, ...], work_dir: Path) -> None:
    """Remove the workspace that a killed run left in any of `places`. The data folder's lock must be held."""
    for place in places:
        remove(place / _name(work_dir))


def remove(folder: Path) -> None:
    """Remove a workspace with all that is in it; a folder of another user stays."""
    if _is_ours(folder):
        shutil.rmtree(folder, ignore_errors=True)


def is_on_tmpfs(folder: Path) -> bool:
    """Return whether a folder lies on a tmpfs or ramfs, by mounts(5)."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        real = folder.resolve(strict=True)
    except OSError:
        return False
    kinds: dict[Path, str] = {}
    for line in lines:
        _device, where, kind = line.split()[:3]
        for escape, character in _ESCAPES:
            where = where.replace(escape, character)
        kinds[Path(where)] = kind
    return next((kinds[one] for one in (real, *real.parents) if one in kinds), "") in {"tmpfs", "ramfs"}


def _name(work_dir: Path) -> str:
    return f"memorycapsule-{hashlib.sha256(os.fsencode(work_dir.resolve())).hexdigest()[:16]}"


def _is_ours(folder: Path) -> bool:
    """Return whether only this user could have made the folder: in /dev/shm everybody may create one."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.geteuid()
        and not stat.S_IMODE(status.st_mode) & 0o077
    )
