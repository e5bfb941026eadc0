"""Notices: what people were told of, and the rows that say what is wrong."""

import functools
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy.orm import aliased
from sqlalchemy.sql import Select
from sqlmodel import and_, col, not_, or_, select

from memorycapsule.domain.capsules import CapsuleState, Role
from memorycapsule.domain.deliveries import (
    LETTERS_BEFORE_OPENING,
    URGENT_LETTERS,
    Delivery,
    DeliveryState,
    LetterKind,
)
from memorycapsule.domain.film.montages import LASTING_INTERRUPTIONS, Montage, MontageState
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.domain.notices import Notice, ToldNotice
from memorycapsule.store.deliveries import deliveries
from memorycapsule.store.montages import montages
from memorycapsule.store.rows import (
    AccountRow,
    CapsuleRow,
    DeliveryRow,
    InvitationRow,
    MediumRow,
    MemberRow,
    ToldNoticeRow,
)
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

told_notices = Table(ToldNotice, ToldNoticeRow)

#: Letters that nobody misses: codes expire within minutes, and whoever does not get this one reads it on the pages.
_NOT_MISSED = (*URGENT_LETTERS, LetterKind.NOTICE)
#: Letters that say nothing any more once their capsule is open.
_OVER_ONCE_OPEN = (LetterKind.INVITATION, *LETTERS_BEFORE_OPENING)


def told_by_account(tx: Transaction) -> dict[str, list[ToldNotice]]:
    """Return what each account was told of."""
    found: dict[str, list[ToldNotice]] = defaultdict(list)
    for one in told_notices.by(tx):
        found[one.account_id].append(one)
    return dict(found)


def keep_told(tx: Transaction, account_id: str, notices: Iterable[Notice], now: datetime) -> None:
    """Keep that an account is told of notices now, whatever it was told of them before."""
    for notice in notices:
        one = ToldNotice(
            id=str(uuid.uuid4()),
            account_id=account_id,
            kind=notice.kind,
            capsule_id=notice.capsule_id or "",
            count=notice.count,
            told_at=now,
        )
        if not told_notices.add_once(tx, one):
            told_notices.change(
                tx,
                col(ToldNoticeRow.account_id) == account_id,
                col(ToldNoticeRow.kind) == one.kind,
                col(ToldNoticeRow.capsule_id) == one.capsule_id,
                count=one.count,
                told_at=now,
            )


def forget_told(tx: Transaction, told: Iterable[ToldNotice]) -> None:
    """Forget what somebody was told of, so that it is news when it comes back."""
    told_notices.remove(tx, col(ToldNoticeRow.id).in_([one.id for one in told]))


def owner_of(tx: Transaction, capsule_id: str) -> str | None:
    """Return the account of a capsule's owner; None where there is none any more."""
    statement = (
        select(MemberRow.account_id)
        .join(AccountRow, col(AccountRow.id) == col(MemberRow.account_id))
        .where(
            MemberRow.capsule_id == capsule_id,
            MemberRow.role == Role.OWNER,
            col(MemberRow.left_at).is_(None),
            col(AccountRow.deleted_at).is_(None),
        )
    )
    return tx.session.exec(statement).first()


def missed_letters(tx: Transaction) -> list[Delivery]:
    """
    Return the letters that were rejected or may not have arrived and that somebody still needs, the oldest first.

    Those are left out that a newer one of the same kind stands in for, and those whose recipient has answered, has
    come by another way, or has left.
    """
    return deliveries.all(tx, _missed_letters())


@functools.cache
def _missed_letters() -> Select[Any]:
    """Return the statement, put together once: it is asked each minute."""
    later = aliased(DeliveryRow)
    is_stood_in_for = exists().where(
        col(later.capsule_id) == col(DeliveryRow.capsule_id),
        or_(
            col(later.kind) == col(DeliveryRow.kind),
            and_(col(DeliveryRow.kind) == LetterKind.OPENED, col(later.kind) == LetterKind.OPENED_AGAIN),
        ),
        col(later.member_id).is_not_distinct_from(col(DeliveryRow.member_id)),
        col(later.invitation_id).is_not_distinct_from(col(DeliveryRow.invitation_id)),
        or_(
            col(later.queued_at) > col(DeliveryRow.queued_at),
            # Queued anew within the same second.
            and_(
                col(later.queued_at) == col(DeliveryRow.queued_at),
                col(later.state).not_in([DeliveryState.REJECTED, DeliveryState.UNKNOWN]),
            ),
        ),
    )
    return (
        deliveries.rows()
        .outerjoin(MemberRow, col(MemberRow.id) == col(DeliveryRow.member_id))
        .outerjoin(InvitationRow, col(InvitationRow.id) == col(DeliveryRow.invitation_id))
        .join(CapsuleRow, col(CapsuleRow.id) == col(DeliveryRow.capsule_id))
        .where(
            col(DeliveryRow.state).in_([DeliveryState.REJECTED, DeliveryState.UNKNOWN]),
            col(DeliveryRow.kind).not_in(_NOT_MISSED),
            col(DeliveryRow.address) != "",
            not_(is_stood_in_for),
            or_(
                col(DeliveryRow.member_id).is_(None),
                and_(col(MemberRow.left_at).is_(None), col(MemberRow.unsealed_at).is_(None)),
            ),
            or_(
                col(DeliveryRow.invitation_id).is_(None),
                col(InvitationRow.state) == InvitationState.INVITED,
            ),
            or_(
                col(DeliveryRow.kind).not_in(_OVER_ONCE_OPEN),
                col(CapsuleRow.state) == CapsuleState.SEALED,
            ),
        )
        .order_by(col(DeliveryRow.queued_at), col(DeliveryRow.id))
    )


def failed_opening_films(tx: Transaction) -> list[Montage]:
    """Return the montages of openings that failed."""
    return montages.by(tx, "queued_at", is_opening=True, state=MontageState.FAILED)


def cut_off_opening_films(tx: Transaction) -> list[Montage]:
    """Return the montages of openings that wait, and were cut off from outside again and again."""
    waiting = montages.by(tx, "queued_at", is_opening=True, state=MontageState.QUEUED)
    return [one for one in waiting if one.interruptions >= LASTING_INTERRUPTIONS]


def first_medium_at(tx: Transaction) -> datetime | None:
    """Return when the first photo, clip or voice note came in; None while there is none."""
    return tx.session.exec(select(func.min(MediumRow.created_at))).one()
