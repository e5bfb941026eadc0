"""A film from any folder, and its plan, written down, edited and given back."""

import json
import shutil

import cv2
import numpy as np
import pytest

from integration.cli.instances import bitmap
from integration.media.face_models import magenta_model
from memorycapsule.work.lock import FolderLock

SMALL = ("--size", "160x90", "--fps", "10", "--theme", "classic", "--json")


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(3):
        bitmap(folder / f"IMG_{number}.bmp", number)
    return folder


@pytest.mark.slow
def test_a_plan_is_written_edited_and_followed(capsule, album, tmp_path):
    plan_file, film = tmp_path / "plan.json", tmp_path / "film.mp4"
    first = capsule("render", album, "-o", film, "--plan", plan_file, "--title", "Before", *SMALL).json[
        "film"
    ]
    plan = json.loads(plan_file.read_text())
    (pictures,) = [scene for scene in plan["scenes"] if scene["shots"][0]["kind"] == "photo"]
    pictures["shots"] = list(reversed(pictures["shots"]))[:2]
    plan_file.write_text(json.dumps(plan))
    again = capsule("render", album, "-o", film, "--from-plan", plan_file, "--force", "--json").json["film"]

    assert [shot["source"]["id"] for shot in pictures["shots"]] == [
        str(album / "IMG_2.bmp"),
        str(album / "IMG_1.bmp"),
    ]
    assert (again["size"], again["fps"]) == ([160, 90], 10)
    assert again["frames"] < first["frames"]
    assert not list(tmp_path.glob(".film*")), "the folder that it was made in is gone"


@pytest.mark.slow
def test_folders_inside_the_folder_become_chapters_but_one_of_nothing_but_copies(capsule, album, tmp_path):
    for folder in ("first day", "둘째 날/저녁"):
        (album / folder).mkdir(parents=True)
        bitmap(album / folder / "a.bmp", len(folder))
    (album / "again").mkdir()
    shutil.copy(album / "IMG_1.bmp", album / "again" / "copy.bmp")
    capsule("render", album, "-o", tmp_path / "film.mp4", "--plan", tmp_path / "plan.json", *SMALL)
    plan = json.loads((tmp_path / "plan.json").read_text())

    assert sorted(scene["title"] for scene in plan["scenes"]) == ["", "album", "first day", "저녁"]


@pytest.mark.slow
def test_a_plan_that_names_other_files_is_refused(capsule, album, tmp_path):
    plan_file, film = tmp_path / "plan.json", tmp_path / "film.mp4"
    capsule("render", album, "-o", film, "--plan", plan_file, *SMALL)
    film.unlink()
    said = capsule("render", album / "IMG_0.bmp", "-o", film, "--from-plan", plan_file, "--json")

    assert said.code == 2
    assert "not among the files given" in said.out
    assert not film.exists()


@pytest.mark.parametrize("text", ["{}", "no json", '{"plan_version": 99}'])
def test_what_is_no_plan_is_refused_with_a_sentence(capsule, album, tmp_path, text):
    plan_file = tmp_path / "plan.json"
    plan_file.write_text(text)

    assert capsule("render", album, "-o", tmp_path / "f.mp4", "--from-plan", plan_file).code == 2


def test_a_film_that_another_run_makes_is_left_to_it(capsule, album, tmp_path):
    unfinished = tmp_path / ".film.mp4.unfinished"
    unfinished.mkdir()
    with FolderLock(unfinished):
        said = capsule("render", album, "-o", tmp_path / "film.mp4", *SMALL)

    assert said.code == 6
    assert "is making this film already" in said.error["message"]


def test_a_folder_that_leads_elsewhere_is_not_worked_in(capsule, album, tmp_path):
    (tmp_path / ".film.mp4.unfinished").symlink_to(album)
    said = capsule("render", album, "-o", tmp_path / "film.mp4", *SMALL)

    assert said.code == 2
    assert "is not a folder of yours" in said.error["message"]
    assert len(list(album.iterdir())) == 3


def test_where_nothing_can_be_used_nothing_is_left(capsule, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    said = capsule("render", tmp_path / "photo.jpg", "-o", tmp_path / "film.mp4", *SMALL)

    assert said.code == 1
    assert not list(tmp_path.glob(".film*"))


@pytest.mark.slow
def test_a_film_moves_towards_the_faces_that_the_configured_model_knows(
    capsule, album, tmp_path, monkeypatch
):
    picture = np.full((960, 1280, 3), (150, 160, 140), np.uint8)
    cv2.circle(picture, (320, 400), 120, (20, 220, 240), -1)
    picture[200:360, 960:1120] = (255, 0, 255)
    cv2.imwrite(str(tmp_path / "face.jpg"), picture)
    model = tmp_path / "faces.onnx"
    model.write_bytes(magenta_model())

    def middle(name: str) -> float:
        """Where the film looks at last, from the left."""
        plan = tmp_path / f"{name}.json"
        capsule("render", tmp_path / "face.jpg", "-o", tmp_path / f"{name}.mp4", "--plan", plan, *SMALL)
        shots = [shot for scene in json.loads(plan.read_text())["scenes"] for shot in scene["shots"]]
        ends = [
            move[end] for shot in shots if shot["kind"] == "photo" for move in [shot["move"]] for end in move
        ]
        nearest = min(ends, key=lambda rect: rect["width"])
        return nearest["x"] + nearest["width"] / 2

    without = middle("without")
    monkeypatch.setenv("CAPSULE_FILM__FACE_MODEL", str(model))

    assert middle("with") > without


@pytest.mark.parametrize(
    "words",
    [
        ["a.mp4", "-o", "a.mp4"],
        ["a.mp4", "-o", "./b/../a.mp4"],
        ["a.mp4", "-o", "hard.mp4"],
        ["a.mp4", "-o", "soft.mp4"],
        ["soft.mp4", "-o", "a.mp4"],
        [".", "-o", "a.mp4"],
        ["b", "-o", "b/inside.mp4"],
        ["a.bmp", "--soundtrack", "a.mp4", "-o", "hard.mp4"],
        ["a.bmp", "--from-plan", "a.mp4", "-o", "a.mp4"],
        ["a.bmp", "-o", "film.mp4", "--plan", "a.bmp"],
        ["a.bmp", "-o", "film.mp4", "--plan", "film.mp4"],
        ["a.bmp", "-o", "film.mp4", "--plan", "a.mp4", "--soundtrack", "a.mp4"],
    ],
    ids=" ".join,
)
def test_a_film_never_replaces_what_it_is_made_of(capsule, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    bitmap(tmp_path / "a.bmp")
    (tmp_path / "b").mkdir()
    clip, inside = tmp_path / "a.mp4", tmp_path / "b" / "inside.mp4"
    clip.write_bytes(b"a clip")
    inside.write_bytes(b"another")
    (tmp_path / "hard.mp4").hardlink_to(clip)
    (tmp_path / "soft.mp4").symlink_to("a.mp4")
    for more in ([], ["--force"]):
        said = capsule("render", *words, *more)
        assert (said.code, "is one of the files that the film is made of" in said.err) == (2, True)

    assert (clip.read_bytes(), inside.read_bytes()) == (b"a clip", b"another")


@pytest.mark.parametrize("name", ["film", "film.txt", "film.jpg", "film.mkv", ".", "film.mp4.bak"])
def test_a_film_is_called_like_one(capsule, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    said = capsule("render", bitmap(tmp_path / "a.bmp"), "-o", name, "--force")

    assert (said.code, ".mp4" in said.err) == (2, True)
    assert {one.name for one in tmp_path.iterdir()} == {"a.bmp"}


def test_a_length_that_title_and_end_alone_exceed_is_refused(capsule, tmp_path):
    said = capsule("render", bitmap(tmp_path / "a.bmp"), "-o", tmp_path / "f.mp4", "--length", "5")

    assert (said.code, "A film of 5 s is too short" in said.err) == (2, True)
    assert {one.name for one in tmp_path.iterdir()} == {"a.bmp"}
