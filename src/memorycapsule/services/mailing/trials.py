"""Trials: a test letter shows whether the mail server takes letters of ours."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from memorycapsule.domain.people import checked_address
from memorycapsule.errors import CapsuleError, MailRefused
from memorycapsule.mail.letters import Recipient, TrialLetter, write
from memorycapsule.mail.outcomes import Transport
from memorycapsule.services.mailing.composing import MailComposer


def send_trial(
    composer: MailComposer,
    connect: Callable[[], AbstractContextManager[Transport]],
    address: str,
    *,
    locale: str,
    now: datetime,
) -> CapsuleError:
    """
    Send a test letter now, past the outbox, and return what was answered, as the log of deliveries would keep it.

    Raises UsageProblem, MailRefused when the server takes no letter of ours, or CapsuleError for this one.
    """
    recipient, sender = checked_address(address), composer.sender
    letter = trial_letter(composer, recipient, locale=locale, mark=str(uuid.uuid4()), date=now)
    with connect() as transport:
        outcome = transport.deliver(letter, sender=sender.address, recipient=recipient, on_data=lambda: None)
    match outcome.state:
        case "sent":
            return outcome.detail
        case "paused":
            raise outcome.detail.as_kind(MailRefused)
        case "unknown":
            raise CapsuleError("trial_letter_unknown", problem=outcome.detail)
        case _:
            raise CapsuleError("trial_letter_refused", problem=outcome.detail)


def trial_letter(composer: MailComposer, address: str, *, locale: str, mark: str, date: datetime) -> bytes:
    """Return a test letter; the same `mark` gives the same Message-ID."""
    sender = composer.sender
    return write(
        TrialLetter(
            recipient=Recipient(address=address, name=None, locale=locale), public_url=composer.base_url
        ),
        sender=sender,
        message_id=f"<test.{mark}@{sender.address.rpartition('@')[2]}>",
        date=date.replace(microsecond=0),
    )
