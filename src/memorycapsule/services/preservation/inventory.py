"""
Inventory: the rows of blobs and the stored files are gone through together, in the order of their ids.

A few hundred rows are in memory at a time, however many there are, and each file is looked at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule.domain.instances import Blob
from memorycapsule.media.storage.blobs import Blobs, ListedBlob
from memorycapsule.store import integrity
from memorycapsule.store.transactions import Store

#: Bytes that no row knows or refers to are somebody's import at this moment, unless they are older than this.
ORPHAN_AGE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A blob as its row and its file show it; one of them may be missing."""

    row: Blob | None
    file: ListedBlob | None
    #: Whether a row of something else refers to it.
    is_used: bool

    @property
    def id(self) -> str:
        found = self.row or self.file
        return found.id if found else ""

    @property
    def bytes(self) -> int:
        return self.file.bytes if self.file else 0

    @property
    def is_damaged(self) -> bool:
        """Whether the file of a row is missing or of another size."""
        return self.row is not None and (self.file is None or self.file.bytes != self.row.bytes)

    def is_left_over(self, now: datetime) -> bool:
        """Say whether nobody needs it: no row knows it, or nothing refers to its row, and for more than a day."""
        if self.row is not None:
            return not self.is_used and self.row.created_at < now - ORPHAN_AGE
        return self.file is not None and self.file.written_at < now - ORPHAN_AGE


def entries(store: Store, blobs: Blobs) -> Iterator[Entry]:
    """Yield every blob that has a row or a file, by its id."""
    files = blobs.listed()
    file = next(files, None)
    for row, is_used in _rows(store):
        while file is not None and file.id < row.id:
            yield Entry(row=None, file=file, is_used=False)
            file = next(files, None)
        if file is not None and file.id == row.id:
            yield Entry(row=row, file=file, is_used=is_used)
            file = next(files, None)
        else:
            yield Entry(row=row, file=None, is_used=is_used)
    while file is not None:
        yield Entry(row=None, file=file, is_used=False)
        file = next(files, None)


def _rows(store: Store) -> Iterator[tuple[Blob, bool]]:
    """Yield the rows of all blobs by their ids, and whether any other row refers to them."""
    last = ""
    while True:
        with store.reading() as tx:
            some = integrity.blobs_after(tx, last)
            unused = integrity.unused_among(tx, some)
        if not some:
            return
        for row in some:
            yield row, row.id not in unused
        last = some[-1].id
