"""A full disk is called one, whatever the database makes of it."""

import pytest

from memorycapsule import disk
from memorycapsule.errors import DiskFull
from memorycapsule.store import accounts, schema
from memorycapsule.store.transactions import Store
from support.small_disks import small_disk


@pytest.fixture
def small(tmp_path):
    with small_disk(tmp_path / "small", megabytes=4) as small:
        yield small


@pytest.fixture
def store_url(small):
    url = f"sqlite:///{small.folder}/capsule.db"
    store = Store(url)
    schema.upgrade(store)
    store.close()
    return url


def read(url):
    store = Store(url)
    try:
        with store.reading() as tx:
            return accounts.accounts.by(tx)
    finally:
        store.close()


def test_a_database_that_cannot_even_be_read_on_a_full_disk_says_that_the_disk_is_full(small, store_url):
    """SQLite says "disk I/O error" when there is no room for its index of the write-ahead log."""
    small.fill()
    with pytest.raises(DiskFull):
        read(store_url)

    small.empty()
    assert read(store_url) == []


def test_a_disk_is_full_when_nothing_can_be_written_to_it(small, tmp_path):
    assert not disk.is_full(small.folder)
    assert disk.free_bytes(small.folder) == small.free_bytes > 0

    small.fill()
    assert disk.is_full(small.folder)
    assert disk.free_bytes(small.folder) < 4096
    assert not disk.is_full(tmp_path / "nowhere")
