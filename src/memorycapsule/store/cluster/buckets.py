"""
Token buckets of clients that come to any of several machines, on Postgres.

A bucket holds tokens, fills at a steady pace by the database's clock, and is full when there is no row of it.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Float, cast, delete, extract, func, literal
from sqlmodel import col, select

from memorycapsule.store.cluster_rows import BucketRow
from memorycapsule.store.transactions import Transaction


def take(tx: Transaction, kind: str, client: str, *, at_once: int, every_seconds: float) -> float:
    """
    Take a token and return 0, or change nothing and return how many seconds it takes until there is one.

    A full bucket holds `at_once` tokens, and one is added each `every_seconds`.
    """
    # On SQLite nobody needs this dialect.
    from sqlalchemy.dialects.postgresql import insert

    now = func.statement_timestamp()
    # Another machine may have had its turn after our statement began.
    passed = func.greatest(cast(extract("epoch", now - col(BucketRow.at)), Float), 0.0)
    left = func.least(col(BucketRow.tokens) + passed / every_seconds, cast(literal(at_once), Float))
    fresh = insert(BucketRow).values(kind=kind, client=client, tokens=at_once - 1, at=now)
    taken = fresh.on_conflict_do_update(
        index_elements=["kind", "client"], set_={"tokens": left - 1, "at": now}, where=left >= 1
    )
    if tx.session.execute(taken.returning(col(BucketRow.tokens))).first() is not None:
        return 0.0
    statement = select(left).where(col(BucketRow.kind) == kind, col(BucketRow.client) == client)
    found = tx.session.execute(statement).scalar()
    # It may be full by now.
    return max((1 - float(found)) * every_seconds, 0.0) if found is not None else 0.0


def forget(tx: Transaction, *, unused: timedelta) -> int:
    """Remove the buckets that nobody has taken from for so long; say how many there were."""
    done = tx.session.execute(
        delete(BucketRow).where(col(BucketRow.at) < func.statement_timestamp() - unused)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]
