"""What people read of errors."""

from memorycapsule.errors import CapsuleError
from memorycapsule.words.catalogues import wording
from memorycapsule.words.error_sentences import AREA, sentence_of


def sentence(error: CapsuleError, language: str = "en") -> str:
    """Return what a page or the API says of an error."""
    return sentence_of(error, wording(language, AREA))
