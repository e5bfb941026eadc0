"""The event log; it can only be added to."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, insert
from sqlmodel import col, or_, select

from memorycapsule.domain.events import Event
from memorycapsule.store.rows import EventRow
from memorycapsule.store.transactions import Transaction

#: No transaction takes so long.
_LONGEST_SECONDS = 600.0
#: So many numbers before the newest one, at most, belong to transactions that are not over yet.
_IN_FLIGHT = 1000
#: So many subjects are looked for by one statement.
_ASKED_AT_ONCE = 500
_INSERT = insert(getattr(EventRow, "__table__"))  # noqa: B009 - its type does not say that it has one


def record(tx: Transaction, event: Event) -> None:
    """Write an event in the transaction that makes it happen."""
    # Not by way of an object of the session's: letters by the thousand write one each.
    tx.session.execute(
        _INSERT,
        {
            "at": event.at,
            "kind": event.kind,
            "capsule_id": event.capsule_id,
            "subject_id": event.subject_id,
            "facts": json.dumps(dict(event.facts), sort_keys=True),
        },
    )


def count_of_capsule(tx: Transaction, capsule_id: str) -> int:
    """
    Return how many events a capsule has had, which changes whenever something happens to it.

    The newest one's number need not change: on a server, events may be committed in another order than they were
    numbered in.
    """
    counted = select(func.count()).where(EventRow.capsule_id == capsule_id)
    return int(tx.session.exec(counted).one())


def after(tx: Transaction, number: int, *, also: Collection[int] = ()) -> dict[int, str | None]:
    """Return the events after the one with this number, and `also` those with these, with the ids of their capsules."""
    statement = select(EventRow.id, EventRow.capsule_id).where(
        or_(col(EventRow.id) > number, col(EventRow.id).in_(also))
    )
    return {int(found or 0): capsule_id for found, capsule_id in tx.session.exec(statement)}


@dataclass(kw_only=True)
class Follower:
    """
    Says which capsules something has happened to since its last look, and misses nothing.

    On a server, an event may become visible after others with higher numbers. So numbers that are missing are asked
    for again, until no transaction can be so old.
    """

    #: The number of the newest event at its last look; None before the first.
    _seen: int | None = None
    #: Numbers that were missing, and when that was first seen, in seconds of a clock that only goes forward.
    _missing: dict[int, float] = field(default_factory=dict)

    def look(self, tx: Transaction) -> set[str]:
        """Return the ids of capsules; those of the first look are none, since all that follows is new from then on."""
        (number, _at), now = newest(tx) or (0, None), time.monotonic()
        begin = max(0, number - _IN_FLIGHT) if self._seen is None else self._seen
        found = after(tx, begin, also=list(self._missing))
        missing = {*self._missing, *range(begin + 1, number + 1)} - set(found)
        since = {one: self._missing.get(one, now) for one in missing}
        self._missing = {one: at for one, at in since.items() if now - at < _LONGEST_SECONDS}
        is_first, self._seen = self._seen is None, number
        return set() if is_first else {one for one in found.values() if one is not None}


def of_kinds_since(tx: Transaction, number: int, kinds: Collection[str]) -> list[tuple[int, Event]]:
    """Return the events of these kinds after the one with this number, with their numbers, without facts."""
    statement = (
        select(EventRow.id, EventRow.kind, EventRow.at, EventRow.capsule_id)
        .where(col(EventRow.kind).in_(kinds), col(EventRow.id) > number)
        .order_by(col(EventRow.id))
    )
    return [
        (int(found or 0), Event(kind=kind, at=at, capsule_id=capsule_id))
        for found, kind, at, capsule_id in tx.session.exec(statement)
    ]


def newest(tx: Transaction) -> tuple[int, datetime] | None:
    """Return the number of the newest event and when it happened; None where nothing has happened yet."""
    found = tx.session.exec(
        select(EventRow.id, EventRow.at).order_by(col(EventRow.id).desc()).limit(1)
    ).first()
    return None if found is None else (int(found[0] or 0), found[1])


def happened_at(tx: Transaction, number: int) -> datetime | None:
    """Return when the event with this number happened, None when there is none."""
    return tx.session.exec(select(EventRow.at).where(EventRow.id == number)).first()


def last_at(tx: Transaction, kind: str, subject_id: str) -> datetime | None:
    """Return when something of this kind happened to a subject for the last time."""
    statement = select(func.max(EventRow.at)).where(EventRow.kind == kind, EventRow.subject_id == subject_id)
    return tx.session.exec(statement).one()


def counts_by_subject(tx: Transaction, kind: str) -> dict[str, int]:
    """Return how often something of this kind happened to each subject."""
    statement = (
        select(EventRow.subject_id, func.count())
        .where(EventRow.kind == kind, col(EventRow.subject_id).is_not(None))
        .group_by(col(EventRow.subject_id))
    )
    return {str(subject): int(count) for subject, count in tx.session.exec(statement).all()}


def last_facts(tx: Transaction, kind: str, subject_id: str) -> dict[str, str | int | None]:
    """Return the facts of the last event of this kind about a subject; empty where there is none."""
    statement = (
        select(EventRow.facts)
        .where(EventRow.kind == kind, EventRow.subject_id == subject_id)
        .order_by(col(EventRow.id).desc())
        .limit(1)
    )
    found = tx.session.exec(statement).first()
    return dict(json.loads(found)) if found else {}


def newest_facts(
    tx: Transaction, kind: str, subject_ids: Collection[str]
) -> dict[str, dict[str, str | int | None]]:
    """Return the facts of the last event of this kind about each subject that there is one of, by subject."""
    asked, facts = list(subject_ids), dict[str, dict[str, str | int | None]]()
    while some := asked[:_ASKED_AT_ONCE]:
        statement = (
            select(EventRow.subject_id, EventRow.facts)
            .where(EventRow.kind == kind, col(EventRow.subject_id).in_(some))
            .order_by(col(EventRow.id))
        )
        facts |= {str(subject): json.loads(told) for subject, told in tx.session.exec(statement)}
        del asked[:_ASKED_AT_ONCE]
    return facts
