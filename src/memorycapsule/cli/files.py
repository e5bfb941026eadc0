"""The files that people name: folders walked in the order people expect, links that lead away left out."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from memorycapsule.errors import CapsuleError, MediaRefused, Refusal, system_problem

if TYPE_CHECKING:
    from memorycapsule.schemas.stories import Medium


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file to be looked at."""

    path: Path
    #: Why it is left out at once; None when it is worth opening.
    refusal: MediaRefused | None = None
    #: Files that Windows and macOS leave in every folder are left out without a word.
    is_quiet: bool = False
    #: The folder inside a named folder that it lies in, however deep; '' for one that lies in no such folder.
    inside: str = ""


@dataclass(frozen=True, kw_only=True)
class StoredMedium:
    """What has become of a file: a medium of the story."""

    medium: Medium
    #: The very same file was in the story before.
    is_duplicate: bool


def gather(given: Iterable[Path]) -> list[FoundFile]:
    """Return the files and, recursively, the files in the folders that were named, each in natural order."""
    from memorycapsule.domain.file_names import is_system_file

    found: list[FoundFile] = []
    for path in given:
        try:
            is_folder = path.is_dir()
        except OSError as error:
            found.append(_unreadable(path, error))
            continue
        inside = [
            replace(one, inside=str(one.path.parent.relative_to(path)).removeprefix("."))
            for one in (_walk(path) if is_folder else ())
        ]
        if is_folder and not inside:
            inside = [FoundFile(path=path, refusal=MediaRefused(Refusal.FOLDER_EMPTY))]
        found += inside if is_folder else [FoundFile(path=path)]
    return [
        replace(one, refusal=MediaRefused(Refusal.FILE_OF_SYSTEM), is_quiet=True)
        if is_system_file(one.path.name)
        else one
        for one in found
    ]


def naturally(name: str) -> list[tuple[int, int, str]]:
    """Return what names are sorted by: IMG_9 before IMG_10, whatever the case."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold())
        for part in re.split(r"(\d+)", name)
        if part
    ]


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading. Raises MediaRefused when it cannot be, or is no ordinary file."""
    try:
        # O_NONBLOCK: a named pipe must not make us wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        problem = system_problem(error) if isinstance(error, OSError) else CapsuleError("file_no_such_name")
        raise MediaRefused(Refusal.FILE_CANNOT_BE_READ, problem=problem) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MediaRefused(Refusal.FILE_NOT_ORDINARY)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


def size_of(path: Path) -> int:
    """Return a file's size in bytes, for a bar; 0 where nobody knows, as the file itself will say why."""
    try:
        about = path.stat()
    except (OSError, ValueError):
        return 0
    return about.st_size if stat.S_ISREG(about.st_mode) else 0


def readable_name(path: Path) -> str:
    """Return a file's name for keeping: bytes that are not UTF-8 become readable, as envelopes hold UTF-8."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _walk(named: Path) -> Iterator[FoundFile]:
    """Yield what is in a folder, however deep: a folder's own files and folders in natural order."""
    root = named.resolve()
    waiting = [named]
    while waiting:
        path = waiting.pop()
        try:
            if path is named or (path.is_dir() and not path.is_symlink()):
                # Taken from the end, so that a folder in a folder comes before what follows it.
                waiting += sorted(
                    path.iterdir(), key=lambda one: (naturally(one.name), one.name), reverse=True
                )
            elif path.is_symlink() and not Path(os.path.realpath(path, strict=True)).is_relative_to(root):
                yield FoundFile(path=path, refusal=MediaRefused(Refusal.FILE_LINK_OUTSIDE))
            elif not path.is_dir():  # the files of a link to a folder are met where they really are
                yield FoundFile(path=path)
        except OSError as error:  # one that leads in a circle is among them
            yield _unreadable(path, error)


def _unreadable(path: Path, error: OSError) -> FoundFile:
    return FoundFile(
        path=path, refusal=MediaRefused(Refusal.FILE_CANNOT_BE_READ, problem=system_problem(error))
    )
