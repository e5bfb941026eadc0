"""How a process that runs for long is asked to end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def end_on_signals(
    stopping: threading.Event, end: Callable[[], None], *, reload: Callable[[], None] | None = None
) -> Iterator[None]:
    """
    Have SIGTERM, SIGINT and SIGHUP set `stopping`, and then call `end`, until the block ends.

    SIGHUP calls `reload` instead where there is one. A second SIGINT ends the process at once. In a thread other than
    the main one nothing changes.
    """

    def ask(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and reload is not None:
            reload()
            return
        if stopping.is_set() and number == signal.SIGINT:
            # The second SIGINT: children die with this process, and the rows say what was begun.
            os._exit(128 + number)
        stopping.set()
        end()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, ask)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        if signal.getsignal(number) != signal.SIG_IGN  # `nohup` means it
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
