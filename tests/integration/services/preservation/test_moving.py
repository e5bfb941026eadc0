"""Stored files move from one place to another, whole or not at all, and a move goes on where it was cut off."""

import dataclasses
import json
import os

import pytest

from memorycapsule.errors import CapsuleError, ConfigurationProblem, Postponed
from memorycapsule.media.storage.folder import LocalBlobs
from memorycapsule.services.preservation import history, moving
from memorycapsule.store import integrity
from support.cast import NOW, make_capsule


class Watched(LocalBlobs):
    """A place that counts what is written and read back, and fails when it is told to."""

    def __init__(self, root) -> None:
        super().__init__(root)
        self.written, self.read_back = [], []
        self.fails_after: int | None = None

    def write(self, blob_id, fill):
        if self.fails_after is not None and len(self.written) >= self.fails_after:
            raise Postponed("machine_exhausted")
        self.written.append(blob_id)
        return super().write(blob_id, fill)

    def read_through(self, blob_id, on_read):
        self.read_back.append(blob_id)
        return super().read_through(blob_id, on_read)


@pytest.fixture
def capsule(instance):
    return make_capsule(instance)


@pytest.fixture
def rows(instance, capsule):
    """Two hundred files that rows know."""
    return sorted((put_in(instance, capsule) for _number in range(200)), key=lambda row: row.id)


def put_in(instance, capsule):
    import io

    from memorycapsule.store import capsules as capsule_store

    blob = instance.vault.keep_open(capsule.id, io.BytesIO(os.urandom(300)), NOW)
    with instance.store.transaction() as tx:
        capsule_store.blobs.add(tx, blob)
    return blob


@pytest.fixture
def new(instance, tmp_path):
    return Watched(tmp_path / "elsewhere")


def content(blobs):
    found = {}
    for blob_id in blobs:
        with blobs.open(blob_id) as file:
            found[blob_id] = file.read()
    return found


def test_every_file_is_copied_and_read_back_once(instance, rows, new):
    old = instance.vault.blobs
    before, done = content(old), []
    copied = moving.copy(instance.store, old, new, on_done=done.append)

    assert content(new) == before == content(old)
    assert (copied.files, copied.new_files, copied.missing) == (200, 200, ())
    assert copied.bytes == sum(done) == 200 * 300
    assert sorted(new.written) == sorted(new.read_back) == [row.id for row in rows]


def test_files_that_lie_in_the_folders_of_two_machines_come_together_when_each_moves_its_own(
    instance, rows, new, tmp_path
):
    first, second = instance.vault.blobs, LocalBlobs(tmp_path / "second")
    before = content(first)
    for row in rows[::2]:
        second.write(row.id, lambda sink, row=row: sink.write(before[row.id]))
        first.delete(row.id)
    one = moving.copy(instance.store, first, new)
    moving.settle(instance.store, new)
    other = moving.copy(instance.store, second, new, is_used=True)

    assert (one.files, one.missing) == (100, tuple(row.id for row in rows[::2]))
    assert (other.files, other.new_files, other.missing) == (200, 100, ())
    assert content(new) == before


def test_a_pass_that_was_cut_off_goes_on_and_reads_nothing_back_twice(instance, rows, new):
    old = instance.vault.blobs
    new.fails_after = 150
    with pytest.raises(Postponed):
        moving.copy(instance.store, old, new)
    before = list(new.read_back)

    again = Watched(new._root)
    copied = moving.copy(instance.store, old, again)

    assert content(again) == content(old)
    assert copied.files == 200
    assert copied.new_files == len(again.written) < 80
    # Of the last batch nobody had written down that it was read back.
    assert len(set(before) & set(again.read_back)) <= moving._BATCH


def test_what_came_in_meanwhile_comes_along_without_the_rest_being_read_again(instance, capsule, rows, new):
    old = instance.vault.blobs
    moving.copy(instance.store, old, new)
    late, again = put_in(instance, capsule), Watched(new._root)
    copied = moving.copy_the_rest(instance.store, old, again)

    assert again.written == again.read_back == [late.id]
    assert (copied.files, copied.new_files) == (201, 1)


def test_a_copy_that_is_not_what_it_came_from_is_written_anew(instance, rows, new):
    """It has the right size: a write that was cut off by a power failure may leave that on some file systems."""
    new.write(rows[3].id, lambda file: file.write(bytes(300)))
    moving.copy(instance.store, instance.vault.blobs, new)
    assert content(new) == content(instance.vault.blobs)


def test_damaged_and_missing_files_are_named_and_not_copied(instance, rows, new):
    old = instance.vault.blobs
    old._path(rows[0].id).write_bytes(bytes(300))
    old._path(rows[1].id).unlink()
    copied = moving.copy(instance.store, old, new)

    assert set(copied.missing) == {rows[0].id, rows[1].id}
    assert set(new) == {row.id for row in rows[2:]}


def test_a_file_whose_row_goes_meanwhile_is_not_missing(instance, rows, new):
    old = instance.vault.blobs

    class Vanishing(LocalBlobs):
        def open(self, blob_id):
            if blob_id == rows[0].id:
                with instance.store.transaction() as tx:
                    assert integrity.drop_unused(tx, rows[0])
                self.delete(blob_id)
            return super().open(blob_id)

    assert moving.copy(instance.store, Vanishing(old._root), new).missing == ()


def test_a_place_that_does_not_return_what_was_written_is_not_used(instance, rows, new, monkeypatch):
    def read_wrongly(blob_id, on_read):
        return dataclasses.replace(LocalBlobs.read_through(new, blob_id, on_read), digest="0" * 64)

    monkeypatch.setattr(new, "read_through", read_wrongly)
    with pytest.raises(CapsuleError, match="blobs_move_unlike"):
        moving.copy(instance.store, instance.vault.blobs, new)


def test_the_place_of_another_instance_is_refused(instance, rows, new):
    new.remember(json.dumps({"instance": "another", "event": 3, "at": "2036-05-08T00:00:00+00:00"}))
    with pytest.raises(ConfigurationProblem, match="blobs_of_other_instance"):
        moving.copy(instance.store, instance.vault.blobs, new)
    assert list(new) == []


def test_only_one_of_the_two_places_can_be_used_at_any_time(instance, rows, new):
    old = instance.vault.blobs
    moving.copy(instance.store, old, new)
    history.refuse_moved(old)
    with pytest.raises(ConfigurationProblem, match="blobs_still_moving"):
        history.refuse_moved(new)

    moving.settle(instance.store, new)
    moving.leave(old, new)
    history.refuse_moved(new)
    assert history.is_continued(instance.store, new)
    with pytest.raises(ConfigurationProblem, match="blobs_moved"):
        history.refuse_moved(old)


def test_files_can_move_back(instance, rows, new):
    old = instance.vault.blobs
    for source, target in ((old, new), (new, old)):
        moving.copy(instance.store, source, target)
        moving.settle(instance.store, target)
        moving.leave(source, target)
    history.refuse_moved(old)
    assert history.is_continued(instance.store, old)
