"""
The tables of several machines that share one database: which of them are alive, how often an address may ask them,
and the pieces of a film that they make together.
"""

from datetime import datetime

from sqlalchemy import Column, Index, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from memorycapsule.store import columns


class NodeRow(SQLModel, table=True):
    __tablename__ = "node"
    id: str = columns.key()
    kind: str = Field(sa_column=Column(String(20), nullable=False))
    started_at: datetime
    seen_at: datetime = Field(index=True)
    key_fingerprint: str
    host: str
    back_at: datetime | None = None


class BucketRow(SQLModel, table=True):
    __tablename__ = "bucket"
    kind: str = Field(sa_column=Column(String(20), primary_key=True))
    client: str = Field(sa_column=Column(String(64), primary_key=True))
    tokens: float
    at: datetime = Field(index=True)


class PieceRow(SQLModel, table=True):
    __tablename__ = "piece"
    __table_args__ = (
        UniqueConstraint("montage_id", "attempt", "name"),
        Index("ix_piece_state_leased_until", "state", "leased_until"),
    )
    id: str = columns.key()
    capsule_id: str = columns.reference("capsule")
    montage_id: str | None = columns.reference("montage", optional=True, index=False)
    attempt: int
    name: str
    number: int
    state: str = Field(sa_column=Column(String(20), nullable=False))
    lease: str | None = None
    leased_until: datetime | None = None
    blob_id: str | None = columns.reference("blob", optional=True)
