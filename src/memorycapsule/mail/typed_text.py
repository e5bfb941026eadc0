"""Typed text fitted into letters: one printable line, shortened with grace."""

from __future__ import annotations

import unicodedata

from memorycapsule.domain.people import printable

#: How much of a typed text a letter shows, in characters; a letter stays small whatever was typed.
LONGEST_NAME, LONGEST_TITLE, LONGEST_MESSAGE = 60, 80, 600
#: Subjects stay under 40 characters where phones cut them off ...
LONGEST_SUBJECT = 39
#: ... but enough of the title is kept to recognise it.
SHORTEST_TITLE = 12


def one_line(text: str, limit: int) -> str:
    """One printable line of at most `limit` characters: what keeps typed text from breaking a header."""
    return shorten(printable(text, len(text) + 1), limit)


def several_lines(text: str, limit: int) -> tuple[str, ...]:
    """The lines of a longer text, each printable, `limit` characters in all."""
    lines = shorten(text.strip(), limit).splitlines()
    return tuple(printable(line, limit) for line in lines)


def shorten(text: str, limit: int) -> str:
    """
    At most `limit` characters (2 or more), cut between words where that keeps half of it, ending in an
    ellipsis; never between a letter and its combining marks, nor inside a joined emoji.
    """
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 1 and (_joins_on(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    kept = text[:end]
    last_space = kept.rfind(" ")
    if last_space >= limit // 2 and not text[end].isspace():
        kept = kept[:last_space]
    return kept.rstrip(" ,.;:-\u2013\u2014\u00b7") + "\u2026"


def title_for_subject(title: str, rest: int) -> str:
    """The title as far as a subject with `rest` other characters has room for it."""
    return shorten(title, max(LONGEST_SUBJECT - rest, SHORTEST_TITLE))


def _joins_on(character: str) -> bool:
    return unicodedata.category(character) in {"Mn", "Me", "Cf"}
