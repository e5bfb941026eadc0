"""The layout: every photo has exactly one place, whatever the theme and however many there are."""

from datetime import datetime

import pytest

from memorycapsule.daemon.http.guests import photo_layout
from memorycapsule.domain.stories import MediumKind
from support.albums import opened, picture


@pytest.mark.parametrize("theme", photo_layout.CAPACITIES)
@pytest.mark.parametrize(
    "stories", [[], [0], [1], [1, 2], [12], [40, 30, 20, 9, 1], [30] * 15 + [5] * 10], ids=sum
)
def test_every_photo_has_exactly_one_place(theme, stories):
    capsule = opened(*([picture() for _ in range(count)] for count in stories), theme=theme)
    layout = photo_layout.lay_out(capsule.view)
    shown = [one for chapter in layout.chapters for one in chapter.pictures]
    covers = layout.covers if layout.covers_are_all else ()

    places = [one.medium.id for one in (*covers, *shown, *layout.rest)]
    assert sorted(places) == sorted(medium.medium.id for story in capsule.stories for medium in story.media)
    assert len(places) == len(set(places)) == sum(stories)
    assert max((len(chapter.pictures) for chapter in layout.chapters), default=0) <= (
        photo_layout.CAPACITIES[theme].story
    )
    assert len(layout.chapters) == len(stories)
    assert {chapter.part for chapter in layout.chapters} == set(range(1, layout.parts + 1) if stories else ())


def test_stories_come_in_the_order_of_what_they_tell_of():
    capsule = opened(
        [picture(taken=datetime(2020, 8, 2))],
        [picture(taken=datetime(1998, 1, 1)), picture()],
        [picture(taken=datetime(2020, 8, 1, 9))],
    )

    order = [chapter.story.id for chapter in photo_layout.lay_out(capsule.view).chapters]
    assert order == ["story-1", "story-2", "story-0"]


@pytest.mark.parametrize(
    "said", [datetime(1980, 1, 1, 4, 12), datetime(2000, 1, 1, 0, 3), datetime(2031, 8, 2)], ids=str
)
def test_a_camera_whose_clock_is_wrong_does_not_say_when_a_story_was(said):
    capsule = opened([picture(taken=said), picture(taken=datetime(2020, 8, 2)), picture(taken=said)])
    (story,) = capsule.view.album.stories

    assert story.told_local == datetime(2020, 8, 2)
    assert [medium.dated_local for medium in story.media] == [None, datetime(2020, 8, 2), None]
    assert [medium.taken_local for medium in story.media] == [said, datetime(2020, 8, 2), said]


def test_a_story_without_any_date_that_can_be_believed_is_of_its_writing():
    (story,) = opened([picture(taken=datetime(1980, 1, 1)), picture()]).view.album.stories

    assert story.told_local == datetime(2026, 5, 8, 9)


def test_a_voice_is_heard_in_its_story_and_stands_in_no_place_of_a_photo():
    layout = photo_layout.lay_out(opened([picture(), picture(kind=MediumKind.VOICE)]).view)

    (chapter,) = layout.chapters
    assert (len(chapter.voices), chapter.count, len(layout.all_photos)) == (1, 1, 1)


def shown(*orientations: str):
    capsule = opened([picture(orientation) for orientation in orientations], theme="museum")
    return capsule.shown.photos(photo_layout.lay_out(capsule.view).all_photos)


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize(
    "rhythm", [("wide",), ("tall",), ("wide", "tall", "square"), ("tall", "tall", "wide")]
)
def test_walls_hold_what_hangs_on_them(count, rhythm):
    pictures = shown(*(rhythm[number % len(rhythm)] for number in range(count)))
    rows = photo_layout.wall_rows(pictures)

    assert [one.picture for row in rows for one in row] == list(pictures)
    assert sum(one.span for one in rows[0]) <= 9  # beside the wall text
    assert all(sum(one.span for one in row) <= 12 for row in rows)
    for row in rows:
        assert sum(one.is_half for one in row) % 2 == 0


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize(
    "rhythm", [("wide",), ("tall",), ("wide", "tall", "square"), ("tall", "tall", "wide")]
)
def test_no_card_lies_alone_in_the_last_row(count, rhythm):
    pictures = shown(*(rhythm[number % len(rhythm)] for number in range(count)))
    rows = photo_layout.card_rows(pictures)

    assert [one for row in rows for one in row] == list(pictures)
    assert all(rows)
    assert count == 1 or len(rows[-1]) > 1
