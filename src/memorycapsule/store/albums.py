"""Albums: how the stories and photos of open capsules are arranged, so that a page reads what it shows and no more."""

from sqlalchemy import delete
from sqlmodel import col, select

from memorycapsule.store.rows import AlbumRow
from memorycapsule.store.transactions import Transaction


def find(tx: Transaction, capsule_id: str) -> bytes | None:
    """Return how a capsule is arranged, None when nobody has kept that yet."""
    return tx.session.exec(select(AlbumRow.arranged).where(AlbumRow.capsule_id == capsule_id)).first()


def keep(tx: Transaction, capsule_id: str, arranged: bytes) -> None:
    """Write down how a capsule is arranged, in the place of what was written before."""
    forget(tx, capsule_id)
    tx.session.add(AlbumRow(capsule_id=capsule_id, arranged=arranged))
    tx.session.flush()


def forget(tx: Transaction, capsule_id: str) -> None:
    """Remove the album of a capsule: something of it has changed."""
    tx.session.execute(delete(AlbumRow).where(col(AlbumRow.capsule_id) == capsule_id))
