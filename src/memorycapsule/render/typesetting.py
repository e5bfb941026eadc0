"""
Typesetting: text in the themes' fonts and in all scripts, with one-colour emoji and no empty boxes.

A character is drawn with the first font that has a glyph for it: the wanted font, Noto Emoji, the Noto fonts of other
scripts, the font that OpenCV carries, and last the Noto fonts of the machine. A letter without any glyph is replaced
by the sign that printers put for a missing letter (U+3013).
"""

from __future__ import annotations

import bisect
import functools
import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule import themes
from memorycapsule.render import shaping

_EMOJI = "NotoEmoji-Regular.ttf"
_EMBEDDED = "uni"
#: Variation selectors and the frame of a key have no effect on one-colour glyphs, so they are left out.
_SILENT = frozenset({0x20E3, *range(0xFE00, 0xFE10)})
#: Zero width joiner and non-joiner: they say how the letters beside them are drawn.
_JOINERS = "\u200c\u200d"
#: Stands for a letter that no font has.
_MISSING = "〓"
#: An em in sizes of OpenCV, which measures letters in another way. Beside its letters, HarfBuzz's look as large so.
_EM = 1.04


@dataclass(frozen=True)
class Line:
    """One line of text in one size, ready to be drawn; width in pixels."""

    text: str
    font: str
    size: int
    width: int
    #: Whether its paragraph begins at the right.
    is_rtl: bool = False


@dataclass(frozen=True)
class _Run:
    """Text in one direction that one font draws."""

    text: str
    #: The name of a font of the themes, the path of one of the machine, or that of OpenCV.
    font: str
    is_rtl: bool
    is_bold: bool


#: The parts of names of fonts that say that they are bold.
_BOLD_WEIGHTS = ("Bold", "Black")
#: General categories of what is never seen: controls, formats, surrogates.
_CONTROLS = ("Cc", "Cf", "Cs")
#: What a font has for private use is its own, and not what was typed.
_PRIVATE = "Co"
#: What people put between the two halves of a title.
_DIVIDERS = (" ·", " –", " —", " |", ":")
_PAIR = 2


def clean(text: str) -> str:
    """
    Return text as it can be drawn: in composed form (NFC), without control characters, and with a sign for each letter
    that no font has.

    File names of a Mac, for one, are not composed.
    """
    kept: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if character in "\n\t ":
            kept.append("\n" if character == "\n" else " ")
        elif _is_drawn(character) or (character in _JOINERS and kept):
            kept.append(character)
        elif _is_letter(character):
            kept.append(_MISSING)
    return "".join(kept).strip(f" \n{_JOINERS}")


def missing_letters(text: str) -> str:
    """Return the letters of a text that no font has, each once, in their order."""
    letters = dict.fromkeys(unicodedata.normalize("NFC", text))
    return "".join(one for one in letters if not one.isspace() and not _is_drawn(one) and _is_letter(one))


def measure(text: str, font: str, size: int) -> int:
    """Return how wide a line is, in pixels."""
    return sum(_width(run, size) for run in _runs(text, font, is_rtl=False))


def line_of(text: str, font: str, size: int, *, is_rtl: bool | None = None) -> Line:
    """Return text as one line, however wide; without `is_rtl`, its own first letter says where it begins."""
    begins_right = shaping.is_from_the_right(text) if is_rtl is None else is_rtl
    return Line(text=text, font=font, size=size, width=measure(text, font, size), is_rtl=begins_right)


def is_emoji(text: str, font: str) -> bool:
    """Return whether text begins with a one-colour emoji, since `font` has no glyph for it."""
    return _font_for(text[0], font) == _EMOJI


def draw(line: Line, mask: NDArray[np.uint8], x: int, baseline: int) -> None:
    """Draw a line into a mask (height, width) of how much ink lies on each pixel, 0..255."""
    for run in _runs(line.text, line.font, is_rtl=line.is_rtl):
        if not _is_shaped(run.font):
            ink = np.zeros((mask.shape[0], mask.shape[1] + 8 * line.size), np.uint8)
            cv2.putText(ink, run.text, (x, baseline), (255,), _face(run.font), line.size)
            np.maximum(mask, ink[:, : mask.shape[1]], out=mask)
        else:
            glyphs = _glyphs(run, line.size)
            _lay(glyphs.ink, mask, x + glyphs.left, baseline - glyphs.top)
        x += _width(run, line.size)


@functools.lru_cache(maxsize=256)
def reach_of(line: Line) -> tuple[int, int]:
    """Return how far the ink of a line reaches above its baseline, and below it, in pixels."""
    ink = np.zeros((5 * line.size, line.width + line.size), np.uint8)
    draw(line, ink, line.size // 2, 3 * line.size)
    _, top, _, height = cv2.boundingRect(ink)
    return 3 * line.size - top, max(0, top + height - 3 * line.size)


def parts_of(line: Line) -> Iterator[tuple[Line, int]]:
    """
    Yield the smallest parts of a line that can be drawn on their own, from the left, and where each begins in pixels.

    Such a part is a letter where letters only stand side by side, and all letters of a script that joins them.
    """
    x = 0
    for run in _runs(line.text, line.font, is_rtl=line.is_rtl):
        if not _is_shaped(run.font):
            # Such letters follow each other from the left already, with their brackets turned.
            parts = list(run.text)
        elif run.is_rtl:
            parts = [run.text]
        else:
            parts = shaping.clusters(run.text, _path(run.font))
        is_rtl = run.is_rtl and _is_shaped(run.font)
        done = ""
        for part in parts:
            yield line_of(part, line.font, line.size, is_rtl=is_rtl), x + measure(done, line.font, line.size)
            done += part
        x += _width(run, line.size)


def wrap(text: str, font: str, size: int, width: int, *, balanced: bool = False) -> list[Line]:
    """
    Break text into lines of at most `width` pixels, between words where possible (Korean too: keep-all).

    `balanced` makes the lines of a heading about equally long, in as few lines as possible. A heading of two lines
    with a divider ("Summer · 여름") is broken after it.
    """
    lines: list[Line] = []
    for paragraph in text.split("\n"):
        is_rtl = shaping.is_from_the_right(paragraph)
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
        lines += (line_of(line, font, size, is_rtl=is_rtl) for line in found)
    return lines


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
    last = cut.rstrip(f" {_JOINERS}") + "…"
    return [*lines[:-1], line_of(last, font, sizes[-1], is_rtl=lines[-1].is_rtl)]


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
    """Return how many characters of a too wide word fit on a line, one at least. No letter loses its marks."""
    fits = max(
        1, bisect.bisect(range(1, len(word)), width, key=lambda count: measure(word[:count], font, size))
    )
    first = fits
    while first > 1 and _belong_together(word[first - 1], word[first]):
        first -= 1
    return first if first > 1 else fits


def _belong_together(first: str, second: str) -> bool:
    return second in _JOINERS or first in _JOINERS or unicodedata.category(second)[0] == "M"


def _broken_into_lines(words: list[str], font: str, size: int, width: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure(longer, font, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _runs(text: str, font: str, *, is_rtl: bool) -> list[_Run]:
    """Return the runs of a line from left to right; `is_rtl` says that it begins at the right."""
    levels = shaping.levels(text, is_rtl=is_rtl)
    is_bold = any(weight in font for weight in _BOLD_WEIGHTS)
    runs: list[tuple[int, _Run]] = []
    characters = zip(levels, _fonts(text, font), text, strict=True)
    for (level, name), run in itertools.groupby(characters, key=lambda found: found[:2]):
        if name is not None:
            shown = "".join(character for _, _, character in run)
            is_turned = level % 2 == 1
            if is_turned and not _is_shaped(name):
                shown = shaping.mirrored(shown)
            runs.append((level, _Run(shown, name, is_rtl=is_turned, is_bold=is_bold)))
    return shaping.in_visual_order(runs)


def _fonts(text: str, font: str) -> Iterator[str | None]:
    """Yield the font of each character. Marks and joiners are drawn with the letter before them, if its font can."""
    last: str | None = None
    for character in text:
        if last is not None and _is_shaped(last) and _goes_with_a_letter(character, last):
            yield last
        else:
            last = _font_for(character, font)
            yield last


@functools.cache
def _goes_with_a_letter(character: str, font: str) -> bool:
    return character in _JOINERS or (
        unicodedata.category(character)[0] == "M" and ord(character) in shaping.covered(_path(font))
    )


@functools.cache
def _font_for(character: str, font: str) -> str | None:
    wanted = font or "Pretendard-Regular.otf"
    if character in _JOINERS:
        return None
    for name in (wanted, _EMOJI, *(path.name for path in themes.script_fonts())):
        if ord(character) in shaping.covered(_path(name)):
            return name
    if character.isspace():
        return wanted
    if not _is_unknown(character):
        return _EMBEDDED
    return next(
        (str(path) for path in themes.system_fonts() if ord(character) in shaping.covered(path)), None
    )


@functools.cache
def _is_drawn(character: str) -> bool:
    return (
        ord(character) not in _SILENT
        and unicodedata.category(character) not in (*_CONTROLS, _PRIVATE)
        and _font_for(character, "") is not None
    )


def _is_letter(character: str) -> bool:
    """Return whether a character would be seen: it is no control, no mark on another one, and no selector."""
    is_noncharacter = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    category = unicodedata.category(character)
    return (
        not is_noncharacter
        and category not in _CONTROLS
        and category[0] != "M"
        and ord(character) not in _SILENT
    )


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
def _is_shaped(font: str) -> bool:
    """Return whether HarfBuzz draws with this font; OpenCV does where letters only stand side by side."""
    return font == _EMOJI or font in {path.name for path in themes.script_fonts()} or Path(font).is_absolute()


@functools.cache
def _path(font: str) -> Path:
    return Path(font) if Path(font).is_absolute() else themes.font_path(font)


@functools.cache
def _face(name: str) -> cv2.FontFace:
    return cv2.FontFace(name if name == _EMBEDDED else str(themes.font_path(name)))


def _glyphs(run: _Run, size: int) -> shaping.Glyphs:
    # Emoji fill their whole square. Beside text they look right a little smaller.
    em = _EM * (round(size * 0.86) if run.font == _EMOJI else size)
    is_bold = run.is_bold and run.font != _EMOJI
    return shaping.glyphs(run.text, _path(run.font), em, is_rtl=run.is_rtl, is_bold=is_bold)


@functools.lru_cache(maxsize=4096)
def _width(run: _Run, size: int) -> int:
    if _is_shaped(run.font):
        return _glyphs(run, size).advance
    # putText returns where text would continue. Only that is the advance; the bounding box leaves out spaces.
    paper = np.zeros((1, (len(run.text) + 2) * size * 2), np.uint8)
    (x, _), _ = cv2.putText(paper, run.text, (0, 0), (255,), _face(run.font), size)
    return int(x)


def _lay(ink: NDArray[np.uint8], mask: NDArray[np.uint8], x: int, y: int) -> None:
    """Lay ink into a mask with its upper left corner at (`x`, `y`); what lies outside is cut off."""
    top, left = max(0, y), max(0, x)
    low, right = min(mask.shape[0], y + ink.shape[0]), min(mask.shape[1], x + ink.shape[1])
    if top < low and left < right:
        place = mask[top:low, left:right]
        np.maximum(place, ink[top - y : low - y, left - x : right - x], out=place)
