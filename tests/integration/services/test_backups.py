"""Backup and restore: what a backup knows comes back byte for byte, and waits until somebody releases it."""

import contextlib
import errno
import os
import shutil
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from memorycapsule.domain.capsules import CapsuleState
from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.errors import Busy, ConfigurationProblem, KeyMissing, NotDue, WrongKey
from memorycapsule.media.storage.folder import LocalBlobs
from memorycapsule.services import cleanup, keys, opening, reading, stories
from memorycapsule.services.preservation import backup, history, holds, restore
from memorycapsule.services.preservation.restore import RestorePlace
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store.rows import metadata
from memorycapsule.work import ticks
from support.cast import (
    OPENS,
    Time,
    add_story,
    invite,
    join,
    make_capsule,
    make_context,
    make_instance,
    open_instance,
)
from support.moments import NOW

DAY = timedelta(days=1)


class Cut(BaseException):
    """The end of a run in the midst of it."""


@pytest.fixture
def there(store_url, tmp_path):
    """An instance with a sealed capsule of two stories, each with a photo, by Ada and Ben."""
    with make_instance(store_url, tmp_path / "data") as instance:
        capsule = make_capsule(instance)
        add_story(instance, capsule, instance.ada, title="The sea")
        add_story(instance, capsule, join(instance, capsule, "Ben").viewer, title="The shore")
        invite(instance, capsule, "cleo@example.org")
        yield instance


@pytest.fixture
def usb(tmp_path):
    return tmp_path / "usb"


def back_up(instance, folder, *, now=NOW, **more):
    return backup.make_backup(instance.store, instance.vault.blobs, folder, now=now, **more)


@contextlib.contextmanager
def restored(instance, folder, place, *, name=None, store_url=None, now=NOW):
    """The instance that a backup becomes elsewhere, with the same key."""
    shutil.copytree(instance.key_file.parent, place.parent / f"{place.name}-keys", dirs_exist_ok=True)
    url = store_url or f"sqlite:///{place}/capsule.db"
    put_back(folder, place, url, name=name, now=now)
    with open_instance(url, place, instance.recovery_identity) as opened:
        yield opened


def put_back(folder, place, store_url, *, name=None, now=NOW, **more):
    found = restore.newest_backup(folder, name)
    where = RestorePlace(data_dir=place, blobs=LocalBlobs(place / "blobs"), store_url=store_url)
    return restore.restore(folder, found, where, now=now, **more)


def rows_of(store):
    """Every row of every table but two, in which a backup and a restore write themselves."""
    with store.reading() as tx:
        tables = {
            table.name: sorted(map(repr, tx.session.execute(select(table)).all()))
            for table in metadata().sorted_tables
        }
    return {name: rows for name, rows in tables.items() if name not in {"instance", "event"}}


def blobs_of(instance):
    blobs = LocalBlobs(instance.folder / "blobs")
    found = {}
    for blob_id in blobs:
        with blobs.open(blob_id) as file:
            found[blob_id] = file.read()
    return found


def the_capsule(instance):
    (line,) = reading.capsules(instance.store, instance.ada)
    return line.capsule


def files_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def later(instant):
    """The clock of a machine that has run from the backup to this instant."""
    time = Time(NOW)
    time.go_to(instant)
    return time


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_restored_instance_has_every_row_and_every_byte(there, usb, tmp_path):
    made = back_up(there, usb)

    assert made.backup.files == made.new_files == len(blobs_of(there)) > 0
    assert made.backup.missing == ()
    with restored(there, usb, tmp_path / "elsewhere") as again:
        assert rows_of(again.store) == rows_of(there.store)
        assert blobs_of(again) == blobs_of(there)
        seen = reading.capsule(again.store, again.vault, again.ada, the_capsule(again).id)
        assert "The sea" in {story.words.title for story in seen.stories if story.words}


@pytest.mark.slow
def test_an_instance_moves_to_the_other_database_and_goes_on_there(there, usb, tmp_path, postgres):
    """Also the next event has a number of its own."""
    back_up(there, usb)
    url = postgres.create_database()

    with restored(there, usb, tmp_path / "moved", store_url=url) as moved:
        assert rows_of(moved.store) == rows_of(there.store)
        add_story(moved, the_capsule(moved), moved.ada, title="Later")
        with pytest.raises(ConfigurationProblem, match=r"^restore_into_used_database"):
            put_back(usb, tmp_path / "moved", url)


def test_a_backup_copies_only_what_is_not_there_yet(there, usb):
    back_up(there, usb)
    add_story(there, the_capsule(there), there.ada, title="New")

    made = back_up(there, usb, now=NOW + DAY)

    assert 0 < made.new_files < made.backup.files
    assert len(made.kept) == 2


def test_a_backup_that_was_cut_off_is_none_and_its_files_count(there, usb, tmp_path):
    def cut(_done, _all):
        raise Cut

    with pytest.raises(Cut):
        back_up(there, usb, progress=cut)
    with pytest.raises(Exception, match=r"^no_backup"):
        restore.newest_backup(usb)

    made = back_up(there, usb)

    assert made.new_files == made.backup.files - 1
    with restored(there, usb, tmp_path / "elsewhere") as again:
        assert blobs_of(again) == blobs_of(there)


def test_what_is_removed_and_unsealed_during_a_backup_is_in_it_and_gone_afterwards(there, usb, tmp_path):
    """The bytes that the snapshot knows wait for it, whoever deletes them; nobody else sees them any more."""
    before_rows, before = rows_of(there.store), blobs_of(there)
    capsule, time = the_capsule(there), Time(OPENS)
    is_first = iter([True])

    def meanwhile(_done, _all):
        if next(is_first, False):
            story = reading.capsule(there.store, there.vault, there.ada, capsule.id).stories[0]
            stories.remove(there.store, there.vault, there.ada, story.story.id, now=NOW)
            opening.open_due(there.store, there.wake, OPENS)
            ticks.CleanUp(context=make_context(there, time)).run()
            assert not set(before) & set(blobs_of(there))

    made = back_up(there, usb, progress=meanwhile)

    assert made.backup.missing == ()
    with restored(there, usb, tmp_path / "elsewhere") as again:
        assert (rows_of(again.store), blobs_of(again)) == (before_rows, before)
    left = {path.name for path in files_in(there.folder / "blobs")} - {".history"}
    assert left == set(blobs_of(there)), "nothing is left of what was deleted"


def test_bytes_that_a_killed_backup_kept_are_gone_after_the_next_sweep(there, usb):
    blobs = LocalBlobs(there.folder / "blobs")
    (first, *_rest) = blobs
    with blobs.holding():
        blobs.delete(first)
        kept = files_in(there.folder / "blobs")
    for path, content in kept.items():
        path.write_bytes(content)  # as if the holder had died before it removed them
    assert any(path.name.startswith(".") for path in kept)

    cleanup.sweep_parts(there.vault, now=NOW)

    assert not any(path.name.startswith(".") for path in files_in(there.folder / "blobs"))


def test_a_second_backup_at_the_same_time_is_refused(there):
    blobs = LocalBlobs(there.folder / "blobs")

    with blobs.holding(), pytest.raises(Busy, match=r"^blobs_held"), blobs.holding(tries=1):
        pass


def test_a_file_that_is_damaged_here_is_named_unless_an_earlier_backup_has_it(there, usb, tmp_path):
    old, *_rest = LocalBlobs(there.folder / "blobs")
    back_up(there, usb)
    before = blobs_of(there)
    flip(there.folder / "blobs" / old[:2] / old[2:4] / old)

    assert back_up(there, usb, now=NOW + DAY).backup.missing == ()
    with restored(there, usb, tmp_path / "elsewhere") as again:
        assert blobs_of(again) == before
    assert back_up(there, tmp_path / "second").backup.missing == (old,)


def test_only_the_newest_backups_are_kept_with_the_files_that_they_need(there, usb, tmp_path):
    back_up(there, usb)
    whole = len(blobs_of(there))
    capsule = the_capsule(there)
    story = reading.capsule(there.store, there.vault, there.ada, capsule.id).stories[0]
    stories.remove(there.store, there.vault, there.ada, story.story.id, now=NOW)
    (usb / "files" / "notes.txt").write_text("mine")

    for day in (1, 2):
        made = back_up(there, usb, keep=2, now=NOW + day * DAY)

    assert len(made.kept) == 2
    left = [path for path in (usb / "files").rglob("*") if path.is_file()]
    assert len(left) == len(blobs_of(there)) + 1 < whole, "what nobody knows stays"
    with restored(there, usb, tmp_path / "elsewhere", name=made.kept[0]) as again:
        assert blobs_of(again) == blobs_of(there)


def test_no_backup_is_forgotten_by_an_instance_that_is_held_or_has_an_older_database(there, usb, tmp_path):
    back_up(there, usb)
    with restored(there, usb, tmp_path / "elsewhere") as again:
        back_up(again, usb, keep=1)
        assert len(back_up(again, usb, keep=1).kept) == 3
        holds.release(again.store, again.vault, again.wake, again.ada, with_letters=True, now=NOW)
        assert len(back_up(again, usb, keep=1).kept) == 1

    history.remember(there.store, there.vault)
    with there.store.transaction() as tx:
        tx.session.execute(text("DELETE FROM event WHERE id = (SELECT max(id) FROM event)"))
    assert len(back_up(there, usb, keep=1).kept) == 2


def test_backups_are_in_the_order_in_which_they_were_made_whatever_the_clock_said(there, usb):
    back_up(there, usb, now=NOW)
    add_story(there, the_capsule(there), there.ada)

    back_up(there, usb, now=NOW - 20 * 365 * DAY)

    assert restore.newest_backup(usb).files == len(blobs_of(there))


def test_a_memory_stick_that_knows_no_modes_and_syncs_no_folders_takes_a_backup(there, usb, monkeypatch):
    """As FAT and exFAT answer, mounted by somebody else."""
    sync, change = os.fsync, os.chmod

    def refuse_modes(path, *given, **more):
        if str(path).startswith(str(usb)):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        change(path, *given, **more)

    def refuse_folders(descriptor):
        place = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) and place.startswith(str(usb)):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "chmod", refuse_modes)
    monkeypatch.setattr(os, "fsync", refuse_folders)

    made = back_up(there, usb)

    assert restore.verify(usb, made.backup, there.key).files == made.backup.files


def test_the_folder_of_another_instance_is_refused(there, usb, tmp_path):
    with make_instance(f"sqlite:///{tmp_path}/other.db", tmp_path / "other") as other:
        back_up(other, usb)
    before = files_in(usb)

    with pytest.raises(ConfigurationProblem, match=r"^backup_of_other_instance"):
        back_up(there, usb)

    assert files_in(usb) == before


def test_a_flipped_bit_in_a_backup_is_found_and_mended_by_the_next_one(there, usb):
    made = back_up(there, usb)
    flip(max((usb / "files").rglob("*"), key=lambda path: path.stat().st_size * path.is_file()))

    found = restore.verify(usb, made.backup, there.key)
    assert len(found.damaged) == 1
    assert found.missing == ()
    assert back_up(there, usb).new_files == 1
    assert restore.verify(usb, restore.newest_backup(usb), there.key).damaged == ()


def test_a_damaged_database_in_a_backup_is_refused(there, usb, tmp_path):
    made = back_up(there, usb)
    flip(usb / "backups" / made.backup.name / "database.db")

    with pytest.raises(ConfigurationProblem, match=r"^backup_database_damaged"):
        restore.verify(usb, made.backup, there.key)
    with pytest.raises(ConfigurationProblem, match=r"^backup_database_damaged"):
        put_back(usb, tmp_path / "elsewhere", f"sqlite:///{tmp_path}/elsewhere/capsule.db")


def test_the_right_key_is_asked_for_before_anything_is_written(there, usb, tmp_path):
    made = back_up(there, usb)
    key_file = there.key_file
    restore.check_key(key_file, made.backup)

    keys.rotate(there.store, key_file, now=NOW)

    (older,) = key_file.parent.glob("instance.key.before-*")
    with pytest.raises(WrongKey, match=r"^restore_needs_other_key") as refused:
        restore.check_key(key_file, made.backup)
    assert refused.value.values["right"] == older
    older.unlink()
    with pytest.raises(WrongKey, match=r"^restore_with_wrong_key"):
        restore.check_key(key_file, made.backup)
    with pytest.raises(KeyMissing):
        restore.check_key(tmp_path / "nowhere.key", made.backup)


def test_a_restore_that_was_cut_off_leaves_no_instance_and_is_repeated(there, usb, tmp_path):
    back_up(there, usb)
    place = tmp_path / "elsewhere"
    url = f"sqlite:///{place}/capsule.db"

    def cut(_done, _all):
        raise Cut

    with pytest.raises(Cut):
        put_back(usb, place, url, progress=cut)
    assert not (place / "capsule.db").exists()

    with restored(there, usb, place) as again:
        assert blobs_of(again) == blobs_of(there)
        with pytest.raises(ConfigurationProblem, match=r"^restore_into_used_database"):
            put_back(usb, place, url)


def test_an_older_backup_over_newer_files_removes_none_of_them(there, usb, tmp_path):
    """The database is lost, and the folder of files is not: what the backup does not know stays, sweeps or not."""
    back_up(there, usb)
    add_story(there, the_capsule(there), there.ada, title="After the backup")
    place = tmp_path / "elsewhere"
    shutil.copytree(there.folder / "blobs", place / "blobs")
    for path in files_in(place):
        os.utime(path, (0, 0))
    before = files_in(place / "blobs")

    with restored(there, usb, place) as again:
        context = make_context(again, later(NOW + 60 * DAY))
        ticks.settle(context)
        ticks.tick(context)
        ticks.sweep(context)

        after = files_in(place / "blobs")
        after.pop(place / "blobs" / ".history")
        assert after == before


def test_beside_a_lost_database_its_write_ahead_log_is_put_aside(there, usb, tmp_path):
    """SQLite would take it for the end of the database that comes back."""
    back_up(there, usb)
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "capsule.db-wal").write_bytes(b"of the database that is gone")

    with restored(there, usb, place) as again:
        assert rows_of(again.store) == rows_of(there.store)
    (kept,) = place.glob("capsule.db-wal.before-restore-*")
    assert kept.read_bytes() == b"of the database that is gone"


def test_a_restored_instance_opens_nothing_and_sends_nothing_until_it_is_released(there, usb, tmp_path):
    back_up(there, usb)

    with restored(there, usb, tmp_path / "elsewhere") as again:
        context = make_context(again, later(OPENS + DAY))
        ticks.settle(context)
        done = ticks.tick(context)
        assert done.doubt.reason == "held_after_restore"
        assert (done.opened, again.letters()) == ((), [])
        with pytest.raises(NotDue, match=r"^held_after_restore"):
            opening.open_now(again.store, again.wake, again.ada, the_capsule(again).id, now=OPENS)
        foretold = ticks.preview(context)
        assert [one.id for one in foretold.opened] == [the_capsule(again).id]
        assert "cleo@example.org" in {one.address for one in foretold.letters}

        assert holds.release(again.store, again.vault, again.wake, again.ada, with_letters=True, now=OPENS)
        assert not holds.release(
            again.store, again.vault, again.wake, again.ada, with_letters=True, now=OPENS
        )

        ticks.send_letters(context)
        assert sum("cleo" in path.name for path in again.letters()) == 1
        ticks.open_due(context)
        assert the_capsule(again).state is CapsuleState.OPEN


def test_a_restored_instance_unseals_nothing_until_it_is_released(there, usb, tmp_path):
    opening.open_due(there.store, there.wake, OPENS)
    back_up(there, usb)

    with restored(there, usb, tmp_path / "elsewhere") as again:
        sealed = blobs_of(again)
        tidy = ticks.CleanUp(context=make_context(again, later(OPENS + DAY)))
        tidy.run()
        assert blobs_of(again) == sealed
        holds.release(again.store, again.vault, again.wake, again.ada, with_letters=False, now=OPENS + DAY)
        tidy.run()
        assert not set(blobs_of(again)) & set(sealed)


def test_released_without_letters_it_opens_and_writes_to_nobody_a_second_time(there, usb, tmp_path):
    """The server that died on the day had sent them."""
    back_up(there, usb)

    with restored(there, usb, tmp_path / "elsewhere") as again:
        now = OPENS + DAY
        holds.release(again.store, again.vault, again.wake, again.ada, with_letters=False, now=now)
        time = later(now)
        context = make_context(again, time)
        ticks.open_due(context)
        time.go_on(days=1)
        ticks.send_letters(context)

        assert the_capsule(again).state is CapsuleState.OPEN
        assert again.letters() == []


def test_released_without_letters_nobody_is_written_to_for_a_letter_that_was_in_doubt(there, usb, tmp_path):
    """The server that died had sent the letter that stands in for it, or did not need to."""
    capsule = the_capsule(there)
    opening.open_if_due(there.store, there.wake, capsule.id, OPENS)
    with there.store.transaction() as tx:
        opening.queue_letters(tx, there.wake, capsule.id, "none", OPENS)
        opened = delivery_store.deliveries.by(tx, "address", kind=LetterKind.OPENED)
        for letter in opened:
            taken = delivery_store.claim(tx, letter.id, "a run that is gone", OPENS)
            delivery_store.change_attempt(tx, letter.id, taken.attempt, data_started_at=OPENS)
        ended = {"state": DeliveryState.UNKNOWN, "lease": None, "finished_at": OPENS}
        delivery_store.change_attempt(tx, opened[0].id, 1, **ended)
    back_up(there, usb, now=OPENS)

    with restored(there, usb, tmp_path / "elsewhere", now=OPENS) as again:
        time = later(OPENS + DAY)
        holds.release(again.store, again.vault, again.wake, again.ada, with_letters=False, now=time.now)
        context = make_context(again, time)
        for _ in range(4):
            time.go_on(days=1)
            ticks.send_letters(context)

        assert again.letters() == []
