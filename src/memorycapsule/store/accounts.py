"""Accounts, their addresses and their sessions."""

from datetime import datetime

from sqlmodel import col, select

from memorycapsule.domain.people import Account, Address
from memorycapsule.domain.sessions import Code, CodePurpose, Link, LinkPurpose, Session, SessionKind
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


def account_with_address(tx: Transaction, normalised: str) -> Account | None:
    """Return the account that an address belongs to."""
    found = addresses.one(tx, normalised=normalised)
    return accounts.get(tx, found.account_id) if found else None


def address_of(tx: Transaction, account_id: str) -> Address:
    """Return the address that letters to an account go to: the one that was verified last."""
    return addresses_of(tx, account_id)[0]


def addresses_of(tx: Transaction, account_id: str) -> list[Address]:
    """Return the addresses of an account; letters go to the first."""
    found = addresses.by(tx, "-verified_at", "id", account_id=account_id)
    return sorted(found, key=lambda one: one.verified_at is None)  # databases differ about where those stand


def host_session(tx: Transaction, account_id: str) -> Session | None:
    """Return the session of the command line on the machine itself."""
    return sessions.one(tx, account_id=account_id, kind=SessionKind.HOST)


def live_session(tx: Transaction, digest: str) -> tuple[Session, str] | None:
    """Return the session whose secret has this digest and its account's language, unless it has ended."""
    statement = (
        sessions.rows()
        .add_columns(col(AccountRow.locale))
        .join(AccountRow, col(AccountRow.id) == col(SessionRow.account_id))
        .where(col(SessionRow.digest) == digest, col(SessionRow.ended_at).is_(None))
    )
    found = sessions.beside(tx, statement)
    return (found[0][0], found[0][1]) if found else None


def sessions_of(tx: Transaction, account_id: str) -> list[Session]:
    """Return the sessions of an account that have not ended, the newest first."""
    return sessions.by(tx, "-created_at", account_id=account_id, ended_at=None)


def end_sessions(tx: Transaction, account_id: str, now: datetime) -> None:
    """End all sessions of an account."""
    sessions.change(
        tx, col(SessionRow.account_id) == account_id, col(SessionRow.ended_at).is_(None), ended_at=now
    )


def note_use(tx: Transaction, session_id: str, before: datetime | None, now: datetime) -> None:
    """Note when a session was last used, unless another request has noted it since `before`."""
    is_unchanged = col(SessionRow.seen_at).is_(None) if before is None else col(SessionRow.seen_at) == before
    sessions.change(tx, col(SessionRow.id) == session_id, is_unchanged, seen_at=now)


def usable_codes(tx: Transaction, account_id: str, purpose: CodePurpose, now: datetime) -> list[Code]:
    """Return the codes of an account that were not used and have not expired, the newest first."""
    statement = (
        codes.rows()
        .where(
            col(CodeRow.account_id) == account_id,
            col(CodeRow.purpose) == purpose,
            col(CodeRow.used_at).is_(None),
            col(CodeRow.expires_at) > now,
        )
        .order_by(col(CodeRow.created_at).desc())
    )
    return codes.all(tx, statement, lock=True)


def codes_mailed_between(tx: Transaction, account_id: str, since: datetime, until: datetime) -> int:
    """Return how many codes were mailed for an account after `since` and before `until`."""
    statement = codes.rows().where(
        col(CodeRow.account_id) == account_id,
        col(CodeRow.address) != "",
        col(CodeRow.created_at) > since,
        col(CodeRow.created_at) < until,
    )
    return len(codes.all(tx, statement))


def forget_codes(tx: Transaction, account_id: str, expired_before: datetime | None = None) -> list[str]:
    """Remove the codes of an account, or those that expired before then, with their links; return their ids."""
    statement = select(CodeRow.id).where(col(CodeRow.account_id) == account_id)
    if expired_before is not None:
        statement = statement.where(col(CodeRow.expires_at) < expired_before)
    gone = list(tx.session.exec(statement))
    links.remove(
        tx,
        col(LinkRow.purpose).in_([LinkPurpose.SIGN_IN, LinkPurpose.SET_UP]),
        col(LinkRow.subject_id).in_(gone),
    )
    codes.remove(tx, col(CodeRow.id).in_(gone))
    return gone


def remove_address(tx: Transaction, address_id: str) -> None:
    """Remove one address."""
    addresses.remove(tx, col(AddressRow.id) == address_id)


def remove_addresses(tx: Transaction, account_id: str) -> None:
    """Remove all addresses of an account."""
    addresses.remove(tx, col(AddressRow.account_id) == account_id)


def end_sessions_of_capsule(tx: Transaction, account_id: str, capsule_id: str, now: datetime) -> None:
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
