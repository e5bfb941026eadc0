"""The prologue: the bundle that is untied before every film."""

import itertools

import numpy as np
import pytest

from memorycapsule import themes
from memorycapsule.domain.film.plan import Card, Credit, FilmStyle, MontagePlan, Scene
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.planes import new_frame, planes_of
from memorycapsule.render.stages import open_painter
from memorycapsule.render.worker import bgr_from_frame

DYES = FilmStyle().dyes


def plan_of(people, *, theme="photocard", frames=60, size=None):
    style = themes.load(theme).film
    card = Card(
        frames=frames,
        entrance_frames=0,
        role="prologue",
        credits=tuple(Credit(name=name, dye=DYES[number % len(DYES)]) for number, name in enumerate(people)),
    )
    return MontagePlan(
        size=size or Size(width=320, height=180),
        fps=30,
        theme=theme,
        style=style,
        title="",
        date="",
        scenes=(Scene(story_id=None, title="", shots=(card,)),),
    )


def painted(plan, tmp_path, indices):
    painter = open_painter(plan, plan.shots[0], tmp_path)
    shown = []
    for index in indices:
        frame = new_frame(plan.size.width, plan.size.height)
        painter.paint(index, frame)
        shown.append(frame)
    return shown


def test_it_begins_by_night_with_a_bundle_and_ends_in_the_light_of_the_theme(tmp_path):
    plan = plan_of(["Ada", "박영희", "Emma"])
    first, *_, last = painted(plan, tmp_path, range(60))
    begin, end = (bgr_from_frame(frame).astype(int) for frame in (first, last))

    assert begin[:20].max() < 60, "night"
    assert begin[60:120, 130:190].max(axis=2).mean() > 110, "the bundle in the middle"
    ground = np.array([0xFF, 0xDE, 0xBF])
    assert np.abs(end[2].mean(axis=0) - ground).max() < 12
    assert end.std(axis=1).max() < 6, "nothing but light is left"


def test_every_dye_of_the_people_is_on_the_cloth(tmp_path):
    people = ["a", "b", "c", "d", "e", "f"]
    (frame,) = painted(plan_of(people, size=Size(width=640, height=360)), tmp_path, [0])
    picture = bgr_from_frame(frame)[:, :, ::-1].astype(float)

    chroma = picture - picture.mean(axis=2, keepdims=True)
    for dye in DYES[: len(people)]:
        colour = np.array([int(dye[at : at + 2], 16) for at in (1, 3, 5)], float)
        tint = colour - colour.mean()
        likeness = (chroma @ tint) / (np.linalg.norm(chroma, axis=2) * np.linalg.norm(tint) + 1e-6)
        assert ((likeness > 0.97) & (np.linalg.norm(chroma, axis=2) > 25)).sum() > 120, dye


def test_it_moves_smoothly_and_the_light_only_grows(tmp_path):
    shown = painted(plan_of(["Ada", "Bo"]), tmp_path, range(60))
    steps = [np.abs(one.astype(int) - other.astype(int)).mean() for one, other in itertools.pairwise(shown)]
    light = [float(planes_of(frame).luma.mean()) for frame in shown]

    assert max(steps) < 26, "nothing jumps"
    assert min(np.diff(light[32:])) > -0.6
    assert light[-1] > 200


def test_the_same_people_get_the_same_frames_and_others_another_cloth(tmp_path):
    indices = [0, 22, 40]
    one, again = (painted(plan_of(["Ada", "Bo"]), tmp_path, indices) for _ in range(2))
    other = painted(plan_of(["Ada", "Cy"]), tmp_path, indices)
    (alone,) = painted(plan_of(["Ada", "Bo"]), tmp_path, [40])

    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert np.array_equal(alone, one[-1]), "it does not matter which frames were asked for before"
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("theme", themes.names())
@pytest.mark.parametrize("count", [0, 1, 40])
def test_every_theme_and_any_number_of_people_has_a_bundle(tmp_path, theme, count):
    plan = plan_of([f"p{number}" for number in range(count)], theme=theme)
    first, middle = painted(plan, tmp_path, [0, 30])

    for frame in (first, middle):
        assert bgr_from_frame(frame)[70:110, 140:180].max() > 120


@pytest.mark.parametrize(("width", "height", "frames"), [(90, 160, 30), (16, 16, 2), (128, 128, 1)])
def test_frames_of_any_shape_and_length_are_painted(tmp_path, width, height, frames):
    plan = plan_of(["Ada"], frames=frames, size=Size(width=width, height=height))
    assert len(painted(plan, tmp_path, range(frames))) == frames
