"""What pages and the API need: codes, tokens, uploads, wishes for another date, people who left."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("account") as account:
        account.add_column(sa.Column("deleted_at", INSTANT, nullable=True))
    with op.batch_alter_table("capsule") as capsule:
        capsule.add_column(sa.Column("music", sa.String(), nullable=True))
    with op.batch_alter_table("member") as member:
        member.add_column(sa.Column("left_at", INSTANT, nullable=True))
        member.add_column(sa.Column("unsealed_at", INSTANT, nullable=True))
        member.add_column(sa.Column("reminded_at", INSTANT, nullable=True))
    with op.batch_alter_table("invitation") as invitation:
        invitation.add_column(sa.Column("reminded_at", INSTANT, nullable=True))
    with op.batch_alter_table("session") as session:
        # Whatever session there was before may do all that its account may.
        session.add_column(
            sa.Column("scope", sa.String(length=20), nullable=False, server_default="everything")
        )
        session.add_column(sa.Column("name", sa.String(), nullable=False, server_default=""))
        session.add_column(sa.Column("seen_at", INSTANT, nullable=True))
    with op.batch_alter_table("session") as session:
        session.alter_column("scope", server_default=None)
        session.alter_column("name", server_default=None)
    with op.batch_alter_table("delivery") as delivery:
        delivery.alter_column("capsule_id", existing_type=sa.String(length=36), nullable=True)
    with op.batch_alter_table("medium") as medium:
        medium.alter_column("display_blob", existing_type=sa.String(length=36), nullable=True)
        medium.alter_column("thumbnail_blob", existing_type=sa.String(length=36), nullable=True)
    with op.batch_alter_table("montage") as montage:
        montage.add_column(sa.Column("length", sa.String(), nullable=True))
        montage.add_column(sa.Column("music", sa.String(), nullable=True))

    op.create_table(
        "code",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_code_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code")),
    )
    op.create_index("ix_code_account_id", "code", ["account_id"], unique=False)

    op.create_table(
        "upload",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("story_id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("medium_id", sa.String(length=36), nullable=True),
        sa.Column("refusal", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_upload_capsule_id_capsule")),
        sa.ForeignKeyConstraint(["medium_id"], ["medium.id"], name=op.f("fk_upload_medium_id_medium")),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_upload_session_id_session")),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_upload_story_id_story")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_index("ix_upload_capsule_id", "upload", ["capsule_id"], unique=False)
    op.create_index("ix_upload_story_id", "upload", ["story_id"], unique=False)

    op.create_table(
        "upload_part",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("upload_id", sa.String(length=36), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("blob_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_upload_part_blob_id_blob")),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_upload_part_upload_id_upload")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_part")),
        sa.UniqueConstraint("upload_id", "start", name=op.f("uq_upload_part_upload_id_start")),
    )

    op.create_table(
        "wish",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("capsule_id", sa.String(length=36), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opens_local", sa.DateTime(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("fold", sa.Integer(), nullable=False),
        sa.Column("opens_at", INSTANT, nullable=False),
        sa.Column("zone_rules", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["capsule_id"], ["capsule.id"], name=op.f("fk_wish_capsule_id_capsule")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_wish_member_id_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wish")),
    )
    op.create_index("ix_wish_capsule_id", "wish", ["capsule_id"], unique=False)

    op.create_table(
        "consent",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("wish_id", sa.String(length=36), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=False),
        sa.Column("is_given", sa.Boolean(), nullable=False),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_consent_member_id_member")),
        sa.ForeignKeyConstraint(["wish_id"], ["wish.id"], name=op.f("fk_consent_wish_id_wish")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("wish_id", "member_id", name=op.f("uq_consent_wish_id_member_id")),
    )
