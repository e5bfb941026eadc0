"""A capsule's title as the film's desktop draws it, in pixel glyphs, as paths for a page."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorycapsule.render import typesetting
from memorycapsule.render.stages.desktop.pixels import (
    GLYPH_ROWS,
    GLYPH_SIZE,
    glyph_faces,
    joined_glyphs,
    pixel_glyphs,
)

#: Rows from one line to the next, and the widest line: about sixteen letters.
_LINE, _WIDEST = 30, 16 * GLYPH_SIZE


@dataclass(frozen=True, kw_only=True)
class PixelTitle:
    """Glyphs as paths of unit squares (SVG): the filled outlines, and the faces."""

    columns: int
    rows: int
    outlines: str
    faces: str


@functools.lru_cache(maxsize=64)
def pixel_title(text: str, font: str) -> PixelTitle:
    """Return a title in pixel glyphs, in lines of about sixteen."""
    lines = [
        pixel_glyphs(line.text, line.font)
        for line in typesetting.wrap(typesetting.clean(text), font, GLYPH_SIZE, _WIDEST, balanced=True)
    ]
    widest = max((columns for _, columns in lines), default=1)
    outlines, inside = [], []
    for number, (line, columns) in enumerate(lines):
        drawn = joined_glyphs(line, columns, [0] * len(line), 0)
        left, top = (widest - columns) // 2, number * _LINE
        outlines.append(_path(drawn > 0, left, top))
        inside.append(_path(glyph_faces(drawn) > 0, left, top))
    return PixelTitle(
        columns=widest,
        rows=max(0, len(lines) - 1) * _LINE + GLYPH_ROWS,
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
