"""
What a service manager is told by the process that it started (sd_notify(3)).

systemd names a socket in NOTIFY_SOCKET, and in WATCHDOG_USEC how soon it must hear again that all is well. Without
them nothing is said, so the same program runs anywhere.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

#: The socket of a manager that is itself stuck must not hold us up for longer.
_TIMEOUT_SECONDS = 1.0


class ServiceManager:
    """Whoever started this process and wants to know how it is; what is said never fails, and may be lost."""

    def __init__(self, address: str | None = None, *, watchdog_seconds: float | None = None) -> None:
        self._address = address
        #: How soon the manager must hear again that all is well; None when it does not watch.
        self.watchdog_seconds = watchdog_seconds

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> ServiceManager:
        """Return the manager that the environment names, or one to which nothing is said."""
        address = environment.get("NOTIFY_SOCKET")
        if not address:
            return cls()
        # The name of an abstract socket begins with a zero byte, which no variable can hold (unix(7)).
        address = "\0" + address[1:] if address.startswith("@") else address
        return cls(address, watchdog_seconds=_watchdog_seconds(environment))

    @property
    def is_there(self) -> bool:
        """Whether anybody hears what is said."""
        return self._address is not None

    def ready(self) -> None:
        """Say that all is there: at the start, and after the settings were read again."""
        self._say("READY=1")

    def reloading(self) -> None:
        """Say that the settings are read again, until `ready`."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._say("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in one line how things are, for people (`systemctl status`)."""
        self._say(f"STATUS={text}")

    def all_is_well(self) -> None:
        """Say what keeps the watchdog from ending us."""
        self._say("WATCHDOG=1")

    def _say(self, words: str) -> None:
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_TIMEOUT_SECONDS)
            sender.sendto(words.encode(), self._address)


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    whose = environment.get("WATCHDOG_PID", "")
    # It may be meant for the process that started us.
    is_ours = whose in {"", str(os.getpid())}
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return microseconds / 1e6 if is_ours and microseconds > 0 else None
