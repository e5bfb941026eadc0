"""GIF, APNG and animated WebP: the frame that is shown for the whole."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

#: Steps of 255 by which a pixel differs visibly from the picture's commonest tone.
_VISIBLE = 24
#: A frame shows something when so much of it differs from its commonest tone.
_SOMETHING = 0.005
#: A picture that fades in takes a second or two to show itself.
_MOST_FRAMES = 120
#: Side of the small copy that is looked at.
_SIDE = 128


def is_blank(pixels: NDArray[Any]) -> bool:
    """Return whether a picture (8 or 16 bits, grey, BGR or BGRA) shows nothing: a bare, or a see-through, ground."""
    if pixels.dtype != np.uint8:
        pixels = (pixels / (np.iinfo(pixels.dtype).max / 255)).astype(np.uint8)
    small = (
        cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        .reshape(_SIDE * _SIDE, -1)
        .astype(int)
    )
    if small.shape[1] == 4:
        # As it lies on white.
        small = 255 - (255 - small[:, :3]) * small[:, 3:] // 255
    differing = np.abs(small - np.median(small, axis=0)).max(axis=1) > _VISIBLE
    return float(differing.mean()) < _SOMETHING


def first_that_shows(data: NDArray[np.uint8], first: NDArray[Any]) -> NDArray[Any]:
    """Return the first frame of an animation that shows something; its `first` one when none does."""
    if not is_blank(first):
        return first
    for place in range(1, _MOST_FRAMES):
        found, animation = cv2.imdecodeanimation(data, place, 1)
        if not found or not animation.frames:
            break
        frame: NDArray[Any] = animation.frames[0]
        if not is_blank(frame):
            return frame
    return first
