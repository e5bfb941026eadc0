"""Uploads: files on their way in, part by part, so that a cut connection costs seconds and not the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule.domain.stories import Missing
from memorycapsule.errors import MediaRefused, Refusal

#: How long an upload is kept after its last change: what has arrived waits for the rest, or the outcome can be asked.
KEPT_FOR = timedelta(days=7)


#: So many files of one member may be announced and not be there yet.
MOST_ANNOUNCED = 200
#: While a file becomes a medium, its pieces and the medium both lie on the disk.
ROOM_PER_BYTE = 2


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """How much may be put in, in bytes."""

    largest_file: int
    #: By one member into one capsule.
    most_per_member: int

    def refusal_of(self, length: int, *, used_bytes: int) -> MediaRefused | None:
        """Return why a file of `length` bytes is too large, or None; its sender has put in `used_bytes` already."""
        if length > self.largest_file:
            return MediaRefused(Refusal.FILE_TOO_LARGE, megabytes=self.largest_file / 1_000_000)
        if used_bytes + length > self.most_per_member:
            return MediaRefused(Refusal.QUOTA_FULL, gigabytes=self.most_per_member / 1_000_000_000)
        return None


@dataclass(frozen=True, kw_only=True)
class UploadMetadata:
    """What the sender says about a file; sealed like its bytes."""

    #: Name that it has where it comes from.
    file: str
    #: Its place in the story; None for after all that is there by then.
    position: int | None = None
    #: Whether the very same file turned out to be in the story before.
    is_duplicate: bool = False
    #: Whether all of it is here, and could not be read because the machine was in the way; it will be tried again.
    is_postponed: bool = False
    #: What could not be read of it, once it is a medium.
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that is being sent to a story; what has arrived of it lies sealed."""

    id: str
    story_id: str
    capsule_id: str
    #: The session that began it; no other goes on with it.
    session_id: str
    #: JSON of UploadMetadata, sealed.
    about: bytes
    #: Bytes of the whole file, and how many of them have arrived.
    length: int
    received: int
    created_at: datetime
    changed_at: datetime
    #: The medium it became.
    medium_id: str | None
    #: JSON of why it was refused, sealed; a bare sentence where an older version kept it.
    refusal: bytes | None

    @property
    def is_whole(self) -> bool:
        """Whether all of it has arrived."""
        return self.received == self.length


@dataclass(frozen=True, kw_only=True)
class UploadPart:
    """A piece of a file, sealed like all that is in the capsule."""

    id: str
    upload_id: str
    #: Where in the file it begins.
    start: int
    bytes: int
    blob_id: str
