"""Invitations: from invited to one answer; a new letter makes a new link."""

from dataclasses import replace
from datetime import timedelta

import pytest

from memorycapsule.domain.capsules import Role
from memorycapsule.domain.invitations import Invitation, InvitationState, parse_invited_role
from memorycapsule.errors import NotAllowed, UsageProblem
from support.moments import NOW
from support.refusals import refused

EXPIRES = NOW + timedelta(days=14)
INVITED = Invitation(
    id="i",
    capsule_id="c",
    address="ben@example.org",
    normalised="ben@example.org",
    name=None,
    locale="en",
    role=Role.CONTRIBUTOR,
    state=InvitationState.INVITED,
    invited_by="ada-here",
    rotation=1,
    letters=1,
    created_at=NOW,
    expires_at=EXPIRES,
    answered_at=None,
    member_id=None,
)
ACCEPTED = INVITED.accepted("ben-here", NOW)
DECLINED = INVITED.declined(NOW)
REVOKED = INVITED.revoked(NOW)
ALL = [INVITED, ACCEPTED, DECLINED, REVOKED]


def test_answers_are_noted_with_their_time():
    assert (ACCEPTED.state, ACCEPTED.member_id, ACCEPTED.answered_at) == (
        InvitationState.ACCEPTED,
        "ben-here",
        NOW,
    )
    assert (DECLINED.state, DECLINED.answered_at) == (InvitationState.DECLINED, NOW)
    assert (REVOKED.state, REVOKED.answered_at) == (InvitationState.REVOKED, NOW)


@pytest.mark.parametrize(
    ("invitation", "now", "reason"),
    [
        (ACCEPTED, NOW, "invitation_used"),
        (DECLINED, NOW, "invitation_declined"),
        (REVOKED, NOW, "invitation_revoked"),
        (INVITED, EXPIRES, "invitation_expired"),
        (INVITED, EXPIRES + timedelta(days=1), "invitation_expired"),
    ],
)
def test_an_invitation_that_cannot_be_used_says_why(invitation, now, reason):
    assert not invitation.is_usable(now)
    for answer in (lambda: invitation.accepted("m", now), lambda: invitation.declined(now)):
        with refused(NotAllowed, reason):
            answer()


def test_an_invitation_is_usable_until_the_instant_it_expires():
    assert INVITED.is_usable(EXPIRES - timedelta(microseconds=1))
    assert not INVITED.is_usable(EXPIRES)


@pytest.mark.parametrize("invitation", [INVITED, DECLINED, REVOKED])
def test_sending_again_makes_a_new_link_and_a_new_letter(invitation):
    again = invitation.sent_again(expires_at=EXPIRES + timedelta(days=1))

    assert again.is_usable(EXPIRES)
    assert (again.rotation, again.letters) == (invitation.rotation + 1, invitation.letters + 1)
    assert (again.answered_at, again.id) == (None, invitation.id)


def test_whoever_has_joined_is_not_invited_again_nor_uninvited():
    with refused(NotAllowed, "invitation_not_needed"):
        ACCEPTED.sent_again(expires_at=EXPIRES)
    with refused(NotAllowed, "invitation_accepted"):
        ACCEPTED.revoked(NOW)


@pytest.mark.parametrize("invitation", ALL)
def test_every_state_says_whether_it_is_usable(invitation):
    assert invitation.is_usable(NOW) is (invitation.state is InvitationState.INVITED)
    assert not replace(invitation, expires_at=NOW).is_usable(NOW)


def test_a_decline_has_its_time_and_a_reminder_leaves_the_link():
    declined, reminded = INVITED.declined(EXPIRES - timedelta(days=1)), INVITED.reminded(NOW)

    assert declined == replace(
        INVITED, state=InvitationState.DECLINED, answered_at=EXPIRES - timedelta(days=1)
    )
    assert reminded == replace(INVITED, letters=2, reminded_at=NOW)


def test_an_invitation_that_is_taken_back_keeps_all_but_its_state_and_its_time():
    later = NOW + timedelta(days=3)

    assert INVITED.revoked(later) == replace(INVITED, state=InvitationState.REVOKED, answered_at=later)


def test_what_is_not_said_when_an_invitation_is_sent_again_stays_as_it_was():
    named = replace(INVITED, name="Ben", role=Role.RECIPIENT, locale="ko")
    expires_at = EXPIRES + timedelta(days=5)

    assert named.sent_again(expires_at=expires_at) == replace(
        named, rotation=2, letters=2, expires_at=expires_at
    )
    assert named.sent_again(
        expires_at=expires_at, name="Benjamin", role=Role.CONTRIBUTOR, locale="en"
    ) == replace(INVITED, name="Benjamin", rotation=2, letters=2, expires_at=expires_at)
    left = ACCEPTED.sent_again(expires_at=expires_at, has_left=True)
    assert (left.state, left.member_id, left.answered_at) == (InvitationState.INVITED, None, None)


def test_people_are_invited_to_add_or_to_receive_and_to_nothing_else():
    assert [parse_invited_role(word) for word in ("contributor", "recipient")] == [
        Role.CONTRIBUTOR,
        Role.RECIPIENT,
    ]
    with refused(UsageProblem, "invited_part_unknown", part="chief"):
        parse_invited_role("chief")
    with pytest.raises(UsageProblem):
        parse_invited_role("owner")
