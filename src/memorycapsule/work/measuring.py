"""
How an instance is, in figures; and what is told of work that is done, for whoever counts it.

Rows and the machine are read, which costs the more the more there is. What a process has done stands in no row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.domain.notices import NoticeKind
from memorycapsule.services.notices import figures, finding
from memorycapsule.services.notices.figures import Figures
from memorycapsule.services.notices.finding import Surroundings
from memorycapsule.work import notices
from memorycapsule.work.worker_context import WorkerContext


@dataclass(frozen=True, kw_only=True)
class Measured:
    """An instance at one moment."""

    at: datetime
    figures: Figures
    surroundings: Surroundings
    #: How many notices of each kind there are; none of the kinds that are missing.
    notices: Mapping[NoticeKind, int]


def measure(context: WorkerContext) -> Measured:
    """Read how an instance is. Raises what the store raises where it cannot be read."""
    around = notices.surroundings(context)
    now = context.now()
    found = finding.notices(context.store, around, now=now)
    return Measured(
        at=now,
        figures=figures.read(context.store, now=now),
        surroundings=around,
        notices=Counter(notice.kind for notice in found),
    )
