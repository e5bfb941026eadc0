"""
Shaping: which glyphs draw a run of text, where they stand, and in what order runs of two directions follow each other.

Letters of many scripts join, change with their neighbours or stand above each other, so a character is not a glyph.
HarfBuzz chooses and draws the glyphs of a run; the order of runs is that of the Unicode Bidirectional Algorithm
(UAX 9), by python-bidi.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import uharfbuzz
from bidi import algorithm
from bidi.mirror import MIRRORED
from numpy.typing import NDArray

_Run = TypeVar("_Run")

#: HarfBuzz reckons in whole numbers; this many of them are a pixel.
_UNITS = 64
#: What is added around the outline of a glyph to make it bold, in ems.
_BOLDER = 0.03
#: The blocks of the scripts that go from the right (UAX 9, table 4).
_FROM_THE_RIGHT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
#: The algorithm takes characters of this class out (rule X9), joiners for one.
_WITHOUT_DIRECTION = "BN"


@dataclass(frozen=True)
class Glyphs:
    """A run of text in glyphs of one font and one size."""

    #: How far the run moves the pen, in pixels.
    advance: int
    #: How much ink lies on each pixel (height, width), 0..255.
    ink: NDArray[np.uint8]
    #: Where the ink begins: pixels right of the pen, and above the baseline.
    left: int
    top: int


@functools.cache
def covered(font: Path) -> frozenset[int]:
    """Return the code points that a font file has glyphs for; of a collection, those of its first font."""
    return frozenset(_face(font).unicodes)


@functools.lru_cache(maxsize=4096)
def glyphs(text: str, font: Path, size: float, *, is_rtl: bool = False, is_bold: bool = False) -> Glyphs:
    """Return a run of one direction as glyphs, `size` pixels to the em; `is_bold` thickens a font that is not bold."""
    face, shaped = _shaped(text, font, size, is_rtl=is_rtl, is_bold=is_bold)
    painter = uharfbuzz.RasterDraw()
    pen = 0
    for glyph, place in zip(shaped.glyph_infos, shaped.glyph_positions, strict=True):
        x, y = pen + place.x_offset, place.y_offset
        painter.transform = (1 / _UNITS, 0, 0, 1 / _UNITS, x / _UNITS, y / _UNITS)
        painter.draw_glyph(face, glyph.codepoint)
        pen += place.x_advance
    picture = painter.render()
    extents = picture.extents
    rows = np.frombuffer(picture.buffer, np.uint8).reshape(extents.height, -1)
    # The rows of the picture go from the bottom to the top.
    ink = rows[::-1, : extents.width]
    return Glyphs(round(pen / _UNITS), ink, extents.x_origin, extents.y_origin + extents.height)


def clusters(text: str, font: Path) -> list[str]:
    """Return the smallest parts of a run from the left that can be drawn on their own."""
    _, shaped = _shaped(text, font, 1, is_rtl=False, is_bold=False)
    starts = sorted({glyph.cluster for glyph in shaped.glyph_infos})
    return [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]


def is_from_the_right(text: str) -> bool:
    """Return whether a paragraph begins at the right: its first letter with a direction says so (rules P2 and P3)."""
    return bool(_FROM_THE_RIGHT.search(text) and algorithm.get_base_level(text))


def levels(text: str, *, is_rtl: bool) -> Sequence[int]:
    """Return the embedding level of each character of a line; an odd one is from the right."""
    if not is_rtl and not _FROM_THE_RIGHT.search(text):
        return [0] * len(text)
    classes = [unicodedata.bidirectional(character) for character in text]
    storage = algorithm.get_empty_storage()
    storage["base_level"], storage["base_dir"] = int(is_rtl), "R" if is_rtl else "L"
    shown = [character for character, kind in zip(text, classes, strict=True) if kind != _WITHOUT_DIRECTION]
    algorithm.get_embedding_levels("".join(shown), storage)
    algorithm.explicit_embed_and_overrides(storage)
    algorithm.resolve_weak_types(storage)
    algorithm.resolve_neutral_types(storage, debug=False)
    algorithm.resolve_implicit_levels(storage, debug=False)
    resolved = iter(storage["chars"])
    found: list[int] = []
    for kind in classes:
        # What has no direction goes with the character before it.
        last = found[-1] if found else int(is_rtl)
        found.append(last if kind == _WITHOUT_DIRECTION else next(resolved)["level"])
    return found


def mirrored(text: str) -> str:
    """Return characters that do not join as they follow each other from the right; brackets are turned (rule L4)."""
    return "".join(MIRRORED.get(character, character) for character in reversed(text))


def in_visual_order(runs: Iterable[tuple[int, _Run]]) -> list[_Run]:
    """Return the runs of a line, given with their levels in the order of reading, from left to right (rule L2)."""
    ordered = list(runs)
    for level in range(max((level for level, _ in ordered), default=0), 0, -1):
        parts = itertools.groupby(ordered, key=lambda run: run[0] >= level)
        ordered = [run for is_deep, part in parts for run in (reversed([*part]) if is_deep else part)]
    return [run for _, run in ordered]


@functools.cache
def _face(font: Path) -> uharfbuzz.Face:
    return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(font))


def _shaped(
    text: str, font: Path, size: float, *, is_rtl: bool, is_bold: bool
) -> tuple[uharfbuzz.Font, uharfbuzz.Buffer]:
    face = uharfbuzz.Font(_face(font))
    face.scale = (round(size * _UNITS), round(size * _UNITS))
    if is_bold:
        face.synthetic_bold = (_BOLDER, _BOLDER, True)
    shaped = uharfbuzz.Buffer()
    shaped.add_str(text)
    shaped.guess_segment_properties()
    shaped.direction = "rtl" if is_rtl else "ltr"
    uharfbuzz.shape(face, shaped)
    return face, shaped
