"""
Pictures as video planes, and the exact resampling of them.

A frame is one NV12 array of shape (height * 3 / 2, width), uint8: luma above, the interleaved colour planes
below. Colours are BT.709, limited range: luma 16..235, colour 16..240 around 128 (ITU-R BT.709-6, item 4).
Colour samples lie in the middle of their 2x2 luma samples; `ffmpeg.encode_arguments` tells the encoder so.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

#: Margin left of and above a canvas, for the samples that the phase search adds.
MARGIN = 128
_MOST_EXTRA = 120
#: The largest error of a resampled frame's place, in source pixels; the second where the first has no fast way.
_EXACT_ENOUGH = (0.008, 0.016)

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
    height, width = picture.shape[:2]
    # Halving three channels has a fast way, halving the two of colour has none: 3 ms instead of 50.
    half = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return Planes(_array(cv2.transform(picture, matrix[:1])), _array(cv2.transform(half, matrix[1:])))


def with_margin(planes: Planes) -> Planes:
    """Return a canvas for `sample`: the planes with their edges repeated outwards."""
    half = MARGIN // 2
    return Planes(
        _array(cv2.copyMakeBorder(planes.luma, MARGIN, 16, MARGIN, 16, cv2.BORDER_REPLICATE)),
        _array(cv2.copyMakeBorder(planes.colour, half, 8, half, 8, cv2.BORDER_REPLICATE)),
    )


def sample(canvas: Planes, x: float, y: float, step: float, frame: Bytes) -> None:
    """
    Fill `frame` from a canvas with a margin.

    The frame's upper left corner lies at (`x`, `y`) of the picture on the canvas, and each of its pixels is `step`
    source pixels wide. All are luma pixels. The place is exact to 0.02 px. Luma is cubic, colour linear.
    """
    target = planes_of(frame)
    resample(canvas.luma, x + MARGIN, y + MARGIN, step, target.luma, cv2.INTER_CUBIC)
    half = MARGIN // 2
    resample(canvas.colour, x / 2 + half, y / 2 + half, step, target.colour, cv2.INTER_LINEAR)


def resample(source: Bytes, x: float, y: float, step: float, target: Bytes, interpolation: int) -> None:
    """Fill `target`, any part of a plane, from one plane of a canvas as `sample` does; (0, 0) is its corner."""
    # cv2.resize is five times as fast as warpAffine and keeps an exact scale, but starts at whole source pixels.
    # So resampling starts at the nearest place where a border between frame pixels falls on one between source
    # pixels; see `_spans`.
    height, width = target.shape[:2]
    across, down = _spans(x, step, width), _spans(y, step, height)
    if not across or not down:
        _warp(source, x, y, step, target, 0, 0, interpolation)
        return
    for rows in down:
        for columns in across:
            part = source[rows.start : rows.end, columns.start : columns.end]
            place = target[
                rows.first : rows.first + rows.length, columns.first : columns.first + columns.length
            ]
            if _would_be_copied(part, step):
                _warp(source, x, y, step, place, columns.first, rows.first, interpolation)
                continue
            flip = _FLIPS[rows.is_mirrored, columns.is_mirrored]
            if flip is not None:
                part = _array(cv2.flip(part, flip))
            made = cv2.resize(part, None, fx=1 / step, fy=1 / step, interpolation=interpolation)
            made = made[rows.skip : rows.skip + rows.length, columns.skip : columns.skip + columns.length]
            if flip is None:
                place[...] = made
            else:
                cv2.flip(made, flip, dst=place)
    if interpolation == cv2.INTER_CUBIC:
        # At a seam the kernel missed the samples of the other side.
        reach = int(np.ceil(1.5 / step))
        if len(down) > 1:
            top = max(0, down[1].first - reach)
            _warp(source, x, y, step, target[top : down[1].first + reach], 0, top, interpolation)
        if len(across) > 1:
            left = max(0, across[1].first - reach)
            _warp(source, x, y, step, target[:, left : across[1].first + reach], left, 0, interpolation)


def _would_be_copied(part: Bytes, step: float) -> bool:
    """Whether cv2.resize would copy a part whose far edge the step moves: it does so where the size stays the same."""
    height, width = part.shape[:2]
    moves = abs(step - 1) * max(height, width) > _EXACT_ENOUGH[1]
    return moves and (round(height / step), round(width / step)) == (height, width)


#: OpenCV's codes for turning rows, columns and both over; keys: are rows, are columns mirrored.
_FLIPS = {(False, False): None, (True, False): 0, (False, True): 1, (True, True): -1}


def _warp(
    source: Bytes, x: float, y: float, step: float, target: Bytes, left: int, top: int, interpolation: int
) -> None:
    """Fill a part of a frame, from column `left` and row `top` on, by the slow cv2.warpAffine."""
    matrix = np.array([[step, 0, x + (left + 0.5) * step - 0.5], [0, step, y + (top + 0.5) * step - 0.5]])
    target[...] = cv2.warpAffine(
        source,
        matrix,
        target.shape[1::-1],
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


@dataclass(frozen=True)
class _ResampleSpan:
    """Frame samples of one direction: `length` of them from `first` on, made from source pixels `start` up to `end`."""

    first: int
    length: int
    start: int
    end: int
    #: So many samples are made before the first one of the span, and dropped.
    skip: int = 0
    #: The span is made backwards, from `end` down.
    is_mirrored: bool = False


def _spans(origin: float, step: float, length: int) -> tuple[_ResampleSpan, ...]:
    """
    Return the spans that make `length` samples from `origin` on, each `step` wide; () when there is no exact way.

    A few more samples before the first may make the beginning a whole source pixel. Where that takes too many, the
    samples are split at the first border that is a whole source pixel, and the span before it is made backwards.
    """
    for off in _EXACT_ENOUGH:
        extra = _first_whole(origin, -step, off)
        if extra is not None and extra <= min(_MOST_EXTRA, origin / step):
            start = round(origin - extra * step)
            return (_ResampleSpan(0, length, start, start + int((length + extra) * step) + 4, skip=extra),)
    for off in _EXACT_ENOUGH:
        split = _first_whole(origin, step, off)
        if split is not None and split < length:
            border = round(origin + split * step)
            return (
                _ResampleSpan(0, split, max(0, border - int(split * step) - 4), border, is_mirrored=True),
                _ResampleSpan(split, length - split, border, border + int((length - split) * step) + 4),
            )
    return ()


#: Units of a pixel, to count with whole numbers.
_GRAIN = 1 << 32


def _first_whole(origin: float, step: float, off: float) -> int | None:
    """Return the smallest count of steps from `origin` that ends at most `off` from a whole number, if any."""
    start, stride, reach = (round(value * _GRAIN) for value in (origin, step, off))
    return _first_within(stride % _GRAIN, _GRAIN, (-reach - start) % _GRAIN, (reach - start) % _GRAIN)


def _first_within(stride: int, whole: int, low: int, high: int) -> int | None:
    """Return the smallest n >= 0 with `low` <= n * `stride` mod `whole` <= `high`, if any, by a Euclidean algorithm."""
    if low > high or low == 0:
        return 0
    if stride == 0:
        return None
    count = -(-low // stride)
    if count * stride <= high:
        return count
    # No multiple of the stride lies between within the first turn. So the turns are counted, on a smaller circle.
    turns = _first_within(whole % stride, stride, -high % stride, -low % stride)
    return None if turns is None else -(-(low + whole * turns) // stride)


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
