"""Montages; and which of them wait for work."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from memorycapsule.domain.film.montages import LONGEST_RETRY, Montage, MontageState
from memorycapsule.store import leases, waits
from memorycapsule.store.rows import MontageRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

montages = Table(Montage, MontageRow)


def of_capsule(tx: Transaction, capsule_id: str) -> list[Montage]:
    """Return the montages of a capsule, the oldest first."""
    return montages.by(tx, "queued_at", "id", capsule_id=capsule_id)


def of_opening(tx: Transaction, capsule_id: str) -> Montage | None:
    """Return the montage of the opening, None before it."""
    return montages.one(tx, capsule_id=capsule_id, is_opening=True)


def renderable(tx: Transaction, now: datetime) -> list[Montage]:
    """Return the montages that could be rendered now: those of openings first, then the oldest."""
    statement = (
        montages.rows()
        .where(
            col(MontageRow.state) == MontageState.QUEUED,
            waits.is_over(col(MontageRow.not_before), now, longest=LONGEST_RETRY),
        )
        .order_by(col(MontageRow.is_opening).desc(), col(MontageRow.queued_at))
    )
    return montages.all(tx, statement)


def rendering(tx: Transaction) -> list[Montage]:
    """Return the montages that are being rendered."""
    return montages.by(tx, state=MontageState.RENDERING)


def count_by_state(tx: Transaction) -> dict[MontageState, int]:
    """Return how many montages there are in each state."""
    return montages.counts(tx, "state")


def oldest_unfinished(tx: Transaction) -> datetime | None:
    """Return when the oldest montage was queued that waits or is being rendered; None where there is none."""
    is_meant = col(MontageRow.state).in_([MontageState.QUEUED, MontageState.RENDERING])
    return tx.session.exec(select(func.min(MontageRow.queued_at)).where(is_meant)).one()


def claim(tx: Transaction, montage_id: str, lease: str) -> Montage | None:
    """Claim a queued montage for one run, under a new attempt; return None if it is not queued any more."""
    claimed = montages.change(
        tx,
        col(MontageRow.id) == montage_id,
        col(MontageRow.state) == MontageState.QUEUED,
        state=MontageState.RENDERING,
        **leases.taken(tx, lease),
        attempt=col(MontageRow.attempt) + 1,
        progress=0.0,
    )
    return montages.get(tx, montage_id) if claimed else None


def change_attempt(tx: Transaction, montage_id: str, attempt: int, **fields: Any) -> bool:
    """Change a montage if this attempt still holds it; a result of an older attempt changes nothing."""
    return bool(
        montages.change(
            tx,
            col(MontageRow.id) == montage_id,
            col(MontageRow.attempt) == attempt,
            col(MontageRow.state) == MontageState.RENDERING,
            **fields,
        )
    )


def abandoned(tx: Transaction, lease: str | None, *, only: str | None = None) -> list[Montage]:
    """
    Return the montages that are claimed and that nobody renders, as `leases.is_void` says it.

    With `only`, that one alone, kept from others while this transaction writes; [] when it is none of them.
    """
    is_claimed = col(MontageRow.state) == MontageState.RENDERING
    return leases.abandoned(tx, montages, MontageRow, is_claimed, lease, only=only)
