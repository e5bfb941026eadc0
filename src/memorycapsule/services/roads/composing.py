"""What a notification says when it leaves: sentences without anything of people but a capsule's title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memorycapsule.domain.people import Account, printable
from memorycapsule.domain.roads.notifications import Notification
from memorycapsule.notify.messages import Message
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store.transactions import Transaction
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.error_sentences import filled
from memorycapsule.words.languages import DEFAULT

_LONGEST_TITLE = 80
#: So many capsules stand in a sentence.
_MOST_NAMES = 5


@dataclass(frozen=True, kw_only=True)
class Teller:
    """Who speaks, and how much may be said."""

    #: What the instance is called.
    heading: str
    #: Whether titles of capsules are told.
    with_titles: bool


def compose(tx: Transaction, teller: Teller, batch: Sequence[Notification]) -> Message:
    """
    Return what a batch says, in the language of the admin: several of one capsule, one by itself, or several capsules
    of which the same is to be told.

    The title of a capsule is told where the admin is in it; of another one they know the id alone.
    """
    first = batch[0]
    admin = account_store.admin(tx)
    words = wording(admin.locale if admin else DEFAULT)
    if first.kind.is_gathered and len(batch) > 1:
        return _gathered(tx, teller, batch, admin, words)
    title = _title(tx, teller, first, admin)
    count = len(batch) if first.kind.is_counted else first.count
    return Message(
        id=first.message_id or first.id,
        type=first.type,
        happened_at=first.happened_at,
        capsule_id=first.capsule_id,
        title=title,
        count=count,
        heading=teller.heading,
        text=_text(words, first, _place(words, first, title), count),
        is_grave=first.notice is not None and first.notice.is_grave,
    )


def _gathered(
    tx: Transaction, teller: Teller, batch: Sequence[Notification], admin: Account | None, words: Wording
) -> Message:
    """Return what is told of several capsules at once, and names the first of them."""
    first = batch[0]
    named = [
        words("notification_of_capsule", title=title) if title is not None else str(one.capsule_id)
        for one in batch[:_MOST_NAMES]
        for title in [_title(tx, teller, one, admin)]
    ]
    places = ", ".join([*named, "…"] if len(batch) > _MOST_NAMES else named)
    return Message(
        id=first.message_id or first.id,
        type=first.type,
        happened_at=first.happened_at,
        capsule_id=None,
        title=None,
        count=len(batch),
        heading=teller.heading,
        text=words(f"notification_{first.kind}_several", count=len(batch), places=places),
        is_grave=False,
    )


def _title(tx: Transaction, teller: Teller, told: Notification, admin: Account | None) -> str | None:
    if not (teller.with_titles and admin and told.capsule_id):
        return None
    is_in = capsule_store.members.one(tx, capsule_id=told.capsule_id, account_id=admin.id, left_at=None)
    return printable(capsule_store.capsules.get(tx, told.capsule_id).title, _LONGEST_TITLE) if is_in else None


def _place(words: Wording, told: Notification, title: str | None) -> str:
    if title is not None:
        return words("notification_of_capsule", title=title)
    return words("notification_of_id", id=told.capsule_id) if told.capsule_id else ""


def _text(words: Wording, told: Notification, place: str, count: int) -> str:
    said = filled(words, f"notification_{told.notice or told.kind}", {"place": place, "count": count})
    # Whoever reads this keeps the machine.
    return f"{said} {words(f'notice_to_do_{told.notice}')}" if told.notice else said
