"""What a letter says of one thing that is wrong."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.mail.typed_text import LONGEST_MESSAGE, LONGEST_TITLE, one_line
from memorycapsule.words.catalogues import wording
from memorycapsule.words.error_sentences import sentence_of


class NoticeTexts(NamedTuple):
    """A notice in words."""

    #: What it is about: a capsule, or the whole instance.
    place: str
    says: str
    #: What its reader can do.
    to_do: str


def notice_texts(notice: dict[str, Any], *, is_admin: bool, language: str) -> NoticeTexts:
    """
    Return a notice in one language.

    `notice` is JSON: {"kind": NoticeKind, "place": title or id of a capsule, or null, "says": a reason with values}.
    """
    words = wording(language)
    title = one_line(notice["place"] or "", LONGEST_TITLE)
    kind = NoticeKind(notice["kind"])
    return NoticeTexts(
        place=words("notice_of_capsule", title=title) if title else words("notice_of_instance"),
        says=sentence_of(
            KeptReason(**notice["says"]).error,
            words,
            voice="letter_error",
            shown=functools.partial(one_line, limit=LONGEST_MESSAGE),
        ),
        to_do=words(f"notice_to_do_{kind}" if is_admin else f"notice_to_do_{kind}_owner"),
    )
