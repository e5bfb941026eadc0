"""On a disk that is nearly full, files are refused before they are sent, and nothing that came before is lost."""

import pytest

from memorycapsule.disk import MARGIN_BYTES
from memorycapsule.domain.uploads import MOST_ANNOUNCED, UploadLimits, UploadMetadata
from memorycapsule.errors import DiskFull, TooMany
from memorycapsule.services import opening, uploads
from memorycapsule.services.uploads import UploadStage
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.work import ticks
from support.cast import (
    OPENS,
    Time,
    add_story,
    join,
    make_capsule,
    make_context,
    make_instance,
    make_photo,
    prepare,
)
from support.moments import NOW
from support.refusals import refused
from support.small_disks import small_disk

LIMITS = UploadLimits(largest_file=1_000_000_000, most_per_member=9_000_000_000)


@pytest.fixture
def small(tmp_path):
    with small_disk(tmp_path / "small", megabytes=40) as small:
        yield small


@pytest.fixture
def instance(small):
    folder = small.folder / "data"
    with make_instance(f"sqlite:///{folder}/capsule.db", folder) as instance:
        yield instance


@pytest.fixture
def ben(instance):
    capsule = make_capsule(instance)
    viewer = join(instance, capsule, "Ben").viewer
    return viewer, add_story(instance, capsule, viewer, photos=0).id


def announce(instance, ben, length):
    viewer, story_id = ben
    about = UploadMetadata(file="pier.jpg")
    return uploads.begin(
        instance.store, instance.vault, viewer, story_id, about=about, length=length, limits=LIMITS, now=NOW
    )


def receive(instance, ben, upload, piece):
    return uploads.receive(
        instance.store, instance.vault, ben[0], upload.id, start=upload.received, piece=piece, now=NOW
    )


def test_a_file_that_has_no_room_is_refused_when_it_is_announced(small, instance, ben):
    small.fill(but_bytes=MARGIN_BYTES + 5_000_000)

    with refused(DiskFull, "disk_full"):
        announce(instance, ben, 2_600_000)
    assert announce(instance, ben, 1_500_000)
    with refused(DiskFull, "disk_full"):
        announce(instance, ben, 2_000_000)  # would fit alone, and not beside what was announced before


def test_what_is_being_sent_leaves_the_last_megabytes_to_openings_and_letters_and_goes_on_later(
    small, instance, ben
):
    photo = make_photo()
    upload = receive(instance, ben, announce(instance, ben, len(photo)), photo[:100])
    small.fill(but_bytes=MARGIN_BYTES - 100_000)

    with refused(DiskFull, "disk_full"):
        receive(instance, ben, upload, photo[100:])
    small.empty()
    assert receive(instance, ben, upload, photo[100:]).is_whole

    small.fill(but_bytes=MARGIN_BYTES - 100_000)
    with refused(DiskFull, "disk_full"):
        uploads.finish(instance.store, instance.vault, prepare, upload.id, clock=lambda: NOW)
    small.empty()
    uploads.finish(instance.store, instance.vault, prepare, upload.id, clock=lambda: NOW)
    assert uploads.progress(instance.store, instance.vault, ben[0], upload.id).stage is UploadStage.KEPT


def test_a_member_announces_no_more_files_than_can_be_under_way(tmp_path):
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        capsule = make_capsule(instance)
        viewer = join(instance, capsule, "Ben").viewer
        ben = viewer, add_story(instance, capsule, viewer, photos=0).id
        begun = [announce(instance, ben, 3) for _ in range(MOST_ANNOUNCED)]

        with refused(TooMany, "uploads_announced", most=MOST_ANNOUNCED):
            announce(instance, ben, 3)
        receive(instance, ben, begun[0], b"abc")
        assert announce(instance, ben, 3)


def test_what_has_no_room_to_be_unsealed_waits_and_nothing_waits_for_it(small, instance):
    capsule = make_capsule(instance)
    add_story(instance, capsule, instance.ada, photos=2)
    opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
    time = Time()
    time.go_to(OPENS)
    clean_up = ticks.CleanUp(context=make_context(instance, time))

    small.fill(but_bytes=MARGIN_BYTES - 100_000)
    clean_up.run()
    assert sealed_media(instance) == 2
    small.empty()
    clean_up.run()
    assert sealed_media(instance) == 0


def sealed_media(instance):
    with instance.store.reading() as tx:
        return sum(len(story_store.sealed_media(tx, one, 10)) for one in capsule_store.ids_to_unseal(tx))
