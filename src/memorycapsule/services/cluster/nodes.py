"""Which programs work on an instance whose database several machines share, for whoever looks after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from memorycapsule.domain.instances import Node
from memorycapsule.services.vault import Vault
from memorycapsule.store import leases
from memorycapsule.store.cluster import nodes as node_store
from memorycapsule.store.transactions import Store


@dataclass(frozen=True, kw_only=True)
class NodeStatus:
    """A node, and how it looks from here."""

    node: Node
    #: How long ago it was seen, by the database's clock.
    age: timedelta
    #: Whether it has been seen lately enough to keep what it has in hand.
    is_alive: bool
    #: Whether it works with the same instance key as this program.
    has_our_key: bool


def status(store: Store, vault: Vault) -> list[NodeStatus]:
    """Return the nodes that have not ended by themselves, the oldest first; killed ones are among them for a day."""
    with store.reading() as tx:
        found = node_store.all_with_ages(tx)
    return [
        NodeStatus(
            node=node,
            age=age,
            is_alive=age < leases.LASTS,
            has_our_key=node.key_fingerprint == vault.key.fingerprint,
        )
        for node, age in found
    ]
