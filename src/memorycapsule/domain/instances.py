"""The instance: this installation as the store knows it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from memorycapsule.domain.deliveries import wait_after
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.domain.waits import is_over
from memorycapsule.errors import CapsuleError, NotDue


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One row: what must agree between the store, the key file and the clock."""

    id: str
    created_at: datetime
    #: Fingerprint of the instance key; start refuses another.
    key_fingerprint: str
    #: age recipient of the recovery key.
    recovery_recipient: str
    #: Version of the zone rules that all sealed capsules' dates were derived with.
    zone_rules: str
    #: The latest instant that has certainly come, against clocks that jump; more of that is in `KnownTime`.
    seen_at: datetime
    #: Until when no letter is tried, because the mail server refused us as a whole, and why it did.
    mail_paused_until: datetime | None
    mail_pause_reason: KeptReason | None
    #: Why nothing is opened and no letter leaves until `capsule release`; None usually.
    hold: KeptReason | None = None
    #: When the last whole backup was begun.
    backed_up_at: datetime | None = None
    #: When the login at the mail server was last tried without a letter, and why it failed; None where it went well.
    mail_tried_at: datetime | None = None
    mail_problem: KeptReason | None = None
    #: How often letters have been made to wait since one last went through.
    mail_pauses: int = 0

    def why_letters_wait(self, now: datetime) -> CapsuleError | None:
        """Return why no letter is tried at this moment, None when letters are."""
        if self.mail_paused_until is None or self.mail_pause_reason is None:
            return None
        if is_over(self.mail_paused_until, now, longest=wait_after(max(self.mail_pauses, 1))):
            return None
        return self.mail_pause_reason.error

    @property
    def held(self) -> NotDue | None:
        """Why nothing is opened and no letter leaves; None when both go on."""
        return self.hold.error.as_kind(NotDue) if self.hold else None


@dataclass(frozen=True, kw_only=True)
class Node:
    """A program that does due work beside others, on a database that they share. Its instants are the database's."""

    id: str
    #: "daemon", "worker" or "command".
    kind: str
    started_at: datetime
    #: When it last said that it is alive.
    seen_at: datetime
    #: Fingerprint of the instance key that it works with.
    key_fingerprint: str
    #: The name of the machine that it runs on.
    host: str = ""
    #: When it was the first to come back after the database had been away; None if it never was.
    back_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class KeyEnvelope:
    """A capsule's private key, wrapped to one holder."""

    id: str
    capsule_id: str
    #: `instance` or `recovery`.
    kind: str
    #: Counts re-wrappings.
    generation: int
    #: An age file.
    envelope: bytes
    #: SHA-256 of it, hexadecimal: damage to an envelope shows without its holder's key.
    digest: str
    #: Fingerprint of the key that opens it.
    holder: str

    @property
    def is_whole(self) -> bool:
        """Whether its bytes are still those that were made."""
        return hashlib.sha256(self.envelope).hexdigest() == self.digest


class BlobDamage(StrEnum):
    """What was wrong with stored bytes when they were last read."""

    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"  #: the disk refuses them


@dataclass(frozen=True, kw_only=True)
class Blob:
    """Bytes in the blob store."""

    id: str
    capsule_id: str
    #: SHA-256 of the bytes as stored, hexadecimal.
    stored_digest: str
    bytes: int
    sealed: bool
    created_at: datetime
    #: When the stored bytes were last read and compared with their digest; None: not since they were written.
    checked_at: datetime | None = None
    #: What was wrong with them then.
    damage: BlobDamage | None = None
