"""What a process is given: streams that may be closed, and signals that ask it to end."""

from __future__ import annotations

import errno
import os
import signal
import sys


def prepare_process() -> None:
    """Open the standard streams that are closed, and let whoever ends this process end it as Ctrl-C does."""
    _open_closed_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What is ignored stays so: `nohup` means it.
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def silence(descriptor: int) -> None:
    """Lead a stream that cannot be written to nowhere: the interpreter flushes it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _open_closed_streams() -> None:
    """
    Lead standard streams that are closed (`>&-`) to nowhere.

    Otherwise the next file that is opened, such as the database, would get the number of the stream, and Python has
    None in place of it.
    """
    for descriptor, name, flags in (
        (0, "stdin", os.O_RDONLY),
        (1, "stdout", os.O_WRONLY),
        (2, "stderr", os.O_WRONLY),
    ):
        try:
            os.fstat(descriptor)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            opened = os.open(os.devnull, flags)  # the lowest number that is free, which is this one
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            mode = "r" if descriptor == 0 else "w"
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
