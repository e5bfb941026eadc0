"""A service manager's end of sd_notify(3): a socket that hears what a service says, and when the kernel took it."""

import contextlib
import shlex
import shutil
import socket
import struct
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from support.servers import wait_until

#: socket(7): the option and the kind of message by which the kernel says when a datagram arrived (linux/socket.h).
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")


@dataclass
class ServiceManager:
    """`with ServiceManager() as manager:` and a service whose environment holds `manager.environment`."""

    #: How soon it must hear again that all is well.
    watchdog_seconds: float = 120
    #: Everything that was said, as name and value.
    said: list[tuple[str, str]] = field(default_factory=list)
    #: When it was said that all is well, in seconds of the system's clock.
    well_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._name = f"capsule-{uuid.uuid4()}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(f"\0{self._name}")
        self._socket.setblocking(False)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "NOTIFY_SOCKET": f"@{self._name}",
            "WATCHDOG_USEC": str(round(self.watchdog_seconds * 1e6)),
        }

    def hear(self) -> list[tuple[str, str]]:
        """Everything that was said so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                words, (about, *_), _, _ = self._socket.recvmsg(4096, 128)
                seconds, nanoseconds = _TIMESPEC.unpack(about[2])
                for line in words.decode().splitlines():
                    name, _, value = line.partition("=")
                    self.said.append((name, value))
                    if name == "WATCHDOG":
                        self.well_at.append(seconds + nanoseconds / 1e9)
        return self.said

    def names(self) -> list[str]:
        """What it was told, without what comes again and again."""
        return [name for name, _ in self.hear() if name in {"READY", "RELOADING", "STOPPING"}]

    def wait_for(self, *names: str, deadline_seconds: float = 60) -> None:
        """Wait until it has been told this, in this order, and nothing else."""
        wait_until(lambda: self.names() == list(names), deadline_seconds, f"it was told {names}")

    def status(self) -> str:
        """The line for people that was said last."""
        return next((value for name, value in reversed(self.hear()) if name == "STATUS"), "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def settings_of(unit: Path, name: str) -> list[str]:
    """The values of a setting of a unit, in their order."""
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [value for line in lines if (value := line.removeprefix(f"{name}=")) != line]


def start_command(unit: Path, credentials: Path) -> tuple[list[str], dict[str, str]]:
    """
    What systemd would start by a unit, and in which environment: its command line, its variables, its credentials.

    Those are copied into the folder `credentials`.
    """
    (command,) = settings_of(unit, "ExecStart")
    variables = dict(
        "".join(shlex.split(one)).replace("%%", "%").split("=", 1) for one in settings_of(unit, "Environment")
    )
    credentials.mkdir(mode=0o700)
    for line in settings_of(unit, "LoadCredential"):
        name, _, path = line.partition(":")
        shutil.copyfile(path.replace("%%", "%"), credentials / name)
        (credentials / name).chmod(0o400)
    words = [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(command)]
    return words, variables | {"CREDENTIALS_DIRECTORY": str(credentials)}
