"""Members: what they may do in a capsule, and how they leave it."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from memorycapsule.domain.capsules import Capsule, Member, Role
from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.events import Event
from memorycapsule.domain.sessions import LinkPurpose, Scope
from memorycapsule.domain.stories import Viewer, may_view
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.services import reading, rescheduling
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import Wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction


def change_role(
    store: Store, viewer: Viewer, reference: str, member_id: str, role: Role, *, now: datetime
) -> Member:
    """
    Change whether a member adds stories or only receives them; the member's stories stay.

    Raises NotFound, ReauthenticationNeeded, NotAllowed for anybody but the owner and once the date has come, and
    UsageProblem for the role of the owner, which is handed over instead.
    """
    viewer.check(Scope.EVERYTHING)
    if role is Role.OWNER:
        raise UsageProblem("second_owner")
    with store.transaction() as tx:
        capsule, _owner, member = _of_owner(tx, viewer, reference, member_id, now)
        if member.is_owner:
            raise NotAllowed("owner_stays_owner")
        if not capsule.accepts_stories(now):
            raise NotAllowed("role_too_late")
        changed = dataclasses.replace(member, role=role)
        capsule_store.members.save(tx, changed)
        _record(tx, "member.changed", changed, now)
    return changed


def hand_over(store: Store, viewer: Viewer, reference: str, member_id: str, *, now: datetime) -> Member:
    """
    Make another member the owner; the old one goes on as a contributor.

    Raises NotFound, ReauthenticationNeeded, NotAllowed for anybody but the owner, and UsageProblem when the member
    is the owner.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        _capsule, owner, member = _of_owner(tx, viewer, reference, member_id, now)
        if member.is_owner:
            raise UsageProblem("owner_already")
        capsule_store.members.save(tx, dataclasses.replace(owner, role=Role.CONTRIBUTOR))
        heir = dataclasses.replace(member, role=Role.OWNER)
        capsule_store.members.save(tx, heir)
        _record(tx, "capsule.handed_over", heir, now)
    return heir


def remove(
    store: Store, wake: Wake, viewer: Viewer, reference: str, member_id: str, *, now: datetime
) -> Member:
    """
    Take a member out of a capsule. Their stories stay, they get no more letters, and their links end.

    Raises NotFound, ReauthenticationNeeded, and NotAllowed for anybody but the owner. The owner cannot be removed
    either (NotAllowed), but hands over first.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, _owner, member = _of_owner(tx, viewer, reference, member_id, now)
        gone = end_membership(tx, wake, capsule, member, now)
        _record(tx, "member.removed", gone, now)
    return gone


def leave(
    store: Store,
    vault: Vault,
    wake: Wake,
    viewer: Viewer,
    reference: str,
    *,
    takes_stories: bool,
    now: datetime,
) -> Member:
    """
    Leave a capsule; with `takes_stories`, the member's stories are removed.

    Leaving alone needs no proof: nothing is lost, and the owner can invite again. Stories can be taken until the
    date. If this session may not see all of them, it must have proved the address a moment ago. Raises NotFound,
    ReauthenticationNeeded, and NotAllowed for the owner, who hands over first.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, member = reading.standing_in(tx, viewer, reference, lock=True)
        if takes_stories:
            _remove_own_stories(tx, vault, viewer, capsule, member, now)
        gone = end_membership(tx, wake, capsule, member, now)
        _record(tx, "member.left", gone, now)
    return gone


def end_membership(tx: Transaction, wake: Wake, capsule: Capsule, member: Member, now: datetime) -> Member:
    """
    End a member's part in a capsule. Raises NotAllowed for its owner.

    A letter that asks for their consent to an earlier date is still sent: their consent is needed as long as a story
    of theirs is in the capsule.
    """
    if member.is_owner:
        raise NotAllowed("owner_cannot_leave")
    gone = dataclasses.replace(member, left_at=now)
    capsule_store.members.save(tx, gone)
    account_store.end_sessions_of_capsule(tx, member.account_id, capsule.id, now)
    for purpose in (LinkPurpose.OPENED, LinkPurpose.VISIT):
        account_store.withdraw_links(tx, purpose, member.id)
    for kind in LetterKind:
        if kind is not LetterKind.CONSENT:
            delivery_store.suppress(tx, now, member_id=member.id, kind=kind)
    for invitation in invitation_store.of_member(tx, member.id):
        # Its link would let them in again.
        if invitation.is_acted_for:
            invitation_store.invitations.save(tx, invitation.ended(now))
            delivery_store.suppress(tx, now, invitation_id=invitation.id)
    rescheduling.settle(tx, wake, capsule, now)
    return gone


def _remove_own_stories(
    tx: Transaction, vault: Vault, viewer: Viewer, capsule: Capsule, member: Member, now: datetime
) -> None:
    if not capsule.accepts_stories(now):
        raise NotAllowed("taking_stories_too_late")
    own = [one for one in story_store.of_capsule(tx, capsule.id) if one.member_id == member.id]
    if not all(may_view(capsule, story, member, viewer) for story in own):
        viewer.check_fresh(now)
    blob_ids = [blob_id for story in own for blob_id in story_store.remove_with_media(tx, story.id)]
    capsule_store.drop_blobs(tx, blob_ids)
    tx.after_commit(lambda: vault.delete_blobs(blob_ids))
    # What was rendered ahead shows them.
    tx.after_commit(lambda: vault.cache.clear(capsule.id))


def _of_owner(
    tx: Transaction, viewer: Viewer, reference: str, member_id: str, now: datetime
) -> tuple[Capsule, Member, Member]:
    """
    Return the capsule, its owner, who is the viewer, and the member.

    Raises NotFound, NotAllowed for anybody but the owner, ReauthenticationNeeded.
    """
    capsule, owner = reading.standing_in(tx, viewer, reference, lock=True)
    if not owner.is_owner:
        raise NotAllowed("only_owner_decides_members")
    viewer.check_fresh(now)
    member = capsule_store.members.find(tx, member_id)
    if member is None or member.capsule_id != capsule.id or member.left_at is not None:
        raise NotFound("member_unknown")
    return capsule, owner, member


def _record(tx: Transaction, kind: str, member: Member, now: datetime) -> None:
    event_store.record(
        tx,
        Event(
            kind=kind, at=now, capsule_id=member.capsule_id, subject_id=member.id, facts={"role": member.role}
        ),
    )
