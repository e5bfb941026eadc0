"""
A bucket of an S3-compatible service: one object for each blob, below one prefix.

    blobs/abcd1234-...                    written by one request, or in parts that become one object at the end
    aside/abcd1234-.../trash-2036-05-08   of no use that day, and kept for a while; found again when it is asked for
    aside/abcd1234-.../quarantine         found changed, and kept for whoever mends it
    aside/abcd1234-.../gone               deleted while a backup holds the blobs, which may still need it
    holds/5678-...                        by a backup that runs now, written anew while it runs
    history                               which database the blobs were last used with

Every object of a service is written whole or not at all. The parts of one that was cut off are kept by the service and
not seen by us: a rule of the bucket has to remove them (AbortIncompleteMultipartUpload).

obstore comes with the extra `cluster`, and is loaded by whoever makes a `BucketBlobs`.
"""

from __future__ import annotations

import hashlib
import io
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from memorycapsule.errors import CapsuleError, NotFound, Postponed, shortage, system_problem
from memorycapsule.media.storage import holds
from memorycapsule.media.storage.blobs import ListedBlob, PutAside, StoredBlob, is_id

if TYPE_CHECKING:
    from obstore import ObjectMeta

_TRASH = "trash-"
_QUARANTINE = "quarantine"
_GONE = "gone"
_HISTORY = "history"
#: Where a cloud gives its machines the key of their role: what is asked there when no other key is set.
_ROLE_PATHS = ("/latest/api/token", "/latest/meta-data/")
_PIECE_BYTES = 1 << 20
#: Larger blobs are sent in parts of so many bytes; a service takes 10,000 parts, which are 80 GB.
_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 2
_RENEWED_EVERY_SECONDS = 120.0
#: A hold that was not renewed for so long is of a process that has ended.
_HOLD_LASTS = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class BucketAccess:
    """How a bucket is reached."""

    bucket: str
    #: Where in the bucket, "" for its root; without slashes at both ends.
    prefix: str
    #: None for Amazon's own.
    endpoint: str | None
    region: str
    access_key_id: str | None
    secret_access_key: str | None


class BucketBlobs:
    """
    Blobs in a bucket; see `Blobs`.

    What the service refuses or cannot do now is Postponed: it says nothing of a blob. `lock` is a file of this machine
    that is locked (flock(2)) by whoever holds the blobs.
    """

    def __init__(self, access: BucketAccess, *, lock: Path) -> None:
        self._access = access
        self._lock = lock
        self._store = _store(access)
        # Openings wait for what is remembered, but not for long.
        self._notes = _store(access, answers_within=timedelta(seconds=10), tries=2)

    @property
    def place(self) -> str:
        return f"s3://{self._access.bucket}/{self._access.prefix}".rstrip("/")

    @property
    def trash_place(self) -> str:
        return f"{self.place}/aside"

    def write(self, blob_id: str, fill: Callable[[BinaryIO], None]) -> StoredBlob:
        key = _key(blob_id)
        with _translating_errors():
            writer = obstore.open_writer(
                self._store, key, buffer_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE
            )
        sink = _ObjectSink(writer)
        try:
            _fill(fill, cast("BinaryIO", sink))
        except BaseException as error:
            # What was sent is given up. If not even that can be said, the bucket's rule removes it.
            with suppress(BaseError, OSError):
                writer.__exit__(type(error), error, error.__traceback__)
            raise
        with _translating_errors():
            writer.close()
        return StoredBlob(digest=sink.digest.hexdigest(), bytes=sink.count)

    def check_room(self, count: int) -> None:
        """Raise nothing: whoever runs the service has made room for what comes."""

    def open(self, blob_id: str) -> BinaryIO:
        try:
            return self._opened(_key(blob_id))
        except NotFound:
            if not self.put_back(blob_id):
                raise
            return self._opened(_key(blob_id))

    def size(self, blob_id: str) -> int:
        return self._about(blob_id)["size"]

    def read_through(self, blob_id: str, on_read: Callable[[int], None]) -> StoredBlob:
        digest, size = hashlib.sha256(), 0
        with self.open(blob_id) as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
                on_read(len(piece))
        return StoredBlob(digest=digest.hexdigest(), bytes=size)

    def written_at(self, blob_id: str) -> datetime:
        return self._about(blob_id)["last_modified"].astimezone(UTC)

    def delete(self, blob_id: str) -> None:
        key = _key(blob_id)
        aside = [one["path"] for one in self._list(f"aside/{blob_id}")]
        if self.is_held():
            for source in (*(path for path in aside if not path.endswith(f"/{_GONE}")), key):
                with suppress(NotFound):
                    self._move(source, _aside(blob_id, _GONE))
        else:
            self._remove([*aside, key])

    def put_into_trash(self, blob_id: str, day: date) -> None:
        self._move(_key(blob_id), _aside(blob_id, f"{_TRASH}{day.isoformat()}"))

    def put_into_quarantine(self, blob_id: str) -> None:
        self._move(_key(blob_id), _aside(blob_id, _QUARANTINE))

    def put_back(self, blob_id: str) -> bool:
        key = _key(blob_id)
        trash = [one["path"] for one in self._list(f"aside/{blob_id}") if f"/{_TRASH}" in one["path"]]
        if not trash:
            return False
        self._move(max(trash), key)
        return True

    def trash(self) -> Iterator[PutAside]:
        return (one for one in self._put_aside() if one.day is not None)

    def quarantine(self) -> Iterator[PutAside]:
        return (one for one in self._put_aside() if one.day is None)

    def delete_from_trash(self, blob_id: str, day: date) -> None:
        self._remove([_aside(blob_id, f"{_TRASH}{day.isoformat()}")])

    def delete_from_quarantine(self, blob_id: str) -> None:
        self._remove([_aside(blob_id, _QUARANTINE)])

    def remember(self, history: str) -> None:
        with _translating_errors():
            obstore.put(self._notes, _HISTORY, history.encode())

    def remembered(self) -> str | None:
        try:
            with _translating_errors():
                noted = obstore.get(self._notes, _HISTORY).bytes()
            return bytes(noted).decode(errors="replace")
        except NotFound:
            return None

    def open_held(self, blob_id: str) -> BinaryIO:
        try:
            return self.open(blob_id)
        except NotFound:
            return self._opened(_aside(blob_id, _GONE))

    @contextmanager
    def holding(self, *, tries: int = holds.TRIES) -> Iterator[None]:
        """Keep what is deleted meanwhile, as `Blobs.holding` says; machines do not exclude each other."""
        with holds.locked(self._lock, tries=tries), self._hold():
            yield
        self._remove_gone()

    def is_held(self) -> bool:
        # However old it is: whoever deletes has asked nobody whether our clock can be trusted.
        return next(self._list("holds"), None) is not None

    def __iter__(self) -> Iterator[str]:
        return (one.id for one in self.listed())

    def listed(self) -> Iterator[ListedBlob]:
        for one in self._list("blobs"):
            name = one["path"].rpartition("/")[2]
            if is_id(name):
                yield ListedBlob(id=name, bytes=one["size"], written_at=one["last_modified"].astimezone(UTC))

    def sweep(self, *, older_than: datetime) -> int:
        """Remove what was deleted while somebody held the blobs; nothing half-written is ever seen here."""
        renewed_last = older_than - _HOLD_LASTS
        self._remove([one["path"] for one in self._list("holds") if one["last_modified"] < renewed_last])
        self._remove_gone()
        return 0

    def signed(self, blob_id: str, valid: timedelta) -> str:
        with _translating_errors():
            return obstore.sign(self._store, "GET", _key(blob_id), valid)

    @property
    def origin(self) -> str:
        parts = urlsplit(self.signed(str(uuid.UUID(int=0)), timedelta(seconds=1)))
        return f"{parts.scheme}://{parts.netloc}"

    @contextmanager
    def _hold(self) -> Iterator[None]:
        mark, is_over = f"holds/{uuid.uuid4()}", threading.Event()

        def renew() -> None:
            while not is_over.wait(_RENEWED_EVERY_SECONDS):
                with suppress(CapsuleError):  # the next time; a hold outlasts many of them
                    self._put(mark, b"")

        self._put(mark, b"")
        renewing = threading.Thread(target=renew, name="hold of blobs", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            is_over.set()
            renewing.join()
            self._remove([mark])

    def _remove_gone(self) -> None:
        """Remove what was deleted while somebody held the blobs, unless somebody holds them now."""
        # In this order: whoever holds them after the second look reads a database without these rows.
        gone = [one["path"] for one in self._list("aside") if one["path"].endswith(f"/{_GONE}")]
        if gone and not self.is_held():
            self._remove(gone)

    def _put_aside(self) -> Iterator[PutAside]:
        for one in self._list("aside"):
            blob_id, _slash, kind = one["path"].removeprefix("aside/").partition("/")
            if not is_id(blob_id):
                continue
            if kind == _QUARANTINE:
                yield PutAside(id=blob_id, bytes=one["size"])
            elif kind.startswith(_TRASH):
                with suppress(ValueError):
                    day = date.fromisoformat(kind.removeprefix(_TRASH))
                    yield PutAside(id=blob_id, bytes=one["size"], day=day)

    def _about(self, blob_id: str) -> ObjectMeta:
        try:
            return self._head(_key(blob_id))
        except NotFound:
            if not self.put_back(blob_id):
                raise
            return self._head(_key(blob_id))

    def _head(self, key: str) -> ObjectMeta:
        with _translating_errors():
            return obstore.head(self._store, key)

    def _opened(self, key: str) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(_ObjectReader(self._store, key), _PIECE_BYTES))

    def _put(self, key: str, content: bytes) -> None:
        with _translating_errors():
            obstore.put(self._store, key, content)

    def _move(self, source: str, target: str) -> None:
        """Move an object. One that is cut off is done again, and leaves both meanwhile. Raises NotFound."""
        with _translating_errors():
            obstore.copy(self._store, source, target)
            obstore.delete(self._store, source)

    def _remove(self, keys: list[str]) -> None:
        with _translating_errors():
            for key in keys:
                with suppress(FileNotFoundError):
                    obstore.delete(self._store, key)

    def _list(self, prefix: str) -> Iterator[ObjectMeta]:
        """Yield what lies below a prefix, in the order of the keys."""
        with _translating_errors():
            for some in obstore.list(self._store, prefix=prefix):
                yield from some


class _ObjectSink(io.RawIOBase):
    """What is written from beginning to end, counted and digested on its way to the service."""

    def __init__(self, writer: obstore.WritableFile) -> None:
        super().__init__()
        self._writer = writer
        self.digest = hashlib.sha256()
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        with _translating_errors():
            self._writer.write(view)
        self.digest.update(view)
        self.count += len(view)
        return len(view)


class _ObjectReader(io.RawIOBase):
    """One object, read by one request from where the last seek led to its end, as far as somebody reads it."""

    def __init__(self, store: S3Store, key: str) -> None:
        super().__init__()
        self._store, self._key = store, key
        self._at = 0
        self._left = memoryview(b"")
        with _translating_errors():
            whole = obstore.get(store, key)
            self._size = whole.meta["size"]
            self._pieces: Iterator[Any] | None = iter(whole.stream(min_chunk_size=_PIECE_BYTES))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        if at != self._at:
            self._at, self._pieces, self._left = at, None, memoryview(b"")
        return at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        target = memoryview(buffer).cast("B")
        if self._at >= self._size or not target:
            return 0
        with _translating_errors():
            while not self._left:
                self._left = self._next_piece()
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        self._at += count
        return count

    def close(self) -> None:
        self._pieces = None
        super().close()

    def _next_piece(self) -> memoryview:
        if self._pieces is None:
            rest = obstore.get(self._store, self._key, options={"range": {"offset": self._at}})
            self._pieces = iter(rest.stream(min_chunk_size=_PIECE_BYTES))
        piece = next(self._pieces, None)
        if piece is None:
            raise Postponed("blob_storage_broke_off")
        return memoryview(bytes(piece))


def _store(
    access: BucketAccess, *, answers_within: timedelta = timedelta(minutes=5), tries: int = 5
) -> S3Store:
    endpoint = access.endpoint
    with _translating_errors():
        return S3Store(
            access.bucket,
            prefix=access.prefix or None,
            config=cast(
                "Any",
                {
                    name: value
                    for name, value in {
                        "endpoint": endpoint,
                        "region": access.region,
                        "access_key_id": access.access_key_id,
                        "secret_access_key": access.secret_access_key,
                        # Buckets as a part of the path: a server of one's own has no name for each bucket.
                        "virtual_hosted_style_request": endpoint is None,
                        "checksum_algorithm": "SHA256",
                    }.items()
                    if value is not None
                },
            ),
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http:"),
                "connect_timeout": min(timedelta(seconds=10), answers_within),
                "timeout": answers_within,
            },
            retry_config={
                "max_retries": tries - 1,
                "retry_timeout": min(timedelta(seconds=60), answers_within),
            },
        )


def _key(blob_id: str) -> str:
    if not is_id(blob_id):
        raise ValueError(blob_id)
    return f"blobs/{blob_id}"


def _aside(blob_id: str, kind: str) -> str:
    return f"aside/{_key(blob_id).removeprefix('blobs/')}/{kind}"


def _fill(fill: Callable[[BinaryIO], None], sink: BinaryIO) -> None:
    """Fill a blob. What the system refuses to whoever fills it is no answer of the service."""
    try:
        fill(sink)
    except OSError as error:
        other = CapsuleError("data_folder_unusable", problem=system_problem(error))
        raise (shortage(error) or other) from error


@contextmanager
def _translating_errors() -> Iterator[None]:
    """Raise NotFound for a missing object, and Postponed for whatever else the service or the way to it refuses."""
    try:
        yield
    except FileNotFoundError as error:
        # A missing bucket says nothing of its blobs.
        if "NoSuchBucket" in str(error):
            raise _unreachable(error) from error
        raise NotFound from error
    except (BaseError, OSError) as error:
        raise _unreachable(error) from error


def _unreachable(error: Exception) -> Postponed:
    # The first line: obstore adds the whole of its own error below it.
    said = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    if any(path in said for path in _ROLE_PATHS):
        return Postponed("blob_storage_without_key")
    return Postponed("blob_storage_unreachable", problem=CapsuleError("other", sentence=said))
