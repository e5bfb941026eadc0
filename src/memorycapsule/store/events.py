"""The event log; it can only be added to."""

import json
from datetime import datetime

from sqlalchemy import func, insert
from sqlmodel import col, select

from memorycapsule.domain.events import Event
from memorycapsule.store.rows import EventRow
from memorycapsule.store.transactions import Transaction

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


def newest_of_capsule(tx: Transaction, capsule_id: str) -> int:
    """Return the number of a capsule's newest event, which changes whenever something happens to it; 0 for none."""
    newest_one = select(func.max(EventRow.id)).where(EventRow.capsule_id == capsule_id)
    return int(tx.session.exec(newest_one).one() or 0)


def capsules_since(tx: Transaction, number: int) -> set[str]:
    """Return the ids of the capsules that something has happened to after the event with this number."""
    statement = (
        select(EventRow.capsule_id)
        .where(col(EventRow.id) > number, col(EventRow.capsule_id).is_not(None))
        .distinct()
    )
    return {str(capsule_id) for capsule_id in tx.session.exec(statement)}


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
