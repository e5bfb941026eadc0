"""Sprites: cut-outs with soft edges, and soft shadows, that are laid over frames at any place, turned and tilted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.render.planes import YUV_FROM_BGR, YUV_OFFSET, Bytes, planes_of

#: From the middle of a colour sample to where it lies among luma samples: 2x + 0.5.
_LUMA_FROM_COLOUR = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1.0]])
_COLOUR_FROM_LUMA = np.linalg.inv(_LUMA_FROM_COLOUR)
#: Soft patches are resampled at every so many pixels only.
_COARSE = 4
_COARSE_FROM_LUMA = np.array(
    [[1 / _COARSE, 0, 0.5 / _COARSE - 0.5], [0, 1 / _COARSE, 0.5 / _COARSE - 0.5], [0, 0, 1.0]]
)
#: Nearer to a whole even place than this, nothing has to be resampled.
_WHOLE = 1 / 64


class Sprite:
    """
    A picture with opacity, kept as planes already multiplied by it.

    Made from `picture` (height, width, 3), BGR, and `opacity` (height, width), both uint8 and 0..255; both
    sides are made even with a transparent row or column.
    """

    def __init__(self, picture: Bytes, opacity: Bytes) -> None:
        tall, wide = opacity.shape[0] % 2, opacity.shape[1] % 2
        if tall or wide:
            picture = np.pad(picture, ((0, tall), (0, wide), (0, 0)), mode="edge")
            opacity = np.pad(opacity, ((0, tall), (0, wide)))
        self.height, self.width = opacity.shape
        half = (self.width // 2, self.height // 2)
        matrix = np.hstack([YUV_FROM_BGR, YUV_OFFSET[:, None]]).astype(np.float32)
        self._opacity = np.ascontiguousarray(opacity)
        self._half_opacity = np.asarray(cv2.resize(opacity, half, interpolation=cv2.INTER_AREA), np.uint8)
        # Halving three channels has a fast way, halving the two of colour has none.
        small = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
        self._luma = _times(cv2.transform(picture, matrix[:1]), self._opacity)
        self._colour = _times(cv2.transform(small, matrix[1:]), _doubled(self._half_opacity))

    def show(self, frame: Bytes) -> None:
        """Replace the picture by a frame of the same size; the opacity stays."""
        planes = planes_of(frame)
        self._luma = _times(planes.luma, self._opacity)
        self._colour = _times(planes.colour, _doubled(self._half_opacity))

    def lay(self, frame: Bytes, x: float, y: float, share: float = 1.0) -> None:
        """Lay it with its upper left corner at (`x`, `y`) of the frame, in pixels, at `share` 0..1 of its opacity."""
        near = 2 * round(x / 2), 2 * round(y / 2)
        if max(abs(near[0] - x), abs(near[1] - y)) > _WHOLE:
            self.lay_turned(frame, np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]), share)
            return
        self._put(frame, *near, (self._luma, self._opacity, self._colour, self._half_opacity), share)

    def lay_turned(self, frame: Bytes, matrix: NDArray[np.float64], share: float = 1.0) -> None:
        """
        Lay it as a 3x3 `matrix` maps its pixels to those of the frame (row vectors of cv2.warpPerspective).

        The matrix maps the middles of pixels; what falls outside the frame is cut off.
        """
        left, top, right, low = _bounds(frame, (self.width, self.height), matrix, 2)
        if right <= left or low <= top:
            return
        place = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ matrix
        half = _COLOUR_FROM_LUMA @ place @ _LUMA_FROM_COLOUR
        size, half_size = (right - left, low - top), ((right - left) // 2, (low - top) // 2)
        # Two planes of colour one after the other take half as long as both at once.
        blue, red = (
            _warped(np.ascontiguousarray(self._colour[:, :, plane]), half, half_size) for plane in (0, 1)
        )
        parts = (
            _warped(self._luma, place, size),
            _warped(self._opacity, place, size),
            np.asarray(cv2.merge([blue, red]), np.uint8),
            _warped(self._half_opacity, half, half_size),
        )
        self._put(frame, left, top, parts, share)

    @staticmethod
    def _put(frame: Bytes, x: int, y: int, parts: tuple[Bytes, Bytes, Bytes, Bytes], share: float) -> None:
        if share <= 0:
            return
        luma, opacity, colour, half_opacity = parts
        target = planes_of(frame)
        _mix(target.luma, luma, opacity, x, y, share)
        _mix(target.colour, colour, _doubled(half_opacity), x // 2, y // 2, share)


class Haze:
    """
    A soft patch of one colour, '#rrggbb': a shadow, a glow.

    `opacity` (height, width), 0..255, has no sharp edges, so that coarse and fast resampling is enough.
    """

    def __init__(self, opacity: Bytes, colour: str) -> None:
        self._opacity = np.ascontiguousarray(opacity)
        self.height, self.width = opacity.shape
        blue, green, red = (int(colour[at : at + 2], 16) for at in (5, 3, 1))
        self._ink = YUV_FROM_BGR @ np.array([blue, green, red], np.float64) + YUV_OFFSET

    def lay_turned(self, frame: Bytes, matrix: NDArray[np.float64], share: float = 1.0) -> None:
        """Lay it as `Sprite.lay_turned` does."""
        left, top, right, low = _bounds(frame, (self.width, self.height), matrix, _COARSE)
        if share <= 0 or right <= left or low <= top:
            return
        place = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ matrix
        small = (right - left) // _COARSE, (low - top) // _COARSE
        opacity = _warped(self._opacity, _COARSE_FROM_LUMA @ place, small).astype(np.float32)
        opacity *= np.float32(share / 255)
        # What lies beyond the frame's right and lower edge is cut off.
        target = planes_of(frame)
        luma = target.luma[top:low, left:right]
        _tint(luma, _enlarged(opacity, _COARSE, luma.shape), self._ink[0])
        colour = target.colour[top // 2 : low // 2, left // 2 : right // 2]
        half = _enlarged(opacity, _COARSE // 2, colour.shape[:2])
        planes = [np.ascontiguousarray(colour[:, :, plane]) for plane in (0, 1)]
        for plane, ink in zip(planes, self._ink[1:], strict=True):
            _tint(plane, half, ink)
        colour[...] = cv2.merge(planes)


def _enlarged(part: NDArray[np.float32], times: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    whole = cv2.resize(part, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.asarray(whole, np.float32)[: shape[0], : shape[1]])


def _tint(target: Bytes, share: NDArray[np.float32], ink: float) -> None:
    """Mix a plane with one value, rounded only once, since rings would show where light is faint."""
    value = np.full(target.shape, round(ink), np.uint8)
    target[...] = cv2.blendLinear(np.ascontiguousarray(target), value, 1 - share, share)


def _bounds(
    frame: Bytes, size: tuple[int, int], matrix: NDArray[np.float64], step: int
) -> tuple[int, int, int, int]:
    """Return left, top, right and low edge of what a mapped picture covers of a frame, in whole steps."""
    tall, wide = frame.shape[0] * 2 // 3, frame.shape[1]
    width, height = size
    corners = np.array([[-1, -1], [width, -1], [width, height], [-1, height]], np.float64)
    mapped = cv2.perspectiveTransform(corners[None], matrix)[0]
    left, top = (max(0, step * int(np.floor(edge / step))) for edge in mapped.min(axis=0))
    right, low = (
        step * int(np.ceil(min(edge + 1, most) / step))
        for edge, most in zip(mapped.max(axis=0), (wide, tall), strict=True)
    )
    return left, top, right, low


def _mix(target: Bytes, ink: Bytes, opacity: Bytes, x: int, y: int, share: float) -> None:
    height, width = ink.shape[:2]
    left, top = max(0, -x), max(0, -y)
    right, low = min(width, target.shape[1] - x), min(height, target.shape[0] - y)
    if right <= left or low <= top:
        return
    ink, opacity = ink[top:low, left:right], opacity[top:low, left:right]
    below = target[y + top : y + low, x + left : x + right]
    if share < 1:
        ink, opacity = (
            np.asarray(cv2.convertScaleAbs(part, alpha=share), np.uint8) for part in (ink, opacity)
        )
    below[...] = cv2.add(cv2.multiply(below, cv2.bitwise_not(opacity), scale=1 / 255), ink)


def _warped(part: Bytes, matrix: NDArray[np.float64], size: tuple[int, int]) -> Bytes:
    return np.asarray(
        cv2.warpPerspective(part, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT),
        np.uint8,
    )


def _times(ink: object, opacity: Bytes) -> Bytes:
    return np.asarray(cv2.multiply(np.asarray(ink, np.uint8), opacity, scale=1 / 255), np.uint8)


def _doubled(plane: Bytes) -> Bytes:
    """Return a plane twice, for the two planes of colour."""
    return np.asarray(cv2.merge([plane, plane]), np.uint8)
