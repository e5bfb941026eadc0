"""Visits: coming back to a capsule, through a member's own link or by mailed digits."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.events import Event
from memorycapsule.domain.people import Address, normalised_address
from memorycapsule.domain.sessions import CodePurpose, LinkPurpose, SessionKind, clean_token
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, NotFound, Sealed
from memorycapsule.seal.keys import InstanceKey, token_digest
from memorycapsule.services import invitations, letters, reading, reminders, sessions, signing_in
from memorycapsule.services.wakes import Wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store.transactions import Store, Transaction

#: A browser keeps so many sessions at once of somebody who comes back.
_MOST_CAPSULES = 8
#: The session that a member's own link begins.
_SESSION_KINDS = {LinkPurpose.OPENED: SessionKind.OPENED, LinkPurpose.VISIT: SessionKind.VISITED}


@dataclass(frozen=True, kw_only=True)
class LinkView:
    """What the page behind a member's own link shows."""

    capsule: Capsule
    #: Whom the link is for.
    member: Member
    #: Everybody's number of photos, in order of joining.
    photos: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A session that has just begun, and its secret."""

    capsule: Capsule
    member: Member
    #: Whether a story of theirs is in it.
    has_contributed: bool
    token: str


def preview(store: Store, token: str, purpose: LinkPurpose) -> LinkView:
    """Return what a member's own link leads to, changing nothing. Raises NotFound."""
    with store.reading() as tx:
        capsule, member = _of_token(tx, token, purpose)
        contributions = capsule_store.contributions(tx, capsule.id)
    return LinkView(
        capsule=capsule, member=member, photos=tuple(contribution.photos for contribution in contributions)
    )


def visit(store: Store, token: str, purpose: LinkPurpose, *, now: datetime) -> Visit:
    """
    Begin a session that reaches the capsule; the link can be used again, on any device.

    It proves nothing about the address, since letters are passed on. Raises NotFound.
    """
    with store.transaction() as tx:
        capsule, member = _of_token(tx, token, purpose)
        return _visit(tx, capsule, member, _SESSION_KINDS[purpose], now)


def mail_digits_to_invited(store: Store, key: InstanceKey, wake: Wake, token: str, *, now: datetime) -> str:
    """
    Mail digits to the address of an invitation, if a member still has it, and return which code is asked for.

    Nobody is told whether a letter leaves. Digits of this code alone let in (`come_back`), so only the browser that
    asked can use them. Raises NotFound for an unknown link.
    """
    with store.transaction() as tx:
        invitation = invitations.of_token(tx, token)
        address = account_store.addresses.one(tx, normalised=invitation.normalised)
        is_member = (
            address is not None
            and capsule_store.membership(tx, invitation.capsule_id, address.account_id) is not None
        )
        return _mail_digits(tx, key, wake, address if is_member else None, now)


def mail_way_back(store: Store, key: InstanceKey, wake: Wake, typed: str, *, now: datetime) -> str:
    """
    Mail digits to an address, if a member has it, and return which code is asked for; nobody is told which it was.

    An invitation that waits for an answer from this address is mailed once more, as a reminder would be. Raises
    UsageProblem for what is no address.
    """
    wanted = normalised_address(typed)
    with store.transaction() as tx:
        for invitation in invitation_store.waiting_of_address(tx, wanted):
            capsule = capsule_store.capsules.get(tx, invitation.capsule_id, lock=True)
            if capsule.accepts_stories(now) and reminders.may_be_sent_again(tx, invitation, now):
                again = invitation.reminded(now)
                invitation_store.invitations.save(tx, again)
                inviter = capsule_store.members.get(tx, invitation.invited_by)
                letters.queue_invitation(tx, wake, capsule, again, inviter, now)
        address = account_store.addresses.one(tx, normalised=wanted)
        is_member = address is not None and bool(capsule_store.of_account(tx, address.account_id))
        return _mail_digits(tx, key, wake, address if is_member else None, now)


def _mail_digits(
    tx: Transaction, key: InstanceKey, wake: Wake, address: Address | None, now: datetime
) -> str:
    """Mail digits to an address; return the id of their code, or one that no code has."""
    code = None
    if address is not None:
        purpose = CodePurpose.COME_BACK
        code = signing_in.mail_code(tx, key, wake, address.account_id, address.address, purpose, now)
    # Written in either case, without saying which it was: an answer takes its time from the disk.
    event_store.record(tx, Event(kind="sign_in.asked", at=now))
    return code.id if code else str(uuid.uuid4())


def come_back(
    store: Store, key: InstanceKey, code_id: str, digits: str, *, capsule_id: str | None = None, now: datetime
) -> list[Visit]:
    """
    Use up the digits of a code, and begin a session in each capsule of its person, or in `capsule_id` alone.

    The sessions have proved the address. Raises NotAllowed in the same words whatever does not fit.
    """
    with store.transaction() as tx:
        asked = account_store.codes.find(tx, code_id)
        live = account_store.usable_codes(tx, asked.account_id, CodePurpose.COME_BACK, now) if asked else []
        code = signing_in.match_code(tx, key, [one for one in live if one.id == code_id], digits)
        if code is not None:
            signing_in.use_code(tx, code, now)
            found = capsule_store.of_account(tx, code.account_id)
            chosen = [one for one in found if one.id == capsule_id] or found[:_MOST_CAPSULES]
            return [_begin_visit(tx, one, code.account_id, now) for one in chosen]
        event_store.record(tx, Event(kind="sign_in.refused", at=now))
    raise NotAllowed("code_wrong")


def _begin_visit(tx: Transaction, capsule: Capsule, account_id: str, now: datetime) -> Visit:
    member = capsule_store.membership(tx, capsule.id, account_id)
    if member is None:
        raise NotFound("link_unknown")
    return _visit(tx, capsule, member, SessionKind.VISITED, now, proved_at=now)


def _visit(
    tx: Transaction,
    capsule: Capsule,
    member: Member,
    kind: SessionKind,
    now: datetime,
    *,
    proved_at: datetime | None = None,
) -> Visit:
    """Begin a session that reaches one capsule."""
    _session, secret = sessions.begin(
        tx, account_id=member.account_id, capsule_id=capsule.id, kind=kind, proved_at=proved_at, now=now
    )
    event_store.record(tx, Event(kind="member.visited", at=now, capsule_id=capsule.id, subject_id=member.id))
    contributions = capsule_store.contributions(tx, capsule.id)
    has_contributed = any(one.stories for one in contributions if one.member.id == member.id)
    return Visit(capsule=capsule, member=member, has_contributed=has_contributed, token=secret)


def note_unsealing(store: Store, viewer: Viewer, capsule_id: str, *, now: datetime) -> None:
    """
    Note that the viewer has seen an opened capsule being untied, which nobody is shown twice.

    A session that may only read may do that. Raises NotFound, and Sealed before the date.
    """
    with store.transaction() as tx:
        capsule, member = reading.standing_in(tx, viewer, capsule_id)
        if not capsule.is_open:
            raise Sealed
        if member.unsealed_at is None:
            capsule_store.members.save(tx, dataclasses.replace(member, unsealed_at=now))


def _of_token(tx: Transaction, token: str, purpose: LinkPurpose) -> tuple[Capsule, Member]:
    link = account_store.links.find(tx, token_digest(clean_token(token)))
    member = None
    if link is not None and link.purpose is purpose:
        member = capsule_store.members.find(tx, link.subject_id)
    if member is None or member.left_at is not None:
        raise NotFound("link_unknown")
    capsule = capsule_store.capsules.get(tx, member.capsule_id)
    if purpose is LinkPurpose.OPENED and not capsule.is_open:
        raise NotFound("link_unknown")
    return capsule, member
