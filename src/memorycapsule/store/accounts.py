"""Accounts, their addresses and their sessions."""

from datetime import datetime

from sqlmodel import col

from memorycapsule.domain.people import Account, Address
from memorycapsule.domain.sessions import Code, Link, LinkPurpose, Session, SessionKind
from memorycapsule.store.rows import AccountRow, AddressRow, CodeRow, LinkRow, SessionRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

accounts = Table(Account, AccountRow)
addresses = Table(Address, AddressRow)
sessions = Table(Session, SessionRow)
codes = Table(Code, CodeRow)
links = Table(Link, LinkRow, key="digest")


def admin(tx: Transaction) -> Account | None:
    """Return the account that ran `init`."""
    return accounts.one(tx, is_admin=True)


def account_at(tx: Transaction, normalised: str) -> Account | None:
    """Return the account that an address belongs to."""
    found = addresses.one(tx, normalised=normalised)
    return accounts.get(tx, found.account_id) if found else None


def address_of(tx: Transaction, account_id: str) -> Address:
    """Return the address that letters to an account go to: a verified one before others."""
    found = addresses.by(tx, col(AddressRow.verified_at).is_(None), col(AddressRow.id), account_id=account_id)
    return found[0]


def addresses_of(tx: Transaction, account_id: str) -> list[Address]:
    """Return all addresses of an account; none once its person has deleted it."""
    return addresses.by(tx, col(AddressRow.id), account_id=account_id)


def host_session(tx: Transaction, account_id: str) -> Session | None:
    """Return the session of the command line on the machine itself."""
    return sessions.one(tx, account_id=account_id, kind=SessionKind.HOST)


def session_with(tx: Transaction, digest: str) -> Session | None:
    """Return the session whose secret has this digest, unless it has ended."""
    found = sessions.one(tx, digest=digest)
    return found if found and found.ended_at is None else None


def end_sessions(tx: Transaction, account_id: str, capsule_id: str, now: datetime) -> None:
    """End an account's sessions of one capsule."""
    sessions.change(
        tx,
        col(SessionRow.account_id) == account_id,
        col(SessionRow.capsule_id) == capsule_id,
        col(SessionRow.ended_at).is_(None),
        ended_at=now,
    )


def withdraw_links(tx: Transaction, purpose: LinkPurpose, subject_id: str) -> None:
    """Make all links issued for a subject useless."""
    links.remove(tx, col(LinkRow.purpose) == purpose, col(LinkRow.subject_id) == subject_id)
