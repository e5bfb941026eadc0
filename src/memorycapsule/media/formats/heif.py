"""HEIC (ISO/IEC 23008-12): damaged files."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorycapsule.media.boxes import is_cut_off
from memorycapsule.media.formats.damage import HOLE_BYTES, with_missing_grey
from memorycapsule.media.sniff import Window

#: libheif leaves brightness and colour of what it cannot decode at zero. Their green has about this value of 255.
_LEAST_GREEN, _MOST_GREEN = 60, 160
#: Less of that green may be in any picture.
_VISIBLE = 0.001


def mended(window: Window, pixels: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """
    Return a decoded picture (BGR) with grey for what is missing, and whether anything is.

    libheif decodes a picture without the tiles that it cannot decode. Raises MediaRefused when too much is missing.
    """
    if pixels.ndim != 3 or pixels.shape[2] < 3 or not _is_cut(window):
        return pixels, False
    step = int(np.iinfo(pixels.dtype).max) // 255
    green = pixels[..., 1]
    missing = (pixels[..., 0] == 0) & (pixels[..., 2] == 0)
    missing &= (green >= _LEAST_GREEN * step) & (green <= _MOST_GREEN * step)
    if missing.any():
        # All of what is missing has the very same green.
        values, counts = np.unique(green[missing], return_counts=True)
        missing &= green == values[counts.argmax()]
    if missing.mean() < _VISIBLE:
        return pixels, False
    return with_missing_grey(pixels, missing), True


def _is_cut(window: Window) -> bool:
    """Return whether the file ends before its last box does, or has a hole of zeros."""
    return is_cut_off(window) or bytes(HOLE_BYTES) in window.read(0, window.size)
