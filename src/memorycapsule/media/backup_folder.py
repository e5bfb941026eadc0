"""
A folder of backups: the newest states of one instance, and each file that one of them needs, once.

    <root>/backups/000012-20360508T120000Z/backup.json, database.db
    <root>/backups/.unfinished                  being made; the next backup begins it anew
    <root>/files/ab/ab34...                     named by the SHA-256 of its bytes
    <root>/files/ab/.ab34....part               being written
    <root>/files/ab/.ab34....damaged            found damaged; the next backup copies the file anew

Nothing else in the folder is touched. It may lie on any file system that can rename.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from memorycapsule.domain.preservation import Backup, backup_from_json, backup_to_json
from memorycapsule.errors import (
    ConfigurationProblem,
    DiskFull,
    NotFound,
    is_disk_full,
    shortage,
    system_problem,
)

DATABASE = "database.db"
_MANIFEST = "backup.json"
_UNFINISHED = ".unfinished"
_PIECE_BYTES = 1 << 20


class WrongBytes(Exception):
    """A file does not hold the bytes that it is to hold."""


class BackupFolder:
    """
    Backups below one folder.

    What the system refuses is DiskFull or ConfigurationProblem, which name the folder, or Postponed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._backups, self._files = root / "backups", root / "files"

    def names(self) -> list[str]:
        """Return the names of all whole backups, the oldest first; none where the folder is missing."""
        with self._translating():
            return sorted(path.parent.name for path in self._backups.glob(f"[0-9]*/{_MANIFEST}"))

    def read(self, name: str) -> Backup:
        """Return a backup. Raises NotFound, and ConfigurationProblem when its manifest cannot be understood."""
        with self._translating():
            path = self._backups / name / _MANIFEST
            if name not in self.names():
                raise NotFound("backup_unknown", name=name, folder=self.root)
            try:
                return backup_from_json(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ConfigurationProblem("backup_unreadable", file=path) from error

    def database(self, name: str) -> Path:
        """Return the file of a backup's database, to be read only."""
        return self._backups / name / DATABASE

    def begin(self) -> Path:
        """Return where the database of a new backup is to be written; what an earlier run has left is removed."""
        with self._translating():
            draft = self._backups / _UNFINISHED
            shutil.rmtree(draft, ignore_errors=True)
            self._files.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.mkdir(mode=0o700, parents=True)
            _sync(self.root)
        return draft / DATABASE

    def publish(self, backup: Backup) -> None:
        """Make the backup that was begun a whole one, once all its files are there."""
        with self._translating():
            draft = self._backups / _UNFINISHED
            manifest = draft / _MANIFEST
            manifest.write_text(backup_to_json(backup), encoding="utf-8")
            for path in (draft / DATABASE, manifest, draft):
                _sync(path)
            draft.rename(self._backups / backup.name)
            _sync(self._backups)

    def forget(self, name: str) -> None:
        """Remove a backup, but none of its files, which others may need."""
        with self._translating():
            # Without its manifest it is none any more, whatever is left of it.
            (self._backups / name / _MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(self._backups / name)

    def has(self, digest: str, size: int) -> bool:
        """Say whether a file of `size` bytes is there under this digest; its bytes are not read."""
        with self._translating():
            try:
                return self.path(digest).stat().st_size == size
            except (FileNotFoundError, WrongBytes):
                return False

    def keep(self, digest: str, source: BinaryIO) -> None:
        """Copy a file. Raises WrongBytes, and keeps nothing, when its SHA-256 is not `digest`."""
        path = self.path(digest)
        part = path.with_name(f".{digest}.part")
        with self._translating():
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _sync(self._files)
            try:
                # Not by chmod(2), which memory sticks refuse.
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                    copy_checked(source, file.write, digest)
                    file.flush()
                    os.fsync(file.fileno())
                part.rename(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            _sync(path.parent)

    def open(self, digest: str) -> BinaryIO:
        """Return a file, open for reading. Raises NotFound, and WrongBytes for what is no digest."""
        with self._translating():
            try:
                return self.path(digest).open("rb")
            except FileNotFoundError as error:
                raise NotFound from error

    def put_aside(self, digest: str) -> None:
        """Take a damaged file out of the way, so that the next backup copies it anew."""
        path = self.path(digest)
        with self._translating(), suppress(FileNotFoundError):
            path.rename(path.with_name(f".{digest}.damaged"))

    def remove(self, digest: str) -> None:
        """Remove a file that no backup needs any more."""
        with self._translating():
            self.path(digest).unlink(missing_ok=True)

    def path(self, digest: str) -> Path:
        """Return where a file lies, if it is there. Raises WrongBytes for what is no digest."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise WrongBytes  # a damaged row
        return self._files / digest[:2] / digest

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if is_disk_full(error):
                raise DiskFull("backup_disk_full", folder=self.root) from error
            problem = system_problem(error)
            other = ConfigurationProblem("backup_folder_unusable", folder=self.root, problem=problem)
            raise (shortage(error) or other) from error


def copy_checked(source: BinaryIO, write: Callable[[bytes], object], digest: str) -> None:
    """Copy `source` by `write`. Raises WrongBytes when it cannot be read, or its SHA-256 is not `digest`."""
    found = hashlib.sha256()
    while piece := _next_piece(source):
        found.update(piece)
        write(piece)
    if found.hexdigest() != digest:
        raise WrongBytes


def _next_piece(source: BinaryIO) -> bytes:
    try:
        return source.read(_PIECE_BYTES)
    except OSError as error:
        raise WrongBytes from error  # of a disk that dies


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # File systems of other machines and of memory sticks may have no way to sync a folder.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
