"""The event log; it can only be added to."""

import json

from sqlmodel import col, select

from memorycapsule.domain.events import Event
from memorycapsule.store.rows import EventRow
from memorycapsule.store.transactions import Transaction


def record(tx: Transaction, event: Event) -> None:
    """Write an event in the transaction that makes it happen."""
    tx.session.add(
        EventRow(
            at=event.at,
            kind=event.kind,
            capsule_id=event.capsule_id,
            subject_id=event.subject_id,
            facts=json.dumps(dict(event.facts), sort_keys=True),
        )
    )


def of_capsule(tx: Transaction, capsule_id: str) -> list[Event]:
    """Return what happened to a capsule, in order."""
    rows = tx.session.exec(
        select(EventRow).where(EventRow.capsule_id == capsule_id).order_by(col(EventRow.id))
    )
    return [
        Event(
            kind=row.kind,
            at=row.at,
            capsule_id=row.capsule_id,
            subject_id=row.subject_id,
            facts=json.loads(row.facts),
        )
        for row in rows
    ]
