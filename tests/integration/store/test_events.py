"""Events on a server, where they may be committed in another order than they were numbered in."""

import functools

import pytest

from memorycapsule.domain.events import Event
from memorycapsule.store import events
from support.cast import make_instance
from support.moments import NOW

pytestmark = pytest.mark.slow


@pytest.fixture
def instance(postgres, tmp_path):
    url = postgres.create_database()
    with make_instance(url, tmp_path / "data") as instance:
        yield instance
    postgres.drop_database(url)


def test_an_event_that_is_committed_after_later_ones_is_found_once(instance, three):
    late, early = three["late"], three["early"]
    follower, of_late = events.Follower(), functools.partial(_counted, instance, late.id)
    before = of_late()
    assert _looked(instance, follower) == set()
    with instance.store.transaction() as tx:
        events.record(tx, Event(kind="a", at=NOW, capsule_id=late.id))
        with instance.store.transaction() as other:
            events.record(other, Event(kind="a", at=NOW, capsule_id=early.id))
            events.record(other, Event(kind="a", at=NOW, capsule_id=late.id))
        assert _looked(instance, follower) == {late.id, early.id}
        assert of_late() == before + 1
    assert _looked(instance, follower) == {late.id}
    assert _looked(instance, follower) == set()
    assert of_late() == before + 2


def test_an_event_that_was_on_its_way_at_the_first_look_is_found(instance, three):
    follower = events.Follower()
    with instance.store.transaction() as tx:
        events.record(tx, Event(kind="a", at=NOW, capsule_id=three["late"].id))
        with instance.store.transaction() as other:
            events.record(other, Event(kind="a", at=NOW, capsule_id=three["early"].id))
        assert _looked(instance, follower) == set()
    assert _looked(instance, follower) == {three["late"].id}


def _looked(instance, follower):
    with instance.store.reading() as tx:
        return follower.look(tx)


def _counted(instance, capsule_id):
    with instance.store.reading() as tx:
        return events.count_of_capsule(tx, capsule_id)
