"""
Nodes: the programs that do due work in one database, and which of them are alive by its clock.

A node says every few seconds that it is alive, and with it prolongs its leases. When it finds that no other one has
said so for a while, the database was away, and it notes that it is back.
"""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, func, select

from memorycapsule.domain.instances import Node
from memorycapsule.errors import Busy
from memorycapsule.store import leases
from memorycapsule.store.cluster_rows import NodeRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Store, Transaction

#: The row of a node that was killed is kept for so long, for whoever wants to know what there was.
_KEPT_FOR = timedelta(days=1)
#: The kind of a node that ends by itself. It may well be the only one, so its silence says nothing of the database.
COMMAND = "command"

nodes = Table(Node, NodeRow)


def see(tx: Transaction, node_id: str, *, kind: str, key_fingerprint: str, host: str = "") -> None:
    """Note that a node is alive, and prolong all leases that it holds."""
    now = leases.instant(tx)
    is_back = {"back_at": now} if kind != COMMAND and _was_silence(tx) else {}
    if not nodes.change(tx, col(NodeRow.id) == node_id, seen_at=now, **is_back):
        fields = {"id": node_id, "kind": kind, "key_fingerprint": key_fingerprint, "host": host}
        nodes.insert(tx, started_at=now, seen_at=now, **fields, **is_back)
    leases.prolong(tx, node_id)


def _was_silence(tx: Transaction) -> bool:
    """Return whether all nodes that stay have been silent for longer than any of them is."""
    is_silent = func.max(col(NodeRow.seen_at)) < leases.instant(tx) - leases.silence()
    return bool(tx.session.execute(select(is_silent).where(col(NodeRow.kind) != COMMAND)).scalar())


def forget(tx: Transaction, node_id: str) -> None:
    """Forget a node that ends, and those that were killed long ago."""
    nodes.remove(tx, col(NodeRow.id) == node_id)
    nodes.remove(tx, col(NodeRow.seen_at) < leases.instant(tx) - _KEPT_FOR)


def alive(tx: Transaction) -> list[Node]:
    """Return the nodes that have been seen within the time that a lease lasts, the oldest first."""
    statement = nodes.rows().where(col(NodeRow.seen_at) > leases.instant(tx) - leases.LASTS)
    return nodes.all(tx, statement.order_by(col(NodeRow.started_at), col(NodeRow.id)))


def all_with_ages(tx: Transaction) -> list[tuple[Node, timedelta]]:
    """
    Return all nodes that have not ended by themselves, and how long ago each was seen, the oldest first.

    Those that were killed are among them for a day.
    """
    now = leases.now(tx)
    return [(node, now - node.seen_at) for node in nodes.by(tx, "started_at", "id")]


def refuse_while_alive(store: Store) -> None:
    """Raise Busy while any node is alive, as far as the database knows; on SQLite there are none."""
    with store.reading() as tx:
        if found := alive(tx):
            raise Busy("nodes_alive", count=len(found))
