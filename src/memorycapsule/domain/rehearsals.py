"""Rehearsals: what an opening needs is tried beforehand, each week and on the day before, and nothing is opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.waits import is_due_again
from memorycapsule.errors import CapsuleError

REHEARSED_EVERY = timedelta(days=7)
#: What has failed is tried again after this, so that its notice ends when its cause does.
FAILED_AGAIN_AFTER = timedelta(days=1)
#: The last rehearsal is so long before the date.
BEFORE_DATE = timedelta(days=1)


class RehearsalStep(StrEnum):
    """What an opening needs, in the order in which it needs it."""

    KEY = "key"  #: the instance key opens the capsule's key
    ENVELOPES = "envelopes"  #: so would the recovery key
    WORDS = "words"  #: what is written in stories and known about media
    BLOBS = "blobs"  #: stored photos, clips, voice notes, covers and songs
    PLAN = "plan"  #: the film can be planned
    SPACE = "space"  #: the film has room on the disk
    MAIL = "mail"  #: the mail server takes letters from us


@dataclass(frozen=True, kw_only=True)
class RehearsedStep:
    """How one step went."""

    step: RehearsalStep
    #: Why it would fail, None when it would not.
    problem: CapsuleError | None


def is_rehearsal_due(
    capsule: Capsule, rehearsed_at: datetime | None, now: datetime, *, has_failed: bool = False
) -> bool:
    """
    Say whether the opening of a sealed capsule is to be rehearsed now.

    `rehearsed_at` is when that was done last, and `has_failed` whether something would have failed then. A capsule that
    was just made needs none.
    """
    since = rehearsed_at or capsule.created_at
    interval = FAILED_AGAIN_AFTER if has_failed else REHEARSED_EVERY
    last_moment = capsule.opens_at - BEFORE_DATE
    return is_due_again(since, now, every=interval) or since < last_moment <= now
