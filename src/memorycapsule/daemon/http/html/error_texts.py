"""What pages say of errors, in the language of their reader."""

from __future__ import annotations

from memorycapsule.errors import CapsuleError, Refusal
from memorycapsule.services.album.story_views import StoryView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.error_sentences import sentence_of
from memorycapsule.words.languages import DEFAULT

#: Sentences of the pages' own that go before those that all doors share.
_VOICE = "page_error"
#: What pages say of a file that is refused, in `contributing.po`.
_REFUSAL_VOICE = "refused"


def error_text(error: CapsuleError, words: Wording) -> str:
    """Return the sentence of an error as pages say it."""
    return sentence_of(error, words, voice=_VOICE)


def refusal_text(error: CapsuleError, words: Wording) -> str:
    """Return why a file is refused as pages say it, beside the file's name or its field."""
    text = sentence_of(error, words, voice=_REFUSAL_VOICE)
    if error.reason == Refusal.OTHER and words.language == DEFAULT:
        # What was kept is the only reason that there is, and it is English.
        return f"{text} “{error.values['sentence']}”"
    return text


def story_text(story: StoryView, words: Wording) -> str:
    """Return what is written in a story, or why that cannot be read any more."""
    return error_text(story.damage, words) if story.damage else story.words.text
