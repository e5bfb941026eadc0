"""The one row of the instance."""

import dataclasses
from typing import Any

from memorycapsule.clock import KnownTime
from memorycapsule.domain.instances import Instance
from memorycapsule.errors import NotInitialised
from memorycapsule.store.rows import InstanceRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

_instances = Table(Instance, InstanceRow)
_known_times = Table(KnownTime, InstanceRow)


def add(tx: Transaction, instance: Instance, known: KnownTime) -> None:
    """Write the instance's row, once in its life."""
    _instances.add(tx, instance, **dataclasses.asdict(known))


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


def known_time(tx: Transaction, *, lock: bool = False) -> KnownTime:
    """Return what is known of the time; `lock` keeps others from noting it meanwhile. Raises NotInitialised."""
    found = _known_times.by(tx, lock=lock)
    if not found:
        raise NotInitialised
    return found[0]


def note_time(tx: Transaction, known: KnownTime) -> None:
    """Write down what is known of the time."""
    _known_times.change(tx, **dataclasses.asdict(known))
