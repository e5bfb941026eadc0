"""
What the command line says, in the language of the terminal: sentences of `words/<language>/cli.po`.

Most of it is said at once. What a program may read first, such as a finding of `doctor`, is a `Sentence`: English as
it stands, and any other language where a person reads it. Errors are said by their reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

from memorycapsule.errors import CapsuleError
from memorycapsule.words import error_sentences
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.languages import DEFAULT

if TYPE_CHECKING:
    from memorycapsule.schemas.reasons import Reason

#: Sentences of its own that go before those that all doors share.
_VOICE = "cli_error"


class Sentence(str):
    """
    A sentence of the catalogue in English, that can be said in other languages.

    What its places are filled with may be sentences again, or errors.
    """

    __slots__ = ("key", "values")
    key: str
    values: Mapping[str, object]

    def __new__(cls, key: str, **values: object) -> Self:
        """Make it of its identifier and what its places hold. Raises KeyError for an unknown identifier."""
        sentence = super().__new__(cls, _filled(key, values, words_of(DEFAULT)))
        sentence.key, sentence.values = key, values
        return sentence


def words_of(language: str) -> Wording:
    """Return the sentences of the command line in a language."""
    return wording(language, "cli", error_sentences.AREA)


def spoken(text: str | CapsuleError, words: Wording, *, shown: Callable[[str], str] = str) -> str:
    """
    Return a sentence or an error in a language. A text that is in no catalogue stays as it is.

    An error is said with the command that helps where there is one, and the texts that it holds go through `shown`.
    """
    if isinstance(text, CapsuleError):
        return error_sentences.sentence_of(text, words, voice=_VOICE, shown=shown)
    return _filled(text.key, text.values, words) if isinstance(text, Sentence) else text


def sentence_of(text: str | CapsuleError) -> str:
    """Return a sentence or an error in English, as programs read it."""
    return spoken(text, words_of(DEFAULT))


def is_sayable(error: CapsuleError) -> bool:
    """Tell whether the catalogues know what an error of another program says, and its values fill the sentence."""
    words = words_of(DEFAULT)
    causes = [value for value in error.values.values() if isinstance(value, CapsuleError)]
    if not {f"{_VOICE}_{error.reason}", f"error_{error.reason}"} & words.keys or not all(
        map(is_sayable, causes)
    ):
        return False
    try:
        spoken(error, words)
    except (KeyError, TypeError, ValueError):
        return False
    return True


def told_error(reason: Reason, *, sentence: str) -> CapsuleError:
    """Return what an answer tells by a reason; what no catalogue here knows stays the answer's English `sentence`."""
    other = CapsuleError("other", sentence=sentence)
    try:
        error = reason.error
    except ValueError:
        return other
    return error if is_sayable(error) else other


def _filled(key: str, values: Mapping[str, object], words: Wording) -> str:
    texts = {
        name: spoken(value, words) if isinstance(value, str | CapsuleError) else value
        for name, value in values.items()
    }
    return error_sentences.filled(words, key, texts)
