"""
The folder of blobs: one file for each, written whole or not at all.

    <root>/ab/cd/abcd1234-...        0600, in folders of mode 0700
    <root>/ab/cd/.abcd1234-....part  being written; only a crash leaves one, and `sweep` removes it
    <root>/trash/2036-05-08/abcd1234-...   of no use that day, and kept for a while; found again when it is asked for
    <root>/quarantine/abcd1234-...   found changed, and kept for whoever mends it
    <root>/.history                  which database the folder was last used with
    <root>/ab/cd/.abcd1234-....gone  deleted while a backup holds the folder, which may still need it
    <root>.lock                      locked (flock(2)) by whoever holds the folder
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from memorycapsule import disk, file_locks
from memorycapsule.errors import Busy, CapsuleError, NotFound, shortage, system_problem
from memorycapsule.media.storage import holds
from memorycapsule.media.storage.blobs import ListedBlob, PutAside, StoredBlob, is_id

_PART = ".part"
_TRASH = "trash"
_QUARANTINE = "quarantine"
_HISTORY = ".history"
_PIECE_BYTES = 1 << 20
_GONE = ".gone"


class LocalBlobs:
    """
    Blobs in a local folder; see `Blobs`. Ids are UUIDs in their usual lower-case form; anything else is a ValueError.

    A blob that lies in the trash is put back by whoever asks for it: its row has turned up again. Every method
    raises CapsuleError when the folder cannot be read or written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = root.with_name(f"{root.name}.lock")
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def place(self) -> str:
        """The folder."""
        return str(self._root)

    @property
    def trash_place(self) -> str:
        """The folder of the trash."""
        return str(self._root / _TRASH)

    @property
    def origin(self) -> None:
        """None: nobody but this program can send what lies in a folder."""
        return

    def signed(self, blob_id: str, valid: timedelta) -> None:  # noqa: ARG002 - as `Blobs` has it
        """Return None, as `origin` does."""
        return

    def write(self, blob_id: str, fill: Callable[[BinaryIO], None]) -> StoredBlob:
        """
        Store what `fill` writes into the file that it is called with, under `blob_id`.

        `fill` writes from beginning to end; the file cannot seek. When it raises, nothing is kept. Raises DiskFull
        when there is no space, also for anything else that `fill` writes. On return the bytes and their name have
        reached the disk.
        """
        path = self._path(blob_id)
        part = path.with_name(f".{path.name}{_PART}")
        with _translating_errors():
            self._make_folder(path.parent)
            try:
                with _Digesting(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)) as file:
                    fill(file)
                    os.fsync(file.fileno())
                part.rename(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            _sync_folder(path.parent)
        return StoredBlob(digest=file.digest.hexdigest(), bytes=file.count)

    def check_room(self, count: int) -> None:
        """Raise DiskFull unless there is room for `count` further bytes, and for what must not wait besides."""
        with _translating_errors():
            disk.check_room(self._root, count)

    def open(self, blob_id: str) -> BinaryIO:
        """Return the blob, open for reading. Raises NotFound."""
        with _translating_missing():
            return self._found(blob_id).open("rb")

    def size(self, blob_id: str) -> int:
        """Return the bytes of a blob. Raises NotFound."""
        with _translating_missing():
            return self._found(blob_id).stat().st_size

    def read_through(self, blob_id: str, on_read: Callable[[int], None]) -> StoredBlob:
        """
        Read a blob from the disk itself, not from what the system remembers of it, and return what it is.

        `on_read` is called with the number of bytes of each piece. Raises NotFound.
        """
        digest, size = hashlib.sha256(), 0
        with _translating_missing(), self._found(blob_id).open("rb") as file:
            _forget_pages(file)
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
                on_read(len(piece))
            _forget_pages(file)
        return StoredBlob(digest=digest.hexdigest(), bytes=size)

    def written_at(self, blob_id: str) -> datetime:
        """Return when a blob was written, as aware UTC. Raises NotFound."""
        with _translating_missing():
            return datetime.fromtimestamp(self._found(blob_id).stat().st_mtime, UTC)

    def delete(self, blob_id: str) -> None:
        """
        Remove a blob, wherever it lies; a missing one is ignored.

        While somebody holds the folder, its bytes stay until the end.
        """
        own = self._path(blob_id)
        with _translating_errors():
            is_held = self.is_held()
            for path in (*self._aside(blob_id), own):
                if is_held:
                    self._make_folder(own.parent)
                    with suppress(FileNotFoundError):
                        path.rename(_gone(own))
                else:
                    path.unlink(missing_ok=True)

    def put_into_trash(self, blob_id: str, day: date) -> None:
        """Put a blob into the trash of a day. Raises NotFound."""
        self._move(self._path(blob_id), self._root / _TRASH / day.isoformat() / blob_id)

    def put_into_quarantine(self, blob_id: str) -> None:
        """Put a changed blob aside, so that nobody takes it for what was written. Raises NotFound."""
        self._move(self._path(blob_id), self._root / _QUARANTINE / blob_id)

    def put_back(self, blob_id: str) -> bool:
        """Put a blob that lies in the trash back into its place; say whether there was one."""
        with _translating_errors():
            for path in self._aside(blob_id):
                if path.parent.name != _QUARANTINE:
                    self._move(path, self._path(blob_id))
                    return True
        return False

    def trash(self) -> Iterator[PutAside]:
        """Yield what lies in the trash."""
        for path in (self._root / _TRASH).glob("*/*"):
            with suppress(ValueError, FileNotFoundError):
                day = date.fromisoformat(path.parent.name)
                if is_id(path.name):
                    yield PutAside(id=path.name, bytes=path.stat().st_size, day=day)

    def quarantine(self) -> Iterator[PutAside]:
        """Yield what lies in quarantine."""
        for path in (self._root / _QUARANTINE).glob("*"):
            with suppress(FileNotFoundError):
                if is_id(path.name):
                    yield PutAside(id=path.name, bytes=path.stat().st_size)

    def delete_from_trash(self, blob_id: str, day: date) -> None:
        """Remove for good what came into the trash on a day; the folder of a day goes with its last blob."""
        folder = self._root / _TRASH / day.isoformat()
        with _translating_errors():
            (folder / blob_id).unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()

    def delete_from_quarantine(self, blob_id: str) -> None:
        """Remove for good what was found changed, once it is whole in its place; a missing one is ignored."""
        self._path(blob_id)
        with _translating_errors():
            (self._root / _QUARANTINE / blob_id).unlink(missing_ok=True)

    def remember(self, history: str) -> None:
        """Remember in the folder, until the next call, which database it was used with."""
        # Two programs may do this at the same moment.
        part = self._root / f"{_HISTORY}.{os.getpid()}{_PART}"
        with _translating_errors():
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(history.encode())
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._root / _HISTORY)
            _sync_folder(self._root)

    def remembered(self) -> str | None:
        """Return what `remember` was last given, None when it never was."""
        try:
            with _translating_missing():
                return (self._root / _HISTORY).read_text(encoding="utf-8")
        except NotFound:
            return None

    def open_held(self, blob_id: str) -> BinaryIO:
        """Return a blob, open for reading, also one that was deleted since this process holds the folder."""
        path = self._path(blob_id)
        with suppress(NotFound):
            return self.open(blob_id)
        with _translating_missing():
            return _gone(path).open("rb")

    @contextmanager
    def holding(self, *, tries: int = holds.TRIES) -> Iterator[None]:
        """
        Keep the bytes of all blobs that any process deletes meanwhile, and remove them at the end.

        Whoever deletes a blob has committed that its row is gone. So a state of the database that is read inside this
        block finds all its blobs until the block ends. Raises Busy while another one holds the folder.
        """
        with ExitStack() as held:
            with _translating_errors():
                held.enter_context(holds.locked(self._lock, tries=tries))
            try:
                yield
            finally:
                self._remove_gone()

    def is_held(self) -> bool:
        """Say whether some process holds the folder now."""
        return file_locks.is_locked(self._lock)

    def _remove_gone(self) -> None:
        for gone in self._root.glob(f"??/??/.*{_GONE}"):
            with suppress(NotFound), _translating_missing():
                gone.unlink()

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of all blobs that are written whole."""
        return ids_in(self._root)

    def listed(self) -> Iterator[ListedBlob]:
        """Yield all blobs that are written whole, in the order of their ids; a few are in memory at a time."""
        for outer in _folders_in(self._root):
            for inner in _folders_in(outer):
                yield from _blobs_in(inner)

    def sweep(self, *, older_than: datetime) -> int:
        """
        Remove half-written blobs last touched before `older_than` (aware), and return how many.

        What was deleted while somebody held the folder is removed, too, unless somebody holds it now.
        """
        with suppress(Busy), self.holding(tries=1):
            pass
        swept = 0
        for part in self._root.glob(f"??/??/.*{_PART}"):
            # Another process may have just finished or swept it.
            with suppress(NotFound), _translating_missing():
                if part.stat().st_mtime < older_than.timestamp():
                    part.unlink()
                    swept += 1
        return swept

    def _path(self, blob_id: str) -> Path:
        if not is_id(blob_id):
            raise ValueError(blob_id)
        return self._root / blob_id[:2] / blob_id[2:4] / blob_id

    def _found(self, blob_id: str) -> Path:
        path = self._path(blob_id)
        if not path.exists():
            self.put_back(blob_id)
        return path

    def _aside(self, blob_id: str) -> Iterator[Path]:
        """Yield where a blob lies in the trash or in quarantine; the newest trash first."""
        self._path(blob_id)
        for folder in sorted((self._root / _TRASH).glob("*"), reverse=True):
            if (folder / blob_id).exists():
                yield folder / blob_id
        if (self._root / _QUARANTINE / blob_id).exists():
            yield self._root / _QUARANTINE / blob_id

    def _move(self, source: Path, target: Path) -> None:
        with _translating_missing():
            self._make_folder(target.parent)
            source.rename(target)
            _sync_folder(target.parent)
            _sync_folder(source.parent)

    def _make_folder(self, folder: Path) -> None:
        for made in (folder.parent, folder):
            if not made.is_dir():
                made.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(made.parent)


def ids_in(root: Path) -> Iterator[str]:
    """Yield the ids of all whole blobs below `root`, which may be missing. Nothing is created or changed."""
    for path in root.glob("??/??/*"):
        # Other programs may leave files of their own in the folder.
        if is_id(path.name):
            yield path.name


def _folders_in(folder: Path) -> list[Path]:
    with _translating_errors():
        if not folder.is_dir():
            return []
        with os.scandir(folder) as entries:
            return sorted(Path(one.path) for one in entries if len(one.name) == 2 and one.is_dir())


def _blobs_in(folder: Path) -> list[ListedBlob]:
    found = []
    with _translating_errors():
        for entry in os.scandir(folder):
            # Other programs may leave files of their own in the folder, and blobs may go at any time.
            with suppress(FileNotFoundError):
                if is_id(entry.name):
                    status = entry.stat()
                    written_at = datetime.fromtimestamp(status.st_mtime, UTC)
                    found.append(ListedBlob(id=entry.name, bytes=status.st_size, written_at=written_at))
    return sorted(found, key=lambda one: one.id)


def _gone(path: Path) -> Path:
    return path.with_name(f".{path.name}{_GONE}")


class _Digesting(io.FileIO):
    """A file that is written once from beginning to end, and counts and digests what is written."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb")
        self.digest = hashlib.sha256()
        self.count = 0

    def write(self, data: Any, /) -> int:
        # A raw file may write less than it was asked to, on a disk that has just become full.
        view = memoryview(data).cast("B")
        left = view
        while left:
            left = left[super().write(left) :]
        self.digest.update(view)
        self.count += len(view)
        return len(view)

    def seekable(self) -> bool:
        return False


@contextmanager
def _translating_missing() -> Iterator[None]:
    """Raise NotFound for a missing file, and the errors of `_translating_errors`."""
    with _translating_errors():
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound from error


@contextmanager
def _translating_errors() -> Iterator[None]:
    """Raise DiskFull, Postponed or CapsuleError for what the operating system refuses."""
    try:
        yield
    except OSError as error:
        other = CapsuleError("data_folder_unusable", problem=system_problem(error))
        raise (shortage(error) or other) from error


def _forget_pages(file: BinaryIO) -> None:
    """Have the system forget what it remembers of a file: reading all files must not drive out what is in use."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
