"""
Snapshots: one state of the whole database as an SQLite file, whatever database it comes from or goes to.

So a backup can be looked at with nothing but SQLite, and an instance can move from one kind of database to the other.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Column, Connection, insert, make_url, select, text

from memorycapsule.errors import CapsuleError, ConfigurationProblem
from memorycapsule.store import instances, schema
from memorycapsule.store.rows import metadata
from memorycapsule.store.transactions import Store, translating_errors

_ROWS = 500


@dataclass(frozen=True, kw_only=True)
class KnownFile:
    """A blob, as a snapshot knows it."""

    blob_id: str
    #: SHA-256 of its bytes.
    digest: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class SnapshotContents:
    """What a snapshot of any revision says of itself."""

    instance_id: str
    key_fingerprint: str
    recovery_recipient: str
    capsules: int
    #: By the ids of blobs.
    files: tuple[KnownFile, ...]


def save(store: Store, file: Path) -> None:
    """
    Write the database, as one transaction sees it, to the new SQLite file `file` (mode 0600).

    Others go on writing meanwhile. The database must have this program's schema.
    """
    file.touch(mode=0o600)
    with translating_errors():
        if store.is_sqlite:
            schema.copy_file(Path(str(make_url(store.url).database)), file)
        else:
            target = Store(url_of(file))
            try:
                schema.upgrade(target)
                copy_rows(store, target)
            finally:
                target.close()
        with closing(sqlite3.connect(file)) as copy:
            # One file that can be read where nothing can be written.
            copy.execute("PRAGMA journal_mode=DELETE")


def contents(file: Path) -> SnapshotContents:
    """Return what a snapshot holds; its file is only read. Raises ConfigurationProblem when it cannot be."""
    try:
        # Not by our tables, which may have columns that an older snapshot lacks.
        with closing(read_only(file)) as database:
            ((instance_id, fingerprint, recipient),) = database.execute(
                "SELECT id, key_fingerprint, recovery_recipient FROM instance"
            )
            ((capsules,),) = database.execute("SELECT count(*) FROM capsule")
            files = [
                KnownFile(blob_id=blob_id, digest=digest, bytes=size)
                for blob_id, digest, size in database.execute(
                    "SELECT id, stored_digest, bytes FROM blob ORDER BY id"
                )
            ]
    except (sqlite3.DatabaseError, ValueError) as error:
        raise ConfigurationProblem("backup_database_damaged", file=file) from error
    return SnapshotContents(
        instance_id=instance_id,
        key_fingerprint=fingerprint,
        recovery_recipient=recipient,
        capsules=capsules,
        files=tuple(files),
    )


def problems_of(file: Path) -> list[str]:
    """Return what SQLite finds wrong in a file, in its words (at most a hundred lines); nothing for a sound one."""
    try:
        with closing(read_only(file)) as database:
            found = [str(line) for (line,) in database.execute("PRAGMA integrity_check")]
            lost = [f"{table} {row}" for table, row, *_ in database.execute("PRAGMA foreign_key_check")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [line for line in found if line != "ok"] + lost[:100]


def refuse_used(store_url: str) -> None:
    """Raise ConfigurationProblem when the database holds an instance already, or is a file that holds anything."""
    store = Store(store_url)
    try:
        if store.is_sqlite:
            file = Path(str(make_url(store_url).database))
            is_used = file.exists() and file.stat().st_size > 0
        else:
            is_used = schema.current_revision(store) is not None and _has_instance(store)
    finally:
        store.close()
    if is_used:
        raise ConfigurationProblem("restore_into_used_database")


def put(file: Path, store_url: str) -> None:
    """
    Make the SQLite file `file`, which has this program's schema, the database of `store_url`: whole, or not at all.

    The file is used up. Raises what `refuse_used` does.
    """
    refuse_used(store_url)
    store = Store(store_url)
    try:
        if store.is_sqlite:
            _move(file, Path(str(make_url(store_url).database)))
            return
        schema.upgrade(store)
        source = Store(url_of(file))
        try:
            copy_rows(source, store)
        finally:
            source.close()
        file.unlink()
    finally:
        store.close()


def copy_rows(source: Store, target: Store) -> dict[str, int]:
    """
    Copy every row of one database into another, which has the same schema and no rows, in one transaction.

    Returns how many rows each table has. Raises CapsuleError when a table has another number of them afterwards.
    """
    counts: dict[str, int] = {}
    with source.reading() as here, target.transaction() as there:
        reading, writing = here.session.connection(), there.session.connection()
        for table in metadata().sorted_tables:
            order: list[Column[object]] = list(table.primary_key.columns)
            found = reading.execution_options(yield_per=_ROWS).execute(select(table).order_by(*order))
            counts[table.name] = 0
            for some in found.mappings().partitions():
                writing.execute(insert(table), [dict(row) for row in some])
                counts[table.name] += len(some)
        written = schema.row_counts(writing)
        for name, count in counts.items():
            if written[name] != count:
                raise CapsuleError("rows_lost", table=name)
        number_next_event(writing)
    return counts


def number_next_event(connection: Connection) -> None:
    """Have the next event numbered after those that were copied, as SQLite does by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                "SELECT setval(pg_get_serial_sequence('event', 'id'), "
                "(SELECT coalesce(max(id), 0) + 1 FROM event), false)"
            )
        )


def url_of(file: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite:///{file}"


def read_only(file: Path) -> sqlite3.Connection:
    """Return a connection to a copy of a database, which is only read."""
    # Nobody changes it: SQLite needs no files beside it, also where nothing can be written.
    return sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro&immutable=1", uri=True)


def _has_instance(store: Store) -> bool:
    with store.reading() as tx:
        return instances.find(tx) is not None


def _move(file: Path, target: Path) -> None:
    """Put a file in the database's place, with nothing beside it that belonged to another database."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for ending in ("-wal", "-shm", "-journal"):
        beside = target.with_name(f"{target.name}{ending}")
        if beside.exists():
            # SQLite would take it for the end of the new database.
            beside.rename(beside.with_name(f"{beside.name}.before-restore-{stamp}"))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (file, file.parent):
        _sync(path)
    file.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
