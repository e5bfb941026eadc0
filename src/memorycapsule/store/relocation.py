"""
Relocation: every row of one database into another one, in small steps, so that a run that was cut off is repeated.

The row of the instance comes last, in the transaction that has read both sides and found them equal. Until then the
new database holds no instance, and every command refuses it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    make_url,
    select,
    text,
    tuple_,
)
from sqlalchemy import func as sql
from sqlalchemy.exc import DBAPIError

from memorycapsule.errors import Busy, CapsuleError, ConfigurationProblem, NotInitialised, UsageProblem
from memorycapsule.store import schema, snapshots
from memorycapsule.store.cluster import nodes
from memorycapsule.store.columns import EnumColumn, KeptReasonColumn, OmissionsColumn, StringsColumn
from memorycapsule.store.right_to_work import RightToWork
from memorycapsule.store.rows import metadata
from memorycapsule.store.transactions import Store

#: So many rows are copied in one transaction, and so many are in memory at a time.
_ROWS = 1000
_INSTANCE = "instance"
#: What Postgres says when somebody else writes for longer than we wait (lock_not_available).
_STILL_WRITING = "55P03"
#: Columns whose text is copied as it stands: reading it into values and writing them again might change it.
_KEPT_AS_TEXT = (EnumColumn, StringsColumn, OmissionsColumn, KeptReasonColumn)

#: Stands in a database that is being filled, with the id of the instance that comes there; dropped at the end.
_MARK = Table("relocation", MetaData(), Column("instance_id", String(36), primary_key=True))


@dataclass(frozen=True, kw_only=True)
class RelocatedTable:
    """A table, which is the same in both databases."""

    name: str
    rows: int
    #: SHA-256 of every row, added up modulo 2 ** 256, as 64 hexadecimal digits: whatever order rows come in.
    digest: str


class _OtherRows(Exception):
    """The new database holds rows that an earlier run has copied and that the old one has changed since."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


def relocate(
    source_url: str, target_url: str, *, progress: Callable[[int, int], None] = lambda _done, _rows: None
) -> tuple[RelocatedTable, ...]:
    """
    Copy the database of `source_url` into that of `target_url`, which is empty or was left by a run that was cut off.

    Nobody else can write to the source meanwhile, and nothing in it changes. `progress` is told how many rows of all
    are there. Raises UsageProblem for one and the same database, Busy while somebody works in one of them,
    ConfigurationProblem for a target that holds anything else, and what `schema.check` raises for the source.
    """
    if _is_same(source_url, target_url):
        raise UsageProblem("relocation_to_itself")
    with _opened(source_url) as source, _opened(target_url) as target:
        if not _exists(source):
            raise NotInitialised
        schema.check(source)
        with RightToWork(source), RightToWork(target), _frozen(source) as reading:
            nodes.refuse_while_alive(source)
            instance_id = reading.execute(select(_table(_INSTANCE).c.id)).scalar_one()
            is_resumed = _prepare(target, instance_id)
            try:
                return _fill(reading, target, is_resumed=is_resumed, progress=progress)
            except _OtherRows:
                _empty(target)
            try:
                return _fill(reading, target, is_resumed=False, progress=progress)
            except _OtherRows as error:
                raise CapsuleError("relocation_differs", table=error.table) from error


def _is_same(one: str, other: str) -> bool:
    here, there = make_url(one), make_url(other)
    if here.get_backend_name() == there.get_backend_name() == "sqlite":
        return Path(str(here.database)).resolve() == Path(str(there.database)).resolve()
    return here == there


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    store = Store(url)
    try:
        yield store
    finally:
        store.close()


def _exists(store: Store) -> bool:
    """Say whether there is a database at all: opening an SQLite file that is missing would make it."""
    file = Path(str(make_url(store.url).database))
    return not store.is_sqlite or (file.exists() and file.stat().st_size > 0)


@contextmanager
def _frozen(store: Store) -> Iterator[Connection]:
    """Yield a connection to a database to which nobody can write meanwhile, and which is only read."""
    with store.transaction() as tx:  # on SQLite it has the write lock from its beginning on
        connection = tx.session.connection()
        if not store.is_sqlite:
            names = ", ".join(f'"{table.name}"' for table in _tables())
            connection.execute(text("SET LOCAL lock_timeout = '30s'"))
            try:
                connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") == _STILL_WRITING:
                    raise Busy("database_in_use") from error
                raise
        yield connection


def _prepare(target: Store, instance_id: str) -> bool:
    """Give the target its schema and our mark; say whether an earlier run has left its mark there."""
    if _exists(target) and schema.current_revision(target) is not None:
        schema.check(target)
    else:
        schema.upgrade(target)
    with target.transaction() as tx:
        connection = tx.session.connection()
        if inspect(connection).has_table(_MARK.name):
            if connection.execute(select(_MARK.c.instance_id)).scalar_one() != instance_id:
                raise ConfigurationProblem("relocation_of_another")
            return True
        if any(_count(connection, table) for table in _tables()):
            raise ConfigurationProblem("relocation_into_used_database")
        _MARK.create(connection)
        connection.execute(insert(_MARK).values(instance_id=instance_id))
    return False


def _fill(
    reading: Connection, target: Store, *, is_resumed: bool, progress: Callable[[int, int], None]
) -> tuple[RelocatedTable, ...]:
    """Copy what the target lacks and compare both. Raises _OtherRows where they differ."""
    tables = _tables()
    total = sum(_count(reading, table) for table in tables)
    done = 0
    found: dict[str, RelocatedTable] = {}
    for table in tables:
        is_new = not is_resumed or _is_empty(target, table)
        digest = _Digest(table)
        for rows in _slices(reading, table):
            digest.add(rows)
            if table.name != _INSTANCE:
                with target.transaction() as tx:
                    _copy(tx.session.connection(), table, rows, is_new=is_new)
            done += len(rows)
            progress(done, total)
        found[table.name] = digest.result()
    with target.transaction() as tx:
        writing = tx.session.connection()
        for rows in _slices(reading, _table(_INSTANCE)):
            writing.execute(insert(_table(_INSTANCE)), rows)
        for table in tables:
            if _read(writing, table) != found[table.name]:
                raise _OtherRows(table.name)
        snapshots.number_next_event(writing)
        _MARK.drop(writing)
    return tuple(sorted(found.values(), key=lambda one: one.name))


def _copy(writing: Connection, table: Table, rows: Sequence[dict[str, Any]], *, is_new: bool) -> None:
    """Add those of the rows that are not there yet. Raises _OtherRows for one that is there and differs."""
    keys = list(table.primary_key.columns)
    there: dict[tuple[Any, ...], dict[str, Any]] = {}
    if not is_new:
        wanted = [tuple(row[key.name] for key in keys) for row in rows]
        one_of = tuple_(*keys).in_(wanted) if len(keys) > 1 else keys[0].in_([key for (key,) in wanted])
        for found in writing.execute(select(table).where(one_of)).mappings():
            there[tuple(found[key.name] for key in keys)] = dict(found)
    missing = []
    for row in rows:
        known = there.get(tuple(row[key.name] for key in keys))
        if known is None:
            missing.append(row)
        elif known != row:
            raise _OtherRows(table.name)
    if missing:
        writing.execute(insert(table), missing)


def _empty(target: Store) -> None:
    """Remove all rows that an earlier run has left."""
    with target.transaction() as tx:
        for table in reversed(_tables()):
            tx.session.connection().execute(table.delete())


def _tables() -> list[Table]:
    """Return all tables, those first that others refer to."""
    return [_table(table.name) for table in metadata().sorted_tables]


def _table(name: str) -> Table:
    """Return a table with its columns as they are copied."""
    columns = (
        Column(
            column.name,
            column.type.impl_instance if isinstance(column.type, _KEPT_AS_TEXT) else column.type,
            primary_key=column.primary_key,
        )
        for column in metadata().tables[name].columns
    )
    return Table(name, MetaData(), *columns)


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(sql.count()).select_from(table)).scalar_one())


def _is_empty(store: Store, table: Table) -> bool:
    with store.reading() as tx:
        return tx.session.connection().execute(select(table).limit(1)).first() is None


def _slices(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    """Yield all rows of a table by their keys, in slices."""
    order: list[Column[Any]] = list(table.primary_key.columns)
    found = connection.execute(select(table).order_by(*order), execution_options={"yield_per": _ROWS})
    for some in found.mappings().partitions():
        yield [dict(row) for row in some]


def _read(connection: Connection, table: Table) -> RelocatedTable:
    digest = _Digest(table)
    for rows in _slices(connection, table):
        digest.add(rows)
    return digest.result()


class _Digest:
    """The digest of a table, of as many of its rows as were added."""

    def __init__(self, table: Table) -> None:
        self._name = table.name
        self._columns = [column.name for column in table.columns]
        self._rows = 0
        self._sum = 0

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            written = b"".join(_framed(row[name]) for name in self._columns)
            self._sum += int.from_bytes(hashlib.sha256(written).digest())
            self._rows += 1

    def result(self) -> RelocatedTable:
        return RelocatedTable(name=self._name, rows=self._rows, digest=f"{self._sum % 2**256:064x}")


def _framed(value: Any) -> bytes:
    """Return a value with its kind and length, so that no two rows are written alike."""
    match value:
        case None:
            kind, written = "n", b""
        case bytes():
            kind, written = "b", value
        case str():
            kind, written = "s", value.encode("utf-8", "surrogatepass")
        case bool() | int():
            kind, written = "i", str(int(value)).encode()
        case float():
            kind, written = "f", value.hex().encode()
        case datetime():
            # A wall time has no zone, an instant is written in UTC.
            kind = "t" if value.tzinfo else "w"
            written = (value.astimezone(UTC) if value.tzinfo else value).isoformat().encode()
        case _:
            message = f"a column holds a {type(value).__name__}"
            raise TypeError(message)
    return f"{kind}{len(written)}:".encode() + written
