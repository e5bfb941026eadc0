"""Members: roles, handing over, leaving and coming back; reminders, one a day."""

import dataclasses
from datetime import timedelta

import pytest

from memorycapsule.domain.capsules import Role
from memorycapsule.domain.sessions import LinkPurpose, Scope
from memorycapsule.errors import NotAllowed, NotFound, ReauthenticationNeeded, UsageProblem
from memorycapsule.services import invitations, letters, members, reading, reminders, sessions, visits
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from support.cast import OPENS, add_story, another_session, invite, join
from support.moments import NOW
from support.refusals import refused

DAY = timedelta(days=1)


def role(stage, person, to, by=None, now=NOW):
    return members.change_role(
        stage.instance.store, by or stage.ada, stage.capsule.id, person.member.id, to, now=now
    )


def hand_over(stage, person, by=None):
    return members.hand_over(
        stage.instance.store, by or stage.ada, stage.capsule.id, person.member.id, now=NOW
    )


def remove(stage, person, by=None):
    return members.remove(
        stage.instance.store,
        stage.instance.wake,
        by or stage.ada,
        stage.capsule.id,
        person.member.id,
        now=NOW,
    )


def leave(stage, viewer, *, takes_stories=False, now=NOW):
    return members.leave(
        stage.instance.store,
        stage.instance.vault,
        stage.instance.wake,
        viewer,
        stage.capsule.id,
        takes_stories=takes_stories,
        now=now,
    )


def remind(stage, now=NOW, by=None, **more):
    return reminders.remind(
        stage.instance.store, stage.instance.wake, by or stage.ada, stage.capsule.id, now=now, **more
    )


def view(stage, viewer=None):
    return reading.capsule(stage.instance.store, stage.instance.vault, viewer or stage.ada, stage.capsule.id)


def letters_to(stage, address, kind):
    with stage.instance.store.reading() as tx:
        found = delivery_store.deliveries.by(tx, address=address, kind=kind)
    return sorted(one.dedupe_key.rpartition(":")[2] for one in found)


def test_a_recipient_adds_nothing_until_they_are_a_contributor_again(stage):
    role(stage, stage.ben, Role.RECIPIENT)
    with pytest.raises(NotAllowed):
        add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    role(stage, stage.ben, Role.CONTRIBUTOR)
    assert add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)


def test_the_owner_is_handed_over_whole(stage):
    hand_over(stage, stage.ben)

    roles = {one.member.name: one.member.role for one in view(stage).contributions}
    assert roles == {"Ada": Role.CONTRIBUTOR, "Ben": Role.OWNER, "영희": Role.CONTRIBUTOR}
    with pytest.raises(NotAllowed):
        role(stage, stage.younghee, Role.RECIPIENT)
    assert leave(stage, stage.ada).name == "Ada"


def test_the_owner_neither_leaves_nor_is_removed_nor_demoted(stage):
    owner = dataclasses.replace(stage.ben, member=view(stage).member)
    for deed in (
        lambda: leave(stage, stage.ada),
        lambda: remove(stage, owner),
        lambda: role(stage, owner, Role.CONTRIBUTOR),
    ):
        with pytest.raises(NotAllowed):
            deed()
    with pytest.raises(UsageProblem):
        role(stage, stage.ben, Role.OWNER)


def test_roles_and_removal_need_a_fresh_proof_and_a_wide_scope(stage):
    hand_over(stage, stage.ben)
    proved = another_session(stage.instance, stage.ben.viewer.account_id, is_proved=True)
    for deed in (
        lambda by: role(stage, stage.younghee, Role.RECIPIENT, by),
        lambda by: hand_over(stage, stage.younghee, by),
        lambda by: remove(stage, stage.younghee, by),
    ):
        with pytest.raises(ReauthenticationNeeded):
            deed(stage.ben.viewer)
        with refused(NotAllowed, "token_insufficient"):
            deed(dataclasses.replace(proved, scope=Scope.CONTRIBUTE))
    with pytest.raises(ReauthenticationNeeded):
        role(stage, stage.younghee, Role.RECIPIENT, proved, NOW + timedelta(minutes=16))
    assert remove(stage, stage.younghee, proved).name == "영희"


def test_who_is_removed_sees_nothing_gets_nothing_and_leaves_their_stories(stage):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)
    remind(stage)
    elsewhere = another_session(stage.instance, stage.younghee.viewer.account_id, is_proved=True)
    with stage.instance.store.transaction() as tx:
        link = letters.issue_link(tx, stage.instance.key, LinkPurpose.VISIT, stage.younghee.member.id, 1, NOW)
    remove(stage, stage.ben)
    remove(stage, stage.younghee)

    for token in (stage.ben.token, stage.younghee.token):
        with pytest.raises(NotFound):
            sessions.viewer_with_token(stage.instance.store, token)
    with pytest.raises(NotFound):
        view(stage, elsewhere)
    with pytest.raises(NotFound):
        visits.preview(stage.instance.store, link, LinkPurpose.VISIT)
    with stage.instance.store.reading() as tx:
        (letter,) = delivery_store.deliveries.by(tx, address="younghee@example.org", kind="reminder")
    assert letter.state == "suppressed"
    kept = {one.member.name: one.stories for one in view(stage).contributions}
    assert kept == {"Ada": 0, "Ben": 1}


def test_leaving_with_stories_takes_every_one_and_their_bytes(stage):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=2)
    add_story(stage.instance, stage.capsule, stage.younghee.viewer)
    before = stage.instance.blob_files()
    leave(stage, stage.ben.viewer, takes_stories=True)

    assert [one.member.name for one in view(stage).contributions if one.stories] == ["영희"]
    assert len(stage.instance.blob_files()) < len(before)


def test_stories_of_other_sessions_are_taken_along_only_after_a_proof(stage):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)
    other = another_session(stage.instance, stage.ben.viewer.account_id, capsule_id=stage.capsule.id)
    with pytest.raises(ReauthenticationNeeded):
        leave(stage, other, takes_stories=True)
    assert view(stage, stage.ben.viewer).stories


def test_after_the_day_stories_stay(stage):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)
    with pytest.raises(NotAllowed):
        leave(stage, stage.ben.viewer, takes_stories=True, now=OPENS)
    assert leave(stage, stage.ben.viewer, now=OPENS).left_at == OPENS


def test_a_new_invitation_brings_back_the_same_member_with_their_stories(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer)
    remove(stage, stage.ben)
    again = invite(stage.instance, stage.capsule, "ben@example.org", role=Role.RECIPIENT)
    back = invitations.join(stage.instance.store, again.token, name="Benny", now=NOW)

    assert (back.member.id, back.member.name, back.member.role) == (
        stage.ben.member.id,
        "Benny",
        Role.RECIPIENT,
    )
    proved = another_session(stage.instance, stage.ben.viewer.account_id, is_proved=True)
    assert [one.story.id for one in view(stage, proved).stories] == [story.id]
    assert [one.id for one in view(stage).invitations].count(again.invitation.id) == 1


def test_a_member_who_is_still_there_is_not_invited_again(stage):
    with pytest.raises(NotAllowed):
        invite(stage.instance, stage.capsule, "ben@example.org", again=True)


def test_reminders_go_to_the_silent_once_a_day(stage):
    waiting = invite(stage.instance, stage.capsule, "dan@example.org")
    recipient = join(stage.instance, stage.capsule, "Rae", role=Role.RECIPIENT)
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)

    first = remind(stage)
    assert ([one.name for one in first.members], first.invitations) == (["영희"], ())
    assert remind(stage, NOW + DAY / 2).count == 0

    second = remind(stage, NOW + DAY)
    assert [one.name for one in second.members] == ["영희"]
    assert [one.address for one in second.invitations] == ["dan@example.org"]
    assert letters_to(stage, "younghee@example.org", "reminder") == ["1", "2"]
    assert letters_to(stage, "dan@example.org", "invitation") == ["1", "2"]
    assert letters_to(stage, "rae@example.org", "reminder") == []
    assert recipient.member.role is Role.RECIPIENT
    # The link of the first letter is that of the second.
    assert invitations.preview(stage.instance.store, waiting.token).invitation.letters == 2


def test_only_those_who_are_meant_are_reminded(stage):
    done = remind(stage, only={stage.younghee.member.id})
    assert [one.name for one in done.members] == ["영희"]


def test_nobody_but_the_owner_reminds_and_nobody_after_the_day(stage):
    with pytest.raises(NotAllowed):
        remind(stage, by=stage.ben.viewer)
    with pytest.raises(NotAllowed):
        remind(stage, OPENS)


def test_a_declined_invitation_can_be_sent_again(stage):
    invited = invite(stage.instance, stage.capsule, "dan@example.org")
    invitations.decline(stage.instance.store, stage.instance.wake, invited.token, now=NOW)
    with pytest.raises(NotAllowed):
        invitations.join(stage.instance.store, invited.token, now=NOW)

    again = invite(stage.instance, stage.capsule, "dan@example.org")
    assert again.is_new
    assert invitations.join(stage.instance.store, again.token, now=NOW).member


def test_the_owner_alone_gets_the_links_of_waiting_invitations(stage):
    invited = invite(stage.instance, stage.capsule, "dan@example.org")
    found = invitations.personal_links(
        stage.instance.store, stage.instance.key, stage.ada, stage.capsule.id, NOW
    )
    assert [one.token for one in found] == [invited.token]
    with pytest.raises(NotAllowed):
        invitations.personal_links(
            stage.instance.store, stage.instance.key, stage.ben.viewer, stage.capsule.id, NOW
        )


def test_a_former_member_is_in_no_list(stage):
    remove(stage, stage.ben)
    bens = another_session(stage.instance, stage.ben.viewer.account_id)
    assert reading.capsules(stage.instance.store, bens) == []
    with stage.instance.store.reading() as tx:
        assert capsule_store.ever_membership(tx, stage.capsule.id, bens.account_id)
