"""The pictures of the demo."""

import functools
import hashlib
import subprocess
from io import BytesIO
from itertools import pairwise

import cv2
import exifread
import numpy as np
import pillow_heif
import pytest

from memorycapsule.demo.brushes import Canvas
from memorycapsule.demo.pictures import display_p3_profile, draw, exif_block
from memorycapsule.demo.scenes import SCENES
from memorycapsule.errors import UsageProblem
from memorycapsule.processes import ffmpeg_path

pytestmark = pytest.mark.slow

NAMES = [
    "sea-at-dusk.jpg",
    "seventh-birthday.jpg",
    "kites.jpg",
    "misty-mountains.heic",
    "flower-field.jpg",
    "snow-falling.mp4",
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return list(draw(tmp_path_factory.mktemp("drawn"), count=6, seed=3))


@functools.cache
def decoded(path):
    if path.suffix == ".heic":
        heif = pillow_heif.open_heif(path)
        return np.asarray(heif), {cv2.IMAGE_METADATA_EXIF: heif.info["exif"].removeprefix(b"Exif\0\0")}
    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture, kinds, values = cv2.imdecodeWithMetadata(data, cv2.IMREAD_COLOR)
    return picture, {int(kind): bytes(np.asarray(value)) for kind, value in zip(kinds, values, strict=True)}


def photos(drawn):
    return [file for file in drawn if file.kind == "photo"]


def tags(exif):
    return exifread.process_file(BytesIO(exif), details=False)


def test_a_small_count_draws_one_of_each_odd_kind(drawn):
    assert [file.path.name for file in drawn] == NAMES
    assert all(file.path.stat().st_size > 50_000 for file in drawn)


def test_photos_decode_to_the_size_they_are_shown_in(drawn):
    """The rotated one is stored lying down and shown upright."""
    shown = {scene.name: scene.size for scene in SCENES}

    for file in photos(drawn):
        height, width = decoded(file.path)[0].shape[:2]

        assert (width, height) == shown[file.path.stem], file.path.name


def test_photos_are_pictures_and_not_plain_fields(drawn):
    for file in photos(drawn):
        picture = decoded(file.path)[0]

        assert 20 < cv2.mean(picture)[0] < 235, file.path.name
        assert picture[::8, ::8].std() > 20, file.path.name


def test_every_photo_says_when_it_was_taken_and_in_which_zone(drawn):
    for file in photos(drawn):
        found = tags(decoded(file.path)[1][cv2.IMAGE_METADATA_EXIF])

        assert str(found["EXIF DateTimeOriginal"]) == file.taken_at.strftime("%Y:%m:%d %H:%M:%S")
        assert str(found["EXIF OffsetTimeOriginal"]).replace(":", "") == file.taken_at.strftime("%z")


def test_one_jpeg_is_to_be_turned(drawn):
    turned = [file.path.stem for file in photos(drawn)
              if tags(decoded(file.path)[1][cv2.IMAGE_METADATA_EXIF])["Image Orientation"].values == [6]]  # fmt: skip

    assert turned == ["kites"]


def test_one_jpeg_carries_the_display_p3_profile(drawn):
    with_profile = {
        file.path.stem: decoded(file.path)[1][cv2.IMAGE_METADATA_ICCP]
        for file in photos(drawn)
        if cv2.IMAGE_METADATA_ICCP in decoded(file.path)[1]
    }

    assert with_profile == {"flower-field": display_p3_profile()}


def test_the_profile_is_well_formed():
    profile = display_p3_profile()
    tag_count = int.from_bytes(profile[128:132])
    table = [profile[132 + 12 * n : 144 + 12 * n] for n in range(tag_count)]

    assert int.from_bytes(profile[:4]) == len(profile)
    assert profile[36:40] == b"acsp"
    assert all(int.from_bytes(row[4:8]) + int.from_bytes(row[8:12]) <= len(profile) for row in table)
    assert "Display P3".encode("utf-16-be") in profile


def test_the_clip_has_a_moving_picture_and_sound(drawn):
    (clip,) = [file for file in drawn if file.kind == "clip"]
    report = subprocess.run(
        [ffmpeg_path(), "-hide_banner", "-i", str(clip.path), "-vf", "freezedetect=d=1", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip

    assert "Video: h264" in report
    assert "yuv420p" in report
    assert "Audio: aac" in report
    assert "Duration: 00:00:04.0" in report
    assert "freeze_start" not in report


def test_the_same_seed_draws_the_same_files_and_another_seed_others(drawn, tmp_path):
    def digests(files):
        return [hashlib.sha256(file.path.read_bytes()).hexdigest() for file in files]

    again = digests(list(draw(tmp_path / "again", count=1, seed=3)))
    other = digests(list(draw(tmp_path / "other", count=1, seed=4)))

    assert again == digests(drawn)[:1]
    assert other != again


def test_scenes_are_named_once_and_follow_the_years():
    """A story made of them is told in the order of its dates."""
    assert len(SCENES) == 18
    assert len({scene.name for scene in SCENES}) == 18
    assert len({scene.title_ko for scene in SCENES}) == 18
    assert all(earlier.taken[:10] <= later.taken[:10] for earlier, later in pairwise(SCENES))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_scene_can_be_painted_small_and_shows_something(scene):
    width, height = scene.size
    canvas = Canvas(width * 160 // height, 160, np.random.default_rng(11))
    scene.paint(canvas)

    assert np.isfinite(canvas.pixels).all()
    assert canvas.pixels.std() > 0.07


def test_exif_of_a_zone_west_of_greenwich_keeps_its_sign():
    from datetime import datetime

    found = tags(exif_block(datetime.fromisoformat("2024-02-29T23:59:58-03:30"), orientation=1))

    assert str(found["EXIF OffsetTimeOriginal"]) == "-03:30"
    assert str(found["EXIF DateTimeOriginal"]) == "2024:02:29 23:59:58"


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(UsageProblem, match=r"^demo_not_drawn "):
        list(draw(tmp_path / "file" / "inside", count=1))
