"""What is kept in a bucket is verified, mended, swept, backed up and restored as what is kept in a folder."""

import dataclasses
import io
import json
import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from memorycapsule.domain.instances import BlobDamage
from memorycapsule.errors import Postponed
from memorycapsule.media.storage.folder import LocalBlobs
from memorycapsule.services import cleanup, opening, reading
from memorycapsule.services.preservation import backup, fixity, repair, restore, trash, verification
from memorycapsule.services.preservation.restore import RestorePlace
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.work import ticks
from support.cast import NOW, OPENS, add_story, make_capsule, make_context, prepare
from support.s3_servers import S3Server, bucket_blobs
from support.servers import free_port

pytestmark = pytest.mark.slow

LATER = datetime.now(UTC) + timedelta(days=2)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with S3Server("s3rver", tmp_path_factory.mktemp("s3rver")) as server:
        yield server


@pytest.fixture
def stored(instance, server, tmp_path):
    """An instance that keeps its files in a bucket: one capsule with a story of a photo."""
    there = bucket_blobs(server, tmp_path, f"instance-{uuid4()}")
    stored = dataclasses.replace(instance, vault=dataclasses.replace(instance.vault, blobs=there))
    add_story(stored, make_capsule(stored), stored.ada, title="The sea")
    return stored


def the_medium(stored):
    with stored.store.reading() as tx:
        (medium,) = (
            medium
            for capsule in reading.capsules(stored.store, stored.ada)
            for medium in story_store.media_of_capsule(tx, capsule.capsule.id)
        )
    return medium


def change(stored, blob_id):
    """Change one bit of a stored file."""
    with stored.vault.blobs.open(blob_id) as file:
        content = bytearray(file.read())
    content[len(content) // 2] ^= 1
    stored.vault.blobs.write(blob_id, lambda sink: sink.write(content))


def damage(stored, *, deep=True):
    return [
        one.kind.value for one in verification.check(stored.store, stored.vault, deep=deep, now=NOW).damage
    ]


def test_while_the_bucket_is_silent_a_start_and_openings_go_on_and_an_older_database_is_held_when_it_answers(
    stored, server, tmp_path, time
):
    silent = bucket_blobs(server, tmp_path, "any", endpoint=f"http://127.0.0.1:{free_port()}")
    there = stored.vault.blobs
    there.remember(json.dumps({"instance": "another", "event": 7}))
    without = dataclasses.replace(stored, vault=dataclasses.replace(stored.vault, blobs=silent))
    with capture_logs() as said:
        ticks.settle(make_context(without, time))
    assert ("history.not_remembered", "blob_storage_unreachable") in {
        (one["event"], one.get("reason")) for one in said
    }
    time.go_to(OPENS)
    openings, doubt = ticks.open_due(make_context(without, time))
    assert (len(openings.opened), doubt) == (1, None)

    _openings, doubt = ticks.open_due(make_context(stored, time))
    assert doubt.reason == "held_older_database"


def test_what_was_put_in_is_unsealed_from_there_and_is_a_file_of_this_system(stored):
    medium = the_medium(stored)
    for is_kept in (False, True):
        with stored.vault.open_medium(stored.store, medium.id, "display_blob", for_pieces=is_kept) as file:
            assert file.read(2) == b"\xff\xd8"
            assert is_kept or os.fstat(file.fileno()).st_size


def test_an_opened_capsule_is_unsealed_there_and_read_in_pieces(stored):
    capsule = reading.capsules(stored.store, stored.ada)[0].capsule
    opening.open_now(stored.store, stored.wake, stored.ada, capsule.id, now=OPENS)
    assert cleanup.unseal_opened(stored.store, stored.vault, set(), now=OPENS) == 2
    medium = the_medium(stored)

    assert len(list(stored.vault.blobs)) == len(medium.blobs)
    with stored.vault.open_medium(stored.store, medium.id, "display_blob", for_pieces=True) as file:
        assert file.read(2) == b"\xff\xd8"
        assert file.seek(-2, io.SEEK_END) > 0
        assert file.read() == b"\xff\xd9"
        with pytest.raises(io.UnsupportedOperation):
            file.fileno()
    with stored.vault.open_medium(stored.store, medium.id, "display_blob") as file:
        assert os.pread(file.fileno(), 2, 0) == b"\xff\xd8"


def test_changed_and_missing_files_are_found_put_aside_and_mended_from_a_backup(stored, tmp_path):
    medium, usb = the_medium(stored), tmp_path / "usb"
    made = backup.make_backup(stored.store, stored.vault.blobs, usb, now=NOW)
    assert (made.backup.files, made.backup.missing) == (3, ())
    assert damage(stored) == []

    change(stored, medium.original_blob)
    stored.vault.blobs.delete(medium.thumbnail_blob)
    assert sorted(damage(stored)) == ["blob_changed", "blob_missing"]
    assert [one.id for one in stored.vault.blobs.quarantine()] == [medium.original_blob]

    repaired = repair.repair(stored.store, stored.vault, usb, prepare=prepare, now=NOW)
    assert len(repaired.mended) == 2
    assert repaired.left == ()
    assert damage(stored) == []
    assert list(stored.vault.blobs.quarantine()) == []


def test_the_scrub_reads_what_is_kept_there(stored):
    medium = the_medium(stored)
    change(stored, medium.display_blob)
    damaged = {
        blob.id
        for day in range(fixity.DAYS_OF_A_ROUND)
        for blob in fixity.scrub(
            stored.store,
            stored.vault,
            most_seconds=60,
            clock=lambda day=day: NOW + timedelta(days=40 + day),
        ).damaged
    }

    assert damaged == {medium.display_blob}
    with stored.store.reading() as tx:
        assert capsule_store.blobs.get(tx, medium.display_blob).damage is BlobDamage.CHANGED


def test_a_service_that_does_not_answer_damages_nothing(stored, server, tmp_path):
    """Nothing listens at that port."""
    deaf = bucket_blobs(server, tmp_path, "", endpoint="http://127.0.0.1:9")
    away = dataclasses.replace(stored.vault, blobs=deaf)
    medium = the_medium(stored)
    with stored.store.reading() as tx:
        blob = capsule_store.blobs.get(tx, medium.display_blob)
    for deep in (False, True):
        with pytest.raises(Postponed):
            fixity.damage_of(away.blobs, blob, deep=deep)


def test_what_no_row_knows_goes_into_the_trash_there(stored):
    left = str(uuid4())
    stored.vault.blobs.write(left, lambda sink: sink.write(b"four"))
    assert trash.sweep(stored.store, stored.vault, now=LATER).moved == trash.FileCount(files=1, bytes=4)
    assert [one.id for one in stored.vault.blobs.trash()] == [left]

    swept = trash.sweep(stored.store, stored.vault, now=LATER + timedelta(days=32))
    assert swept.deleted == trash.FileCount(files=1, bytes=4)
    assert list(stored.vault.blobs.trash()) == []
    assert damage(stored) == []


@pytest.mark.parametrize("to", ["bucket", "folder"])
def test_a_backup_of_it_is_restored_wherever_files_are_to_be_kept(stored, server, tmp_path, to):
    usb, place = tmp_path / "usb", tmp_path / "elsewhere"
    made = backup.make_backup(stored.store, stored.vault.blobs, usb, now=NOW)
    blobs = (
        LocalBlobs(place / "blobs")
        if to == "folder"
        else bucket_blobs(server, tmp_path, f"restored-{uuid4()}")
    )
    place.mkdir(exist_ok=True)
    where = RestorePlace(data_dir=place, blobs=blobs, store_url=f"sqlite:///{place}/capsule.db")
    done = restore.restore(usb, made.backup, where, now=NOW)

    assert (done.files, done.missing, done.damaged, done.unknown) == (3, (), (), 0)
    for blob_id in stored.vault.blobs:
        with stored.vault.blobs.open(blob_id) as old, blobs.open(blob_id) as new:
            assert old.read() == new.read()


def test_what_is_removed_while_a_backup_runs_is_in_it(stored, tmp_path):
    medium = the_medium(stored)

    def remove(_done, _all) -> None:
        for blob_id in medium.blobs.values():
            stored.vault.blobs.delete(blob_id)

    made = backup.make_backup(stored.store, stored.vault.blobs, tmp_path / "usb", now=NOW, progress=remove)
    assert made.backup.missing == ()
    assert list(stored.vault.blobs) == []
