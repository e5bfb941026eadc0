"""
Colours of clips that are not BT.709, by the very code that converts photos: a clip and a photo of one moment agree.

The conversion is a table of 64 x 64 x 64 colours (a Hald CLUT), which ffmpeg applies to every frame.
"""

import functools

import numpy as np

from memorycapsule.media.colour import to_srgb

#: Colours along one side of the table, and the side of the square picture that holds it.
_STEPS, LUT_SIDE = 64, 512
LUT_BYTES = LUT_SIDE * LUT_SIDE * 3 * 2
#: Code points of ITU-T H.273 by ffmpeg's names. Any other curve is, for the eye, that of sRGB.
_TRANSFERS = {"smpte2084": 16, "arib-std-b67": 18}
_D65 = (0.3127, 0.3290)
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65)
#: Red, green, blue and white as x, y (H.273, table 2). The white of a projector is that of a screen for the eye.
_PRIMARIES = {
    "bt2020": (9, ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65)),
    "smpte431": (11, _P3),
    "smpte432": (12, _P3),
}


@functools.cache
def srgb_lut(primaries: str, transfer: str) -> bytes | None:
    """
    Return the table that makes colours with these primaries and this curve sRGB; None where it would change nothing.

    Both are ffmpeg's names. The table is raw RGB, 16 bits little endian, LUT_SIDE x LUT_SIDE, red changing fastest.
    """
    if primaries not in _PRIMARIES and transfer not in _TRANSFERS:
        return None
    nclx: dict[str, float] = {"transfer_characteristics": _TRANSFERS.get(transfer, 13)}
    code, chromaticities = _PRIMARIES.get(primaries, (1, None))
    nclx["color_primaries"] = code
    for name, (x, y) in zip(("red", "green", "blue", "white"), chromaticities or (), strict=False):
        nclx |= {f"color_primary_{name}_x": x, f"color_primary_{name}_y": y}
    steps = np.rint(np.arange(_STEPS) * (65535 / (_STEPS - 1))).astype(np.uint16)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = np.stack([blue, green, red], axis=-1).reshape(LUT_SIDE, LUT_SIDE, 3)
    shown = to_srgb(colours, profile=None, nclx=nclx)
    return (shown[..., ::-1].astype("<u2") * 257).tobytes()
