"""
Requests for an earlier date: everybody concerned has to say yes, and silence is no.

The database, the API and the command line's JSON call a request `wish`, for good: all three are contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DateRequestState(StrEnum):
    """The state of a request."""

    ASKED = "asked"  #: waits for answers
    GRANTED = "granted"  #: everybody said yes; the date was moved
    REFUSED = "refused"  #: somebody said no
    WITHDRAWN = "withdrawn"  #: taken back, or overtaken by another one or by time


@dataclass(frozen=True, kw_only=True)
class EarlierDateRequest:
    """The request of a capsule's owner to open it earlier; at most one of a capsule waits for answers."""

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
    """The answer of somebody whose consent a request needs: a member, or a former one whose story is in it."""

    id: str
    request_id: str
    member_id: str
    is_given: bool
    answered_at: datetime
