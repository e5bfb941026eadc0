"""
Points at which a program can be killed, and a disk can fail: before and after each commit, fsync, rename, unlink and
each write to a mail server.

`watching` wraps these calls of the process and says each point aloud. What happens there is the listener's choice:
count it (`Points`), end the process as a power cut does, or raise what a failing disk raises.
"""

import asyncio.selector_events
import errno
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy.engine.default import DefaultDialect

#: What a listener is told: "commit<" before a commit, "commit>" after it.
Listener = Callable[[str], None]

_FILE_CALLS = ("fsync", "rename", "replace", "unlink")


@contextmanager
def watching(listener: Listener) -> Iterator[None]:
    """Tell `listener` of every point of this process; transactions that only read have none."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _FILE_CALLS:
            patch.setattr(os, name, _told(getattr(os, name), name, listener))
        commit = DefaultDialect.do_commit

        def do_commit(self, connection) -> None:
            if _only_reads(connection):
                commit(self, connection)
                return
            listener("commit<")
            commit(self, connection)
            listener("commit>")

        patch.setattr(DefaultDialect, "do_commit", do_commit)
        socket = asyncio.selector_events._SelectorSocketTransport
        patch.setattr(socket, "write", _told(socket.write, "mail", listener))
        yield


def _told(call: Callable, name: str, listener: Listener) -> Callable:
    def told(*arguments, **named):
        listener(f"{name}<")
        answer = call(*arguments, **named)
        listener(f"{name}>")
        return answer

    return told


def _only_reads(connection) -> bool:
    if isinstance(getattr(connection, "dbapi_connection", connection), sqlite3.Connection):
        return bool(connection.execute("PRAGMA query_only").fetchone()[0])
    return bool(connection.read_only)


@dataclass
class Points:
    """Counts points, and does at the `wanted`-th (from 1) what `act` does; None only counts."""

    wanted: int | None = None
    #: `power_cut` by default.
    act: Callable[[str], None] = field(default_factory=lambda: power_cut)
    #: Whether it is done at every later point as well: a full disk stays full.
    is_lasting: bool = False
    seen: list[str] = field(default_factory=list)

    def __call__(self, point: str) -> None:
        self.seen.append(point)
        number = len(self.seen)
        if self.wanted is not None and (number >= self.wanted if self.is_lasting else number == self.wanted):
            self.act(point)


class Unsynced:
    """
    Files of some folders whose bytes have not reached the disk yet; a power cut takes them.

    Made when a program starts, in its process: what lies there then is safe.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._safe = {path.stat().st_ino for path in self._files()}

    def _files(self) -> Iterator[Path]:
        return (path for folder in self._folders for path in folder.rglob("*") if path.is_file())

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note what fsync makes safe."""
        fsync = os.fsync

        def noted(descriptor: int) -> None:
            fsync(descriptor)
            self._safe.add(os.fstat(descriptor).st_ino)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", noted)
            yield

    def power_cut(self, point: str) -> None:
        """Take the bytes that are not safe, and end this process."""
        for path in self._files():
            if path.stat().st_ino not in self._safe:
                os.truncate(path, 0)
        power_cut(point)


def power_cut(_point: str) -> None:
    """End this process at once: no handler, no `finally`, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)


def stand_still(_point: str) -> None:
    """Stop this process until somebody lets it go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def failing_disk(number: int) -> Callable[[str], None]:
    """Return what raises the error of that number (ENOSPC, EIO) where a disk can: not after it has done its work."""

    def fail(point: str) -> None:
        if point == "commit<":
            raise sqlite3.OperationalError(
                "database or disk is full" if number == errno.ENOSPC else "disk I/O error"
            )
        needs_room = point in {"fsync<", "rename<", "replace<"}
        if needs_room or (number == errno.EIO and point == "unlink<"):
            raise OSError(number, os.strerror(number))

    return fail
