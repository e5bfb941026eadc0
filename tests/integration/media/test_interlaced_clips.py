"""Frames of two fields become one picture, by the order of fields that the stream names; others pass untouched."""

import subprocess

import numpy as np
import pytest

from memorycapsule import processes
from support.clip_patches import decoded

_FIELDS = "testsrc2=s=360x288:r=50:d=0.4"
_TOP = "tinterlace=interleave_top,setfield=tff"
_BOTTOM = "tinterlace=interleave_bottom,setfield=bff"
_AS_FIELDS = ("-flags", "+ildct+ilme")
_H264 = ("-c:v", "libx264", "-preset", "veryfast", *_AS_FIELDS)

#: Name of the file, filters and encoder.
INTERLACED = {
    "H.264, top first": ("clip.mp4", _TOP, (*_H264, "-x264opts", "tff=1")),
    "H.264, bottom first": ("clip.mp4", _BOTTOM, (*_H264, "-x264opts", "bff=1")),
    "H.264 of a camcorder": (
        "clip.mts",
        _TOP,
        (*_H264, "-x264opts", "tff=1", "-mpegts_m2ts_mode", "1", "-f", "mpegts"),
    ),
    "H.264 of a recorder": ("clip.ts", _BOTTOM, (*_H264, "-x264opts", "bff=1", "-f", "mpegts")),
    "MPEG-2": ("clip.ts", _TOP, ("-c:v", "mpeg2video", "-q:v", "2", *_AS_FIELDS, "-f", "mpegts")),
    "MPEG-2 in a MOV": ("clip.mov", _BOTTOM, ("-c:v", "mpeg2video", "-q:v", "2", *_AS_FIELDS)),
    "MPEG-4": ("clip.mp4", _TOP, ("-c:v", "mpeg4", "-q:v", "2", *_AS_FIELDS)),
    "HEVC": ("clip.mov", _TOP, ("-c:v", "libx265", "-x265-params", "log-level=none:interlace=tff")),
    "ProRes": ("clip.mov", _TOP, ("-c:v", "prores_ks", *_AS_FIELDS)),
    "DV": ("clip.mov", f"{_BOTTOM},scale=720:576:interl=1,format=yuv420p", ("-c:v", "dvvideo")),
    "Motion JPEG": ("clip.mov", _TOP, ("-c:v", "mjpeg", "-q:v", "2", "-field_order", "tt")),
    "Motion JPEG, bottom first": ("clip.mov", _BOTTOM, ("-c:v", "mjpeg", "-q:v", "2", "-field_order", "bb")),
    "raw": ("clip.mov", f"{_BOTTOM},format=uyvy422", ("-c:v", "rawvideo", "-field_order", "bb")),
}


def made(path, source: str, filters: str, encoder: tuple[str, ...]):
    subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-y", "-f", "lavfi", "-i", source, "-vf", filters, *encoder, str(path)],
        check=True,
    )  # fmt: skip
    return path


def turned(path, *how: str):
    turned = path.with_name(f"turned.{path.suffix}")
    subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-y", *how, "-i", str(path), "-c", "copy", "-f", "mov", str(turned)],
        check=True,
    )  # fmt: skip
    return turned


def comb(frames: np.ndarray) -> float:
    """How much a row differs from the next, over how much it differs from the one after: about 0.6 in a picture."""
    rows = frames.astype(float)
    return float(np.abs(rows[:, 1:-1] - rows[:, :-2]).mean() / np.abs(rows[:, 2:] - rows[:, :-2]).mean())


def middle(clip: bytes) -> np.ndarray:
    """Some frames from the middle, grey, frames x height x width."""
    frames = decoded(clip)
    return frames[2:-2] if len(frames) > 6 else frames


@pytest.mark.slow
@pytest.mark.parametrize("kind", INTERLACED.values(), ids=INTERLACED)
def test_a_clip_of_fields_shows_no_comb(tmp_path, prepare, kind):
    name, filters, encoder = kind
    prepared = prepare(made(tmp_path / name, _FIELDS, filters, encoder))

    assert comb(middle(prepared.clip.read())) < 0.7
    assert prepared.duration_seconds == pytest.approx(0.4, abs=0.1)


@pytest.mark.slow
def test_fields_are_a_comb_before_they_become_a_picture(tmp_path):
    """What the other tests measure is there to be found."""
    name, filters, encoder = INTERLACED["H.264, top first"]

    assert comb(middle(made(tmp_path / name, _FIELDS, filters, encoder).read_bytes())) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        ("-display_rotation", "90"),
        ("-display_rotation", "180"),
        ("-display_rotation", "270"),
        ("-display_hflip",),
        ("-display_vflip",),
        ("-display_rotation", "90", "-display_hflip"),
    ],
    ids=" ".join,
)
def test_a_turned_clip_of_fields_stands_upright_without_a_comb(tmp_path, prepare, how):
    name, filters, encoder = INTERLACED["H.264, top first"]
    path = turned(made(tmp_path / name, _FIELDS, filters, encoder), *how)
    seen = middle(prepare(path).clip.read())
    # ffmpeg turns the picture itself here. Fields do not matter as much as where things are.
    upright = middle(path.read_bytes())

    assert comb(seen) < 0.7
    assert comb(seen.transpose(0, 2, 1)) < 0.7
    assert seen.shape[1:] == upright.shape[1:]
    assert np.abs(seen.mean(axis=0) - upright.mean(axis=0)).mean() < 6


@pytest.mark.slow
def test_rows_of_a_progressive_clip_stay_as_they_are(tmp_path, prepare):
    """Every second row is black: whoever took that for fields would blur it."""
    stripes = "color=gray:s=128x72:r=30:d=0.3,format=yuv420p,geq=lum='if(mod(Y,2),16,200)':cb=128:cr=128"
    path = made(tmp_path / "clip.mp4", stripes, "null", ("-c:v", "libx264", "-qp", "4"))
    rows = decoded(prepare(path).clip.read())[2].mean(axis=1)

    assert rows[::2].min() > 150
    assert rows[1::2].max() < 60


@pytest.mark.slow
def test_only_frames_of_two_fields_are_changed_in_a_clip_that_has_both_kinds(tmp_path, prepare):
    """A stream of MPEG-2 tells it for each frame, as recorders write it when a film follows the news."""
    fields = made(tmp_path / "fields.ts", _FIELDS, _TOP, INTERLACED["MPEG-2"][2])
    stripes = "color=gray:s=360x288:r=25:d=0.4,format=yuv420p,geq=lum='if(mod(Y,2),16,200)':cb=128:cr=128"
    whole = made(
        tmp_path / "whole.ts", stripes, "setfield=prog", ("-c:v", "mpeg2video", "-q:v", "1", "-f", "mpegts")
    )
    both = tmp_path / "both.ts"
    both.write_bytes(fields.read_bytes() + whole.read_bytes())
    frames = decoded(prepare(both).clip.read())

    assert comb(frames[2:8]) < 0.7
    rows = frames[-4].mean(axis=1)
    assert rows[::2].min() > 150
    assert rows[1::2].max() < 60
