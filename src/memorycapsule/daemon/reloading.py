"""
Reading the settings again while the service runs.

Settings are read once, and everything is put together by them. So a service whose settings are good ends as it always
does, and its process begins anew as the same one (execve(2)); what is in hand goes on as after any restart.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from memorycapsule.errors import CapsuleError
from memorycapsule.journal import journal
from memorycapsule.systemd.manager import ServiceManager


class Reload:
    """What a SIGHUP of a service manager asks for; any other means that a terminal was closed, and ends the service."""

    def __init__(
        self, manager: ServiceManager, *, read_settings: Callable[[], object], end: Callable[[], None]
    ) -> None:
        self._manager = manager
        self._read_settings = read_settings
        self._end = end
        #: Set when somebody wants the service to end for good, whatever was asked before.
        self.told_to_end = threading.Event()
        self._is_under_way = False

    @property
    def begins_anew(self) -> bool:
        """Whether the service ends only to begin anew."""
        return self._is_under_way and not self.told_to_end.is_set()

    def ask(self) -> None:
        """Begin to read the settings, in a thread of its own: a signal's handler must not wait."""
        threading.Thread(target=self._try_settings, name="reload", daemon=True).start()

    def _try_settings(self) -> None:
        self._manager.reloading()
        try:
            self._read_settings()
        except CapsuleError as error:
            # What runs is better than what would not start.
            journal.error("daemon.reload_refused", error=type(error).__name__, reason=error.reason)
            self._manager.ready()
            return
        journal.info("daemon.reloading")
        self._is_under_way = True
        self._end()


def begin_anew() -> None:
    """Run the same command in place of this process; never returns."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the command that this process was started with
