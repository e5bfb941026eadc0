"""Uploads and the parts that have arrived."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, not_, or_
from sqlmodel import col, select

from memorycapsule.domain.uploads import Upload, UploadPart
from memorycapsule.store import leases
from memorycapsule.store.rows import BlobRow, MediumRow, StoryRow, UploadPartRow, UploadRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

uploads = Table(Upload, UploadRow)
parts = Table(UploadPart, UploadPartRow)
#: What is true of files of which something is still missing.
_ARRIVING = (
    col(UploadRow.received) < col(UploadRow.length),
    col(UploadRow.medium_id).is_(None),
    col(UploadRow.refusal).is_(None),
)


def parts_of(tx: Transaction, upload_id: str) -> list[UploadPart]:
    """Return the parts of an upload in order."""
    return parts.by(tx, "start", upload_id=upload_id)


def ids_with_parts(tx: Transaction, story_id: str) -> set[str]:
    """Return the ids of those uploads to a story of which parts are kept."""
    statement = (
        select(UploadPartRow.upload_id)
        .join(UploadRow, col(UploadRow.id) == col(UploadPartRow.upload_id))
        .where(col(UploadRow.story_id) == story_id)
        .distinct()
    )
    return set(tx.session.exec(statement))


def of_story(tx: Transaction, story_id: str) -> list[Upload]:
    """Return what was and is being sent to a story, the oldest first."""
    return uploads.by(tx, "created_at", story_id=story_id)


def unfinished_ids(tx: Transaction) -> list[str]:
    """Return the ids of uploads that have arrived whole and are neither a medium nor refused, the oldest first."""
    statement = select(UploadRow.id).where(_is_unfinished()).order_by(col(UploadRow.changed_at))
    return list(tx.session.exec(statement))


def claim(tx: Transaction, upload_id: str, lease: str) -> bool:
    """Claim an upload that has arrived whole for one run; return False when another makes a medium of it."""
    is_free = or_(col(UploadRow.lease).is_(None), leases.is_void(tx, UploadRow, lease))
    is_whole = (col(UploadRow.id) == upload_id, _is_unfinished())
    return bool(uploads.change(tx, *is_whole, is_free, **leases.taken(tx, lease)))


def release(tx: Transaction, upload_id: str, lease: str) -> None:
    """Let others claim an upload that a run has claimed, if it has not lost it."""
    uploads.change(
        tx, col(UploadRow.id) == upload_id, col(UploadRow.lease) == lease, lease=None, leased_until=None
    )


def untouched_ids(tx: Transaction, instant: datetime) -> list[str]:
    """
    Return the ids of uploads that nothing has happened to since `instant`.

    Those that are whole and wait to become a medium are none of them: their senders think that they are in.
    """
    statement = select(UploadRow.id).where(col(UploadRow.changed_at) < instant, not_(_is_unfinished()))
    return list(tx.session.exec(statement))


def _is_unfinished() -> ColumnElement[bool]:
    return and_(
        col(UploadRow.received) == col(UploadRow.length),
        col(UploadRow.medium_id).is_(None),
        col(UploadRow.refusal).is_(None),
        col(UploadRow.id).in_(select(UploadPartRow.upload_id)),
    )


def announced_by(tx: Transaction, member_id: str) -> int:
    """Return how many files a member has announced that are not there yet."""
    statement = (
        select(func.count())
        .select_from(UploadRow)
        .join(StoryRow, col(StoryRow.id) == col(UploadRow.story_id))
        .where(col(StoryRow.member_id) == member_id, *_ARRIVING)
    )
    return int(tx.session.exec(statement).one())


def bytes_to_come(tx: Transaction) -> int:
    """Return how many bytes of all announced files are not there yet."""
    missing = func.sum(col(UploadRow.length) - col(UploadRow.received))
    return int(tx.session.exec(select(func.coalesce(missing, 0)).where(*_ARRIVING)).one())


def bytes_of_member(tx: Transaction, member_id: str) -> int:
    """Return how many bytes a member has put into a capsule, counting what is still on its way."""
    kept = (
        select(func.coalesce(func.sum(BlobRow.bytes), 0))
        .join(MediumRow, col(MediumRow.original_blob) == col(BlobRow.id))
        .join(StoryRow, col(StoryRow.id) == col(MediumRow.story_id))
        .where(col(StoryRow.member_id) == member_id)
    )
    coming = (
        select(func.coalesce(func.sum(UploadRow.length), 0))
        .join(StoryRow, col(StoryRow.id) == col(UploadRow.story_id))
        .where(
            col(StoryRow.member_id) == member_id,
            col(UploadRow.medium_id).is_(None),
            col(UploadRow.refusal).is_(None),
            # Neither is true of a file whose medium has been removed since.
            or_(
                col(UploadRow.received) < col(UploadRow.length),
                col(UploadRow.id).in_(select(UploadPartRow.upload_id)),
            ),
        )
    )
    return int(tx.session.exec(kept).one()) + int(tx.session.exec(coming).one())


def remove_parts(tx: Transaction, upload_id: str) -> list[str]:
    """Remove the parts of an upload and return the ids of their blobs."""
    blob_ids = [part.blob_id for part in parts_of(tx, upload_id)]
    parts.remove(tx, col(UploadPartRow.upload_id) == upload_id)
    return blob_ids


def remove(tx: Transaction, upload_id: str) -> list[str]:
    """Remove an upload with its parts and return the ids of their blobs."""
    blob_ids = remove_parts(tx, upload_id)
    uploads.remove(tx, col(UploadRow.id) == upload_id)
    return blob_ids


def forget_medium(tx: Transaction, medium_id: str) -> None:
    """Let an upload forget the medium that it became, which is about to be removed."""
    uploads.change(tx, col(UploadRow.medium_id) == medium_id, medium_id=None)
