"""Telling people what is wrong: who is told of what, and the one letter that holds all of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.notices import LEAST_INTERVAL, Notice, NoticeKind, is_letter_due
from memorycapsule.domain.people import Account
from memorycapsule.domain.reasons import KeptReason, reason_fields
from memorycapsule.domain.waits import is_recent
from memorycapsule.services import letters
from memorycapsule.services.wakes import Wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import notices as notice_store
from memorycapsule.store.transactions import Store, Transaction

#: What the owner of a capsule cannot mend alone: the admin is told of it as well.
_OF_BOTH = {NoticeKind.OPENING, NoticeKind.REHEARSAL, NoticeKind.DAMAGE}


class PlacedNotice(NamedTuple):
    """A notice as somebody in particular reads it."""

    kind: NoticeKind
    #: The title of its capsule for members, its id for the admin who is none; None for the whole instance.
    place: str | None
    says: KeptReason


def notices_for(store: Store, account_id: str, notices: Iterable[Notice]) -> list[PlacedNotice]:
    """Return those of `notices` that somebody is told of: those of own capsules, and as the admin the others."""
    with store.reading() as tx:
        return [_placed(tx, one, account_id) for one in _by_account(tx, notices).get(account_id, [])]


def tell(store: Store, wake: Wake, notices: Sequence[Notice], now: datetime) -> int:
    """
    Queue a letter to each person who has to be told something new, and return how many.

    A letter holds all that its reader is to know at this moment, so the one before it is not sent any more if it
    still waits. What has ended is forgotten a day after it was told; until then it would be no news. An
    instance that is held tells nobody before it is released.
    """
    with store.reading() as tx:
        if instance_store.get(tx).hold:
            return 0
        own = _by_account(tx, [notice for notice in notices if not notice.is_passing])
        told = notice_store.told_by_account(tx)
        is_sending = _is_sending(tx, now)
        due = [
            one for one in own if is_letter_due(own[one], told.get(one, []), is_sending=is_sending, now=now)
        ]
        over = [
            one
            for account_id, before in told.items()
            for one in before
            if not is_recent(one.told_at, now, within=LEAST_INTERVAL)
            and not any(one.is_of(notice) for notice in own.get(account_id, []))
        ]
    if not due and not over:
        return 0
    with store.transaction() as tx:
        notice_store.forget_told(tx, over)
        for account_id in due:
            account = account_store.accounts.get(tx, account_id)
            fields = _fields(tx, account, own[account_id])
            letters.queue_newest(tx, wake, LetterKind.NOTICE, account, fields, now)
            notice_store.keep_told(tx, account_id, own[account_id], now)
    return len(due)


def _is_sending(tx: Transaction, now: datetime) -> bool:
    """Say whether letters leave at this moment: some are due, and nothing keeps them back."""
    instance = instance_store.get(tx)
    return not instance.why_letters_wait(now) and delivery_store.is_any_due(tx, now)


def _by_account(tx: Transaction, notices: Iterable[Notice]) -> dict[str, list[Notice]]:
    admin = account_store.admin(tx)
    found: dict[str, list[Notice]] = defaultdict(list)
    for notice in notices:
        owner = notice_store.owner_of(tx, notice.capsule_id) if notice.capsule_id else None
        readers = {owner} if owner else set()
        if admin and (owner is None or notice.kind in _OF_BOTH):
            readers.add(admin.id)
        for account_id in readers:
            found[account_id].append(notice)
    return dict(found)


def _placed(tx: Transaction, notice: Notice, account_id: str) -> PlacedNotice:
    place = notice.capsule_id
    if place is not None:
        member = capsule_store.members.one(tx, capsule_id=place, account_id=account_id, left_at=None)
        place = capsule_store.capsules.get(tx, place).title if member else place
    return PlacedNotice(kind=notice.kind, place=place, says=notice.says)


def _fields(tx: Transaction, account: Account, notices: Iterable[Notice]) -> dict[str, Any]:
    """Return what the letter says."""
    placed = [_placed(tx, notice, account.id) for notice in notices]
    return {
        "is_admin": account.is_admin,
        "notices": [
            {"kind": one.kind, "place": one.place, "says": reason_fields(one.says.error)} for one in placed
        ],
    }
