"""What is asked of the database every day reads no table from end to end, however much it holds."""

import pytest

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.clock import Clock
from memorycapsule.seal.keys import InstanceKey, new_recovery_key
from memorycapsule.services import instances
from memorycapsule.store import schema
from memorycapsule.store.transactions import Store
from support.everyday import CALLS, Everyday
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

    scans = {(table, text) for table, text in scans_in(day.app.store, statements) if table in GROWING}
    assert not scans, "\n".join(f"{table}: {text}" for table, text in scans)
