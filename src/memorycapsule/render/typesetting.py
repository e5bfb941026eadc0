"""
Typesetting: text in the themes' fonts, in English and Korean, with one-colour emoji and no empty boxes.

A character is drawn with the first font that has a glyph for it: the wanted font, Noto Emoji, and last the font that
OpenCV carries. Characters without any glyph are left out.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import struct
import unicodedata
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule import themes

_EMOJI = "NotoEmoji-Regular.ttf"
_EMBEDDED = "uni"
#: Joiners, variation selectors and skin tones: they have no effect on one-colour glyphs, so they are left out.
_SILENT = frozenset(
    {0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x20E3, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)}
)


@dataclass(frozen=True)
class Line:
    """One line of text in one size, ready to be drawn; width in pixels."""

    text: str
    font: str
    size: int
    width: int


#: What people put between the two halves of a title.
_DIVIDERS = (" ·", " –", " —", " |", ":")
_PAIR = 2


def clean(text: str) -> str:
    """
    Return text as it can be drawn: in composed form (NFC), without control and unknown characters.

    File names of a Mac, for one, are not composed.
    """
    kept: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if character in "\n\t ":
            kept.append("\n" if character == "\n" else " ")
        elif (
            ord(character) not in _SILENT
            and unicodedata.category(character)[0] != "C"
            and _font_for(character, "") is not None
        ):
            kept.append(character)
    return "".join(kept).strip()


def measure(text: str, font: str, size: int) -> int:
    """Return how wide a line is, in pixels."""
    return sum(_width(run, name, size) for name, run in _runs(text, font))


def is_emoji(character: str, font: str) -> bool:
    """Return whether a character is drawn as a one-colour emoji, since `font` has no glyph for it."""
    return _font_for(character, font) == _EMOJI


def draw(line: Line, mask: NDArray[np.uint8], x: int, baseline: int) -> None:
    """Draw a line into a mask (height, width) of how much ink lies on each pixel, 0..255."""
    for name, run in _runs(line.text, line.font):
        ink = np.zeros((mask.shape[0], mask.shape[1] + 8 * line.size), np.uint8)
        cv2.putText(ink, run, (x, baseline), (255,), _face(name), _size(name, line.size))
        np.maximum(mask, ink[:, : mask.shape[1]], out=mask)
        x += _width(run, name, line.size)


def wrap(text: str, font: str, size: int, width: int, *, balanced: bool = False) -> list[Line]:
    """
    Break text into lines of at most `width` pixels, between words where possible (Korean too: keep-all).

    `balanced` makes the lines of a heading about equally long, in as few lines as possible. A heading of two lines
    with a divider ("Summer · 여름") is broken after it.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        words = _words(paragraph, font, size, width)
        found = _broken_into_lines(words, font, size, width)
        divided = _divided(paragraph, font, size, width) if balanced and len(found) == _PAIR else []
        if divided:
            found = divided
        elif balanced and len(found) > 1:
            low, high = width // len(found), width
            while high - low > 2:
                middle = (low + high) // 2
                tried = _broken_into_lines(words, font, size, middle)
                if len(tried) <= len(found) and all(measure(line, font, size) <= middle for line in tried):
                    high, found = middle, tried
                else:
                    low = middle
        lines += found
    return [Line(text=line, font=font, size=size, width=measure(line, font, size)) for line in lines]


def fitting(
    text: str, font: str, sizes: tuple[int, ...], width: int, most_lines: int, *, balanced: bool = True
) -> list[Line]:
    """Return text in the largest of `sizes` (descending) that fits `most_lines`; in the smallest, it is truncated."""
    for size in sizes:
        lines = wrap(text, font, size, width, balanced=balanced)
        if len(lines) <= most_lines:
            return lines
    lines = wrap(text, font, sizes[-1], width)[:most_lines]
    cut = lines[-1].text
    while cut and measure(cut + "…", font, sizes[-1]) > width:
        cut = cut[:-1]
    last = cut.rstrip() + "…"
    return [*lines[:-1], Line(text=last, font=font, size=sizes[-1], width=measure(last, font, sizes[-1]))]


def _divided(paragraph: str, font: str, size: int, width: int) -> list[str]:
    """Return the two halves of a heading with one divider, if each fits on a line. The divider ends the first."""
    for divider in _DIVIDERS:
        first, found, second = paragraph.partition(f"{divider} ")
        halves = [first + divider, second]
        if found and divider not in second and all(measure(half, font, size) <= width for half in halves):
            return halves
    return []


def _words(paragraph: str, font: str, size: int, width: int) -> list[str]:
    """Return the words of a paragraph. A word wider than a line is cut into parts."""
    words: list[str] = []
    for word in paragraph.split():
        rest = word
        while measure(rest, font, size) > width and len(rest) > 1:
            fits = _how_many_fit(rest, font, size, width)
            words.append(rest[:fits])
            rest = rest[fits:]
        words.append(rest)
    return words


def _how_many_fit(word: str, font: str, size: int, width: int) -> int:
    """Return how many characters of a too wide word fit on a line, one at least."""
    counts = range(1, len(word))
    return max(1, bisect.bisect(counts, width, key=lambda count: measure(word[:count], font, size)))


def _broken_into_lines(words: list[str], font: str, size: int, width: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure(longer, font, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _runs(text: str, font: str) -> list[tuple[str, str]]:
    """Return (font, text) for each run of characters that are drawn with one font."""
    named = [(_font_for(character, font), character) for character in text]
    return [
        (name, "".join(character for _, character in run))
        for name, run in itertools.groupby(named, key=lambda pair: pair[0])
        if name is not None
    ]


@functools.cache
def _font_for(character: str, font: str) -> str | None:
    wanted = font or "Pretendard-Regular.otf"
    if character.isspace() or ord(character) in _covered(wanted):
        return wanted
    if ord(character) in _covered(_EMOJI):
        return _EMOJI
    return None if _is_unknown(character) else _EMBEDDED


@functools.cache
def _is_unknown(character: str) -> bool:
    """Return whether OpenCV's own font has no glyph for a character: it draws a question mark, or nothing."""
    drawn = _bitmap(character)
    return character != "?" and (not drawn.any() or bool(np.array_equal(drawn, _bitmap("?"))))


def _bitmap(character: str) -> NDArray[np.uint8]:
    ink = np.zeros((48, 96), np.uint8)
    cv2.putText(ink, character, (8, 36), (255,), _face(_EMBEDDED), 28)
    return ink


@functools.cache
def _face(name: str) -> cv2.FontFace:
    return cv2.FontFace(name if name == _EMBEDDED else str(themes.font_path(name)))


def _size(name: str, size: int) -> int:
    # Emoji fill their whole square. Beside text they look right a little smaller.
    return round(size * 0.86) if name == _EMOJI else size


@functools.lru_cache(maxsize=4096)
def _width(run: str, name: str, size: int) -> int:
    # putText returns where text would continue. Only that is the advance; the bounding box leaves out spaces.
    paper = np.zeros((1, (len(run) + 2) * size * 2), np.uint8)
    (x, _), _ = cv2.putText(paper, run, (0, 0), (255,), _face(name), _size(name, size))
    return int(x)


@functools.cache
def _covered(name: str) -> frozenset[int]:
    """Return the code points of a font file: its cmap subtables of format 4 and 12 (OpenType 1.9, "cmap")."""
    data = themes.font_path(name).read_bytes()
    (tables,) = struct.unpack_from(">H", data, 4)
    records = (struct.unpack_from(">4sLLL", data, 12 + 16 * index) for index in range(tables))
    start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (count,) = struct.unpack_from(">H", data, start + 2)
    found: set[int] = set()
    for index in range(count):
        (offset,) = struct.unpack_from(">L", data, start + 8 + 8 * index)
        at = start + offset
        (form,) = struct.unpack_from(">H", data, at)
        if form == 12:
            (groups,) = struct.unpack_from(">L", data, at + 12)
            for group in range(groups):
                first, last, _ = struct.unpack_from(">LLL", data, at + 16 + 12 * group)
                found.update(range(first, last + 1))
        elif form == 4:
            found.update(_format_4(data, at))
    return frozenset(found)


def _format_4(data: bytes, at: int) -> set[int]:
    (doubled,) = struct.unpack_from(">H", data, at + 6)
    count = doubled // 2
    ends = struct.unpack_from(f">{count}H", data, at + 14)
    starts = struct.unpack_from(f">{count}H", data, at + 16 + doubled)
    deltas = struct.unpack_from(f">{count}H", data, at + 16 + 2 * doubled)
    ranges = at + 16 + 3 * doubled
    offsets = struct.unpack_from(f">{count}H", data, ranges)
    found: set[int] = set()
    for index in range(count):
        for code in range(starts[index], min(ends[index], 0xFFFE) + 1):
            if offsets[index] == 0:
                glyph = (code + deltas[index]) & 0xFFFF
            else:
                place = ranges + 2 * index + offsets[index] + 2 * (code - starts[index])
                (glyph,) = struct.unpack_from(">H", data, place)
            if glyph:
                found.add(code)
    return found
