"""Leases: what a run works on is its own while it is alive, by the database's clock, and then anybody's."""

import threading
from datetime import timedelta

import pytest
from sqlmodel import col, select

from memorycapsule import clock
from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.services import opening
from memorycapsule.services.film import montages as films
from memorycapsule.services.mailing import deliveries as letters
from memorycapsule.store import deliveries, leases, montages
from memorycapsule.store.rows import DeliveryRow, MontageRow
from support.cast import OPENS, events_of, invite, make_capsule
from support.moments import NOW

RUN, OTHER = "one run", "another run"


@pytest.fixture
def film(instance):
    capsule = make_capsule(instance)
    opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
    with instance.store.transaction() as tx:
        return montages.claim(tx, montages.of_opening(tx, capsule.id).id, RUN)


@pytest.fixture
def letter(instance):
    invite(instance, make_capsule(instance), "ben@example.org")
    with instance.store.reading() as tx:
        (letter,) = deliveries.all_deliveries(tx)
    return letter


def expire(instance, table, row):
    """Let all leases of a table have ended a second ago, as after a minute without a sign of life."""
    with instance.store.transaction() as tx:
        table.change(tx, col(row.lease).is_not(None), leased_until=leases.instant(tx) - timedelta(seconds=1))


def abandoned(instance, by):
    with instance.store.reading() as tx:
        return [one.id for one in montages.abandoned(tx, by)]


def prolong(instance, node):
    with instance.store.transaction() as tx:
        leases.prolong(tx, node)


def test_a_film_is_left_to_its_run_until_the_lease_has_expired(instance, film):
    assert abandoned(instance, OTHER) == []

    expire(instance, montages.montages, MontageRow)

    assert abandoned(instance, OTHER) == [film.id]


def test_a_lease_that_nobody_prolongs_lasts_a_minute_at_most(instance, film):
    with instance.store.reading() as tx:
        until = tx.session.exec(select(MontageRow.leased_until)).one()

    assert until - clock.now() <= timedelta(minutes=1)


def test_a_run_that_is_alive_keeps_what_it_has_and_no_more(instance, film):
    expire(instance, montages.montages, MontageRow)
    prolong(instance, OTHER)
    assert abandoned(instance, OTHER) == [film.id]

    prolong(instance, RUN)
    assert abandoned(instance, OTHER) == []


def test_what_a_run_left_claimed_is_its_own_to_take_up(instance, film):
    """It asks for work, so it has nothing in hand; another one, meanwhile, has to wait."""
    assert abandoned(instance, RUN) == [film.id]


def test_who_works_alone_takes_up_everything(instance, film):
    assert abandoned(instance, None) == [film.id]


def test_a_lease_that_a_wrong_clock_wrote_ends(instance, film):
    with instance.store.transaction() as tx:
        far = leases.instant(tx) + timedelta(days=365)
        montages.montages.change(tx, col(MontageRow.id) == film.id, leased_until=far)

    assert abandoned(instance, OTHER) == [film.id]


def test_a_lease_of_an_older_version_has_expired(instance, film):
    with instance.store.transaction() as tx:
        montages.montages.change(tx, col(MontageRow.id) == film.id, leased_until=None)

    assert abandoned(instance, OTHER) == [film.id]


def test_a_film_whose_run_is_gone_waits_again_and_a_late_result_changes_nothing(instance, film):
    expire(instance, montages.montages, MontageRow)
    films.requeue_abandoned(instance.store, OTHER, OPENS)
    again = films.claim(instance.store, film.id, lease=OTHER, now=OPENS)

    assert (again.attempt, again.lease) == (film.attempt + 1, OTHER)
    assert not films.note_progress(instance.store, film, 0.5)
    prolong(instance, RUN)
    expire(instance, montages.montages, MontageRow)
    prolong(instance, RUN)
    assert abandoned(instance, "a third run") == [film.id]


def test_a_sign_of_life_at_the_last_moment_keeps_a_film(instance, film):
    """Who takes up abandoned films looks at each once more, when the one that prolongs it is done."""
    expire(instance, montages.montages, MontageRow)
    taken_up = threading.Thread(target=films.requeue_abandoned, args=(instance.store, OTHER, OPENS))
    with instance.store.transaction() as tx:
        leases.prolong(tx, RUN)
        taken_up.start()
    taken_up.join()

    with instance.store.reading() as tx:
        assert montages.montages.get(tx, film.id).state is MontageState.RENDERING


@pytest.mark.parametrize("had_begun", [False, True])
def test_a_letter_is_settled_when_its_sender_is_gone_and_not_before(instance, letter, had_begun):
    capsule_id = letter.capsule_id
    with instance.store.transaction() as tx:
        taken = deliveries.claim(tx, letter.id, RUN, NOW)
        if had_begun:
            deliveries.change_attempt(tx, letter.id, taken.attempt, data_started_at=NOW)

    letters.settle_abandoned(instance.store, OTHER, NOW)
    with instance.store.reading() as tx:
        assert deliveries.deliveries.get(tx, letter.id).state is DeliveryState.SENDING

    expire(instance, deliveries.deliveries, DeliveryRow)
    letters.settle_abandoned(instance.store, OTHER, NOW)
    letters.settle_abandoned(instance.store, "a third run", NOW)
    with instance.store.reading() as tx:
        settled = deliveries.deliveries.get(tx, letter.id)
        unknown = [one for one in events_of(tx, capsule_id) if one.kind == "letter.unknown"]
    assert settled.state is (DeliveryState.UNKNOWN if had_begun else DeliveryState.QUEUED)
    assert (settled.lease, len(unknown)) == (None, int(had_begun))
