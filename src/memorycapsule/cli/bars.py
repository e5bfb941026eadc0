"""How far long work is: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from memorycapsule.words.catalogues import Wording

#: Without a terminal, progress is a line each time this much more is done, and not more often than this.
_LINE_SHARE, _LINE_SECONDS = 0.1, 10.0
_MEGABYTE = 1_000_000


class Bar:
    """Progress that nobody wants to see. Bars may be moved from several threads."""

    def advance(self, amount: float = 1) -> None:
        """Be further by `amount`."""

    def reach(self, done: float) -> None:
        """Be at `done`."""

    def take_up(self, name: str) -> None:
        """Name the file in hand, which is harmless to a terminal."""


class WrittenBar(Bar):
    """Progress as lines, which say the rate where bytes are counted."""

    def __init__(
        self, say: Callable[[str], None], words: Wording, what: str, total: float, *, counts_bytes: bool
    ) -> None:
        self._say, self._words, self._what, self._total = say, words, what, total
        self._counts_bytes = counts_bytes
        self._done = self._shown_share = 0.0
        self._began = self._at = time.monotonic()
        self._file = ""
        self._lock = threading.Lock()

    def take_up(self, name: str) -> None:
        """Name the file in hand in the next line."""
        self._file = name

    def advance(self, amount: float = 1) -> None:
        """Be further by `amount`."""
        with self._lock:
            self._done += amount
            self._show()

    def reach(self, done: float) -> None:
        """Be at `done`."""
        with self._lock:
            self._done = done
            self._show()

    def _show(self) -> None:
        share = self._done / self._total if self._total else 1.0
        now = time.monotonic()
        if share - self._shown_share < _LINE_SHARE or now - self._at < _LINE_SECONDS:
            return
        self._shown_share, self._at = share, now
        line = f"{self._what}: {share:.0%}"
        if self._counts_bytes:
            rate = f"{self._done / _MEGABYTE / (now - self._began):.1f}"
            line = self._words("cli_progress_line", progress=line, rate=rate, file=self._file)
        self._say(line)


@contextmanager
def drawn_bar(what: str, total: float, *, counts_bytes: bool) -> Iterator[Bar]:
    """Draw a bar on stderr, with the rate where bytes are counted and the file in hand where there is one."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.table import Column

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        *([TransferSpeedColumn()] if counts_bytes else []),
        TimeRemainingColumn(compact=True),
        # Last and of what room is left, so that a long name pushes nothing aside.
        TextColumn("{task.fields[file]}", markup=False, table_column=Column(no_wrap=True, ratio=1)),
    ]
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, expand=True) as progress:
        yield _DrawnBar(progress, progress.add_task(what, total=total, file=""))


class _DrawnBar(Bar):
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, amount: float = 1) -> None:
        self._progress.update(self._task, advance=amount)

    def reach(self, done: float) -> None:
        self._progress.update(self._task, completed=done)

    def take_up(self, name: str) -> None:
        self._progress.update(self._task, file=name)
