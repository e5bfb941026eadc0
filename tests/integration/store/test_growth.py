"""What is done every day costs the database as much in an instance that holds much as in one that holds little."""

from contextlib import closing

import pytest
from sqlalchemy import text

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.clock import Clock
from memorycapsule.seal.keys import InstanceKey, new_recovery_key
from memorycapsule.services import instances
from memorycapsule.store import schema
from memorycapsule.store.transactions import Store
from support.effort import database_steps_in
from support.everyday import CALLS, Everyday
from support.filling import fill
from support.queries import recorded_statements, scans_in

#: Tables that grow with everybody who uses the instance.
GROWING = {"blob", "capsule", "delivery", "event", "medium", "member", "montage", "story", "upload"}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def day(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("everyday")
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/data/capsule.db"
    else:
        url = request.getfixturevalue("postgres").create_database()
    settings = config.Settings(
        data_dir=folder / "data",
        key_file=folder / "instance.key",
        store_url=url,
        zone="UTC",
        film={"quiet_hours": "always"},
    )
    settings.data_dir.mkdir()
    key = InstanceKey.create(settings.key_file)
    store = Store(url)
    schema.upgrade(store)
    instances.initialise(
        store,
        key,
        admin_address="ada@example.org",
        admin_name="Ada",
        locale="en",
        recovery_recipient=new_recovery_key()[1],
        clock=Clock(),
    )
    store.close()
    with open_app(settings) as app:
        yield Everyday(app=app, photos=2)


@pytest.mark.parametrize("name", CALLS)
def test_no_table_that_grows_is_read_from_end_to_end(day, name):
    call = CALLS[name](day)

    with recorded_statements(day.app.store) as statements:
        call()

    scans = {(table, asked) for table, asked in scans_in(day.app.store, statements) if table in GROWING}
    assert not scans, "\n".join(f"{table}: {asked}" for table, asked in scans)


def test_a_table_that_is_read_for_want_of_an_index_is_noticed(tmp_path):
    with closing(Store(f"sqlite:///{tmp_path}/capsule.db")) as store:
        schema.upgrade(store)
        removal = ("DELETE FROM blob WHERE id = ?", ("none",))
        assert scans_in(store, [removal]) == set()

        with store.transaction() as tx:
            tx.session.execute(text("DROP INDEX ix_medium_display_blob"))
        store.engine.dispose()  # its connections remember how they answered before

        assert scans_in(store, [removal]) == {("medium", removal[0])}


#: How many capsules there are.
FEW, MANY = 30, 300


@pytest.mark.parametrize("day", ["sqlite"], indirect=True)
def test_no_call_costs_the_database_more_where_it_holds_more(day):
    """`benchmarks/growth.py` measures the same on Postgres, and with more."""
    store = day.app.store
    fill(store, day, FEW)
    for make in CALLS.values():
        make(day)()  # Each leaves something for the next ones to do: a day goes by before they are compared.
    with_few = {name: database_steps_in(store, make(day)) for name, make in CALLS.items()}
    fill(store, day, MANY - FEW, after=FEW)
    with_many = {name: database_steps_in(store, make(day)) for name, make in CALLS.items()}

    grown = {
        name: (steps, with_many[name]) for name, steps in with_few.items() if with_many[name] > 1.5 * steps
    }
    assert grown == {}
