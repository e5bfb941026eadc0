"""The one row of the instance."""

from datetime import datetime
from typing import Any

from sqlmodel import col

from memorycapsule.domain.instances import Instance
from memorycapsule.errors import NotInitialised
from memorycapsule.store.rows import InstanceRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

_instances = Table(Instance, InstanceRow)


def add(tx: Transaction, instance: Instance) -> None:
    """Write the instance's row, once in its life."""
    _instances.add(tx, instance)


def find(tx: Transaction) -> Instance | None:
    """Return the instance, or None before `capsule init`."""
    found = _instances.by(tx)
    return found[0] if found else None


def get(tx: Transaction, *, lock: bool = False) -> Instance:
    """Return the instance; `lock` keeps its key from being replaced meanwhile. Raises NotInitialised."""
    found = _instances.by(tx, lock=lock)
    if not found:
        raise NotInitialised
    return found[0]


def change(tx: Transaction, **fields: Any) -> None:
    """Change fields of the instance."""
    _instances.change(tx, **fields)


def note_time(tx: Transaction, now: datetime) -> None:
    """Remember the time, if it is the latest that was seen."""
    _instances.change(tx, col(InstanceRow.seen_at) < now, seen_at=now)
