"""How often one client may ask, whichever machine its requests come to: token buckets in the database."""

from __future__ import annotations

from datetime import timedelta

from memorycapsule.seal.keys import InstanceKey
from memorycapsule.store.cluster import buckets as bucket_store
from memorycapsule.store.transactions import Store

#: Every bucket is full again long before.
_FULL_AFTER = timedelta(hours=1)


def take(
    store: Store, key: InstanceKey, *, kind: str, client: str, at_once: int, every_seconds: float
) -> float:
    """
    Take a token of a client and return 0, or return how many seconds it takes until there is one.

    The row does not tell who the client is. Only on Postgres.
    """
    with store.transaction() as tx:
        return bucket_store.take(
            tx, kind, key.pseudonym(client), at_once=at_once, every_seconds=every_seconds
        )


def forget_full(store: Store) -> None:
    """Remove the buckets that are full again; on SQLite there are none."""
    if not store.is_sqlite:
        with store.transaction() as tx:
            bucket_store.forget(tx, unused=_FULL_AFTER)
