"""Requests for an earlier date, and the answers to them."""

from memorycapsule.domain.date_requests import Consent, DateRequestState, EarlierDateRequest
from memorycapsule.store.rows import ConsentRow, EarlierDateRequestRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

date_requests = Table(EarlierDateRequest, EarlierDateRequestRow)
consents = Table(Consent, ConsentRow)


def waiting_request(tx: Transaction, capsule_id: str) -> EarlierDateRequest | None:
    """Return the request that waits for answers, None when there is none."""
    return date_requests.one(tx, capsule_id=capsule_id, state=DateRequestState.ASKED)


def consents_to(tx: Transaction, request_id: str) -> list[Consent]:
    """Return the answers to a request, the oldest first."""
    return consents.by(tx, "answered_at", "id", request_id=request_id)


def consent_of(tx: Transaction, request_id: str, member_id: str) -> Consent | None:
    """Return what a member has answered to a request, None while they are silent."""
    return consents.one(tx, request_id=request_id, member_id=member_id)
