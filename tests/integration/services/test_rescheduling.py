"""Another date: later by the owner alone, earlier only with everybody's yes, and never in the past."""

import dataclasses
import email
import email.policy
import re
from datetime import timedelta

import pytest

from memorycapsule.domain.capsules import CapsuleState
from memorycapsule.domain.date_requests import Consent, DateRequestState
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.services import capsules, invitations, members, opening, rescheduling, sessions
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import date_requests as date_request_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.work import ticks
from support.cast import OPENS, Time, add_story, invite, join, make_context
from support.moments import NOW
from support.refusals import refused

EARLIER = OPENS - timedelta(days=5)
LATER = OPENS + timedelta(days=400)
EVERYBODY = {"ada@example.org", "ben@example.org", "younghee@example.org"}


def move(stage, to, *, by=None, now=NOW):
    date = opening_date(to.replace(tzinfo=None), "UTC")
    return rescheduling.reschedule(
        stage.instance.store, stage.instance.wake, by or stage.ada, stage.capsule.id, date, now=now
    )


def say(stage, person, is_given, now=NOW):
    return rescheduling.consent(
        stage.instance.store,
        stage.instance.wake,
        getattr(person, "viewer", person),
        stage.capsule.id,
        is_given=is_given,
        now=now,
    )


def opens_at(stage):
    with stage.instance.store.reading() as tx:
        return capsule_store.capsules.get(tx, stage.capsule.id).opens_at


def letters(stage, kind, state="queued"):
    with stage.instance.store.reading() as tx:
        found = delivery_store.deliveries.by(tx, capsule_id=stage.capsule.id, kind=kind, state=state)
    return {one.address for one in found}


def requests(stage):
    with stage.instance.store.reading() as tx:
        return [one.state for one in date_request_store.date_requests.by(tx, capsule_id=stage.capsule.id)]


def mailed(stage, address):
    """The link in the last letter to an address, once all are sent."""
    ticks.send_letters(make_context(stage.instance, Time()))
    letters = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in stage.instance.letters()
    ]
    mine = [one for one in letters if one["To"].addresses[0].addr_spec == address]
    text = mine[-1].get_body(("plain",)).get_content()
    return re.search(r"http://127\.0\.0\.1:8484/g/consent/(\S+)", text)[1]


def opened(stage, now):
    return opening.open_if_due(stage.instance.store, stage.instance.wake, stage.capsule.id, now)


def test_later_holds_at_once_and_everybody_is_told(stage_on_both):
    stage = stage_on_both
    done = move(stage, LATER)

    assert (done.capsule.opens_at, done.request, opens_at(stage)) == (LATER, None, LATER)
    assert letters(stage, "moved") == EVERYBODY
    assert not opened(stage, OPENS)


def test_a_second_move_takes_back_the_letters_of_the_first_that_still_wait(stage):
    move(stage, LATER)
    move(stage, LATER + timedelta(days=1))

    with stage.instance.store.reading() as tx:
        found = delivery_store.deliveries.by(tx, capsule_id=stage.capsule.id, kind="moved")
    assert sorted((one.address, one.state) for one in found) == sorted(
        (address, state) for address in EVERYBODY for state in ("suppressed", "queued")
    )


def test_earlier_waits_for_the_last_yes_and_silence_is_no(stage_on_both):
    stage = stage_on_both
    asked = move(stage, EARLIER)

    assert (asked.capsule.opens_at, asked.waits_for, opens_at(stage)) == (OPENS, 2, OPENS)
    assert letters(stage, "consent") == EVERYBODY - {"ada@example.org"}

    say(stage, stage.ben, is_given=True)
    assert opens_at(stage) == OPENS
    assert not opened(stage, EARLIER)

    view = say(stage, stage.younghee, is_given=True)
    assert (view.request.state, opens_at(stage)) == (DateRequestState.GRANTED, EARLIER)
    assert letters(stage, "moved") == EVERYBODY
    assert opened(stage, EARLIER)


def test_one_no_ends_it(stage):
    move(stage, EARLIER)
    say(stage, stage.ben, is_given=True)
    say(stage, stage.younghee, is_given=False)

    assert (requests(stage), opens_at(stage)) == ([DateRequestState.REFUSED], OPENS)
    with pytest.raises(NotFound):
        say(stage, stage.younghee, is_given=True)


def test_a_no_beside_a_request_that_waits_is_no_yes(stage):
    asked = move(stage, EARLIER).request
    refusal = Consent(
        id="refusal", request_id=asked.id, member_id=stage.younghee.member.id, is_given=False, answered_at=NOW
    )
    with stage.instance.store.transaction() as tx:
        date_request_store.consents.add(tx, refusal)

    say(stage, stage.ben, is_given=True)

    assert (requests(stage), opens_at(stage)) == ([DateRequestState.ASKED], OPENS)


def test_a_former_member_is_asked_only_while_a_story_of_theirs_is_in_it(stage):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    for gone in (stage.ben, stage.younghee):
        members.leave(
            stage.instance.store,
            stage.instance.vault,
            stage.instance.wake,
            gone.viewer,
            stage.capsule.id,
            takes_stories=False,
            now=NOW,
        )
    asked = move(stage, EARLIER)
    assert (asked.waits_for, letters(stage, "consent")) == (1, {"ben@example.org"})

    token = mailed(stage, "ben@example.org")
    assert rescheduling.preview(stage.instance.store, token, NOW).is_waiting
    rescheduling.answer(stage.instance.store, stage.instance.wake, token, is_given=True, now=NOW)

    assert opens_at(stage) == EARLIER
    assert letters(stage, "moved") == {"ada@example.org"}


def test_whoever_joins_in_the_meantime_is_asked_too(stage):
    move(stage, EARLIER)
    say(stage, stage.ben, is_given=True)
    dan = join(stage.instance, stage.capsule, "Dan")
    say(stage, stage.younghee, is_given=True)
    assert (opens_at(stage), "dan@example.org" in letters(stage, "consent")) == (OPENS, True)

    say(stage, dan, is_given=True)
    assert opens_at(stage) == EARLIER


def test_when_the_only_silent_one_leaves_the_date_moves(stage):
    move(stage, EARLIER)
    say(stage, stage.ben, is_given=True)
    members.remove(
        stage.instance.store,
        stage.instance.wake,
        stage.ada,
        stage.capsule.id,
        stage.younghee.member.id,
        now=NOW,
    )

    assert opens_at(stage) == EARLIER


@pytest.mark.parametrize("to", [EARLIER - timedelta(days=1), LATER])
def test_another_wish_or_a_later_date_withdraws_the_wish_with_its_yeses(stage, to):
    move(stage, EARLIER)
    say(stage, stage.ben, is_given=True)
    token = mailed(stage, "younghee@example.org")
    move(stage, to)

    with pytest.raises(NotAllowed):
        rescheduling.answer(stage.instance.store, stage.instance.wake, token, is_given=True, now=NOW)
    assert not rescheduling.preview(stage.instance.store, token, NOW).is_waiting
    assert requests(stage)[0] is DateRequestState.WITHDRAWN
    assert opens_at(stage) in {OPENS, LATER}


def test_a_wish_that_is_answered_after_its_day_moves_nothing_into_the_past(stage):
    move(stage, EARLIER)
    say(stage, stage.ben, is_given=True)

    with pytest.raises(NotAllowed):
        say(stage, stage.younghee, is_given=True, now=EARLIER)
    assert opens_at(stage) == OPENS


def test_a_wish_that_new_zone_rules_put_into_the_past_is_not_granted(stage):
    asked = move(stage, EARLIER).request
    say(stage, stage.ben, is_given=True)
    # Asked under older rules, by which that wall time came an hour later.
    with stage.instance.store.transaction() as tx:
        older = dataclasses.replace(asked, opens_at=EARLIER + timedelta(hours=1), zone_rules="2020.1")
        date_request_store.date_requests.save(tx, older)

    with pytest.raises(NotAllowed):
        say(stage, stage.younghee, is_given=True, now=EARLIER + timedelta(minutes=30))
    assert (opens_at(stage), letters(stage, "moved")) == (OPENS, set())

    say(stage, stage.younghee, is_given=True, now=EARLIER - timedelta(minutes=30))
    assert opens_at(stage) == EARLIER, "the wall time holds, as the rules have it now"


def test_the_letters_of_a_wish_that_is_over_are_not_sent(stage):
    move(stage, EARLIER)
    rescheduling.withdraw(stage.instance.store, stage.ada, stage.capsule.id, now=NOW)

    assert letters(stage, "consent") == set()
    assert letters(stage, "consent", "suppressed") == EVERYBODY - {"ada@example.org"}


def test_only_the_owner_moves_a_date_and_only_until_it_has_come(stage):
    with pytest.raises(NotAllowed):
        move(stage, LATER, by=stage.ben.viewer)
    with pytest.raises(UsageProblem):
        move(stage, NOW - timedelta(seconds=1))
    with pytest.raises(UsageProblem):
        move(stage, OPENS)
    with pytest.raises(NotAllowed):
        move(stage, LATER, now=OPENS)
    assert opens_at(stage) == OPENS


def test_alone_in_it_the_owner_moves_it_as_they_like(stage):
    for person in (stage.ben, stage.younghee):
        members.remove(
            stage.instance.store, stage.instance.wake, stage.ada, stage.capsule.id, person.member.id, now=NOW
        )

    assert move(stage, EARLIER).capsule.opens_at == EARLIER


def test_a_capsule_goes_with_its_wishes_and_their_links(stage):
    move(stage, EARLIER)
    token = mailed(stage, "ben@example.org")
    capsules.delete(stage.instance.store, stage.instance.vault, stage.ada, stage.capsule.id, now=NOW)

    with refused(NotFound, "link_unknown"):
        rescheduling.preview(stage.instance.store, token, NOW)


def test_opening_comes_before_a_move_or_after_it(stage):
    assert opened(stage, OPENS)
    with pytest.raises(NotAllowed):
        move(stage, LATER, now=OPENS)
    with stage.instance.store.reading() as tx:
        assert capsule_store.capsules.get(tx, stage.capsule.id).state is CapsuleState.OPEN


def test_nobody_joins_by_a_link_of_a_wish(stage):
    invite(stage.instance, stage.capsule, "dan@example.org")
    move(stage, EARLIER)
    token = mailed(stage, "ben@example.org")

    with pytest.raises(NotFound):
        invitations.join(stage.instance.store, token, now=NOW)
    with pytest.raises(NotFound):
        sessions.viewer_with_token(stage.instance.store, token)
