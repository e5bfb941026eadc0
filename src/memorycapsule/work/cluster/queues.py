"""Queues: what a worker may be told to work on."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from types import MappingProxyType

from memorycapsule.errors import UsageProblem
from memorycapsule.services.wakes import Work


class Queue(StrEnum):
    """A kind of due work; the same words as on the command line."""

    #: Capsules whose date has come; and whatever keeps an instance in order.
    OPEN = "open"
    #: Letters.
    MAIL = "mail"
    #: Films, also those of sealed capsules, in quiet hours.
    FILM = "film"


_NONE = "none"
ALL_QUEUES = frozenset(Queue)
_WORK_OF = MappingProxyType[Queue, Work]({Queue.OPEN: "cleanup", Queue.MAIL: "letters", Queue.FILM: "films"})


def parse_queues(text: str) -> frozenset[Queue]:
    """Return the queues that "open,mail" names, and nothing for "none". Raises UsageProblem for an unknown one."""
    if text.strip().lower() == _NONE:
        return frozenset()
    names = [name for part in text.split(",") if (name := part.strip().lower())]
    for name in names:
        if name not in ALL_QUEUES:
            raise UsageProblem("queue_unknown", queue=name)
    return frozenset(map(Queue, names))


def works_of(queues: Collection[Queue]) -> frozenset[Work]:
    """Return for which wakes somebody who works on these queues listens."""
    return frozenset(_WORK_OF[queue] for queue in queues)
