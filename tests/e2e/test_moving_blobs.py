"""Stored files move to another place in processes that are killed, and everybody reads them all the while."""

import io
import json
import os
import subprocess
import threading
from contextlib import closing
from datetime import timedelta

import pytest

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.services.preservation import verification
from memorycapsule.store import capsules as capsule_store
from support.household import Household
from support.s3_servers import BUCKET, S3Server, bucket_blobs
from support.servers import CAPSULE, wait_until


@pytest.fixture
def house(tmp_path):
    return Household(tmp_path / "house")


def settings_of(house: Household) -> config.Settings:
    return config.load(environment=os.environ | house.environment)


def put_in(house: Household, count: int) -> dict[str, bytes]:
    """Put so many files into a capsule, and return what is in them by their ids."""
    capsule = house.capsule(opens_in=timedelta(days=30), photos=1)
    put: dict[str, bytes] = {}
    with open_app(settings_of(house)) as app:
        while len(put) < count:
            with app.store.transaction() as tx:
                for _number in range(min(200, count - len(put))):
                    content = os.urandom(2_000)
                    blob = app.vault.keep_open(capsule, io.BytesIO(content), app.now())
                    capsule_store.blobs.add(tx, blob)
                    put[blob.id] = content
    return put


class Reader:
    """Somebody who asks for file after file, each time by the settings of the moment, until it is stopped."""

    def __init__(self, house: Household, put: dict[str, bytes]) -> None:
        self.reads, self.failures, self.places = 0, [], set()
        self._house, self._put, self._is_over = house, list(put.items()), threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._is_over.is_set():
            with open_app(settings_of(self._house)) as app:
                self.places.add(app.vault.blobs.place)
                for _number in range(20):
                    blob_id, content = self._put[(self.reads * 7919) % len(self._put)]
                    with app.vault.blobs.open(blob_id) as file:
                        if file.read() != content:
                            self.failures.append(blob_id)
                    self.reads += 1


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(300, marks=pytest.mark.slow),
        pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.nightly]),
    ],
)
def test_files_of_a_move_that_is_killed_twice_are_readable_throughout_and_arrive_whole(
    house, tmp_path, count
):
    put = put_in(house, count)
    source, target = str(house.folder / "data" / "blobs"), f"s3://{BUCKET}/capsule"
    with S3Server("moto", tmp_path / "s3") as server:
        house.environment |= {
            "CAPSULE_S3__ENDPOINT": server.endpoint,
            "CAPSULE_S3__ACCESS_KEY_ID": server.access_key_id,
            "CAPSULE_S3__SECRET_ACCESS_KEY": server.secret_access_key,
        }
        there = bucket_blobs(server, tmp_path, "capsule")
        with closing(Reader(house, put)) as reader:
            # Ids are spread evenly, so this is a quarter of the way, and more than a half.
            for first_digit in ("4", "a"):
                moving = subprocess.Popen(
                    [CAPSULE, "--json", "blobs", "move", source, target],
                    env={**os.environ, **house.environment},
                    stdout=subprocess.DEVNULL,
                )
                wait_until(lambda digit=first_digit: through(there) >= digit, 600, "it has come so far")
                moving.kill()
                moving.wait()
                assert sum(1 for _blob in there.listed()) < count
            moved = house.run("blobs", "move", source, target)["moved"]
            before = reader.reads
            wait_until(lambda: reader.reads > before + 60, 600, "they are read from the new place")
        with open_app(settings_of(house)) as app:
            assert app.vault.blobs.place == target
            assert not verification.verify(app.store, app.vault, deep=True).damage
            for blob_id, content in put.items():
                with app.vault.blobs.open(blob_id) as file:
                    assert file.read() == content

    assert reader.failures == []
    assert reader.places == {source, target}
    assert moved["switched"]
    assert not moved["missing"]
    assert moved["new_files"] < 0.5 * count
    assert moved["files"] >= count


def through(blobs: Blobs) -> str:
    """Return up to which id a move has come."""
    return json.loads(blobs.remembered() or "{}").get("through", "")
