"""An instance of 2,000 photos moves to Postgres although the move is killed twice, and its old database stays as it is."""

import json
import subprocess
from contextlib import closing

import pytest
from sqlalchemy import func, select

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.clock import Clock
from memorycapsule.errors import Busy, CapsuleError
from memorycapsule.seal.keys import InstanceKey, new_recovery_key
from memorycapsule.services import instances
from memorycapsule.store import relocation, schema
from memorycapsule.store.rows import metadata
from memorycapsule.store.transactions import Store
from support.everyday import Everyday
from support.filling import fill
from support.servers import CAPSULE, wait_until

pytestmark = pytest.mark.slow

OLD = "sqlite:///capsule.db"


@pytest.fixture
def folder(tmp_path):
    """The folder of an instance to be made."""
    (tmp_path / "data").mkdir()
    (tmp_path / "config.toml").write_text('data_dir = "data"\nkey_file = "instance.key"\nzone = "UTC"\n')
    return tmp_path


def make(folder, *, capsules, photos):
    settings = config.load(config_file=folder / "config.toml")
    key = InstanceKey.create(settings.key_file)
    with closing(Store(settings.database_url)) as store:
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
    with open_app(settings) as app:
        fill(app.store, Everyday(app=app, photos=photos), capsules)
    return settings


def begin(folder, target):
    return subprocess.Popen(
        [CAPSULE, "--config", str(folder / "config.toml"), "--json", "migrate-store", OLD, target],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def count(store, table):
    """How many rows of a table have arrived; none while there is no such table."""
    try:
        with store.reading() as tx:
            return tx.session.execute(select(func.count()).select_from(metadata().tables[table])).scalar_one()
    except CapsuleError:
        return 0


def moved_back(folder, target):
    try:
        return relocation.relocate(target, f"sqlite:///{folder / 'back.db'}")
    except Busy:
        return None


@pytest.mark.parametrize(("capsules", "photos"), [(8, 25), pytest.param(50, 40, marks=pytest.mark.nightly)])
def test_a_move_that_is_killed_twice_ends_with_the_same_rows(folder, postgres, capsules, photos):
    settings = make(folder, capsules=capsules, photos=photos)
    before = settings.database_path.read_bytes()
    target = postgres.create_database()
    with closing(Store(target)) as store:
        for table in ("blob", "medium"):
            running = begin(folder, target)
            wait_until(lambda table=table: count(store, table), 120, f"rows of {table} have arrived")
            running.kill()
            running.communicate()
            assert count(store, "instance") == 0, "it was killed too late"

        done = begin(folder, target)
        out, err = done.communicate()

        assert done.returncode == 0, err
        moved = {one["name"]: one for one in json.loads(out)["migrated"]["tables"]}
        assert moved["medium"]["rows"] >= capsules * photos
        assert settings.database_path.read_bytes() == before
    # The server takes a moment to notice that a program has ended, and to let go of its locks.
    back = wait_until(lambda: moved_back(folder, target), 30, "the database is free")
    assert {one.name: (one.rows, one.digest) for one in back} == {
        name: (one["rows"], one["digest"]) for name, one in moved.items()
    }
    postgres.drop_database(target)
