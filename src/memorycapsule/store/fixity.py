"""When stored bytes were read and compared with their digests, and what was wrong with them."""

from datetime import datetime

from sqlalchemy import ColumnElement, case, func
from sqlmodel import col, select

from memorycapsule.domain.instances import Blob, BlobDamage
from memorycapsule.store.capsules import blobs
from memorycapsule.store.rows import BlobRow
from memorycapsule.store.transactions import Transaction


def read_longest_ago(tx: Transaction, most: int, *, before: datetime, now: datetime) -> list[Blob]:
    """Return up to `most` blobs that were written or read before `before`, those of the longest ago first."""
    checked, written = col(BlobRow.checked_at), col(BlobRow.created_at)
    # Each of them is a stretch of one index, so that as few rows are read as are returned.
    stretches = (
        (checked.is_(None), written < before),
        (checked < before,),
        (checked > now, written < before),
    )
    found = [
        blob
        for stretch in stretches
        for blob in blobs.all(tx, blobs.rows().where(*stretch).order_by(checked, written).limit(most))
    ]

    def last_read(blob: Blob) -> datetime:
        return blob.checked_at if blob.checked_at and blob.checked_at <= now else blob.created_at

    return sorted(found, key=lambda blob: (last_read(blob), blob.id))[:most]


def bytes_read_since(tx: Transaction, since: datetime, now: datetime) -> int:
    """Return the bytes of the blobs that were read since an instant."""
    read = select(func.coalesce(func.sum(BlobRow.bytes), 0)).where(
        col(BlobRow.checked_at) > since, col(BlobRow.checked_at) <= now
    )
    return int(tx.session.exec(read).one())


def oldest_look(tx: Transaction, now: datetime) -> datetime | None:
    """Return when the blob was written or read that was read longest ago; None where there is no blob."""
    return tx.session.exec(select(func.min(_last_read(now)))).one()


def note(tx: Transaction, blob: Blob, damage: BlobDamage | None, now: datetime) -> bool:
    """Note what was found of the stored bytes; say whether the row is still about the same bytes."""
    is_same = col(BlobRow.stored_digest) == blob.stored_digest
    return bool(blobs.change(tx, col(BlobRow.id) == blob.id, is_same, checked_at=now, damage=damage))


def damaged(tx: Transaction) -> list[Blob]:
    """Return the blobs that were found damaged, by their ids."""
    statement = blobs.rows().where(col(BlobRow.damage).is_not(None)).order_by(col(BlobRow.id))
    return blobs.all(tx, statement)


def count_damaged(tx: Transaction) -> dict[str, int]:
    """Return how many blobs of each capsule were found damaged, by its id; only where there are any."""
    statement = (
        select(BlobRow.capsule_id, func.count())
        .where(col(BlobRow.damage).is_not(None))
        .group_by(col(BlobRow.capsule_id))
    )
    return dict(tx.session.exec(statement).all())


def count_by_damage(tx: Transaction) -> dict[BlobDamage, int]:
    """Return how many blobs were found damaged in each way."""
    return blobs.counts(tx, "damage", col(BlobRow.damage).is_not(None))


def _last_read(now: datetime) -> ColumnElement[datetime]:
    # What a wrong clock has dated into the future counts as never read.
    return case((col(BlobRow.checked_at) <= now, col(BlobRow.checked_at)), else_=col(BlobRow.created_at))
