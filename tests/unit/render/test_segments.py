"""Segments: every frame once, named by what they show and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule import themes
from memorycapsule.domain.film.direction import Direction, StoryText, direct
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Encoder
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.made_with import MadeWith
from memorycapsule.render.segments import cut, is_whole

STAGES = {name: f"sources of {name}" for name in ("screen", "table", "gallery", "desktop", "bundle")}
PROGRAM = MadeWith(everywhere={"opencv": "1"}, stages=STAGES)


def plan_of(names, *, seconds=2.0, stories=()):
    pictures = [
        Picture(
            id=name,
            kind="photo",
            file=f"{name}.jpg",
            width=1600,
            height=1000,
            story_id=name[0],
            contributor="Ada",
            position=place,
        )
        for place, name in enumerate(names)
    ]
    how = Direction(size=Size(width=320, height=180), encoder=Encoder(segment_seconds=seconds))
    return direct(title="Summer", pictures=pictures, stories=stories, direction=how)


def cut_plan(plan, **more):
    digests = {source.id: f"digest of {source.id}" for source in plan.sources}
    return cut(plan, more.get("digests", digests), more.get("made_with", PROGRAM), more.get("key", b""))


@given(st.integers(1, 30), st.floats(0.1, 20))
def test_segments_have_every_frame_once_and_none_is_shorter_than_asked(count, seconds):
    plan = plan_of([f"a{number}" for number in range(count)], seconds=seconds)
    segments = cut_plan(plan)

    assert [segment.first for segment in segments[1:]] == [segment.stop for segment in segments[:-1]]
    assert (segments[0].first, segments[-1].stop) == (0, plan.frames)
    if len(segments) > 1:
        # Short films are cut finer, so that no processor waits at the end.
        least = seconds if plan.seconds >= 4 * seconds else seconds / 6
        assert min(segment.frames for segment in segments) >= int(least * plan.fps)


def test_cuts_lie_where_only_one_shot_is_seen():
    plan = plan_of([f"a{number}" for number in range(20)], seconds=1.0)
    edges = {segment.first for segment in cut_plan(plan)} - {0}

    for placed in plan.timeline:
        assert not edges & set(range(placed.first, placed.first + placed.shot.entrance_frames + 1))


@given(st.integers(3, 30), st.sampled_from([(0.26, 8), (0.35, 8), (0.6, 5), (0.9, 3)]))
def test_a_short_film_is_cut_evenly(count, share_and_parts):
    share, parts = share_and_parts
    plan = plan_of([f"a{number}" for number in range(count)])
    least = plan.seconds * share
    segments = cut_plan(replace(plan, encoder=replace(plan.encoder, segment_seconds=least)))

    assert 2 <= len(segments) <= parts
    lengths = [segment.frames for segment in segments]
    # As even as the places allow where one shot alone is seen.
    assert max(lengths) <= plan.frames / parts + max(placed.shot.frames for placed in plan.timeline)


def test_a_story_that_is_added_leaves_most_segments_as_they_were():
    before = {
        segment.name
        for segment in cut_plan(plan_of([f"a{n}" for n in range(20)] + [f"c{n}" for n in range(20)]))
    }
    after = {
        segment.name
        for segment in cut_plan(
            plan_of([f"a{n}" for n in range(20)] + ["b1", "b2"] + [f"c{n}" for n in range(20)])
        )
    }

    assert len(before - after) <= 4
    assert len(before & after) >= 8


@pytest.mark.parametrize(
    "change",
    [
        {"key": b"another"},
        {"made_with": replace(PROGRAM, everywhere={"opencv": "2"})},
        {"made_with": replace(PROGRAM, stages={**STAGES, "screen": "another"})},
        {"digests": {f"a{number}": "other" for number in range(4)}},
    ],
)
def test_another_key_program_or_picture_gives_other_names(change):
    plan = plan_of(["a0", "a1", "a2", "a3"])

    assert not {s.name for s in cut_plan(plan)} & {s.name for s in cut_plan(plan, **change)}


def test_changed_words_change_only_the_segments_that_show_them():
    names = [f"a{number}" for number in range(20)]
    one = cut_plan(plan_of(names, stories=[StoryText(story_id="a", title="Harvest", contributor="Ada")]))
    other = cut_plan(plan_of(names, stories=[StoryText(story_id="a", title="Weather", contributor="Ada")]))

    assert 1 <= len({s.name for s in one} - {s.name for s in other}) <= 2


def test_a_name_does_not_tell_what_a_picture_is_called():
    plan = plan_of(["a0", "a1"])
    renamed = replace(
        plan,
        scenes=tuple(
            replace(
                scene,
                shots=tuple(
                    replace(shot, source=replace(shot.source, file="x.jpg")) if shot.kind == "photo" else shot
                    for shot in scene.shots
                ),
            )
            for scene in plan.scenes
        ),
    )

    assert {s.name for s in cut_plan(plan)} == {s.name for s in cut_plan(renamed)}


@pytest.mark.parametrize(("theme", "has_words"), [("window", True), ("classic", False)])
def test_what_a_stage_says_itself_is_part_of_the_names(theme, has_words):
    plan = replace(plan_of(["a0", "a1", "a2", "a3"]), style=themes.load(theme).film)
    english, korean = (
        [segment.name for segment in cut_plan(replace(plan, language=language))] for language in ("en", "ko")
    )

    assert (english != korean) is has_words
    assert not has_words or not set(english) & set(korean)


def box(kind, content, *, large=False):
    """A box of ISO/IEC 14496-12, 4.2; a large one says its length in eight bytes."""
    if large:
        return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content
    return (8 + len(content)).to_bytes(4, "big") + kind + content


@pytest.mark.parametrize("is_large", [False, True])
def test_a_segment_that_is_cut_short_anywhere_is_not_whole(tmp_path, is_large):
    data = box(b"ftyp", b"isom") + box(b"mdat", bytes(range(40)), large=is_large) + box(b"moov", b"m" * 30)
    segment = tmp_path / "segment.mp4"

    segment.write_bytes(data)
    assert is_whole(segment)
    for length in range(len(data)):
        segment.write_bytes(data[:length])
        assert not is_whole(segment), length


@pytest.mark.parametrize(
    "data",
    [
        box(b"ftyp", b"isom") + box(b"mdat", b"frames"),
        box(b"moov", b"") + bytes(30),
        b"no film" * 9,
    ],
)
def test_a_file_without_moov_or_with_something_else_in_it_is_not_whole(tmp_path, data):
    (tmp_path / "segment.mp4").write_bytes(data)

    assert not is_whole(tmp_path / "segment.mp4")
    assert not is_whole(tmp_path / "gone.mp4")
