"""
The trash: stored files that no row knows lie there for thirty days before they are deleted.

A cut-off import leaves such files, and they are worth nothing. But every photo is one while the database in use is
another or an older one. So files are moved, never deleted, and not even moved where that may be the reason. A row that
turns up again finds its file in the trash by itself (`media/storage/folder.py`).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from memorycapsule.domain.events import Event
from memorycapsule.domain.waits import is_due_again
from memorycapsule.errors import CapsuleError, NotFound
from memorycapsule.services.preservation import history
from memorycapsule.services.vault import Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store

#: Bytes that no row refers to are somebody's import at this moment, unless they are older than this.
ORPHAN_AGE = timedelta(days=1)
#: How long the trash is kept.
KEPT_FOR = timedelta(days=30)
#: More than this, in number and as a share of all, were not left by crashes.
MOST_FILES = 20
MOST_SHARE = 0.05
#: Two sweeps of one instance are at least so far apart, whoever makes them.
SWEPT_EVERY = timedelta(hours=20)

_BATCH_BLOBS = 500


@dataclass(frozen=True, kw_only=True)
class FileCount:
    """How many files, and how large they are together."""

    files: int = 0
    bytes: int = 0

    def and_one(self, size: int) -> FileCount:
        """Return the count with one more file of `size` bytes."""
        return FileCount(files=self.files + 1, bytes=self.bytes + size)


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep has done."""

    #: What went into the trash.
    moved: FileCount = FileCount()
    #: What no row knows, and yet stays where it is.
    left: FileCount = FileCount()
    #: Why it stays.
    why_left: CapsuleError | None = None
    #: What was thirty days in the trash, and is deleted.
    deleted: FileCount = FileCount()


def contents(vault: Vault) -> FileCount:
    """Count what lies in the trash."""
    return _counted(one.bytes for one in vault.blobs.trash())


def is_due(store: Store, *, now: datetime) -> bool:
    """Say whether the last sweep was long enough ago."""
    with store.reading() as tx:
        last = event_store.last_at(tx, "blobs.swept", instance_store.get(tx).id)
    return last is None or is_due_again(last, now, every=SWEPT_EVERY)


def look(store: Store, vault: Vault, *, now: datetime) -> Swept:
    """Return what no row knows, and why a sweep would leave it where it is (None: it would not). Nothing is changed."""
    return _seen(store, vault, list(_unknown(store, vault, now)))


def sweep(store: Store, vault: Vault, *, now: datetime) -> Swept:
    """
    Move the blobs that no row knows into the trash, and delete what has lain there for thirty days.

    The caller has asked whether the clock can be trusted. Nothing is moved or deleted while the database is another or
    an older one than these files were last used with, while it is younger than a file, or when there are more
    files than crashes leave.
    """
    unknown = list(_unknown(store, vault, now))
    swept = _seen(store, vault, unknown)
    if swept.why_left is None:
        today = now.astimezone(UTC).date()
        for blob_id, _size in unknown:
            # Somebody may have removed it, with its row, since its name was read.
            with contextlib.suppress(NotFound):
                vault.blobs.put_into_trash(blob_id, today)
        swept = Swept(moved=swept.left, deleted=_empty(store, vault, now))
    with store.transaction() as tx:
        facts = {
            "moved": swept.moved.files,
            "moved_bytes": swept.moved.bytes,
            "left": swept.left.files,
            "deleted": swept.deleted.files,
        }
        instance = instance_store.get(tx)
        event_store.record(tx, Event(kind="blobs.swept", at=now, subject_id=instance.id, facts=facts))
    return swept


def _seen(store: Store, vault: Vault, unknown: list[tuple[str, int]]) -> Swept:
    return Swept(left=_counted(size for _blob_id, size in unknown), why_left=_why_left(store, vault, unknown))


def _why_left(store: Store, vault: Vault, unknown: list[tuple[str, int]]) -> CapsuleError | None:
    if not history.is_continued(store, vault.blobs):
        return CapsuleError("files_of_other_database")
    with store.reading() as tx:
        made_at = instance_store.get(tx).created_at
    for blob_id, _size in unknown:
        with contextlib.suppress(NotFound):
            if vault.blobs.written_at(blob_id) < made_at:
                return CapsuleError("files_older_than_database")
    every = sum(1 for _blob_id in vault.blobs)
    if len(unknown) > MOST_FILES and len(unknown) > MOST_SHARE * every:
        return CapsuleError("files_too_many_unknown")
    return None


def _unknown(store: Store, vault: Vault, now: datetime) -> Iterator[tuple[str, int]]:
    """Yield the ids and sizes of whole blobs that are older than a day and that no row knows."""
    ids = iter(vault.blobs)
    while some := list(itertools.islice(ids, _BATCH_BLOBS)):
        with store.reading() as tx:
            known = capsule_store.known_blob_ids(tx, some)
        for blob_id in some:
            with contextlib.suppress(NotFound):
                if blob_id not in known and vault.blobs.written_at(blob_id) < now - ORPHAN_AGE:
                    yield blob_id, vault.blobs.size(blob_id)


def _empty(store: Store, vault: Vault, now: datetime) -> FileCount:
    """Delete what has lain in the trash for thirty days, but for what a row knows again: that is put back."""
    deleted = FileCount()
    last = (now - KEPT_FOR).astimezone(UTC).date()
    old = [one for one in vault.blobs.trash() if one.day is not None and one.day < last]
    for one in old:
        with store.reading() as tx:
            is_known = capsule_store.blobs.find(tx, one.id) is not None
        if is_known:
            vault.blobs.put_back(one.id)
        elif one.day is not None:
            vault.blobs.delete_from_trash(one.id, one.day)
            deleted = deleted.and_one(one.bytes)
    return deleted


def _counted(sizes: Iterator[int]) -> FileCount:
    count = FileCount()
    for size in sizes:
        count = count.and_one(size)
    return count
