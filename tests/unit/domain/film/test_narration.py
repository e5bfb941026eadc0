"""Voice notes: heard over the pictures of their story, one at a time, in order, to the end where that is reasonable."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorycapsule import themes
from memorycapsule.domain.film.direction import Direction, StoryText, direct, without_pictures
from memorycapsule.domain.film.direction.narration import share_out
from memorycapsule.domain.film.picture_choice import Picture, VoiceNote
from memorycapsule.domain.film.plan import Card, Clip, MontagePlan, Photo
from memorycapsule.errors import PlanRefused
from support.refusals import refused

DAY = datetime(2026, 5, 8, tzinfo=UTC)


def pictures(story, count, *, day=0, kind="photo", **more):
    return [
        Picture(
            id=f"{story}-{number}", file=f"{story}-{number}.jpg", kind=kind, width=2560, height=1707,
            story_id=story, contributor="Ada", position=number, taken_at=DAY + timedelta(days=day, hours=number),
            **more,
        )
        for number in range(count)
    ]  # fmt: skip


def story(name, *seconds, title="", text=""):
    notes = tuple(
        VoiceNote(id=f"{name}-note-{number}", file=f"{name}-note-{number}.m4a", duration_seconds=length)
        for number, length in enumerate(seconds)
    )
    return StoryText(story_id=name, title=title, text=text, contributor="Ada", notes=notes)


def film(given_pictures, stories, **how):
    theme = themes.load(how.pop("theme", "photocard"))
    direction = Direction(theme=theme.name, style=theme.film, soundtrack=theme.own_soundtrack("en"), **how)
    return direct(
        title="Summer", pictures=given_pictures, stories=stories, contributors=["Ada"], direction=direction
    )


def heard(plan):
    """Note -> (begin, end, seconds of fading) in the film."""
    return {
        one.voice.id: (one.first / plan.fps, one.stop / plan.fps, one.voice.fade_frames / plan.fps)
        for one in plan.placed_voices
    }


def seen(plan, name):
    """When a story's first picture is whole, and when that of the next begins to come (seconds)."""
    timeline = plan.timeline
    shots = [
        (placed, timeline[index + 1] if index + 1 < len(timeline) else None)
        for index, placed in enumerate(timeline)
        if isinstance(placed.shot, Photo) and placed.shot.source.id.startswith(f"{name}-")
    ]
    first, (_, following) = shots[0][0], shots[-1]
    return (first.first + first.shot.entrance_frames) / plan.fps, following.first / plan.fps


@pytest.mark.parametrize("theme", themes.names())
@pytest.mark.parametrize("seconds", [[5], [25], [8, 9, 3]])
def test_a_story_lasts_until_all_is_said(theme, seconds):
    given_pictures = [*pictures("a", 2), *pictures("b", 3, day=1), *pictures("c", 2, day=2)]
    plan = film(given_pictures, [story("a"), story("b", *seconds), story("c", 4)], theme=theme)
    spoken = heard(plan)
    begin, end = seen(plan, "b")

    notes = [spoken[f"b-note-{number}"] for number in range(len(seconds))]
    for (start, stop, fade), length in zip(notes, seconds, strict=True):
        assert stop - start == pytest.approx(length, abs=0.1)
        assert fade == 0
    assert begin <= notes[0][0] <= begin + 1
    assert notes[-1][1] <= end
    assert all(before[1] + 0.5 <= after[0] for before, after in pairwise(notes))
    assert end - notes[-1][1] < max(4, 20 - sum(seconds)), "and not much longer"
    assert MontagePlan.from_json(plan.to_json()) == plan


def test_stories_without_notes_are_shot_as_if_nobody_spoke():
    given_pictures = [*pictures("a", 4), *pictures("b", 3, day=1), *pictures("c", 5, day=2)]
    silent = film(given_pictures, [story("a"), story("b"), story("c")])
    spoken = film(given_pictures, [story("a"), story("b", 31), story("c")])

    for name in "ac":
        (before,) = [scene.shots for scene in silent.scenes if scene.story_id == name]
        (after,) = [scene.shots for scene in spoken.scenes if scene.story_id == name]
        assert before == after
    assert spoken.seconds > silent.seconds + 10


def test_words_alone_are_held_while_they_are_read_aloud():
    plan = film([], [story("a", 12, title="A letter", text="We were here.")])
    (card,) = [shot for shot in plan.shots if isinstance(shot, Card) and shot.role == "text"]

    assert card.frames / plan.fps >= 12
    assert heard(plan)["a-note-0"][2] == 0


def test_a_voice_without_picture_and_words_gets_a_card_with_its_name():
    plan = film(pictures("b", 2), [story("a", 6), story("b")])
    (card,) = [shot for shot in plan.shots if isinstance(shot, Card) and shot.role == "text"]

    assert (card.heading, card.body, card.note) == ("Ada", "", "")
    assert "a-note-0" in heard(plan)


def test_a_note_that_is_far_too_long_fades_out_with_its_story():
    plan = film([*pictures("a", 1), *pictures("b", 2, day=1)], [story("a", 800), story("b", 4)])
    start, stop, fade = heard(plan)["a-note-0"]
    _, end = seen(plan, "a")

    assert 20 < end - start < 40
    assert 0 < fade <= stop - end + 0.1 < 2
    assert stop <= heard(plan)["b-note-0"][0]


def test_a_clip_is_not_held_beyond_its_end():
    plan = film(pictures("a", 1, kind="clip", duration_seconds=5.0, has_sound=True), [story("a", 30)])
    (clip,) = [shot for shot in plan.shots if isinstance(shot, Clip)]

    assert clip.frames / plan.fps < 6
    assert heard(plan)["a-note-0"][2] > 0


@pytest.mark.parametrize("length", ["short", 60.0, 150.0])
def test_a_wished_length_holds_however_much_is_said(length):
    given_pictures = [one for number in range(6) for one in pictures(f"s{number}", 6, day=number)]
    stories = [story(f"s{number}", 40) for number in range(6)]
    silent = film(given_pictures, [story(f"s{number}") for number in range(6)], length=length)
    plan = film(given_pictures, stories, length=length)

    assert plan.seconds <= max(silent.seconds, 75 if length == "short" else length) * 1.08
    assert sum(stop - start for start, stop, _ in heard(plan).values()) > 0.5 * plan.seconds


def test_the_usual_film_becomes_longer_by_half_at_most():
    given_pictures = [one for number in range(10) for one in pictures(f"s{number}", 6, day=number)]
    silent = film(given_pictures, [story(f"s{number}") for number in range(10)])
    plan = film(given_pictures, [story(f"s{number}", 100) for number in range(10)])
    whole = film(given_pictures, [story(f"s{number}", 100) for number in range(10)], length="full")

    assert silent.seconds * 1.3 < plan.seconds < silent.seconds * 1.6
    assert whole.seconds > 1000
    assert all(fade == 0 for _, _, fade in heard(whole).values())


@given(st.lists(st.floats(0, 100), max_size=8), st.floats(0, 300))
def test_room_is_shared_so_that_whoever_wants_little_gets_it_first(wanted, room):
    got = share_out(wanted, room)

    assert sum(got) <= max(room, 0) + 1e-6 or got == wanted
    assert all(0 <= one <= seconds + 1e-9 for one, seconds in zip(got, wanted, strict=True))
    if sum(wanted) > room + 1e-6:
        assert sum(got) == pytest.approx(room, abs=1e-6)
        cut = [one for one, seconds in zip(got, wanted, strict=True) if one < seconds - 1e-9]
        assert max(cut) - min(cut) < 1e-6
        assert max(got) <= max(cut) + 1e-6


counts = st.lists(st.tuples(st.integers(0, 6), st.lists(st.floats(0.3, 900), max_size=3)), max_size=6)


@settings(max_examples=60)
@given(
    counts, st.one_of(st.none(), st.just("short"), st.just("full"), st.floats(5, 600)), st.sampled_from(themes.names()),
    st.booleans(),
)  # fmt: skip
def test_never_two_at_once_and_in_order_whatever_is_given(counts, length, theme, is_chosen):
    given_pictures = [
        one for number, (count, _) in enumerate(counts) for one in pictures(f"s{number}", count, day=number)
    ]
    stories = [
        story(f"s{number}", *seconds, title=f"Story {number}") for number, (_, seconds) in enumerate(counts)
    ]
    plan = film(given_pictures, stories, length=length, theme=theme, keeps_story_order=is_chosen)
    spoken = plan.placed_voices

    assert MontagePlan.from_json(plan.to_json()) == plan
    assert len(spoken) == len(plan.voices)
    assert all(0 < one.first < one.stop <= plan.frames for one in spoken)
    assert all(before.stop <= after.first for before, after in pairwise(spoken))
    assert all(one.stop - one.first == one.voice.frames for one in spoken), (
        "nothing is cut that was not planned so"
    )
    for scene in plan.scenes:
        own = [voice.id for voice in scene.voices]
        assert own == sorted(own)
        assert all(one.startswith(f"{scene.story_id}-") for one in own)


def test_without_its_pictures_a_voice_is_heard_over_a_card():
    plan = film([*pictures("a", 1), *pictures("b", 4, day=1)], [story("a", 10), story("b", 20, 5)])
    left = without_pictures(plan, frozenset({"a-0", "b-0", "b-1", "b-2"}))
    (card,) = [shot for shot in left.shots if isinstance(shot, Card) and shot.role == "text"]

    assert card.frames / left.fps >= 10
    assert set(heard(left)) == {"a-note-0", "b-note-0"}
    assert all(before.stop <= after.first for before, after in pairwise(left.placed_voices))


def test_a_plan_from_before_there_were_voices_is_understood():
    plan = film(pictures("a", 2), [story("a")])
    data = json.loads(plan.to_json())
    for scene in data["scenes"]:
        del scene["voices"]
    old = json.dumps({**data, "plan_version": 2})

    assert MontagePlan.from_json(old) == plan


def test_a_voice_outside_of_time_is_refused():
    data = json.loads(film(pictures("a", 2), [story("a", 3)]).to_json())
    (scene,) = [scene for scene in data["scenes"] if scene["voices"]]
    scene["voices"][0]["first"] = -1

    with refused(PlanRefused, "plan_voice_times"):
        MontagePlan.from_json(json.dumps(data))
