"""
The one rule for damaged pictures: what can be shown in good part is taken and said to be incomplete.

A good part is four fifths of the picture's area. Grey stands for what is missing. With less, the file is refused.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorycapsule.errors import MediaRefused, Refusal

#: The part of a picture's area that is enough for the picture to be taken.
GOOD_PART = 0.8
#: Middle grey of 8 bits.
GREY = 128
#: A file that ends in as many zeros is an interrupted copy.
HOLE_BYTES = 1024


def with_missing_grey(pixels: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """
    Return a picture with opaque grey where `missing` (height x width) says that pixels are not the picture's.

    Raises MediaRefused when less than GOOD_PART of the picture is left.
    """
    check_good_part(1 - float(missing.mean()))
    whole = int(np.iinfo(pixels.dtype).max)
    mended = pixels.copy()
    mended[missing] = GREY * (whole // 255)
    if mended.ndim == 3 and mended.shape[2] == 4:
        mended[..., 3][missing] = whole
    return mended


def with_rows_grey(pixels: NDArray[Any], first_missing: int) -> NDArray[Any]:
    """Return a picture with grey from the row `first_missing` on. Raises MediaRefused as `with_missing_grey` does."""
    missing = np.zeros(pixels.shape[:2], np.bool_)
    missing[first_missing:] = True
    return with_missing_grey(pixels, missing)


def check_good_part(share: float) -> None:
    """Raise MediaRefused unless `share` of the picture's area, 0..1, is enough to be shown."""
    if share < GOOD_PART:
        raise MediaRefused(Refusal.PICTURE_INCOMPLETE)


def ends_in_hole(data: Any) -> bool:
    """Return whether a file ends in the zeros of an interrupted copy."""
    return bytes(data[-HOLE_BYTES:]) == bytes(HOLE_BYTES)
