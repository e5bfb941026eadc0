"""Wakes on Postgres: written with the rows, heard by one of those who listen, and of no other meaning."""

import queue
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from memorycapsule.errors import MigrationNeeded
from memorycapsule.store import schema
from memorycapsule.store.transactions import Store
from memorycapsule.work.cluster.dispatcher import LocalDispatcher
from memorycapsule.work.cluster.engine import EngineDispatcher
from support.servers import wait_until

pytestmark = pytest.mark.slow

_JOBS = "SELECT count(*) FROM procrastinate_jobs"
_LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


@pytest.fixture
def store(postgres):
    url = postgres.create_database()
    store = Store(url)
    schema.upgrade(store, with_engine=True)
    yield store
    store.close()
    postgres.drop_database(url)


def count(store, query):
    with store.reading() as tx:
        return tx.session.execute(text(query)).scalar_one()


@contextmanager
def hearing(store, *works):
    """What a listener of its own hears, in the order in which it does; it listens already when the block begins."""
    heard = queue.SimpleQueue()
    before = count(store, f"SELECT count(*) {_LISTENERS}")
    with EngineDispatcher(store).listening(works, heard.put):
        listening = f"SELECT count(*) > {before} {_LISTENERS}"
        wait_until(lambda: count(store, listening), 30, "somebody listens")
        yield heard


def wake_and_fail(store, dispatcher):
    with store.transaction() as tx:
        dispatcher.wake(tx, "films", "never")
        raise ZeroDivisionError


def test_what_was_queued_is_heard_once_it_is_committed_and_never_if_that_fails(store):
    dispatcher = EngineDispatcher(store)
    with hearing(store, "films", "letters") as heard:
        with pytest.raises(ZeroDivisionError):
            wake_and_fail(store, dispatcher)
        with store.transaction() as tx:
            dispatcher.wake(tx, "letters", "one")

        assert heard.get(timeout=30) == "letters"
        assert heard.empty()
        wait_until(lambda: count(store, _JOBS) == 0, 30, "the wake leaves nothing behind")


def test_a_thousand_letters_of_one_transaction_need_one_wake_and_each_film_has_its_own(store):
    dispatcher = EngineDispatcher(store)
    with store.transaction() as tx:
        for number in range(1000):
            dispatcher.wake(tx, "letters", str(number))
        for number in range(3):
            dispatcher.wake(tx, "films", str(number))

    assert count(store, _JOBS) == 4
    with hearing(store, "films", "letters") as heard:
        assert sorted(heard.get(timeout=30) for _ in range(4)) == ["films", "films", "films", "letters"]


def test_a_wake_goes_to_those_who_do_such_work(store):
    dispatcher = EngineDispatcher(store)
    with hearing(store, "films") as films, hearing(store, "letters") as letters:
        with store.transaction() as tx:
            dispatcher.wake(tx, "letters", "one")
            dispatcher.wake(tx, "films", "one")

        assert (films.get(timeout=30), letters.get(timeout=30)) == ("films", "letters")
        assert films.empty()
        assert letters.empty()


def test_whoever_listens_listens_again_when_the_database_has_cut_its_connections(store):
    dispatcher = EngineDispatcher(store)
    with hearing(store, "letters") as heard:
        count(store, f"SELECT count(pg_terminate_backend(pid)) {_LISTENERS}")
        wait_until(lambda: count(store, f"SELECT count(*) > 0 {_LISTENERS}"), 30, "it listens again")
        with store.transaction() as tx:
            dispatcher.wake(tx, "letters", "one")

        assert heard.get(timeout=30) == "letters"


def test_the_job_of_a_worker_that_was_killed_while_it_heard_it_does_not_stay(store):
    with store.transaction() as tx:
        EngineDispatcher(store).wake(tx, "letters", "one")
        EngineDispatcher(store).wake(tx, "films", "one")
        tx.session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))

    with hearing(store, "letters") as heard:
        wait_until(lambda: count(store, _JOBS) == 0, 30, "they are deleted")
        assert heard.empty()


def test_only_who_shares_a_database_needs_the_schema_of_the_engine(postgres):
    url = postgres.create_database()
    store = Store(url)
    try:
        schema.upgrade(store)
        schema.check(store)
        assert schema.is_current(store)
        assert not schema.is_current(store, with_engine=True), (
            "`db upgrade` would not say that nothing changed"
        )
        with pytest.raises(MigrationNeeded, match="engine_tables_missing"):
            schema.check(store, with_engine=True)
        assert count(store, "SELECT count(*) FROM pg_class WHERE relname LIKE 'procrastinate%'") == 0

        schema.upgrade(store, with_engine=True)
        schema.check(store, with_engine=True)
        schema.check(store)
        assert schema.current_revision(store) == schema.newest_revision()
    finally:
        store.close()
        postgres.drop_database(url)


def test_where_one_process_works_it_is_woken_without_any_database(store):
    dispatcher, heard = LocalDispatcher(), []
    with dispatcher.listening(["letters"], heard.append):
        with store.transaction() as tx:
            dispatcher.wake(tx, "letters", "one")
            dispatcher.wake(tx, "films", "one")
            assert heard == []
        assert heard == ["letters"]
