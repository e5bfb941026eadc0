"""Transactions: whole or not at all, one state for each reader, and every failure in our own words."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import event, make_url, text

from memorycapsule.domain.people import Account
from memorycapsule.domain.sessions import Link, LinkPurpose
from memorycapsule.errors import (
    Busy,
    CapsuleError,
    ConfigurationProblem,
    DiskFull,
    NotFound,
    NotInitialised,
    Overloaded,
)
from memorycapsule.store import accounts, capsules, schema
from memorycapsule.store.transactions import Store
from support.cast import OPENS, make_capsule, make_instance
from support.moments import NOW
from support.refusals import refused


@pytest.fixture
def store(store_url):
    store = Store(store_url)
    schema.upgrade(store)
    yield store
    store.close()


def account(name="Ben", **changes):
    given = Account(id=str(uuid4()), name=name, locale="en", is_admin=False, created_at=NOW)
    return replace(given, **changes)


def names(store):
    with store.reading() as tx:
        return {one.name for one in accounts.accounts.by(tx)}


def test_a_value_comes_back_as_it_went_in(store):
    """Instants with microseconds and in UTC, names in any script, whatever zone they came in."""
    seoul = timezone(timedelta(hours=9))
    kept = account(
        "영희 👩\u200d👧 O'Neill; --", created_at=datetime(2026, 5, 8, 18, 0, 0, 123_456, tzinfo=seoul)
    )
    with store.transaction() as tx:
        accounts.accounts.add(tx, kept)

    with store.reading() as tx:
        found = accounts.accounts.get(tx, kept.id)
    assert found == kept
    assert found.created_at.utcoffset() == timedelta(0)
    assert found.created_at.microsecond == 123_456


@pytest.mark.parametrize("year", [1971, 2099, 9999])
def test_far_years_are_kept(store, year):
    kept = account(created_at=datetime(year, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC))
    with store.transaction() as tx:
        accounts.accounts.add(tx, kept)

    with store.reading() as tx:
        assert accounts.accounts.get(tx, kept.id) == kept


def test_a_capsule_comes_back_as_it_went_in(store_url, tmp_path):
    with make_instance(store_url, tmp_path / "data") as instance:
        made = make_capsule(instance, title="우리 가족")

        with instance.store.reading() as tx:
            found = capsules.capsules.get(tx, made.id)
    assert found == made
    assert found.opens_local.tzinfo is None
    assert found.opens_at == OPENS


def test_an_exception_takes_the_whole_transaction_back(store):
    calls = []
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:  # noqa: PT012 - all of it is to be taken back
        tx.after_commit(lambda: calls.append("told"))
        accounts.accounts.add(tx, account("Ada"))
        accounts.accounts.add(tx, account("Ben"))
        raise ZeroDivisionError

    assert names(store) == set()
    assert calls == []


def test_a_broken_constraint_takes_the_whole_transaction_back_and_quotes_no_row(store):
    twice = account("Somebody Private")
    with pytest.raises(CapsuleError) as refused, store.transaction() as tx:  # noqa: PT012 - all of it is to be taken back
        accounts.accounts.add(tx, account("Ada"))
        accounts.accounts.add(tx, twice)
        accounts.accounts.add(tx, replace(twice, name="Again"))

    assert names(store) == set()
    assert "\n" not in str(refused.value)
    assert "Private" not in str(refused.value)
    assert twice.id not in str(refused.value)


def test_what_is_to_happen_after_a_commit_finds_it_committed(store):
    seen = []
    with store.transaction() as tx:
        tx.after_commit(lambda: seen.append(names(store)))
        accounts.accounts.add(tx, account("Ada"))
        assert seen == []

    assert seen == [{"Ada"}]


def test_a_reader_sees_one_state_from_its_first_read_on(store):
    with store.transaction() as tx:
        accounts.accounts.add(tx, account("Ada"))
    with store.reading() as tx:
        before = {one.name for one in accounts.accounts.by(tx)}
        with store.transaction() as other:
            accounts.accounts.add(other, account("Ben"))
        after = {one.name for one in accounts.accounts.by(tx)}

    assert before == after == {"Ada"}
    assert names(store) == {"Ada", "Ben"}


def test_a_reader_cannot_write(store):
    with pytest.raises(CapsuleError), store.reading() as tx:
        accounts.accounts.add(tx, account("Ada"))

    assert names(store) == set()
    with store.transaction() as tx:
        accounts.accounts.add(tx, account("Ben"))
    assert names(store) == {"Ben"}, "the next transaction on the same connection writes"


def test_references_must_exist(store_url, tmp_path):
    with make_instance(store_url, tmp_path / "data") as instance:
        capsule = make_capsule(instance)

        with pytest.raises(CapsuleError), instance.store.transaction() as tx:
            capsules.capsules.add(tx, replace(capsule, id=str(uuid4()), slug="x", made_by=str(uuid4())))


def test_adding_once_adds_once(store):
    link = Link(digest="d" * 64, purpose=LinkPurpose.OPENED, subject_id="m", rotation=1, created_at=NOW)
    with store.transaction() as tx:
        assert accounts.links.add_once(tx, link)
        assert not accounts.links.add_once(tx, replace(link, rotation=2))

    with store.reading() as tx:
        assert accounts.links.by(tx) == [link]


def test_what_is_not_there_is_not_found(store):
    with pytest.raises(NotFound), store.transaction() as tx:
        accounts.accounts.get(tx, "nobody")
    with pytest.raises(NotFound), store.transaction() as tx:
        accounts.accounts.save(tx, account())


def test_of_many_threads_that_add_the_same_row_one_does(store):
    link = Link(digest="d" * 64, purpose=LinkPurpose.OPENED, subject_id="m", rotation=1, created_at=NOW)
    won, start = [], threading.Barrier(8)

    def add():
        start.wait()
        with store.transaction() as tx:
            won.append(accounts.links.add_once(tx, link))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False] * 7 + [True]


# What only one of the databases has


@pytest.fixture
def sqlite(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/capsule.db")
    schema.upgrade(store)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("temp_store", 2),
        ("busy_timeout", 30_000),
    ],
)
def test_every_connection_to_sqlite_is_set_up(sqlite, pragma, value):
    with sqlite.reading() as one, sqlite.reading() as two:
        for tx in (one, two):
            assert tx.session.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_a_removed_row_is_gone_from_the_file(sqlite, tmp_path):
    removed = account("a name that was removed again")
    with sqlite.transaction() as tx:
        accounts.accounts.add(tx, removed)
    with sqlite.transaction() as tx:
        assert accounts.accounts.remove(tx, text("true")) == 1
    sqlite.close()  # the last connection brings the write-ahead log home

    for path in tmp_path.glob("capsule.db*"):
        assert b"removed again" not in path.read_bytes()


def test_a_full_disk_is_said_to_be_full_and_nothing_is_half_written(sqlite):
    with sqlite.transaction() as tx:
        accounts.accounts.add(tx, account("Ada"))
    with sqlite.reading() as tx:
        pages = tx.session.execute(text("PRAGMA page_count")).scalar_one()
    with pytest.raises(DiskFull, match=r"^disk_full$"), sqlite.transaction() as tx:  # noqa: PT012 - all of it is to be taken back
        tx.session.execute(text(f"PRAGMA max_page_count={pages}"))
        accounts.accounts.add(tx, account("Ben"))
        accounts.accounts.add(tx, account("x" * 1_000_000))

    assert names(sqlite) == {"Ada"}
    with sqlite.reading() as tx:
        assert tx.session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_a_database_that_somebody_else_holds_is_busy(sqlite):
    def hold_on_for_less(connection, *_):
        connection.execute("PRAGMA busy_timeout=10")

    from sqlalchemy import event

    other = Store(sqlite.url)
    event.listen(other.engine, "connect", hold_on_for_less)
    try:
        with sqlite.transaction() as tx:
            accounts.accounts.add(tx, account("Ada"))
            with pytest.raises(Busy, match=r"^database_busy$"), other.transaction() as second:
                accounts.accounts.by(second)
            with other.reading() as reader:
                assert accounts.accounts.by(reader) == [], "readers are never kept waiting"
    finally:
        other.close()


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (None, ConfigurationProblem, "database_not_opened"),
        (b"this is a diary, " * 100, ConfigurationProblem, "database_damaged"),
    ],
)
def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path, content, error, reason):
    path = tmp_path / "folder" / "capsule.db"
    if content:
        path.parent.mkdir()
        path.write_bytes(content)
    store = Store(f"sqlite:///{path}")

    with pytest.raises(error, match=f"^{reason}$"):
        schema.check(store)
    store.close()


def test_a_database_without_our_tables_is_not_initialised(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/capsule.db")
    with pytest.raises(NotInitialised), store.reading() as tx:
        accounts.admin(tx)
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://capsule:topsecret@127.0.0.1:1/capsule",
        "postgresql+psycopg://capsule:topsecret@nowhere.invalid/capsule",
        "postgresql+psycopg:///capsule?host=/nowhere",
    ],
)
def test_a_postgres_that_does_not_answer_is_one_sentence(url):
    store = Store(url)
    with pytest.raises(ConfigurationProblem, match=r"^database_unreachable ") as failed:
        schema.check(store)
    store.close()

    assert "\n" not in str(failed.value)
    assert "topsecret" not in str(failed.value)


@pytest.mark.slow
def test_a_postgres_database_that_does_not_exist_is_one_sentence(postgres):
    url = postgres.create_database()
    postgres.drop_database(url)
    store = Store(url)
    with pytest.raises(ConfigurationProblem, match="does not exist") as failed:
        schema.check(store)
    store.close()

    assert "\n" not in str(failed.value)


@pytest.mark.slow
def test_only_a_database_on_another_machine_is_a_second_clock(postgres, sqlite):
    url = postgres.create_database()
    here, elsewhere = Store(url), Store(url)
    # What no test has: a server with another kernel than ours.
    elsewhere.is_on_this_machine = False
    found = here.is_on_this_machine, here.other_machines_time(), elsewhere.other_machines_time()
    for store in (here, elsewhere):
        store.close()
    postgres.drop_database(url)

    assert found[:2] == (True, None)
    assert abs(found[2] - datetime.now(UTC)) < timedelta(seconds=30)
    assert sqlite.other_machines_time() is None


def read_at_once(store, *, threads, together=lambda: None):
    """So many threads read, each of them calls `together` while it does; return what went wrong in any."""
    wrong = []

    def read():
        try:
            with store.reading() as tx:
                tx.session.execute(text("SELECT 1"))
                together()
        except (CapsuleError, threading.BrokenBarrierError) as error:
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(threads)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()
    return wrong


def test_every_thread_has_a_connection_of_its_own(store):
    all_read = threading.Barrier(50, timeout=20)

    assert read_at_once(store, threads=50, together=all_read.wait) == []


def test_there_are_no_more_connections_than_are_granted(store):
    bounded = Store(store.url, connections=2)
    opened = []
    event.listen(bounded.engine, "connect", lambda *connection: opened.append(connection))

    assert read_at_once(bounded, threads=12) == []
    bounded.close()
    assert 1 <= len(opened) <= 2


@pytest.mark.slow
def test_a_server_without_room_for_another_client_is_busy_and_not_out_of_reach(postgres):
    url = postgres.create_database()
    full = Store(make_url(url).set(username="nobody_more").render_as_string(hide_password=False))
    owner = Store(url)
    try:
        with owner.transaction() as tx:
            tx.session.execute(text("CREATE ROLE nobody_more LOGIN CONNECTION LIMIT 0"))
        with refused(Overloaded, "database_busy"), full.reading() as tx:
            tx.session.execute(text("SELECT 1"))
    finally:
        with owner.transaction() as tx:
            tx.session.execute(text("DROP ROLE nobody_more"))
        full.close()
        owner.close()
        postgres.drop_database(url)
