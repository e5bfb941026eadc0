"""Photos, clips and songs of people's cases come out as the list of right values says."""

import json

import cv2
import numpy as np
import pytest

from memorycapsule.domain.film.framing import is_panorama
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.stories import Missing
from memorycapsule.media.intake import probe_soundtrack
from support.clip_patches import decoded, shown_patches

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def right(cases):
    """The right values by the names of files."""
    return json.loads((cases / "right_values.json").read_text())


@pytest.mark.parametrize(
    ("name", "highlights"), [("colours_sdr.mov", 4), ("colours_hd_untagged.mp4", 4), ("colours_pq.mov", 9)]
)
def test_colours_of_a_clip_are_right(cases, right, prepare, name, highlights):
    wanted = np.array(right["clips/colours_sdr.mov"]["patches_rgb"])
    off = np.abs(shown_patches(prepare(cases / "clips" / name).clip.read()) - wanted)

    assert off[:5].max() <= 4
    assert off.max() <= highlights


def test_a_clip_whose_only_sound_is_unknown_is_taken_without(cases, right, prepare):
    assert right["clips/apac_only_dapa.mov"]["expect"] == "accept, without sound"
    prepared = prepare(cases / "clips" / "apac_only_dapa.mov")

    assert (prepared.kind, prepared.has_sound, prepared.missing) == ("clip", False, (Missing.SOUND,))


def test_rows_of_one_frame_agree(cases, right, prepare):
    assert right["clips/interlaced.mp4"]["expect"].startswith("no comb")
    frames = decoded(prepare(cases / "clips" / "interlaced.mp4").clip.read())[2:-2].astype(float)
    comb = np.abs(np.diff(frames, axis=1)).mean() / np.abs(frames[:, 2:] - frames[:, :-2]).mean()

    assert comb < 0.7


def test_music_behind_zeros_is_a_soundtrack(cases, right):
    wanted = right["other/leading_zeros.mp3"]
    with (cases / "other" / "leading_zeros.mp3").open("rb") as song:
        assert probe_soundtrack(song) == pytest.approx(wanted["seconds"], abs=wanted["tolerance"])


@pytest.mark.parametrize(
    "name",
    ["avif/grid3x2.avif", "jpeg/adobergb_dcf_no_icc.jpg", "png/cicp_display_p3.png", "tiff/thumb_first.tif"],
)
def test_a_photo_has_its_size_and_its_colours(cases, right, prepare, name):
    wanted, prepared = right[name], prepare(cases / name)
    pixels = cv2.imdecode(np.frombuffer(prepared.display, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    height, width = pixels.shape[:2]
    places = {"TL": (1, 1), "TR": (1, 7), "BL": (7, 1), "BR": (7, 7)}

    assert [prepared.width, prepared.height] == wanted.get("size", [prepared.width, prepared.height])
    for corner, colour in wanted.get("corners_rgb", {}).items():
        row, column = places[corner]
        assert np.abs(pixels[height * row // 8, width * column // 8] - colour).max() <= wanted["tolerance"]


def test_a_photo_that_lost_its_end_is_taken_with_a_word(cases, right, prepare):
    assert right["jpeg/lost_last_1pct.jpg"]["expect"].startswith("accept with a word")
    assert prepare(cases / "jpeg" / "lost_last_1pct.jpg").missing == (Missing.PICTURE,)


def test_a_gif_shows_something(cases, right, prepare):
    assert right["other/gif_first_frame_blank.gif"]["expect"].startswith("accept")
    prepared = prepare(cases / "other" / "gif_first_frame_blank.gif")

    assert cv2.imdecode(np.frombuffer(prepared.display, np.uint8), cv2.IMREAD_COLOR).std() > 10


def test_a_panorama_is_as_tall_as_a_film(cases, right, prepare):
    assert "panned at full height" in right["other/panorama_14000x1750.jpg"]["expect"]
    prepared = prepare(cases / "other" / "panorama_14000x1750.jpg")
    height, width = cv2.imdecode(np.frombuffer(prepared.display, np.uint8), cv2.IMREAD_COLOR).shape[:2]

    assert height == 1080
    assert is_panorama(Size(width=1280, height=720), width, height)
