"""
The tables. Rows never leave the store: services get the frozen values of `domain`.

The field names equal those of the values, so that `store.tables` can translate without a list of its own.
"""

from datetime import datetime

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
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from memorycapsule.domain.capsules import CapsuleState, Role
from memorycapsule.domain.date_requests import DateRequestState
from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.domain.film.montages import MontageState, Omission
from memorycapsule.domain.instances import BlobDamage
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.domain.roads.notifications import NotificationKind, NotificationState, Road
from memorycapsule.domain.sessions import CodePurpose, LinkPurpose, Scope, SessionKind
from memorycapsule.domain.stories import MediumKind
from memorycapsule.store import columns

#: Conditions of partial indexes; `metadata` says them for Postgres too.
_OF_OPENING = text("is_opening")
_STILL_SEALED = text("is_sealed")
_CLAIMED = text("lease IS NOT NULL")
_DAMAGED = text("damage IS NOT NULL")
_STANDING = text("is_standing")
_TO_UNSEAL = text("opened_at IS NOT NULL AND unsealed_at IS NULL")
_WITHOUT_LETTERS = text("opened_at IS NOT NULL AND letters_queued_at IS NULL")
_NOT_OPEN = text("opened_at IS NULL")
_WOULD_FAIL = text("opened_at IS NULL AND rehearsal_problem IS NOT NULL")


class InstanceRow(SQLModel, table=True):
    __tablename__ = "instance"
    id: str = columns.key()
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
    mail_pause_reason: KeptReason | None = columns.kept_reason()
    hold: KeptReason | None = columns.kept_reason()
    backed_up_at: datetime | None
    mail_tried_at: datetime | None
    mail_problem: KeptReason | None = columns.kept_reason()
    mail_pauses: int


class AccountRow(SQLModel, table=True):
    __tablename__ = "account"
    id: str = columns.key()
    name: str
    locale: str
    is_admin: bool = Field(index=True)
    created_at: datetime
    deleted_at: datetime | None


class AddressRow(SQLModel, table=True):
    __tablename__ = "address"
    id: str = columns.key()
    account_id: str = columns.reference("account")
    address: str
    normalised: str = Field(unique=True)
    verified_at: datetime | None


class CapsuleRow(SQLModel, table=True):
    __tablename__ = "capsule"
    __table_args__ = (
        UniqueConstraint("made_by", "slug"),
        Index("ix_capsule_state_opens_at", "state", "opens_at"),
        Index("ix_capsule_to_unseal", "opened_at", sqlite_where=_TO_UNSEAL),
        Index("ix_capsule_without_letters", "opened_at", sqlite_where=_WITHOUT_LETTERS),
        Index("ix_capsule_rehearsed_at", "rehearsed_at", "created_at", sqlite_where=_NOT_OPEN),
        Index("ix_capsule_would_fail", "opens_at", sqlite_where=_WOULD_FAIL),
    )
    id: str = columns.key()
    slug: str
    title: str
    message: str | None
    theme: str
    state: CapsuleState = columns.enumerated(CapsuleState)
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
    made_by: str = columns.reference("account")
    created_at: datetime
    opened_at: datetime | None
    music: str | None
    film_language: str | None
    # What follows of the rows that refer to a capsule, so that nobody has to go through those of all capsules.
    #: When nothing in it was sealed any more, after it was opened.
    unsealed_at: datetime | None = None
    #: When the opened letters of its members were queued.
    letters_queued_at: datetime | None = None
    #: When its opening was rehearsed last, and what would have failed first.
    rehearsed_at: datetime | None = None
    rehearsal_problem: KeptReason | None = columns.kept_reason()


class KeyEnvelopeRow(SQLModel, table=True):
    __tablename__ = "key_envelope"
    __table_args__ = (UniqueConstraint("capsule_id", "kind", "generation"),)
    id: str = columns.key()
    capsule_id: str = columns.reference("capsule", index=False)
    kind: str
    generation: int
    envelope: bytes = columns.raw()
    digest: str = Field(sa_column=Column(String(64), nullable=False))
    holder: str = Field(sa_column=Column(String(16), nullable=False))


class BlobRow(SQLModel, table=True):
    __tablename__ = "blob"
    __table_args__ = (
        Index("ix_blob_damaged", "capsule_id", sqlite_where=_DAMAGED),
        Index("ix_blob_checked_at_created_at", "checked_at", "created_at"),
    )
    id: str = columns.key()
    capsule_id: str = columns.reference("capsule")
    stored_digest: str
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sealed: bool
    created_at: datetime
    checked_at: datetime | None
    damage: BlobDamage | None = Field(sa_column=Column(columns.EnumColumn(BlobDamage), nullable=True))


class MemberRow(SQLModel, table=True):
    __tablename__ = "member"
    __table_args__ = (UniqueConstraint("capsule_id", "account_id"),)
    id: str = columns.key()
    capsule_id: str = columns.reference("capsule", index=False)
    account_id: str = columns.reference("account")
    role: Role = columns.enumerated(Role)
    name: str
    joined_at: datetime
    left_at: datetime | None
    unsealed_at: datetime | None
    reminded_at: datetime | None


class InvitationRow(SQLModel, table=True):
    __tablename__ = "invitation"
    __table_args__ = (UniqueConstraint("capsule_id", "normalised"),)
    id: str = columns.key()
    capsule_id: str = columns.reference("capsule", index=False)
    address: str
    normalised: str = Field(index=True)
    name: str | None
    locale: str
    role: Role = columns.enumerated(Role)
    state: InvitationState = columns.enumerated(InvitationState)
    invited_by: str = columns.reference("member")
    rotation: int
    letters: int
    created_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    member_id: str | None = columns.reference("member", optional=True)
    reminded_at: datetime | None


class LinkRow(SQLModel, table=True):
    __tablename__ = "link"
    __table_args__ = (Index("ix_link_subject_id_purpose", "subject_id", "purpose"),)
    digest: str = Field(sa_column=Column(String(64), primary_key=True))
    purpose: LinkPurpose = columns.enumerated(LinkPurpose)
    subject_id: str
    rotation: int
    created_at: datetime


class SessionRow(SQLModel, table=True):
    __tablename__ = "session"
    id: str = columns.key()
    account_id: str = columns.reference("account")
    capsule_id: str | None = columns.reference("capsule", optional=True)
    kind: SessionKind = columns.enumerated(SessionKind)
    digest: str | None = Field(default=None, unique=True)
    proved_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    scope: Scope = columns.enumerated(Scope)
    name: str
    seen_at: datetime | None


class CodeRow(SQLModel, table=True):
    __tablename__ = "code"
    id: str = columns.key()
    account_id: str = columns.reference("account")
    purpose: CodePurpose = columns.enumerated(CodePurpose)
    address: str
    tries: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class StoryRow(SQLModel, table=True):
    __tablename__ = "story"
    id: str = columns.key()
    capsule_id: str = columns.reference("capsule")
    member_id: str = columns.reference("member")
    attached_by: str = columns.reference("account")
    session_id: str = columns.reference("session")
    position: int
    words: bytes = columns.raw()
    is_sealed: bool
    created_at: datetime
    changed_at: datetime


class MediumRow(SQLModel, table=True):
    __tablename__ = "medium"
    __table_args__ = (
        UniqueConstraint("story_id", "duplicate_mark"),
        # Media wait for unsealing in few capsules; the others are not looked at.
        Index("ix_medium_still_sealed", "capsule_id", sqlite_where=_STILL_SEALED),
    )
    id: str = columns.key()
    story_id: str = columns.reference("story", index=False)
    capsule_id: str = columns.reference("capsule")
    kind: MediumKind = columns.enumerated(MediumKind)
    position: int
    duplicate_mark: str
    details: bytes = columns.raw()
    is_sealed: bool
    original_blob: str = columns.reference("blob")
    display_blob: str | None = columns.reference("blob", optional=True)
    thumbnail_blob: str | None = columns.reference("blob", optional=True)
    clip_blob: str | None = columns.reference("blob", optional=True)
    created_at: datetime = Field(index=True)


class AlbumRow(SQLModel, table=True):
    __tablename__ = "album"
    capsule_id: str = Field(sa_column=Column(String(36), ForeignKey("capsule.id"), primary_key=True))
    arranged: bytes = columns.raw()


class UploadRow(SQLModel, table=True):
    __tablename__ = "upload"
    # Few files are read at a time; each sign of life of a node looks for them.
    __table_args__ = (Index("ix_upload_lease", "lease", sqlite_where=_CLAIMED),)
    id: str = columns.key()
    story_id: str = columns.reference("story")
    capsule_id: str = columns.reference("capsule")
    session_id: str = columns.reference("session")
    about: bytes = columns.raw()
    length: int = Field(sa_column=Column(BigInteger, nullable=False))
    received: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime
    changed_at: datetime = Field(index=True)
    medium_id: str | None = columns.reference("medium", optional=True)
    refusal: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    lease: str | None = None
    leased_until: datetime | None = None


class UploadPartRow(SQLModel, table=True):
    __tablename__ = "upload_part"
    __table_args__ = (UniqueConstraint("upload_id", "start"),)
    id: str = columns.key()
    upload_id: str = columns.reference("upload", index=False)
    start: int = Field(sa_column=Column(BigInteger, nullable=False))
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    blob_id: str = columns.reference("blob")


class EarlierDateRequestRow(SQLModel, table=True):
    __tablename__ = "wish"
    id: str = columns.key()
    capsule_id: str = columns.reference("capsule")
    member_id: str = columns.reference("member")
    state: DateRequestState = columns.enumerated(DateRequestState)
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
    id: str = columns.key()
    request_id: str = columns.reference("wish", column="wish_id", index=False)
    member_id: str = columns.reference("member")
    is_given: bool
    answered_at: datetime


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
    id: str = columns.key()
    capsule_id: str = columns.reference("capsule")
    is_opening: bool
    member_id: str | None = columns.reference("member", optional=True)
    state: MontageState = columns.enumerated(MontageState)
    story_ids: tuple[str, ...] = Field(sa_column=Column(columns.StringsColumn, nullable=False))
    soundtrack_blob: str | None = columns.reference("blob", optional=True)
    attempt: int
    failures: int
    lease: str | None
    leased_until: datetime | None = None
    progress: float
    seconds: float | None
    film_blob: str | None = columns.reference("blob", optional=True)
    poster_blob: str | None = columns.reference("blob", optional=True)
    plan: str | None = columns.words(optional=True)
    report: tuple[Omission, ...] = Field(sa_column=Column(columns.OmissionsColumn, nullable=False))
    queued_at: datetime
    not_before: datetime
    finished_at: datetime | None
    length: str | None
    music: str | None
    title: str


class DeliveryRow(SQLModel, table=True):
    __tablename__ = "delivery"
    # One for each question of `deliveries.claim_next`.
    __table_args__ = (
        Index("ix_delivery_state_next_attempt_at_id", "state", "next_attempt_at", "id"),
        Index("ix_delivery_state_answered_at", "state", "answered_at", "next_attempt_at", "id"),
        Index("ix_delivery_state_kind", "state", "kind", "next_attempt_at"),
    )
    id: str = columns.key()
    kind: LetterKind = columns.enumerated(LetterKind)
    dedupe_key: str = Field(unique=True)
    capsule_id: str | None = columns.reference("capsule", optional=True)
    member_id: str | None = columns.reference("member", optional=True)
    invitation_id: str | None = columns.reference("invitation", optional=True)
    address: str
    letter: str = columns.words()
    state: DeliveryState = columns.enumerated(DeliveryState)
    attempt: int
    tries: int
    lease: str | None
    leased_until: datetime | None = None
    data_started_at: datetime | None
    next_attempt_at: datetime
    queued_at: datetime
    finished_at: datetime | None
    detail: KeptReason | None = columns.kept_reason()
    answered_at: datetime | None


class ToldNoticeRow(SQLModel, table=True):
    __tablename__ = "told_notice"
    __table_args__ = (UniqueConstraint("account_id", "kind", "capsule_id"),)
    id: str = columns.key()
    account_id: str = columns.reference("account", index=False)
    kind: NoticeKind = columns.enumerated(NoticeKind)
    # No foreign key: it is '' for the whole instance.
    capsule_id: str
    count: int
    told_at: datetime


class RoadRow(SQLModel, table=True):
    __tablename__ = "road"
    road: Road = Field(sa_column=Column(columns.EnumColumn(Road), primary_key=True))
    began_after: int = Field(sa_column=Column(BigInteger, nullable=False))
    read_until: int = Field(sa_column=Column(BigInteger, nullable=False))
    paused_until: datetime | None
    pauses: int
    pause_reason: KeptReason | None = columns.kept_reason()


class NotificationRow(SQLModel, table=True):
    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_road_state_tries", "road", "state", "tries", "next_attempt_at"),
        Index("ix_notification_standing", "road", sqlite_where=_STANDING),
    )
    id: str = columns.key()
    road: Road = columns.enumerated(Road)
    kind: NotificationKind = columns.enumerated(NotificationKind)
    notice: NoticeKind | None = Field(sa_column=Column(columns.EnumColumn(NoticeKind), nullable=True))
    capsule_id: str | None = columns.reference("capsule", optional=True)
    dedupe_key: str = Field(unique=True)
    count: int
    state: NotificationState = columns.enumerated(NotificationState)
    tries: int
    message_id: str | None
    happened_at: datetime
    next_attempt_at: datetime
    queued_at: datetime = Field(index=True)
    finished_at: datetime | None
    detail: KeptReason | None = columns.kept_reason()
    is_standing: bool


class EventRow(SQLModel, table=True):
    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_kind_subject_id", "kind", "subject_id"),
        Index("ix_event_kind_id", "kind", "id"),
    )
    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    )
    at: datetime
    kind: str
    # No foreign keys: the log outlives what it is about.
    capsule_id: str | None = Field(default=None, index=True)
    subject_id: str | None
    facts: str = columns.words()


def metadata() -> MetaData:
    """Return all tables, with what only Postgres knows; naming it loads a dialect that most commands never need."""
    # Nor do they need these tables, which are known once their module is loaded.
    from memorycapsule.store import cluster_rows  # noqa: F401

    for table in SQLModel.metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_kwargs.get("sqlite_where")
            if condition is not None:
                index.kwargs["postgresql_where"] = condition
    return SQLModel.metadata
