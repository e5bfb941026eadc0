"""Deliveries: the outbox; and which letters are due."""

import dataclasses
import functools
import itertools
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, ScalarSelect, Update, bindparam, exists, func, update
from sqlalchemy import select as select_columns
from sqlalchemy.orm import aliased
from sqlalchemy.sql import Select
from sqlmodel import and_, col, or_, select

from memorycapsule.domain.deliveries import (
    LONGEST_WAIT,
    URGENT_LETTERS,
    Delivery,
    DeliveryState,
    LetterKind,
)
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.errors import DamagedRow
from memorycapsule.store import leases, waits
from memorycapsule.store.rows import (
    CapsuleRow,
    DeliveryRow,
    EventRow,
    MemberRow,
    MontageRow,
    SessionRow,
)
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

deliveries = Table(Delivery, DeliveryRow)
_NUMBERS_AT_ONCE = 30


def all_deliveries(tx: Transaction) -> list[Delivery]:
    """Return the whole outbox, the oldest first."""
    return deliveries.by(tx, "queued_at", "id")


def outbox(tx: Transaction, only: Collection[str] | None = None) -> list[Delivery]:
    """Return the whole outbox, or `only` the letters with these ids, the oldest first; without what they say."""
    names = [one.name for one in dataclasses.fields(Delivery) if one.name != "letter"]
    statement = select_columns(*(getattr(DeliveryRow, name) for name in names))
    if only is not None:
        statement = statement.where(col(DeliveryRow.id).in_(only))
    rows = tx.session.execute(statement.order_by(col(DeliveryRow.queued_at), col(DeliveryRow.id)))
    return [Delivery(letter="", **row) for row in rows.mappings()]


def in_states(tx: Transaction, states: Collection[DeliveryState]) -> list[Delivery]:
    """Return the letters in one of these states, the oldest first."""
    statement = deliveries.rows().where(col(DeliveryRow.state).in_(states))
    return deliveries.all(tx, statement.order_by(col(DeliveryRow.queued_at), col(DeliveryRow.id)))


def is_newest(tx: Transaction, delivery: Delivery) -> bool:
    """Say whether a letter has not been queued anew under a later number."""
    stem, _colon, number = delivery.dedupe_key.rpartition(":")
    return deliveries.one(tx, dedupe_key=f"{stem}:{int(number) + 1}") is None


def with_dedupe_stem(tx: Transaction, stem: str) -> list[Delivery]:
    """Return the deliveries of one letter, however often it was queued anew: their dedupe keys begin with `stem`."""
    found: list[Delivery] = []
    # They are numbered from 1 on. No database finds all beginnings of a text by an index whatever its collation.
    for first in itertools.count(1, _NUMBERS_AT_ONCE):
        keys = [f"{stem}:{number}" for number in range(first, first + _NUMBERS_AT_ONCE)]
        some = deliveries.all(tx, deliveries.rows().where(col(DeliveryRow.dedupe_key).in_(keys)))
        found += some
        if len(some) < _NUMBERS_AT_ONCE:
            break
    return found


def is_any_due(tx: Transaction, now: datetime) -> bool:
    """Return whether there is a letter to be sent now."""
    return tx.session.exec(select(DeliveryRow.id).where(*_is_due(now)).limit(1)).first() is not None


def due_ids(tx: Transaction, now: datetime) -> list[str]:
    """
    Return the ids of the letters to be sent now: the urgent first, then the longest waiting.

    Letters that a server has not taken before come after those that no server has seen. So a server that refuses one
    of them, and with it seems to refuse us, is asked by another one next time.
    """
    statement = (
        select(DeliveryRow.id)
        .where(*_is_due(now))
        .order_by(
            col(DeliveryRow.kind).not_in(URGENT_LETTERS),
            col(DeliveryRow.answered_at).is_not(None),
            col(DeliveryRow.next_attempt_at),
            col(DeliveryRow.id),
        )
    )
    return list(tx.session.exec(statement))


def count_queued(tx: Transaction) -> int:
    """Return how many letters wait to be sent, due or not."""
    statement = select(func.count()).where(DeliveryRow.state == DeliveryState.QUEUED)
    return int(tx.session.exec(statement).one())


def count_by_state(tx: Transaction) -> dict[DeliveryState, int]:
    """Return how many letters there are in each state."""
    return deliveries.counts(tx, "state")


def oldest_unsent(tx: Transaction) -> datetime | None:
    """Return when the oldest letter was queued that waits or is being sent; None where there is none."""
    is_meant = col(DeliveryRow.state).in_([DeliveryState.QUEUED, DeliveryState.SENDING])
    return tx.session.exec(select(func.min(DeliveryRow.queued_at)).where(is_meant)).one()


def make_due(tx: Transaction, delivery_id: str, now: datetime) -> bool:
    """Let a letter be tried at once, if it is still queued."""
    return bool(
        deliveries.change(
            tx,
            col(DeliveryRow.id) == delivery_id,
            col(DeliveryRow.state) == DeliveryState.QUEUED,
            next_attempt_at=now,
        )
    )


def claim(tx: Transaction, delivery_id: str, lease: str, now: datetime) -> Delivery | None:
    """Claim a queued letter for one run of the program; return None if it is not queued, or not due, any more."""
    of_letter = deliveries.taking(
        col(DeliveryRow.id) == delivery_id,
        *_is_due(now),
        **leases.taken(tx, lease),
        state=DeliveryState.SENDING,
        attempt=col(DeliveryRow.attempt) + 1,
    )
    return deliveries.take(tx, of_letter)


def claim_next(tx: Transaction, lease: str, now: datetime) -> Delivery | None:
    """
    Claim the letter that is the first of those to be sent now, in the order of `due_ids`; None if there is none.

    What others claim at this moment is passed over. Each group is asked for its first letter by an index of its own,
    so that a thousand letters that wait cost as much as one.
    """
    statement = _claim_of_next(has_server=leases.has_server(tx))
    return deliveries.take(tx, statement, **leases.bound(tx, lease), **waits.bound(now, longest=LONGEST_WAIT))


def reject_unreadable_next(tx: Transaction, why: KeptReason, now: datetime) -> str | None:
    """
    Give up the letter that is the first of those to be sent now if its row cannot be read, and return its id.

    None, and nothing is changed, where it can be, or where there is none.
    """
    statement = select(_next_id())
    found = tx.session.execute(statement, waits.bound(now, longest=LONGEST_WAIT)).scalar()
    if found is None:
        return None
    try:
        deliveries.find(tx, found)
    except DamagedRow:
        ended = {"state": DeliveryState.REJECTED, "lease": None, "finished_at": now, "detail": why}
        deliveries.change(tx, col(DeliveryRow.id) == found, next_attempt_at=now, **ended)
        return str(found)
    return None


def _next_id() -> ColumnElement[str]:
    urgent, unseen = col(DeliveryRow.kind).in_(URGENT_LETTERS), col(DeliveryRow.answered_at).is_(None)
    return func.coalesce(_first_due(urgent, order=[~unseen]), _first_due(unseen), _first_due())


@functools.cache
def _claim_of_next(*, has_server: bool) -> Update:
    return deliveries.taking(
        deliveries.plain_key == _next_id(),
        state=DeliveryState.SENDING,
        **leases.taken_at_bound(has_server=has_server),
        attempt=col(DeliveryRow.attempt) + 1,
    )


def _first_due(*which: ColumnElement[bool], order: Sequence[ColumnElement[bool]] = ()) -> ScalarSelect[str]:
    """Return the first letter to be sent now for which `which` hold: in `order`, then the longest waiting."""
    return (
        select(DeliveryRow.id)
        .where(
            col(DeliveryRow.state) == DeliveryState.QUEUED,
            waits.is_over_at_bound(col(DeliveryRow.next_attempt_at)),
            *which,
        )
        .order_by(*order, col(DeliveryRow.next_attempt_at), col(DeliveryRow.id))
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(DeliveryRow.state) == DeliveryState.QUEUED,
        waits.is_over(col(DeliveryRow.next_attempt_at), now, longest=LONGEST_WAIT),
    )


def change_attempt(tx: Transaction, delivery_id: str, attempt: int, /, **fields: Any) -> bool:
    """Change a letter if this attempt still holds it."""
    bound = {f"new_{name}": value for name, value in fields.items()}
    done = tx.session.execute(
        _change_of_attempt(tuple(fields)), {"its_id": delivery_id, "its_attempt": attempt, **bound}
    )
    return bool(cast("Any", done).rowcount)


@functools.cache
def _change_of_attempt(names: tuple[str, ...]) -> Update:
    table: Any = getattr(DeliveryRow, "__table__")  # noqa: B009 - its type does not say that it has one
    is_held = (
        table.c.id == bindparam("its_id"),
        table.c.attempt == bindparam("its_attempt"),
        table.c.state == DeliveryState.SENDING,
    )
    return update(table).where(*is_held).values({name: bindparam(f"new_{name}") for name in names})


def newest_ended(tx: Transaction, count: int) -> list[Delivery]:
    """Return the letters that were sent, rejected or became unknown last, the last first, at most `count`."""
    ended: list[tuple[int | None, str | None]] = []
    for state in (DeliveryState.SENT, DeliveryState.REJECTED, DeliveryState.UNKNOWN):
        of_kind = (
            select(EventRow.id, EventRow.subject_id)
            .where(EventRow.kind == f"letter.{state}")
            .order_by(col(EventRow.id).desc())
            .limit(count)
        )
        ended += tx.session.exec(of_kind).all()
    newest = sorted(ended, key=lambda one: one[0] or 0, reverse=True)[:count]
    found = [deliveries.find(tx, str(subject)) for _, subject in newest]
    return [one for one in found if one is not None]


def is_one_sent_after(tx: Transaction, instant: datetime) -> bool:
    """Return whether a server took any letter later than at `instant`."""
    statement = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.state == DeliveryState.SENT,
            # Nothing is tried after it was sent, so both say the same; an index knows this one.
            col(DeliveryRow.next_attempt_at) > instant,
            col(DeliveryRow.finished_at) > instant,
        )
        .limit(1)
    )
    return tx.session.exec(statement).first() is not None


def newest_put_off(tx: Transaction, before: datetime, count: int) -> list[Delivery]:
    """Return the waiting letters that a server first did not take at `before` or earlier, the last first."""
    statement = (
        deliveries.rows()
        .where(col(DeliveryRow.state) == DeliveryState.QUEUED, col(DeliveryRow.answered_at) <= before)
        .order_by(col(DeliveryRow.answered_at).desc())
        .limit(count)
    )
    return deliveries.all(tx, statement)


def take_back_rejection(tx: Transaction, delivery_id: str, now: datetime) -> bool:
    """Queue a rejected letter once more; return False if it is not rejected any more."""
    return bool(
        deliveries.change(
            tx,
            col(DeliveryRow.id) == delivery_id,
            col(DeliveryRow.state) == DeliveryState.REJECTED,
            state=DeliveryState.QUEUED,
            data_started_at=None,
            next_attempt_at=now,
            answered_at=func.coalesce(col(DeliveryRow.answered_at), col(DeliveryRow.finished_at)),
            finished_at=None,
        )
    )


def unknown_of_absent_members(tx: Transaction, ended_before: datetime) -> list[Delivery]:
    """
    Return the opened letters that may not have arrived, to members who have not come since, the oldest first.

    They ended before `ended_before`. Left out are those of which another was queued since, whatever became of it.
    """
    return deliveries.all(tx, _unknown_of_absent_members(), ended_before=ended_before)


@functools.cache
def _unknown_of_absent_members() -> Select[Any]:
    """Return the statement, put together once: it is asked each minute."""
    later = aliased(DeliveryRow)
    others = (
        select(later.id)
        .where(
            col(later.member_id) == col(DeliveryRow.member_id),
            col(later.id) != col(DeliveryRow.id),
            or_(
                later.kind == LetterKind.OPENED_AGAIN,
                and_(later.kind == LetterKind.OPENED, later.queued_at >= DeliveryRow.queued_at),
            ),
        )
        .exists()
    )
    visits = (
        select(SessionRow.id)
        .join(MemberRow, col(MemberRow.account_id) == col(SessionRow.account_id))
        .where(
            MemberRow.id == DeliveryRow.member_id,
            or_(col(SessionRow.capsule_id).is_(None), SessionRow.capsule_id == DeliveryRow.capsule_id),
            or_(
                SessionRow.created_at >= DeliveryRow.queued_at,
                col(SessionRow.seen_at) >= DeliveryRow.queued_at,
            ),
        )
        .exists()
    )
    statement = deliveries.rows().where(
        col(DeliveryRow.kind) == LetterKind.OPENED,
        col(DeliveryRow.state) == DeliveryState.UNKNOWN,
        col(DeliveryRow.finished_at) <= bindparam("ended_before"),
        ~others,
        ~visits,
    )
    return statement.order_by(col(DeliveryRow.queued_at), col(DeliveryRow.id))


def abandoned(tx: Transaction, lease: str | None, *, only: str | None = None) -> list[Delivery]:
    """
    Return the letters that are claimed and that nobody sends, as `leases.is_void` says it.

    With `only`, that one alone, kept from others while this transaction writes; [] when it is none of them.
    """
    is_claimed = col(DeliveryRow.state) == DeliveryState.SENDING
    return leases.abandoned(tx, deliveries, DeliveryRow, is_claimed, lease, only=only)


def forget_answer(tx: Transaction, delivery_id: str) -> None:
    """Forget what the last server has answered to a letter that is claimed."""
    is_claimed = col(DeliveryRow.state) == DeliveryState.SENDING
    deliveries.change(tx, col(DeliveryRow.id) == delivery_id, is_claimed, detail=None)


def abandoned_ids(tx: Transaction, lease: str | None) -> list[str]:
    """Return the ids of the letters that `abandoned` would return, whatever else their rows hold."""
    statement = select(DeliveryRow.id).where(
        col(DeliveryRow.state) == DeliveryState.SENDING, leases.is_void(tx, DeliveryRow, lease)
    )
    return list(tx.session.exec(statement))


def suppress(tx: Transaction, now: datetime, **equal: Any) -> None:
    """Suppress the queued letters whose fields equal `equal`."""
    deliveries.change(
        tx,
        *(col(getattr(DeliveryRow, name)) == wanted for name, wanted in equal.items()),
        col(DeliveryRow.state) == DeliveryState.QUEUED,
        state=DeliveryState.SUPPRESSED,
        finished_at=now,
    )


def of_member(tx: Transaction, member_id: str, kind: LetterKind) -> list[Delivery]:
    """Return the letters of one kind to a member, the oldest first."""
    return deliveries.by(tx, "queued_at", "id", member_id=member_id, kind=kind)


def of_invitation(tx: Transaction, invitation_id: str) -> list[Delivery]:
    """Return the letters of an invitation, the oldest first."""
    return deliveries.by(tx, "queued_at", "id", invitation_id=invitation_id)


def capsules_without_opened_letters(tx: Transaction, opened_before: datetime) -> list[str]:
    """
    Return the open capsules whose members have no opened letter queued although it is time.

    It is time when the film made at opening is over, or the capsule was opened before `opened_before`.
    """
    over = [state for state in MontageState if state.is_over]
    finished = exists().where(
        col(MontageRow.capsule_id) == col(CapsuleRow.id),
        col(MontageRow.is_opening),
        col(MontageRow.state).in_(over),
    )
    statement = (
        select(CapsuleRow.id)
        .where(
            col(CapsuleRow.opened_at).is_not(None),
            col(CapsuleRow.letters_queued_at).is_(None),
            or_(finished, col(CapsuleRow.opened_at) <= opened_before),
        )
        .order_by(col(CapsuleRow.opened_at))
    )
    return list(tx.session.exec(statement))
