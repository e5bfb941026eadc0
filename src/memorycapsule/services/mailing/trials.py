"""Trials: a test letter shows whether the mail server takes letters of ours."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from memorycapsule.domain.people import checked_address
from memorycapsule.errors import CapsuleError, MailRefused
from memorycapsule.mail.letters import Recipient, Sender, TrialLetter, write
from memorycapsule.mail.outcomes import Transport


def send_trial(
    sender: Sender,
    connect: Callable[[], AbstractContextManager[Transport]],
    address: str,
    *,
    base_url: str,
    locale: str,
    now: datetime,
) -> CapsuleError:
    """
    Send a test letter now, past the outbox, and return what was answered, as the log of deliveries would keep it.

    It needs no instance. `base_url` is the address of the pages, as the letter names it.

    Raises UsageProblem, MailRefused when the server takes no letter of ours, or CapsuleError for this one.
    """
    recipient = checked_address(address)
    mark = str(uuid.uuid4())
    letter = trial_letter(sender, recipient, base_url=base_url, locale=locale, mark=mark, date=now)
    with connect() as transport:
        outcome = transport.deliver(letter, sender=sender.address, recipient=recipient, on_data=lambda: None)
    match outcome.state:
        case "sent":
            return outcome.detail
        case "paused" if outcome.detail.reason == "mail_server_replied":
            # Words of a server alone tell nobody what to do.
            raise MailRefused("trial_letter_unwanted", problem=outcome.detail)
        case "paused":
            raise outcome.detail.as_kind(MailRefused)
        case "unknown":
            raise CapsuleError("trial_letter_unknown", problem=outcome.detail)
        case _:
            raise CapsuleError("trial_letter_refused", problem=outcome.detail)


def trial_letter(
    sender: Sender, address: str, *, base_url: str, locale: str, mark: str, date: datetime
) -> bytes:
    """Return a test letter; the same `mark` gives the same Message-ID."""
    return write(
        TrialLetter(recipient=Recipient(address=address, name=None, locale=locale), public_url=base_url),
        sender=sender,
        message_id=f"<test.{mark}@{sender.address.rpartition('@')[2]}>",
        date=date.replace(microsecond=0),
    )
