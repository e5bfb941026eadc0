"""The inventory goes through any number of blobs in the memory of a few hundred."""

import tracemalloc
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import insert

from memorycapsule.services.preservation import inventory, trash
from memorycapsule.store.rows import BlobRow
from support.moments import NOW

MEGABYTE = 1_000_000


def keep(stage, count):
    """So many rows, and a file for each; nothing refers to them, and they are younger than a day."""
    root = stage.instance.folder / "blobs"
    ids = [str(uuid.uuid4()) for _ in range(count)]
    for one in ids:
        folder = root / one[:2] / one[2:4]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / one).write_bytes(b"four")
    fields = {
        "capsule_id": stage.capsule.id,
        "stored_digest": "0" * 64,
        "bytes": 4,
        "sealed": True,
        "created_at": NOW,
    }
    with stage.instance.store.transaction() as tx:
        tx.session.execute(insert(BlobRow), [fields | {"id": one} for one in ids])
    return ids


def peak_of(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("few", "many", "growth"),
    [
        pytest.param(600, 3_000, MEGABYTE, marks=pytest.mark.slow),
        pytest.param(1_000, 100_000, 20 * MEGABYTE, marks=pytest.mark.nightly),
    ],
)
def test_a_sweep_of_many_blobs_takes_hardly_more_memory_than_of_few(stage, few, many, growth):
    def sweep():
        assert trash.sweep(stage.instance.store, stage.instance.vault, now=NOW) == trash.Swept(bytes=4 * kept)

    kept = len(keep(stage, few))
    sweep()  # what is loaded once counts for neither
    before = peak_of(sweep)
    kept += len(keep(stage, many - few))

    assert peak_of(sweep) < before + growth


def test_rows_and_files_are_found_together_by_their_ids_and_each_alone(stage_on_both):
    stage = stage_on_both
    ids = sorted(keep(stage, 520))
    root = stage.instance.folder / "blobs"
    no_file, no_row, other_size = ids[0], str(uuid.UUID(int=uuid.UUID(ids[260]).int + 1)), ids[-1]
    for one in (no_file, other_size):
        (root / one[:2] / one[2:4] / one).unlink()
    for one, content in ((no_row, b"alone"), (other_size, b"fours")):
        (root / one[:2] / one[2:4] / one).write_bytes(content)
    (root / ids[5][:2] / ids[5][2:4] / "notes.txt").write_bytes(b"of somebody else")

    found = list(inventory.entries(stage.instance.store, stage.instance.vault.blobs))

    assert [one.id for one in found] == sorted([*ids, no_row])
    assert {one.id for one in found if one.row is None} == {no_row}
    assert {one.id for one in found if one.file is None} == {no_file}
    assert {one.id for one in found if one.is_damaged} == {no_file, other_size}
    assert not any(one.is_used for one in found)
    assert not any(one.is_left_over(NOW + timedelta(hours=23)) for one in found if one.row)
    assert all(one.is_left_over(NOW + timedelta(hours=25)) for one in found if one.row)
