"""What a letter says of one thing that is wrong."""

from __future__ import annotations

import functools
from typing import Any

from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.mail.typed_text import LONGEST_MESSAGE, LONGEST_TITLE, one_line
from memorycapsule.words.catalogues import wording
from memorycapsule.words.notices import NoticeTexts, notice_texts

#: Sentences of letters that go before those that all doors share.
_VOICE = "letter_error"


def texts_of_notice(notice: dict[str, Any], *, is_admin: bool, language: str) -> NoticeTexts:
    """
    Return a notice in one language.

    `notice` is JSON: {"kind": NoticeKind, "place": title or id of a capsule, or null, "says": a reason with values}.
    """
    return notice_texts(
        NoticeKind(notice["kind"]),
        one_line(notice["place"] or "", LONGEST_TITLE),
        KeptReason(**notice["says"]).error,
        wording(language),
        voice=_VOICE,
        is_admin=is_admin,
        shown=functools.partial(one_line, limit=LONGEST_MESSAGE),
    )
