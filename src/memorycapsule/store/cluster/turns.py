"""
Turns: of several machines, one does a thing at a time.

A turn is an advisory lock of a session on Postgres: the server takes it back when the connection ends, however it ends.
It saves work that two machines would do twice, and no more: whoever loses the connection goes on without knowing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text as sql

from memorycapsule.store.transactions import Store


@contextmanager
def turn(store: Store, name: str) -> Iterator[bool]:
    """
    Hold the turn of a name on Postgres, and yield whether it is ours.

    Raises what a transaction raises without a server.
    """
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with store.translating_errors(), store.connection_apart() as session:
        is_ours = bool(session.execute(sql("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one())
        try:
            yield is_ours
        finally:
            if is_ours:
                # It may be broken, which is no fault of the work.
                session.invalidate()
