"""Preservation: what may be found wrong with an instance, how that is recorded, and what a backup says of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from memorycapsule.domain.events import Event


class DamageKind(StrEnum):
    """What is damaged, and how."""

    DATABASE = "database"  #: the database itself says so, or a part of it cannot be read
    ROW = "row"  #: a row holds what no program of ours has written
    RULE = "rule"  #: rows say together what must never be
    BLOB_MISSING = "blob_missing"
    BLOB_CHANGED = "blob_changed"
    BLOB_UNREADABLE = "blob_unreadable"  #: the disk refuses it
    BLOB_UNKNOWN = "blob_unknown"  #: a cover or a song that a capsule refers to has no row
    ENVELOPE_MISSING = "envelope_missing"
    ENVELOPE_DAMAGED = "envelope_damaged"
    ENVELOPE_FOREIGN = "envelope_foreign"  #: whole, and of another key
    WORDS = "words"  #: of a story
    DETAILS = "details"  #: of a photo, clip or voice note
    UPLOAD = "upload"  #: what its sender said about a file on its way
    PLAN = "plan"  #: of a film


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One thing that is damaged."""

    kind: DamageKind
    #: The id of its row; None for the database as a whole.
    subject_id: str | None = None
    capsule_id: str | None = None
    #: What the database says, the table of a row, the kind of an envelope, or a rule.
    detail: str = ""


class PremisType(StrEnum):
    """What an event is in terms of PREMIS (id.loc.gov/vocabulary/preservation/eventType)."""

    FIXITY_CHECK = "fixity check"
    QUARANTINE = "quarantine"
    RECOVERY = "recovery"
    REPLICATION = "replication"
    VALIDATION = "validation"


class PremisOutcome(StrEnum):
    """How a preservation event ended (PREMIS eventOutcome)."""

    SUCCESS = "success"
    FAILURE = "failure"


def premis_event(
    kind: str,
    premis_type: PremisType,
    outcome: PremisOutcome,
    *,
    at: datetime,
    capsule_id: str | None = None,
    subject_id: str | None = None,
    **facts: str | int | None,
) -> Event:
    """Return an event of preservation: it says its PREMIS type and outcome among its facts."""
    return Event(
        kind=kind,
        at=at,
        capsule_id=capsule_id,
        subject_id=subject_id,
        facts={"type": str(premis_type), "outcome": str(outcome), **facts},
    )


#: Counted when an older program could not restore what a newer one backs up.
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Backup:
    """One state of an instance in a backup folder. All its files are there, but those that it says are missing."""

    #: Which of the folder's backups it is: their names sort as they were made.
    name: str
    #: Id of the instance.
    instance: str
    made_at: datetime
    #: Version of the program that made it, and revision of its database.
    program: str
    revision: str
    #: Fingerprint of the instance key that is needed to restore it.
    key_fingerprint: str
    recovery_recipient: str
    #: SHA-256 of the database's file.
    database_digest: str
    capsules: int
    files: int
    bytes: int
    #: Ids of blobs that were gone or damaged when it was made.
    missing: tuple[str, ...]


def next_name(names: list[str], made_at: datetime) -> str:
    """
    Return the name of the backup that follows on those of `names`, like "000012-20360508T120000Z".

    They are counted, since a clock that was wrong once would put the newest one before all others.
    """
    numbers = [int(name[:6]) for name in names if name[:6].isdecimal()]
    return f"{max(numbers, default=0) + 1:06d}-{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def backup_to_json(backup: Backup) -> str:
    """Return the manifest, which people may read, too."""
    fields = asdict(backup) | {"made_at": backup.made_at.astimezone(UTC).isoformat(timespec="seconds")}
    return json.dumps({"format": FORMAT, **fields}, ensure_ascii=False, indent=2) + "\n"


def backup_from_json(text: str) -> Backup:
    """Return what a manifest says. Raises ValueError for what is none, or is of a newer program."""
    try:
        fields: dict[str, Any] = json.loads(text)
        if int(fields.pop("format")) > FORMAT:
            raise ValueError("format")
        made_at = datetime.fromisoformat(fields.pop("made_at"))
        known = {name: fields[name] for name in Backup.__dataclass_fields__ if name in fields}
        return Backup(**known | {"made_at": made_at, "missing": tuple(known["missing"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("manifest") from error
