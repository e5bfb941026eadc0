"""Invitations."""

from memorycapsule.domain.invitations import Invitation, InvitationState
from memorycapsule.store.rows import InvitationRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

invitations = Table(Invitation, InvitationRow)


def of_capsule(tx: Transaction, capsule_id: str) -> list[Invitation]:
    """Return the invitations to a capsule, the oldest first, those of one moment by address."""
    return invitations.by(tx, "created_at", "normalised", capsule_id=capsule_id)


def count_unanswered(tx: Transaction, capsule_id: str) -> int:
    """Return how many invitations to a capsule have not been answered."""
    return len(invitations.by(tx, capsule_id=capsule_id, state=InvitationState.INVITED))


def of_member(tx: Transaction, member_id: str) -> list[Invitation]:
    """Return the invitations that a member has accepted or was acted for on, the oldest first."""
    return invitations.by(tx, "created_at", member_id=member_id)


def of_address(tx: Transaction, capsule_id: str, normalised: str) -> Invitation | None:
    """Return the invitation of an address to a capsule, to be changed; there is at most one."""
    found = invitations.by(tx, capsule_id=capsule_id, normalised=normalised, lock=True)
    return found[0] if found else None


def waiting_of_address(tx: Transaction, normalised: str) -> list[Invitation]:
    """Return the invitations of an address to any capsule that have not been answered, the oldest first."""
    return invitations.by(tx, "created_at", normalised=normalised, state=InvitationState.INVITED)
