"""On which day a photo or clip was taken is the same in every place: story, page, search, film and zip."""

import io
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from memorycapsule.daemon.http.guests import photo_layout, photo_search
from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.domain.film.picture_choice import film_order
from memorycapsule.domain.film.sizes import Size
from memorycapsule.schemas.stories import Story
from memorycapsule.services import archive, opening, reading, stories
from memorycapsule.services.film.material import read_material
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import montages as montage_store
from support.cast import OPENS, add_story, make_photo, prepare
from support.moments import NOW

#: 00:05 on New Year's Day in Seoul, as an Android phone states it.
NEW_YEAR = CaptureTime.of_instant(datetime(2023, 12, 31, 15, 5))
#: A photo that the same phone took a minute later.
MINUTE_LATER = CaptureTime(local=datetime(2024, 1, 1, 0, 6), offset_seconds=9 * 3600)


def attach(stage, by, story, taken: CaptureTime | None, *, file="photo.jpg"):
    return stories.attach(
        stage.instance.store, stage.instance.vault, lambda upload: replace(prepare(upload), taken=taken),
        by.viewer, story.id, file=file, upload=io.BytesIO(make_photo()), clock=lambda: NOW,
    )  # fmt: skip


def in_zone(stage, zone: str) -> None:
    with stage.instance.store.transaction() as tx:
        capsule_store.capsules.save(tx, replace(capsule_store.capsules.get(tx, stage.capsule.id), zone=zone))


def days(stage, story) -> dict[str, date | None]:
    """The days of an opened capsule's media by the names of their files, as every place says them alike."""
    instance, viewer = stage.instance, stage.ben.viewer
    opening.open_if_due(instance.store, instance.wake, stage.capsule.id, OPENS)
    view = reading.capsule(instance.store, instance.vault, viewer, stage.capsule.id)
    told = {
        one.file: one.taken_day
        for one in Story.of(next(one for one in view.stories if one.story.id == story.id)).media
    }
    alone = reading.story(instance.store, instance.vault, viewer, story.id)
    for one in alone.media:
        by_itself = reading.medium(instance.store, instance.vault, viewer, one.medium.id)
        day = told[one.details.file]
        assert (one.taken_local and one.taken_local.date()) == day
        assert (by_itself.taken_local and by_itself.taken_local.date()) == day
    opened = reading.opened(instance.store, instance.vault, viewer, stage.capsule.id)
    layout = photo_layout.lay_out(opened)
    files = {one.medium.id: one.details.file for story in view.stories for one in story.media}
    shown = {
        files[one.medium.id]: one.medium.dated_local and one.medium.dated_local.date()
        for one in layout.all_photos
        if one.story.id == story.id
    }
    zipped = {
        one.path.rpartition("/")[2]: one.local.date()
        for one in archive.of_capsule(
            instance.store, instance.vault, viewer, stage.capsule.id, language="en"
        ).files
    }
    with instance.store.reading() as tx:
        montage = montage_store.of_opening(tx, stage.capsule.id)
    material = read_material(instance.store, instance.vault, montage, Size(width=160, height=90), 10)
    filmed = {files[one.id]: one.taken_local and one.taken_local.date() for one in material.pictures}
    for file, day in told.items():
        assert shown[file] == filmed[file] == day
        # A file in a zip needs some time.
        assert zipped[file] == (day or NOW.date())
        month = f"{day:%Y-%m}" if day else ""
        found = photo_search.matching(layout.all_photos, photo_search.PhotoQuery(month=month))
        assert file in {files[one.medium.id] for one in found}
    return told


@pytest.mark.parametrize(
    ("zone", "beside", "day"),
    [
        ("Asia/Seoul", None, date(2024, 1, 1)),
        ("UTC", None, date(2023, 12, 31)),
        ("America/New_York", MINUTE_LATER, date(2024, 1, 1)),
        ("America/New_York", CaptureTime(local=datetime(2024, 1, 1, 0, 6)), date(2023, 12, 31)),
        (
            "Asia/Seoul",
            CaptureTime(local=datetime(2023, 12, 31, 10, 6), offset_seconds=-18000),
            date(2023, 12, 31),
        ),
    ],
)
def test_a_clip_that_states_utc_alone_is_of_the_day_of_its_place(stage, zone, beside, day):
    in_zone(stage, zone)
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    attach(stage, stage.ben, story, NEW_YEAR, file="20240101_000500.jpg")
    if beside:
        another = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
        attach(stage, stage.ben, another, beside, file="beside.jpg")

    assert days(stage, story) == {"20240101_000500.jpg": day}


def test_another_persons_photos_do_not_say_where_a_clip_was_taken(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    attach(stage, stage.ben, story, NEW_YEAR, file="clip.jpg")
    elsewhere = add_story(stage.instance, stage.capsule, stage.younghee.viewer, photos=0)
    attach(stage, stage.younghee, elsewhere, MINUTE_LATER, file="hers.jpg")

    assert days(stage, story) == {"clip.jpg": date(2023, 12, 31)}


def test_a_day_in_a_name_stands_in_for_the_date_of_a_file_without_one(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    attach(stage, stage.ben, story, None, file="KakaoTalk_20240501_123456789.jpg")
    attach(stage, stage.ben, story, MINUTE_LATER, file="IMG-20240502-WA0001.jpg")
    attach(stage, stage.ben, story, None, file="010-2024-0501.jpg")
    attach(stage, stage.ben, story, None, file=f"IMG_{NOW + timedelta(days=30):%Y%m%d}.jpg")

    view = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id)
    assert [(one.taken_at, one.taken_day) for one in Story.of(view).media] == [
        (None, date(2024, 5, 1)),
        ("2024-01-01T00:06:00+09:00", date(2024, 1, 1)),
        (None, None),
        (None, None),
    ]
    assert list(days(stage, story).values()) == [date(2024, 5, 1), date(2024, 1, 1), None, None]


def test_what_attaching_answers_has_the_day_in_the_capsules_zone(stage):
    in_zone(stage, "Asia/Seoul")
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    attached = attach(stage, stage.ben, story, NEW_YEAR)

    assert attached.taken_local == datetime(2024, 1, 1, 0, 5)


def test_the_shots_of_one_second_are_in_the_order_in_which_they_were_taken(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    for hundredths in (53, 7, 90, 31):
        local = datetime(2024, 2, 21, 10, 14, 22, hundredths * 10_000)
        attach(
            stage, stage.ben, story, CaptureTime(local=local, offset_seconds=32400), file=f"{hundredths}.jpg"
        )
    opening.open_if_due(stage.instance.store, stage.instance.wake, stage.capsule.id, OPENS)
    view = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id)
    names = {one.medium.id: one.details.file for one in view.media}
    with stage.instance.store.reading() as tx:
        montage = montage_store.of_opening(tx, stage.capsule.id)
    material = read_material(
        stage.instance.store, stage.instance.vault, montage, Size(width=160, height=90), 10
    )

    in_film = sorted(material.pictures, key=film_order)
    assert [names[one.id] for one in in_film] == ["7.jpg", "31.jpg", "53.jpg", "90.jpg"]
    assert {one.taken_at for one in Story.of(view).media} == {"2024-02-21T10:14:22+09:00"}
