"""Sprites: cut-outs with soft edges that are laid over frames at any place, turned and tilted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.render.planes import YUV_FROM_BGR, YUV_OFFSET, Bytes, planes_of

#: From the middle of a colour sample to where it lies among luma samples: 2x + 0.5.
_LUMA_FROM_COLOUR = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1.0]])
_COLOUR_FROM_LUMA = np.linalg.inv(_LUMA_FROM_COLOUR)
#: Nearer to a whole even place than this, nothing has to be resampled.
_WHOLE = 1 / 64


class Sprite:
    """
    A picture with opacity, kept as planes already multiplied by it.

    Made from `picture` (height, width, 3), BGR, and `opacity` (height, width), both uint8 and 0..255; both
    edges are made even by a transparent row or column.
    """

    def __init__(self, picture: Bytes, opacity: Bytes) -> None:
        tall, wide = opacity.shape[0] % 2, opacity.shape[1] % 2
        if tall or wide:
            picture = np.pad(picture, ((0, tall), (0, wide), (0, 0)), mode="edge")
            opacity = np.pad(opacity, ((0, tall), (0, wide)))
        self.height, self.width = opacity.shape
        share = opacity.astype(np.float32)[:, :, None] / np.float32(255)
        matrix = np.hstack([YUV_FROM_BGR, YUV_OFFSET[:, None]]).astype(np.float32)
        yuv = np.asarray(cv2.transform(picture.astype(np.float32), matrix), np.float32) * share
        half = (self.width // 2, self.height // 2)
        self._luma = _bytes(yuv[:, :, 0])
        self._colour = _bytes(
            cv2.resize(np.ascontiguousarray(yuv[:, :, 1:]), half, interpolation=cv2.INTER_AREA)
        )
        self._opacity = np.ascontiguousarray(opacity)
        self._half_opacity = _bytes(
            cv2.resize(opacity.astype(np.float32), half, interpolation=cv2.INTER_AREA)
        )

    def show(self, frame: Bytes) -> None:
        """Show a frame of the same size from now on, with the same opacity."""
        planes = planes_of(frame)
        both = np.asarray(cv2.merge([self._half_opacity, self._half_opacity]), np.uint8)
        self._luma = np.asarray(cv2.multiply(planes.luma, self._opacity, scale=1 / 255), np.uint8)
        self._colour = np.asarray(cv2.multiply(planes.colour, both, scale=1 / 255), np.uint8)

    def lay(self, frame: Bytes, x: float, y: float, share: float = 1.0) -> None:
        """Lay it with its upper left corner at (`x`, `y`) of the frame, in pixels; `share` 0..1 of its opacity."""
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
        tall, wide = frame.shape[0] * 2 // 3, frame.shape[1]
        corners = np.array(
            [[-1, -1], [self.width, -1], [self.width, self.height], [-1, self.height]], np.float64
        )
        mapped = cv2.perspectiveTransform(corners[None], matrix)[0]
        left, top = (max(0, 2 * int(np.floor(edge / 2))) for edge in mapped.min(axis=0))
        right = min(wide, 2 * int(np.ceil((mapped[:, 0].max() + 1) / 2)))
        low = min(tall, 2 * int(np.ceil((mapped[:, 1].max() + 1) / 2)))
        if right <= left or low <= top:
            return
        place = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ matrix
        half = _COLOUR_FROM_LUMA @ place @ _LUMA_FROM_COLOUR
        size, half_size = (right - left, low - top), ((right - left) // 2, (low - top) // 2)
        parts = (
            _warped(self._luma, place, size),
            _warped(self._opacity, place, size),
            _warped(self._colour, half, half_size),
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
        both = np.asarray(cv2.merge([half_opacity, half_opacity]), np.uint8)
        _mix(target.colour, colour, both, x // 2, y // 2, share)


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


def _bytes(value: object) -> Bytes:
    return np.ascontiguousarray(np.clip(np.rint(np.asarray(value, np.float32)), 0, 255).astype(np.uint8))
