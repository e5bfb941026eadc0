"""
Reminders: letters to those who have not answered or put anything in, or have not come once it was open.

The owner asks for the former, at most one a day. The latter leaves by itself, once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule.domain.capsules import Contribution, Member, Role
from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.events import Event
from memorycapsule.domain.invitations import Invitation
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.waits import is_recent
from memorycapsule.errors import NotAllowed
from memorycapsule.services import letters, reading
from memorycapsule.services.wakes import Wake
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store.transactions import Store, Transaction

#: Nobody is reminded sooner after their last letter.
LEAST_INTERVAL = timedelta(days=1)
#: So long after an opened letter that may not have arrived, another one stands in for it.
UNKNOWN_FOR = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class Reminded:
    """Who got a letter."""

    invitations: tuple[Invitation, ...]
    members: tuple[Member, ...]

    @property
    def count(self) -> int:
        return len(self.invitations) + len(self.members)


def remind(
    store: Store,
    wake: Wake,
    viewer: Viewer,
    reference: str,
    *,
    only: Collection[str] | None = None,
    now: datetime,
) -> Reminded:
    """
    Remind those who have not answered their invitation, and the contributors who have not put anything in.

    The invited get the letter of their invitation again, with the same link; a contributor gets a letter with a link
    of their own. `only` holds the ids of invitations and members to choose from; None means all. Whoever had such a
    letter within a day gets none. Raises NotFound, and NotAllowed for anybody but the owner and once the date has
    come.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, owner = reading.standing_in(tx, viewer, reference, lock=True)
        if not owner.is_owner:
            raise NotAllowed("only_owner_reminds")
        if not capsule.accepts_stories(now):
            raise NotAllowed("reminded_too_late")
        reminded = []
        for invitation in invitation_store.of_capsule(tx, capsule.id):
            if not _is_chosen(only, invitation.id) or not may_be_sent_again(tx, invitation, now):
                continue
            again = invitation.reminded(now)
            invitation_store.invitations.save(tx, again)
            letters.queue_invitation(tx, wake, capsule, again, owner, now)
            reminded.append(again)
        members = []
        for one in capsule_store.contributions(tx, capsule.id):
            if not _is_chosen(only, one.member.id) or not may_be_reminded(one, now):
                continue
            member = dataclasses.replace(one.member, reminded_at=now)
            capsule_store.members.save(tx, member)
            letters.queue_reminder(tx, wake, capsule, owner, member, now)
            members.append(member)
        done = Reminded(invitations=tuple(reminded), members=tuple(members))
        if done.count:
            event_store.record(
                tx,
                Event(
                    kind="letters.queued",
                    at=now,
                    capsule_id=capsule.id,
                    subject_id=capsule.id,
                    facts={"count": done.count, "letter": LetterKind.REMINDER},
                ),
            )
    return done


def remind_of_opening(store: Store, wake: Wake, now: datetime) -> int:
    """
    Queue a letter to each member whose opened letter may not have arrived and who has not come, and count them.

    It is another letter, and the only one of its kind that a member gets: nobody gets the same letter twice.
    """
    with store.reading() as tx:
        if not delivery_store.unknown_of_absent_members(tx, now - UNKNOWN_FOR):
            return 0
    with store.transaction() as tx:
        lost = delivery_store.unknown_of_absent_members(tx, now - UNKNOWN_FOR)
        return sum(letters.queue_opened_again(tx, wake, one, now) for one in lost)


def may_be_reminded(contribution: Contribution, now: datetime) -> bool:
    """Say whether a member may be reminded now: a contributor without a story who was not reminded within a day."""
    reminded_at = contribution.member.reminded_at
    return is_silent(contribution) and not (
        reminded_at and is_recent(reminded_at, now, within=LEAST_INTERVAL)
    )


def is_silent(contribution: Contribution) -> bool:
    """Say whether a member could put something in and has not: a contributor without a story."""
    member = contribution.member
    return member.role is Role.CONTRIBUTOR and member.left_at is None and contribution.stories == 0


def may_be_sent_again(tx: Transaction, invitation: Invitation, now: datetime) -> bool:
    """Say whether an invitation may be mailed once more: one that can be used, and was not mailed within a day."""
    sent = delivery_store.of_invitation(tx, invitation.id)
    is_quiet = not sent or not is_recent(sent[-1].queued_at, now, within=LEAST_INTERVAL)
    return invitation.is_usable(now) and is_quiet


def _is_chosen(only: Collection[str] | None, one: str) -> bool:
    return only is None or one in only
