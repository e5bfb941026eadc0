"""What the program asks of the place where blobs lie, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import BinaryIO, Protocol
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class StoredBlob:
    """What was stored."""

    #: SHA-256 of the stored bytes, in hexadecimal.
    digest: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class ListedBlob:
    """A blob that lies in its place."""

    id: str
    bytes: int
    #: Aware UTC.
    written_at: datetime


@dataclass(frozen=True, kw_only=True)
class PutAside:
    """A blob in the trash or in quarantine."""

    id: str
    bytes: int
    #: When it came into the trash; None in quarantine.
    day: date | None = None


class Blobs(Protocol):
    """
    Blobs by their ids, each written whole or not at all.

    Ids are UUIDs in their usual lower-case form; anything else is a ValueError. A blob that lies in the trash is put
    back by whoever asks for it: its row has turned up again. Every method raises CapsuleError when the place cannot be
    read or written, and Postponed when that says nothing of the blob.
    """

    @property
    def place(self) -> str:
        """Where the blobs lie, as settings name it: a folder, or s3://bucket/prefix."""
        ...

    @property
    def trash_place(self) -> str:
        """Where the trash lies, for people to look at."""
        ...

    @property
    def origin(self) -> str | None:
        """Where signed addresses lead, as content policies name it (https://host:port); None where there are none."""
        ...

    def signed(self, blob_id: str, valid: timedelta) -> str | None:
        """
        Return an address at which whoever has it can read a blob for a while; None where only this program can send it.

        Nobody is asked whether there is such a blob.
        """
        ...

    def write(self, blob_id: str, fill: Callable[[BinaryIO], None]) -> StoredBlob:
        """
        Store what `fill` writes into the file that it is called with, under `blob_id`.

        `fill` writes from beginning to end; the file cannot seek. When it raises, nothing is kept, and what was there
        before stays. Raises DiskFull when there is no space, also for anything else that `fill` writes. On return the
        bytes are there to stay.
        """
        ...

    def check_room(self, count: int) -> None:
        """Raise DiskFull unless there is room for `count` further bytes, and for what must not wait besides."""
        ...

    def open(self, blob_id: str) -> BinaryIO:
        """Return the blob, open for reading and seekable; it need not be a file of this system. Raises NotFound."""
        ...

    def size(self, blob_id: str) -> int:
        """Return the bytes of a blob. Raises NotFound."""
        ...

    def read_through(self, blob_id: str, on_read: Callable[[int], None]) -> StoredBlob:
        """
        Read a blob from where it is stored, not from what anybody remembers of it, and return what it is.

        `on_read` is called with the number of bytes of each piece. Raises NotFound.
        """
        ...

    def written_at(self, blob_id: str) -> datetime:
        """Return when a blob was written, as aware UTC. Raises NotFound."""
        ...

    def delete(self, blob_id: str) -> None:
        """
        Remove a blob, wherever it lies; a missing one is ignored.

        While somebody holds the blobs, its bytes stay until the end.
        """
        ...

    def put_into_trash(self, blob_id: str, day: date) -> None:
        """Put a blob into the trash of a day. Raises NotFound."""
        ...

    def put_into_quarantine(self, blob_id: str) -> None:
        """Put a changed blob aside, so that nobody takes it for what was written. Raises NotFound."""
        ...

    def put_back(self, blob_id: str) -> bool:
        """Put a blob that lies in the trash back into its place; say whether there was one."""
        ...

    def trash(self) -> Iterator[PutAside]:
        """Yield what lies in the trash."""
        ...

    def quarantine(self) -> Iterator[PutAside]:
        """Yield what lies in quarantine."""
        ...

    def delete_from_trash(self, blob_id: str, day: date) -> None:
        """Remove for good what came into the trash on a day."""
        ...

    def delete_from_quarantine(self, blob_id: str) -> None:
        """Remove for good what was found changed, once it is whole in its place; a missing one is ignored."""
        ...

    def remember(self, history: str) -> None:
        """Remember beside the blobs, until the next call, which database they were used with."""
        ...

    def remembered(self) -> str | None:
        """Return what `remember` was last given, None when it never was."""
        ...

    def open_held(self, blob_id: str) -> BinaryIO:
        """Return a blob, open for reading, also one that was deleted since this process holds the blobs."""
        ...

    def holding(self) -> AbstractContextManager[None]:
        """
        Keep the bytes of all blobs that any process deletes meanwhile, and remove them at the end.

        Whoever deletes a blob has committed that its row is gone. So a state of the database that is read inside this
        block finds all its blobs until the block ends. Raises Busy while another one of this machine holds the blobs.
        """
        ...

    def is_held(self) -> bool:
        """Say whether some process holds the blobs now."""
        ...

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of all blobs that are written whole."""
        ...

    def listed(self) -> Iterator[ListedBlob]:
        """Yield all blobs that are written whole, in the order of their ids; a few are in memory at a time."""
        ...

    def sweep(self, *, older_than: datetime) -> int:
        """
        Remove half-written blobs last touched before `older_than` (aware), and return how many.

        What was deleted while somebody held the blobs is removed, too, unless somebody holds them now.
        """
        ...


def is_id(name: str) -> bool:
    """Say whether a name is that of a blob."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
