"""Wishes for an earlier date: everybody concerned has to say yes, and silence is no."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DateRequestState(StrEnum):
    """The state of a wish."""

    ASKED = "asked"  #: waits for answers
    GRANTED = "granted"  #: everybody said yes; the date was moved
    REFUSED = "refused"  #: somebody said no
    WITHDRAWN = "withdrawn"  #: taken back, or overtaken by another one or by time


@dataclass(frozen=True, kw_only=True)
class EarlierDateRequest:
    """A capsule's owner wishes that it be opened earlier; at most one waits for answers."""

    id: str
    capsule_id: str
    #: The member who asked.
    member_id: str
    state: DateRequestState
    opens_local: datetime
    zone: str
    fold: int
    opens_at: datetime
    zone_rules: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Consent:
    """The answer of somebody whose consent a wish needs: of a member, or of a former one whose story is in it."""

    id: str
    wish_id: str
    member_id: str
    is_given: bool
    answered_at: datetime
