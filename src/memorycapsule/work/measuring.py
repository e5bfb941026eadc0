"""How an instance is, in figures: rows and the machine are read, which costs the more the more there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memorycapsule.domain.notices import Notice
from memorycapsule.services.notices import figures, finding
from memorycapsule.services.notices.figures import Figures
from memorycapsule.services.notices.finding import Surroundings
from memorycapsule.work import notices
from memorycapsule.work.worker_context import WorkerContext


@dataclass(frozen=True, kw_only=True)
class Measured:
    """An instance at one moment."""

    figures: Figures
    surroundings: Surroundings
    #: What is wrong, the gravest first.
    notices: Sequence[Notice]


def measure(context: WorkerContext) -> Measured:
    """Read how an instance is. Raises what the store raises where it cannot be read."""
    around = notices.surroundings(context)
    now = context.now()
    return Measured(
        figures=figures.read(context.store, now=now),
        surroundings=around,
        notices=finding.notices(context.store, around, now=now),
    )
