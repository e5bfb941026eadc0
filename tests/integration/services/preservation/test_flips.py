"""
One flipped bit in each of many blobs, envelopes and pages of the database: all are named, nothing else is, and what can
be brought back comes back.
"""

import dataclasses
import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from memorycapsule.domain.preservation import DamageKind
from memorycapsule.errors import CapsuleError
from memorycapsule.services import cleanup, opening
from memorycapsule.services.preservation.repair import repair
from memorycapsule.services.preservation.verification import all_blobs, check, present_damage, verify
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import integrity, schema
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store
from support.cast import OPENS, add_story, attach, join, make_capsule, make_photo, prepare

LATER = OPENS.replace(hour=12)
SEALED, OPEN = 20, 10
#: Of flips in pages of the database.
SEEDS = range(1, 11)


@pytest.fixture
def house(instance):
    """A sealed capsule with seven photos, and one that was opened and unsealed with four."""
    sealed = make_capsule(instance, title="Sealed", opens="2040-01-01 09:00")
    opened = make_capsule(instance, title="Open")
    photos = [make_photo(number) for number in range(5000, 5011)]
    ben = join(instance, sealed, "Ben")
    story = add_story(instance, sealed, ben.viewer, photos=photos[:7])
    add_story(instance, opened, instance.ada, photos=photos[7:])
    opening.open_due(instance.store, instance.wake, OPENS)
    while cleanup.unseal_opened(instance.store, instance.vault, set(), now=OPENS):
        pass
    return instance, ben, story, photos


def flip(path, chance):
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def flip_envelope(instance, capsule_id, kind, chance):
    with instance.store.transaction() as tx:
        envelope = capsule_store.newest_envelope(tx, capsule_id, kind)
        data = bytearray(envelope.envelope)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        capsule_store.envelopes.save(tx, dataclasses.replace(envelope, envelope=bytes(data)))
    return envelope.id


def named(damage):
    return {(one.kind, one.subject_id) for one in damage}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, *(pytest.param(one, marks=pytest.mark.nightly) for one in range(2, 6))])
def test_all_that_was_flipped_is_named_and_comes_back(house, tmp_path, seed):
    instance, ben, story, photos = house
    chance = random.Random(seed)
    copy = tmp_path / "copy"
    shutil.copytree(instance.folder / "blobs", copy / "files")
    with (
        closing(sqlite3.connect(instance.folder / "capsule.db")) as here,
        closing(sqlite3.connect(copy / "database")) as there,
    ):
        here.backup(there)
        there.execute("PRAGMA journal_mode=DELETE")
    before = {path: path.read_bytes() for path in instance.blob_files()}
    with instance.store.reading() as tx:
        blobs = capsule_store.blobs.all(tx, capsule_store.blobs.rows())
        sealed_id, open_id = story.capsule_id, next(b.capsule_id for b in blobs if not b.sealed)
    sealed = sorted(blob.id for blob in blobs if blob.sealed)
    opened = sorted(blob.id for blob in blobs if not blob.sealed)
    flipped = [*chance.sample(sealed, SEALED), *chance.sample(opened, OPEN)]
    missing = next(one for one in sealed if one not in flipped)
    for blob_id in flipped:
        flip(instance.vault.blobs._path(blob_id), chance)
    instance.vault.blobs._path(missing).unlink()
    envelopes = [flip_envelope(instance, open_id, kind, chance) for kind in ("instance", "recovery")] + [
        flip_envelope(instance, sealed_id, "recovery", chance)
    ]

    found = check(instance.store, instance.vault, deep=True, now=LATER).damage

    damaged_envelopes = {(DamageKind.ENVELOPE_DAMAGED, one) for one in envelopes}
    assert named(found) == {
        *((DamageKind.BLOB_CHANGED, one) for one in flipped),
        (DamageKind.BLOB_MISSING, missing),
        *damaged_envelopes,
    }
    assert named(present_damage(instance.store, instance.vault)) == named(found), "doctor is not healthy"

    for photo in photos[:7]:
        assert not attach(instance, ben.viewer, story, photo).is_duplicate
    left = present_damage(instance.store, instance.vault)
    assert named(left) == {
        *((DamageKind.BLOB_CHANGED, one) for one in flipped[SEALED:]),
        *damaged_envelopes,
    }

    done = repair(instance.store, instance.vault, copy, prepare=prepare, now=LATER)

    assert (len(done.mended), done.left) == (len(left), ())
    assert check(instance.store, instance.vault, deep=True, now=LATER).damage == ()
    after = {path: path.read_bytes() for path in instance.blob_files()}
    assert {path: content for path, content in after.items() if path.name in opened} == {
        path: content for path, content in before.items() if path.name in opened
    }
    with instance.store.reading() as tx:
        assert len(story_store.media_of(tx, story.id)) == 7


def test_a_flip_in_a_page_of_the_database_is_named_or_harmless(house, tmp_path):
    """Harmless is what changes no structure: SQLite says so, and every row and every file can be read."""
    instance, _ben, _story, _photos = house
    whole, damaged = tmp_path / "whole.db", tmp_path / "damaged.db"
    with (
        closing(sqlite3.connect(instance.folder / "capsule.db")) as here,
        closing(sqlite3.connect(whole)) as there,
    ):
        here.backup(there)
        there.execute("PRAGMA journal_mode=DELETE")
    outcomes = Counter()
    for seed in SEEDS:
        for old in tmp_path.glob("damaged.db*"):
            old.unlink()
        shutil.copy(whole, damaged)
        flip(damaged, random.Random(seed))
        outcomes[outcome_of(damaged, instance.vault)] += 1

    assert outcomes.total() == len(SEEDS)
    assert outcomes.keys() <= {"named", "harmless", "not opened: 7"}


def outcome_of(database, vault):
    """What a person learns of a database: whatever it is, it is said, and nothing breaks down."""
    store = Store(f"sqlite:///{database}")
    try:
        schema.check(store)
        if verify(store, vault, deep=True).damage:
            return "named"
        assert integrity.problems(store) == []
        assert len(list(all_blobs(store))) == SEALED + OPEN + 3
    except CapsuleError as error:
        return f"not opened: {error.exit_code}"
    finally:
        store.close()
    return "harmless"
