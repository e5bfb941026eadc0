"""Text, dots and pictures drawn on pictures, with round corners; captions on pills."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import TableStage
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render import typesetting
from memorycapsule.render.overlays import bgr
from memorycapsule.render.planes import Bytes, planes_from_bgr, planes_of
from memorycapsule.render.sprites import Sprite
from memorycapsule.render.typesetting import Line


class Paper:
    """A frame to write and draw on."""

    def __init__(self, ground: Bytes) -> None:
        self.frame = ground.copy()
        self._height, self._width = ground.shape[0] * 2 // 3, ground.shape[1]

    def write(self, line: Line, x: int, baseline: int, colour: str, spacing: float = 0.0) -> None:
        """Write a line as `write` does."""
        left, top, wide, high = self._part(
            x - line.size, baseline - 2 * line.size, line.width + 2 * line.size, 3 * line.size
        )
        mask = np.zeros((high, wide, 3), np.uint8)
        write(mask, line, x - left, baseline - top, "#ffffff", spacing)
        self._ink(mask[:, :, 0], left, top, colour)

    def dot(self, x: int, y: int, size: int, colour: str) -> None:
        """Draw a round dot with its upper left corner at (`x`, `y`)."""
        left, top, wide, high = self._part(x, y, size, size)
        mask = np.zeros((high, wide, 3), np.uint8)
        dot(mask, x - left, y - top, size, "#ffffff")
        self._ink(mask[:, :, 0], left, top, colour)

    def _part(self, x: int, y: int, wide: int, high: int) -> tuple[int, int, int, int]:
        """Return left, top, width and height of a box, made even for the colour planes, inside the frame."""
        left, top = max(0, x - x % 2), max(0, y - y % 2)
        right, low = min(self._width, x + wide + 2), min(self._height, y + high + 2)
        return left, top, max(0, right - left) // 2 * 2, max(0, low - top) // 2 * 2

    def _ink(self, mask: Bytes, left: int, top: int, colour: str) -> None:
        if not mask.size:
            return
        ink = np.empty((2, 2, 3), np.uint8)
        ink[...] = bgr(colour)
        inks, planes = planes_from_bgr(ink), planes_of(self.frame)
        high, wide = mask.shape
        half = cv2.resize(mask, (wide // 2, high // 2), interpolation=cv2.INTER_AREA)
        luma = planes.luma[top : top + high, left : left + wide]
        colours = planes.colour[top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2]
        for below, share, value in (
            (luma, mask.astype(np.float32) / 255, inks.luma[0, 0]),
            (colours, np.asarray(half, np.float32)[:, :, None] / 255, inks.colour[0, 0]),
        ):
            below[...] = np.rint(below * (1 - share) + value * share)


def pill(lines: Sequence[Sequence[tuple[Line, str]]], dye: str, size: Size, table: TableStage) -> Sprite:
    """
    Return text on a white pill with a dot in a dye: rows of lines, each line with its colour.

    The sprite has a margin for the pill's shadow: `pill_margin` pixels on each side.
    """
    big = max(line.size for row in lines for line, _ in row)
    gap, dot = round(big * 0.42), round(big * 0.62)
    step = round(big * 1.34)
    widths = [sum(line.width for line, _ in row) + gap * (len(row) - 1) for row in lines]
    pad_x, pad_y = round(big * 0.85), round(big * 0.34)
    high = step * len(lines) + 2 * pad_y
    wide = max(widths) + dot + round(gap * 1.1) + 2 * pad_x
    paper = np.empty((high, wide, 3), np.uint8)
    paper[...] = bgr(table.card)
    for number, row in enumerate(lines):
        x = pad_x + dot + round(gap * 1.1)
        baseline = pad_y + step * number + (step + round(big * 0.72)) // 2
        for line, colour in row:
            write(paper, line, x, baseline, colour)
            x += line.width + gap
    spot = np.empty((dot, dot, 3), np.uint8)
    spot[...] = bgr(dye)
    lay_on(paper, spot, pad_x, pad_y + (step - dot) // 2 + 1, rounded(dot, dot, dot / 2))
    shape = rounded(high, wide, min(high / 2, big * 0.95))
    margin = pill_margin(size)
    around = np.pad(shape, margin).astype(np.float32) / 255
    soft = np.roll(cv2.GaussianBlur(around, (0, 0), size.height * 0.009), round(size.height * 0.006), axis=0)
    below = 0.3 * soft * (1 - around)
    opacity = around + below
    picture = np.empty((*around.shape, 3), np.uint8)
    picture[...] = bgr(table.shadow)
    inside = np.pad(paper, ((margin, margin), (margin, margin), (0, 0)), mode="edge").astype(np.float32)
    share = (around / np.maximum(opacity, 1e-3))[:, :, None]
    mixed = picture * (1 - share) + inside * share
    return Sprite(_bytes(mixed), _bytes(opacity * 255))


def pill_margin(size: Size) -> int:
    """Return the pixels around a pill for its shadow."""
    return 2 * round(size.height * 0.018)


def write(paper: Bytes, line: Line, x: int, baseline: int, colour: str, spacing: float = 0.0) -> None:
    """Write a line on a picture, in place; `spacing` in ems is put between letters."""
    top = max(0, baseline - 2 * line.size)
    low = min(paper.shape[0], baseline + line.size)
    left = max(0, x - line.size)
    right = min(paper.shape[1], x + line.width + line.size)
    if right <= left or low <= top:
        return
    mask = np.zeros((low - top, right - left), np.uint8)
    if spacing:
        for number, (letter, advance) in enumerate(typesetting.parts_of(line)):
            typesetting.draw(
                letter, mask, x - left + advance + round(number * spacing * line.size), baseline - top
            )
    else:
        typesetting.draw(line, mask, x - left, baseline - top)
    part = paper[top:low, left : left + mask.shape[1]]
    part[...] = mixed(part, colour, mask.astype(np.float32) / 255)


def lay_on(paper: Bytes, picture: Bytes, x: int, y: int, mask: Bytes) -> None:
    """Lay a picture on another one, in place, where `mask`, 0..255, says."""
    if not mask.size:
        return
    share = mask.astype(np.float32)[:, :, None] / 255
    part = paper[y : y + picture.shape[0], x : x + picture.shape[1]]
    if mask.min() == 255:
        part[...] = picture
    else:
        part[...] = _bytes(part * (1 - share) + picture * share)


def dot(paper: Bytes, x: int, y: int, size: int, colour: str) -> None:
    spot = np.empty((size, size, 3), np.uint8)
    spot[...] = bgr(colour)
    lay_on(paper, spot, x, y, rounded(size, size, size / 2))


def rounded(height: int, width: int, radius: float) -> Bytes:
    """Return the opacity of a rectangle with soft round corners."""
    mask = np.full((height, width), 255, np.uint8)
    radius = min(radius, height / 2, width / 2)
    count = int(np.ceil(radius))
    if count < 1:
        return mask
    along = radius - np.arange(count, dtype=np.float32) - 0.5
    corner = _bytes(np.clip(radius - np.hypot(along[:, None], along[None]) + 0.5, 0, 1) * 255)
    mask[:count, :count] = corner
    mask[:count, -count:] = corner[:, ::-1]
    mask[-count:, :count] = corner[::-1]
    mask[-count:, -count:] = corner[::-1, ::-1]
    return mask


def mixed(below: Bytes, colour: str, share: NDArray[np.floating]) -> Bytes:
    return _bytes(below * (1 - share[:, :, None]) + np.array(bgr(colour), np.float32) * share[:, :, None])


def _bytes(value: object) -> Bytes:
    return np.ascontiguousarray(np.clip(np.rint(np.asarray(value, np.float32)), 0, 255).astype(np.uint8))
