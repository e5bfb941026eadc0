"""Inviting and joining: one address, one person, one answer; a link can be opened as often as one likes."""

import json
from datetime import timedelta

import pytest

from memorycapsule.domain.capsules import Role
from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.services import invitations, opening, sessions
from memorycapsule.services.mailing import retrying
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.work import ticks
from support.cast import BASE_URL, OPENS, invite, join, make_capsule, make_context
from support.moments import NOW
from support.refusals import refused


@pytest.fixture
def capsule(instance):
    return make_capsule(instance)


def letters_of(instance, state=None):
    with instance.store.reading() as tx:
        return [one for one in delivery_store.all_deliveries(tx) if state in {None, one.state}]


def revoke(instance, capsule, *addresses):
    return invitations.revoke(instance.store, instance.ada, capsule.id, addresses=addresses, now=NOW)


def test_an_invitation_queues_one_letter_that_holds_no_link(instance, capsule):
    invited = invite(instance, capsule, "Ben@Example.org", name="Ben", locale="ko")

    (letter,) = letters_of(instance)
    fields = json.loads(letter.letter)
    assert invited.is_new
    assert letter.dedupe_key == f"invitation:{invited.invitation.id}:1"
    assert letter.address == "Ben@example.org"
    assert fields["recipient"] == {"address": "Ben@example.org", "name": "Ben", "locale": "ko"}
    assert invited.token not in letter.letter
    assert ("letters", letter.id) in instance.woken


def test_no_token_lies_in_the_database(instance, capsule, tmp_path):
    invited = invite(instance, capsule, "ben@example.org")
    joined = invitations.join(instance.store, invited.token, now=NOW)

    for path in (tmp_path / "data").glob("capsule.db*"):
        for token in (invited.token, joined.token):
            assert token.encode() not in path.read_bytes()


def test_a_link_may_be_opened_any_number_of_times_and_changes_nothing(instance, capsule):
    invited = invite(instance, capsule, "ben@example.org")
    before = instance.events(capsule.id)

    views = [invitations.preview(instance.store, f" {invited.token}\n") for _ in range(3)]

    assert views[0] == views[2]
    assert (views[0].capsule.title, views[0].inviter) == (capsule.title, "Ada")
    assert views[0].invitation.state is InvitationState.INVITED
    assert instance.events(capsule.id) == before


@pytest.mark.parametrize("token", ["", " ", "nonsense", "x" * 10_000, "' OR 1=1 --", "\0"])
def test_an_unknown_link_is_not_found(instance, token):
    with refused(NotFound, "invitation_link_unknown"):
        invitations.preview(instance.store, token)
    with pytest.raises(NotFound):
        invitations.join(instance.store, token, now=NOW)


def test_inviting_again_without_asking_for_a_letter_gives_the_same_link(instance, capsule):
    first = invite(instance, capsule, "ben@example.org")
    second = invite(instance, capsule, " BEN@example.ORG")

    assert second.token == first.token
    assert not second.is_new
    assert len(letters_of(instance)) == 1


def test_sending_again_makes_a_new_link_and_takes_the_old_letter_back(instance, capsule):
    first = invite(instance, capsule, "ben@example.org")
    second = invite(instance, capsule, "ben@example.org", again=True)

    assert second.token != first.token
    assert [one.dedupe_key[-2:] for one in letters_of(instance, DeliveryState.SUPPRESSED)] == [":1"]
    assert [one.dedupe_key[-2:] for one in letters_of(instance, DeliveryState.QUEUED)] == [":2"]
    with pytest.raises(NotFound):
        invitations.preview(instance.store, first.token)
    assert invitations.preview(instance.store, second.token).invitation.rotation == 2


def test_an_old_letter_that_was_on_its_way_does_not_bring_its_link_back(instance, capsule, time):
    """It failed for now while the owner made a new one: neither is it sent later, nor does its link work."""
    first = invite(instance, capsule, "ben@example.org")
    with instance.store.transaction() as tx:
        (letter,) = delivery_store.all_deliveries(tx)
        taken = delivery_store.claim(tx, letter.id, "a run", NOW)
    second = invite(instance, capsule, "ben@example.org", again=True)
    with instance.store.transaction() as tx:
        delivery_store.change_attempt(
            tx, letter.id, taken.attempt, state=DeliveryState.QUEUED, lease=None, next_attempt_at=NOW
        )

    ticks.send_letters(make_context(instance, time))

    with pytest.raises(NotFound):
        invitations.preview(instance.store, first.token)
    assert invitations.preview(instance.store, second.token)
    (sent,) = instance.letters()
    assert second.token in sent.read_text().replace("=\n", "")


def test_a_revoked_link_says_so(instance, capsule):
    invited = invite(instance, capsule, "ben@example.org")
    revoke(instance, capsule, "ben@example.org")

    assert invitations.preview(instance.store, invited.token).invitation.state is InvitationState.REVOKED
    with refused(NotAllowed, "invitation_revoked"):
        invitations.join(instance.store, invited.token, now=NOW)
    assert letters_of(instance, DeliveryState.QUEUED) == []


def test_whoever_was_revoked_can_be_invited_anew(instance, capsule):
    invite(instance, capsule, "ben@example.org")
    revoke(instance, capsule, "ben@example.org")
    again = invite(instance, capsule, "ben@example.org")

    assert again.is_new
    assert invitations.join(instance.store, again.token, now=NOW).member.name == "ben"


def test_an_expired_link_says_so_and_a_new_one_works(instance, capsule):
    invited = invite(instance, capsule, "ben@example.org")
    later = NOW + timedelta(days=14)
    with refused(NotAllowed, "invitation_expired"):
        invitations.join(instance.store, invited.token, now=later)

    far = make_capsule(instance, title="Far", opens=OPENS + timedelta(days=100))
    invited = invite(instance, far, "ben@example.org")
    again = invite(instance, far, "ben@example.org", now=later)
    assert again.is_new
    assert invitations.join(instance.store, again.token, now=later)


def test_revoking_needs_an_invitation_that_nobody_accepted(instance, capsule):
    join(instance, capsule, "Ben")

    with refused(NotFound, "not_invited", address="cleo@example.org"):
        revoke(instance, capsule, "cleo@example.org")
    with refused(NotAllowed, "invitation_accepted"):
        revoke(instance, capsule, "ben@example.org")
    with refused(NotAllowed, "member_already"):
        invite(instance, capsule, "BEN@example.org")


def test_all_are_invited_or_none(instance, capsule):
    def invite_all(*addresses, **more):
        given = {"addresses": addresses, "valid_days": 14, "now": NOW} | more
        return invitations.invite(
            instance.store, instance.key, instance.wake, instance.ada, capsule.id, **given
        )

    for wrong in (
        lambda: invite_all("ben@example.org", "not an address"),
        lambda: invite_all(),
        lambda: invite_all("ben@example.org", role=Role.OWNER),
        lambda: invite_all("ben@example.org", name="\u202e"),
        lambda: invite_all("ben@example.org", "dan@example.org", name="Ben"),
        lambda: invite_all("ben@example.org", locale="fr"),
    ):
        with pytest.raises(UsageProblem):
            wrong()
    with pytest.raises(NotAllowed):
        invite_all("ben@example.org", "ada@example.org")
    assert letters_of(instance) == []

    assert len(invite_all("ben@example.org", "BEN@example.org", "dan@example.org")) == 2


def test_only_the_owner_invites(stage):
    for viewer, error in ((stage.ben.viewer, NotAllowed), (stage.cleo, NotFound)):
        with pytest.raises(error):
            invite(stage.instance, stage.capsule, "dan@example.org", by=viewer)
        with pytest.raises(error):
            invitations.revoke(
                stage.instance.store, viewer, stage.capsule.id, addresses=["ben@example.org"], now=NOW
            )


def test_joining_makes_an_account_a_member_and_a_session_for_this_capsule_only(instance, capsule):
    invited = invite(instance, capsule, "younghee@example.org", name="Mrs Kim", locale="en")
    joined = invitations.join(instance.store, invited.token, name=" 영희 ", locale="ko", now=NOW)

    viewer = sessions.viewer_with_token(instance.store, joined.token)
    with instance.store.reading() as tx:
        account = account_store.accounts.get(tx, joined.member.account_id)
        address = account_store.address_of(tx, account.id)
    assert (joined.member.name, account.name, account.locale) == ("영희", "영희", "ko")
    assert not account.is_admin
    assert address.verified_at is None, "whoever invites knows the link as well"
    assert (viewer.capsule_id, viewer.is_proved, viewer.is_admin) == (capsule.id, False, False)
    assert instance.events(capsule.id)[-1] == "member.joined"


def test_a_name_falls_back_to_what_is_known(instance, capsule):
    named = invite(instance, capsule, "b@example.org", name="Ben")
    unnamed = invite(instance, capsule, "dan@example.org")

    assert invitations.join(instance.store, named.token, now=NOW).member.name == "Ben"
    assert invitations.join(instance.store, unnamed.token, now=NOW).member.name == "dan"


def test_a_second_join_is_refused(instance, capsule):
    invited = invite(instance, capsule, "ben@example.org")
    invitations.join(instance.store, invited.token, now=NOW)

    with refused(NotAllowed, "invitation_used"):
        invitations.join(instance.store, invited.token, now=NOW)
    with instance.store.reading() as tx:
        assert len(capsule_store.members_of(tx, capsule.id)) == 2


def test_an_account_that_exists_keeps_what_it_chose(instance, capsule):
    another = make_capsule(instance, title="Another")
    first = join(instance, capsule, "영희", address="y@example.org", locale="ko")
    second = join(instance, another, "Grandmother", address="Y@example.org", locale="en")

    assert second.member.account_id == first.member.account_id
    assert second.member.name == "Grandmother", "a display name of its own in each capsule"
    with instance.store.reading() as tx:
        account = account_store.accounts.get(tx, first.member.account_id)
    assert (account.name, account.locale) == ("영희", "ko")


def test_a_link_to_the_admins_address_gives_no_rights_of_the_admin(stage):
    """Ada is invited to a capsule of Ben's; whoever has that link is no admin."""
    from support.cast import another_session

    ben = another_session(stage.instance, stage.ben.viewer.account_id)
    theirs = make_capsule(stage.instance, by=ben, title="Ben's own")
    ada_there = join(stage.instance, theirs, "Ada", by=ben)

    assert ada_there.viewer.account_id == stage.ada.account_id
    assert not ada_there.viewer.is_admin
    assert not ada_there.viewer.is_proved
    assert ada_there.viewer.capsule_id == theirs.id


def test_nobody_joins_or_is_invited_once_it_is_open(instance, capsule):
    """I11: an opening is final."""
    invited = invite(instance, capsule, "ben@example.org", now=OPENS)
    opening.open_due(instance.store, instance.wake, OPENS)

    with refused(NotAllowed, "joined_too_late"):
        invitations.join(instance.store, invited.token, now=OPENS)
    with refused(NotAllowed, "invited_too_late"):
        invite(instance, capsule, "dan@example.org", now=OPENS)


def test_the_letter_of_an_answered_invitation_is_not_sent_any_more(instance, capsule, time):
    invited = invite(instance, capsule, "ben@example.org")
    invitations.join(instance.store, invited.token, now=NOW)

    ticks.send_letters(make_context(instance, time))

    assert instance.letters() == []


def test_the_mailed_link_is_the_token_of_the_invitation(instance, capsule, time):
    invited = invite(instance, capsule, "ben@example.org")
    ticks.send_letters(make_context(instance, time))

    (letter,) = instance.letters()
    assert f"{BASE_URL}/g/i/{invited.token}" in letter.read_text().replace("=\n", "")


def test_an_invitation_can_be_sent_again_after_its_letter_was_rejected_and_rearmed(instance, capsule, time):
    """Both number their letters; neither may take the other's number away."""
    invited = invite(instance, capsule, "ben@example.org")
    with instance.store.transaction() as tx:
        (letter,) = delivery_store.all_deliveries(tx)
        taken = delivery_store.claim(tx, letter.id, "a run", NOW)
        delivery_store.change_attempt(tx, letter.id, taken.attempt, state=DeliveryState.REJECTED)
    (renewed,) = retrying.send_again(instance.store, instance.wake, instance.ada, letter.id, now=NOW)
    assert renewed.dedupe_key == f"invitation:{invited.invitation.id}:2"

    again = invite(instance, capsule, "ben@example.org", again=True)

    ticks.send_letters(make_context(instance, time))
    (sent,) = instance.letters()
    assert again.token in sent.read_text().replace("=\n", "")


def test_a_letter_of_an_invitation_that_is_not_wanted_any_more_is_not_sent_again(instance, capsule):
    invite(instance, capsule, "ben@example.org")
    with instance.store.transaction() as tx:
        (letter,) = delivery_store.all_deliveries(tx)
        taken = delivery_store.claim(tx, letter.id, "a run", NOW)
        delivery_store.change_attempt(tx, letter.id, taken.attempt, state=DeliveryState.REJECTED)
    revoke(instance, capsule, "ben@example.org")

    assert retrying.send_again(instance.store, instance.wake, instance.ada, None, now=NOW) == []
    with pytest.raises(NotAllowed):
        retrying.send_again(instance.store, instance.wake, instance.ada, letter.id, now=NOW)
