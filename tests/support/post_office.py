"""
A mail server for long lives: it remembers every letter that anybody tried to hand over, and has bad days.

A bad day (`Trouble`) answers one command otherwise than it should, to everybody or to one address, so many times. What
it says depends on nothing but the order of the commands, so that the same life always meets the same answers.
"""

import contextlib
import hashlib
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from memorycapsule.clock import now
from support.servers import wait_until

DROP = "drop"  #: closes the connection instead of an answer
KEEP_AND_DROP = "keep and drop"  #: after the letter: it was taken, and nobody is told
_PROPER = {"GREETING": "220 post office", "EHLO": "250 post office", "DATA": "354 go on", "QUIT": "221 bye"}


@dataclass(eq=False)
class Trouble:
    """What is wrong with the server."""

    #: GREETING, a command, or LETTER for the answer after the last byte.
    at: str
    #: A reply, DROP or KEEP_AND_DROP.
    says: str
    #: For whom; None for everybody.
    address: str | None = None
    #: How many more times.
    left: int = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A letter that was handed over to its last byte."""

    message_id: str
    address: str
    #: SHA-256 of its bytes.
    digest: str
    is_kept: bool


@dataclass(frozen=True, kw_only=True)
class Refused:
    """What somebody was refused, or not answered, for whom and in which words."""

    at: str
    address: str | None
    says: str
    at_time: datetime


@dataclass
class PostOffice:
    """The server; a context manager. It listens on 127.0.0.1."""

    #: What time it is for the server.
    clock: Callable[[], datetime] = now
    troubles: list[Trouble] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._open = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def wait_until_quiet(self) -> None:
        """Return once nobody is connected, so that all that was handed over is known."""
        wait_until(lambda: not self._open, 30, "the mail server has read all that it was sent")

    def arrivals(self) -> Counter[str]:
        """How often each letter arrived, by Message-ID."""
        return Counter(one.message_id for one in self.tried if one.is_kept)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open += 1
            # One after the other: the program has one connection at a time.
            with connection, contextlib.suppress(OSError), connection.makefile("rb") as lines:
                self._converse(connection, lines)
            self._open -= 1

    def _converse(self, connection: socket.socket, lines) -> None:
        address = None
        if not self._answer(connection, "GREETING", None):
            return
        for line in lines:
            said = line.decode(errors="replace").strip()
            verb = said.partition(" ")[0].upper()
            if verb == "RCPT":
                address = re.search(r"<(.*?)>", said)[1]
            reply = self._answer(connection, verb, address)
            if not reply or verb == "QUIT":
                return
            if verb == "DATA" and reply.startswith("354") and not self._letter(connection, lines, address):
                return

    def _letter(self, connection: socket.socket, lines, address: str) -> bool:
        payload = b""
        for line in lines:
            if line == b".\r\n":
                break
            payload += line
        else:
            return False
        trouble = self._trouble("LETTER", address)
        says = trouble.says if trouble else "250 kept"
        self.tried.append(
            Tried(
                message_id=re.search(rb"(?im)^message-id:\s*(\S+)", payload)[1].decode(),
                address=address,
                digest=hashlib.sha256(payload).hexdigest(),
                # What no reply says at all was not taken; nonsense was.
                is_kept=says[0] not in "45" and says != DROP,
            )
        )
        if says in {DROP, KEEP_AND_DROP}:
            return False
        connection.sendall(says.encode() + b"\r\n")
        return True

    def _answer(self, connection: socket.socket, verb: str, address: str | None) -> str:
        trouble = self._trouble(verb, address)
        says = trouble.says if trouble else _PROPER.get(verb, "250 fine")
        if says in {DROP, KEEP_AND_DROP}:
            return ""
        connection.sendall(says.encode() + b"\r\n")
        return "" if verb == "GREETING" and not says.startswith("2") else says

    def _trouble(self, verb: str, address: str | None) -> Trouble | None:
        for trouble in self.troubles:
            if trouble.at == verb and trouble.address in {None, address} and trouble.left > 0:
                trouble.left -= 1
                self.refused.append(
                    Refused(at=verb, address=address, says=trouble.says, at_time=self.clock())
                )
                return trouble
        return None
