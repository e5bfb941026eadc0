"""The same file put in again mends what was damaged of it; what is whole is a duplicate."""

import dataclasses
import io

import pytest

from memorycapsule.domain.uploads import UploadLimits
from memorycapsule.services import reading, stories
from memorycapsule.services.preservation.verification import verify
from memorycapsule.store import stories as story_store
from support.cast import add_story, attach, flipped, known_blob_ids, make_photo, prepare

PHOTO = make_photo(4711)


@pytest.fixture
def story(stage_on_both):
    stage = stage_on_both
    return add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=[PHOTO, make_photo(4712)])


def media_of(stage, story):
    with stage.instance.store.reading() as tx:
        return story_store.media_of(tx, story.id)


def path_of(stage, blob_id):
    return stage.instance.vault.blobs._path(blob_id)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def is_whole(stage):
    return verify(stage.instance.store, stage.instance.vault, deep=True).damage == ()


def test_what_is_whole_is_a_duplicate_and_nothing_is_written(stage_on_both, story):
    before = stage_on_both.instance.blob_files()

    assert attach(stage_on_both.instance, stage_on_both.ben.viewer, story, PHOTO).is_duplicate
    assert stage_on_both.instance.blob_files() == before


@pytest.mark.parametrize("form", ["original_blob", "display_blob", "thumbnail_blob"])
@pytest.mark.parametrize("how", ["changed", "missing"])
def test_what_was_damaged_is_whole_when_its_file_is_put_in_again(stage_on_both, story, form, how):
    stage = stage_on_both
    damaged, other = media_of(stage, story)
    path = path_of(stage, getattr(damaged, form))
    flip(path) if how == "changed" else path.unlink()
    stories.edit(
        stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id,
        captions={damaged.id: "The swing"}, now=story.created_at,
    )  # fmt: skip
    assert not is_whole(stage)

    again = attach(stage.instance, stage.ben.viewer, story, PHOTO, file="another-name.jpg")

    assert not again.is_duplicate
    mended, still_other = media_of(stage, story)
    assert (mended.id, mended.position, still_other) == (damaged.id, damaged.position, other)
    assert again.details.caption == "The swing"
    assert again.details.file == "photo-0.jpg"
    assert is_whole(stage)
    with stage.instance.store.reading() as tx:
        known = known_blob_ids(tx)
    assert {path.name for path in stage.instance.blob_files()} == known, "the damaged bytes are gone"
    file = reading.medium_file(
        stage.instance.store, stage.instance.vault, stage.ben.viewer, damaged.id, "original"
    )
    with file.stream:
        assert file.stream.read() == PHOTO


def test_damaged_details_are_mended_as_well(stage_on_both, story):
    stage = stage_on_both
    damaged, _other = media_of(stage, story)
    with stage.instance.store.transaction() as tx:
        story_store.media.save(tx, dataclasses.replace(damaged, details=flipped(damaged.details)))

    assert not attach(stage.instance, stage.ben.viewer, story, PHOTO).is_duplicate
    assert is_whole(stage)


def test_a_full_allowance_keeps_nobody_from_mending(stage_on_both, story):

    stage = stage_on_both
    damaged, _other = media_of(stage, story)
    path_of(stage, damaged.original_blob).unlink()

    again = stories.attach(
        stage.instance.store,
        stage.instance.vault,
        prepare,
        stage.ben.viewer,
        story.id,
        file="photo.jpg",
        upload=io.BytesIO(PHOTO),
        limits=UploadLimits(largest_file=1, most_per_member=1),
        clock=lambda: story.created_at,
    )

    assert again.medium.id == damaged.id
    assert is_whole(stage)
