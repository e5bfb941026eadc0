"""Tidying: what has been opened is unsealed at leisure, whatever interrupts it; unknown files are counted and kept."""

import io
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from memorycapsule.errors import DiskFull
from memorycapsule.media.storage.folder import LocalBlobs
from memorycapsule.services import cleanup, opening, reading
from memorycapsule.services.preservation import trash
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import integrity
from memorycapsule.store import stories as story_store
from memorycapsule.work import ticks
from support.cast import OPENS, add_story, events_of, known_blob_ids, make_context, make_photo

PHOTOS = [make_photo(seed) for seed in (901, 902, 903)]


@pytest.fixture
def opened(stage_on_both):
    stage = stage_on_both
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=PHOTOS)
    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    return stage


def unseal(stage, skip=None, **more):
    given = {"now": OPENS} | more
    return cleanup.unseal_opened(
        stage.instance.store, stage.instance.vault, set() if skip is None else skip, **given
    )


def rows(stage):
    with stage.instance.store.reading() as tx:
        stories = story_store.of_capsule(tx, stage.capsule.id)
        media = story_store.media_of_capsule(tx, stage.capsule.id)
        blobs = [capsule_store.blobs.get(tx, blob_id) for blob_id in known_blob_ids(tx)]
    return stories, media, blobs


def originals(stage):
    with stage.instance.store.reading() as tx:
        ids = [one.id for one in story_store.media_of_capsule(tx, stage.capsule.id)]
    found = []
    for medium_id in ids:
        file = reading.medium_file(
            stage.instance.store, stage.instance.vault, stage.ada, medium_id, "original"
        )
        with file.stream:
            found.append(file.stream.read())
    return found


def test_afterwards_the_bytes_lie_there_as_they_came(opened):
    while unseal(opened):
        pass

    stories, media, blobs = rows(opened)
    assert not any(one.is_sealed for one in stories + media)
    assert not any(blob.sealed for blob in blobs)
    assert originals(opened) == PHOTOS
    assert {path.name for path in opened.instance.blob_files()} == {blob.id for blob in blobs}
    on_disk = [path.read_bytes() for path in opened.instance.blob_files()]
    assert all(photo in on_disk for photo in PHOTOS)
    assert b"At the pier" in stories[0].words


def test_a_sealed_capsule_is_left_alone(stage):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)

    assert unseal(stage) == 0
    assert all(blob.sealed for blob in rows(stage)[2])


class SmallDisk(LocalBlobs):
    """Has room for so many blobs more."""

    def __init__(self, root, room):
        super().__init__(root)
        self.room = room

    def write(self, blob_id, fill):
        self.room -= 1
        if self.room < 0:
            raise DiskFull
        return super().write(blob_id, fill)


def test_whoever_is_cut_off_goes_on_where_they_were(opened):
    """A disk that is full for a while is the interruption; nothing is lost, nothing is left over."""
    small = replace(opened.instance.vault, blobs=SmallDisk(opened.instance.folder / "blobs", room=4))
    with pytest.raises(DiskFull):
        cleanup.unseal_opened(opened.instance.store, small, set(), now=OPENS)
    _, media, blobs = rows(opened)
    assert 0 < sum(one.is_sealed for one in media) < 3
    assert {path.name for path in opened.instance.blob_files()} == {blob.id for blob in blobs}
    assert originals(opened) == PHOTOS

    while unseal(opened):
        pass
    assert originals(opened) == PHOTOS
    assert not any(blob.sealed for blob in rows(opened)[2])


class AtTheSameMoment(LocalBlobs):
    """Goes on after its last write only when all others have come as far."""

    def __init__(self, root, writes, together):
        super().__init__(root)
        self.writes = writes
        self.together = together

    def write(self, blob_id, fill):
        stored = super().write(blob_id, fill)
        self.writes -= 1
        if not self.writes:
            self.together.wait()
        return stored


def test_two_nodes_that_unseal_one_photo_leave_no_file_behind(stage_on_both):
    stage = stage_on_both
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=PHOTOS[:1])
    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    (medium,) = rows(stage)[1]
    together = threading.Barrier(2)
    skipped = [set(), set()]

    def unseal_at_one_node(skip):
        blobs = AtTheSameMoment(stage.instance.folder / "blobs", len(medium.blobs), together)
        vault = replace(stage.instance.vault, blobs=blobs)
        cleanup.unseal_opened(stage.instance.store, vault, skip, now=OPENS)

    nodes = [threading.Thread(target=unseal_at_one_node, args=(skip,)) for skip in skipped]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()

    _, (medium,), blobs = rows(stage)
    assert (skipped, medium.is_sealed, originals(stage)) == ([set(), set()], False, PHOTOS[:1])
    assert {blob.id for blob in blobs} == set(medium.blobs.values())
    assert {path.name for path in stage.instance.blob_files()} == set(medium.blobs.values())


def test_what_another_node_has_unsealed_meanwhile_is_no_damage(opened):
    """Its sealed bytes are gone when this node comes to them."""
    first = opened.instance.vault

    class Late(LocalBlobs):
        def open(self, blob_id):
            while cleanup.unseal_opened(opened.instance.store, first, set(), now=OPENS):
                pass
            return super().open(blob_id)

    late = replace(first, blobs=Late(opened.instance.folder / "blobs"))
    skip = set()
    cleanup.unseal_opened(opened.instance.store, late, skip, now=OPENS)

    assert (skip, originals(opened)) == (set(), PHOTOS)
    assert {path.name for path in opened.instance.blob_files()} == {blob.id for blob in rows(opened)[2]}
    assert "unsealing.failed" not in opened.instance.events(opened.capsule.id)


def test_a_damaged_photo_is_noted_once_and_keeps_nothing_else_waiting(opened):
    _, media, _ = rows(opened)
    broken = opened.instance.vault.blobs._path(media[0].display_blob)
    broken.write_bytes(broken.read_bytes()[:-1])
    skip = set()
    while unseal(opened, skip):
        pass

    _, media_after, _ = rows(opened)
    assert {one.id for one in media_after if one.is_sealed} == skip == {media[0].id}
    with opened.instance.store.reading() as tx:
        (noted,) = [event for event in events_of(tx, opened.capsule.id) if event.kind == "unsealing.failed"]
    assert (noted.subject_id, noted.facts) == (media[0].id, {"error": "damaged"})
    assert originals(opened) == PHOTOS, "its original is still whole"


def test_damaged_words_are_noted_and_the_photos_go_on(opened):
    (story,), _, _ = rows(opened)
    with opened.instance.store.transaction() as tx:
        story_store.stories.save(tx, replace(story, words=b"?" + story.words[1:]))
    skip = set()
    while unseal(opened, skip):
        pass

    assert skip == {story.id}
    assert not any(one.is_sealed for one in rows(opened)[1])


def unknown_events(logged):
    return [event for event in logged if event["event"] == "blobs.unknown"]


def test_the_sweep_deletes_old_halves_and_puts_into_the_trash_the_whole_files_that_no_row_knows(opened, time):
    """An import that is going on has bytes without rows too, so nothing younger than a day is meant."""
    blobs = opened.instance.vault.blobs
    ids = [str(uuid4()) for _ in range(2)]
    for blob_id in ids:
        blobs.write(blob_id, lambda sink: sink.write(b"of a cut-off import"))
    half = blobs._path(ids[0]).with_name(f".{uuid4()}.part")
    half.write_bytes(b"half")
    before = opened.instance.blob_files()
    context, now = make_context(opened.instance, time), datetime.now(UTC)

    time.go_to(now + timedelta(hours=23))
    with capture_logs() as logged:
        ticks.sweep(context)
    assert (opened.instance.blob_files(), unknown_events(logged)) == (before, [])

    time.go_to(now + timedelta(hours=25))
    with capture_logs() as logged:
        ticks.sweep(context)
    assert before - opened.instance.blob_files() == {half, *(blobs._path(one) for one in ids)}
    assert {one.id for one in blobs.trash()} == set(ids)
    assert [event for event in logged if event["event"].startswith("blobs.")] == [
        {
            "event": "blobs.trashed",
            "log_level": "warning",
            "count": 2,
            "bytes": 2 * len(b"of a cut-off import"),
        }
    ]
    assert originals(opened) == PHOTOS


def test_the_sweep_says_nothing_where_the_database_knows_every_file(opened, time):
    time.go_to(datetime.now(UTC) + timedelta(days=30))
    with capture_logs() as logged:
        ticks.sweep(make_context(opened.instance, time))

    assert unknown_events(logged) == []
    assert originals(opened) == PHOTOS


def test_all_are_counted_however_many_there_are(opened, monkeypatch):
    """The database is asked about a portion at a time."""
    monkeypatch.setattr(integrity, "_BATCH", 2)
    for _ in range(5):
        opened.instance.vault.blobs.write(str(uuid4()), lambda sink: sink.write(b"four"))

    seen = trash.look(opened.instance.store, opened.instance.vault, now=datetime.now(UTC) + timedelta(days=2))
    assert seen.left == trash.FileCount(files=5, bytes=20)


def test_a_tick_does_it_all_and_leaves_no_file_open(opened, time):
    time.go_to(OPENS)
    before = len(list(Path("/proc/self/fd").iterdir()))

    ticks.CleanUp(context=make_context(opened.instance, time)).run()

    assert not any(blob.sealed for blob in rows(opened)[2])
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_a_new_soundtrack_takes_the_old_one_along(stage):
    from memorycapsule.services import capsules
    from memorycapsule.services.capsules import CapsuleChanges

    store, vault = stage.instance.store, stage.instance.vault
    for song in (b"one", b"two"):
        capsules.edit(
            store,
            vault,
            stage.ada,
            stage.capsule.id,
            CapsuleChanges(soundtrack=io.BytesIO(song)),
            now=OPENS - timedelta(days=1),
        )

    assert [path.read_bytes() for path in stage.instance.blob_files()] == [b"two"]
