"""Clips show the colours that were filmed, whatever their container and their tags say, and as photos do."""

import numpy as np
import pytest

from memorycapsule.media.clip_colours import srgb_lut
from memorycapsule.media.colour import to_srgb
from support.clip_patches import PATCHES, Coding, clip_of_patches, coded, hevc, laid_out, shown_patches

_RGB_TAG = "h264_metadata=matrix_coefficients=0"
_MPEG4 = ("-c:v", "mpeg4", "-qscale:v", "1")
_PRORES = ("-c:v", "prores_ks", "-profile:v", "3")
_TS = ("-f", "mpegts")
_BT709 = {"tag": "bt709", "primaries": "bt709", "transfer": "bt709"}
_NO_MATRIX = {"primaries": "bt709", "transfer": "bt709"}
_BT601 = {"matrix": "smpte170m", "tag": "smpte170m", "primaries": "smpte170m", "transfer": "smpte170m"}
_BT2020 = {"matrix": "bt2020nc", "tag": "bt2020nc", "primaries": "bt2020"}
_P3 = {"tag": "bt709", "primaries": "smpte432", "transfer": "bt709"}
_HLG = {**_BT2020, "transfer": "arib-std-b67"}
_PQ = {**_BT2020, "transfer": "smpte2084"}

SDR = {
    "tagged": Coding(**_BT709),
    "tagged, large": Coding(size=(2560, 1440), **_BT709),
    "tagged BT.601 in high definition": Coding(size=(1280, 720), **_BT601),
    "tagged BT.709 in standard definition": Coding(size=(640, 480), **_BT709),
    "tagged, full range": Coding(is_full_range=True, **_BT709),
    "tagged, in a MOV": Coding(ending="mov", **_BT709),
    "untagged 1080p": Coding(size=(1920, 1080)),
    "untagged, 1280 wide": Coding(size=(1280, 544)),
    "untagged, 720 high": Coding(size=(960, 720)),
    "untagged, just below both": Coding(size=(1272, 712), matrix="smpte170m"),
    "untagged VGA": Coding(size=(640, 480), matrix="smpte170m"),
    "untagged, standing": Coding(size=(720, 1280)),
    "untagged, small and standing": Coding(size=(480, 640), matrix="smpte170m"),
    "untagged 720p, turned": Coding(size=(1280, 720), turn=90),
    "untagged 720p, on its head": Coding(size=(1280, 720), turn=180),
    "untagged VGA, turned": Coding(size=(640, 480), matrix="smpte170m", turn=270),
    "untagged, full range": Coding(size=(1280, 720), pixel_format="yuvj420p", is_full_range=True),
    "untagged ProRes": Coding(size=(1280, 720), encoder=_PRORES, pixel_format="yuv422p10le", ending="mov"),
    "untagged 3GP": Coding(size=(352, 288), matrix="smpte170m", encoder=_MPEG4, ending="3gp"),
    "untagged AVCHD": Coding(size=(1280, 720), ending="mts", muxer=(*_TS, "-mpegts_m2ts_mode", "1")),
    "untagged, of a recorder": Coding(size=(640, 480), matrix="smpte170m", ending="ts", muxer=_TS),
    "named RGB, 1080p": Coding(size=(1920, 1080), bitstream_filter=_RGB_TAG, **_NO_MATRIX),
    "named RGB, VGA": Coding(size=(640, 480), matrix="smpte170m", bitstream_filter=_RGB_TAG, **_NO_MATRIX),
    "named YCgCo, 720p": Coding(
        size=(1280, 720), bitstream_filter="h264_metadata=matrix_coefficients=8", **_NO_MATRIX
    ),
    "named as reserved, VGA": Coding(
        size=(640, 480),
        matrix="smpte170m",
        bitstream_filter="h264_metadata=matrix_coefficients=3",
        **_NO_MATRIX,
    ),
    "Motion JPEG": Coding(
        size=(640, 480),
        matrix="smpte170m",
        is_full_range=True,
        encoder=("-c:v", "mjpeg", "-q:v", "2"),
        pixel_format="yuvj422p",
        ending="mov",
    ),
    "RGB, H.264": Coding(encoder=("-c:v", "libx264rgb", "-qp", "8"), pixel_format="rgb24"),
    "RGB, PNG": Coding(size=(640, 480), encoder=("-c:v", "png"), pixel_format="rgb24", ending="mov"),
    "RGB, of a screen": Coding(
        size=(1280, 720), encoder=("-c:v", "qtrle"), pixel_format="rgb24", ending="mov"
    ),
    "grey and alpha, ProRes 4444": Coding(
        encoder=("-c:v", "prores_ks", "-profile:v", "4"), pixel_format="yuva444p10le", ending="mov", **_BT709
    ),
    "Display P3": Coding(**_P3),
    "Display P3, ten bits": hevc(**_P3),
    "P3 of a projector": hevc(**{**_P3, "primaries": "smpte431"}),
    "BT.2020": hevc(**_BT2020, transfer="bt2020-10"),
    "BT.2020 without a matrix": hevc(**{**_BT2020, "tag": "unknown"}, transfer="bt2020-10"),
}
HDR = {
    "HLG": hevc(**_HLG),
    "HLG, turned": hevc(turn=90, **_HLG),
    "HLG, larger than is shown": hevc(size=(2560, 1440), **_HLG),
    "HLG without a matrix": hevc(**{**_HLG, "tag": "unknown"}),
    "HLG in the container alone": hevc(encoder=_PRORES, pixel_format="yuv422p10le", **_HLG),
    "HLG, full range": hevc(is_full_range=True, **_HLG),
    "PQ": hevc(**_PQ),
    "PQ in an MP4": hevc(**_PQ, ending="mp4"),
    "PQ, upside down": hevc(turn=180, **_PQ),
    "PQ with the primaries of P3": hevc(tag="bt709", primaries="smpte432", transfer="smpte2084"),
}


def shown(prepare, folder, coding: Coding) -> np.ndarray:
    return shown_patches(prepare(clip_of_patches(folder, coding)).clip.read(), turn=coding.turn)


def photographed(coding: Coding) -> np.ndarray:
    """The patches as a photo of the same code values shows them."""
    chromaticities = {
        "bt2020": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
        "smpte432": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
    }[coding.primaries]
    names = [f"color_primary_{name}_{axis}" for name in ("red", "green", "blue", "white") for axis in "xy"]
    nclx = dict(zip(names, chromaticities, strict=True)) | {
        "color_primaries": 9 if coding.primaries == "bt2020" else 12,
        "transfer_characteristics": {"arib-std-b67": 18, "smpte2084": 16}[coding.transfer],
    }
    pixels = laid_out(coded(coding.primaries, coding.transfer), (4, 2))[..., ::-1]
    return to_srgb(np.ascontiguousarray(pixels), profile=None, nclx=nclx)[..., ::-1].reshape(8, 3).astype(int)


@pytest.mark.slow
@pytest.mark.parametrize("coding", SDR.values(), ids=SDR)
def test_a_clip_shows_what_was_filmed(tmp_path, prepare, coding):
    assert np.abs(shown(prepare, tmp_path, coding) - PATCHES).max() <= 4


@pytest.mark.slow
@pytest.mark.parametrize("coding", HDR.values(), ids=HDR)
def test_an_hdr_clip_shows_what_an_hdr_photo_shows(tmp_path, prepare, coding):
    seen = shown(prepare, tmp_path, coding)

    assert np.abs(seen - photographed(coding)).max() <= 3
    # Highlights are drawn together. Everything else is as filmed.
    assert np.abs(seen - PATCHES).max() <= 9
    assert np.abs(seen[:5] - PATCHES[:5]).max() <= 4


def test_colours_that_are_those_of_a_screen_need_no_table():
    for primaries in ("bt709", "smpte170m", "bt470bg", "unknown"):
        for transfer in ("bt709", "smpte170m", "iec61966-2-1", "unknown"):
            assert srgb_lut(primaries, transfer) is None


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_grey_of_hdr_stays_grey_and_never_gets_darker_as_light_grows(transfer):
    table = np.frombuffer(srgb_lut("bt2020", transfer), "<u2").reshape(-1, 3)
    greys = table[:: 64 * 64 + 64 + 1]

    assert len(greys) == 64
    assert (np.ptp(greys, axis=1) <= 257).all()
    assert (np.diff(greys[:, 1].astype(int)) >= 0).all()
