"""What an earlier version has sealed, the program of today keeps, opens and films, on both databases."""

from datetime import UTC, datetime

import pytest

from memorycapsule.domain.capsules import CapsuleState
from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.services import opening, reading
from memorycapsule.services.preservation import verification
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import schema
from memorycapsule.store.transactions import Store
from memorycapsule.work import films, ticks
from support import golden
from support.cast import Time, make_context, open_instance

OPENS_AT = datetime(2046, 5, 8, 0, 0, tzinfo=UTC)


@pytest.fixture
def upgraded(store_url, tmp_path):
    """The instance of schema 0001, brought to the schema of today, with the rows that each table had before."""
    golden.unpack("0001", tmp_path, store_url)
    store = Store(store_url)
    with store.engine.connect() as connection:
        before = schema.row_counts(connection)
    schema.upgrade(store)
    store.close()
    with open_instance(store_url, tmp_path / "data", "none") as instance:
        yield instance, before


def capsules_of(instance):
    return {line.capsule.title: line.capsule for line in reading.capsules(instance.store, instance.ada)}


def test_every_row_of_the_first_schema_is_there_afterwards_and_everything_is_sound(upgraded):
    instance, before = upgraded

    schema.check(instance.store)
    with instance.store.engine.connect() as connection:
        after = schema.row_counts(connection)
    assert {table: after[table] for table in before} == before
    assert before["medium"] == 4
    assert verification.verify(instance.store, instance.vault, deep=True).damage == ()


def test_what_was_open_then_is_still_read(upgraded):
    instance, _before = upgraded

    seen = reading.capsule(
        instance.store, instance.vault, instance.ada, capsules_of(instance)["Last year"].id
    )
    assert [(one.words.title, one.words.text) for one in seen.stories] == [("Then", "It rained.")]


@pytest.mark.slow
def test_a_capsule_that_was_sealed_then_opens_on_its_day_and_gets_its_film(upgraded):
    instance, _before = upgraded
    context = make_context(instance, Time(OPENS_AT))

    # Not a whole tick: a Postgres server has a clock of its own, which contradicts ours.
    opening.open_due(instance.store, instance.wake, OPENS_AT)
    films.make_waiting(context)
    sent = ticks.send_letters(context)

    capsule = capsules_of(instance)["The summer we kept"]
    assert capsule.state is CapsuleState.OPEN
    seen = reading.capsule(instance.store, instance.vault, instance.ada, capsule.id)
    assert {one.words.title: len(one.media) for one in seen.stories} == {"바다": 2, "The shore": 1}
    with instance.store.reading() as tx:
        film = montage_store.of_opening(tx, capsule.id)
        opened = delivery_store.deliveries.by(tx, capsule_id=capsule.id, kind=LetterKind.OPENED)
    assert {one.address for one in opened} == {"ada@example.org", "ben@example.org"}
    assert {one.id for one in opened} <= set(sent.sent)
    assert film.state is MontageState.READY
