"""Taking work: of many who want one row, one gets it, on both databases."""

import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from memorycapsule.domain.deliveries import Delivery, DeliveryState, LetterKind
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.services import opening
from memorycapsule.store import capsules, deliveries, montages
from support.cast import OPENS, events_of, make_capsule, make_instance
from support.moments import NOW

#: One of several processes that open all that is due, and say which capsules they opened.
OPEN_ALL = """
import sys
from datetime import datetime
from memorycapsule.services import opening
from memorycapsule.store.transactions import Store

store = Store(sys.argv[1])
now = datetime.fromisoformat(sys.argv[2])
opening.due(store, now)
print("ready", flush=True)
sys.stdin.readline()
for capsule in opening.open_due(store, lambda tx, work, row: None, now).opened:
    print(capsule.id, flush=True)
store.close()
"""


@pytest.fixture
def instance(store_url, tmp_path):
    with make_instance(store_url, tmp_path / "data") as instance:
        yield instance


def all_at_once(count, call):
    """Call `call(number)` in so many threads at the same time, and return what they returned."""
    results, start = [], threading.Barrier(count)

    def run(number):
        start.wait()
        results.append(call(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def queued_letter(instance, capsule):
    delivery = Delivery(
        id=str(uuid4()), kind=LetterKind.OPENED, dedupe_key="opened:m:1", capsule_id=capsule.id, member_id=None,
        invitation_id=None, address="ben@example.org", letter="{}", state=DeliveryState.QUEUED, attempt=0, tries=0,
        lease=None, data_started_at=None, next_attempt_at=NOW, queued_at=NOW, finished_at=None, detail=None,
    )  # fmt: skip
    with instance.store.transaction() as tx:
        deliveries.deliveries.add(tx, delivery)
    return delivery


@pytest.mark.slow
@pytest.mark.parametrize("number_of_capsules", [50])
def test_six_processes_open_each_capsule_once(instance, store_url, number_of_capsules):
    """I2: from sealed to open happens once, whoever else tries at the same moment."""
    wanted = {make_capsule(instance, title=f"No {number}").id for number in range(number_of_capsules)}
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_ALL, store_url, OPENS.isoformat()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for opener in openers:
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    outputs = [opener.communicate(timeout=120)[0].split() for opener in openers]

    assert all(opener.returncode == 0 for opener in openers)
    assert Counter(capsule_id for lines in outputs for capsule_id in lines) == Counter(wanted)
    with instance.store.reading() as tx:
        for capsule_id in wanted:
            found = capsules.capsules.get(tx, capsule_id)
            assert (found.is_open, found.generation) == (True, 1)
            kinds = [event.kind for event in events_of(tx, capsule_id)]
            assert kinds.count("capsule.opened") == 1
            assert len(montages.of_capsule(tx, capsule_id)) == 1


def test_of_many_threads_one_opens_a_capsule(instance):
    capsule = make_capsule(instance)

    opened = all_at_once(
        6, lambda _: opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS) is not None
    )

    assert sorted(opened) == [False] * 5 + [True]


def test_no_capsule_is_opened_a_microsecond_early(instance):
    capsule = make_capsule(instance)
    with instance.store.transaction() as tx:
        assert capsules.due_ids(tx, OPENS - timedelta(microseconds=1)) == []
        assert not capsules.open_if_due(tx, capsule.id, OPENS - timedelta(microseconds=1))
        assert capsules.due_ids(tx, OPENS) == [capsule.id]
        assert capsules.open_if_due(tx, capsule.id, OPENS)
        assert not capsules.open_if_due(tx, capsule.id, OPENS)
        assert capsules.due_ids(tx, OPENS) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(st.timedeltas(timedelta(days=-4000), timedelta(days=40_000)), min_size=1, max_size=6))
def test_whenever_it_is_asked_for_a_capsule_opens_once_its_date_has_come_and_never_closes(instance, times):
    sealed, opened_at = make_capsule(instance), None
    with instance.store.transaction() as tx:
        for since in times:
            opens = opened_at is None and since >= timedelta(0)
            assert capsules.open_if_due(tx, sealed.id, OPENS + since) is opens
            opened_at = OPENS + since if opens else opened_at
            found = capsules.capsules.get(tx, sealed.id)
            assert (found.is_open, found.opened_at) == (opened_at is not None, opened_at)
            assert found.generation == (1 if opened_at else 0)


def test_what_is_due_comes_in_the_order_of_its_dates(instance):
    late, early = make_capsule(instance), make_capsule(instance, opens=OPENS - timedelta(days=1))
    with instance.store.reading() as tx:
        assert capsules.due_ids(tx, OPENS) == [early.id, late.id]


def test_of_many_threads_one_takes_a_letter(instance):
    letter = queued_letter(instance, make_capsule(instance))

    def claim(number):
        with instance.store.transaction() as tx:
            return deliveries.claim(tx, letter.id, f"run {number}", NOW)

    taken = [one for one in all_at_once(6, claim) if one]

    assert len(taken) == 1
    assert (taken[0].attempt, taken[0].state) == (1, DeliveryState.SENDING)


def test_many_threads_that_take_the_next_letter_take_different_ones(instance):
    capsule = make_capsule(instance)
    first = queued_letter(instance, capsule)
    with instance.store.transaction() as tx:
        for number in range(5):
            deliveries.deliveries.add(tx, replace(first, id=f"{number}", dedupe_key=f"opened:{number}:1"))

    def claim(number):
        with instance.store.transaction() as tx:
            return deliveries.claim_next(tx, f"run {number}", NOW)

    taken = all_at_once(6, claim)

    assert Counter(one.id for one in taken) == Counter([first.id, "0", "1", "2", "3", "4"])


def test_an_attempt_that_was_overtaken_changes_nothing(instance):
    """I6: results count only with the current attempt."""
    letter = queued_letter(instance, make_capsule(instance))
    with instance.store.transaction() as tx:
        first = deliveries.claim(tx, letter.id, "one run", NOW)
        assert deliveries.change_attempt(tx, letter.id, first.attempt, state=DeliveryState.QUEUED)
        second = deliveries.claim(tx, letter.id, "another run", NOW)
        assert not deliveries.change_attempt(tx, letter.id, first.attempt, state=DeliveryState.SENT)
        assert deliveries.change_attempt(tx, letter.id, second.attempt, state=DeliveryState.SENT)
        assert not deliveries.change_attempt(tx, letter.id, second.attempt, state=DeliveryState.REJECTED)


def test_a_letter_is_not_taken_before_its_time(instance):
    letter = queued_letter(instance, make_capsule(instance))
    with instance.store.transaction() as tx:
        assert deliveries.due_ids(tx, NOW - timedelta(seconds=1)) == []
        assert deliveries.claim(tx, letter.id, "run", NOW - timedelta(seconds=1)) is None


def test_of_many_threads_one_takes_a_film_and_an_overtaken_attempt_changes_nothing(instance):
    capsule = make_capsule(instance)
    opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
    with instance.store.reading() as tx:
        film = montages.of_opening(tx, capsule.id)

    def claim(number):
        with instance.store.transaction() as tx:
            return montages.claim(tx, film.id, f"run {number}")

    (taken,) = [one for one in all_at_once(6, claim) if one]

    with instance.store.transaction() as tx:
        assert not montages.change_attempt(tx, film.id, taken.attempt - 1, state=MontageState.READY)
        assert montages.abandoned(tx, "another run") == []
        assert montages.change_attempt(tx, film.id, taken.attempt, state=MontageState.READY)


def test_a_capsule_has_one_film_of_the_opening(instance):
    from memorycapsule.errors import CapsuleError

    capsule = make_capsule(instance)
    opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
    with instance.store.reading() as tx:
        film = montages.of_opening(tx, capsule.id)

    with instance.store.transaction() as tx:
        montages.montages.add(tx, replace(film, id=str(uuid4()), is_opening=False))
    with pytest.raises(CapsuleError), instance.store.transaction() as tx:
        montages.montages.add(tx, replace(film, id=str(uuid4())))


@pytest.mark.parametrize(
    "select",
    [
        "SELECT id FROM capsule WHERE state = 'sealed' AND opens_at <= '2030-01-01'",
        "SELECT id FROM delivery WHERE state = 'queued' AND next_attempt_at <= '2030-01-01'",
        "SELECT id FROM montage WHERE state = 'queued' AND not_before <= '2030-01-01'",
    ],
)
def test_what_is_due_is_found_by_an_index(tmp_path, select):
    database = f"sqlite:///{tmp_path}/capsule.db"
    with make_instance(database, tmp_path / "data") as instance, instance.store.reading() as tx:
        plan = tx.session.execute(text(f"EXPLAIN QUERY PLAN {select}")).all()
    assert "SEARCH" in plan[0].detail
    assert "INDEX ix_" in plan[0].detail
