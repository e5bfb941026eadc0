"""
From one machine to many: an index for every reference, what else kept somebody from reading a few rows only, leases
that expire, and the tables of machines that share one database.
"""

import json

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
    op.create_index("ix_invitation_normalised", "invitation", ["normalised"])
    # Whoever removes somebody removes all their links, whatever they are for.
    op.drop_index("ix_link_purpose_subject_id", "link")
    op.create_index("ix_link_subject_id_purpose", "link", ["subject_id", "purpose"])
    op.drop_index("ix_blob_damage", "blob")
    _index_some_rows("ix_blob_damaged", "blob", "damage IS NOT NULL")
    op.create_index("ix_blob_checked_at_created_at", "blob", ["checked_at", "created_at"])
    op.create_index("ix_account_is_admin", "account", ["is_admin"])
    op.create_index("ix_upload_changed_at", "upload", ["changed_at"])
    _index_turns()
    _note_what_is_done_with_capsules()
    for table in ("montage", "delivery", "upload"):
        with op.batch_alter_table(table) as leased:
            leased.add_column(sa.Column("leased_until", INSTANT, nullable=True))
    with op.batch_alter_table("upload") as upload:
        upload.add_column(sa.Column("lease", sa.String(), nullable=True))
    _index_some_rows("ix_upload_lease", "upload", "lease IS NOT NULL", ("lease",))
    _add_album()
    _add_node()
    _add_bucket()
    _add_piece()


def _index_some_rows(
    name: str, table: str, condition: str, columns: tuple[str, ...] = ("capsule_id",)
) -> None:
    """Find few rows, by their capsule or by other columns, without reading the many others of the table."""
    where = sa.text(condition)
    op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)


def _index_turns() -> None:
    """Find which letter's turn it is, and how the last ones ended, without reading all of them."""
    op.drop_index("ix_delivery_state_next_attempt_at", "delivery")
    op.create_index("ix_delivery_state_next_attempt_at_id", "delivery", ["state", "next_attempt_at", "id"])
    op.create_index(
        "ix_delivery_state_answered_at", "delivery", ["state", "answered_at", "next_attempt_at", "id"]
    )
    op.create_index("ix_delivery_state_kind", "delivery", ["state", "kind", "next_attempt_at"])
    op.create_index("ix_event_kind_id", "event", ["kind", "id"])


#: Capsules that something is still to be done with, by the names of their indexes: where, and by which columns.
TO_DO = {
    "ix_capsule_to_unseal": ("opened_at IS NOT NULL AND unsealed_at IS NULL", ("opened_at",)),
    "ix_capsule_without_letters": ("opened_at IS NOT NULL AND letters_queued_at IS NULL", ("opened_at",)),
    "ix_capsule_rehearsed_at": ("opened_at IS NULL", ("rehearsed_at", "created_at")),
    "ix_capsule_would_fail": ("opened_at IS NULL AND rehearsal_problem IS NOT NULL", ("opens_at",)),
}


def _note_what_is_done_with_capsules() -> None:
    """Write down what followed of other rows until now: whether a capsule is unsealed, told of, and rehearsed."""
    with op.batch_alter_table("capsule") as capsule:
        capsule.add_column(sa.Column("unsealed_at", INSTANT, nullable=True))
        capsule.add_column(sa.Column("letters_queued_at", INSTANT, nullable=True))
        capsule.add_column(sa.Column("rehearsed_at", INSTANT, nullable=True))
        capsule.add_column(sa.Column("rehearsal_problem", sa.String(), nullable=True))
    op.execute(
        "UPDATE capsule SET unsealed_at = opened_at WHERE opened_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM medium WHERE medium.capsule_id = capsule.id AND medium.is_sealed)"
        " AND NOT EXISTS (SELECT 1 FROM story WHERE story.capsule_id = capsule.id AND story.is_sealed)"
    )
    op.execute(
        "UPDATE capsule SET letters_queued_at = coalesce(opened_at, created_at)"
        " WHERE id IN (SELECT capsule_id FROM delivery WHERE kind = 'opened')"
    )
    _note_rehearsals()
    for name, (condition, columns) in TO_DO.items():
        _index_some_rows(name, "capsule", condition, columns)


def _note_rehearsals() -> None:
    names = ("id", "kind", "subject_id", "facts")
    event = sa.table("event", *map(sa.column, names), sa.column("at", INSTANT))
    capsule = sa.table(
        "capsule", sa.column("id"), sa.column("rehearsed_at", INSTANT), sa.column("rehearsal_problem")
    )
    newest = (
        sa.select(sa.func.max(event.c.id))
        .where(event.c.kind == "opening.rehearsed")
        .group_by(event.c.subject_id)
    )
    connection = op.get_bind()
    for rehearsed in connection.execute(event.select().where(event.c.id.in_(newest))).all():
        problem = json.loads(rehearsed.facts).get("first")
        noted = {"rehearsed_at": rehearsed.at, "rehearsal_problem": problem}
        connection.execute(capsule.update().where(capsule.c.id == rehearsed.subject_id).values(**noted))


def _add_album() -> None:
    op.create_table(
        "album",
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("arranged", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_album_capsule_id_capsule")),
        sa.PrimaryKeyConstraint("capsule_id", name=op.f("pk_album")),
    )


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
    if op.get_bind().dialect.name == "postgresql":
        # Whoever signs in need not wait for the disk because of it, and after a crash all buckets are full.
        op.execute("ALTER TABLE bucket SET UNLOGGED")


def _add_piece() -> None:
    op.create_table(
        "piece",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("montage_id", sa.String(length=36), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("leased_until", INSTANT, nullable=True),
        sa.Column("blob_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_piece_capsule_id_capsule")),
        sa.ForeignKeyConstraint(["montage_id"], ["montage.id"], name=op.f("fk_piece_montage_id_montage")),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_piece_blob_id_blob")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_piece")),
        sa.UniqueConstraint("montage_id", "attempt", "name", name=op.f("uq_piece_montage_id_attempt_name")),
    )
    op.create_index("ix_piece_blob_id", "piece", ["blob_id"])
    op.create_index("ix_piece_capsule_id", "piece", ["capsule_id"])
    op.create_index("ix_piece_state_leased_until", "piece", ["state", "leased_until"])
