"""GIF: damaged files."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from memorycapsule.media.formats.damage import with_missing_grey

#: Where the header names the colour of the ground, an index into the palette.
_GROUND = 11


def mended(data: bytes, decode: Callable[[bytes], NDArray[Any] | None]) -> NDArray[Any] | None:
    """
    Return the first frame of a cut file, with grey for what is missing; None when nothing can be decoded.

    A decoder shows the ground where it has no pixels. So the frame is decoded over two grounds: where both versions
    agree, the pixels are the file's. Raises MediaRefused when too much is missing.
    """
    one, other = (
        decode(data[:_GROUND] + bytes([ground]) + data[_GROUND + 1 :])
        for ground in (data[_GROUND], (data[_GROUND] + 1) % 2)
    )
    if one is None or other is None:
        return None
    return with_missing_grey(one, (one != other).any(axis=2))
