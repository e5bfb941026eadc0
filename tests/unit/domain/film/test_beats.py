"""Pictures change on the beat, stories on the bar, and pictures that fit share a shot."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorycapsule.domain.film.direction import Direction, StoryText, direct
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Clip, Photo, Soundtrack

NINETY = Soundtrack(beat_seconds=20 / 30)


def picture(name, *, story="a", hours=0, **more):
    taken = datetime(2026, 5, 8, 12) + timedelta(hours=hours)
    values = {"kind": "photo", "file": f"{name}.jpg", "width": 2560, "height": 1707, **more}
    return Picture(id=name, story_id=story, contributor="Ada", taken_local=taken, **values)


def film(pictures, music=NINETY, **more):
    stories = [
        StoryText(story_id=story, title=f"Story {story}", contributor="Ada")
        for story in dict.fromkeys(item.story_id for item in pictures)
    ]
    return direct(
        title="Summer", pictures=pictures, stories=stories, direction=Direction(soundtrack=music, **more)
    )


def middles(plan):
    """Return the middle of every entrance but the first, in frames, with the scene that it begins or None."""
    firsts = {id(scene.shots[0]): scene for scene in plan.scenes}
    return [
        (placed.first + placed.shot.entrance_frames / 2, id(placed.shot) in firsts)
        for placed in plan.timeline[1:]
    ]


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=20),
    st.floats(60, 140),
    st.floats(0, 1),
)
def test_pictures_change_on_the_beat_and_stories_on_the_bar(stories, bpm, first_beat):
    pictures = [picture(f"p{number}", story=story, hours=number) for number, story in enumerate(stories)]
    music = Soundtrack(beat_seconds=60 / bpm, first_beat_seconds=first_beat)
    plan = film(pictures, music)
    beat = music.beat_seconds * plan.fps

    for middle, is_scene in middles(plan):
        grid = beat * music.beats_per_bar if is_scene else beat
        off = (middle - first_beat * plan.fps + grid / 2) % grid - grid / 2
        assert abs(off) <= 1, "more than a frame off the beat"


def test_music_without_a_steady_beat_changes_nothing():
    pictures = [picture(f"p{number}", hours=number) for number in range(9)]

    assert (
        film(pictures, Soundtrack()).frames
        == direct(
            title="Summer",
            pictures=pictures,
            stories=[StoryText(story_id="a", title="Story a", contributor="Ada")],
        ).frames
    )


def test_a_clip_is_not_held_for_the_sake_of_the_music():
    pictures = [
        picture("clip", kind="clip", duration_seconds=5.1, hours=0),
        picture("after", hours=1),
        picture("last", hours=2),
    ]
    plan = film(pictures)
    (clip,) = [shot for shot in plan.shots if isinstance(shot, Clip)]

    assert clip.frames <= round(5.1 * plan.fps) + round(0.2 * plan.fps)


def test_a_story_that_is_added_moves_the_others_by_whole_bars():
    def shots(plan):
        return {shot.source.id: shot for shot in plan.shots if isinstance(shot, Photo)}

    old = [picture(f"{story}{number}", story=story, hours=number) for story in "ac" for number in range(9)]
    before, after = shots(film(old)), shots(film([*old, picture("b0", story="b", hours=3)]))

    assert {name: after[name] for name in before} == before


def test_upright_photos_share_a_shot_two_and_two_within_their_story():
    tall = {"width": 1707, "height": 2560}
    pictures = [picture(f"a{number}", hours=number, **tall) for number in range(3)]
    pictures += [picture("wide", hours=5), picture("b0", story="b", hours=9, **tall)]
    plan = film(pictures)
    shown = [
        [source.id for source in (shot.source, *shot.beside)]
        for shot in plan.shots
        if isinstance(shot, Photo)
    ]

    assert shown == [["a0", "a1"], ["a2"], ["wide"], ["b0"]]


@pytest.mark.parametrize("odd", [{"width": 300, "height": 2560}, {"caption": "The swing"}])
def test_a_strip_and_a_photo_with_words_of_its_own_stand_alone(odd):
    tall = {"width": 1707, "height": 2560}
    plan = film([picture("a", **{**tall, **odd}), picture("b", hours=1, **tall)])

    assert [shot.beside for shot in plan.shots if isinstance(shot, Photo)] == [(), ()]


def test_a_story_of_several_days_says_each_day_once():
    plan = film(
        [picture(f"p{number}", hours=10 * number) for number in range(4)],
        Soundtrack(),
        day_in_words=lambda day: f"{day.day} {day:%B} {day.year}",
    )
    days = [shot.caption.when if shot.caption else "" for shot in plan.shots if isinstance(shot, Photo)]

    assert days == ["8 May 2026", "", "9 May 2026", ""]
