"""Verification: what was damaged is named, exactly; what is whole is passed over."""

import dataclasses
import hashlib

import pytest
from sqlalchemy import text
from sqlmodel import col

from memorycapsule.domain.preservation import DamageKind
from memorycapsule.services import cleanup, opening
from memorycapsule.services.preservation.verification import verify
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.rows import KeyEnvelopeRow
from support.cast import OPENS, add_story, flipped, known_blob_ids


def found(stage, *, deep=False):
    """What is damaged: kinds, with what they are about."""
    verification = verify(stage.instance.store, stage.instance.vault, deep=deep)
    return {(one.kind, one.subject_id) for one in verification.damage}


def blob_path(stage, blob_id):
    return stage.instance.folder / "blobs" / blob_id[:2] / blob_id[2:4] / blob_id


def flip(path, at=None):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


def blobs_of(stage):
    with stage.instance.store.reading() as tx:
        return sorted(known_blob_ids(tx))


def test_what_nobody_has_damaged_is_whole(filled):
    verification = verify(filled.instance.store, filled.instance.vault, deep=True)

    assert verification.damage == ()
    assert (verification.capsules, verification.blobs) == (2, 6)
    assert verification.bytes == sum(path.stat().st_size for path in filled.instance.blob_files())


def test_all_bytes_are_read_when_it_is_deep_and_none_otherwise(filled):
    read = []

    verify(filled.instance.store, filled.instance.vault, on_read=read.append)
    assert read == []
    verification = verify(filled.instance.store, filled.instance.vault, deep=True, on_read=read.append)
    assert sum(read) == verification.bytes


def test_one_flipped_bit_in_a_blob_is_named_by_the_deep_look_alone(filled):
    damaged = blobs_of(filled)[3]
    flip(blob_path(filled, damaged))

    assert found(filled) == set()
    assert found(filled, deep=True) == {(DamageKind.BLOB_CHANGED, damaged)}


def test_missing_and_shortened_blobs_are_named_without_reading_any(filled):
    missing, shortened, *_rest = blobs_of(filled)
    blob_path(filled, missing).unlink()
    path = blob_path(filled, shortened)
    path.write_bytes(path.read_bytes()[:-1])

    expected = {(DamageKind.BLOB_MISSING, missing), (DamageKind.BLOB_CHANGED, shortened)}
    assert found(filled) == expected
    assert found(filled, deep=True) == expected


def test_a_row_that_has_two_keys_is_named_by_both(stage):
    with stage.instance.store.transaction() as tx:
        tx.session.execute(text("INSERT INTO bucket VALUES ('sign_in', 'somebody', 1.0, 'no instant')"))

    assert found(stage) == {(DamageKind.ROW, "sign_in somebody")}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["instance", "recovery"])
def test_one_flipped_bit_anywhere_in_an_envelope_is_named(stage, kind):
    store = stage.instance.store
    with store.reading() as tx:
        envelope = capsule_store.newest_envelope(tx, stage.capsule.id, kind)
    for place in range(0, len(envelope.envelope), 7):
        damaged = bytearray(envelope.envelope)
        damaged[place] ^= 1
        with store.transaction() as tx:
            capsule_store.envelopes.save(tx, dataclasses.replace(envelope, envelope=bytes(damaged)))

        assert found(stage) == {(DamageKind.ENVELOPE_DAMAGED, envelope.id)}, place


def test_a_whole_envelope_of_another_capsule_is_foreign_and_none_is_missing(stage):
    store = stage.instance.store
    with store.transaction() as tx:
        other = next(one for one in capsule_store.all_capsules(tx) if one.id != stage.capsule.id)
        mine = capsule_store.newest_envelope(tx, stage.capsule.id, "instance")
        theirs = capsule_store.newest_envelope(tx, other.id, "instance")
        capsule_store.envelopes.save(
            tx, dataclasses.replace(mine, envelope=theirs.envelope, digest=theirs.digest)
        )
        capsule_store.envelopes.remove(
            tx, col(KeyEnvelopeRow.capsule_id) == other.id, col(KeyEnvelopeRow.kind) == "recovery"
        )

    assert found(stage) == {(DamageKind.ENVELOPE_FOREIGN, mine.id), (DamageKind.ENVELOPE_MISSING, None)}


def test_damaged_words_and_details_are_named_by_the_deep_look(filled):
    with filled.instance.store.transaction() as tx:
        story, _other = story_store.of_capsule(tx, filled.capsule.id)
        medium = story_store.media_of_capsule(tx, filled.capsule.id)[0]
        story_store.stories.save(tx, dataclasses.replace(story, words=flipped(story.words)))
        story_store.media.save(tx, dataclasses.replace(medium, details=b"?" + medium.details[1:]))

    assert found(filled) == set()
    assert found(filled, deep=True) == {(DamageKind.WORDS, story.id), (DamageKind.DETAILS, medium.id)}


def test_a_row_that_no_program_of_ours_has_written_is_named(stage):
    if not stage.instance.store.is_sqlite:
        pytest.skip("Postgres takes no such value")
    with stage.instance.store.transaction() as tx:
        tx.session.execute(
            text("UPDATE member SET role = 'owlner', joined_at = '20-5-8' WHERE id = :id"),
            {"id": stage.ben.member.id},
        )

    assert (DamageKind.ROW, stage.ben.member.id) in found(stage)


def test_a_cover_that_has_no_row_is_named(stage):
    nowhere = hashlib.md5(b"nowhere").hexdigest()
    with stage.instance.store.transaction() as tx:
        capsule_store.capsules.save(tx, dataclasses.replace(stage.capsule, cover_blob=nowhere))

    assert found(stage) == {(DamageKind.BLOB_UNKNOWN, nowhere)}


def test_a_plan_that_cannot_be_read_is_named(filled):
    store = filled.instance.store
    opening.open_due(store, filled.instance.wake, OPENS)
    with store.transaction() as tx:
        montage = montage_store.of_opening(tx, filled.capsule.id)
        montage_store.montages.save(tx, dataclasses.replace(montage, plan='{"plan_version": 1, "scen'))

    assert found(filled) == {(DamageKind.PLAN, montage.id)}


def test_an_opened_and_unsealed_capsule_is_whole(filled):
    store, vault = filled.instance.store, filled.instance.vault
    add_story(filled.instance, filled.capsule, filled.ben.viewer, photos=2)
    opening.open_due(store, filled.instance.wake, OPENS)
    while cleanup.unseal_opened(store, vault, set(), now=OPENS):
        pass

    assert found(filled, deep=True) == set()


def test_a_capsule_that_is_open_before_its_date_breaks_a_rule(stage):
    with stage.instance.store.transaction() as tx:
        tx.session.execute(
            text("UPDATE capsule SET state = 'open', opened_at = created_at WHERE id = :id"),
            {"id": stage.capsule.id},
        )

    damage = verify(stage.instance.store, stage.instance.vault).damage
    assert {one.detail for one in damage} == {"opened_once", "never_early", "opening_has_its_film"}
    assert {one.kind for one in damage} == {DamageKind.RULE}
