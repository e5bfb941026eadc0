"""Mail servers on 127.0.0.1 for tests: one that behaves (aiosmtpd), and one that does what a script says."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import shutil
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from aiosmtpd.smtp import SMTP, AuthResult

from memorycapsule.mail.smtp import SmtpServer
from support.servers import is_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import EmailMessage
    from pathlib import Path

DROP = "drop"  #: close the connection
HANG = "hang"  #: say nothing until the server is stopped
LATE = "250 late: "  #: with a number: this reply, but only after so many seconds


def plain_settings(server: MailServer | ScriptedServer, **changes: object) -> SmtpServer:
    """Return how a server is reached: without encryption, login or patience, but for `changes`."""
    plain = SmtpServer(
        host=server.host,
        port=server.port,
        security="none",
        username=None,
        password=None,
        timeout_seconds=5,
        final_reply_timeout_seconds=5,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Received:
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)


class MailServer:
    """
    An SMTP server that accepts everything and keeps it in `messages`.

    The system chooses the port; after `stop()` a `start()` listens on the same one again.
    """

    def __init__(
        self, *, security: str = "none", login: tuple[str, str] | None = None, certificate: Path | None = None
    ) -> None:
        self.messages: list[Received] = []
        self.connections = 0
        self.host, self.port = "127.0.0.1", 0
        self._security, self._login = security, login
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: set[asyncio.BaseTransport] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        # In its own thread from the first: in that of a test, Playwright's loop may be running.
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listen(self) -> asyncio.Server:
        assert self._loop is not None
        tls = self._tls if self._security == "tls" else None
        return await self._loop.create_server(self._session, self.host, self.port, ssl=tls)

    def stop(self) -> None:
        if self._loop is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._loop = None

    async def _close(self) -> None:
        self._server.close()
        for transport in self._open:
            transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)

    def _session(self) -> SMTP:
        server = self

        class Session(SMTP):
            def connection_made(self, transport) -> None:
                server.connections += 1
                server._open.add(transport)
                super().connection_made(transport)

            def connection_lost(self, error) -> None:
                server._open.discard(self.transport)
                super().connection_lost(error)

        starttls = self._security == "starttls"
        return Session(
            self,
            hostname="localhost",
            loop=self._loop,
            tls_context=self._tls if starttls else None,
            require_starttls=starttls,
            authenticator=self._authenticate if self._login else None,
            auth_require_tls=False,
        )

    async def handle_MAIL(self, _server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd's name
        if self._login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    def _authenticate(self, _server, _session, _envelope, _mechanism, data) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self._login, handled=False)

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.messages.append(
            Received(
                sender=envelope.mail_from, recipients=tuple(envelope.rcpt_tos), raw=envelope.original_content
            )
        )
        return "250 kept"


class ScriptedServer:
    """
    An SMTP server that answers as the script says, and properly where it says nothing.

    Keys of the script are GREETING, the commands (EHLO, AUTH, MAIL, RCPT, DATA, RSET, QUIT) and PAYLOAD (the
    answer to the final dot). A value is a reply, DROP, HANG, LATE with a number, or a list of values used one after
    another, the last for ever; a reply with THEN_DROP after it is sent and the connection closed. `payloads` holds
    every payload that arrived whole, `commands` every line before it.
    """

    THEN_DROP = " [then drop]"
    _PROPER: Mapping[str, str] = {
        "GREETING": "220 scripted",
        "EHLO": "250 scripted",
        "DATA": "354 go ahead",
        "QUIT": "221 bye",
        "AUTH": "235 come in",
    }

    def __init__(self, script: Mapping[str, str | list[str]] | None = None) -> None:
        self._script = {
            key: list([value] if isinstance(value, str) else value) for key, value in (script or {}).items()
        }
        self.payloads: list[bytes] = []
        self.commands: list[str] = []
        self.connections = self.late_replies = 0
        self.host = "127.0.0.1"
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        #: What a connection, which has a thread of its own, has last heard and said.
        self._here = threading.local()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_) -> None:
        self._stopped.set()
        for connection in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _start(self, target, *arguments) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._converse, connection)

    def _converse(self, connection: socket.socket) -> None:
        self._here.recipient = ""
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as lines:
            if not self._answer(connection, "GREETING"):
                return
            for line in lines:
                command = line.decode(errors="replace").strip()
                self.commands.append(command)
                verb = command.partition(" ")[0].upper()
                if verb == "RCPT":
                    self._here.recipient = command.partition("<")[2].rstrip(">")
                if not self._answer(connection, verb) or verb == "QUIT":
                    return
                if verb == "DATA" and self._here.said.startswith("354"):
                    payload = b""
                    for text in lines:
                        if text == b".\r\n":
                            break
                        payload += text
                    else:
                        return
                    self.payloads.append(payload)
                    self._here.payload = payload
                    if not self._answer(connection, "PAYLOAD"):
                        return

    def _next(self, key: str) -> str:
        values = self._script.get(key, [self._PROPER.get(key, "250 ok")])
        return values.pop(0) if len(values) > 1 else values[0]

    def _answer(self, connection: socket.socket, key: str) -> bool:
        self._here.said = value = self._next(key)
        if value == DROP:
            return False
        if value == HANG:
            self._stopped.wait()
            return False
        if value.startswith(LATE):
            if self._stopped.wait(float(value.removeprefix(LATE))):
                return False
            self.late_replies += 1
        reply = value.removesuffix(self.THEN_DROP)
        connection.sendall(reply.replace("\n", "\r\n").encode() + b"\r\n")
        return value == reply


class RuledServer(ScriptedServer):
    """
    An SMTP server that asks a rule what to answer.

    `rule(key, name)` gets a key as those of ScriptedServer's scripts, and the recipient's address up to the "@", or ""
    before there is one. It returns a value of such a script, or None for the proper answer. `kept` has recipient and
    Message-ID of every letter that the server kept: it did so if it did not refuse the payload, even without an answer.
    """

    def __init__(self, rule: Callable[[str, str], str | None]) -> None:
        super().__init__()
        self._rule = rule
        self.kept: list[tuple[str, str]] = []

    def _next(self, key: str) -> str:
        address = self._here.recipient if key in {"RCPT", "DATA", "PAYLOAD"} else ""
        value = self._rule(key, address.partition("@")[0]) or super()._next(key)
        if key == "PAYLOAD" and value[0] not in "45":
            message = email.message_from_bytes(self._here.payload)
            self.kept.append((address, str(message["Message-ID"])))
        return value


def make_certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and localhost with its key, one PEM file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        is_missing("No openssl, which makes the certificate of this test.")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    certificate.write_text(certificate.read_text() + key.read_text())
    return certificate
