"""Whether the database is whole: what it says of itself, and whether every row can be read."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, select, text, union_all
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel, col
from sqlmodel import select as select_rows

from memorycapsule.domain.instances import Blob
from memorycapsule.errors import CapsuleError
from memorycapsule.store import snapshots
from memorycapsule.store.capsules import blobs
from memorycapsule.store.rows import BlobRow, CapsuleRow, metadata
from memorycapsule.store.transactions import Store, Transaction, translating_errors

_MOST_PROBLEMS = 100
_BATCH = 500
_SQLITE_HEAD = b"SQLite format 3\0"

# What column types and drivers raise for bytes that they cannot make a value of.
_UNREADABLE = (ValueError, LookupError, TypeError, SQLAlchemyError)


@dataclass(frozen=True, kw_only=True)
class UnreadableRow:
    """A row that holds what no program of ours has written."""

    table: str
    #: Its primary key; '' for a table that cannot be read at all.
    key: str


def problems(store: Store) -> list[str]:
    """
    Return what the database says is wrong with itself, in its own words; at most a hundred lines.

    SQLite checks its pages, indexes and references. Postgres keeps its references itself and has checksums of
    its pages, which show when rows are read.
    """
    if not store.is_sqlite:
        return []
    try:
        with store.reading() as tx:
            connection = tx.session.connection()
            lines = connection.execute(text(f"PRAGMA integrity_check({_MOST_PROBLEMS})")).scalars().all()
            found = [str(line) for line in lines if line != "ok"]
            loose = connection.execute(text("PRAGMA foreign_key_check")).all()
    except CapsuleError as error:
        return [str(error.values.get("answer") or error.reason)]
    return found + [f"{line[0]} {line[1]} refers to no row of {line[2]}" for line in loose[:_MOST_PROBLEMS]]


def unreadable_rows(store: Store) -> Iterator[UnreadableRow]:
    """Yield every row that cannot be read, of every table."""
    for table in SQLModel.metadata.sorted_tables:
        with store.reading() as tx:
            if not _reads(tx, table):
                yield from _unreadable_of(tx, table)


def _reads(tx: Transaction, table: Table, *where: Any) -> bool:
    statement = select(table).where(*where).execution_options(yield_per=_BATCH)
    try:
        for row in tx.session.execute(statement):
            tuple(row)
    except _UNREADABLE:
        return False
    return True


def _unreadable_of(tx: Transaction, table: Table) -> Iterator[UnreadableRow]:
    columns = list(table.primary_key.columns)
    try:
        with translating_errors():
            keys = tx.session.execute(select(*columns)).all()
    except (CapsuleError, *_UNREADABLE):
        yield UnreadableRow(table=table.name, key="")
        return
    for key in keys:
        if not _reads(tx, table, *(column == value for column, value in zip(columns, key, strict=True))):
            yield UnreadableRow(table=table.name, key=" ".join(map(str, key)))


def blobs_after(tx: Transaction, blob_id: str) -> list[Blob]:
    """Return the next few hundred blobs by their ids, those after `blob_id`; '' for the first."""
    statement = blobs.rows().where(col(BlobRow.id) > blob_id).order_by(col(BlobRow.id)).limit(_BATCH)
    return blobs.all(tx, statement)


def unused_among(tx: Transaction, some: Sequence[Blob]) -> set[str]:
    """Return the ids of those blobs that no row refers to; `some` are in the order of their ids."""
    if not some:
        return set()
    references = [
        select(key.parent.label("id")).where(key.parent >= some[0].id, key.parent <= some[-1].id)
        for table in metadata().sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == BlobRow.__tablename__
    ]
    used = set(tx.session.execute(union_all(*references)).scalars())
    left = {blob.id: blob.capsule_id for blob in some if blob.id not in used}
    of_capsules = select_rows(CapsuleRow.cover_blob, CapsuleRow.soundtrack_blob).where(
        col(CapsuleRow.id).in_(set(left.values()))
    )
    return left.keys() - {one for pair in tx.session.exec(of_capsules) for one in pair} if left else set()


def drop_unused(tx: Transaction, blob: Blob) -> bool:
    """Remove the row of a blob if still no row refers to it, and say whether that was done."""
    return bool(unused_among(tx, [blob])) and bool(blobs.remove(tx, col(BlobRow.id) == blob.id))


def unknown_references(tx: Transaction) -> list[tuple[str, str]]:
    """Return the covers and songs of capsules that have no row, with their capsules; only these lack a foreign key."""
    found: list[tuple[str, str]] = []
    for reference in (CapsuleRow.cover_blob, CapsuleRow.soundtrack_blob):
        statement = select_rows(reference, CapsuleRow.id).where(
            col(reference).is_not(None), col(reference).not_in(select_rows(BlobRow.id))
        )
        found += [(str(blob_id), capsule_id) for blob_id, capsule_id in tx.session.exec(statement)]
    return found


def totals(tx: Transaction) -> tuple[int, int, int]:
    """Return how many capsules and blobs there are, and the bytes of all blobs."""
    capsules = tx.session.exec(select_rows(func.count()).select_from(CapsuleRow)).one()
    blobs_and_bytes = select_rows(func.count(), func.coalesce(func.sum(BlobRow.bytes), 0)).select_from(
        BlobRow
    )
    count, size = tx.session.exec(blobs_and_bytes).one()
    return int(capsules), int(count), int(size)


def is_database(file: Path) -> bool:
    """Say whether a file is an SQLite database, by its first bytes; one that cannot be read is none."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(_SQLITE_HEAD)) == _SQLITE_HEAD
    except OSError:
        return False


def envelopes_in(file: Path) -> list[tuple[str, bytes]]:
    """Return the ids and bytes of the key envelopes in a copy of a database, which is only read; none of another."""
    try:
        with closing(snapshots.read_only(file)) as copy:
            return copy.execute("SELECT id, envelope FROM key_envelope").fetchall()
    except sqlite3.Error:
        return []
