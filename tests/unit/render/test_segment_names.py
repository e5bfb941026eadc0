"""Each thing that decides a pixel decides the names of segments, field by field; nothing else does."""

import contextlib
import typing
from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule import themes
from memorycapsule.domain.film import plan as plans
from memorycapsule.domain.film.direction import Direction, direct
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import (
    Caption,
    Card,
    Clip,
    Credit,
    Encoder,
    MontagePlan,
    Move,
    Photo,
    Rect,
    Scene,
    Source,
)
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.film.voices import Voice
from memorycapsule.errors import PlanRefused
from memorycapsule.render.made_with import MadeWith
from memorycapsule.render.segments import cut

PROGRAM = MadeWith(
    everywhere={"opencv": "1", "Pretendard-Bold.otf": "digest"},
    stages=dict.fromkeys(("screen", "table", "gallery", "desktop", "bundle"), "sources"),
)
MOVE = Move(start=Rect(x=0.0, y=0.1, width=0.9, height=0.8), end=Rect(x=0.1, y=0.0, width=0.8, height=0.7))
CAPTION = Caption(heading="Harvest", text="Rain", who="Ada", when="2 May", dye="#3c5aa6", first=3, stop=20)

#: What decides sound, the film's length or its metadata. Whoever adds a field of a plan says here if it is no pixel's.
NO_PIXELS = {
    "Source.file",
    "Scene.story_id",
    "Scene.title",
    *(f"Voice.{field.name}" for field in fields(Voice)),
    *(f"Soundtrack.{field.name}" for field in fields(plans.Soundtrack)),
    "Encoder.segment_seconds",
    "Encoder.audio_kbit",
    "MontagePlan.theme",
    "MontagePlan.title",
    "MontagePlan.date",
    "MontagePlan.made_with",
    # Shots hold what these lead to.
    *(
        f"FilmStyle.{name}"
        for name in (
            *("photo_seconds", "panorama_seconds", "longest_clip_seconds", "title_seconds", "end_seconds"),
            *("entrance", "entrance_seconds", "story_entrance", "story_entrance_seconds", "fan_every"),
            *("prologue_seconds", "labels", "tilt", "zoom"),
        )
    ),
}


def source(name):
    return Source(id=name, file=f"{name}.jpg", width=1600, height=1000, gains=(1.0, 0.9, 1.1))


def film(theme):
    """A film with one of everything that a plan may hold."""
    shots = (
        Card(frames=40, entrance_frames=0, role="prologue", credits=(Credit(name="Ada", dye="#d6506f", count=2),)),
        Card(
            frames=40, entrance_frames=6, role="title", heading="Summer", body="2026", note="for you",
            sources=(source("t"),), backdrop=source("b"), move=MOVE, room=1,
        ),
        Photo(
            frames=60, entrance_frames=6, entrance="fan", source=source("p"), beside=(source("q"),), fit="inset",
            move=MOVE, room=2, tilt=1.5, caption=CAPTION,
        ),
        Clip(
            frames=60, entrance_frames=6, source=source("c"), fit="cover", start_seconds=1.5, has_sound=True, room=3,
            tilt=0.5, caption=CAPTION,
        ),
    )  # fmt: skip
    voice = Voice(id="v", file="v.m4a", first=2, frames=20, fade_frames=3)
    return MontagePlan(
        size=Size(width=320, height=180),
        fps=10,
        theme=theme,
        style=themes.load(theme).film,
        title="Summer",
        date="2026-05-02",
        scenes=(
            Scene(story_id=None, title="", shots=shots[:2]),
            Scene(story_id="s", title="Harvest", shots=shots[2:], voices=(voice,)),
        ),
        encoder=Encoder(segment_seconds=2.0),
        fade_out_frames=12,
    )


def names(plan, *, program=PROGRAM, digests=None, key=b"key"):
    known = dict.fromkeys((one.id for one in plan.sources), "digest") | (digests or {})
    return [segment.name for segment in cut(plan, known, program, key)]


def changes(value, hint=MontagePlan, place=""):
    """Yield ('Class.field', another value) for every value of a plan, however deep it lies."""
    if is_dataclass(value):
        hints = typing.get_type_hints(type(value), vars(plans))
        for field in (one for one in fields(value) if one.name != "plan_version"):
            here = f"{type(value).__name__}.{field.name}"
            for leaf, other in changes(getattr(value, field.name), hints[field.name], here):
                # Not every other value makes a plan.
                with contextlib.suppress(PlanRefused):
                    yield leaf, replace(value, **{field.name: other})
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            for leaf, other in changes(one, next(iter(typing.get_args(hint)), None), place):
                yield leaf, (*value[:number], other, *value[number + 1 :])
    elif (other := another(value, hint)) is not None:
        yield place, other


def another(value, hint):
    """Return another value of the same kind, None where there is none."""
    choices = [
        one for one in typing.get_args(hint) if typing.get_origin(hint) is typing.Literal and one != value
    ]
    match value:
        case _ if typing.get_origin(hint) is typing.Literal:
            return choices[0] if choices else None
        case bool():
            return not value
        case int():
            return value + 2  # sizes are even
        case float():
            return value + 0.001
        case "en":
            return "ko"
        case str():
            return "#123456" if value.startswith("#") else f"{value}x"
        case None if str in typing.get_args(hint):
            return "x"
    return None


@pytest.mark.parametrize("theme", ["classic", "photocard", "museum", "window"])
def test_each_field_of_a_plan_that_decides_a_pixel_decides_the_names_and_no_other_does(theme):
    plan = film(theme)
    usual = names(plan)
    tried, decided = set(), set()
    for place, changed in changes(plan):
        tried.add(place)
        if names(changed) != usual:
            decided.add(place)

    says_something = {"MontagePlan.language"} if theme == "window" else set()
    assert len(tried) > 100
    assert decided == tried - NO_PIXELS - {"MontagePlan.language"} | says_something


def test_the_key_the_program_and_each_picture_decide_the_names():
    plan = film("classic")
    usual = names(plan)
    with_another_picture = names(plan, digests={"q": "other"})
    showing = [name != other for name, other in zip(usual, with_another_picture, strict=True)]

    assert not set(usual) & set(names(plan, key=b"another"))
    for everywhere in ({"opencv": "2"}, {"Pretendard-Bold.otf": "other"}):
        program = replace(PROGRAM, everywhere=PROGRAM.everywhere | everywhere)
        assert not set(usual) & set(names(plan, program=program))
    for stage in PROGRAM.stages:
        program = replace(PROGRAM, stages=PROGRAM.stages | {stage: "other"})
        changed = [name != other for name, other in zip(usual, names(plan, program=program), strict=True)]
        # The prologue lies in the first segment; the other stages draw nothing here.
        expected = {"screen": len(usual), "bundle": 1}.get(stage, 0)
        assert sum(changed) == expected
        assert not expected or changed[0]
    assert 0 < sum(showing) < len(usual)


def test_a_picture_behind_the_words_is_another_than_one_that_lies_about():
    def title(**pictures):
        card = Card(frames=40, entrance_frames=0, role="title", heading="Summer", **pictures)
        return names(replace(film("classic"), scenes=(Scene(story_id=None, title="", shots=(card,)),)))

    assert title(sources=(source("t"),)) != title(backdrop=source("t"))


@given(
    count=st.integers(1, 7),
    seconds=st.sampled_from([2.0, 4.0, 8.0, 12.0]),
    segment_seconds=st.sampled_from([0.5, 1.0, 2.0, 4.0]),
)
def test_no_two_segments_of_a_film_have_one_name_though_they_show_parts_of_one_shot(
    count, seconds, segment_seconds
):
    photos = [
        Picture(
            id=f"a{number}", kind="photo", file=f"a{number}.jpg", width=1600, height=1000, story_id="a",
            contributor="Ada", position=number,
        )
        for number in range(count)
    ]  # fmt: skip
    style = replace(themes.load("classic").film, photo_seconds=seconds)
    how = Direction(
        size=Size(width=320, height=180), style=style, encoder=Encoder(segment_seconds=segment_seconds)
    )
    found = names(direct(title="Summer", pictures=photos, direction=how))

    assert len(set(found)) == len(found)
