"""Invitations: inviting people, and answering an invitation."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule.domain.capsules import Capsule, Member, Role
from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.events import Event
from memorycapsule.domain.guest_lists import Guest, named_guests
from memorycapsule.domain.invitations import Invitation, InvitationState, check_invited_role
from memorycapsule.domain.people import Account, checked_address, checked_name, normalised_address
from memorycapsule.domain.sessions import LinkPurpose, Scope, SessionKind, clean_token
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.seal.keys import InstanceKey, token_digest
from memorycapsule.services import covers, letters, members, people, reading, rescheduling, sessions
from memorycapsule.services.people import checked_language
from memorycapsule.services.reading import OpenedFile
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import Wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store.transactions import Store, Transaction


@dataclass(frozen=True, kw_only=True)
class Invited:
    """An invitation and the token of its link."""

    invitation: Invitation
    token: str
    #: False for a waiting invitation that was only looked up again.
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class AlreadyIn:
    """Somebody who is a member already, and is not invited again."""

    address: str


@dataclass(frozen=True, kw_only=True)
class InvitationView:
    """What the page behind an invitation's link shows."""

    invitation: Invitation
    capsule: Capsule
    inviter: str
    #: Whether its language was chosen for the guest; otherwise it is the inviter's own.
    is_language_chosen: bool
    #: How many are in it already.
    members: int


@dataclass(frozen=True, kw_only=True)
class Joined:
    """A new member, and the secret of the session that began with it."""

    member: Member
    capsule: Capsule
    token: str


def invite(
    store: Store,
    key: InstanceKey,
    wake: Wake,
    viewer: Viewer,
    reference: str,
    *,
    addresses: Sequence[str],
    role: Role | None = None,
    name: str | None = None,
    locale: str | None = None,
    again: bool = False,
    valid_days: int,
    now: datetime,
) -> list[Invited]:
    """
    Invite addresses to a capsule and queue a letter to each. If one of them is wrong, none is invited.

    An address that is invited already keeps its invitation and gets no second letter. With `again` it gets one, with
    a new link, and the old link ends. Raises NotFound, NotAllowed for anybody but the owner, for members, and after
    the opening, and UsageProblem for a malformed address and for one name for several people.
    """
    viewer.check(Scope.EVERYTHING)
    wanted = {normalised_address(address): Guest(address=address, name=None) for address in addresses}
    guests = named_guests(tuple(wanted.values()), name)
    terms = _Terms(role=role, locale=locale, again=again, expires_at=now + timedelta(days=valid_days))
    with store.transaction() as tx:
        answers = _answers(tx, key, wake, viewer, reference, guests, terms, now)
        if already := [one for one in answers if isinstance(one, AlreadyIn)]:
            raise NotAllowed("member_already", address=already[0].address)
    return [one for one in answers if isinstance(one, Invited)]


def invite_guests(
    store: Store,
    key: InstanceKey,
    wake: Wake,
    viewer: Viewer,
    reference: str,
    *,
    guests: Sequence[Guest],
    role: Role | None = None,
    locale: str | None = None,
    valid_days: int,
    now: datetime,
) -> list[Invited | AlreadyIn]:
    """
    Invite a list of guests as `invite` does, and return an answer for each: members do not keep others from it.

    Raises NotFound, NotAllowed for anybody but the owner and after the opening, and UsageProblem.
    """
    viewer.check(Scope.EVERYTHING)
    terms = _Terms(role=role, locale=locale, again=False, expires_at=now + timedelta(days=valid_days))
    with store.transaction() as tx:
        return _answers(tx, key, wake, viewer, reference, guests, terms, now)


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """What holds for all who are invited together."""

    #: None for what the invitation said before, or else a contributor.
    role: Role | None
    #: None for what the invitation said before, or else the inviter's language.
    locale: str | None
    #: Whether who waits for an answer already gets a new link and another letter.
    again: bool
    expires_at: datetime

    def __post_init__(self) -> None:
        if self.role:
            check_invited_role(self.role)
        if self.locale:
            checked_language(self.locale)


def revoke(
    store: Store, viewer: Viewer, reference: str, *, addresses: Sequence[str], now: datetime
) -> list[Invitation]:
    """Take invitations back. Raises NotFound, and NotAllowed when the person has joined."""
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, _owner = _owned(tx, viewer, reference)
        revoked = []
        for address in addresses:
            found = invitation_store.of_address(tx, capsule.id, normalised_address(address))
            if found is None:
                raise NotFound("not_invited", address=checked_address(address))
            invitation = found.revoked(now)
            invitation_store.invitations.save(tx, invitation)
            delivery_store.suppress(tx, now, kind=LetterKind.INVITATION, invitation_id=invitation.id)
            event_store.record(
                tx,
                Event(kind="invitation.revoked", at=now, capsule_id=capsule.id, subject_id=invitation.id),
            )
            revoked.append(invitation)
    return revoked


def of_token(tx: Transaction, token: str) -> Invitation:
    """Return the invitation that a link leads to. Raises NotFound."""
    link = account_store.links.find(tx, token_digest(clean_token(token)))
    if link is None or link.purpose is not LinkPurpose.INVITATION:
        raise NotFound("invitation_link_unknown")
    return invitation_store.invitations.get(tx, link.subject_id)


def preview(store: Store, token: str) -> InvitationView:
    """Return the invitation behind a link, changing nothing. Raises NotFound."""
    with store.reading() as tx:
        invitation = of_token(tx, token)
        inviter = capsule_store.members.get(tx, invitation.invited_by)
        own_locale = account_store.accounts.get(tx, inviter.account_id).locale
        return InvitationView(
            invitation=invitation,
            capsule=capsule_store.capsules.get(tx, invitation.capsule_id),
            inviter=inviter.name,
            is_language_chosen=invitation.locale != own_locale,
            members=len(capsule_store.members_of(tx, invitation.capsule_id)),
        )


def cover_file(store: Store, vault: Vault, token: str, form: covers.CoverForm = "display") -> OpenedFile:
    """Return the cover of the capsule that a link invites to. Raises NotFound."""
    with store.reading() as tx:
        capsule = capsule_store.capsules.get(tx, of_token(tx, token).capsule_id)
        source = covers.cover_source(tx, vault, capsule)
    return covers.opened_cover(source, form)


def join(
    store: Store, token: str, *, name: str | None = None, locale: str | None = None, now: datetime
) -> Joined:
    """
    Accept an invitation: its address gets an account, the account becomes a member, and a session begins.

    Somebody else than the address's owner may have the link, so this proves nothing about the address. Raises
    NotFound for an unknown token, NotAllowed for an invitation that cannot be used any more, UsageProblem.
    """
    if locale is not None:
        checked_language(locale)
    with store.transaction() as tx:
        invitation = of_token(tx, token)
        # Others may be answering the same invitation at this moment.
        invitation = invitation_store.invitations.get(tx, invitation.id, lock=True)
        # The opening counts members: nobody joins between that and its letters.
        capsule = capsule_store.capsules.get(tx, invitation.capsule_id, lock=True)
        account, member = _enter(tx, invitation, capsule, name, locale, now)
        invitation_store.invitations.save(tx, invitation.accepted(member.id, now))
        delivery_store.suppress(tx, now, kind=LetterKind.INVITATION, invitation_id=invitation.id)
        _session, secret = sessions.begin(
            tx, account_id=account.id, capsule_id=capsule.id, kind=SessionKind.JOINED, now=now
        )
        event_store.record(
            tx, Event(kind="member.joined", at=now, capsule_id=capsule.id, subject_id=member.id)
        )
    return Joined(member=member, capsule=capsule, token=secret)


def act_for(
    tx: Transaction, viewer: Viewer, reference: str, address: str, now: datetime
) -> tuple[Capsule, Member]:
    """
    Return the capsule, and the member in whose name the admin puts something in.

    Somebody who is invited and has not answered becomes a member by it. Their invitation goes on waiting: its link
    lets them in, and they may still say no. Raises NotFound, UsageProblem, and NotAllowed for anybody but the admin
    and for an invitation that cannot be used any more.
    """
    if not viewer.is_admin:
        raise NotAllowed("only_admin_adds_for_others")
    address = checked_address(address)
    account = account_store.account_with_address(tx, normalised_address(address))
    if account is not None:
        with suppress(NotFound):
            return reading.standing_in(tx, dataclasses.replace(viewer, account_id=account.id), reference)
    invitation = _waiting(tx, address, reference)
    if invitation is None:
        raise NotFound("not_member" if account else "address_unknown", address=address)
    invitation = invitation_store.invitations.get(tx, invitation.id, lock=True)
    capsule = capsule_store.capsules.get(tx, invitation.capsule_id, lock=True)
    _account, member = _enter(tx, invitation, capsule, None, None, now)
    invitation_store.invitations.save(tx, invitation.acted_for(member.id))
    event_store.record(
        tx, Event(kind="member.acted_for", at=now, capsule_id=capsule.id, subject_id=member.id)
    )
    return capsule, member


def decline(store: Store, wake: Wake, token: str, *, now: datetime) -> Invitation:
    """
    Say no to an invitation; its owner sees that, and may invite again.

    Whoever is a member already, because somebody acted for them, leaves by it, and their stories stay. Raises
    NotFound for an unknown token, NotAllowed for an invitation that cannot be used any more, and for an owner.
    """
    with store.transaction() as tx:
        invitation = of_token(tx, token)
        invitation = invitation_store.invitations.get(tx, invitation.id, lock=True)
        member_id = invitation.member_id if invitation.is_acted_for else None
        invitation = invitation.declined(now)
        invitation_store.invitations.save(tx, invitation)
        delivery_store.suppress(tx, now, invitation_id=invitation.id)
        if member_id:
            capsule = capsule_store.capsules.get(tx, invitation.capsule_id, lock=True)
            members.end_membership(tx, wake, capsule, capsule_store.members.get(tx, member_id), now)
        event_store.record(
            tx,
            Event(
                kind="invitation.declined",
                at=now,
                capsule_id=invitation.capsule_id,
                subject_id=invitation.id,
            ),
        )
    return invitation


def personal_links(
    store: Store, key: InstanceKey, viewer: Viewer, reference: str, now: datetime
) -> list[Invited]:
    """
    Return the waiting invitations of a capsule with their links, to be handed over in another way.

    Raises NotFound, and NotAllowed for anybody but the owner.
    """
    viewer.check(Scope.EVERYTHING)
    with store.reading() as tx:
        capsule, _owner = _owned(tx, viewer, reference)
        return [
            Invited(
                invitation=one,
                # The store has known its digest since the invitation was made.
                token=key.token(LinkPurpose.INVITATION, one.id, one.rotation),
                is_new=False,
            )
            for one in invitation_store.of_capsule(tx, capsule.id)
            if one.is_usable(now)
        ]


def _answers(
    tx: Transaction,
    key: InstanceKey,
    wake: Wake,
    viewer: Viewer,
    reference: str,
    guests: Sequence[Guest],
    terms: _Terms,
    now: datetime,
) -> list[Invited | AlreadyIn]:
    """Invite each guest, and return what became of it."""
    if not guests:
        raise UsageProblem("nobody_to_invite")
    capsule, inviter = _owned(tx, viewer, reference)
    if capsule.is_open:
        raise NotAllowed("invited_too_late")
    own_locale = account_store.accounts.get(tx, viewer.account_id).locale
    answers: list[Invited | AlreadyIn] = []
    for guest in guests:
        normalised = normalised_address(guest.address)
        if _is_member(tx, capsule, normalised):
            answers.append(AlreadyIn(address=checked_address(guest.address)))
            continue
        found = invitation_store.of_address(tx, capsule.id, normalised)
        is_new = found is None or terms.again or not found.is_usable(now)
        if found is None:
            invitation = _new_invitation(capsule, inviter, guest, terms, own_locale, now)
            invitation_store.invitations.add(tx, invitation)
        elif is_new:
            invitation = found.sent_again(
                role=terms.role,
                name=checked_name(guest.name) if guest.name else None,
                locale=terms.locale,
                expires_at=terms.expires_at,
                has_left=_has_left(tx, found),
            )
            account_store.withdraw_links(tx, LinkPurpose.INVITATION, invitation.id)
            delivery_store.suppress(tx, now, invitation_id=invitation.id)
            invitation_store.invitations.save(tx, invitation)
        else:
            invitation = found
        answers.append(Invited(invitation=invitation, token=_token(tx, key, invitation, now), is_new=is_new))
        if is_new:
            _send(tx, wake, capsule, invitation, inviter, now)
    return answers


def _new_invitation(
    capsule: Capsule, inviter: Member, guest: Guest, terms: _Terms, own_locale: str, now: datetime
) -> Invitation:
    return Invitation(
        id=str(uuid.uuid4()),
        capsule_id=capsule.id,
        address=checked_address(guest.address),
        normalised=normalised_address(guest.address),
        name=checked_name(guest.name) if guest.name else None,
        locale=terms.locale or own_locale,
        role=terms.role or Role.CONTRIBUTOR,
        state=InvitationState.INVITED,
        invited_by=inviter.id,
        rotation=1,
        letters=1,
        created_at=now,
        expires_at=terms.expires_at,
        answered_at=None,
        member_id=None,
    )


def _send(
    tx: Transaction, wake: Wake, capsule: Capsule, invitation: Invitation, inviter: Member, now: datetime
) -> None:
    letters.queue_invitation(tx, wake, capsule, invitation, inviter, now)
    event_store.record(
        tx,
        Event(
            kind="invitation.sent",
            at=now,
            capsule_id=capsule.id,
            subject_id=invitation.id,
            facts={"letters": invitation.letters},
        ),
    )


def _waiting(tx: Transaction, address: str, reference: str) -> Invitation | None:
    """Return the invitation of an address, not answered yet, to the capsule that a slug or id means; None if none."""
    wanted = reference.strip().lower()
    found = [
        one
        for one in invitation_store.waiting_of_address(tx, normalised_address(address))
        if wanted in {one.capsule_id, capsule_store.capsules.get(tx, one.capsule_id).slug}
    ]
    if len(found) > 1:
        raise UsageProblem("capsule_ambiguous", name=reference, count=len(found))
    return found[0] if found else None


def _enter(
    tx: Transaction,
    invitation: Invitation,
    capsule: Capsule,
    name: str | None,
    locale: str | None,
    now: datetime,
) -> tuple[Account, Member]:
    """Make whoever is invited a member, who knows of every request. Raises NotAllowed, UsageProblem."""
    invitation.check_joinable(capsule, now)
    shown = checked_name(name or invitation.name or invitation.address.partition("@")[0])
    account = _account_for(tx, invitation, shown, locale, now)
    member = _become_member(tx, invitation, account, shown, now)
    if not invitation.is_acted_for:
        rescheduling.ask_newcomer(tx, capsule, member, now)
    return account, member


def _become_member(
    tx: Transaction, invitation: Invitation, account: Account, name: str, now: datetime
) -> Member:
    """Add the account to the capsule. Whoever has left gets their old membership back, with their stories."""
    former = capsule_store.ever_membership(tx, invitation.capsule_id, account.id)
    if former and invitation.is_acted_for:
        # Their part may have been changed meanwhile.
        member = dataclasses.replace(former, name=name)
        capsule_store.members.save(tx, member)
        return member
    if former:
        member = dataclasses.replace(former, role=invitation.role, name=name, left_at=None)
        capsule_store.members.save(tx, member)
        return member
    member = Member(
        id=str(uuid.uuid4()),
        capsule_id=invitation.capsule_id,
        account_id=account.id,
        role=invitation.role,
        name=name,
        joined_at=now,
    )
    capsule_store.members.add(tx, member)
    return member


def _account_for(
    tx: Transaction, invitation: Invitation, name: str, locale: str | None, now: datetime
) -> Account:
    known = account_store.account_with_address(tx, invitation.normalised)
    if known is not None:
        member = capsule_store.membership(tx, invitation.capsule_id, known.id)
        if member and member.id != invitation.member_id:
            raise NotAllowed("joined_already")
        # What the account chose stays: a link alone does not prove that it is the account's owner who joins.
        return known
    return people.new_account(
        tx, name=name, address=invitation.address, locale=locale or invitation.locale, now=now
    )


def _owned(tx: Transaction, viewer: Viewer, reference: str) -> tuple[Capsule, Member]:
    capsule, member = reading.standing_in(tx, viewer, reference)
    if not member.is_owner:
        raise NotAllowed("only_owner_invites")
    return capsule, member


def _has_left(tx: Transaction, invitation: Invitation) -> bool:
    """Say whether the member that an invitation became has left the capsule."""
    if invitation.member_id is None:
        return False
    return capsule_store.members.get(tx, invitation.member_id).left_at is not None


def _is_member(tx: Transaction, capsule: Capsule, normalised: str) -> bool:
    account = account_store.account_with_address(tx, normalised)
    return account is not None and capsule_store.membership(tx, capsule.id, account.id) is not None


def _token(tx: Transaction, key: InstanceKey, invitation: Invitation, now: datetime) -> str:
    return letters.issue_link(tx, key, LinkPurpose.INVITATION, invitation.id, invitation.rotation, now)
