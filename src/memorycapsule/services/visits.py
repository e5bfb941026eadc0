"""Visits: coming back to a capsule through a member's own link."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.events import Event
from memorycapsule.domain.sessions import LinkPurpose, SessionKind
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound, Sealed
from memorycapsule.seal.keys import token_digest
from memorycapsule.services import reading, sessions
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store.transactions import Store, Transaction

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
        _session, secret = sessions.begin(
            tx, account_id=member.account_id, capsule_id=capsule.id, kind=_SESSION_KINDS[purpose], now=now
        )
        event_store.record(
            tx, Event(kind="member.visited", at=now, capsule_id=capsule.id, subject_id=member.id)
        )
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
    link = account_store.links.find(tx, token_digest(token.strip()))
    member = None
    if link is not None and link.purpose is purpose:
        member = capsule_store.members.find(tx, link.subject_id)
    if member is None or member.left_at is not None:
        raise NotFound("link_unknown")
    capsule = capsule_store.capsules.get(tx, member.capsule_id)
    if purpose is LinkPurpose.OPENED and not capsule.is_open:
        raise NotFound("link_unknown")
    return capsule, member
