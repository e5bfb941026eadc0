"""The montage plan: what it adds up to, and what it refuses."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.film.plan import Card, FilmStyle, MontagePlan, Scene
from memorycapsule.domain.film.sizes import Size
from memorycapsule.errors import PlanRefused
from support.refusals import refused


def cards(*lengths: tuple[int, int]) -> MontagePlan:
    shots = tuple(Card(frames=frames, entrance_frames=fade, role="text") for frames, fade in lengths)
    return MontagePlan(
        size=Size(width=32, height=18),
        fps=30,
        theme="classic",
        style=FilmStyle(),
        title="Summer",
        date="2026",
        scenes=(Scene(story_id=None, title="", shots=shots),),
    )


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 20)), min_size=1, max_size=20))
def test_the_film_lasts_all_shots_less_their_overlaps(parts):
    lengths = [
        (body + fade + (parts[index + 1][1] if index + 1 < len(parts) else 0), 0 if index == 0 else fade)
        for index, (body, fade) in enumerate(parts)
    ]
    plan = cards(*lengths)

    assert plan.frames == plan.timeline[-1].stop
    assert plan.seconds == plan.frames / 30
    for before, after in zip(plan.timeline, plan.timeline[1:], strict=False):
        assert before.stop - after.first == after.shot.entrance_frames
    for before, after in zip(plan.timeline, plan.timeline[2:], strict=False):
        assert before.stop <= after.first, "three shots are seen at once"


def test_a_plan_reads_back_as_it_was_written():
    plan = cards((30, 0), (40, 10))

    assert MontagePlan.from_json(plan.to_json()) == plan


def test_a_plan_that_says_no_language_is_read_as_an_english_one():
    plan = cards((30, 0), (40, 10))
    data = json.loads(plan.to_json())
    assert data.pop("language") == "en"

    assert MontagePlan.from_json(json.dumps({**data, "plan_version": 3})) == plan
    assert MontagePlan.from_json(replace(plan, language="ko").to_json()).language == "ko"


def test_a_plan_of_another_version_is_refused_with_its_number():
    data = json.loads(cards((30, 0)).to_json())
    data["plan_version"] = 99

    with refused(PlanRefused, "plan_version_unknown", version=99):
        MontagePlan.from_json(json.dumps(data))
    with refused(PlanRefused, "plan_version_unknown", version=99):
        replace(cards((30, 0)), plan_version=99)


@pytest.mark.parametrize(
    ("change", "reason", "values"),
    [
        (lambda data: data.pop("fps"), "plan_field_missing", {"place": "plan", "field": "fps"}),
        (
            lambda data: data.update(colour="red"),
            "plan_field_unknown",
            {"place": "plan", "field": "colour"},
        ),
        (lambda data: data.update(fps="30"), "plan_type_wrong", {"place": "plan.fps", "type": "int"}),
        (lambda data: data.update(scenes={}), "plan_not_list", {"place": "plan.scenes"}),
        (lambda data: data.update(size=[]), "plan_not_object", {"place": "plan.size"}),
        (
            lambda data: data["scenes"][0]["shots"][0].update(kind="dance"),
            "plan_kind_unknown",
            {"place": "plan.scenes[0].shots[0]"},
        ),
        (lambda data: data["size"].update(width=31), "film_size_impossible", {}),
    ],
)
def test_a_damaged_plan_is_refused_naming_the_place(change, reason, values):
    data = json.loads(cards((30, 0)).to_json())
    change(data)

    with refused(PlanRefused, reason, **values):
        MontagePlan.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "not json"])
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(PlanRefused):
        MontagePlan.from_json(text)


@pytest.mark.parametrize("lengths", [[(30, 5)], [(30, 0), (10, 10)], [(10, 0), (30, 10)], []])
def test_transitions_longer_than_their_shots_are_refused(lengths):
    with pytest.raises(PlanRefused):
        cards(*lengths)
