"""The trash: what no row knows is moved, never deleted at once, and not even moved where the database may be wrong."""

import io
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from memorycapsule.domain.film.montages import queued_montage
from memorycapsule.errors import NotDue, NotFound
from memorycapsule.services import capsules
from memorycapsule.services.capsules import CapsuleChanges
from memorycapsule.services.preservation import history, trash
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import montages as montage_store
from memorycapsule.work import ticks
from support.cast import OPENS, add_story, known_blob_ids, make_context, open_instance
from support.refusals import refused

#: When the sweeps of these tests are made: what lies there now is a day older then.
LATER = datetime.now(UTC) + timedelta(days=2)


def leave(instance, count=1):
    """What cut-off imports leave; returns the ids."""
    ids = [str(uuid4()) for _ in range(count)]
    for blob_id in ids:
        instance.vault.blobs.write(blob_id, lambda sink: sink.write(b"four"))
    return ids


def sweep(stage, now=LATER):
    return trash.sweep(stage.instance.store, stage.instance.vault, now=now)


def in_trash(stage):
    return {one.id for one in stage.instance.vault.blobs.trash()}


def bytes_on_disk(stage):
    return {path.name: path.read_bytes() for path in stage.instance.blob_files()}


def test_what_no_row_knows_is_moved_and_deleted_thirty_days_later(filled):
    before = bytes_on_disk(filled)
    left = leave(filled.instance, 3)

    swept = sweep(filled)
    assert (swept.moved, swept.left, swept.deleted) == (
        trash.FileCount(files=3, bytes=12),
        trash.FileCount(),
        trash.FileCount(),
    )
    assert in_trash(filled) == set(left)
    assert trash.contents(filled.instance.vault) == trash.FileCount(files=3, bytes=12)
    assert bytes_on_disk(filled) == before

    assert sweep(filled, LATER + timedelta(days=30)).deleted.files == 0
    assert in_trash(filled) == set(left)
    assert sweep(filled, LATER + timedelta(days=31)).deleted == trash.FileCount(files=3, bytes=12)
    assert in_trash(filled) == set()
    assert bytes_on_disk(filled) == before


def test_rows_that_nothing_refers_to_go_and_their_files_come_into_the_trash(filled):
    """Two nodes that did the same at the same time may leave such, and nobody would ever ask for them."""
    store, vault = filled.instance.store, filled.instance.vault
    before = bytes_on_disk(filled)
    made_at = datetime.now(UTC)
    kept = [vault.keep_open(filled.capsule.id, io.BytesIO(b"twice"), made_at) for _ in range(2)]
    with store.transaction() as tx:
        for blob in kept:
            capsule_store.blobs.add(tx, blob)
        rows = known_blob_ids(tx)
    vault.blobs._path(kept[1].id).unlink()

    assert sweep(filled, made_at + timedelta(hours=23)).moved.files == 0
    assert sweep(filled, made_at + timedelta(hours=25)).moved == trash.FileCount(files=1, bytes=5)
    assert in_trash(filled) == {kept[0].id}
    assert bytes_on_disk(filled) == before
    with store.reading() as tx:
        assert known_blob_ids(tx) == rows - {one.id for one in kept}
        assert fixity_store.count_damaged(tx) == {}, "nobody misses the file of the other"


def test_whatever_refers_to_a_row_keeps_it(filled):
    """Photos in all their forms, covers, songs, films, and the parts of uploads."""
    store, vault, made_at = filled.instance.store, filled.instance.vault, datetime.now(UTC)
    changes = CapsuleChanges(cover=io.BytesIO(b"cover"), soundtrack=io.BytesIO(b"song"))
    capsules.edit(store, vault, filled.ada, filled.capsule.id, changes, now=OPENS - timedelta(days=3))
    film = vault.keep_open(filled.capsule.id, io.BytesIO(b"film"), made_at)
    with store.transaction() as tx:
        capsule_store.blobs.add(tx, film)
        montage = queued_montage(
            montage_id=str(uuid4()), capsule_id=filled.capsule.id, soundtrack_blob=film.id, now=made_at
        )
        montage_store.montages.add(tx, montage)
    before = bytes_on_disk(filled)

    assert sweep(filled) == trash.Swept(bytes=sum(len(one) for one in before.values()))
    assert bytes_on_disk(filled) == before


def test_a_row_that_turns_up_again_finds_its_file_in_the_trash(filled):
    blobs = filled.instance.vault.blobs
    ids = sorted(bytes_on_disk(filled))
    content = bytes_on_disk(filled)
    for blob_id in ids[:2]:
        blobs.put_into_trash(blob_id, LATER.date())
    assert in_trash(filled) == set(ids[:2])

    with blobs.open(ids[0]) as file:
        assert file.read() == content[ids[0]]
    assert blobs.size(ids[1]) == len(content[ids[1]])
    assert bytes_on_disk(filled) == content
    assert in_trash(filled) == set()


def test_what_a_row_knows_again_is_put_back_instead_of_deleted(filled):
    ids = sorted(bytes_on_disk(filled))
    content = bytes_on_disk(filled)
    filled.instance.vault.blobs.put_into_trash(ids[0], LATER.date())

    swept = sweep(filled, LATER + timedelta(days=40))

    assert swept.deleted.files == 0
    assert bytes_on_disk(filled) == content


def test_what_its_author_removes_is_gone_from_the_trash_too(filled):
    blobs = filled.instance.vault.blobs
    blob_id = min(bytes_on_disk(filled))
    blobs.put_into_trash(blob_id, LATER.date())

    blobs.delete(blob_id)

    assert in_trash(filled) == set()
    with pytest.raises(NotFound):
        blobs.open(blob_id)


def test_more_than_crashes_leave_is_not_moved(filled):
    left = leave(filled.instance, 21)

    swept = sweep(filled)

    assert (swept.moved.files, swept.left.files) == (0, 21)
    assert swept.why_left.reason == "files_too_many_unknown"
    assert set(left) <= bytes_on_disk(filled).keys()


def test_many_are_moved_where_they_are_a_small_part_of_all(filled, monkeypatch):
    monkeypatch.setattr(trash, "MOST_FILES", 0)
    monkeypatch.setattr(trash, "MOST_SHARE", 2 / 8)
    leave(filled.instance, 2)

    assert sweep(filled).moved.files == 2


def test_a_file_older_than_the_database_is_not_moved(filled):
    (left,) = leave(filled.instance)
    path = filled.instance.vault.blobs._path(left)
    with filled.instance.store.reading() as tx:
        made = instance_store.get(tx).created_at.timestamp()
    os.utime(path, (made - 60, made - 60))

    swept = sweep(filled)

    assert (swept.left.files, swept.why_left.reason) == (1, "files_older_than_database")
    assert path.exists()


def test_while_the_clock_is_in_doubt_nothing_is_moved_or_deleted(filled, time):
    left = leave(filled.instance)
    context = make_context(filled.instance, time)
    time.jump(days=400)

    ticks.sweep(context)

    assert set(left) <= bytes_on_disk(filled).keys()
    assert in_trash(filled) == set()


@pytest.mark.slow
def test_a_tick_sweeps_once_a_day(filled, time):
    time.go_to(LATER)
    context = make_context(filled.instance, time)
    first = leave(filled.instance)
    ticks.settle(context)
    ticks.tick(context)
    assert in_trash(filled) == set(first)

    second = leave(filled.instance)
    time.go_on(hours=3)
    ticks.tick(context)
    assert in_trash(filled) == set(first)
    time.go_on(hours=20)
    ticks.tick(context)
    assert in_trash(filled) == {*first, *second}


def copy_database(source, target):
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def test_an_older_database_moves_nothing_and_holds_openings_and_letters(stage, tmp_path, time):
    instance, database = stage.instance, stage.instance.folder / "capsule.db"
    add_story(instance, stage.capsule, stage.ben.viewer)
    copy_database(database, tmp_path / "older.db")
    add_story(instance, stage.capsule, stage.ben.viewer, photos=2)
    history.remember(instance.store, instance.vault)
    before = bytes_on_disk(stage)
    copy_database(database, tmp_path / "newest.db")
    instance.store.close()
    shutil.copy(tmp_path / "older.db", database)

    with open_instance(instance.store.url, instance.folder, instance.recovery_identity) as older:
        time.go_to(LATER)
        context = make_context(older, time)
        ticks.settle(context)
        history.remember(older.store, older.vault)  # as everything that ends does: it must not forget
        swept = trash.sweep(older.store, older.vault, now=LATER + timedelta(days=40))
        assert (swept.moved.files, swept.left.files) == (0, 6)
        assert swept.why_left.reason == "files_of_other_database"
        with older.store.reading() as tx:
            assert instance_store.get(tx).hold.reason == "held_older_database"

        history.accept(older.store, older.vault)
        assert trash.look(older.store, older.vault, now=LATER).why_left is None
    assert bytes_on_disk(stage) == before


def test_an_older_database_opens_nothing_for_a_member_who_asks_before_any_tick(stage, tmp_path, time):
    instance, database = stage.instance, stage.instance.folder / "capsule.db"
    copy_database(database, tmp_path / "older.db")
    add_story(instance, stage.capsule, stage.ben.viewer)
    history.remember(instance.store, instance.vault)
    instance.store.close()
    shutil.copy(tmp_path / "older.db", database)

    with open_instance(instance.store.url, instance.folder, instance.recovery_identity) as older:
        time.go_to(OPENS)
        with refused(NotDue, "held_older_database"):
            ticks.open_now(make_context(older, time), stage.ada, stage.capsule.id)


def test_another_instance_in_the_same_folder_is_not_the_one_of_its_files(stage):
    instance = stage.instance
    history.remember(instance.store, instance.vault)
    assert history.is_continued(instance.store, instance.vault.blobs)
    with instance.store.transaction() as tx:
        tx.session.execute(text("UPDATE instance SET id = :id"), {"id": str(uuid4())})

    assert not history.is_continued(instance.store, instance.vault.blobs)


@pytest.mark.parametrize("torn", ["", "{", "[]", '"x"'])
def test_a_torn_memory_of_the_folder_stops_no_program(stage, torn, time):
    instance = stage.instance
    instance.vault.blobs.remember(torn)
    with instance.store.reading() as tx:
        assert capsule_store.all_capsules(tx)

    ticks.settle(make_context(instance, time))
