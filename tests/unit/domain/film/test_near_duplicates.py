"""Of lookalikes one stays, the same whatever else is there; and nothing is left out without one that stays."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.film.near_duplicates import are_near_duplicates, without_near_duplicates
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture

DAY = datetime(2026, 5, 8, 12, tzinfo=UTC)
HASH = 0x5A5A_3C3C_0F0F_9696


def other_by(bits: int) -> int:
    """A hash that differs from HASH in so many bits."""
    return HASH ^ (1 << bits) - 1


def picture(name, *, perceptual_hash=HASH, seconds=0.0, analysis=None, **more):
    values = {"kind": "photo", "width": 2560, "height": 1920, "story_id": "a", "contributor": "Ada", **more}
    taken = None if seconds is None else DAY + timedelta(seconds=seconds)
    return Picture(
        id=name,
        file=f"{name}.jpg",
        taken_at=taken,
        analysis=PictureAnalysis(perceptual_hash=perceptual_hash, **(analysis or {})),
        **values,
    )


@pytest.mark.parametrize(
    ("bits", "change", "alike"),
    [
        (10, {"seconds": 20}, True),
        (12, {"seconds": 20}, False),
        (10, {"seconds": 20, "story_id": "b"}, True),
        (6, {"seconds": 4000}, True),
        (8, {"seconds": 4000}, False),
        (6, {"seconds": None}, True),
        (4, {"seconds": 400_000, "story_id": "b"}, True),
        (6, {"seconds": 400_000, "story_id": "b"}, False),
        (0, {"width": 1920, "height": 2560}, False),
        (0, {"width": 640, "height": 480}, True),
        (0, {"width": 2560, "height": 1440}, False),
        (2, {"analysis": {"exposure": -3.1}}, True),
        (2, {"analysis": {"exposure": -5.0}}, False),
        (2, {"analysis": {"blue": 1.2}}, False),
    ],
)
def test_what_looks_alike(bits, change, alike):
    one, other = picture("one"), picture("other", perceptual_hash=other_by(bits), **change)

    assert are_near_duplicates(one, other) is are_near_duplicates(other, one) is alike


def test_a_folder_without_stories_is_no_story():
    one = picture("one", story_id="")
    other = picture("other", story_id="", perceptual_hash=other_by(6), seconds=90_000)

    assert without_near_duplicates([one, other]) == (one, other)


def test_what_nobody_looked_at_stays():
    unseen = Picture(
        id="u", kind="photo", file="u.jpg", width=1, height=1, story_id="a", contributor="Ada", taken_at=DAY
    )

    assert without_near_duplicates([unseen, unseen]) == (unseen, unseen)


def test_a_caption_then_more_pixels_then_the_earlier_decide_which_stays():
    small = picture("small", width=1280, height=960)
    late = picture("late", seconds=3)
    early = picture("early", seconds=2)
    captioned = picture("told", width=1280, height=960, seconds=9, caption="Grandmother laughs")

    assert without_near_duplicates([small, late, early]) == (early,)
    assert without_near_duplicates([small, late]) == (late,)
    assert without_near_duplicates([small, late, early, captioned]) == (captioned,)


@pytest.mark.parametrize(
    ("clip", "staying"),
    [
        ({"duration_seconds": 2.8}, ["live"]),
        ({"duration_seconds": 2.8, "story_id": "b"}, ["photo", "live"]),
        ({"duration_seconds": 2.8, "seconds": 9}, ["photo", "live"]),
        ({"duration_seconds": 2.8, "seconds": None}, ["photo", "live"]),
        ({"duration_seconds": 2.8, "perceptual_hash": other_by(14)}, ["photo", "live"]),
        ({"duration_seconds": 20.0}, ["photo", "live"]),
    ],
)
def test_a_clip_stands_in_only_for_the_still_of_its_live_photo(clip, staying):
    live = picture("live", kind="clip", **{"seconds": -1.5, "width": 1440, "height": 1080, **clip})

    assert [item.id for item in without_near_duplicates([picture("photo"), live])] == staying


def test_clips_are_copies_only_when_they_are_as_long():
    one = picture("one", kind="clip", duration_seconds=12.0)
    copy = picture(
        "copy", kind="clip", duration_seconds=12.1, width=640, height=480, perceptual_hash=other_by(2)
    )
    take = picture("take", kind="clip", duration_seconds=14.0)

    assert without_near_duplicates([copy, one, take]) == (one, take)


pictures = st.lists(
    st.builds(
        picture,
        st.uuids().map(str),
        perceptual_hash=st.sampled_from([HASH, other_by(3), other_by(5), other_by(9), ~HASH & (1 << 64) - 1]),
        seconds=st.one_of(st.none(), st.integers(0, 600)),
        width=st.sampled_from([2560, 1280]),
        height=st.sampled_from([1920, 960]),
        kind=st.sampled_from(["photo", "clip"]),
        duration_seconds=st.sampled_from([2.0, 9.0]),
        story_id=st.sampled_from("ab"),
        caption=st.sampled_from(["", "hello"]),
    ),
    max_size=12,
    unique_by=lambda item: item.id,
)


@given(pictures, st.randoms())
def test_one_of_each_group_stays_in_whatever_order_they_come(given_pictures, random):
    kept = without_near_duplicates(given_pictures)
    shuffled = random.sample(given_pictures, len(given_pictures))

    assert list(kept) == [item for item in given_pictures if item in kept]
    assert set(without_near_duplicates(shuffled)) == set(kept)
    assert not any(are_near_duplicates(one, other) for one in kept for other in kept if one != other)
    for gone in set(given_pictures) - set(kept):
        assert any(are_near_duplicates(gone, item) for item in kept)
    if any(item.kind == "clip" for item in given_pictures):
        assert any(item.kind == "clip" for item in kept)


@given(pictures, pictures)
def test_other_groups_change_nothing(here, there):
    elsewhere = [
        picture(f"far {item.id}", perceptual_hash=0xFFFF_0000_FFFF_0000, seconds=10**6, story_id="far")
        for item in there
    ]
    kept = without_near_duplicates([*here, *elsewhere])

    assert [item for item in kept if item.story_id != "far"] == list(without_near_duplicates(here))
