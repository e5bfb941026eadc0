"""
Leases: a row that is worked on says by which run of the program, and until when that is certain.

A run prolongs its leases while it is alive. One that has expired belonged to a run that was killed, or stopped. Results
are fenced by attempts, not by leases: a run that comes back too late changes nothing.

While the database is away, nobody can prolong anything. So for as long as a lease lasts after all nodes together have
been silent, none is void by its age: those that are alive prolong theirs first. When the server began says less, since
one that takes another's place has run for long, and a network may have been cut.

All instants are those of the database's clock, since machines that share a database need not agree on the time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, DateTime, bindparam, exists, false, func, true, update
from sqlmodel import SQLModel, and_, col, or_, select

from memorycapsule import clock
from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.film.pieces import PieceState
from memorycapsule.store import waits
from memorycapsule.store.cluster_rows import NodeRow, PieceRow
from memorycapsule.store.rows import DeliveryRow, MontageRow, UploadRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

_Value = TypeVar("_Value")

#: How long a lease lasts that is not prolonged: so long the work of a killed run waits for another one.
LASTS = timedelta(seconds=60)

#: The tables of rows that are leased, and what is true of those.
_LEASED: tuple[tuple[type[SQLModel], ColumnElement[bool]], ...] = (
    (MontageRow, col(MontageRow.state) == MontageState.RENDERING),
    (DeliveryRow, col(DeliveryRow.state) == DeliveryState.SENDING),
    (UploadRow, col(UploadRow.lease).is_not(None)),
    (PieceRow, col(PieceRow.state) == PieceState.RENDERING),
)


def has_server(tx: Transaction) -> bool:
    """Return whether the database has a clock of its own; an SQLite file has ours."""
    return tx.session.get_bind().dialect.name == "postgresql"


def instant(tx: Transaction) -> datetime | ColumnElement[datetime]:
    """Return this instant by the database's clock, to stand in a statement."""
    return _clock_of_server() if has_server(tx) else clock.now()


def now(tx: Transaction) -> datetime:
    """Return what time it is by the database's clock."""
    if not has_server(tx):
        return clock.now()
    found: datetime = tx.session.execute(select(_clock_of_server())).scalar_one()
    return found


def _clock_of_server() -> ColumnElement[datetime]:
    # Not now(): that is when the transaction began.
    return func.clock_timestamp(type_=DateTime(timezone=True))


def taken(tx: Transaction, lease: str) -> dict[str, Any]:
    """Return what a row says from now on that a run claims."""
    return {"lease": lease, "leased_until": instant(tx) + LASTS}


def taken_at_bound(*, has_server: bool) -> dict[str, Any]:
    """Return the same for a statement that is made once: `bound` says what it leaves open."""
    until = _clock_of_server() + LASTS if has_server else bindparam("its_end")
    return {"lease": bindparam("its_lease"), "leased_until": until}


def bound(tx: Transaction, lease: str) -> dict[str, Any]:
    """Return what `taken_at_bound` leaves open."""
    ours = {} if has_server(tx) else {"its_end": clock.now() + LASTS}
    return {"its_lease": lease, **ours}


def is_void(tx: Transaction, row: Any, lease: str | None) -> ColumnElement[bool]:
    """
    Select those of the leased rows of a table that nobody works on.

    These are the ones whose lease has expired, unless the database was away, and those of `lease`: who asks has
    nothing in hand, so a row that could not be written at the end of an attempt does not stay claimed. With None all
    are: who asks works alone.
    """
    if lease is None:
        return true()
    until = col(row.leased_until)
    has_expired = and_(waits.is_over(until, instant(tx), longest=LASTS), ~_was_away(tx))
    return or_(col(row.lease) == lease, until.is_(None), has_expired)


def silence() -> timedelta:
    """Return for how long all nodes are silent only if the database was away: each misses two signs of life."""
    return LASTS / 2


def _was_away(tx: Transaction) -> ColumnElement[bool]:
    """Select, where the database was away a moment ago: no node has come back yet, or one has by less than a lease."""
    newest = select(func.max(col(NodeRow.seen_at))).scalar_subquery()
    is_silent = func.coalesce(newest < instant(tx) - silence(), false())
    return or_(is_silent, exists().where(col(NodeRow.back_at) > instant(tx) - LASTS))


def abandoned(
    tx: Transaction,
    table: Table[_Value],
    row: Any,
    is_claimed: ColumnElement[bool],
    lease: str | None,
    *,
    only: str | None,
) -> list[_Value]:
    """
    Return the values of rows that are claimed and that nobody works on, as `is_void` says it.

    With `only`, that one alone, kept from others while this transaction writes; [] when it is none of them.
    """
    statement = table.rows().where(is_claimed, is_void(tx, row, lease))
    if only:
        statement = statement.where(col(row.id) == only)
    return table.all(tx, statement, lock=only is not None)


def prolong(tx: Transaction, prefix: str) -> None:
    """Prolong the leases of a node that is alive, on all that it still holds: those that begin with `prefix`."""
    for row, is_leased in _LEASED:
        held: Any = row
        statement = update(row).where(is_leased, col(held.lease).startswith(prefix, autoescape=True))
        tx.session.execute(
            statement.values(leased_until=instant(tx) + LASTS),
            execution_options={"synchronize_session": False},
        )
