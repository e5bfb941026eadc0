"""Pieces of films that several machines render together; and which of them is the next."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, or_, select

from memorycapsule.domain.film.montages import Montage, MontageState
from memorycapsule.domain.film.pieces import Piece, PieceState
from memorycapsule.store import leases
from memorycapsule.store.cluster_rows import PieceRow
from memorycapsule.store.rows import CapsuleRow, MontageRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

pieces = Table(Piece, PieceRow)
#: What is true of the pieces of films that are being made.
_WANTED = (
    col(MontageRow.state) == MontageState.RENDERING,
    col(MontageRow.attempt) == col(PieceRow.attempt),
)


def forget_earlier(tx: Transaction, montage: Montage) -> None:
    """Forget what earlier attempts at a film have not finished."""
    pieces.remove(
        tx,
        col(PieceRow.montage_id) == montage.id,
        col(PieceRow.attempt) < montage.attempt,
        col(PieceRow.state) != PieceState.DONE,
    )


def claim_next(
    tx: Transaction, lease: str, *, of: Montage | None = None, only_openings: bool
) -> Piece | None:
    """
    Claim the next piece for one run, of any film or of one; return None if there is none.

    Pieces of openings go before all others, and then those of the film that the fewest work on, so that no capsule
    waits for all pieces of another one. What a machine had in hand that is gone is left to the one that makes the film:
    a piece that kills whoever renders it goes no further.
    """
    is_abandoned = leases.is_void(tx, PieceRow, lease) if of else col(PieceRow.lease) == lease
    is_free = or_(
        col(PieceRow.state) == PieceState.QUEUED,
        and_(col(PieceRow.state) == PieceState.RENDERING, is_abandoned),
    )
    other = aliased(PieceRow)
    at_work = (
        select(func.count())
        .where(col(other.montage_id) == col(MontageRow.id), col(other.state) == PieceState.RENDERING)
        .scalar_subquery()
    )
    which: list[ColumnElement[bool]] = [*_WANTED, is_free]
    if of is not None:
        which.append(and_(col(MontageRow.id) == of.id, col(MontageRow.attempt) == of.attempt))
    if only_openings:
        which.append(col(MontageRow.is_opening).is_(True))
    statement = (
        select(PieceRow.id)
        .join(MontageRow, col(MontageRow.id) == col(PieceRow.montage_id))
        .where(*which)
        .order_by(
            col(MontageRow.is_opening).desc(),
            at_work,
            col(MontageRow.queued_at),
            col(PieceRow.number),
        )
        .limit(1)
        .with_for_update(skip_locked=True, of=PieceRow)
    )
    found = tx.session.exec(statement).first()
    if found is None:
        return None
    claimed = pieces.change(
        tx,
        col(PieceRow.id) == found,
        is_free,
        state=PieceState.RENDERING,
        **leases.taken(tx, lease),
    )
    return pieces.get(tx, found) if claimed else None


def is_held(tx: Transaction, piece: Piece) -> bool:
    """Return whether the run that has claimed a piece holds it still, and its film is still being made."""
    statement = (
        select(PieceRow.id)
        .join(MontageRow, col(MontageRow.id) == col(PieceRow.montage_id))
        .where(*_WANTED, *_held(piece))
    )
    return tx.session.exec(statement).first() is not None


def end(tx: Transaction, piece: Piece, state: PieceState, blob_id: str | None = None) -> bool:
    """Note what became of a piece, if the run that has claimed it holds it still."""
    return bool(pieces.change(tx, *_held(piece), state=state, lease=None, leased_until=None, blob_id=blob_id))


def _held(piece: Piece) -> tuple[ColumnElement[bool], ...]:
    return (
        col(PieceRow.id) == piece.id,
        col(PieceRow.state) == PieceState.RENDERING,
        col(PieceRow.lease) == piece.lease,
    )


def states_of(tx: Transaction, montage: Montage) -> list[PieceState]:
    """Return the states of the pieces of the present attempt at a film."""
    return [one.state for one in pieces.by(tx, montage_id=montage.id, attempt=montage.attempt)]


def finished(tx: Transaction, capsule_id: str, names: Collection[str]) -> dict[str, str]:
    """Return where those segments of a capsule's films are that machines have shared: blobs' ids by names."""
    statement = select(PieceRow.name, PieceRow.blob_id).where(
        col(PieceRow.capsule_id) == capsule_id,
        col(PieceRow.state) == PieceState.DONE,
        col(PieceRow.name).in_(names),
    )
    return {name: blob_id for name, blob_id in tx.session.exec(statement) if blob_id is not None}


def names_ahead(tx: Transaction, capsule_id: str) -> set[str]:
    """Return the names of what was rendered ahead for a capsule and is in the shared store."""
    return {one.name for one in pieces.by(tx, capsule_id=capsule_id, montage_id=None)}


def forget_ahead(tx: Transaction, capsule_id: str, *, but: Collection[str] = ()) -> list[str]:
    """Forget what was rendered ahead for a capsule, but for some names, and return the ids of its blobs."""
    is_ahead = (col(PieceRow.capsule_id) == capsule_id, col(PieceRow.montage_id).is_(None))
    return _removed_blobs(tx, *is_ahead, col(PieceRow.name).not_in(but))


def forget_older(tx: Transaction, instant: datetime) -> list[str]:
    """
    Forget the pieces of films that were over before an instant, and what was rendered ahead of capsules that were open
    then; return the ids of their blobs.
    """
    over = select(MontageRow.id).where(col(MontageRow.finished_at) < instant)
    opened = select(CapsuleRow.id).where(col(CapsuleRow.opened_at) < instant)
    is_old = or_(
        col(PieceRow.montage_id).in_(over),
        and_(col(PieceRow.montage_id).is_(None), col(PieceRow.capsule_id).in_(opened)),
    )
    return _removed_blobs(tx, is_old)


def _removed_blobs(tx: Transaction, *which: ColumnElement[bool]) -> list[str]:
    """
    Remove pieces, and return the ids of their blobs.

    It is one statement, since another node may put a newer blob into such a row at this moment.
    """
    removed = delete(PieceRow).where(*which).returning(col(PieceRow.blob_id))
    done = tx.session.execute(removed, execution_options={"synchronize_session": False})
    return [blob_id for blob_id in done.scalars() if blob_id is not None]
