"""Clocks are corrected where several pictures say the same, and made-up dates are none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.film.camera_clocks import with_corrected_times
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture, film_order

NOW = datetime(2027, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 5, 8, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def picture(name, minutes=None, *, error=timedelta(0), fix=None, camera="canon", **more):
    """Taken so many minutes after noon by a clock that is `error` ahead; `fix`: seconds the satellites lag."""
    values = {"story_id": "a", "position": 0, "contributor": "Ada", **more}
    true = None if minutes is None else NOON + minutes * MINUTE
    local = true and true + error
    return Picture(
        id=name,
        kind="photo",
        file=f"{name}.jpg",
        width=3,
        height=2,
        taken_at=local,
        taken_local=local and local.replace(tzinfo=None),
        gps_at=None if fix is None or true is None else true - timedelta(seconds=fix),
        camera=camera,
        **values,
    )


def times(pictures):
    """Minutes after noon, by id."""
    return {
        item.id: (item.taken_at - NOON) / MINUTE if item.taken_at else None
        for item in with_corrected_times(pictures, NOW)
    }


def test_a_clock_that_the_satellites_contradict_is_set_right_for_all_pictures_of_the_camera():
    wrong = timedelta(days=-4000, minutes=7)
    given_pictures = [
        picture("a", 0, error=wrong, fix=1),
        picture("b", 30, error=wrong, fix=20),
        picture("c", 9000, error=wrong),
        picture("phone", 10, camera="phone"),
        picture("same model, another's", 20, error=HOUR, contributor="Ben"),
    ]
    found = times(given_pictures)

    assert found["a"] == pytest.approx(0, abs=1)
    assert found["b"] == pytest.approx(30, abs=1)
    assert found["c"] == pytest.approx(9000, abs=1)
    assert (found["phone"], found["same model, another's"]) == (10, 80)
    # The day that people remember is set right with it.
    assert abs(with_corrected_times(given_pictures, NOW)[0].taken_local - datetime(2026, 5, 8, 12)) < MINUTE


@pytest.mark.parametrize(
    ("error", "local_hour"),
    [(5 * HOUR, 17), (-5.5 * HOUR, 6.5), (HOUR + 10 * MINUTE, 13.25), (100 * HOUR, 12)],
)
def test_the_time_on_the_wall_stays_where_only_the_zone_was_not_known(error, local_hour):
    """Seventy minutes are a zone of five quarters of an hour, and a clock that is five minutes late."""
    found = with_corrected_times(
        [picture("a", 0, error=error, fix=0), picture("b", 5, error=error, fix=0)], NOW
    )[0]

    assert found.taken_at == NOON
    assert found.taken_local == datetime(2026, 5, 8) + local_hour * HOUR


def test_a_journey_through_time_zones_is_followed():
    """A phone that shows local time and writes no offset."""
    days = [("seoul", 0, 9), ("paris", 3, 2), ("home", 9, 9)]
    pictures = [
        picture(f"{place} {number}", day * 1440 + number * 9, error=offset * HOUR, fix=fix)
        for place, day, offset in days
        for number, fix in enumerate([2, None, 5])
    ]

    assert times(pictures) == pytest.approx(
        {item.id: minutes for item, minutes in zip(pictures, [0, 9, 18, 4320, 4329, 4338, 12960, 12969, 12978], strict=True)},
        abs=0.2,
    )  # fmt: skip


@pytest.mark.parametrize(
    "fixes",
    [[2400], [2400, 3600, 600], [0, 2400, 3600, 600], [0, 30, 60]],
    ids=["one fix", "fixes that contradict each other", "most contradict", "a right clock"],
)
def test_a_clock_is_left_alone_where_nothing_agrees_that_it_is_wrong(fixes):
    pictures = [picture(str(number), number * 5, fix=fix) for number, fix in enumerate(fixes)]

    assert with_corrected_times(pictures, NOW) == tuple(pictures)


def test_a_receiver_without_a_view_repeats_itself_and_is_not_believed_twice():
    burst = [picture(str(number), number / 10, fix=2400 + number * 6) for number in range(5)]

    assert len({item.gps_at for item in burst}) == 1
    assert with_corrected_times(burst, NOW) == tuple(burst)


@pytest.mark.parametrize(
    ("local", "is_believed"),
    [
        (datetime(1970, 1, 1, 9, 0, 3), False),
        (datetime(1969, 12, 31, 19, 0), False),
        (datetime(1980, 1, 1, 3, 12), False),
        (datetime(2000, 1, 1, 0, 41), False),
        (datetime(2000, 1, 1, 15, 0), True),
        (datetime(1962, 7, 1, 12, 0), True),
        (datetime(2027, 1, 1, 9, 0), True),
        (datetime(2027, 1, 3), False),
        (datetime(2099, 1, 1), False),
    ],
)
def test_dates_that_nobody_took_a_picture_at_are_none(local, is_believed):
    """A scanned photo of 1962 was dated by somebody; 1980 is what a camera says whose clock was never set."""
    original = Picture(
        id="a", kind="photo", file="a.jpg", width=3, height=2, story_id="a", contributor="Ada",
        taken_at=local.replace(tzinfo=UTC), taken_local=local,
    )  # fmt: skip
    (found,) = with_corrected_times([original], NOW)

    assert (found == original) is is_believed
    assert (found.taken_at is None and found.taken_local is None) is not is_believed


def test_pictures_without_a_date_stand_beside_their_neighbours_in_the_story():
    pictures = [
        picture("first", None, position=0),
        picture("b", 30, position=1),
        picture("reset", 0, error=datetime(1980, 1, 1, tzinfo=UTC) - NOON, position=2),
        picture("after", None, position=3),
        picture("c", 10, position=4),
        picture("elsewhere", None, position=0, story_id="z"),
    ]
    ordered = [item.id for item in sorted(with_corrected_times(pictures, NOW), key=film_order)]

    assert ordered == ["c", "first", "b", "reset", "after", "elsewhere"]


def scenes(camera, minutes, *, error=timedelta(0), first=0, **more):
    """One picture of each of so many different scenes, that look the same whoever takes them."""
    return [
        looking_like(picture(f"{camera} {at}", at, error=error, camera=camera, **more), number)
        for number, at in enumerate(minutes, first)
    ]


def looking_like(item, number):
    return replace(
        item, analysis=PictureAnalysis(perceptual_hash=(0x9E37_79B9_7F4A_7C15 * (number + 1)) & (1 << 64) - 1)
    )


def test_two_cameras_at_the_same_scenes_tell_each_others_error():
    phone = scenes("phone", [0, 20, 40, 60, 80])
    old = scenes("old", [0.3, 20.2, 40.1], error=-5 * HOUR - 3 * MINUTE)
    lone = picture("old 500", 500, error=-5 * HOUR - 3 * MINUTE, camera="old")
    found = times([*old, lone, *phone])

    assert found["old 20.2"] == pytest.approx(20, abs=1)
    assert found["old 500"] == pytest.approx(500, abs=1)
    assert found["phone 40"] == 40


def test_the_camera_whose_clock_is_known_is_right_though_it_has_fewer_pictures():
    phone = [
        looking_like(picture(f"phone {at}", at, camera="phone", fix=1), number)
        for number, at in enumerate([0, 20, 40])
    ]
    found = times([*scenes("old", [0, 20, 40, 60, 80], error=HOUR), *phone])

    assert (found["old 80"], found["phone 40"]) == (80, 40)


@pytest.mark.parametrize(
    ("minutes", "shift"),
    [([0, 20], 60), ([0, 1, 2], 60), ([0, 20, 40], 1)],
    ids=["two scenes", "one scene", "right clocks"],
)
def test_too_little_or_no_error_changes_nothing(minutes, shift):
    pictures = [*scenes("one", [0, 20, 40]), *scenes("two", minutes, error=shift * MINUTE)]

    assert with_corrected_times(pictures, NOW) == tuple(pictures)


def test_visits_at_their_own_pace_are_no_error_of_a_clock():
    pictures = [*scenes("one", [0, 20, 40]), *scenes("two", [300, 350, 360])]

    assert with_corrected_times(pictures, NOW) == tuple(pictures)


anything = st.builds(
    picture,
    st.uuids().map(str),
    st.one_of(st.none(), st.integers(-(10**6), 10**6)),
    error=st.sampled_from([timedelta(0), HOUR, timedelta(days=-3000)]),
    fix=st.one_of(st.none(), st.integers(0, 9000)),
    camera=st.sampled_from(["", "canon", "phone"]),
    story_id=st.sampled_from("ab"),
    position=st.integers(0, 9),
    contributor=st.sampled_from(["Ada", "Ben"]),
)


@given(st.lists(anything, max_size=10, unique_by=lambda item: item.id), st.randoms())
def test_every_picture_stays_and_the_order_they_come_in_does_not_matter(pictures, random):
    found = with_corrected_times(pictures, NOW)
    again = with_corrected_times(random.sample(pictures, len(pictures)), NOW)

    assert [item.id for item in found] == [item.id for item in pictures]
    assert {item.id: item for item in again} == {item.id: item for item in found}
    assert all(item.taken_at is None or item.beside_at is None for item in found)


def day(name, hours, **more):
    """Of which only the day is known, so many hours of noon from the day of the others."""
    return replace(
        picture(name, None, **more), beside_at=NOON + hours * HOUR, taken_local=datetime(2026, 5, 8, 12)
    )


def test_a_day_without_a_time_orders_a_picture_and_the_undated_beside_it_and_corrects_no_clock():
    pictures = [
        picture("morning", -60, position=0, story_id="b"),
        day("chat", 0, position=1),
        picture("undated", None, position=2),
        picture("evening", 300, position=3, story_id="b"),
        day("tomorrow", 24, position=4, story_id="b"),
    ]
    found = with_corrected_times(pictures, NOW)

    assert [item.id for item in sorted(found, key=film_order)] == [
        "morning", "chat", "undated", "evening", "tomorrow"
    ]  # fmt: skip
    assert [item.taken_at for item in found if item.id in {"chat", "tomorrow"}] == [None, None]
    assert found[1].taken_local == datetime(2026, 5, 8, 12)


def test_a_day_that_nobody_took_a_picture_at_is_none():
    made_up = replace(
        day("a", 0), taken_local=datetime(1980, 1, 1, 12), beside_at=datetime(1980, 1, 1, 12, tzinfo=UTC)
    )
    (found,) = with_corrected_times([made_up], NOW)

    assert (found.beside_at, found.taken_local) == (None, None)
