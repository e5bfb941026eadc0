"""The store itself: its engine, its transactions, and the one place where its errors are translated."""

import functools
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from memorycapsule import disk
from memorycapsule.clock import boot_id
from memorycapsule.errors import CapsuleError, ConfigurationProblem, DiskFull, NotInitialised, Overloaded
from memorycapsule.journal import journal

#: A server has room for some hundred clients: what a machine needs for a moment it gives back.
_KEPT_OF_SERVER = 8
_TO_SERVER = {"connect_timeout": 10}
_READ_ONLY = "capsule_reads"
#: What a Postgres says that has no room for another client (too_many_connections, cannot_connect_now).
_TOO_MANY_CLIENTS = ("53300", "57P03")
#: The same of one that refuses the connection, when the driver knows the words only.
_NO_ROOM_FOR_CLIENTS = ("too many clients", "too many connections", "remaining connection slots")
#: Whether a database server has our own address (none at all is that of a socket in the file system), and whether it
#: lets us read its files.
_ABOUT_SERVER = """
    SELECT coalesce(host(inet_server_addr()) = host(inet_client_addr()), true),
    pg_has_role('pg_read_server_files', 'USAGE')
    AND has_function_privilege('pg_read_file(text, bigint, bigint, boolean)', 'EXECUTE')
"""
_BOOT_OF_SERVER = "SELECT pg_read_file('/proc/sys/kernel/random/boot_id', 0, 36, true)"
#: What SQLite also says when the disk is full: reading needs a little room beside the file.
_DISK_ERRORS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
#: What SQLite says of pages that hold something else than it has written, and of names and texts in them.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_SIGNS_OF_DAMAGE = ("not a database", "malformed", "no such column", "could not decode to utf-8")


class Transaction:
    """One unit of work; what services hand to the functions of the store."""

    def __init__(self, session: Session, *, may_write: bool) -> None:
        #: For the modules of the store only.
        self.session = session
        self.may_write = may_write
        self._afterwards: list[Callable[[], None]] = []
        self._met: set[str] = set()

    @property
    def driver_connection(self) -> Any:
        """The driver's own connection, for a library that writes something of its own in this transaction."""
        return self.session.connection().connection.driver_connection

    def is_first(self, name: str) -> bool:
        """Return whether nobody has asked for this name in this transaction yet."""
        is_new = name not in self._met
        self._met.add(name)
        return is_new

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have `call` made once everything is on disk; not at all if the transaction fails."""
        self._afterwards.append(call)

    def run_after_commit(self) -> None:
        """Make the calls that waited; what was committed stays, whatever becomes of them."""
        for call in self._afterwards:
            try:
                call()
            except (CapsuleError, OSError) as error:
                journal.warning("afterwards.failed", exc_info=error)


class Store:
    """
    A database of capsules: an SQLite file or Postgres.

    No thread waits for another one's connection, unless `connections` says how many there are at most (0: no such
    bound). It keeps as many to an SQLite file as threads have needed at the same time, and a few to a server, which
    other machines ask as well.
    """

    def __init__(self, url: str, *, connections: int = 0) -> None:
        self.url = url
        parts = make_url(url)
        self.is_sqlite = parts.get_backend_name() == "sqlite"
        #: Where the file of the database lies.
        self._folder = Path(parts.database).parent if self.is_sqlite and parts.database else None
        self.engine = (
            _sqlite_engine(url, connections) if self.is_sqlite else _postgres_engine(url, connections)
        )
        options: dict[str, Any] = {_READ_ONLY: True}
        if not self.is_sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading_engine = self.engine.execution_options(**options)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """
        Begin a transaction that writes; it commits at the end of the block and rolls back on an exception.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that it never fails half-way because
        somebody else wrote in between. Raises DiskFull, Overloaded, NotInitialised or ConfigurationProblem.
        """
        with self.translating_errors(), Session(self.engine, expire_on_commit=False) as session:
            tx = Transaction(session, may_write=True)
            with session.begin():
                yield tx
        tx.run_after_commit()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Begin a transaction that only reads, and sees one state of the store from its first read on."""
        with self.translating_errors(), Session(self._reading_engine) as session:
            yield Transaction(session, may_write=False)

    @property
    def driver_url(self) -> str:
        """The URL as the driver itself understands it, with the password."""
        return make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)

    def other_machines_time(self) -> datetime | None:
        """Return what time the database server thinks it is; None where it has the same clock as this program."""
        if self.is_on_this_machine:
            return None
        with self.reading() as tx:
            found = tx.session.execute(sql("SELECT clock_timestamp()")).scalar_one()
        return found.astimezone(UTC)  # type: ignore[no-any-return]

    @functools.cached_property
    def is_on_this_machine(self) -> bool:
        """
        Whether database and program share one machine, as far as can be known, and so one clock.

        A server in a container has an address of its own. Then its kernel's boot id tells, where we may read it.
        """
        if self.is_sqlite:
            return True
        with self.reading() as tx:
            has_our_address, shows_files = tx.session.execute(sql(_ABOUT_SERVER)).one()
            boot = tx.session.execute(sql(_BOOT_OF_SERVER)).scalar_one() if shows_files else None
        return bool(has_our_address) or boot == boot_id()

    def connection_apart(self) -> Connection:
        """
        Return a connection beside all others, for a lock that lasts; each statement on it is a transaction.

        Were it one of the `connections`, few of those would leave none for the work that the lock is for.
        """
        return self._apart.connect()

    @functools.cached_property
    def _apart(self) -> Engine:
        return create_engine(
            self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args=_TO_SERVER
        )

    def time_statements(self, told: Callable[[str, float], None]) -> None:
        """
        Tell how long each statement takes from now on: its first word in small letters, and seconds.

        What it takes to read its rows, and to commit, is no part of that.
        """

        def begin(
            _connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
        ) -> None:
            context.begun = time.perf_counter()

        def end(
            _connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool
        ) -> None:
            told(statement.lstrip().partition(" ")[0].lower(), time.perf_counter() - context.begun)

        event.listen(self.engine, "before_cursor_execute", begin)
        event.listen(self.engine, "after_cursor_execute", end)

    def translating_errors(self) -> AbstractContextManager[None]:
        """Translate the errors of the database; for what needs more of it than a transaction."""
        return translating_errors(self._folder)

    def close(self) -> None:
        self.engine.dispose()


def _pool(connections: int) -> dict[str, Any]:
    # Without a bound, nothing is over the pool's size: whatever was opened is kept.
    return {"pool_size": connections, "max_overflow": 0 if connections else -1}


def _sqlite_engine(url: str, connections: int) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30}, **_pool(connections))

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling would begin too late (docs: "Pysqlite Transaction Handling").
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            # Deleted rows are overwritten: what an author removed is gone.
            "secure_delete=ON",
            # What SQLite must spill, it spills into memory, not into a temporary file.
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        reads = connection.get_execution_options().get(_READ_ONLY, False)
        # A connection stays as it is until somebody wants the other.
        if connection.info.get(_READ_ONLY) is not reads:
            connection.exec_driver_sql(f"PRAGMA query_only={reads:d}")
            connection.info[_READ_ONLY] = reads
        if reads:
            # By the driver itself, which takes a fifth of the time: it waits for nobody, so nobody wants it timed.
            connection.connection.execute("BEGIN")
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgres_engine(url: str, connections: int) -> Engine:
    pool = _pool(connections) if connections else {"pool_size": _KEPT_OF_SERVER, "max_overflow": -1}
    engine = create_engine(url, pool_pre_ping=True, connect_args=_TO_SERVER, **pool)

    # Before SQLAlchemy asks its first question, whose answer it would not understand.
    @event.listens_for(engine, "connect", insert=True)
    def _refuse_bytes(connection: Any, _record: Any) -> None:
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            raise ConfigurationProblem("store_without_encoding", database=connection.info.dbname)

    return engine


@contextmanager
def translating_errors(folder: Path | None = None) -> Iterator[None]:
    """
    Translate the errors of the database, in one place.

    `folder` is where the file of the database lies, None for a server's: SQLite does not always know that an error of
    its disk means a full one, so the disk is asked.
    """
    try:
        yield
    except CapsuleError:
        raise
    except UnicodeDecodeError as error:
        # SQLite quotes what it cannot understand, and its driver cannot read that.
        raise ConfigurationProblem("database_damaged") from error
    except DBAPIError as error:
        raise _translate_error(error, folder) from error
    except sqlite3.Error as error:
        raise _translate_error(DBAPIError(None, None, error), folder) from error
    except PoolTimeout as error:
        raise Overloaded("database_busy") from error
    except StatementError as error:
        # Its text holds what was to be stored.
        raise CapsuleError("database_failed", answer=type(error).__name__) from error
    except SQLAlchemyError as error:
        raise CapsuleError("database_failed", answer=str(error)) from error


def _translate_error(error: DBAPIError, folder: Path | None) -> Exception:
    origin = error.orig
    words = str(origin).lower()
    # The lower eight bits are the kind of error, the higher ones say in which call it came (SQLITE_IOERR_SHMSIZE).
    code = getattr(origin, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or "disk is full" in words or getattr(origin, "sqlstate", "") == "53100":
        return DiskFull()
    if code in _DISK_ERRORS and folder and disk.is_full(folder):
        return DiskFull()
    if (
        code == sqlite3.SQLITE_BUSY
        or "database is locked" in words
        or getattr(origin, "sqlstate", "") in _TOO_MANY_CLIENTS
        or any(sign in words for sign in _NO_ROOM_FOR_CLIENTS)
    ):
        return Overloaded("database_busy")
    if "no such table" in words or (isinstance(error, ProgrammingError) and "does not exist" in words):
        return NotInitialised()
    if "unable to open database" in words:
        return ConfigurationProblem("database_not_opened")
    if "readonly database" in words:
        return ConfigurationProblem("database_read_only")
    if code in _DAMAGE or any(sign in words for sign in _SIGNS_OF_DAMAGE):
        return ConfigurationProblem("database_damaged")
    # Postgres goes on with a line that quotes the row, which may name people.
    first = str(origin).strip().partition("\n")[0]
    answer = CapsuleError("other", sentence=first) if first else CapsuleError("no_answer")
    if code == sqlite3.SQLITE_IOERR:
        return ConfigurationProblem("database_disk_failed", answer=answer)
    if isinstance(error, OperationalError):
        return ConfigurationProblem("database_unreachable", answer=answer)
    return CapsuleError("database_refused", answer=answer)
