"""What pages say of what is wrong, to those who are told of it."""

from __future__ import annotations

from memorycapsule.app import App
from memorycapsule.domain.people import Account
from memorycapsule.services.notices import telling
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.notices import NoticeTexts, notice_texts
from memorycapsule.work import notices

_VOICE = "page_error"


def notices_for(
    app: App, person: Account, words: Wording, *, capsule_id: str | None = None
) -> list[NoticeTexts]:
    """Return what somebody is told of at this moment; with `capsule_id`, only what is about this capsule."""
    found = [one for one in notices.standing(app) if capsule_id in {None, one.capsule_id}]
    return [
        notice_texts(one.kind, one.place, one.says.error, words, voice=_VOICE, is_admin=person.is_admin)
        for one in telling.notices_for(app.store, person.id, found)
    ]
