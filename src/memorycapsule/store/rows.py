"""
The tables. Rows never leave the store: services get the frozen values of `domain`.

The field names equal those of the values, so that `store.tables` can translate without a list of its own.
"""

import json
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import NaiveDatetime
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

from memorycapsule.domain.capsules import CapsuleState, Role
from memorycapsule.domain.date_requests import DateRequestState
from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.domain.film.montages import MontageState, Omission
from memorycapsule.domain.instances import BlobDamage
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.domain.sessions import CodePurpose, LinkPurpose, Scope, SessionKind
from memorycapsule.domain.stories import MediumKind

# Constraints have names from the first revision on: Alembic's batch mode on SQLite needs them.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class EnumColumn(TypeDecorator[StrEnum]):
    """A StrEnum kept as its value, so that the database can be read without the program."""

    impl = String(20)
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        del dialect
        return None if value is None else self.enum(value)


class StringsColumn(TypeDecorator[tuple[str, ...]]):
    """A tuple of strings kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        del dialect
        return json.dumps(list(value or ()), ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...]:
        del dialect
        return tuple(json.loads(value or "[]"))


class OmissionsColumn(TypeDecorator[tuple[Omission, ...]]):
    """A film's report kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        del dialect
        return json.dumps([asdict(omission) for omission in value or ()], ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Omission, ...]:
        del dialect
        return tuple(Omission(**line) for line in json.loads(value or "[]"))


class KeptReasonColumn(TypeDecorator[KeptReason]):
    """What happened, kept as a JSON object."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else json.dumps(asdict(value), ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> KeptReason | None:
        del dialect
        return None if value is None else KeptReason(**json.loads(value))


def _enum(enum: type[StrEnum], *, index: bool = False) -> Any:
    return Field(sa_column=Column(EnumColumn(enum), nullable=False, index=index))


def _reference(to: str, *, column: str | None = None, optional: bool = False, index: bool = True) -> Any:
    """Return a field with the id of another table's row; `column` names the column if it is not named as the field."""
    return Field(sa_column=Column(column, String(36), ForeignKey(f"{to}.id"), nullable=optional, index=index))


def _text(*, optional: bool = False) -> Any:
    return Field(sa_column=Column(Text, nullable=optional))


def _bytes() -> Any:
    return Field(sa_column=Column(LargeBinary, nullable=False))


def _kept_reason() -> Any:
    return Field(sa_column=Column(KeptReasonColumn, nullable=True))


def _id() -> Any:
    return Field(sa_column=Column(String(36), primary_key=True))


class InstanceRow(SQLModel, table=True):
    __tablename__ = "instance"
    id: str = _id()
    created_at: datetime
    key_fingerprint: str
    recovery_recipient: str
    zone_rules: str
    seen_at: datetime
    seen_by_network: bool
    boot_id: str | None
    booted_at: datetime | None
    booted_after: datetime | None
    unproven_since: datetime | None
    mail_paused_until: datetime | None
    mail_pause_reason: KeptReason | None = _kept_reason()
    hold: KeptReason | None = _kept_reason()
    backed_up_at: datetime | None
    mail_tried_at: datetime | None
    mail_problem: KeptReason | None = _kept_reason()
    mail_pauses: int


class AccountRow(SQLModel, table=True):
    __tablename__ = "account"
    id: str = _id()
    name: str
    locale: str
    is_admin: bool
    created_at: datetime
    deleted_at: datetime | None


class AddressRow(SQLModel, table=True):
    __tablename__ = "address"
    id: str = _id()
    account_id: str = _reference("account")
    address: str
    normalised: str = Field(unique=True)
    verified_at: datetime | None


class CapsuleRow(SQLModel, table=True):
    __tablename__ = "capsule"
    __table_args__ = (
        UniqueConstraint("made_by", "slug"),
        Index("ix_capsule_state_opens_at", "state", "opens_at"),
    )
    id: str = _id()
    slug: str
    title: str
    message: str | None
    theme: str
    state: CapsuleState = _enum(CapsuleState)
    opens_local: NaiveDatetime
    zone: str
    fold: int
    opens_at: datetime
    zone_rules: str
    film_photos: int
    soundtrack_blob: str | None
    cover_blob: str | None
    recipient: str
    seal_level: int
    generation: int
    made_by: str = _reference("account")
    created_at: datetime
    opened_at: datetime | None
    music: str | None
    film_language: str | None


class KeyEnvelopeRow(SQLModel, table=True):
    __tablename__ = "key_envelope"
    __table_args__ = (UniqueConstraint("capsule_id", "kind", "generation"),)
    id: str = _id()
    capsule_id: str = _reference("capsule", index=False)
    kind: str
    generation: int
    envelope: bytes = _bytes()
    digest: str = Field(sa_column=Column(String(64), nullable=False))
    holder: str = Field(sa_column=Column(String(16), nullable=False))


class BlobRow(SQLModel, table=True):
    __tablename__ = "blob"
    id: str = _id()
    capsule_id: str = _reference("capsule")
    stored_digest: str
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sealed: bool
    created_at: datetime
    checked_at: datetime | None
    damage: BlobDamage | None = Field(sa_column=Column(EnumColumn(BlobDamage), nullable=True, index=True))


class MemberRow(SQLModel, table=True):
    __tablename__ = "member"
    __table_args__ = (UniqueConstraint("capsule_id", "account_id"),)
    id: str = _id()
    capsule_id: str = _reference("capsule", index=False)
    account_id: str = _reference("account")
    role: Role = _enum(Role)
    name: str
    joined_at: datetime
    left_at: datetime | None
    unsealed_at: datetime | None
    reminded_at: datetime | None


class InvitationRow(SQLModel, table=True):
    __tablename__ = "invitation"
    __table_args__ = (UniqueConstraint("capsule_id", "normalised"),)
    id: str = _id()
    capsule_id: str = _reference("capsule", index=False)
    address: str
    normalised: str
    name: str | None
    locale: str
    role: Role = _enum(Role)
    state: InvitationState = _enum(InvitationState)
    invited_by: str = _reference("member", index=False)
    rotation: int
    letters: int
    created_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    member_id: str | None = _reference("member", optional=True, index=False)
    reminded_at: datetime | None


class LinkRow(SQLModel, table=True):
    __tablename__ = "link"
    __table_args__ = (Index("ix_link_purpose_subject_id", "purpose", "subject_id"),)
    digest: str = Field(sa_column=Column(String(64), primary_key=True))
    purpose: LinkPurpose = _enum(LinkPurpose)
    subject_id: str
    rotation: int
    created_at: datetime


class SessionRow(SQLModel, table=True):
    __tablename__ = "session"
    id: str = _id()
    account_id: str = _reference("account")
    capsule_id: str | None = _reference("capsule", optional=True)
    kind: SessionKind = _enum(SessionKind)
    digest: str | None = Field(default=None, unique=True)
    proved_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    scope: Scope = _enum(Scope)
    name: str
    seen_at: datetime | None


class CodeRow(SQLModel, table=True):
    __tablename__ = "code"
    id: str = _id()
    account_id: str = _reference("account")
    purpose: CodePurpose = _enum(CodePurpose)
    address: str
    tries: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class StoryRow(SQLModel, table=True):
    __tablename__ = "story"
    id: str = _id()
    capsule_id: str = _reference("capsule")
    member_id: str = _reference("member")
    attached_by: str = _reference("account", index=False)
    session_id: str = _reference("session", index=False)
    position: int
    words: bytes = _bytes()
    is_sealed: bool
    created_at: datetime
    changed_at: datetime


class MediumRow(SQLModel, table=True):
    __tablename__ = "medium"
    __table_args__ = (UniqueConstraint("story_id", "duplicate_mark"),)
    id: str = _id()
    story_id: str = _reference("story", index=False)
    capsule_id: str = _reference("capsule")
    kind: MediumKind = _enum(MediumKind)
    position: int
    duplicate_mark: str
    details: bytes = _bytes()
    is_sealed: bool
    original_blob: str = _reference("blob", index=False)
    display_blob: str | None = _reference("blob", optional=True, index=False)
    thumbnail_blob: str | None = _reference("blob", optional=True, index=False)
    clip_blob: str | None = _reference("blob", optional=True, index=False)
    created_at: datetime


class UploadRow(SQLModel, table=True):
    __tablename__ = "upload"
    id: str = _id()
    story_id: str = _reference("story")
    capsule_id: str = _reference("capsule")
    session_id: str = _reference("session", index=False)
    about: bytes = _bytes()
    length: int = Field(sa_column=Column(BigInteger, nullable=False))
    received: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime
    changed_at: datetime
    medium_id: str | None = _reference("medium", optional=True, index=False)
    refusal: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))


class UploadPartRow(SQLModel, table=True):
    __tablename__ = "upload_part"
    __table_args__ = (UniqueConstraint("upload_id", "start"),)
    id: str = _id()
    upload_id: str = _reference("upload", index=False)
    start: int = Field(sa_column=Column(BigInteger, nullable=False))
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    blob_id: str = _reference("blob", index=False)


class EarlierDateRequestRow(SQLModel, table=True):
    __tablename__ = "wish"
    id: str = _id()
    capsule_id: str = _reference("capsule")
    member_id: str = _reference("member", index=False)
    state: DateRequestState = _enum(DateRequestState)
    opens_local: NaiveDatetime
    zone: str
    fold: int
    opens_at: datetime
    zone_rules: str
    created_at: datetime
    ended_at: datetime | None


class ConsentRow(SQLModel, table=True):
    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("wish_id", "member_id"),)
    id: str = _id()
    request_id: str = _reference("wish", column="wish_id", index=False)
    member_id: str = _reference("member", index=False)
    is_given: bool
    answered_at: datetime


_OF_OPENING = text("is_opening")


class MontageRow(SQLModel, table=True):
    __tablename__ = "montage"
    __table_args__ = (
        Index(
            "uq_montage_opening",
            "capsule_id",
            unique=True,
            sqlite_where=_OF_OPENING,
        ),
        Index("ix_montage_state_not_before", "state", "not_before"),
    )
    id: str = _id()
    capsule_id: str = _reference("capsule")
    is_opening: bool
    member_id: str | None = _reference("member", optional=True, index=False)
    state: MontageState = _enum(MontageState)
    story_ids: tuple[str, ...] = Field(sa_column=Column(StringsColumn, nullable=False))
    soundtrack_blob: str | None = _reference("blob", optional=True, index=False)
    attempt: int
    failures: int
    lease: str | None
    progress: float
    seconds: float | None
    film_blob: str | None = _reference("blob", optional=True, index=False)
    poster_blob: str | None = _reference("blob", optional=True, index=False)
    plan: str | None = _text(optional=True)
    report: tuple[Omission, ...] = Field(sa_column=Column(OmissionsColumn, nullable=False))
    queued_at: datetime
    not_before: datetime
    finished_at: datetime | None
    length: str | None
    music: str | None
    title: str


class DeliveryRow(SQLModel, table=True):
    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_state_next_attempt_at", "state", "next_attempt_at"),)
    id: str = _id()
    kind: LetterKind = _enum(LetterKind)
    dedupe_key: str = Field(unique=True)
    capsule_id: str | None = _reference("capsule", optional=True)
    member_id: str | None = _reference("member", optional=True, index=False)
    invitation_id: str | None = _reference("invitation", optional=True, index=False)
    address: str
    letter: str = _text()
    state: DeliveryState = _enum(DeliveryState)
    attempt: int
    tries: int
    lease: str | None
    data_started_at: datetime | None
    next_attempt_at: datetime
    queued_at: datetime
    finished_at: datetime | None
    detail: KeptReason | None = _kept_reason()
    answered_at: datetime | None


class ToldNoticeRow(SQLModel, table=True):
    __tablename__ = "told_notice"
    __table_args__ = (UniqueConstraint("account_id", "kind", "capsule_id"),)
    id: str = _id()
    account_id: str = _reference("account", index=False)
    kind: NoticeKind = _enum(NoticeKind)
    # No foreign key: it is '' for the whole instance.
    capsule_id: str
    count: int
    told_at: datetime


class EventRow(SQLModel, table=True):
    __tablename__ = "event"
    __table_args__ = (Index("ix_event_kind_subject_id", "kind", "subject_id"),)
    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    )
    at: datetime
    kind: str
    # No foreign keys: the log outlives what it is about.
    capsule_id: str | None = Field(default=None, index=True)
    subject_id: str | None
    facts: str = _text()


def metadata() -> MetaData:
    """Return all tables, with what only Postgres knows; naming it loads a dialect that most commands never need."""
    (opening,) = (
        index for index in SQLModel.metadata.tables["montage"].indexes if index.name == "uq_montage_opening"
    )
    opening.kwargs["postgresql_where"] = _OF_OPENING
    return SQLModel.metadata
