"""
Letters over SMTP, one recipient per transaction, and what each answer means.

Between the end of the payload and the server's reply nobody can know whether a letter was accepted (RFC
1047). So the caller is told (`on_data`) before that window opens, and an attempt that ends inside it is
`unknown` and never repeated by itself. Everything before it, and every definite reply, is told apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from dataclasses import dataclass
from socket import gaierror
from typing import TYPE_CHECKING, Literal, Self

import aiosmtplib

from memorycapsule.config.certificates import trusting
from memorycapsule.domain.people import checked_address, printable
from memorycapsule.errors import MailRefused, UsageProblem, system_problem
from memorycapsule.mail.answers import About, about
from memorycapsule.mail.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

_LONGEST_DETAIL = 300
#: RFC 5321 section 3.8: the server closes the connection, often because it was idle.
_CLOSING = 421
_GO_AHEAD = 354
#: A polite end may take this long, in seconds.
_QUIT_TIMEOUT = 5.0
_STATES: Mapping[About, Literal["retry", "rejected", "paused"]] = {
    About.US: "paused",
    About.RECIPIENT: "rejected",
    About.UNCLEAR: "rejected",
    About.LATER: "retry",
}
_ADDRESS = re.compile(r"[^\s<>\"'(),;:=]+@[^\s<>\"'(),;:=]+")


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """Where letters are handed over, and how."""

    host: str
    port: int
    #: "tls" from the first byte (usually port 465), "starttls" (587), or "none" for a server in the house.
    security: Literal["none", "starttls", "tls"]
    #: No login without a user name.
    username: str | None
    password: str | None
    #: For connecting and for every reply but the last.
    timeout_seconds: float = 60
    #: For the reply after the payload; RFC 5321 section 4.5.3.2.6 asks for ten minutes.
    final_reply_timeout_seconds: float = 600
    #: A certificate (PEM) to trust besides those of the system.
    ca_file: Path | None = None

    def __repr__(self) -> str:
        """Without user name and password: settings end up in logs."""
        return f"SmtpSettings(host={self.host!r}, port={self.port}, security={self.security!r})"


class _Trouble(Exception):
    """An attempt that ended before the payload was sent; without an outcome of its own, no letter can be sent."""

    def __init__(self, problem: MailRefused, outcome: Outcome | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.outcome = outcome or Outcome(state="paused", detail=problem)


class _StaleConnection(Exception):
    """A connection from an earlier letter turned out to be closed."""


class _Client(aiosmtplib.SMTP):
    """
    Logs in by one method only, where aiosmtplib tries all of them one after the other.

    Each counts as a failed login, and servers shut out whoever has too many. In the clear, the method that keeps the
    password to itself comes first. Otherwise it comes last: servers that keep hashes of passwords cannot use it.
    """

    @property
    def supported_auth_methods(self) -> list[str]:
        is_encrypted = self.get_transport_info("sslcontext") is not None
        order = ("plain", "login", "cram-md5") if is_encrypted else ("cram-md5", "plain", "login")
        return [method for method in order if method in self.server_auth_methods][:1]


class SmtpSession:
    """
    One connection for many letters; opened by the first letter, opened again when it breaks.

    Use it as a context manager, from one thread.
    """

    def __init__(self, settings: SmtpServer) -> None:
        self._settings = settings
        self._runner = asyncio.Runner()
        self._client: aiosmtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._leave(politely=error is None))
        finally:
            self._runner.close()

    def deliver(self, letter: bytes, *, sender: str, recipient: str, on_data: Callable[[], None]) -> Outcome:
        """
        Hand over one letter (RFC 5322 bytes) to one recipient and say what became of it.

        `on_data` is called once the server has accepted sender and recipient, before the DATA command; it is
        the caller's moment to commit that the payload may go out. Only an attempt that called it can be
        `unknown`. An exception of `on_data` ends the transaction, nothing sent, and is passed on.
        """
        try:
            recipient, sender = checked_address(recipient), checked_address(sender)
        except UsageProblem as problem:
            return Outcome(state="rejected", detail=problem)
        is_told = False
        while True:
            try:
                is_fresh = self._runner.run(self._envelope(sender, recipient))
            except _Trouble as trouble:
                return trouble.outcome
            if not is_told:
                try:
                    on_data()
                except BaseException:
                    self._runner.run(self._leave(politely=False))
                    raise
                is_told = True
            try:
                return self._runner.run(self._payload(letter, sender, recipient, is_fresh=is_fresh))
            except _StaleConnection:
                continue  # on a new connection, where this cannot happen again

    def log_in(self) -> None:
        """Connect and log in now. Raises MailRefused when that does not work."""
        try:
            self._runner.run(self._connected())
        except _Trouble as trouble:
            raise trouble.problem from trouble

    async def _envelope(self, sender: str, recipient: str) -> bool:
        """Have the server accept sender and recipient, and return whether that was the first on its connection."""
        is_fresh = not self._is_connected
        try:
            await self._mail_and_rcpt(sender, recipient, is_fresh=is_fresh)
        except _StaleConnection:
            is_fresh = True
            await self._mail_and_rcpt(sender, recipient, is_fresh=is_fresh)
        return is_fresh

    async def _mail_and_rcpt(self, sender: str, recipient: str, *, is_fresh: bool) -> None:
        client = await self._connected()
        command = "MAIL"
        try:
            await client.mail(sender)
            command = "RCPT"
            await client.rcpt(recipient)
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPRecipientRefused) as error:
            if error.code == _CLOSING:
                await self._leave(politely=False)
                if not is_fresh:
                    raise _StaleConnection from error
            await self._reset()
            outcome = self._refused(command, error.code, error.message, sender, recipient)
            raise _Trouble(self._reply(error.code, error.message, recipient), outcome) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            outcome = await self._broken_off(command, error, is_fresh=is_fresh)
            raise _Trouble(self._before(command, error), outcome) from error

    async def _payload(self, letter: bytes, sender: str, recipient: str, *, is_fresh: bool) -> Outcome:
        """
        DATA, then the letter.

        aiosmtplib's own `data()` does both and so cannot tell a connection lost before the payload (nothing
        was accepted) from one lost after it (nobody knows); the two steps are taken apart here.
        """
        client = self._client
        assert client is not None
        try:
            code, message = await client.execute_command(b"DATA")
        except (aiosmtplib.SMTPException, OSError) as error:
            return await self._broken_off("DATA", error, is_fresh=is_fresh)
        if code != _GO_AHEAD:
            if code == _CLOSING and not is_fresh:
                await self._leave(politely=False)
                raise _StaleConnection
            await self._end_refused(code)
            return self._refused("DATA", code, message, sender, recipient)
        try:
            assert client.protocol is not None
            client.protocol.write(_dot_stuffed(letter))
            code, message = await client.protocol.read_response(self._settings.final_reply_timeout_seconds)
        except (aiosmtplib.SMTPException, OSError) as error:
            await self._leave(politely=False)
            problem = MailRefused("mail_no_answer_after", problem=self._brief(error))
            return Outcome(state="unknown", detail=problem, recipient_named=True)
        match code // 100:  # RFC 5321 section 4.2.1
            case 2:
                reply = self._reply(code, message, recipient)
                return Outcome(state="sent", detail=reply, recipient_named=True)
            case 4 | 5:
                await self._end_refused(code)
                return self._refused("PAYLOAD", code, message, sender, recipient)
            case _:
                await self._leave(politely=False)
                reply = self._reply(code, message, recipient)
                return Outcome(state="unknown", detail=reply, recipient_named=True)

    def _refused(self, command: str, code: int, message: str, sender: str, recipient: str) -> Outcome:
        """Return what an answer that is no yes means for the letter and for all others."""
        subject = about(command, code, message, sender=sender, recipient=recipient)
        return Outcome(
            state=_STATES[subject],
            detail=self._reply(code, message, recipient),
            recipient_named=command != "MAIL",
            is_unclear=subject is About.UNCLEAR,
        )

    async def _broken_off(self, command: str, error: Exception, *, is_fresh: bool) -> Outcome:
        """
        Return what it means that no answer came to a command before the payload: nothing was accepted.

        Raises _StaleConnection when the connection had served an earlier letter: servers close such after a while.
        """
        await self._leave(politely=False)
        if not is_fresh:
            raise _StaleConnection from error
        problem = self._before(command, error)
        return Outcome(state="paused", detail=problem, recipient_named=command != "MAIL")

    def _before(self, command: str, error: Exception) -> MailRefused:
        return MailRefused("mail_no_answer_before", command=command, problem=self._brief(error))

    async def _end_refused(self, code: int) -> None:
        """Make the connection ready for the next letter, unless the answer made no sense or the server closes it."""
        if code // 100 in {4, 5} and code != _CLOSING:
            await self._reset()
        else:
            await self._leave(politely=False)

    @property
    def _is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        client = _Client(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout_seconds,
            use_tls=settings.security == "tls",
            start_tls=False,
            tls_context=None if settings.security == "none" else self._trust(),
        )
        self._client = client
        try:
            await self._greet(client, where)
            if settings.security == "starttls":
                await self._start_tls(client, where)
            if settings.username:
                await self._authenticate(client, where)
        except BaseException:
            await self._leave(politely=False)
            raise
        return client

    def _trust(self) -> ssl.SSLContext:
        try:
            return trusting(self._settings.ca_file)
        except OSError as error:  # ssl.SSLError is one
            problem = MailRefused("mail_certificate_unusable", file=self._settings.ca_file)
            raise _Trouble(problem) from error

    async def _greet(self, client: aiosmtplib.SMTP, where: str) -> None:
        try:
            await client.connect()
        except aiosmtplib.SMTPConnectResponseError as error:
            reply = self._reply(error.code, error.message)
            problem = MailRefused("mail_turned_away", server=where, reply=reply)
            raise _Trouble(problem) from error
        except aiosmtplib.SMTPConnectTimeoutError as error:
            raise _Trouble(MailRefused("mail_silent", server=where)) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise self._unreachable(error, where) from error

    def _unreachable(self, error: Exception, where: str) -> _Trouble:
        cause = error.__cause__ or error
        if isinstance(cause, ssl.SSLError):
            return self._no_trust(cause, where)
        if isinstance(cause, gaierror):
            problem = MailRefused("mail_host_unknown", server=self._settings.host)
        else:
            brief = system_problem(cause) if isinstance(cause, ConnectionRefusedError) else self._brief(cause)
            problem = MailRefused("mail_unreachable", server=where, problem=brief)
        return _Trouble(problem)

    @staticmethod
    def _no_trust(error: ssl.SSLError, where: str) -> _Trouble:
        if isinstance(error, ssl.SSLCertVerificationError):
            problem = MailRefused("mail_certificate_untrusted", server=where, answer=error.verify_message)
        else:
            problem = MailRefused("mail_no_tls", server=where)
        return _Trouble(problem)

    async def _start_tls(self, client: aiosmtplib.SMTP, where: str) -> None:
        try:
            await client.ehlo()
            if not client.supports_extension("starttls"):
                raise _Trouble(MailRefused("mail_no_starttls", server=where))
            await client.starttls()
        except aiosmtplib.SMTPResponseException as error:
            reply = self._reply(error.code, error.message)
            problem = MailRefused("mail_starttls_refused", server=where, reply=reply)
            raise _Trouble(problem) from error
        except ssl.SSLError as error:
            raise self._no_trust(error, where) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            problem = MailRefused("mail_ended_at_starttls", server=where, problem=self._brief(error))
            raise _Trouble(problem) from error

    async def _authenticate(self, client: aiosmtplib.SMTP, where: str) -> None:
        settings = self._settings
        try:
            # UTF-8 as RFC 4616 asks for; aiosmtplib would encode text as ASCII and stumble over "ü".
            await client.login((settings.username or "").encode(), (settings.password or "").encode())
        except aiosmtplib.SMTPResponseException as error:
            reply = self._reply(error.code, error.message)
            problem = MailRefused("mail_login_refused", server=where, reply=reply)
            raise _Trouble(problem) from error
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError) as error:
            problem = MailRefused("mail_ended_at_login", server=where, problem=self._brief(error))
            raise _Trouble(problem) from error
        except aiosmtplib.SMTPException as error:  # no AUTH offered, or no method that we know
            raise _Trouble(MailRefused("mail_no_login", server=where)) from error

    async def _reset(self) -> None:
        """Make the connection ready for the next letter, or drop it."""
        if self._client is None or not self._client.is_connected:
            return
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            await self._leave(politely=False)

    async def _leave(self, *, politely: bool) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        transport = client.transport
        if politely and client.is_connected:
            # Every letter has its answer already; a goodbye that fails changes nothing.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_QUIT_TIMEOUT)
        client.close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        await asyncio.sleep(0)  # lets the transport close its socket before the loop stops

    def _reply(self, code: int, message: str, recipient: str = "") -> MailRefused:
        """Return a server's reply as it said it: one harmless line."""
        return MailRefused("mail_server_replied", reply=self._harmless(f"{code} {message}", recipient))

    def _brief(self, error: BaseException) -> MailRefused:
        """Return a foreign error in a few harmless words of one line."""
        if isinstance(error, TimeoutError):
            return MailRefused("mail_no_reply_in_time")
        if isinstance(error, aiosmtplib.SMTPServerDisconnected | ConnectionError):
            return MailRefused("mail_connection_lost")
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, aiosmtplib.SMTPException):
            # The text alone; as a string, a reply that makes no sense would show its made-up code -1.
            text = error.message
        return MailRefused("other", sentence=self._harmless(text).rstrip(".") or type(error).__name__)

    def _harmless(self, text: str, recipient: str = "") -> str:
        """What a server said as one line: no secret, no address but the recipient's own."""
        text = text.encode("utf-8", "replace").decode()
        if self._settings.password:
            text = text.replace(self._settings.password, "…")
        kept = recipient.lower()
        text = _ADDRESS.sub(lambda found: found[0] if found[0].lower() == kept else "…", text)
        return printable(text, _LONGEST_DETAIL)


def check_login(settings: SmtpServer) -> None:
    """
    Connect, secure the connection, log in and leave.

    Raises MailRefused, which says what to change: server not found or not reachable,
    no STARTTLS, certificate not trusted, wrong user name or password.
    """
    with SmtpSession(settings) as session:
        session.log_in()


def _dot_stuffed(letter: bytes) -> bytes:
    """The letter as it goes over the wire (RFC 5321 section 4.5.2); it has CRLF line ends already."""
    ending = b"" if letter.endswith(b"\r\n") else b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", letter + ending) + b".\r\n"
