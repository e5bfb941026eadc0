"""
The schema: whether the database has it, and bringing it there (one Alembic history for both kinds).

The engine that wakes other machines has a schema of its own: a branch of that history, which only those databases have
whose program runs on several machines.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, make_url, text

from memorycapsule.errors import CapsuleError, MigrationNeeded, NewerSchema, NotInitialised
from memorycapsule.store.transactions import Store, translating_errors

_MIGRATIONS = Path(__file__).parent / "migrations"
#: The folder of the engine's branch, and how its revisions begin.
_ENGINE = "engine"
#: Not ours: Alembic's own table, and those of the engine, in which jobs come and go at any time.
_OTHERS_TABLES = ("alembic_version", "procrastinate_")
#: What follows the name of a database in those of its copies.
_COPIED = ".before-upgrade-"


def check(store: Store, *, with_engine: bool = False) -> None:
    """
    Raise NotInitialised, MigrationNeeded or NewerSchema unless the database has this program's schema.

    With `with_engine` it must have that of the engine, too.
    """
    found = _current_revisions(store)
    revision = _main(found)
    if revision is None:
        raise NotInitialised
    if revision != newest_revision():
        raise MigrationNeeded if revision in _revisions() else NewerSchema
    known = _revisions(_ENGINE)
    if with_engine and (engine := _engine(found)) != known[-1]:
        if engine is None:
            raise MigrationNeeded("engine_tables_missing")
        raise MigrationNeeded if engine in known else NewerSchema


def is_current(store: Store, *, with_engine: bool = False) -> bool:
    """Tell whether an upgrade would change nothing. Raises NotInitialised or NewerSchema, as `check` does."""
    try:
        check(store, with_engine=with_engine)
    except MigrationNeeded:
        return False
    return True


def current_revision(store: Store) -> str | None:
    """Return the revision that the database is at, None when it has no schema of ours."""
    return _main(_current_revisions(store))


def newest_revision() -> str:
    """Return the revision that this program works with."""
    return _revisions()[-1]


def upgrade(store: Store, *, with_engine: bool = False) -> Path | None:
    """
    Bring the database to this program's schema, and return where its copy from before is, if one was made.

    With `with_engine` the engine's schema comes along, which Postgres alone can have.

    An SQLite file is copied first (SQLite's online backup API); with Postgres, backing up is the
    administrator's part. Raises NewerSchema for a database from the future, and CapsuleError when a table would have
    another number of rows afterwards, or a row refer to none; then nothing is changed.
    """
    # Every command checks the schema, few upgrade it: what takes long to load is loaded here.
    from alembic import command
    from alembic.config import Config

    copy = None
    try:
        check(store, with_engine=with_engine)
    except NotInitialised:
        pass
    except MigrationNeeded:
        copy = _copy(store)
    else:
        return None
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{_MIGRATIONS / 'versions'}\n{_MIGRATIONS / _ENGINE}")
    with (
        store.translating_errors(),
        store.engine.connect() as connection,
        _rebuilding_allowed(store, connection),
    ):
        config.attributes["connection"] = connection
        with connection.begin():
            before = row_counts(connection)
            command.upgrade(config, "heads" if with_engine else newest_revision())
            # Postgres checks every reference by itself, and has no way to look away meanwhile.
            if store.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise CapsuleError("upgrade_loses_references")
            after = row_counts(connection)
            for table, count in before.items():
                if after.get(table) != count:
                    raise CapsuleError("upgrade_loses_rows", table=table)
    return copy


@contextmanager
def _rebuilding_allowed(store: Store, connection: Connection) -> Iterator[None]:
    """Let batch mode drop a table that others refer to, and put another in its place."""
    if not store.is_sqlite:
        yield
        return
    # Said to the driver, since SQLAlchemy would begin a transaction first, in which this pragma does nothing.
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def row_counts(connection: Connection) -> dict[str, int]:
    """Return how many rows each table has; without Alembic's own."""
    return {
        table: connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one()  # noqa: S608 - our tables
        for table in inspect(connection).get_table_names()
        if not table.startswith(_OTHERS_TABLES)
    }


def _current_revisions(store: Store) -> list[str]:
    """Return the revision that the database is at in each branch; nothing when it has no schema of ours."""
    with store.reading() as tx:  # this must not wait for a writer
        connection = tx.session.connection()
        if not inspect(connection).has_table("alembic_version"):
            return []
        return [str(one) for (one,) in connection.execute(text("SELECT version_num FROM alembic_version"))]


def _main(revisions: list[str]) -> str | None:
    return next((one for one in revisions if not one.startswith(_ENGINE)), None)


def _engine(revisions: list[str]) -> str | None:
    return next((one for one in revisions if one.startswith(_ENGINE)), None)


def _revisions(folder: str = "versions") -> list[str]:
    """Return the revisions of a branch that this program knows, oldest first: their files are named after them."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / folder).glob("*[0-9]_*.py"))


def _copy(store: Store) -> Path | None:
    database = make_url(store.url).database
    if not store.is_sqlite or not database:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    copy = Path(f"{database}{_COPIED}{stamp}")
    copy_file(Path(database), copy)
    return copy


def copies_of(database: Path) -> list[Path]:
    """Return the copies of an SQLite file that upgrades have made, oldest first."""
    return sorted(database.parent.glob(f"{database.name}{_COPIED}*"))


def copy_file(database: Path, copy: Path) -> None:
    """
    Copy one state of an SQLite file (mode 0600) while others may be writing (SQLite's online backup API).

    Raises OSError, DiskFull or ConfigurationProblem.
    """
    copy.touch(mode=0o600)
    with (
        translating_errors(copy.parent),
        closing(sqlite3.connect(database)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
