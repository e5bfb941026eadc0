"""
Keys of one instance: the instance key in its file, and the recovery key on paper.

Both are ordinary age private keys, so `age -d -i instance.key` opens an envelope without this program. Tokens and marks
are derived from the instance key, so that a copy of the database is not enough to make them. Each kind of value has a
key of its own, HMAC-SHA256(private key, label), as in the expand step of HKDF (RFC 5869).
"""

from __future__ import annotations

import base64
import fcntl
import glob
import hashlib
import hmac
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from memorycapsule.errors import (
    ConfigurationProblem,
    DiskFull,
    KeyMissing,
    UsageProblem,
    is_disk_full,
    system_problem,
)
from memorycapsule.seal.envelopes import new_capsule_key, recipient_of


@dataclass(frozen=True, kw_only=True)
class InstanceKey:
    """The key of this instance. It unwraps every capsule's key, and derives tokens and marks."""

    #: "AGE-SECRET-KEY-1...", never shown.
    identity: str = field(repr=False)
    #: "age1...", to which capsule keys are wrapped.
    recipient: str

    @classmethod
    def create(cls, path: Path) -> InstanceKey:
        """
        Make a new key and write it to `path` (mode 0600), synced to the disk before this returns.

        Raises ConfigurationProblem when there is a file already (a key is never overwritten) or the folder
        cannot be written, DiskFull when there is no room.
        """
        fresh = new_capsule_key()
        write_key_file(
            path, fresh.identity, title="MemoryCapsule instance key: keep a copy away from the data folder"
        )
        return cls(identity=fresh.identity, recipient=fresh.recipient)

    @classmethod
    def load(cls, path: Path) -> InstanceKey:
        """Read the key from `path`. Raises KeyMissing when it is not there, not readable or not a key."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise KeyMissing("instance_key_missing", file=path) from error
        except PermissionError as error:
            raise KeyMissing("instance_key_closed", file=path) from error
        except (OSError, UnicodeDecodeError) as error:
            raise KeyMissing("instance_key_unreadable", file=path) from error
        try:
            identity = parse_recovery_key(text)
        except UsageProblem as error:
            raise KeyMissing("instance_key_none", file=path) from error
        return cls(identity=identity, recipient=recipient_of(identity))

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that name this key without revealing it; the store keeps them."""
        return fingerprint_of(self.recipient)

    def token(self, purpose: str, subject_id: str, rotation: int) -> str:
        """
        Return the token for one purpose ("invitation") and row: 52 small letters and digits 2-7 (RFC 4648, 6).

        It can be read aloud, and never looks like an option on a command line. It is the same each time, so that no
        letter with it has to be stored. A new `rotation` gives a new token.
        """
        digest = self._derived("token", purpose, subject_id, str(rotation))
        return base64.b32encode(digest).rstrip(b"=").decode("ascii").lower()

    def code(self, subject_id: str) -> str:
        """Return the six-digit code that is mailed for one row. It is the same each time, and stored nowhere."""
        return f"{int.from_bytes(self._derived('code', subject_id)) % 1_000_000:06}"

    def mark(self, plain_digest: str) -> str:
        """Return 64 hexadecimal digits that identify a duplicate without revealing the original's digest."""
        return self._derived("mark", plain_digest).hex()

    def pseudonym(self, client: str) -> str:
        """Return 64 hexadecimal digits that stand for a client's address without revealing it."""
        return self._derived("client", client).hex()

    def row_id(self, *parts: str) -> str:
        """Return a row's id, a UUID 4 in form, that is always the same for `parts`."""
        return str(uuid.UUID(bytes=self._derived("row", *parts)[:16], version=4))

    def _derived(self, label: str, *parts: str) -> bytes:
        key = hmac.digest(self.identity.encode("ascii"), f"memorycapsule/1/{label}".encode(), "sha256")
        # Each part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ.
        encoded = [part.encode("utf-8") for part in parts]
        message = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
        return hmac.digest(key, message, "sha256")


def key_file_beside(path: Path, fingerprint: str) -> Path | None:
    """Return the newest file that was kept beside a key file and holds the key of this fingerprint, if there is one."""
    for beside in sorted(path.parent.glob(f"{glob.escape(path.name)}.*"), reverse=True):
        with suppress(KeyMissing):
            if InstanceKey.load(beside).fingerprint == fingerprint:
                return beside
    return None


def fingerprint_of(recipient: str) -> str:
    """Return 16 hexadecimal digits that name the key whose public half is `recipient`."""
    return hashlib.sha256(recipient.encode("ascii")).hexdigest()[:16]


def token_digest(token: str) -> str:
    """Return the SHA-256 of a token as 64 hexadecimal digits. Rows keep only that, so reading them gives no access."""
    # A lone surrogate is in no token, but must not raise an encoding error.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_recovery_key() -> tuple[str, str]:
    """Return a new recovery key: the private half (for paper, shown once) and the public half (kept)."""
    fresh = new_capsule_key()
    return fresh.identity, fresh.recipient


def parse_recovery_key(text: str) -> str:
    """
    Return the private key in `text`, as somebody types it from paper or as any key file holds it.

    Spaces, line breaks, lower case and comment lines (`# ...`) do not matter. Raises UsageProblem, without
    repeating the text, when it is no key or a letter is wrong (the key carries a checksum).
    """
    lines = (line.strip() for line in text.splitlines())
    compact = "".join("".join(line.split()) for line in lines if not line.startswith("#")).upper()
    try:
        recipient_of(compact)
    except UsageProblem as error:
        raise UsageProblem("recovery_key_unclear") from error
    return compact


def write_key_file(path: Path, identity: str, *, title: str) -> None:
    """
    Write a private key as a text file of mode 0600 that `age -i` reads too, synced to the disk.

    Missing folders are made with mode 0700. Raises ConfigurationProblem when there is a file already (a key
    is never overwritten) or the folder cannot be written, DiskFull when there is no room.
    """
    content = f"# {title}\n# public key: {recipient_of(identity)}\n{identity}\n"
    # It gets its name when it is whole: an empty key file after a power cut would look like a lost key.
    half = path.with_name(f"{path.name}.half")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        half.unlink(missing_ok=True)  # of an attempt that was cut off
        with os.fdopen(
            os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _name_anew(half, path)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise ConfigurationProblem("key_there_already", file=path) from error
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)


def _name_anew(half: Path, path: Path) -> None:
    """Give a file the name `path`. Raises FileExistsError when there is one of that name, which is never replaced."""
    try:
        os.link(half, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without second names
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        half.rename(path)


def put_in_place(fresh: Path, path: Path) -> None:
    """
    Make the key file `fresh` the one at `path`; the one that was there is kept beside it, and `path` is never missing.

    Programs that do this at the same moment wait for each other (flock(2) on `fresh`), and whoever comes later finds
    it done. Nothing happens when `fresh` is not there. Raises ConfigurationProblem or DiskFull.
    """
    try:
        with fresh.open("r+b") as held:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(held, fcntl.LOCK_EX)
            # Somebody may have put it in place while this program waited: then that name is gone, or another file's.
            if not os.path.samestat(os.fstat(held.fileno()), fresh.stat()):
                return
            _keep_beside(path)
            fresh.replace(path)
            _sync_folder(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _not_written(path, error) from error


def set_aside(path: Path) -> None:
    """
    Rename a key file that is not used, if there is one: no key is ever deleted.

    Raises ConfigurationProblem or DiskFull.
    """
    try:
        path.rename(_name_beside(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise _not_written(path, error) from error


def _keep_beside(path: Path) -> None:
    """Give the file at `path` a second name, or, where file systems have no second names, only that."""
    try:
        os.link(path, _name_beside(path), follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError:
        set_aside(path)


def _name_beside(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return path.with_name(f"{path.name.removesuffix('.new')}.before-{stamp}")


def _not_written(path: Path, error: OSError) -> DiskFull | ConfigurationProblem:
    if is_disk_full(error):
        return DiskFull()
    return ConfigurationProblem("key_not_written", file=path, problem=system_problem(error))


def _sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
