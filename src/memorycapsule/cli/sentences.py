"""
What the command line says, in the language of the terminal: sentences of `words/<language>/cli.po`.

Most of it is said at once. What a program may read first, the message of an error or a finding of `doctor`, is a
`Sentence`: English as it stands, and any other language where a person reads it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Self, TypeVar

from memorycapsule.errors import CapsuleError
from memorycapsule.words import error_sentences
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.languages import DEFAULT

#: Sentences of its own that go before those that all doors share.
_VOICE = "cli_error"

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
        sentence = super().__new__(cls, error_sentences.filled(words_of(DEFAULT), key, values))
        sentence.key, sentence.values = key, values
        return sentence


def words_of(language: str) -> Wording:
    """Return the sentences of the command line in a language."""
    return wording(language, "cli", error_sentences.AREA)


def refusal(kind: type[_Error], key: str, **values: object) -> _Error:
    """Return an error with a sentence of the catalogue."""
    return kind(Sentence(key, **values))


def spoken(text: str, words: Wording) -> str:
    """Return a sentence in a language. A text that is in no catalogue stays as it is."""
    if not isinstance(text, Sentence) or words.language == DEFAULT:
        return str(text)
    return error_sentences.filled(words, text.key, _spoken_values(text.values, words))


def sentence_of(error: CapsuleError) -> str:
    """Return the sentence of an error in English, as programs read it."""
    return message_of(error, words_of(DEFAULT))


def message_of(error: CapsuleError, words: Wording) -> str:
    """Return the sentence of an error in a language, with the command that helps where there is one."""
    if isinstance(error.args[0], Sentence):
        return spoken(error.args[0], words)
    said = copy.copy(error)
    said.values = _spoken_values(error.values, words)
    return error_sentences.sentence_of(said, words, voice=_VOICE)


def _spoken_values(values: Mapping[str, object], words: Wording) -> dict[str, object]:
    return {
        name: spoken(value, words) if isinstance(value, Sentence) else value for name, value in values.items()
    }
