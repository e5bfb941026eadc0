"""
A folder in memory: where the pictures of sealed capsules may lie in plain, for the moment in which they are needed.

Only a tmpfs will do, since what was once on a disk can be found there. The folder is named after that of unfinished
films, whose lock keeps others out, and what a killed run left in it is wiped at the next start.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path

from memorycapsule.errors import CapsuleError

#: So much must be free, so that the machine keeps its memory for other things.
LEAST_FREE_BYTES = 256 << 20
_MOUNTS = Path("/proc/self/mounts")
#: What mounts(5) writes for a space, a tab, a line break and a backslash in a path.
_ESCAPES = ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\"))


class NoMemoryFolder(CapsuleError):
    """There is no folder in memory with 256 MB free, such as /dev/shm."""


def usual_places() -> tuple[Path, ...]:
    """Return the folders in memory that Linux has: the user's own (XDG), and the one for everybody."""
    own = os.environ.get("XDG_RUNTIME_DIR")
    return (*((Path(own),) if own else ()), Path("/dev/shm"))  # noqa: S108 - only a folder of mode 0700 in it is used


def place(places: tuple[Path, ...], work_dir: Path) -> Path:
    """
    Return where the folder in memory is to be, without making it.

    Raises NoMemoryFolder when none of the places will do, with a sentence that says why.
    """
    for one in places:
        if is_in_memory(one) and os.access(one, os.W_OK | os.X_OK):
            if shutil.disk_usage(one).free < LEAST_FREE_BYTES:
                continue
            folder = one / _name(work_dir)
            if not folder.exists() or _is_ours(folder):
                return folder
    raise NoMemoryFolder


def make(folder: Path) -> None:
    """Make the folder, empty and for nobody else. Raises NoMemoryFolder."""
    wipe_folder(folder)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise NoMemoryFolder from error


def wipe(places: tuple[Path, ...], work_dir: Path) -> None:
    """Remove what a run that was killed left in any of the places. The data folder's lock must be held."""
    for one in places:
        wipe_folder(one / _name(work_dir))


def wipe_folder(folder: Path) -> None:
    """Remove a folder in memory with all that is in it; one that somebody else put there stays."""
    if _is_ours(folder):
        shutil.rmtree(folder, ignore_errors=True)


def is_in_memory(folder: Path) -> bool:
    """Return whether a folder lies on a tmpfs, as far as mounts(5) tells."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        real = folder.resolve(strict=True)
    except OSError:
        return False
    kinds: dict[Path, str] = {}
    for line in lines:
        _device, where, kind = line.split()[:3]
        for escape, meant in _ESCAPES:
            where = where.replace(escape, meant)
        kinds[Path(where)] = kind
    return next((kinds[one] for one in (real, *real.parents) if one in kinds), "") in {"tmpfs", "ramfs"}


def _name(work_dir: Path) -> str:
    return f"memorycapsule-{hashlib.sha256(os.fsencode(work_dir.resolve())).hexdigest()[:16]}"


def _is_ours(folder: Path) -> bool:
    """Return whether it is a folder that only we could have made: in /dev/shm everybody may make names."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.geteuid()
        and not stat.S_IMODE(status.st_mode) & 0o077
    )
