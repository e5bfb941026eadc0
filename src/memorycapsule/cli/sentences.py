"""
What the command line says, in the language of the terminal: sentences of `words/<language>/cli.po`.

Most of it is said at once. What a program may read first, the message of an error or a finding of `doctor`, is a
`Sentence`: English as it stands, and any other language where a person reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, TypeVar

from memorycapsule.errors import CapsuleError
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.languages import DEFAULT

_AREA = "cli"

_Error = TypeVar("_Error", bound=CapsuleError)


class Sentence(str):
    """
    A sentence of the catalogue in English, that can be said in other languages.

    What its places are filled with may be sentences again.
    """

    __slots__ = ("key", "values")
    key: str
    values: Mapping[str, object]

    def __new__(cls, key: str, **values: object) -> Self:
        """Make it of its identifier and what its places hold. Raises KeyError for an unknown identifier."""
        sentence = super().__new__(cls, _filled(words_of(DEFAULT), key, values))
        sentence.key, sentence.values = key, values
        return sentence


def words_of(language: str) -> Wording:
    """Return the sentences of the command line in a language."""
    return wording(language, _AREA)


def refusal(kind: type[_Error], key: str, **values: object) -> _Error:
    """Return an error with a sentence of the catalogue."""
    return kind(Sentence(key, **values))


def spoken(text: object, words: Wording) -> str:
    """Return a sentence in a language. A text that is in no catalogue stays as it is."""
    if not isinstance(text, Sentence) or words.language == DEFAULT:
        return str(text)
    values = {
        name: spoken(value, words) if isinstance(value, Sentence) else value
        for name, value in text.values.items()
    }
    return _filled(words, text.key, values)


def sentence_of(error: CapsuleError) -> str:
    """
    Return the message of an error, which is a sentence of the catalogue where one is known.

    That is so for sentences of the catalogue, and for what a class of errors says by itself.
    """
    message: str = error.args[0]
    key = error_key(type(error))
    if message == error.default_message() and key in words_of(DEFAULT).sentences:
        return Sentence(key)
    return message


def message_of(error: CapsuleError, words: Wording) -> str:
    """Return the message of an error in a language; in English where no catalogue has it."""
    return spoken(sentence_of(error), words)


def error_key(kind: type[CapsuleError]) -> str:
    """Return the identifier of what a class of errors says by itself, as 'cli_error_disk_full'."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
    return f"cli_error{name}"


def _filled(words: Wording, key: str, values: Mapping[str, object]) -> str:
    if key not in words.forms:
        return words(key, **values)
    others = dict(values)
    count = others.pop("count")
    assert isinstance(count, int)
    return words.counted(key, count, **others)
