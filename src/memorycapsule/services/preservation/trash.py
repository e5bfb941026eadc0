"""
The trash: stored files that no row knows lie there for thirty days before they are deleted.

A cut-off import leaves such files, and they are worth nothing. But every photo is one while the database in use is
another or an older one. So files are moved, never deleted, and not even moved where that may be the reason. A row that
turns up again finds its file in the trash by itself (`media/storage/folder.py`).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from memorycapsule.domain.events import Event
from memorycapsule.domain.instances import Blob
from memorycapsule.domain.waits import is_due_again
from memorycapsule.errors import CapsuleError, NotFound
from memorycapsule.services.preservation import fixity, history, inventory
from memorycapsule.services.preservation.inventory import Entry
from memorycapsule.services.vault import Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import integrity
from memorycapsule.store.transactions import Store

#: How long the trash is kept.
KEPT_FOR = timedelta(days=30)
#: More than this, in number and as a share of all, were not left by crashes.
MOST_FILES = 20
MOST_SHARE = 0.05
#: Two sweeps of one instance are at least so far apart, whoever makes them.
SWEPT_EVERY = timedelta(hours=20)

_NOTED_AT_ONCE = 100


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
    #: How many bytes all blobs have together.
    bytes: int = 0


def contents(vault: Vault) -> FileCount:
    """Count what lies in the trash."""
    return _counted(one.bytes for one in vault.blobs.trash())


def is_due(store: Store, *, now: datetime) -> bool:
    """Say whether the last sweep was long enough ago."""
    with store.reading() as tx:
        last = event_store.last_at(tx, "blobs.swept", instance_store.get(tx).id)
    return last is None or is_due_again(last, now, every=SWEPT_EVERY)


def look(store: Store, vault: Vault, *, now: datetime) -> Swept:
    """Return what nobody needs, and why a sweep would leave it where it is (None: it would not). Nothing is changed."""
    return _seen(store, vault, lambda _blobs: None, now)


def sweep(store: Store, vault: Vault, *, now: datetime) -> Swept:
    """
    Move the blobs that nobody needs into the trash, and delete what has lain there for thirty days.

    Nobody needs what no row knows, nor what has a row that nothing refers to: then the row goes as well. It is noted
    of other blobs that their files are missing. The caller has asked whether the clock can be trusted. Nothing is moved
    or deleted while the database is another or an older one than these files were last used with, while it is younger
    than a file that it does not know, or when there are more blobs than crashes leave.
    """
    swept = _seen(store, vault, lambda blobs: fixity.note_missing(store, vault, blobs, now=now), now)
    if swept.why_left is None:
        moved = _move(store, vault, now) if swept.left.files else FileCount()
        swept = dataclasses.replace(swept, moved=moved, left=FileCount(), deleted=_empty(store, vault, now))
    with store.transaction() as tx:
        facts = {
            "moved": swept.moved.files,
            "moved_bytes": swept.moved.bytes,
            "left": swept.left.files,
            "deleted": swept.deleted.files,
            "bytes": swept.bytes,
        }
        instance = instance_store.get(tx)
        event_store.record(tx, Event(kind="blobs.swept", at=now, subject_id=instance.id, facts=facts))
    return swept


def _seen(store: Store, vault: Vault, on_missing: Callable[[list[Blob]], None], now: datetime) -> Swept:
    """Go through all blobs; `on_missing` is called with those whose files are missing or of another size."""
    with store.reading() as tx:
        made_at = instance_store.get(tx).created_at
    left, every, size, is_older, missing = FileCount(), 0, 0, False, list[Blob]()
    for entry in inventory.entries(store, vault.blobs):
        every += entry.file is not None
        size += entry.row.bytes if entry.row else 0
        if entry.is_left_over(now):
            left = left.and_one(entry.bytes)
            is_older |= entry.row is None and entry.file is not None and entry.file.written_at < made_at
        elif entry.row is not None and entry.is_damaged:
            missing.append(entry.row)
        if len(missing) == _NOTED_AT_ONCE:
            on_missing(missing)
            missing.clear()
    on_missing(missing)
    return Swept(left=left, why_left=_why_left(store, vault, left, every, is_older=is_older), bytes=size)


def _why_left(
    store: Store, vault: Vault, left: FileCount, every: int, *, is_older: bool
) -> CapsuleError | None:
    if not history.is_continued(store, vault.blobs):
        return CapsuleError("files_of_other_database")
    if is_older:
        return CapsuleError("files_older_than_database")
    if left.files > MOST_FILES and left.files > MOST_SHARE * every:
        return CapsuleError("files_too_many_unknown")
    return None


def _move(store: Store, vault: Vault, now: datetime) -> FileCount:
    """Move what nobody needs into the trash, and remove the rows of it; return how much was moved."""
    today, moved = now.astimezone(UTC).date(), FileCount()
    for entry in inventory.entries(store, vault.blobs):
        if not entry.is_left_over(now) or not _is_still_left_over(store, entry):
            continue
        # Somebody may have removed it, with its row, since its name was read.
        with contextlib.suppress(NotFound):
            vault.blobs.put_into_trash(entry.id, today)
            moved = moved.and_one(entry.bytes)
    return moved


def _is_still_left_over(store: Store, entry: Entry) -> bool:
    """Say whether there is no row for a blob; one that nothing refers to is removed."""
    if entry.row is None:
        with store.reading() as tx:
            return capsule_store.blobs.find(tx, entry.id) is None
    with store.transaction() as tx:
        return integrity.drop_unused(tx, entry.row)


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
