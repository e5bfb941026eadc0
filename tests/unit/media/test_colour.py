"""Wide-gamut and HDR colours become the sRGB colours that were meant."""

import struct

import numpy as np
import pytest

from memorycapsule.media.colour import to_srgb

#: Colourants as the makers publish them in their profiles, seen from D50.
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))

SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + struct.pack(
    ">5i", *(round(value * 65536) for value in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
GAMMA_22 = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563)


def profile(colourants, curve: bytes) -> bytes:
    tags = [(name, b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in xyz)))
            for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colourants, strict=True)]  # fmt: skip
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, body, offset = b"", b"", 132 + 12 * len(tags)
    for name, data in tags:
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = bytearray(128)
    header[16:24], header[36:40] = b"RGB XYZ ", b"acsp"
    return bytes(header) + struct.pack(">I", len(tags)) + table + body


def converted(rgb, icc: bytes, kind=np.uint8):
    pixels = np.array([[rgb[::-1]]], kind)
    return to_srgb(pixels, profile=icc)[0, 0, ::-1].astype(int).tolist()


#: From linear light straight to linear sRGB, both with D65 white: the matrices of CSS Color 4, section 18.
P3_TO_SRGB = ((1.2249402, -0.2249402, 0.0), (-0.0420570, 1.0420570, 0.0), (-0.0196376, -0.0786360, 1.0982736))
ADOBE_TO_SRGB = ((1.3983557, -0.3983557, 0.0), (0.0, 1.0, 0.0), (0.0, -0.0429290, 1.0429290))


def decoded_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def encoded_srgb(light: float) -> float:
    light = min(max(light, 0.0), 1.0)
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


@pytest.mark.parametrize(
    "rgb", [(255, 255, 255), (128, 128, 128), (200, 100, 50), (255, 0, 0), (12, 40, 9), (0, 0, 0)]
)
@pytest.mark.parametrize(
    ("icc", "decoded", "matrix"),
    [
        pytest.param(profile(P3, SRGB_CURVE), decoded_srgb, P3_TO_SRGB, id="Display P3"),
        pytest.param(
            profile(ADOBE, GAMMA_22), lambda value: value ** (563 / 256), ADOBE_TO_SRGB, id="Adobe RGB"
        ),
    ],
)
def test_a_colour_in_a_wide_gamut_is_shown_as_it_was_meant(icc, decoded, matrix, rgb):
    linear = [decoded(value / 255) for value in rgb]
    expected = [255 * encoded_srgb(sum(m * v for m, v in zip(row, linear, strict=True))) for row in matrix]

    assert np.abs(np.array(converted(rgb, icc)) - expected).max() <= 1.5


def test_sixteen_bits_come_to_the_same_colour_as_eight():
    icc = profile(P3, SRGB_CURVE)
    eight = converted((200, 100, 50), icc)
    sixteen = converted((200 * 257, 100 * 257, 50 * 257), icc, np.uint16)

    assert np.abs(np.array(eight) - sixteen).max() <= 1


def test_an_srgb_profile_changes_nothing():
    pixels = np.arange(256 * 3, dtype=np.uint32).astype(np.uint8).reshape(16, 16, 3)

    assert to_srgb(pixels, profile=profile(SRGB, SRGB_CURVE)) is pixels


@pytest.mark.parametrize(
    "damaged",
    [
        b"noise",
        bytes(500),
        profile(P3, SRGB_CURVE)[:300],
        profile(P3, b"mft2" + bytes(20)),
        profile(P3, b"curv"),
    ],
)
def test_a_damaged_profile_is_taken_as_srgb(damaged):
    assert converted((200, 100, 50), damaged) == [200, 100, 50]


def nclx(primaries: int, transfer: int, chromaticities) -> dict:
    found = {"color_primaries": primaries, "transfer_characteristics": transfer}
    for name, (x, y) in zip(("red", "green", "blue", "white"), chromaticities, strict=True):
        found |= {f"color_primary_{name}_x": x, f"color_primary_{name}_y": y}
    return found


P3_XY = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.3290))
BT2020_XY = ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), (0.3127, 0.3290))


def test_code_points_for_p3_give_the_same_colour_as_its_profile():
    pixels = np.array([[[50, 100, 200]]], np.uint8)
    by_code = to_srgb(pixels, profile=None, nclx=nclx(12, 13, P3_XY))
    by_profile = to_srgb(pixels, profile=profile(P3, SRGB_CURVE))

    assert np.abs(by_code.astype(int) - by_profile.astype(int)).max() <= 2


@pytest.mark.parametrize(("transfer", "paper_white"), [(16, 0.5807), (18, 0.75)])
def test_hdr_keeps_paper_bright_shadows_dark_and_highlights_apart(transfer, paper_white):
    """203 cd/m2 is 58% of PQ and 75% of HLG (ITU-R BT.2408, table 1)."""
    steps = np.array([0.0, paper_white / 2, paper_white, (1 + paper_white) / 2, 1.0])
    pixels = np.repeat((steps * 65535).astype(np.uint16)[None, :, None], 3, axis=2)
    shown = to_srgb(pixels, profile=None, nclx=nclx(9, transfer, BT2020_XY))[0].astype(int)

    assert shown[0].max() == 0
    assert 20 < shown[1].min() < 140
    assert 225 <= shown[2].min() < 250
    assert shown[2].max() < shown[3].max() <= 255
    assert np.ptp(shown, axis=1).max() <= 1
