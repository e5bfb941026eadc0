"""What pages say of errors, in the language of their reader."""

from __future__ import annotations

from memorycapsule.errors import CapsuleError
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.error_sentences import sentence_of

#: Sentences of the pages' own that go before those that all doors share.
_VOICE = "page_error"


def error_text(error: CapsuleError, words: Wording) -> str:
    """Return the sentence of an error as pages say it."""
    return sentence_of(error, words, voice=_VOICE)
