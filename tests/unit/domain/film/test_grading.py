"""Neighbours come a little nearer to each other, by a sixth of a stop at most, and nights stay nights."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.film.grading import MOST_STOPS, gains_of
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture

UNCHANGED = (1.0, 1.0, 1.0)


def picture(exposure, red=0.0, blue=0.0, *, story="a", seen=True):
    return Picture(
        id=f"{exposure}", kind="photo", file="p.jpg", width=3, height=2, story_id=story, contributor="Ada",
        analysis=PictureAnalysis(exposure=exposure, red=red, blue=blue) if seen else None,
    )  # fmt: skip


def stops(gains):
    return [math.log2(gain) for gain in gains]


def test_a_darker_picture_among_lighter_ones_gets_lighter_and_they_darker():
    left, middle, right = gains_of([picture(-2.5), picture(-2.8), picture(-2.5)])

    assert stops(middle) == pytest.approx([MOST_STOPS] * 3, abs=0.001)
    assert stops(left) == stops(right) == pytest.approx([-0.15] * 3, abs=0.001)


def test_a_warm_picture_beside_a_cool_one_gets_cooler_but_not_darker():
    warm, cool = gains_of([picture(-2.5, red=0.2, blue=-0.2), picture(-2.5)])

    assert warm[0] < warm[1] < warm[2]
    assert cool[0] > cool[1] > cool[2]
    assert sum(part * stop for part, stop in zip((0.2126, 0.7152, 0.0722), stops(warm), strict=True)) == (
        pytest.approx(0, abs=0.001)
    )
    assert max(map(abs, stops(warm))) <= 1 / 12 + 0.02


@pytest.mark.parametrize(
    "pictures",
    [
        [picture(-2.5)],
        [picture(-2.5), picture(-2.5)],
        [picture(-2.5), picture(-4.1)],
        [picture(-2.5), picture(-2.9, story="b")],
        [picture(-2.5), picture(-2.9, seen=False)],
        [picture(-6.0), picture(-6.5)],
        [picture(-5.6), picture(-5.0)],
    ],
    ids=["alone", "equal", "meant", "other story", "unseen", "nights", "dusk"],
)
def test_what_is_left_alone(pictures):
    assert gains_of(pictures) == (UNCHANGED,) * len(pictures)


def test_a_sunset_keeps_its_colour_though_its_light_is_matched():
    red, *_ = gains_of([picture(-2.5, red=1.2), picture(-2.8)])

    assert red[0] == red[1] == red[2] < 1


analyses = st.builds(
    picture,
    st.floats(-9, 0).map(lambda value: round(value, 3)),
    st.floats(-4, 4),
    st.floats(-4, 4),
    story=st.sampled_from("ab"),
    seen=st.booleans(),
)


@given(st.lists(analyses, max_size=8))
def test_nothing_ever_changes_by_more_than_a_sixth_of_a_stop(pictures):
    gains = gains_of(pictures)

    assert len(gains) == len(pictures)
    for channels in gains:
        assert all(abs(stop) <= MOST_STOPS + 0.0002 for stop in stops(channels))


@given(st.lists(analyses, min_size=3, max_size=8), analyses, st.data())
def test_gains_depend_on_immediate_neighbours_only(pictures, another, data):
    changed = data.draw(st.integers(0, len(pictures) - 1))
    before = gains_of(pictures)
    after = gains_of([*pictures[:changed], another, *pictures[changed + 1 :]])

    for place in range(len(pictures)):
        if abs(place - changed) > 1:
            assert before[place] == after[place]
