"""Fixity: stored bytes are read again and compared with the digest that was made when they were written."""

from __future__ import annotations

from collections.abc import Callable

from memorycapsule.domain.instances import Blob, BlobDamage
from memorycapsule.errors import CapsuleError, NotFound
from memorycapsule.media.blobs import LocalBlobs


def damage_of(
    blobs: LocalBlobs, blob: Blob, *, deep: bool, on_read: Callable[[int], None] = lambda _bytes: None
) -> BlobDamage | None:
    """
    Return what is wrong with the stored bytes of a blob, None when nothing is.

    All are read when `deep`, from the disk itself; otherwise they are only counted. `on_read` is called with the
    number of bytes of each piece.
    """
    try:
        if not deep:
            return None if blobs.size(blob.id) == blob.bytes else BlobDamage.CHANGED
        found = blobs.read_through(blob.id, on_read)
    except NotFound:
        # What was found changed and put aside is missing here as well.
        return blob.damage or BlobDamage.MISSING
    except CapsuleError:
        return BlobDamage.UNREADABLE
    is_whole = found.digest == blob.stored_digest and found.bytes == blob.bytes
    return None if is_whole else BlobDamage.CHANGED
