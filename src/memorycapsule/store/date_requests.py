"""Wishes for an earlier date, and the answers to them."""

from sqlmodel import col

from memorycapsule.domain.date_requests import Consent, DateRequestState, EarlierDateRequest
from memorycapsule.store.rows import ConsentRow, EarlierDateRequestRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

wishes = Table(EarlierDateRequest, EarlierDateRequestRow)
consents = Table(Consent, ConsentRow)


def asked(tx: Transaction, capsule_id: str) -> EarlierDateRequest | None:
    """Return the wish that waits for answers, if any."""
    return wishes.one(tx, capsule_id=capsule_id, state=DateRequestState.ASKED)


def consents_to(tx: Transaction, wish_id: str) -> list[Consent]:
    """Return the answers to a wish."""
    return consents.by(tx, col(ConsentRow.answered_at), col(ConsentRow.id), wish_id=wish_id)


def consent_of(tx: Transaction, wish_id: str, member_id: str) -> Consent | None:
    """Return what somebody has answered to a wish so far."""
    return consents.one(tx, wish_id=wish_id, member_id=member_id)
