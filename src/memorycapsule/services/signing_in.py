"""
Signing in: by a mailed link or the six digits beside it, and by a link that the host hands over.

Links and digits are derived from the instance key. The store keeps a digest of the link, and nothing of the digits.
Nobody learns whether an address is known here: the answers are the same for all addresses.
"""

from __future__ import annotations

import dataclasses
import hmac
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.events import Event
from memorycapsule.domain.people import Account, normalised_address
from memorycapsule.domain.sessions import (
    Code,
    CodePurpose,
    LinkPurpose,
    Scope,
    Session,
    SessionKind,
    clean_token,
)
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, NotFound, TooMany
from memorycapsule.seal.keys import InstanceKey, token_digest
from memorycapsule.services import letters, people, sessions
from memorycapsule.services.wakes import Wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store.transactions import Store, Transaction

CODE_LIFE = timedelta(minutes=15)
#: The link that `init` prints has to outlive setting up a proxy.
SET_UP_LIFE = timedelta(days=1)
#: So many wrong tries kill the digits; the link, which cannot be guessed, goes on.
MOST_TRIES = 5
MOST_LETTERS, LETTERS_WITHIN = 5, timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session that has just begun, and its secret."""

    account: Account
    token: str


@dataclass(frozen=True, kw_only=True)
class HandedOverLink:
    """A link that the host hands over."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class SessionView:
    """A session as its person sees it in a list."""

    session: Session
    #: The capsule that it is for; None for all.
    capsule: Capsule | None
    #: Whether it is the viewer's own session.
    is_this: bool


def request_sign_in(store: Store, key: InstanceKey, wake: Wake, address: str, *, now: datetime) -> None:
    """
    Mail a link and digits to sign in with to an address, if it is an account's; nobody is told whether it is.

    Raises UsageProblem for what is no address.
    """
    wanted = normalised_address(address)
    with store.transaction() as tx:
        found = account_store.addresses.one(tx, normalised=wanted)
        if found is not None:
            mail_code(tx, key, wake, found.account_id, found.address, CodePurpose.SIGN_IN, now, has_link=True)
        # Written in either case, without saying which it was: an answer takes its time from the disk.
        event_store.record(tx, Event(kind="sign_in.asked", at=now))


def mail_code(
    tx: Transaction,
    key: InstanceKey,
    wake: Wake,
    account_id: str,
    address: str,
    purpose: CodePurpose,
    now: datetime,
    *,
    has_link: bool = False,
) -> Code | None:
    """Queue a letter with a code, at most five an hour to one account; return the code, None without a letter."""
    account = account_store.accounts.get(tx, account_id, lock=True)
    account_store.forget_codes(tx, account_id, now - LETTERS_WITHIN)
    # Codes of a later hour were dated by a wrong clock, and would else keep this account out until then.
    lately = now - LETTERS_WITHIN, now + LETTERS_WITHIN
    if account_store.codes_mailed_between(tx, account_id, *lately) >= MOST_LETTERS:
        return None
    code = _new_code(tx, account_id, address, purpose, CODE_LIFE, now)
    if has_link:
        letters.issue_link(tx, key, LinkPurpose.SIGN_IN, code.id, 1, now)
    kind = LetterKind.ADDRESS if purpose is CodePurpose.ADDRESS else LetterKind.SIGN_IN
    letters.queue_code(tx, wake, kind, account, code, has_link=has_link, now=now)
    return code


def hand_over_link(
    store: Store,
    key: InstanceKey,
    viewer: Viewer,
    address: str | None = None,
    *,
    purpose: LinkPurpose = LinkPurpose.SIGN_IN,
    now: datetime,
) -> HandedOverLink:
    """
    Return a link that signs somebody in once, for the host to hand over; the admin's own without an address.

    Raises NotAllowed for anybody but the host, NotFound, UsageProblem.
    """
    if not viewer.is_admin:
        raise NotAllowed("only_host_hands_out_links")
    with store.transaction() as tx:
        account_id = viewer.account_id
        if address is not None:
            account_id = people.account_id_of(tx, address)
        return issue_handed_over(tx, key, account_id, purpose, now)


def issue_handed_over(
    tx: Transaction, key: InstanceKey, account_id: str, purpose: LinkPurpose, now: datetime
) -> HandedOverLink:
    """Return a link that signs an account in once, and keep its digest in the store."""
    account_store.forget_codes(tx, account_id, now - LETTERS_WITHIN)
    life = SET_UP_LIFE if purpose is LinkPurpose.SET_UP else CODE_LIFE
    # Mailed to nowhere: it lets in, and proves nothing about an address.
    code = _new_code(tx, account_id, "", CodePurpose.SIGN_IN, life, now)
    token = letters.issue_link(tx, key, purpose, code.id, 1, now)
    event_store.record(tx, Event(kind="sign_in.handed_over", at=now, subject_id=account_id))
    return HandedOverLink(token=token, expires_at=code.expires_at)


def preview(store: Store, token: str, purpose: LinkPurpose, *, now: datetime) -> Account:
    """Return whom a link lets in, changing nothing. Raises NotFound, NotAllowed when it is over."""
    with store.reading() as tx:
        code = _of_token(tx, token, purpose, now)
        return account_store.accounts.get(tx, code.account_id)


def with_token(store: Store, token: str, purpose: LinkPurpose, *, name: str, now: datetime) -> SignedIn:
    """
    Use up a link and begin a session called `name`. Raises NotFound, NotAllowed when it is over.

    A mailed link proves the address that it was mailed to. A link that the host handed over proves nothing, unless
    it is the admin's: the admin is whoever may run commands on the machine.
    """
    with store.transaction() as tx:
        code = _of_token(tx, token, purpose, now)
        return _begin_session(tx, code, name, now)


def with_code(
    store: Store, key: InstanceKey, address: str, digits: str, *, name: str, now: datetime
) -> SignedIn:
    """
    Use up mailed digits and begin a session called `name`. Raises UsageProblem for what is no address.

    Raises NotAllowed in the same words whatever does not fit: address, digits or time.
    """
    wanted = normalised_address(address)
    with store.transaction() as tx:
        found = account_store.addresses.one(tx, normalised=wanted)
        code = None
        if found is not None:
            live = account_store.usable_codes(tx, found.account_id, CodePurpose.SIGN_IN, now)
            mailed_there = [one for one in live if one.address == found.address]
            code = match_code(tx, key, mailed_there, digits)
        if code is not None:
            return _begin_session(tx, code, name, now)
        # Written for unknown addresses as well, so that the answer takes as long.
        event_store.record(tx, Event(kind="sign_in.refused", at=now))
    raise NotAllowed("code_wrong")


def mail_proof_code(store: Store, key: InstanceKey, wake: Wake, viewer: Viewer, *, now: datetime) -> str:
    """
    Mail digits to the viewer's own address, and return the address.

    Raises TooMany when several have been mailed already, NotAllowed for a session that may not do so much.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        address = account_store.address_of(tx, viewer.account_id).address
        if not mail_code(tx, key, wake, viewer.account_id, address, CodePurpose.SIGN_IN, now):
            raise TooMany("codes_mailed")
    return address


def prove(store: Store, key: InstanceKey, viewers: Sequence[Viewer], digits: str, *, now: datetime) -> None:
    """
    Use up mailed digits: the sessions of `viewers`, all of one account, have proved its address.

    Raises NotAllowed when the digits do not fit, and for a session that may not do everything.
    """
    for viewer in viewers:
        viewer.check(Scope.EVERYTHING)
    account_ids = {viewer.account_id for viewer in viewers}
    if len(account_ids) != 1:
        raise NotAllowed("code_wrong")
    with store.transaction() as tx:
        live = account_store.usable_codes(tx, account_ids.pop(), CodePurpose.SIGN_IN, now)
        code = match_code(tx, key, [one for one in live if one.address], digits)
        if code is not None:
            use_code(tx, code, now)
            for viewer in viewers:
                session = account_store.sessions.get(tx, viewer.session_id)
                account_store.sessions.save(tx, dataclasses.replace(session, proved_at=now))
            event_store.record(tx, Event(kind="session.proved", at=now, subject_id=code.account_id))
            return
        event_store.record(tx, Event(kind="sign_in.refused", at=now))
    raise NotAllowed("code_wrong")


def match_code(tx: Transaction, key: InstanceKey, live: Sequence[Code], digits: str) -> Code | None:
    """Return the code whose digits these are, or None; then a wrong try counts against all of them."""
    typed = "".join(str(unicodedata.digit(one)) for one in digits if unicodedata.digit(one, None) is not None)
    open_ones = [code for code in live if code.tries < MOST_TRIES]
    # All are compared, and each in constant time: how long it takes tells nothing.
    fits = [hmac.compare_digest(key.code(code.id), typed) for code in open_ones]
    found = next((code for code, is_right in zip(open_ones, fits, strict=True) if is_right), None)
    if found is None:
        for code in open_ones:
            account_store.codes.save(tx, dataclasses.replace(code, tries=code.tries + 1))
    return found


def use_code(tx: Transaction, code: Code, now: datetime) -> None:
    """Use up a mailed code: whoever typed it has proved the address that it was mailed to."""
    account_store.codes.save(tx, dataclasses.replace(code, used_at=now))
    address = account_store.addresses.one(tx, normalised=normalised_address(code.address))
    if address is not None and address.account_id == code.account_id and address.verified_at is None:
        account_store.addresses.save(tx, dataclasses.replace(address, verified_at=now))


def of_viewer(store: Store, viewer: Viewer) -> list[SessionView]:
    """
    Return the viewer's own sessions in browsers and programs, the newest first.

    Raises NotAllowed for a token, and for a session of one capsule.
    """
    viewer.check_account()
    with store.reading() as tx:
        return [
            SessionView(
                session=session,
                capsule=capsule_store.capsules.get(tx, session.capsule_id) if session.capsule_id else None,
                is_this=session.id == viewer.session_id,
            )
            for session in account_store.sessions_of(tx, viewer.account_id)
            if session.kind is not SessionKind.HOST
        ]


def end(store: Store, viewer: Viewer, session_id: str, *, now: datetime) -> Session:
    """End a session of the viewer's own: this one, or another with the right to do everything. Raises NotFound."""
    if session_id != viewer.session_id:
        viewer.check_account()
    with store.transaction() as tx:
        session = account_store.sessions.find(tx, session_id)
        if (
            session is None
            or session.account_id != viewer.account_id
            or session.ended_at is not None
            or session.kind is SessionKind.HOST
        ):
            raise NotFound("session_unknown")
        ended = dataclasses.replace(session, ended_at=now)
        account_store.sessions.save(tx, ended)
        event_store.record(tx, Event(kind="session.ended", at=now, subject_id=session.id))
    return ended


def _new_code(
    tx: Transaction, account_id: str, address: str, purpose: CodePurpose, life: timedelta, now: datetime
) -> Code:
    code = Code(
        id=str(uuid.uuid4()),
        account_id=account_id,
        purpose=purpose,
        address=address,
        tries=0,
        created_at=now,
        expires_at=now + life,
        used_at=None,
    )
    account_store.codes.add(tx, code)
    return code


def _of_token(tx: Transaction, token: str, purpose: LinkPurpose, now: datetime) -> Code:
    link = account_store.links.find(tx, token_digest(clean_token(token)))
    if link is None or link.purpose is not purpose:
        raise NotFound("link_unknown")
    # Two taps on one link let in once.
    code = account_store.codes.get(tx, link.subject_id, lock=True)
    if code.used_at is not None or now >= code.expires_at:
        raise NotAllowed("link_over")
    return code


def _begin_session(tx: Transaction, code: Code, name: str, now: datetime) -> SignedIn:
    account = account_store.accounts.get(tx, code.account_id)
    if code.address:
        use_code(tx, code, now)
    else:
        account_store.codes.save(tx, dataclasses.replace(code, used_at=now))
    session, secret = sessions.begin(
        tx,
        account_id=account.id,
        capsule_id=None,
        kind=SessionKind.SIGNED_IN,
        name=name,
        proved_at=now if code.address or account.is_admin else None,
        now=now,
    )
    event_store.record(tx, Event(kind="session.begun", at=now, subject_id=session.id))
    return SignedIn(account=account, token=secret)
