"""The cache: bounded, the longest unused goes first, gone at any time, and never in the way."""

import errno
import os
import shutil
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from memorycapsule.media import cache as module
from memorycapsule.media.cache import Cache

SHELF, OTHER = "a", "b"


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 1000)


def keep(cache, shelf, name, size=100, **more):
    return cache.keep(shelf, name, lambda file: file.write(b"x" * size), **more)


def used_long_ago(cache, shelf, name, when):
    os.utime(cache._root / shelf / name, (when, when))


def names(cache):
    return {f"{shelf}/{name}" for shelf in cache.shelves() for name in cache.names(shelf)}


def test_what_is_kept_is_found_and_only_ours(cache):
    assert cache.find(SHELF, "one") is None
    assert keep(cache, SHELF, "one", 7)

    path = cache.find(SHELF, "one")
    assert path.read_bytes() == b"x" * 7
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_longest_unused_makes_room_whichever_shelf_it_is_on(cache):
    for number in range(10):
        assert keep(cache, SHELF if number % 2 else OTHER, str(number))
    for number in range(10):
        used_long_ago(cache, SHELF if number % 2 else OTHER, str(number), 1_000_000 + number)
    cache.find(OTHER, "0")

    assert keep(cache, SHELF, "new", 250)
    assert names(cache) == {"b/0", "a/5", "a/7", "a/9", "b/4", "b/6", "b/8", "a/new"}


def test_a_shelf_that_is_spared_gives_nothing_up(cache):
    for number in range(9):
        assert keep(cache, OTHER if number else SHELF, str(number))
        used_long_ago(cache, OTHER if number else SHELF, str(number), 1_000_000 + number)

    assert cache.has_room({OTHER})
    assert keep(cache, "c", "new", 150, pinned={OTHER, "c"})
    assert names(cache) == {"c/new", *(f"b/{number}" for number in range(1, 9))}
    assert not keep(cache, "c", "more", pinned={OTHER, "c"}), "there is nothing that may go"
    assert cache.find("c", "more") is None
    assert cache.has_room({OTHER, "c"})
    assert keep(cache, "c", "small", 50, pinned={OTHER, "c"})
    assert not cache.has_room({OTHER, "c"})


def test_a_file_larger_than_all_room_is_not_kept(cache):
    assert not keep(cache, SHELF, "large", 1001)
    assert names(cache) == set()


def test_with_no_room_at_all_nothing_is_kept(tmp_path):
    cache = Cache(tmp_path / "cache", 0)

    assert not keep(cache, SHELF, "one")
    assert not cache.has_room(set())


def test_a_file_is_kept_as_another_name_of_the_same_bytes(cache, tmp_path):
    source = tmp_path / "piece"
    source.write_bytes(b"piece")

    assert cache.keep_file(SHELF, "piece", source)
    assert cache.find(SHELF, "piece").samefile(source)
    source.unlink()
    assert cache.find(SHELF, "piece").read_bytes() == b"piece"


def test_a_file_that_is_kept_already_has_no_third_name(cache, tmp_path):
    source = tmp_path / "piece"
    source.write_bytes(b"piece")
    for _ in range(2):
        assert cache.keep_file(SHELF, "piece", source)

    assert source.stat().st_nlink == 2


def test_two_who_keep_the_same_file_at_the_same_moment_both_keep_it_whole(cache):
    def fill(file):
        file.write(b"slowly ")
        assert cache.keep(SHELF, "one", lambda other: other.write(b"at once"))
        file.write(b"written")

    assert cache.keep(SHELF, "one", fill)
    assert cache.find(SHELF, "one").read_bytes() == b"slowly written"
    assert [path.name for path in (cache._root / SHELF).iterdir()] == ["one"]


def test_a_disk_that_is_nearly_full_gets_room_back(cache, monkeypatch):
    for number in range(10):
        keep(cache, SHELF, str(number))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=module.FREE_BYTES - 250))

    assert cache.trim()
    assert len(names(cache)) == 7


def test_a_full_disk_is_nobodys_trouble(cache):
    def fill(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert cache.keep(SHELF, "one", fill) is False
    assert names(cache) == set()
    assert [path for path in cache._root.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_written_is_nobodys_trouble(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    cache = Cache(tmp_path / "cache", 1000)

    assert not keep(cache, SHELF, "one")
    assert (cache.names(SHELF), cache.shelves(), cache.find(SHELF, "one")) == (set(), set(), None)
    cache.drop(SHELF, ["one"])
    cache.clear(SHELF)


def test_what_goes_wrong_while_it_is_filled_leaves_nothing(cache):
    def fill(file):
        file.write(b"half")
        raise KeyError

    with pytest.raises(KeyError):
        cache.keep(SHELF, "one", fill)
    assert [path for path in cache._root.rglob("*") if path.is_file()] == []


def test_shelves_go_and_what_a_crash_left_goes_with_them(cache):
    for shelf in (SHELF, OTHER):
        keep(cache, shelf, "one")
        keep(cache, shelf, "two")
    cache.drop(SHELF, ["one", "never there"])
    (cache._root / SHELF / ".three.part").write_bytes(b"half")
    cache.sweep({OTHER}, older_than=None)

    assert names(cache) == {"a/two"}
    assert [path.name for path in (cache._root / SHELF).iterdir()] == ["two"]
    cache.clear(SHELF)
    assert cache.shelves() == set()


def test_where_others_write_only_what_was_left_half_written_long_ago_is_swept(cache):
    keep(cache, SHELF, "one")
    for name in (".new.part", ".old.part"):
        (cache._root / SHELF / name).write_bytes(b"half")
    used_long_ago(cache, SHELF, ".old.part", 1_000_000)
    cache.sweep(set(), older_than=datetime(2001, 1, 1, tzinfo=UTC))

    assert {path.name for path in (cache._root / SHELF).iterdir()} == {"one", ".new.part"}


def test_all_of_it_may_be_gone_at_any_time(cache):
    keep(cache, SHELF, "one")
    shutil.rmtree(cache._root)

    assert cache.find(SHELF, "one") is None
    assert cache.trim()
    cache.sweep({SHELF}, older_than=None)
    assert keep(cache, SHELF, "one")


def test_while_there_is_room_no_other_file_is_looked_at(cache):
    """So keeping one costs the same however many there are: what somebody else puts there is not even seen."""
    keep(cache, SHELF, "one")
    (cache._root / SHELF / "stranger").write_bytes(b"x" * 5000)

    assert keep(cache, OTHER, "two")
    assert keep(cache, SHELF, "one", 300), "written once more, and larger"
    assert cache.trim()
    cache.drop(SHELF, ["one"])
    assert keep(cache, OTHER, "three", 900)
    assert cache.has_room({SHELF})
    assert names(cache) == {"a/stranger", "b/two", "b/three"}

    assert keep(cache, OTHER, "four", 100), "now there is none, and all are looked at"
    assert "a/stranger" not in names(cache)


def test_what_was_removed_behind_its_back_is_room_again(cache):
    for number in range(10):
        keep(cache, SHELF, str(number))
    (cache._root / SHELF / "0").unlink()

    assert cache.has_room({SHELF})
    assert keep(cache, SHELF, "new", pinned={SHELF})
    assert len(names(cache)) == 10
