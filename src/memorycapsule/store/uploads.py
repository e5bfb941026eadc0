"""Uploads and the parts that have arrived."""

from sqlmodel import col

from memorycapsule.domain.uploads import Upload, UploadPart
from memorycapsule.store.rows import UploadPartRow, UploadRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

uploads = Table(Upload, UploadRow)
parts = Table(UploadPart, UploadPartRow)


def parts_of(tx: Transaction, upload_id: str) -> list[UploadPart]:
    """Return the parts of an upload in order."""
    return parts.by(tx, col(UploadPartRow.start), upload_id=upload_id)


def remove(tx: Transaction, upload_id: str) -> list[str]:
    """Remove an upload with its parts and return the ids of their blobs."""
    blob_ids = [part.blob_id for part in parts_of(tx, upload_id)]
    parts.remove(tx, col(UploadPartRow.upload_id) == upload_id)
    uploads.remove(tx, col(UploadRow.id) == upload_id)
    return blob_ids


def forget_medium(tx: Transaction, medium_id: str) -> None:
    """Let an upload forget the medium that it became, which is about to be removed."""
    uploads.change(tx, col(UploadRow.medium_id) == medium_id, medium_id=None)
