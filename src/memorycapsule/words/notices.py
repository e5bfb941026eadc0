"""Notices in words: what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from memorycapsule.domain.notices import NoticeKind
from memorycapsule.errors import CapsuleError
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.error_sentences import sentence_of


class NoticeTexts(NamedTuple):
    """A notice in one language."""

    #: What it is about: a capsule, or the whole instance.
    place: str
    says: str
    #: What its reader can do.
    to_do: str


def notice_texts(
    kind: NoticeKind,
    title: str | None,
    says: CapsuleError,
    words: Wording,
    *,
    voice: str,
    is_admin: bool,
    shown: Callable[[str], str] = str,
) -> NoticeTexts:
    """
    Return a notice as somebody reads it.

    `title` is that of its capsule, None for the whole instance. The admin reads what to type at the machine. `voice`
    and `shown` are those of `sentence_of`.
    """
    return NoticeTexts(
        place=words("notice_of_capsule", title=title) if title else words("notice_of_instance"),
        says=sentence_of(says, words, voice=voice, shown=shown),
        to_do=words(f"notice_to_do_{kind}" if is_admin else f"notice_to_do_{kind}_owner"),
    )
