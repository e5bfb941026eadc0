"""
Liveness: a node tells the others, through the database they share, that it is alive.

It does so in a thread of its own, so that a long film or letter does not look like a node that was killed. A process
that is stopped tells nothing, and what it has in hand is taken up by others once its leases have expired.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from memorycapsule.errors import CapsuleError
from memorycapsule.journal import journal
from memorycapsule.store import leases
from memorycapsule.store.cluster import nodes
from memorycapsule.store.transactions import Store

#: How often a node says that it is alive: a lease survives three times without an answer of the database.
_TELLS_SECONDS = leases.LASTS.total_seconds() / 4
_END_SECONDS = 5.0


class Liveness:
    """A node's signs of life; a context manager. `node_id` is what the node's leases begin with."""

    def __init__(self, store: Store, *, node_id: str, kind: str, key_fingerprint: str) -> None:
        self._store = store
        self._node_id = node_id
        self._kind = kind
        self._key_fingerprint = key_fingerprint
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="liveness", daemon=True)

    def tell(self) -> None:
        """Say that this node is alive. Raises what a transaction raises without a server."""
        with self._store.transaction() as tx:
            nodes.see(
                tx,
                self._node_id,
                kind=self._kind,
                key_fingerprint=self._key_fingerprint,
                host=socket.gethostname(),
            )

    def __enter__(self) -> Self:
        self.tell()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join(_END_SECONDS)
        # Without a server, the row says by its age that this node is gone.
        with contextlib.suppress(CapsuleError), self._store.transaction() as tx:
            nodes.forget(tx, self._node_id)

    def _run(self) -> None:
        while not self._ending.wait(_TELLS_SECONDS):
            try:
                self.tell()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next sign of life may come through
                # Others take up what this node has in hand if it goes on for too long.
                journal.warning("node.not_told", error=type(error).__name__)
