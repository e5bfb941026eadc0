"""
Colours of clips that are not BT.709, by the very code that converts photos: a clip and a photo of one moment agree.

The conversion is a table of 64 x 64 x 64 colours (a Hald CLUT), which ffmpeg applies to every frame.
"""

import functools

import numpy as np

from memorycapsule.media.colour import of_code_points, to_srgb

#: Colours along one side of the table, and the side of the square picture that holds it.
_STEPS, LUT_SIDE = 64, 512
LUT_BYTES = LUT_SIDE * LUT_SIDE * 3 * 2
#: Code points of ITU-T H.273 by ffmpeg's names. Any other curve is, for the eye, that of sRGB (13).
_TRANSFERS = {"smpte2084": 16, "arib-std-b67": 18}
_SRGB_CURVE = 13
#: The white of a projector (smpte431) is that of a screen for the eye, so its primaries count as Display P3.
_PRIMARIES = {"bt2020": 9, "smpte431": 12, "smpte432": 12}
_BT709 = 1


@functools.cache
def srgb_lut(primaries: str, transfer: str) -> bytes | None:
    """
    Return the table that makes colours with these primaries and this curve sRGB; None where it would change nothing.

    Both are ffmpeg's names. The table is raw RGB, 16 bits little endian, LUT_SIDE x LUT_SIDE, red changing fastest.
    """
    if primaries not in _PRIMARIES and transfer not in _TRANSFERS:
        return None
    described = of_code_points(_PRIMARIES.get(primaries, _BT709), _TRANSFERS.get(transfer, _SRGB_CURVE))
    steps = np.rint(np.arange(_STEPS) * (65535 / (_STEPS - 1))).astype(np.uint16)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = np.stack([blue, green, red], axis=-1).reshape(LUT_SIDE, LUT_SIDE, 3)
    shown = to_srgb(colours, profile=None, nclx=described)
    return (shown[..., ::-1].astype("<u2") * 257).tobytes()
