"""Backups as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.schemas.model import Id, Instant, Model

if TYPE_CHECKING:
    from memorycapsule.domain import preservation
    from memorycapsule.services.preservation.restore import Restored


class Backup(Model):
    """One state of the instance in a backup folder."""

    name: str = Field(examples=["000012-20360508T120000Z"])
    made_at: Instant
    capsules: int
    files: int
    bytes: int
    missing: list[Id] = Field(description="Files that were gone or damaged when it was made.")

    @classmethod
    def of(cls, found: preservation.Backup) -> Self:
        return cls(
            name=found.name,
            made_at=found.made_at,
            capsules=found.capsules,
            files=found.files,
            bytes=found.bytes,
            missing=list(found.missing),
        )


class Contents(Model):
    """What was found when the files of a backup were read."""

    files: int = Field(description="Those that are whole.")
    bytes: int
    missing: list[Id]
    damaged: list[Id]
    wrong: list[str] = Field(description="What else is wrong: rows, rules, key envelopes, plans.")

    @classmethod
    def of(cls, found: Restored) -> Self:
        return cls(
            files=found.files,
            bytes=found.bytes,
            missing=list(found.missing),
            damaged=list(found.damaged),
            wrong=[" ".join(filter(None, (one.kind, one.subject_id, one.detail))) for one in found.damage],
        )
