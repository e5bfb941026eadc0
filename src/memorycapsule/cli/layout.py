"""Text and tables in so many columns of a terminal: broken between words, and never in one."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TextIO

_GAP = 3
#: In a narrow terminal columns stand closer.
_NARROW_GAP = 2
#: A word, or a command in backticks with what touches it: nobody should copy half a command.
_WORD = re.compile(r"[^\s`]*`[^`]+`[^\s`]*|\S+")
#: What stands before a paragraph: its indent, and the sign of a finding.
_BEGIN = re.compile(r"\s*(?:[✓!✗] )?")


def width_of(text: str) -> int:
    """Return how many columns of a terminal a line takes (UAX #11: wide characters take two, marks none)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def columns_of(stream: TextIO) -> int | None:
    """Return how many columns there are: those of COLUMNS, or of the terminal; None where nobody looks."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError, AttributeError):
        return None


def wrapped(text: str, width: int, *, first: str = "", indent: str | None = None) -> Iterator[str]:
    """
    Break a paragraph into lines of so many columns.

    It begins with `first`; the lines after it with `indent`, which is as wide as `first` unless it is given. A word
    that is wider than a line has one of its own, and a command in backticks is a word.
    """
    indent = " " * width_of(first) if indent is None else indent
    line, is_empty = first, True
    for word in _WORD.findall(text):
        if not is_empty and width_of(line) + 1 + width_of(word) > width:
            yield line
            line, is_empty = indent, True
        line += word if is_empty else f" {word}"
        is_empty = False
    yield line.rstrip()


def fitted(text: str, width: int | None) -> str:
    """Return text whose long lines are broken between words; what was indented, or follows a sign, stays so."""
    if width is None:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        if width_of(line) <= width:
            lines.append(line)
            continue
        begin = _BEGIN.match(line)[0]  # type: ignore[index]  # it matches everything
        indent = " " * width_of(begin) if begin.strip() or not begin else f"{begin}  "
        lines += wrapped(line[len(begin) :], width, first=begin, indent=indent)
    return "\n".join(lines)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """
    Yield the lines of a table.

    Where it is wider than the terminal, cells are broken between words; where even words find no room beside each
    other, every row stands on lines of its own, each cell after its heading.
    """
    cells = [columns, *rows]
    widths = [max(map(width_of, column)) for column in zip(*cells, strict=True)]
    if width is None or sum(widths) + _GAP * (len(widths) - 1) <= width:
        yield from _beside(cells, widths, _GAP)
        return
    least = [max(_widest_word(cell) for cell in column) for column in zip(*cells, strict=True)]
    room = width - _NARROW_GAP * (len(widths) - 1)
    if sum(least) > room:
        yield from _below(columns, rows, width)
        return
    while sum(widths) > room:
        # Whatever has most to give gives first.
        place = max(range(len(widths)), key=lambda one: (widths[one] > least[one], widths[one]))
        widths[place] -= 1
    yield from _beside(cells, widths, _NARROW_GAP)


def _widest_word(cell: str) -> int:
    return max(map(width_of, _WORD.findall(cell)), default=0)


def _beside(rows: Sequence[Sequence[str]], widths: Sequence[int], gap: int) -> Iterator[str]:
    for cells in rows:
        broken = [
            [cell] if width_of(cell) <= width else list(wrapped(cell, width))
            for cell, width in zip(cells, widths, strict=True)
        ]
        for place in range(max(map(len, broken))):
            parts = [lines[place] if place < len(lines) else "" for lines in broken]
            padded = (
                part + " " * (width - width_of(part)) for part, width in zip(parts, widths, strict=True)
            )
            yield (" " * gap).join(padded).rstrip()


def _below(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    heading = max(map(width_of, columns)) + _NARROW_GAP
    for place, cells in enumerate(rows):
        if place:
            yield ""
        for column, cell in zip(columns, cells, strict=True):
            if cell and heading + _widest_word(cell) > width:
                yield column
                yield from wrapped(cell, width)
            elif cell:
                yield from wrapped(cell, width, first=column + " " * (heading - width_of(column)))
