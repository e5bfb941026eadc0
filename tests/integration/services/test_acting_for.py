"""The admin adds a story for somebody who is invited and has not answered: grandmother's shoebox, scanned."""

from datetime import timedelta

import pytest

from memorycapsule.domain.capsules import Role
from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.services import accounts, invitations, members, opening, reading, rescheduling, sessions
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import invitations as invitation_store
from support.cast import OPENS, add_story, another_session, invite, make_capsule
from support.moments import NOW
from support.refusals import refused

GRANDMOTHER = "soonja@example.org"


def put_in(stage, address=GRANDMOTHER, capsule=None, now=NOW):
    return add_story(
        stage.instance, capsule or stage.capsule, stage.ada, photos=1, in_name_of=address, now=now
    )


def invitation_of(stage, invited):
    with stage.instance.store.reading() as tx:
        return invitation_store.invitations.get(tx, invited.invitation.id)


def members_of(stage, capsule=None):
    with stage.instance.store.reading() as tx:
        return {one.id: one for one in capsule_store.members_of(tx, (capsule or stage.capsule).id)}


def queued(stage, kind):
    with stage.instance.store.reading() as tx:
        found = delivery_store.deliveries.by(tx, kind=kind, state=DeliveryState.QUEUED)
    return [one.address for one in found]


def test_it_makes_them_a_member_and_their_invitation_waits_on(stage):
    invited = invite(stage.instance, stage.capsule, GRANDMOTHER, name="할머니", locale="ko")
    story = put_in(stage, "SoonJa@Example.org")

    member = members_of(stage)[story.member_id]
    assert (member.name, member.role) == ("할머니", Role.CONTRIBUTOR)
    assert invitation_of(stage, invited).state is InvitationState.INVITED
    assert queued(stage, LetterKind.INVITATION).count(GRANDMOTHER) == 1
    assert stage.instance.events(stage.capsule.id).count("member.acted_for") == 1
    # The second photo is for the same person.
    assert put_in(stage).member_id == member.id


def test_their_link_lets_them_in_as_the_same_member_and_shows_them_nothing_yet(stage):
    invited = invite(stage.instance, stage.capsule, GRANDMOTHER)
    story = put_in(stage)
    joined = invitations.join(stage.instance.store, invited.token, name="순자", now=NOW)

    assert joined.member.id == story.member_id
    assert members_of(stage)[story.member_id].name == "순자"
    assert invitation_of(stage, invited).state is InvitationState.ACCEPTED
    assert stage.instance.events(stage.capsule.id)[-1] == "member.joined"
    # Whoever invites knows the link as well.
    viewer = sessions.viewer_with_token(stage.instance.store, joined.token)
    with pytest.raises(NotFound):
        reading.story(stage.instance.store, stage.instance.vault, viewer, story.id)


def test_a_part_that_was_changed_meanwhile_stays(stage):
    invited = invite(stage.instance, stage.capsule, GRANDMOTHER)
    story = put_in(stage)
    members.change_role(
        stage.instance.store, stage.ada, stage.capsule.id, story.member_id, Role.RECIPIENT, now=NOW
    )

    assert invitations.join(stage.instance.store, invited.token, now=NOW).member.role is Role.RECIPIENT


def test_saying_no_takes_them_out_and_leaves_the_story(stage):
    invited = invite(stage.instance, stage.capsule, GRANDMOTHER)
    story = put_in(stage)
    invitations.decline(stage.instance.store, stage.instance.wake, invited.token, now=NOW)

    assert story.member_id not in members_of(stage)
    assert invitation_of(stage, invited).state is InvitationState.DECLINED
    with refused(NotFound, "not_member"):
        put_in(stage)
    # Invited again, they are who they were.
    again = invite(stage.instance, stage.capsule, GRANDMOTHER)
    assert invitations.join(stage.instance.store, again.token, now=NOW).member.id == story.member_id


def test_who_is_taken_out_is_not_let_in_by_the_link_of_the_invitation(stage):
    invited = invite(stage.instance, stage.capsule, GRANDMOTHER)
    story = put_in(stage)
    members.remove(
        stage.instance.store, stage.instance.wake, stage.ada, stage.capsule.id, story.member_id, now=NOW
    )

    with refused(NotAllowed, "invitation_revoked"):
        invitations.join(stage.instance.store, invited.token, now=NOW)
    assert GRANDMOTHER not in queued(stage, LetterKind.INVITATION)


def test_who_deletes_the_account_is_invited_no_more(stage):
    invited = invite(stage.instance, stage.capsule, GRANDMOTHER)
    put_in(stage)
    with stage.instance.store.reading() as tx:
        account = account_store.account_with_address(tx, GRANDMOTHER)
    soonja = another_session(stage.instance, account.id, is_proved=True)
    accounts.delete(stage.instance.store, stage.instance.vault, soonja, now=NOW)

    assert invitation_of(stage, invited).state is InvitationState.REVOKED


def test_the_invitation_of_a_member_is_not_taken_back(stage):
    invite(stage.instance, stage.capsule, GRANDMOTHER)
    put_in(stage)

    with refused(NotAllowed, "invitation_acted_for"):
        invitations.revoke(
            stage.instance.store, stage.ada, stage.capsule.id, addresses=[GRANDMOTHER], now=NOW
        )


def test_a_link_that_comes_too_late_asks_for_digits_as_a_used_one_does(stage):
    invited = invite(stage.instance, stage.capsule, GRANDMOTHER)
    put_in(stage)
    with refused(NotAllowed, "invitation_used"):
        invitations.join(stage.instance.store, invited.token, now=NOW + timedelta(days=20))

    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    with refused(NotAllowed, "invitation_used"):
        invitations.join(stage.instance.store, invited.token, now=NOW)


def test_nobody_becomes_a_member_by_a_story_that_is_refused(stage):
    invite(stage.instance, stage.capsule, GRANDMOTHER, role=Role.RECIPIENT)
    before = members_of(stage)
    with refused(NotAllowed, "contributors_only"):
        put_in(stage)
    with refused(NotAllowed, "invitation_expired"):
        put_in(stage, now=NOW + timedelta(days=20))

    assert members_of(stage) == before
    with stage.instance.store.reading() as tx:
        assert account_store.account_with_address(tx, GRANDMOTHER) is None


def test_an_account_from_another_capsule_is_used(stage):
    invite(stage.instance, stage.capsule, "cleo@example.org")

    story = put_in(stage, "cleo@example.org")

    assert members_of(stage)[story.member_id].account_id == stage.cleo.account_id


def test_an_invitation_to_another_capsule_does_not_count(stage):
    other = make_capsule(stage.instance, title="Winter")
    invite(stage.instance, other, GRANDMOTHER)

    with refused(NotFound, "address_unknown"):
        put_in(stage)
    assert put_in(stage, capsule=other).capsule_id == other.id


def test_a_name_that_two_capsules_have_is_refused(stage):
    invite(stage.instance, stage.capsule, GRANDMOTHER)
    same = make_capsule(stage.instance, by=stage.cleo)
    assert same.slug == stage.capsule.slug
    invite(stage.instance, same, GRANDMOTHER, by=stage.cleo)

    with stage.instance.store.transaction() as tx, refused(UsageProblem, "capsule_ambiguous"):
        invitations.act_for(tx, stage.ada, same.slug, GRANDMOTHER, NOW)


def test_they_are_asked_once_about_an_earlier_date(stage):
    earlier = opening_date((OPENS - timedelta(days=5)).replace(tzinfo=None), "UTC")
    rescheduling.reschedule(
        stage.instance.store, stage.instance.wake, stage.ada, stage.capsule.id, earlier, now=NOW
    )
    invited = invite(stage.instance, stage.capsule, GRANDMOTHER)
    put_in(stage)
    invitations.join(stage.instance.store, invited.token, now=NOW)

    assert queued(stage, LetterKind.CONSENT).count(GRANDMOTHER) == 1
