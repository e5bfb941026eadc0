"""Events: the append-only log of what happened, in ids, kinds and counts; never text, names or addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, written in the transaction that made it happen."""

    #: A past tense in two words, such as `capsule.opened`.
    kind: str
    at: datetime
    capsule_id: str | None = None
    #: The id of the row that it is about.
    subject_id: str | None = None
    #: Ids, states and counts.
    facts: Mapping[str, str | int | None] = field(default_factory=dict)
