"""Preservation: what may be found wrong with what an instance keeps, and how that is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
