"""Repair: what a second folder holds comes back, whatever it is called there; and nothing else does."""

import dataclasses
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from memorycapsule.errors import CapsuleError
from memorycapsule.services import cleanup, opening
from memorycapsule.services.preservation import levels
from memorycapsule.services.preservation.repair import repair
from memorycapsule.services.preservation.verification import check, verify
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import stories as story_store
from support.cast import OPENS, add_story, known_blob_ids, make_photo, prepare
from support.moments import NOW

LATER = NOW + timedelta(days=1)


def mend(stage, folder):
    return repair(stage.instance.store, stage.instance.vault, folder, prepare=prepare, now=LATER)


def check_deep(stage):
    return check(stage.instance.store, stage.instance.vault, deep=True, now=LATER).damage


def content_of(stage):
    return {path: path.read_bytes() for path in stage.instance.blob_files()}


def flip(path, at=None):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


def test_files_come_back_whatever_they_are_called(filled, tmp_path):
    before = content_of(filled)
    folder = tmp_path / "copies" / "deep"
    folder.mkdir(parents=True)
    for number, content in enumerate(before.values()):
        (folder / f"{number}.bin").write_bytes(content)
    for number, path in enumerate(sorted(before)):
        flip(path) if number % 2 else path.unlink()
    assert len(check_deep(filled)) == len(before)

    done = mend(filled, tmp_path / "copies")

    assert (len(done.mended), done.left) == (len(before), ())
    assert content_of(filled) == before
    assert list(filled.instance.vault.blobs.quarantine()) == []
    assert check_deep(filled) == ()


def test_what_is_damaged_in_the_copy_too_is_left_as_it_is(filled, tmp_path):
    with filled.instance.store.reading() as tx:
        medium = story_store.media_of_capsule(tx, filled.capsule.id)[0]
    damaged = filled.instance.vault.blobs._path(medium.original_blob)
    (tmp_path / "copies").mkdir()
    shutil.copy(damaged, tmp_path / "copies" / "x")
    flip(tmp_path / "copies" / "x", at=3)
    flip(damaged)
    (named,) = check_deep(filled)

    done = mend(filled, tmp_path / "copies")

    assert (done.mended, done.left) == ((), (named,))
    assert [one.id for one in filled.instance.vault.blobs.quarantine()] == [damaged.name]


def test_links_and_pipes_are_passed_over(filled, tmp_path):
    folder = tmp_path / "copies"
    folder.mkdir()
    (folder / "round").symlink_to(folder)
    (folder / "nowhere").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe")

    assert mend(filled, folder).left == ()


def test_copies_that_go_while_others_are_read_end_no_repair(filled, tmp_path):
    """As in a folder of photos that somebody tidies up."""
    before = content_of(filled)
    first = next(iter(before))
    folder = tmp_path / "copies"
    folder.mkdir()
    for number, content in enumerate(before.values(), 10):
        (folder / f"{number}").write_bytes(content)
    for path in before:
        path.unlink()

    def tidy_up(_bytes):
        for path in sorted(folder.iterdir())[1:]:
            path.unlink()

    instance = filled.instance
    repair(instance.store, instance.vault, folder, prepare=prepare, on_read=tidy_up, now=LATER)

    assert first.read_bytes() == before[first]


def test_what_cannot_be_read_is_passed_over_where_an_envelope_is_looked_for(stage):
    """The memory of a process is a file that nobody reads at its beginning."""
    damage_envelope(stage, "instance")

    done = mend(stage, Path(f"/proc/self/task/{threading.get_native_id()}"))

    assert len(done.left) == 1


def test_a_folder_that_is_not_there_is_said_to_be_missing(filled, tmp_path):
    with pytest.raises(CapsuleError, match="repair_folder_missing"):
        mend(filled, tmp_path / "nowhere")


def test_an_opened_photo_comes_back_from_the_photo_itself(stage, tmp_path):
    photo = make_photo(99)
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=[photo])
    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    while cleanup.unseal_opened(stage.instance.store, stage.instance.vault, set(), now=OPENS):
        pass
    (original,) = (path for path, content in content_of(stage).items() if content == photo)
    flip(original)
    assert len(check_deep(stage)) == 1
    (tmp_path / "camera").mkdir()
    (tmp_path / "camera" / "IMG_0099.JPG").write_bytes(photo)

    assert mend(stage, tmp_path / "camera").left == ()
    assert original.read_bytes() == photo


@pytest.mark.parametrize("is_open", [False, True])
def test_what_is_shown_of_a_photo_is_made_anew_from_its_original(filled, tmp_path, is_open):
    instance = filled.instance
    if is_open:
        opening.open_due(instance.store, instance.wake, OPENS)
        while cleanup.unseal_opened(instance.store, instance.vault, set(), now=OPENS):
            pass
    with instance.store.reading() as tx:
        first, second = story_store.media_of_capsule(tx, filled.capsule.id)
    flip(instance.vault.blobs._path(first.display_blob))
    instance.vault.blobs._path(second.thumbnail_blob).unlink()
    assert len(check_deep(filled)) == 2
    (tmp_path / "empty").mkdir()

    assert mend(filled, tmp_path / "empty").left == ()

    assert check_deep(filled) == ()
    with instance.store.reading() as tx:
        known = known_blob_ids(tx)
        assert {one.original_blob for one in story_store.media_of_capsule(tx, filled.capsule.id)} == {
            first.original_blob,
            second.original_blob,
        }
    assert {path.name for path in instance.blob_files()} == known
    assert list(instance.vault.blobs.quarantine()) == []


def damage_envelope(stage, kind):
    with stage.instance.store.transaction() as tx:
        envelope = capsule_store.newest_envelope(tx, stage.capsule.id, kind)
        damaged = bytearray(envelope.envelope)
        damaged[len(damaged) // 2] ^= 1
        capsule_store.envelopes.save(tx, dataclasses.replace(envelope, envelope=bytes(damaged)))


@pytest.mark.parametrize("kinds", [("instance",), ("recovery",), ("instance", "recovery")])
def test_envelopes_come_back_from_a_copy_of_the_database(stage, tmp_path, kinds):
    (tmp_path / "copy").mkdir()
    with (
        closing(sqlite3.connect(stage.instance.folder / "capsule.db")) as here,
        closing(sqlite3.connect(tmp_path / "copy" / "any.name")) as there,
    ):
        here.backup(there)
        there.execute("PRAGMA journal_mode=DELETE")
    for kind in kinds:
        damage_envelope(stage, kind)
    assert len(verify(stage.instance.store, stage.instance.vault).damage) == len(kinds)

    done = mend(stage, tmp_path / "copy")

    assert (len(done.mended), done.left) == (len(kinds), ())


def test_an_envelope_of_the_recovery_key_needs_no_copy(stage, tmp_path):
    damage_envelope(stage, "recovery")

    assert mend(stage, tmp_path).left == ()


def test_a_noted_digest_that_has_changed_is_corrected_where_the_bytes_prove_themselves(filled, tmp_path):
    before = content_of(filled)
    with filled.instance.store.transaction() as tx:
        tx.session.execute(text("UPDATE blob SET stored_digest = 'x'"))
    assert len(check_deep(filled)) == len(before)
    (tmp_path / "empty").mkdir()

    assert mend(filled, tmp_path / "empty").left == ()
    assert content_of(filled) == before
    assert check_deep(filled) == ()


def test_the_levels_of_preservation_follow_from_backups_looks_and_damage(filled):
    store = filled.instance.store

    def reached(now):
        found = levels.levels(store, now=now)
        return found.storage, found.integrity

    assert reached(NOW) == (0, 1)
    with store.transaction() as tx:
        instance_store.change(tx, backed_up_at=NOW)
    assert reached(LATER) == (1, 4)
    min(filled.instance.blob_files()).unlink()
    check_deep(filled)
    assert reached(LATER) == (1, 3)
    with store.transaction() as tx:
        instance_store.change(tx, backed_up_at=NOW + timedelta(days=60))
    assert reached(NOW + timedelta(days=61)) == (1, 2)
    assert reached(NOW + timedelta(days=100)) == (0, 1)
