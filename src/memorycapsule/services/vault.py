"""The vault: seals what comes in, unseals what may be seen, and keeps the bytes of both."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.instances import Blob, KeyEnvelope
from memorycapsule.domain.refusals import refusal_to_json
from memorycapsule.domain.sealed_json import (
    details_from_json,
    details_to_json,
    metadata_from_json,
    metadata_to_json,
    words_from_json,
    words_to_json,
)
from memorycapsule.domain.stories import Medium, MediumDetails, Story, StoryWords
from memorycapsule.domain.uploads import Upload, UploadMetadata
from memorycapsule.errors import (
    CapsuleError,
    KeyMissing,
    MediaRefused,
    NotFound,
    Postponed,
    WrongKey,
    shortage,
    system_problem,
)
from memorycapsule.media.cache import Cache
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.media.storage.plain_files import PlainFiles
from memorycapsule.seal import envelopes
from memorycapsule.seal.envelopes import DamagedEnvelope
from memorycapsule.seal.keys import InstanceKey, fingerprint_of
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction

#: A page that was open for longer asks for its photos once more.
ADDRESS_LASTS = timedelta(minutes=5)
INSTANCE = "instance"
RECOVERY = "recovery"
_MOST_IN_MEMORY = 64 << 20
#: Smaller files are asked for whole.
_LEAST_KEPT = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Vault:
    """What is needed to seal and unseal."""

    key: InstanceKey
    blobs: Blobs
    #: Finished segments of films, one shelf for each capsule.
    cache: Cache
    #: Folder (mode 0700) for unnamed temporary files.
    workspace: Path
    #: What was unsealed a moment ago for a browser that asks for it piece by piece.
    plain_files: PlainFiles = field(default_factory=PlainFiles)
    #: Whether browsers read open blobs where they lie.
    has_addresses: bool = False
    #: Says why there are none of the blobs at this moment although there should be; `history.absence` of a database.
    absence_of: Callable[[Blobs], Postponed | None] = lambda _blobs: None

    def sealed_words(self, capsule: Capsule, words: StoryWords) -> bytes:
        """Return a story's words as an age file."""
        return envelopes.seal_bytes(words_to_json(words), capsule.recipient)

    def sealed_details(self, capsule: Capsule, details: MediumDetails) -> bytes:
        """Return what is known about a medium as an age file."""
        return envelopes.seal_bytes(details_to_json(details), capsule.recipient)

    def sealed_metadata(self, capsule: Capsule, about: UploadMetadata) -> bytes:
        """Return what a sender said about a file as an age file."""
        return envelopes.seal_bytes(metadata_to_json(about), capsule.recipient)

    def sealed_refusal(self, capsule: Capsule, refused: MediaRefused) -> bytes:
        """Return why a file was refused, which may tell something of it, as an age file."""
        return envelopes.seal_bytes(refusal_to_json(refused), capsule.recipient)

    def unsealer(self, tx: Transaction, capsule_id: str) -> Unsealer:
        """Return what unseals a capsule's words, details and files, to be used after the transaction."""
        found = capsule_store.newest_envelope(tx, capsule_id, INSTANCE)
        return Unsealer(key=self.key, envelope=found)

    def keep_sealed(self, capsule: Capsule, source: BinaryIO, now: datetime) -> Blob:
        """Encrypt `source` into a new blob; its row is the caller's to add. Raises DiskFull."""
        return self._keep(
            capsule.id, lambda sink: envelopes.seal_stream(source, sink, capsule.recipient), now, sealed=True
        )

    def keep_open(self, capsule_id: str, source: BinaryIO, now: datetime) -> Blob:
        """Copy `source` into a new blob; its row is the caller's to add. Raises DiskFull."""
        return self.keep_as_it_is(capsule_id, source, now, sealed=False)

    def keep_as_it_is(self, capsule_id: str, source: BinaryIO, now: datetime, *, sealed: bool) -> Blob:
        """Copy `source`, which is sealed already or to be open, into a new blob; its row is the caller's to add."""
        return self._keep(
            capsule_id, lambda sink: shutil.copyfileobj(source, sink, 1 << 20), now, sealed=sealed
        )

    def absence(self) -> Postponed | None:
        """Return why there are no files at this moment although there should be; None where they are."""
        return self.absence_of(self.blobs)

    def refuse_absent(self) -> None:
        """Raise Postponed where the disk of the files is not mounted: what was written now would be hidden later."""
        if absent := self.absence():
            raise absent

    def _keep(
        self, capsule_id: str, fill: Callable[[BinaryIO], None], now: datetime, *, sealed: bool
    ) -> Blob:
        blob_id = str(uuid.uuid4())
        self.refuse_absent()
        # All of this may wait; openings and letters, for which the last room is, keep no blobs.
        self.blobs.check_room(0)
        try:
            stored = self.blobs.write(blob_id, fill)
        except OSError as error:
            raise translate_error(error) from error
        return Blob(
            id=blob_id,
            capsule_id=capsule_id,
            stored_digest=stored.digest,
            bytes=stored.bytes,
            sealed=sealed,
            created_at=now,
        )

    def source_of(self, tx: Transaction, blob_id: str) -> BlobSource:
        """Return what opens a blob after the transaction. Raises NotFound."""
        blob = capsule_store.blobs.get(tx, blob_id)
        unsealer = self.unsealer(tx, blob.capsule_id) if blob.sealed else None
        return BlobSource(vault=self, blob_ids=(blob_id,), bytes=blob.bytes, unsealer=unsealer)

    def source_of_parts(
        self, tx: Transaction, capsule_id: str, blob_ids: list[str], length: int
    ) -> BlobSource:
        """Return what opens sealed blobs, one after the other, as one file of about `length` bytes."""
        unsealer = self.unsealer(tx, capsule_id)
        return BlobSource(vault=self, blob_ids=tuple(blob_ids), bytes=length, unsealer=unsealer)

    def open_medium(self, store: Store, medium_id: str, form: str, *, for_pieces: bool = False) -> BinaryIO:
        """
        Return the plain bytes of a medium's blob in one form (`original_blob` ...), as `BlobSource.open` does.

        With `for_pieces`, what had to be unsealed is kept for a minute: somebody may come back for another piece.
        What is open comes as `BlobSource.open_in_place` returns it.

        Cleanup may replace a sealed blob by an open one after the row was read and before its file is opened; then
        the row is read once more. Raises NotFound when the medium or this form of it does not exist.
        """
        for is_last in (False, True):
            with store.reading() as tx:
                blob_id = getattr(story_store.media.get(tx, medium_id), form)
                if blob_id is None:
                    raise NotFound
                source = self.source_of(tx, blob_id)
            is_kept = for_pieces and source.unsealer is not None and source.bytes >= _LEAST_KEPT
            try:
                if is_kept:
                    return self.plain_files.opened(blob_id, source.open)
                return source.open_in_place() if for_pieces else source.open()
            except NotFound:
                if is_last:
                    raise
        raise NotFound

    def delete_uncommitted(self, store: Store, blob_ids: list[str]) -> None:
        """
        Delete the bytes of those blobs that have no row, since their transaction failed.

        A commit whose answer was lost may have gone through. So the rows are asked for, and where that fails as
        well, all bytes stay.
        """
        try:
            with store.reading() as tx:
                lost = [blob_id for blob_id in blob_ids if capsule_store.blobs.find(tx, blob_id) is None]
        except CapsuleError:
            return
        self.delete_blobs(lost)

    def delete_blobs(self, blob_ids: list[str]) -> None:
        """Delete the bytes of blobs whose rows are gone."""
        for blob_id in blob_ids:
            self.blobs.delete(blob_id)


@dataclass(frozen=True, kw_only=True)
class Unsealer:
    """
    Unseals what belongs to one capsule.

    It is read in a transaction and used after it: unsealing takes long. Raises WrongKey, KeyMissing or
    DamagedEnvelope when it is used, and only for what is still sealed.
    """

    key: InstanceKey
    #: The capsule's private key, wrapped to the instance key; None where it is missing.
    envelope: KeyEnvelope | None

    @cached_property
    def identity(self) -> str:
        """The private key of the capsule."""
        if self.envelope is None:
            raise KeyMissing("capsule_key_missing")
        return capsule_identity(self.envelope, self.key.identity)

    def words_of(self, story: Story) -> StoryWords:
        """Return what is written in a story."""
        return words_from_json(self._plain(story.words) if story.is_sealed else story.words)

    def details_of(self, medium: Medium) -> MediumDetails:
        """Return what is known about a medium."""
        return details_from_json(self._plain(medium.details) if medium.is_sealed else medium.details)

    def metadata_of(self, upload: Upload) -> UploadMetadata:
        """Return what its sender said about a file."""
        return metadata_from_json(self._plain(upload.about))

    def refusal_of(self, upload: Upload) -> bytes | None:
        """Return what an upload keeps of why the file was refused, None when it was not."""
        return None if upload.refusal is None else self._plain(upload.refusal)

    def _plain(self, sealed: bytes) -> bytes:
        return envelopes.unseal_bytes(sealed, self.identity)


@dataclass(frozen=True, kw_only=True)
class BlobSource:
    """The bytes of a file in the vault, found in a transaction and opened after it."""

    vault: Vault
    #: The blobs that hold it, one after the other; an open file has one.
    blob_ids: tuple[str, ...]
    #: About how large it is.
    bytes: int
    #: None for an open blob.
    unsealer: Unsealer | None

    def open(self) -> BinaryIO:
        """
        Return the plain bytes as a seekable file of this system: the blob itself, or an unnamed temporary file.

        What is decrypted for it is never visible under a name and is gone when the file is closed. Raises
        NotFound, WrongKey, KeyMissing or DamagedEnvelope.
        """
        there = self.open_in_place()
        if _has_descriptor(there):
            return there
        with there:
            try:
                return _copied(there, unnamed_file(self.vault.workspace, self.bytes))
            except OSError as error:
                raise translate_error(error) from error

    def address(self) -> str | None:
        """Return an address at which a browser reads an open blob in the next minutes, None where it asks us."""
        if self.unsealer is not None or not self.vault.has_addresses:
            return None
        (blob_id,) = self.blob_ids
        return self.vault.blobs.signed(blob_id, ADDRESS_LASTS)

    def open_in_place(self) -> BinaryIO:
        """Return what `open` does, but an open blob of a bucket as what reads it from there, piece by piece."""
        blobs = self.vault.blobs
        try:
            if self.unsealer is None:
                (blob_id,) = self.blob_ids
                return blobs.open(blob_id)
            identity = self.unsealer.identity
            plain = unnamed_file(self.vault.workspace, self.bytes)
            try:
                for blob_id in self.blob_ids:
                    with blobs.open(blob_id) as sealed:
                        envelopes.unseal_stream(sealed, plain, identity)
                plain.seek(0)
            except BaseException:
                plain.close()
                raise
        except OSError as error:
            raise translate_error(error) from error
        return plain


def new_envelopes(identity: str, capsule_id: str, key: InstanceKey, recovery: str) -> list[KeyEnvelope]:
    """Return a new capsule's private key wrapped to the instance key and, apart, to the recovery key."""
    return [
        new_envelope(identity, capsule_id, kind, recipient)
        for kind, recipient in ((INSTANCE, key.recipient), (RECOVERY, recovery))
    ]


def new_envelope(
    identity: str, capsule_id: str, kind: str, recipient: str, *, generation: int = 1
) -> KeyEnvelope:
    """Return a capsule's private key wrapped to one holder; `generation` counts the envelopes of its kind."""
    envelope = envelopes.wrap(identity, recipient)
    return KeyEnvelope(
        id=str(uuid.uuid4()),
        capsule_id=capsule_id,
        kind=kind,
        generation=generation,
        envelope=envelope,
        digest=hashlib.sha256(envelope).hexdigest(),
        holder=fingerprint_of(recipient),
    )


def capsule_identity(envelope: KeyEnvelope, holder_identity: str) -> str:
    """
    Return a capsule's private key from its envelope.

    Raises DamagedEnvelope when the envelope's bytes have changed, WrongKey when it was made for another holder.
    """
    try:
        return envelopes.unwrap(envelope.envelope, holder_identity)
    except WrongKey as error:
        if envelope.is_whole:
            raise WrongKey("key_envelope_foreign") from error
        # A changed stanza looks like that of another key.
        raise DamagedEnvelope("key_envelope_damaged") from error


def digest_of(file: BinaryIO) -> tuple[str, int]:
    """Return the SHA-256 of a file, hexadecimal, and its bytes; it is read from its start to its end."""
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := file.read(1 << 20):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def unnamed_file(folder: Path, expected_bytes: int) -> BinaryIO:
    """
    Return an empty file without a name, for plain bytes on their way; it is gone when closed.

    Up to 64 MB it lies in memory (memfd_create(2)), so that no photo ever reaches a disk in plain.
    """
    if expected_bytes <= _MOST_IN_MEMORY and hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("plain", os.MFD_CLOEXEC), "w+b")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))  # O_TMPFILE where the file system has it


def _has_descriptor(file: BinaryIO) -> bool:
    try:
        file.fileno()
    except io.UnsupportedOperation:
        return False
    return True


def _copied(source: BinaryIO, target: BinaryIO) -> BinaryIO:
    """Return `target` with the bytes of `source`, at its beginning; it is closed when that fails."""
    try:
        shutil.copyfileobj(source, target, 1 << 20)
        target.seek(0)
    except BaseException:
        target.close()
        raise
    return target


def translate_error(error: OSError) -> CapsuleError:
    """Return our error for bytes that could not be read or written."""
    return shortage(error) or CapsuleError("data_folder_unusable", problem=system_problem(error))
