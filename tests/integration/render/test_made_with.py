"""What a segment was drawn with is part of its name, and no version has to be counted by hand for that."""

import ast
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import memorycapsule
from memorycapsule import themes
from memorycapsule.domain.film.direction import Direction, StoryText, direct
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Encoder
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render import made_with as sources
from memorycapsule.render.made_with import made_with
from memorycapsule.render.segments import cut, visible
from memorycapsule.render.stages import stage_name

PACKAGE = Path(memorycapsule.__file__).parent
THEMES = {"classic": "screen", "photocard": "table", "museum": "gallery", "window": "desktop"}


def plan_of(theme, *, pictures=6):
    """A film of a theme with a prologue, a title, photos, a story without photos, and an end."""
    style = replace(themes.load(theme).film, prologue_seconds=4.0)
    photos = [
        Picture(
            id=f"a{number}", kind="photo", file=f"a{number}.jpg", width=160, height=100, story_id="a",
            contributor="Ada", position=number,
        )
        for number in range(pictures)
    ]  # fmt: skip
    words = [StoryText(story_id="w", title="Words", text="We stayed until dark.", contributor="Ben")]
    how = Direction(
        size=Size(width=96, height=54), style=style, encoder=Encoder(segment_seconds=1.0), length="full"
    )
    return direct(title="Summer", pictures=photos, stories=words, direction=how)


def names(plan, package):
    """The names of a film's segments, as the program in a folder gives them, each with the stages that draw it."""
    found = cut(plan, {source.id: source.id for source in plan.sources}, made_with(package), b"key")
    return {
        segment.name: {
            stage_name(plan, placed.shot) for placed in visible(plan.timeline, segment.first, segment.stop)
        }
        for segment in found
    }


@pytest.fixture
def copy_of_package(tmp_path):
    """Copy our sources, changed by a function of the copy's folder."""
    made = []

    def copy(change=lambda _folder: None):
        folder = tmp_path / str(len(made)) / PACKAGE.name
        made.append(folder)
        shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__", "migrations", "daemon"))
        change(folder)
        return folder

    return copy


def change_a_number(file: Path) -> None:
    """Let the first number that a module gives a name be another one."""
    text = file.read_text()
    number = next(
        statement.value
        for statement in ast.parse(text).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, int | float)
    )
    lines = text.splitlines(keepends=True)
    line = lines[number.lineno - 1]
    lines[number.lineno - 1] = line[: number.col_offset] + "7.25" + line[number.end_col_offset :]
    file.write_text("".join(lines))


def prepend(file: Path, line: str) -> None:
    file.write_text(f"{line}\n{file.read_text()}")


@pytest.mark.parametrize(
    ("stage", "module"),
    [
        ("screen", "screen.py"),
        ("table", "table/turns.py"),
        ("gallery", "gallery/words.py"),
        ("desktop", "desktop/entrances.py"),
        ("bundle", "bundle/cloth.py"),
    ],
)
def test_a_number_in_a_stage_changes_the_names_of_what_that_stage_draws_and_no_others(
    copy_of_package, stage, module
):
    changed = copy_of_package(lambda folder: change_a_number(folder / "render" / "stages" / module))

    for theme in THEMES:
        plan = plan_of(theme)
        before, after = names(plan, PACKAGE), names(plan, changed)
        drawn = {name for name, stages in before.items() if stage in stages}
        assert before.keys() - after.keys() == drawn, theme
        assert bool(drawn) == (stage in {THEMES[theme], "bundle"})
        assert len(drawn) < len(before) or stage != "bundle", "the prologue is a part of the film"


def test_what_all_stages_share_changes_all_names(copy_of_package):
    changed = copy_of_package(lambda folder: change_a_number(folder / "render" / "planes.py"))

    for theme in THEMES:
        assert not names(plan_of(theme), PACKAGE).keys() & names(plan_of(theme), changed).keys()


def test_a_helper_outside_the_renderer_changes_the_names_of_those_who_use_it(copy_of_package):
    changed = copy_of_package(lambda folder: prepend(folder / "domain" / "hangul.py", "# Another."))

    assert not names(plan_of("photocard"), PACKAGE).keys() & names(plan_of("photocard"), changed).keys()
    assert names(plan_of("classic"), PACKAGE) == names(plan_of("classic"), changed)


@pytest.mark.parametrize(
    "line",
    [
        "from memorycapsule.render.stages.gallery import poster",
        "from memorycapsule.render.stages.gallery.poster import (\n    # of (paper)\n    entrance,\n)",
        "import memorycapsule.render.stages.gallery.poster as poster",
        "if True:\n    from memorycapsule.render.stages.gallery.poster import entrance as other",
    ],
)
def test_what_one_stage_takes_from_another_is_counted(copy_of_package, line):
    table = Path("render", "stages", "table", "paper.py")
    poster = Path("render", "stages", "gallery", "poster.py")
    borrowing = copy_of_package(lambda folder: prepend(folder / table, line))

    def borrow_and_change(folder):
        prepend(folder / table, line)
        prepend(folder / poster, "# Another.")

    changed = copy_of_package(borrow_and_change)

    plan = plan_of("photocard")
    drawn = {name for name, stages in names(plan, borrowing).items() if "table" in stages}
    assert names(plan, borrowing).keys() - names(plan, changed).keys() == drawn


@pytest.mark.parametrize(
    "module", ["__init__.py", "services/reading.py", "domain/film/picture_choice.py", "render/sound.py"]
)
def test_what_draws_nothing_changes_no_name(copy_of_package, module):
    changed = copy_of_package(lambda folder: prepend(folder / module, "# Another."))

    for theme in THEMES:
        assert names(plan_of(theme), PACKAGE) == names(plan_of(theme), changed)


def test_libraries_fonts_and_ffmpeg_take_part():
    everywhere = made_with().everywhere

    assert {"numpy", "cv2", "imageio_ffmpeg", "ffmpeg", "Pretendard-Regular.otf"} <= everywhere.keys()
    assert all(everywhere.values())


def test_every_module_that_drawing_loads_is_counted(tmp_path):
    """Imports are found in the text of sources; here they are those of a process that draws a bit of everything."""
    import cv2
    import numpy as np

    plans = [plan_of(theme, pictures=2) for theme in THEMES]
    for source in plans[0].sources:
        cv2.imwrite(str(tmp_path / source.file), np.full((100, 160, 3), 90, np.uint8))
    draw = (
        "import json, pathlib, sys\n"
        "from memorycapsule.render import worker\n"
        "from memorycapsule.domain.film.plan import MontagePlan\n"
        "for text in json.load(sys.stdin):\n"
        "    plan = MontagePlan.from_json(text)\n"
        "    for placed in plan.timeline:\n"
        "        at = placed.first + placed.shot.entrance_frames // 2\n"
        f"        list(worker.frames(plan, pathlib.Path({str(tmp_path)!r}), at, at + 1))\n"
        "ours = {name: one.__file__ for name, one in sys.modules.items() if name.startswith('memorycapsule.')}\n"
        "print(json.dumps(ours))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", draw],
        input=json.dumps([plan.to_json() for plan in plans]),
        capture_output=True,
        text=True,
        check=True,
    )
    groups = [[sources._DRAWING], *sources._stages(PACKAGE).values()]
    counted = set().union(*(sources._reached(group, PACKAGE) for group in groups))
    # Packages whose only statement is their docstring decide nothing.
    loaded = {
        name
        for name, file in json.loads(done.stdout).items()
        if len(ast.parse(Path(file).read_text()).body) > 1
    }

    assert len(loaded) > 40
    assert loaded <= counted


def test_the_renderer_is_sources_alone():
    others = [
        path
        for path in (PACKAGE / "render").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    ]

    assert others == [], "the digests of the renderer are of its modules"
