"""
Pictures as video planes, and the exact resampling of them.

A frame is one NV12 array of shape (height * 3 / 2, width), uint8: luma above, the interleaved colour planes
below. Colours are BT.709, limited range: luma 16..235, colour 16..240 around 128 (ITU-R BT.709-6, item 4).
Colour samples lie in the middle of their 2x2 luma samples, and the encoder is told so.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

#: Room around the left and top of a canvas for the columns that the phase search adds.
MARGIN = 128
_MOST_EXTRA = 96
#: How far off, in source pixels, a resampled frame may lie.
_EXACT_ENOUGH = 0.008

_KR, _KB = 0.2126, 0.0722
_LUMA = np.array([_KB, 1 - _KR - _KB, _KR])
#: From B, G, R (0..255) to Y, Cb, Cr without their offsets.
YUV_FROM_BGR = np.vstack(
    [
        _LUMA * 219 / 255,
        (np.array([1.0, 0, 0]) - _LUMA) / (2 * (1 - _KB)) * 224 / 255,
        (np.array([0, 0, 1.0]) - _LUMA) / (2 * (1 - _KR)) * 224 / 255,
    ]
)
YUV_OFFSET = np.array([16.0, 128.0, 128.0])


@dataclass(frozen=True)
class Planes:
    """Luma of shape (height, width) and colour of shape (height / 2, width / 2, 2)."""

    luma: Bytes
    colour: Bytes


def new_frame(width: int, height: int) -> Bytes:
    """Return a black frame."""
    frame = np.full((height * 3 // 2, width), 128, np.uint8)
    frame[:height] = 16
    return frame


def planes_of(frame: Bytes) -> Planes:
    """Return views of a frame's planes."""
    height, width = frame.shape[0] * 2 // 3, frame.shape[1]
    return Planes(frame[:height], frame[height:].reshape(height // 2, width // 2, 2))


def planes_from_bgr(picture: Bytes) -> Planes:
    """Return the planes of an sRGB picture of shape (height, width, 3), both even."""
    matrix = np.hstack([YUV_FROM_BGR, YUV_OFFSET[:, None]]).astype(np.float32)
    yuv = cv2.transform(picture, matrix)
    height, width = picture.shape[:2]
    colour = cv2.resize(yuv[:, :, 1:], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return Planes(_array(yuv[:, :, 0]), _array(colour))


def with_margin(planes: Planes) -> Planes:
    """Return a canvas for `sample`: the planes with their edges repeated outwards."""
    half = MARGIN // 2
    return Planes(
        _array(cv2.copyMakeBorder(planes.luma, MARGIN, 16, MARGIN, 16, cv2.BORDER_REPLICATE)),
        _array(cv2.copyMakeBorder(planes.colour, half, 8, half, 8, cv2.BORDER_REPLICATE)),
    )


def sample(canvas: Planes, x: float, y: float, step: float, frame: Bytes) -> None:
    """
    Fill `frame` from a canvas with a margin: its upper left corner lies at (`x`, `y`) of the picture on the
    canvas, and each of its pixels is `step` source pixels wide. All in luma pixels, exact to 0.01 px; cubic
    for luma, linear for colour.
    """
    target = planes_of(frame)
    resample(canvas.luma, x + MARGIN, y + MARGIN, step, target.luma, cv2.INTER_CUBIC)
    half = MARGIN // 2
    resample(canvas.colour, x / 2 + half, y / 2 + half, step, target.colour, cv2.INTER_LINEAR)


def resample(source: Bytes, x: float, y: float, step: float, target: Bytes, interpolation: int) -> None:
    """Fill any part of a plane from a plane of a canvas as `sample` does; (0, 0) is the corner of its margin."""
    # cv2.resize is five times as fast as warpAffine and keeps an exact scale, but starts at whole source
    # pixels. So some more columns and rows are made, as many as put the wanted corner on the grid of a whole-
    # pixel start.
    across, down = _phase(x, step), _phase(y, step)
    height, width = target.shape[:2]
    if across and down:
        (left, skip_x), (top, skip_y) = across, down
        right, low = left + int((width + skip_x) * step) + 4, top + int((height + skip_y) * step) + 4
        part = source[top:low, left:right]
        made = cv2.resize(part, None, fx=1 / step, fy=1 / step, interpolation=interpolation)
        target[...] = made[skip_y : skip_y + height, skip_x : skip_x + width]
        return
    matrix = np.array([[step, 0, x + (step - 1) / 2], [0, step, y + (step - 1) / 2]])
    target[...] = cv2.warpAffine(
        source,
        matrix,
        (width, height),
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


_EXTRA = np.arange(_MOST_EXTRA)


def _phase(origin: float, step: float) -> tuple[int, int] | None:
    """Return the first whole source pixel and the number of extra samples that lead from it to `origin`, if any."""
    starts = origin - _EXTRA * step
    whole = np.rint(starts)
    fits = (np.abs(starts - whole) <= _EXACT_ENOUGH) & (whole >= 0)
    extra = int(fits.argmax())
    return (int(whole[extra]), extra) if fits[extra] else None


def blend(below: Bytes, above: Bytes, share: float, target: Bytes) -> None:
    """Mix two frames: `share` 0..1 of `above`."""
    cv2.addWeighted(below, 1 - share, above, share, 0, dst=target)


def darken(frame: Bytes, share: float) -> None:
    """Fade a frame to black; `share` 1 is black."""
    planes = planes_of(frame)
    planes.luma[...] = cv2.convertScaleAbs(planes.luma, alpha=1 - share, beta=16 * share)
    planes.colour[...] = cv2.convertScaleAbs(planes.colour, alpha=1 - share, beta=128 * share)


def _array(value: object) -> Bytes:
    return np.ascontiguousarray(np.asarray(value, np.uint8))
