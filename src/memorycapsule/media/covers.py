"""The small form of a capsule's cover, for telephones and slow lines."""

from __future__ import annotations

import functools

#: The longest side of the small form, in pixels, and how many bytes it has at most if quality can do it.
_SMALL_SIDE = 800
_MOST_BYTES = 70_000
_QUALITIES = (85, 78, 70, 60, 50)


@functools.lru_cache(maxsize=16)
def small_cover(display: bytes) -> bytes:
    """Return a cover, a JPEG of our own, as a JPEG with at most 800 pixels on its long side."""
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(display, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        # A damaged file is shown as well as the browser can.
        return display
    height, width = picture.shape[:2]
    scale = min(1.0, _SMALL_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    encoded = b""
    for quality in _QUALITIES:
        encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(encoded) <= _MOST_BYTES:
            break
    return encoded
