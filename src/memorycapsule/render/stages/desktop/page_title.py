"""Pixel titles: the very bitmap that a film's desktop shows its title in, as one path for a page."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorycapsule.render import typesetting
from memorycapsule.render.stages.desktop.pixels import (
    LETTER_ROWS,
    LETTER_SIZE,
    faces,
    pixel_letters,
    whole_line,
)

#: From one line to the next, and how wide a line may be: about sixteen letters.
_LINE, _WIDEST = 30, 16 * LETTER_SIZE


@dataclass(frozen=True, kw_only=True)
class PixelTitle:
    """Letters as paths of unit squares (SVG): their outlines with all that is inside, and their faces."""

    columns: int
    rows: int
    outlines: str
    faces: str


@functools.lru_cache(maxsize=64)
def pixel_title(text: str, font: str) -> PixelTitle:
    """Return a title in pixel letters, in lines of about sixteen."""
    lines = [
        pixel_letters(line.text, line.font)
        for line in typesetting.wrap(typesetting.clean(text), font, LETTER_SIZE, _WIDEST, balanced=True)
    ]
    widest = max((columns for _, columns in lines), default=1)
    outlines, inside = [], []
    for number, (line, columns) in enumerate(lines):
        drawn = whole_line(line, columns, [0] * len(line), 0)
        left, top = (widest - columns) // 2, number * _LINE
        outlines.append(_path(drawn > 0, left, top))
        inside.append(_path(faces(drawn) > 0, left, top))
    return PixelTitle(
        columns=widest,
        rows=max(0, len(lines) - 1) * _LINE + LETTER_ROWS,
        outlines="".join(outlines),
        faces="".join(inside),
    )


def _path(ink: NDArray[np.bool_], left: int, top: int) -> str:
    """Return all pixels that are set, as one rectangle for each run of a row."""
    made = []
    for y, row in enumerate(ink.tolist()):
        start = None
        for x, is_set in enumerate([*row, False]):
            if is_set and start is None:
                start = x
            elif not is_set and start is not None:
                made.append(f"M{left + start} {top + y}h{x - start}v1h-{x - start}z")
                start = None
    return "".join(made)
