"""Letters whose rows are damaged: each costs itself alone, and somebody is told."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.services import letters
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.words.error_sentences import english_sentence_of
from memorycapsule.work import notices, ticks
from support.cast import invite, make_capsule, make_context
from support.moments import NOW


@pytest.fixture
def capsule(instance):
    return make_capsule(instance)


@pytest.fixture
def letter(instance, capsule):
    """One letter in the outbox, to Ben."""
    invite(instance, capsule, "ben@example.org")
    return outbox(instance)[0]


def outbox(instance):
    with instance.store.reading() as tx:
        return delivery_store.all_deliveries(tx)


@pytest.mark.parametrize(
    "damage", ['"letter"', "[]", "null", "7", "", "{", '{"recipient": 5}', '{"rotation": 1}']
)
def test_a_row_that_holds_no_letter_costs_that_letter_alone(instance, capsule, letter, time, damage):
    invite(instance, capsule, "dan@example.org")
    with instance.store.transaction() as tx:
        delivery_store.deliveries.save(tx, replace(letter, letter=damage))
    context = make_context(instance, time)

    ended = ticks.send_letters(context)

    rejected = next(one for one in outbox(instance) if one.id == letter.id)
    assert (ended.rejected, len(ended.sent)) == ((letter.id,), 1)
    assert rejected.detail.reason == "letter_not_written"
    assert english_sentence_of(rejected.detail.error).startswith("The letter could not be written: ")
    assert notices.tell(context), "somebody is told"
    with instance.store.transaction() as tx:
        letters.forget_recipients(tx, [rejected], NOW)
        assert delivery_store.deliveries.get(tx, letter.id).address == ""


@pytest.mark.parametrize("damage", ['"letter"', "[]", "7", "{"])
def test_a_row_that_cannot_be_read_costs_that_letter_alone(instance, capsule, letter, time, damage):
    invite(instance, capsule, "dan@example.org")
    with instance.store.transaction() as tx:
        damaged = text("UPDATE delivery SET detail = :damage WHERE id = :id")
        tx.session.execute(damaged, {"damage": damage, "id": letter.id})

    ended = ticks.send_letters(make_context(instance, time))

    rejected = next(one for one in outbox(instance) if one.id == letter.id)
    assert (ended.rejected, len(ended.sent)) == ((letter.id,), 1)
    assert (rejected.state, rejected.detail.reason) == (DeliveryState.REJECTED, "letter_not_written")
    assert "damaged" in english_sentence_of(rejected.detail.error)
    assert instance.events(letter.capsule_id).count("letter.rejected") == 1


@pytest.mark.parametrize("had_begun", [False, True])
def test_a_letter_that_was_claimed_when_its_row_was_damaged_stands_in_the_way_of_none(
    instance, capsule, letter, time, had_begun
):
    invite(instance, capsule, "dan@example.org")
    with instance.store.transaction() as tx:
        taken = delivery_store.claim(tx, letter.id, "an earlier run", NOW)
        if had_begun:
            delivery_store.change_attempt(tx, letter.id, taken.attempt, data_started_at=NOW)
        tx.session.execute(text("UPDATE delivery SET detail = '[]' WHERE id = :id"), {"id": letter.id})

    ended = ticks.send_letters(make_context(instance, time))

    assert len(ended.sent) == 2 - had_begun
    settled = next(one for one in outbox(instance) if one.id == letter.id)
    assert settled.state is (DeliveryState.UNKNOWN if had_begun else DeliveryState.SENT)
