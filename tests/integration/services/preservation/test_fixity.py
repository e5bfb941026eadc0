"""The scrub reads everything within thirty days, notes what it finds, and puts aside what has changed."""

import dataclasses
import os
import resource
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlmodel import select

from memorycapsule.domain.instances import BlobDamage
from memorycapsule.domain.preservation import DamageKind
from memorycapsule.errors import Postponed
from memorycapsule.services import cleanup, opening
from memorycapsule.services.preservation import fixity
from memorycapsule.services.preservation.verification import verify
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.rows import EventRow
from memorycapsule.work import ticks
from support.cast import OPENS, add_story, known_blob_ids, make_context
from support.moments import NOW
from support.refusals import refused


def scrub(stage, now, *, most_seconds=60.0):
    return fixity.scrub(
        stage.instance.store, stage.instance.vault, most_seconds=most_seconds, clock=lambda: now
    )


def blobs_of(stage):
    with stage.instance.store.reading() as tx:
        return {one: capsule_store.blobs.get(tx, one) for one in sorted(known_blob_ids(tx))}


def flip(stage, blob_id):
    path = stage.instance.vault.blobs._path(blob_id)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def facts_of(stage, kind):
    with stage.instance.store.reading() as tx:
        return list(tx.session.exec(select(EventRow.facts).where(EventRow.kind == kind)))


def test_all_is_read_within_thirty_days_a_share_each_day(filled):
    add_story(filled.instance, filled.capsule, filled.ben.viewer, photos=12)
    total = sum(blob.bytes for blob in blobs_of(filled).values())
    largest = max(blob.bytes for blob in blobs_of(filled).values())

    for day in range(1, 31):
        for hour in (0, 7, 19):
            scrub(filled, NOW + timedelta(days=day, hours=hour, minutes=1))
        read = [blob for blob in blobs_of(filled).values() if blob.checked_at]
        assert sum(blob.bytes for blob in read) <= (total / fixity.DAYS_OF_A_ROUND + largest) * day
    assert all(blob.checked_at and not blob.damage for blob in blobs_of(filled).values())


def test_a_machine_without_open_files_makes_no_stored_file_damaged(filled):
    later = NOW + timedelta(days=30)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open() as lowest:
        free = lowest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with refused(Postponed, "machine_exhausted"):
            scrub(filled, later)
        with refused(Postponed, "machine_exhausted"):
            verify(filled.instance.store, filled.instance.vault, deep=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert not any(blob.damage for blob in blobs_of(filled).values())
    assert scrub(filled, later).damaged == ()


def test_what_was_written_just_now_is_not_read(filled):
    assert scrub(filled, NOW + timedelta(hours=23)).blobs == 0


def test_a_pass_without_time_reads_nothing(filled):
    assert scrub(filled, NOW + timedelta(days=40), most_seconds=0.0).blobs == 0


def test_a_look_that_a_wrong_clock_has_dated_into_the_future_counts_as_none(filled):
    with filled.instance.store.transaction() as tx:
        for blob in capsule_store.blobs.all(tx, capsule_store.blobs.rows()):
            later = dataclasses.replace(blob, checked_at=NOW + timedelta(days=9000))
            capsule_store.blobs.save(tx, later)

    assert scrub(filled, NOW + timedelta(days=2)).blobs > 0


def check_everything(stage, now=NOW + timedelta(days=2)):
    """Read all, however much that is for one day."""
    looked_at = [
        (blob, fixity.damage_of(stage.instance.vault.blobs, blob, deep=True))
        for blob in blobs_of(stage).values()
    ]
    fixity.note(stage.instance.store, stage.instance.vault, looked_at, now=now)


def test_what_has_changed_is_noted_and_put_aside(filled):
    damaged, missing, *whole = blobs_of(filled)
    flip(filled, damaged)
    filled.instance.vault.blobs._path(missing).unlink()

    check_everything(filled)

    after = blobs_of(filled)
    assert after[damaged].damage is BlobDamage.CHANGED
    assert after[missing].damage is BlobDamage.MISSING
    assert {after[one].damage for one in whole} == {None}
    assert [one.id for one in filled.instance.vault.blobs.quarantine()] == [damaged]
    found = verify(filled.instance.store, filled.instance.vault).damage
    assert {(one.kind, one.subject_id) for one in found} == {
        (DamageKind.BLOB_CHANGED, damaged),
        (DamageKind.BLOB_MISSING, missing),
    }


def test_it_is_recorded_in_the_terms_of_premis_once(filled):
    damaged, *_whole = blobs_of(filled)
    flip(filled, damaged)

    check_everything(filled)
    check_everything(filled)

    (quarantined,) = facts_of(filled, "blob.damaged")
    assert '"outcome": "failure"' in quarantined
    assert '"type": "quarantine"' in quarantined
    assert len(facts_of(filled, "fixity.checked")) == 2


def test_damage_that_is_gone_is_forgotten_at_the_next_look(filled):
    damaged, *_whole = blobs_of(filled)
    path = filled.instance.vault.blobs._path(damaged)
    content = path.read_bytes()
    flip(filled, damaged)
    check_everything(filled)
    path.write_bytes(content)

    check_everything(filled)

    assert {blob.damage for blob in blobs_of(filled).values()} == {None}


def test_bytes_that_prove_themselves_are_not_put_aside_when_their_row_has_changed(filled):
    opening.open_due(filled.instance.store, filled.instance.wake, OPENS)
    with filled.instance.store.reading() as tx:
        sealed = capsule_store.blobs.all(tx, capsule_store.blobs.rows())[0]
    wrong = "0" * 64
    with filled.instance.store.transaction() as tx:
        tx.session.execute(
            text("UPDATE blob SET stored_digest = :wrong WHERE id = :id"), {"wrong": wrong, "id": sealed.id}
        )

    check_everything(filled)

    assert blobs_of(filled)[sealed.id].damage is BlobDamage.CHANGED
    assert list(filled.instance.vault.blobs.quarantine()) == []


def test_an_open_original_proves_itself_by_what_its_medium_knows(filled):
    opening.open_due(filled.instance.store, filled.instance.wake, OPENS)
    while cleanup.unseal_opened(filled.instance.store, filled.instance.vault, set(), now=OPENS):
        pass
    with filled.instance.store.transaction() as tx:
        tx.session.execute(text("UPDATE blob SET stored_digest = 'x'"))
        originals = set(tx.session.execute(text("SELECT original_blob FROM medium")).scalars())

    check_everything(filled, OPENS + timedelta(days=2))

    put_aside = {one.id for one in filled.instance.vault.blobs.quarantine()}
    assert put_aside == blobs_of(filled).keys() - originals


def test_a_missing_file_is_noted_by_the_daily_sweep(filled, time):
    missing, changed, *_whole = blobs_of(filled)
    filled.instance.vault.blobs._path(missing).unlink()
    flip(filled, changed)

    ticks.sweep(make_context(filled.instance, time))

    after = blobs_of(filled)
    assert after[missing].damage is BlobDamage.MISSING
    assert after[changed].damage is None, "what has the same size is read by the scrub"


def test_what_cannot_be_unsealed_on_the_day_is_noted(filled):
    with filled.instance.store.reading() as tx:
        medium = story_store.media_of_capsule(tx, filled.capsule.id)[0]
    flip(filled, medium.display_blob)
    opening.open_due(filled.instance.store, filled.instance.wake, OPENS)
    skip: set[str] = set()

    while cleanup.unseal_opened(filled.instance.store, filled.instance.vault, skip, now=OPENS):
        pass

    assert skip == {medium.id}
    noted = {one: blob.damage for one, blob in blobs_of(filled).items() if blob.damage}
    assert noted == {medium.display_blob: BlobDamage.CHANGED}
