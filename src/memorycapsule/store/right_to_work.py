"""
The right to do due work in a database, whichever data folder a program works in: one has it alone, or several share it.

On Postgres it is an advisory lock of a session: the server releases it when the connection ends, however it ends. An
SQLite file lies in a data folder, whose own lock is enough.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sqlalchemy import Connection
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from memorycapsule.errors import Busy
from memorycapsule.store.transactions import Store

#: "capsule" in hexadecimal; the locks of one database are its own.
_KEY = 0x63617073756C65


class RightToWork:
    """
    The right itself; a context manager. Entering raises Busy when another program has it alone, or has it at all.

    Those that share it (`is_shared`) must claim what they work on, and leave to others what these have claimed.
    """

    def __init__(self, store: Store, *, is_shared: bool = False) -> None:
        self._store = store
        self._take_it = sql(f"SELECT pg_try_advisory_lock{'_shared' if is_shared else ''}(:key)")
        self._session: Connection | None = None

    def renew(self) -> None:
        """
        Take the right again if the connection that held it is gone, as after a restart of the server.

        Raises Busy when another program has taken it meanwhile, and what a transaction raises without a server.
        """
        if self._store.is_sqlite:
            return
        if self._session is not None:
            try:
                self._session.execute(sql("SELECT 1"))
            except DBAPIError:
                self._release()
            else:
                return
        self._take()

    def __enter__(self) -> Self:
        if not self._store.is_sqlite:
            self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def _take(self) -> None:
        with self._store.translating_errors():
            session = self._store.connection_apart()
            is_ours = False
            try:
                is_ours = session.execute(self._take_it, {"key": _KEY}).scalar_one()
            finally:
                if not is_ours:
                    session.close()
        if not is_ours:
            raise Busy("database_in_use")
        self._session = session

    def _release(self) -> None:
        if self._session is not None:
            # It may be broken.
            self._session.invalidate()
            self._session.close()
            self._session = None
