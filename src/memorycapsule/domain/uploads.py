"""Uploads: files on their way in, part by part, so that a cut connection costs seconds and not the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that is being sent to a story; what has arrived of it lies sealed."""

    id: str
    story_id: str
    capsule_id: str
    #: The session that began it; no other goes on with it.
    session_id: str
    #: JSON of what the sender said about the file (its name), sealed.
    about: bytes
    #: Bytes of the whole file, and how many of them have arrived.
    length: int
    received: int
    created_at: datetime
    changed_at: datetime
    #: The medium it became.
    medium_id: str | None
    #: Why it was refused, in words that may name the file; sealed.
    refusal: bytes | None


@dataclass(frozen=True, kw_only=True)
class UploadPart:
    """A piece of a file, sealed like all that is in the capsule."""

    id: str
    upload_id: str
    #: Where in the file it begins.
    start: int
    bytes: int
    blob_id: str
