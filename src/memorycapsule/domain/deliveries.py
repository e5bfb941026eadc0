"""Deliveries: letters on their way, from the outbox to a mail server's answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from memorycapsule.domain.reasons import KeptReason
from memorycapsule.errors import DamagedRow

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=4)
#: Fewer tries do not show that a letter cannot be delivered. With the waits between them these take more than a day.
LEAST_TRIES = 12


class LetterKind(StrEnum):
    """What a letter says."""

    INVITATION = "invitation"
    OPENED = "opened"
    OPENED_AGAIN = "opened_again"  #: the opened letter may not have arrived, and nobody came
    FILM_READY = "film_ready"
    SIGN_IN = "sign_in"  #: a link and a code to sign in with
    ADDRESS = "address"  #: a code that proves a new address
    REMINDER = "reminder"  #: there is still room for a story of yours
    MOVED = "moved"  #: the date was moved
    CONSENT = "consent"  #: may it be opened earlier?
    NOTICE = "notice"  #: something is wrong; to the owner of a capsule or the admin


#: Letters with codes, which are of use for minutes only. They go before all others.
URGENT_LETTERS = (LetterKind.SIGN_IN, LetterKind.ADDRESS)
#: Letters to members of a sealed capsule, which say nothing any more once it is open.
LETTERS_BEFORE_OPENING = (LetterKind.REMINDER, LetterKind.MOVED, LetterKind.CONSENT)


class DeliveryState(StrEnum):
    """The state of a delivery."""

    QUEUED = "queued"  #: waits for its time
    SENDING = "sending"  #: a sender holds it
    SENT = "sent"  #: the mail server took it
    REJECTED = "rejected"  #: refused for good, or not taken for days
    UNKNOWN = "unknown"  #: the connection broke after the letter was handed over: never sent again by itself
    SUPPRESSED = "suppressed"  #: no longer wanted, such as the letter of a revoked invitation


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One letter to one recipient."""

    id: str
    kind: LetterKind
    #: Unique, such as `opened:<member>:1`: the same letter cannot be queued twice.
    dedupe_key: str
    #: None for letters about an account, such as those to sign in with.
    capsule_id: str | None
    member_id: str | None
    invitation_id: str | None
    address: str
    #: What the letter says, as JSON, with everything but the private link; frozen, so that retries are equal.
    letter: str
    state: DeliveryState
    #: Counts the times that it was taken to be sent; only the current one may change it.
    attempt: int
    #: Counts tries that a mail server answered for this letter alone, for the waits between them.
    tries: int
    #: The run of the program that is sending it; void once that run has ended.
    lease: str | None
    #: When the letter itself began to be handed over; committed before the first byte of it leaves.
    data_started_at: datetime | None
    next_attempt_at: datetime
    queued_at: datetime
    finished_at: datetime | None
    #: The last answer of the mail server, or what came instead of it.
    detail: KeptReason | None
    #: When a server that was told the recipient first did not take the letter.
    answered_at: datetime | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What the letter says, by names. Raises DamagedRow where its row holds no letter."""
        try:
            fields = json.loads(self.letter)
        except ValueError as error:
            raise DamagedRow("letter_row_damaged") from error
        if not isinstance(fields, dict):
            raise DamagedRow("letter_row_damaged")
        return fields


def wait_after(attempt: int) -> timedelta:
    """
    Return how long to wait after the `attempt`-th try (from 1) failed: 5 minutes, doubling, at most 4 hours.

    As Postfix does it (qmgr(8), maximal_backoff_time); the first tries of a letter are nearer because a home
    router that restarts is back within minutes.
    """
    doublings = min(attempt - 1, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def is_given_up(answered_at: datetime, tries: int, now: datetime, give_up_days: int) -> bool:
    """
    Return whether a letter that no server takes is to be given up.

    The days count from a server's first answer, so that days without a network are none of them, and `tries`, those
    that were answered, must be several.
    """
    return tries >= LEAST_TRIES and now - answered_at >= timedelta(days=give_up_days)
