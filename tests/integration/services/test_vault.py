"""The vault: what it seals stays sealed, and of bytes whose transaction failed only those without a row go."""

import io
from dataclasses import replace
from datetime import UTC, datetime

from memorycapsule.services import reading, stories
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store.transactions import Store
from support.cast import add_story, make_photo, prepare
from support.moments import NOW

CAMERA = "0123456789abcdef"
GPS_AT = datetime(2026, 7, 1, 10, 30, 4, 500_000, tzinfo=UTC)


def test_camera_and_satellites_are_kept_with_the_photo_and_sealed(stage):
    def prepared(upload):
        return replace(prepare(upload), camera=CAMERA, gps_at=GPS_AT)

    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    stories.attach(
        stage.instance.store, stage.instance.vault, prepared, stage.ben.viewer, story.id,
        file="a.jpg", upload=io.BytesIO(make_photo()), clock=lambda: NOW,
    )  # fmt: skip
    (shown,) = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id).media

    assert (shown.details.camera, shown.details.gps_at) == (CAMERA, GPS_AT)
    assert CAMERA.encode() not in shown.medium.details


def kept(stage):
    """Two sealed blobs: one whose row was committed, and one whose row never came."""
    vault = stage.instance.vault
    with_row, without = (vault.keep_sealed(stage.capsule, io.BytesIO(b"pier"), NOW) for _ in range(2))
    with stage.instance.store.transaction() as tx:
        capsule_store.blobs.add(tx, with_row)
    return with_row.id, without.id


def stored(stage):
    return {path.name for path in stage.instance.blob_files()}


def test_bytes_whose_commit_went_through_after_all_stay(stage):
    with_row, without = kept(stage)
    assert {with_row, without} <= stored(stage)

    stage.instance.vault.delete_uncommitted(stage.instance.store, [with_row, without])

    assert stored(stage) & {with_row, without} == {with_row}


def test_all_bytes_stay_where_nobody_can_say_which_have_a_row(stage, tmp_path):
    with_row, without = kept(stage)
    unreachable = Store(f"sqlite:///{tmp_path}/no such folder/capsule.db")

    stage.instance.vault.delete_uncommitted(unreachable, [with_row, without])
    unreachable.close()

    assert {with_row, without} <= stored(stage)
