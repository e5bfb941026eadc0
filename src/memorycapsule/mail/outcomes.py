"""The ways in which letters are sent, and what becomes of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from memorycapsule.errors import CapsuleError


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """
    The end of one attempt to deliver one letter to one recipient.

    `sent`: the server took responsibility. `retry`: certainly not accepted, try this letter again later. `rejected`:
    certainly not accepted, and for good. `unknown`: the whole letter was handed over but no answer came, so it must
    not be sent again by itself (RFC 1047). `paused`: certainly not accepted, and every other letter would end in the
    same way: there is no server, or it refuses us.
    """

    state: Literal["sent", "retry", "rejected", "unknown", "paused"]
    #: What the log of deliveries keeps: the server's reply in its own words, or what went wrong. Never a secret,
    #: never the address of anybody but the recipient.
    detail: CapsuleError
    #: Whether a server was told whom the letter is for; the outcome may then be this recipient's alone.
    recipient_named: bool = False
    #: Of `rejected`: the answer does not say whether this letter or we were refused.
    is_unclear: bool = False


class Transport(Protocol):
    """What delivers letters: `mail.smtp.SmtpSession` or `mail.mailbox.Mailbox`."""

    def deliver(self, letter: bytes, *, sender: str, recipient: str, on_data: Callable[[], None]) -> Outcome:
        """Hand one letter over; `on_data` is called before the first byte of it leaves, if that can be lost."""
