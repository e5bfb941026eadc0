"""The vault: seals what comes in, unseals what may be seen, and keeps the bytes of both."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.instances import Blob, KeyEnvelope
from memorycapsule.domain.stories import Medium, MediumDetails, Story, StoryWords
from memorycapsule.errors import KeyMissing
from memorycapsule.media.blobs import LocalBlobs
from memorycapsule.seal import envelopes
from memorycapsule.seal.keys import InstanceKey
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store.transactions import Transaction

INSTANCE = "instance"
RECOVERY = "recovery"


@dataclass(frozen=True, kw_only=True)
class Vault:
    """What is needed to seal and unseal."""

    key: InstanceKey
    blobs: LocalBlobs
    #: Folder (mode 0700) for unnamed temporary files.
    workspace: Path

    def sealed_words(self, capsule: Capsule, words: StoryWords) -> bytes:
        """Return a story's words as an age file."""
        return envelopes.seal_bytes(words_to_json(words), capsule.recipient)

    def sealed_details(self, capsule: Capsule, details: MediumDetails) -> bytes:
        """Return what is known about a medium as an age file."""
        return envelopes.seal_bytes(details_to_json(details), capsule.recipient)

    def identity(self, tx: Transaction, capsule_id: str) -> str:
        """Return the private key of a capsule. Raises WrongKey, KeyMissing or DamagedEnvelope."""
        envelope = capsule_store.envelopes_of(tx, capsule_id, INSTANCE)
        if envelope is None:
            raise KeyMissing(
                "This capsule has no key wrapped to the instance key; run `capsule key recover`."
            )
        return envelopes.unwrap(envelope.envelope, self.key.identity)

    def words_of(self, tx: Transaction, story: Story) -> StoryWords:
        """Return what is written in a story."""
        plain = story.words
        if story.is_sealed:
            plain = envelopes.unseal_bytes(plain, self.identity(tx, story.capsule_id))
        return words_from_json(plain)

    def details_of(self, tx: Transaction, medium: Medium) -> MediumDetails:
        """Return what is known about a medium."""
        plain = medium.details
        if medium.is_sealed:
            plain = envelopes.unseal_bytes(plain, self.identity(tx, medium.capsule_id))
        return details_from_json(plain)

    def keep_sealed(self, capsule: Capsule, source: BinaryIO, now: datetime) -> Blob:
        """Encrypt `source` into a new blob; its row is the caller's to add. Raises DiskFull."""
        return self._keep(
            capsule.id, lambda sink: envelopes.seal_stream(source, sink, capsule.recipient), now, sealed=True
        )

    def keep_open(self, capsule_id: str, source: BinaryIO, now: datetime) -> Blob:
        """Copy `source` into a new blob; its row is the caller's to add. Raises DiskFull."""
        return self._keep(
            capsule_id, lambda sink: shutil.copyfileobj(source, sink, 1 << 20), now, sealed=False
        )

    def _keep(
        self, capsule_id: str, fill: Callable[[BinaryIO], None], now: datetime, *, sealed: bool
    ) -> Blob:
        blob_id = str(uuid.uuid4())
        stored = self.blobs.write(blob_id, fill)
        return Blob(
            id=blob_id,
            capsule_id=capsule_id,
            stored_digest=stored.digest,
            bytes=stored.bytes,
            sealed=sealed,
            created_at=now,
        )

    def open_blob(self, tx: Transaction, blob_id: str) -> BinaryIO:
        """
        Return the plain bytes of a blob as a seekable file: the blob itself, or an unnamed temporary file.

        What is decrypted for it is never visible under a name and is gone when the file is closed. Raises
        NotFound, WrongKey or DamagedEnvelope.
        """
        blob = capsule_store.blobs.get(tx, blob_id)
        if not blob.sealed:
            return self.blobs.open(blob_id)
        identity = self.identity(tx, blob.capsule_id)
        plain = unnamed_file(self.workspace)
        try:
            with self.blobs.open(blob_id) as sealed:
                envelopes.unseal_stream(sealed, plain, identity)
            plain.seek(0)
        except BaseException:
            plain.close()
            raise
        return plain

    def forget(self, blob_ids: list[str]) -> None:
        """Delete the bytes of blobs whose rows are gone."""
        for blob_id in blob_ids:
            self.blobs.delete(blob_id)


def new_envelopes(identity: str, capsule_id: str, key: InstanceKey, recovery: str) -> list[KeyEnvelope]:
    """Return a new capsule's private key wrapped to the instance key and, apart, to the recovery key."""
    return [
        KeyEnvelope(
            id=str(uuid.uuid4()),
            capsule_id=capsule_id,
            kind=kind,
            generation=1,
            envelope=envelopes.wrap(identity, recipient),
        )
        for kind, recipient in ((INSTANCE, key.recipient), (RECOVERY, recovery))
    ]


def unnamed_file(folder: Path) -> BinaryIO:
    """Return an empty file without a name, for plain bytes on their way; the kernel drops it when closed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))  # O_TMPFILE where the file system has it


def words_to_json(words: StoryWords) -> bytes:
    return json.dumps(dataclasses.asdict(words), ensure_ascii=False).encode()


def words_from_json(plain: bytes) -> StoryWords:
    return StoryWords(**json.loads(plain))


def details_to_json(details: MediumDetails) -> bytes:
    fields = dataclasses.asdict(details)
    fields["taken_local"] = details.taken_local.isoformat() if details.taken_local else None
    return json.dumps(fields, ensure_ascii=False).encode()


def details_from_json(plain: bytes) -> MediumDetails:
    fields = json.loads(plain)
    if fields["taken_local"]:
        fields["taken_local"] = datetime.fromisoformat(fields["taken_local"])
    return MediumDetails(**fields)
