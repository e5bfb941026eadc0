"""One program works in a database, whichever data folder it works in; the right ends with its connection."""

import pytest
from sqlalchemy import text

from memorycapsule.errors import Busy
from memorycapsule.store.cluster.turns import turn
from memorycapsule.store.right_to_work import RightToWork
from memorycapsule.store.transactions import Store
from memorycapsule.work.lock import working_alone
from support.refusals import refused
from support.servers import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def stores(postgres):
    url = postgres.create_database()
    one, other = Store(url), Store(url)
    yield one, other
    one.close()
    other.close()
    postgres.drop_database(url)


_HELD = (
    "FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
    "WHERE locktype = 'advisory' AND datname = current_database()"
)


def cut(other):
    """End the connection that holds the right, as a restart of the server does."""
    with other.engine.connect() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {_HELD}"))
        held = text(f"SELECT count(*) {_HELD}")
        wait_until(lambda: connection.execute(held).scalar_one() == 0, 30, "the connection has ended")


def test_two_data_folders_on_one_postgres_are_kept_apart(stores, tmp_path):
    one, other = stores
    for name in ("a", "b"):
        (tmp_path / name).mkdir()

    with (
        working_alone(tmp_path / "a", one),
        refused(Busy, "database_in_use"),
        working_alone(tmp_path / "b", other),
    ):
        pass
    with working_alone(tmp_path / "b", other):
        pass


def test_several_share_the_right_and_nobody_has_it_alone_beside_them(stores):
    one, other = stores
    with RightToWork(one, is_shared=True), RightToWork(other, is_shared=True) as node:
        with refused(Busy, "database_in_use"), RightToWork(one):
            pass
        node.renew()
    with RightToWork(one), refused(Busy, "database_in_use"), RightToWork(other, is_shared=True):
        pass


def test_who_is_granted_one_connection_has_one_for_the_work_all_the_same(stores):
    bounded = Store(stores[0].url, connections=1)
    with RightToWork(bounded), turn(bounded, "sweep") as is_ours, bounded.reading() as tx:
        assert (is_ours, tx.session.execute(text("SELECT 1")).scalar_one()) == (True, 1)
    bounded.close()


def test_a_turn_is_anybodys_once_it_is_over_even_where_its_connection_was_lost(stores):
    one, other = stores
    with turn(one, "sweep") as is_ours:
        with turn(other, "sweep") as is_theirs, turn(other, "scrub") as is_another:
            assert (is_ours, is_theirs, is_another) == (True, False, True)
        cut(other)
    with turn(other, "sweep") as is_theirs:
        assert is_theirs


def test_whoever_loses_the_connection_takes_the_right_again_unless_another_was_first(stores):
    one, other = stores
    with RightToWork(one) as worker:
        worker.renew()
        cut(other)
        worker.renew()
        with refused(Busy, "database_in_use"), RightToWork(other):
            pass

        cut(other)
        with RightToWork(other), refused(Busy, "database_in_use"):
            worker.renew()
        worker.renew()
