"""The instance: made once, with its own key, its own rules of time, and a clock that can be doubted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from memorycapsule.clock import Clock
from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.zones import rules_version
from memorycapsule.errors import ConfigurationProblem, UsageProblem, WrongKey
from memorycapsule.seal.keys import InstanceKey
from memorycapsule.services import instances, sessions
from memorycapsule.services.opening import Openings
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import schema
from memorycapsule.store.transactions import Store
from memorycapsule.work import ticks
from support.cast import OPENS, Time, invite, make_capsule, make_context
from support.moments import NOW
from support.refusals import refused
from support.sentences import sentence


def initialise(instance, **changes):
    given = {
        "admin_address": "eve@example.org",
        "admin_name": "Eve",
        "locale": "en",
        "recovery_recipient": "age1",
        "clock": Clock(Time().reading),
    }
    return instances.initialise(instance.store, instance.key, **(given | changes))


def test_an_instance_is_made_once(instance):
    with refused(ConfigurationProblem, "instance_exists"):
        initialise(instance)

    assert sessions.host_viewer(instance.store) == instance.ada
    assert instance.ada.is_admin
    assert instance.ada.capsule_id is None


@pytest.mark.parametrize("changes", [{"admin_address": "eve"}, {"admin_name": "\u202e"}])
def test_an_admin_has_an_address_and_a_name(tmp_path, changes):
    store = Store(f"sqlite:///{tmp_path}/capsule.db")
    schema.upgrade(store)
    key = InstanceKey.create(tmp_path / "instance.key")
    given = {
        "admin_address": "eve@example.org", "admin_name": "Eve", "locale": "en", "recovery_recipient": "age1",
        "clock": Clock(Time().reading),
    }  # fmt: skip
    with pytest.raises(UsageProblem):
        instances.initialise(store, key, **(given | changes))
    with store.reading() as tx:
        assert instance_store.find(tx) is None
    store.close()


def test_another_key_is_refused(instance, tmp_path):
    assert instances.check_key(instance.store, instance.key).key_fingerprint == instance.key.fingerprint
    with refused(WrongKey, "wrong_key"):
        instances.check_key(instance.store, InstanceKey.create(tmp_path / "another.key"))


def test_the_time_seen_only_goes_on(instance, time):
    def seen():
        with instance.store.reading() as tx:
            return instance_store.get(tx).seen_at

    clock = Clock(time.reading)
    instances.note_clock(instance.store, clock)
    time.go_on(seconds=59)
    instances.note_clock(instance.store, clock)
    assert seen() == NOW, "at most once a minute"
    time.go_to(NOW + timedelta(hours=1))
    instances.note_clock(instance.store, clock)
    assert seen() == NOW + timedelta(hours=1)
    time.jump(hours=-1)
    instances.note_clock(instance.store, clock)
    assert seen() == NOW + timedelta(hours=1)


def change_rules(instance, capsule, **fields):
    """Make the store look as if an older version of the zone rules had derived it."""
    with instance.store.transaction() as tx:
        instance_store.change(tx, zone_rules="2020.1")
        found = capsule_store.capsules.get(tx, capsule.id)
        capsule_store.capsules.save(tx, replace(found, zone_rules="2020.1", **fields))


def test_when_zone_rules_change_the_wall_time_stays_and_the_instant_moves(instance):
    moved, unmoved = make_capsule(instance, title="Moved"), make_capsule(instance, title="Unmoved")
    change_rules(instance, moved, opens_at=moved.opens_at + timedelta(hours=1))

    (capsule,) = instances.rederive_dates(instance.store, NOW)

    assert capsule == moved, "as it would be derived today"
    with instance.store.reading() as tx:
        assert capsule_store.capsules.get(tx, moved.id) == moved
        assert capsule_store.capsules.get(tx, unmoved.id) == unmoved
        assert instance_store.get(tx).zone_rules == rules_version()
    assert instance.events(moved.id)[-1] == "capsule.rederived"
    assert "capsule.rederived" not in instance.events(unmoved.id)
    assert instances.rederive_dates(instance.store, NOW) == []


def test_an_open_capsule_is_not_dated_anew(instance, time):
    context = make_context(instance, time)
    capsule = make_capsule(instance)
    time.go_to(OPENS)
    ticks.open_due(context)
    change_rules(instance, capsule, opens_at=OPENS + timedelta(hours=1))

    assert instances.rederive_dates(instance.store, time.now) == []


def test_a_clock_in_doubt_opens_nothing_until_somebody_vouches_for_it(instance, time):
    """I3: a jump forward would open a capsule years early, and that cannot be undone."""
    context = make_context(instance, time)
    capsule = make_capsule(instance)
    assert ticks.open_due(context) == (Openings(), None)

    time.jump(days=11)
    openings, doubt = ticks.open_due(context)
    assert openings == Openings()
    assert "jumped 11 days forward" in sentence(doubt)
    assert str(ticks.preview(context).doubt) == str(doubt)
    assert ticks.preview(context).opened == ()
    with instance.store.reading() as tx:
        assert instance_store.get(tx).seen_at == NOW, "a wrong time must not become the measure"

    instances.trust_clock(instance.store, context.clock)
    openings, doubt = ticks.open_due(context)
    assert doubt is None
    assert [one.id for one in openings.opened] == [capsule.id]


def test_letters_go_on_while_the_clock_is_in_doubt_and_one_of_them_says_so(instance, time):
    context = make_context(instance, time)
    capsule = make_capsule(instance)
    invite(instance, capsule, "ben@example.org")
    time.jump(hours=2)

    ticked = ticks.tick(context)

    assert ticked.doubt
    assert ticked.opened == ()
    with instance.store.reading() as tx:
        sent = [delivery_store.deliveries.get(tx, one) for one in ticked.letters.sent]
    assert [(one.kind, one.address) for one in sent] == [
        (LetterKind.INVITATION, "ben@example.org"),
        (LetterKind.NOTICE, "ada@example.org"),
    ]


def test_a_program_started_long_after_opens_what_came_due_meanwhile(instance, time):
    capsule = make_capsule(instance)
    time.go_to(OPENS + timedelta(days=3650))

    openings, doubt = ticks.open_due(make_context(instance, time))

    assert doubt is None, "the clock is synchronised"
    assert [one.id for one in openings.opened] == [capsule.id]
    assert openings.opened[0].opened_at == datetime(2036, 5, 15, 9, 0, tzinfo=UTC)
