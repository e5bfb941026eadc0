"""Clips and songs of people's cases come out as the list of right values says."""

import json

import numpy as np
import pytest

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
