"""The first schema. Plain types only: a migration must mean the same in ten years."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("capsule_id", sa.String(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_capsule_id", "event", ["capsule_id"], unique=False)

    op.create_table(
        "instance",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_fingerprint", sa.String(), nullable=False),
        sa.Column("recovery_recipient", sa.String(), nullable=False),
        sa.Column("zone_rules", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_trusted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_pause_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )
    op.create_table(
        "link",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_link")),
    )
    op.create_index("ix_link_purpose_subject_id", "link", ["purpose", "subject_id"], unique=False)

    op.create_table(
        "address",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("normalised", sa.String(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_address_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
        sa.UniqueConstraint("normalised", name=op.f("uq_address_normalised")),
    )
    op.create_index("ix_address_account_id", "address", ["account_id"], unique=False)

    op.create_table(
        "capsule",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("theme", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opens_local", sa.DateTime(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("fold", sa.Integer(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone_rules", sa.String(), nullable=False),
        sa.Column("film_photos", sa.Integer(), nullable=False),
        sa.Column("soundtrack_blob", sa.String(), nullable=True),
        sa.Column("cover_blob", sa.String(), nullable=True),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("seal_level", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_capsule_made_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capsule")),
        sa.UniqueConstraint("made_by", "slug", name=op.f("uq_capsule_made_by_slug")),
    )
    op.create_index("ix_capsule_made_by", "capsule", ["made_by"], unique=False)
    op.create_index("ix_capsule_state_opens_at", "capsule", ["state", "opens_at"], unique=False)

    op.create_table(
        "blob",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("stored_digest", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_blob_capsule_id_capsule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob")),
    )
    op.create_index("ix_blob_capsule_id", "blob", ["capsule_id"], unique=False)

    op.create_table(
        "key_envelope",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["capsule_id"], ["capsule.id"], name=op.f("fk_key_envelope_capsule_id_capsule")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_envelope")),
        sa.UniqueConstraint(
            "capsule_id", "kind", "generation", name=op.f("uq_key_envelope_capsule_id_kind_generation")
        ),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_member_account_id_account")),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_member_capsule_id_capsule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("capsule_id", "account_id", name=op.f("uq_member_capsule_id_account_id")),
    )
    op.create_index("ix_member_account_id", "member", ["account_id"], unique=False)

    op.create_table(
        "session",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_session_account_id_account")),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_session_capsule_id_capsule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_session_digest")),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"], unique=False)
    op.create_index("ix_session_capsule_id", "session", ["capsule_id"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("normalised", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("invited_by", sa.String(length=36), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("member_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["capsule_id"], ["capsule.id"], name=op.f("fk_invitation_capsule_id_capsule")
        ),
        sa.ForeignKeyConstraint(["invited_by"], ["member.id"], name=op.f("fk_invitation_invited_by_member")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_invitation_member_id_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("capsule_id", "normalised", name=op.f("uq_invitation_capsule_id_normalised")),
    )
    op.create_table(
        "montage",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("is_opening", sa.Boolean(), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("story_ids", sa.Text(), nullable=False),
        sa.Column("soundtrack_blob", sa.String(length=36), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("film_blob", sa.String(length=36), nullable=True),
        sa.Column("poster_blob", sa.String(length=36), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_montage_capsule_id_capsule")),
        sa.ForeignKeyConstraint(["film_blob"], ["blob.id"], name=op.f("fk_montage_film_blob_blob")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_montage_member_id_member")),
        sa.ForeignKeyConstraint(["poster_blob"], ["blob.id"], name=op.f("fk_montage_poster_blob_blob")),
        sa.ForeignKeyConstraint(
            ["soundtrack_blob"], ["blob.id"], name=op.f("fk_montage_soundtrack_blob_blob")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_montage")),
    )
    op.create_index("ix_montage_capsule_id", "montage", ["capsule_id"], unique=False)
    op.create_index("ix_montage_state_not_before", "montage", ["state", "not_before"], unique=False)
    op.create_index(
        "uq_montage_opening",
        "montage",
        ["capsule_id"],
        unique=True,
        sqlite_where=sa.text("is_opening"),
        postgresql_where=sa.text("is_opening"),
    )

    op.create_table(
        "story",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=False),
        sa.Column("attached_by", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["attached_by"], ["account.id"], name=op.f("fk_story_attached_by_account")),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_story_capsule_id_capsule")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_story_member_id_member")),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_story_session_id_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story")),
    )
    op.create_index("ix_story_capsule_id", "story", ["capsule_id"], unique=False)
    op.create_index("ix_story_member_id", "story", ["member_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=True),
        sa.Column("invitation_id", sa.String(length=36), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("data_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_delivery_capsule_id_capsule")),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitation.id"], name=op.f("fk_delivery_invitation_id_invitation")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_delivery_member_id_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_delivery_dedupe_key")),
    )
    op.create_index("ix_delivery_capsule_id", "delivery", ["capsule_id"], unique=False)
    op.create_index(
        "ix_delivery_state_next_attempt_at", "delivery", ["state", "next_attempt_at"], unique=False
    )

    op.create_table(
        "medium",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("story_id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("duplicate_mark", sa.String(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), nullable=False),
        sa.Column("original_blob", sa.String(length=36), nullable=False),
        sa.Column("display_blob", sa.String(length=36), nullable=False),
        sa.Column("thumbnail_blob", sa.String(length=36), nullable=False),
        sa.Column("clip_blob", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_medium_capsule_id_capsule")),
        sa.ForeignKeyConstraint(["clip_blob"], ["blob.id"], name=op.f("fk_medium_clip_blob_blob")),
        sa.ForeignKeyConstraint(["display_blob"], ["blob.id"], name=op.f("fk_medium_display_blob_blob")),
        sa.ForeignKeyConstraint(["original_blob"], ["blob.id"], name=op.f("fk_medium_original_blob_blob")),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_medium_story_id_story")),
        sa.ForeignKeyConstraint(["thumbnail_blob"], ["blob.id"], name=op.f("fk_medium_thumbnail_blob_blob")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_medium")),
        sa.UniqueConstraint("story_id", "duplicate_mark", name=op.f("uq_medium_story_id_duplicate_mark")),
    )
    op.create_index("ix_medium_capsule_id", "medium", ["capsule_id"], unique=False)
