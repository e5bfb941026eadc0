"""Questions about letters that the store answers."""

import itertools
from dataclasses import replace
from datetime import timedelta

from memorycapsule import clock
from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.store import (
    deliveries,
)
from support.cast import invite, join
from support.moments import NOW

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def test_only_a_letter_that_waits_is_made_due(instance, three):
    invite(instance, three["late"], "dan@example.org")
    with instance.store.transaction() as tx:
        (letter,) = deliveries.all_deliveries(tx)
        other = replace(letter, id="other", dedupe_key="other:1", next_attempt_at=NOW + 4 * HOUR)
        deliveries.deliveries.add(tx, other)
        deliveries.deliveries.save(tx, replace(letter, next_attempt_at=NOW + HOUR))
        assert deliveries.due_ids(tx, NOW) == []

        assert deliveries.make_due(tx, letter.id, NOW)
        assert deliveries.due_ids(tx, NOW) == [letter.id]
        assert deliveries.due_ids(tx, NOW + 4 * HOUR) == [letter.id, "other"]
        deliveries.deliveries.save(tx, replace(letter, state=DeliveryState.SENT))
        assert not deliveries.make_due(tx, letter.id, NOW)
        assert not deliveries.make_due(tx, "none", NOW)


def test_a_letter_that_would_wait_longer_than_any_is_due(instance, three):
    """The next try was reckoned with a clock that was in another year."""
    invite(instance, three["late"], "dan@example.org")
    with instance.store.transaction() as tx:
        (letter,) = deliveries.all_deliveries(tx)
        deliveries.deliveries.save(tx, replace(letter, next_attempt_at=NOW + 70 * 365 * DAY))

        assert deliveries.due_ids(tx, NOW) == [letter.id]
        assert deliveries.claim(tx, letter.id, "a run", NOW)


def test_codes_come_first_and_letters_that_a_server_refused_before_come_last(instance, three):
    for number in range(4):
        invite(instance, three["late"], f"guest{number}@example.org")
    with instance.store.transaction() as tx:
        refused, fresh, code, later = deliveries.all_deliveries(tx)
        for changed in (
            replace(refused, answered_at=NOW - HOUR, next_attempt_at=NOW - HOUR),
            replace(fresh, next_attempt_at=NOW - 2 * HOUR),
            replace(code, kind=LetterKind.SIGN_IN),
        ):
            deliveries.deliveries.save(tx, changed)

        assert deliveries.due_ids(tx, NOW) == [code.id, fresh.id, later.id, refused.id]


def test_letters_are_claimed_in_the_order_in_which_they_are_due(instance, three):
    """The claim asks group by group, so it must not come to another order than the list."""
    invite(instance, three["late"], "dan@example.org")
    groups = itertools.product(
        (LetterKind.ADDRESS, LetterKind.OPENED, LetterKind.SIGN_IN), (NOW - HOUR, None), (1, 0, 2, 2)
    )
    with instance.store.transaction() as tx:
        (letter,) = deliveries.all_deliveries(tx)
        deliveries.deliveries.save(tx, replace(letter, next_attempt_at=NOW + HOUR))
        for number, (kind, answered_at, hours) in enumerate(groups):
            other = replace(
                letter, id=f"{number:02}", dedupe_key=f"{number}:1", kind=kind, answered_at=answered_at
            )
            deliveries.deliveries.add(tx, replace(other, next_attempt_at=NOW - hours * HOUR))

        in_order = deliveries.due_ids(tx, NOW)
        assert len(in_order) == 24
        claimed = [deliveries.claim_next(tx, "a run", NOW) for _ in in_order]
        assert [one.id for one in claimed] == in_order
        assert {(one.state, one.lease, one.attempt) for one in claimed} == {
            (DeliveryState.SENDING, "a run", 1)
        }
        assert claimed == [deliveries.deliveries.get(tx, one) for one in in_order]
        assert deliveries.claim_next(tx, "a run", NOW) is None


def test_a_letter_is_the_newest_until_it_is_queued_anew(instance, three):
    invite(instance, three["late"], "dan@example.org")
    with instance.store.transaction() as tx:
        (letter,) = deliveries.all_deliveries(tx)
        stem = letter.dedupe_key.rpartition(":")[0]
        assert deliveries.is_newest(tx, letter)
        again = replace(
            letter, id="again", dedupe_key=f"{stem}:{int(letter.dedupe_key.rpartition(':')[2]) + 1}"
        )
        deliveries.deliveries.add(tx, again)
        deliveries.deliveries.add(tx, replace(letter, id="similar", dedupe_key=f"{stem}%x:1"))

        assert not deliveries.is_newest(tx, letter)
        assert deliveries.is_newest(tx, again)
        assert {one.id for one in deliveries.with_dedupe_stem(tx, stem)} == {letter.id, "again"}


def test_letters_are_found_by_what_they_are_about_the_oldest_first(instance, three):
    invite(instance, three["late"], "dan@example.org")
    with instance.store.transaction() as tx:
        (letter,) = deliveries.all_deliveries(tx)
        for number, (days, invitation) in enumerate(
            [(2, letter.invitation_id), (1, letter.invitation_id), (0, None)]
        ):
            other = replace(
                letter,
                id=f"{number}",
                dedupe_key=f"{number}:1",
                queued_at=NOW + days * DAY,
                invitation_id=invitation,
            )
            deliveries.deliveries.add(tx, other)
        same_moment = replace(letter, id="1a", dedupe_key="1a:1", queued_at=NOW + DAY)
        deliveries.deliveries.add(tx, same_moment)

        found = deliveries.of_invitation(tx, letter.invitation_id)
        assert [one.id for one in found] == [letter.id, "1", "1a", "0"]
        assert {one.id for one in deliveries.all_deliveries(tx)[:2]} == {letter.id, "2"}
        assert [one.id for one in deliveries.all_deliveries(tx)[2:]] == ["1", "1a", "0"]


def test_letters_to_a_member_are_found_by_kind_the_oldest_first(instance, three):
    ben = join(instance, three["late"], "Ben")
    invite(instance, three["late"], "dan@example.org")
    with instance.store.transaction() as tx:
        (letter,) = [one for one in deliveries.all_deliveries(tx) if one.state is DeliveryState.QUEUED]
        for name, days, kind, member_id in (
            ("b", 2, LetterKind.OPENED, ben.member.id),
            ("a", 1, LetterKind.OPENED, ben.member.id),
            ("z", 0, LetterKind.OPENED, ben.member.id),
            ("moved", 0, LetterKind.MOVED, ben.member.id),
            ("other's", 0, LetterKind.OPENED, None),
        ):
            changed = replace(letter, id=name, dedupe_key=f"{name}:1", kind=kind, member_id=member_id)
            deliveries.deliveries.add(tx, replace(changed, queued_at=NOW + days * DAY))

        assert [one.id for one in deliveries.of_member(tx, ben.member.id, LetterKind.OPENED)] == [
            "z",
            "a",
            "b",
        ]
        deliveries.suppress(tx, NOW, member_id=ben.member.id, kind=LetterKind.OPENED)
        after = {one.id: one for one in deliveries.all_deliveries(tx)}
        for name in ("z", "a", "b"):
            assert (after[name].state, after[name].finished_at) == (DeliveryState.SUPPRESSED, NOW)
        for name in ("moved", "other's", letter.id):
            assert (after[name].state, after[name].finished_at) == (DeliveryState.QUEUED, None)


def test_letters_that_nobody_sends_are_ones_own_and_those_whose_lease_has_expired(instance, three):
    for address in ("dan@example.org", "eve@example.org"):
        invite(instance, three["late"], address)
    with instance.store.transaction() as tx:
        first, second = deliveries.all_deliveries(tx)
        for letter, lease in ((first, "this run"), (second, "another run")):
            claimed = deliveries.claim(tx, letter.id, lease, NOW)
            assert (claimed.state, claimed.lease, claimed.attempt) == (DeliveryState.SENDING, lease, 1)
            assert deliveries.claim(tx, letter.id, lease, NOW) is None
        assert [one.id for one in deliveries.abandoned(tx, "this run")] == [first.id]
        assert {one.id for one in deliveries.abandoned(tx, None)} == {first.id, second.id}, "it works alone"
        assert deliveries.change_attempt(tx, second.id, 1, leased_until=clock.now() - HOUR)
        assert {one.id for one in deliveries.abandoned(tx, "this run")} == {first.id, second.id}
        assert not deliveries.change_attempt(tx, first.id, 2, detail=None)
        assert deliveries.change_attempt(tx, first.id, 1, state=DeliveryState.SENT)
        assert not deliveries.change_attempt(tx, first.id, 1, state=DeliveryState.QUEUED), "it is over"
        assert deliveries.deliveries.get(tx, second.id).state is DeliveryState.SENDING
