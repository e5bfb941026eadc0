"""Wishes for an earlier date, and the answers to them."""

from memorycapsule.domain.wishes import Consent, Wish, WishState
from memorycapsule.store.rows import ConsentRow, WishRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

wishes = Table(Wish, WishRow)
consents = Table(Consent, ConsentRow)


def asked(tx: Transaction, capsule_id: str) -> Wish | None:
    """Return the wish that waits for answers, if any."""
    return wishes.one(tx, capsule_id=capsule_id, state=WishState.ASKED)
