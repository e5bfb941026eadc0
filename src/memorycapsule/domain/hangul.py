"""Hangul in what people wrote: it takes other letters, other spaces and another time to read than Latin."""

from __future__ import annotations

_FIRST, _LAST = "\N{HANGUL SYLLABLE GA}", "\N{HANGUL SYLLABLE HIH}"


def is_hangul(letter: str) -> bool:
    """Return whether a letter is a Hangul syllable."""
    return _FIRST <= letter <= _LAST


def has_hangul(text: str) -> bool:
    """Return whether there is any Hangul syllable in `text`."""
    return any(is_hangul(letter) for letter in text)
