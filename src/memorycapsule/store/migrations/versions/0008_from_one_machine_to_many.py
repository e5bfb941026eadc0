"""
From one machine to many: an index for every reference, leases that expire, and the tables of machines that share one
database.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

#: Without these, who removes a row makes the database read the whole table that might refer to it.
REFERENCES = {
    "consent": ("member_id",),
    "delivery": ("invitation_id", "member_id"),
    "invitation": ("invited_by", "member_id"),
    "medium": ("clip_blob", "display_blob", "original_blob", "thumbnail_blob"),
    "montage": ("film_blob", "member_id", "poster_blob", "soundtrack_blob"),
    "story": ("attached_by", "session_id"),
    "upload": ("medium_id", "session_id"),
    "upload_part": ("blob_id",),
    "wish": ("member_id",),
}


def upgrade() -> None:
    for table, columns in REFERENCES.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])
    _index_some_rows("ix_medium_still_sealed", "medium", "is_sealed")
    op.create_index("ix_medium_created_at", "medium", ["created_at"])
    op.drop_index("ix_blob_damage", "blob")
    _index_some_rows("ix_blob_damaged", "blob", "damage IS NOT NULL")
    _index_turns()
    for table in ("montage", "delivery", "upload"):
        with op.batch_alter_table(table) as leased:
            leased.add_column(sa.Column("leased_until", INSTANT, nullable=True))
    with op.batch_alter_table("upload") as upload:
        upload.add_column(sa.Column("lease", sa.String(), nullable=True))
    _add_node()
    _add_bucket()
    _add_piece()


def _index_some_rows(name: str, table: str, condition: str) -> None:
    """Find few rows by their capsule without reading the many others of the table."""
    where = sa.text(condition)
    op.create_index(name, table, ["capsule_id"], sqlite_where=where, postgresql_where=where)


def _index_turns() -> None:
    """Find which letter's turn it is, and how the last ones ended, without reading all of them."""
    op.drop_index("ix_delivery_state_next_attempt_at", "delivery")
    op.create_index("ix_delivery_state_next_attempt_at_id", "delivery", ["state", "next_attempt_at", "id"])
    op.create_index(
        "ix_delivery_state_answered_at", "delivery", ["state", "answered_at", "next_attempt_at", "id"]
    )
    op.create_index("ix_delivery_state_kind", "delivery", ["state", "kind", "next_attempt_at"])
    op.create_index("ix_event_kind_id", "event", ["kind", "id"])


def _add_node() -> None:
    op.create_table(
        "node",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("key_fingerprint", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
    )
    op.create_index("ix_node_seen_at", "node", ["seen_at"])


def _add_bucket() -> None:
    op.create_table(
        "bucket",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "client", name=op.f("pk_bucket")),
    )
    op.create_index("ix_bucket_at", "bucket", ["at"])


def _add_piece() -> None:
    op.create_table(
        "piece",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("montage_id", sa.String(length=36), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("leased_until", INSTANT, nullable=True),
        sa.Column("blob_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["montage_id"], ["montage.id"], name=op.f("fk_piece_montage_id_montage")),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_piece_blob_id_blob")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_piece")),
        sa.UniqueConstraint("montage_id", "attempt", "name", name=op.f("uq_piece_montage_id_attempt_name")),
    )
    op.create_index("ix_piece_blob_id", "piece", ["blob_id"])
    op.create_index("ix_piece_state_leased_until", "piece", ["state", "leased_until"])
