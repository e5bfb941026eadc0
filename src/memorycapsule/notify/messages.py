"""What a notification says, whichever road it takes: of people and what they put in, nothing but a capsule's title."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Message:
    """A notification in words and for programs."""

    #: Stays the same when it is handed over again.
    id: str
    #: What happened, for programs: "capsule.opened", "notice.disk".
    type: str
    happened_at: datetime
    #: The capsule that it is about.
    capsule_id: str | None
    #: Its title; None where that is not to be told.
    title: str | None
    #: How many people, stories, letters or files it is about.
    count: int
    #: Who tells it.
    heading: str
    #: A sentence or two.
    text: str
    #: Whether something that was promised does not hold at this moment.
    is_grave: bool
