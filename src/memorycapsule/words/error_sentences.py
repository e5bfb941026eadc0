"""
What a person reads of an error: a sentence of `errors.po`, in their language.

An error says what happened by its reason and its values, and a door adds the language. Where a door has something
to add, such as the command that helps, its own catalogue has a sentence of the same name under its own voice:
`cli_error_capsule_unknown` goes before `error_capsule_unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from memorycapsule.errors import CapsuleError
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.dates import date_in_words
from memorycapsule.words.languages import DEFAULT

#: The catalogue that has a sentence for every reason.
AREA = "errors"
#: Nobody finds a sentence among ten thousand letters that somebody has typed.
_LONGEST_VALUE = 300


def sentence_of(
    error: CapsuleError, words: Wording, *, voice: str = "error", shown: Callable[[str], str] = str
) -> str:
    """
    Return what a person reads of an error.

    `words` holds `errors.po`; sentences of `voice` ("cli_error") go before those that all doors share. Whatever
    texts the values hold goes through `shown`.
    """
    keys = (f"{voice}_{error.reason}", f"error_{error.reason}", f"error_{error.code}")
    key = next((key for key in keys if key in words.sentences or key in words.forms), "error_failed")
    values = {name: _said(value, words, voice, shown) for name, value in error.values.items()}
    return filled(words, key, values)


def english_sentence_of(error: CapsuleError) -> str:
    """Return what programs and logs read of an error, and people whose language is not known."""
    return sentence_of(error, wording(DEFAULT, AREA))


def filled(words: Wording, key: str, values: Mapping[str, object]) -> str:
    """Return a sentence with its places filled, in the form that goes with its `count`. Raises KeyError, TypeError."""
    if key not in words.forms:
        return words(key, **values)
    others = dict(values)
    count = others.pop("count")
    if not isinstance(count, int):
        raise TypeError(key)
    return words.counted(key, count, **others)


def _said(value: object, words: Wording, voice: str, shown: Callable[[str], str]) -> object:
    match value:
        case CapsuleError():
            return sentence_of(value, words, voice=voice, shown=shown)
        case Path():
            return shown(str(value))
        case str():
            return shown(value if len(value) <= _LONGEST_VALUE else f"{value[: _LONGEST_VALUE - 1]}…")
        case datetime(tzinfo=ZoneInfo(key=zone)):
            return date_in_words(value.replace(tzinfo=None), zone, words.language)
        case list() | tuple():
            return _Several(str(_said(one, words, voice, shown)) for one in value)
        case _:
            return value


class _Several(tuple[str, ...]):
    """Several things in a sentence, whose place may say what stands between them: `{languages: or }`."""

    __slots__ = ()

    def __format__(self, between: str) -> str:
        return (between or ", ").join(self)
