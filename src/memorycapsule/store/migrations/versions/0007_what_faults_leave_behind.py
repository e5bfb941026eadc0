"""
What faults leave behind: what is known of the clock, whether a restored instance waits to be released, when the last
backup was made, what the stored bytes were found to be, by what damage to key envelopes is recognised, what people were
told of, and how the last login at the mail server ended.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("instance") as instance:
        # Who told the time that was seen last is not known of older versions: as if it had been the network, since
        # that doubts more.
        instance.add_column(
            sa.Column("seen_by_network", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        instance.add_column(sa.Column("boot_id", sa.String(), nullable=True))
        instance.add_column(sa.Column("booted_at", INSTANT, nullable=True))
        instance.add_column(sa.Column("booted_after", INSTANT, nullable=True))
        instance.add_column(sa.Column("unproven_since", INSTANT, nullable=True))
        instance.drop_column("clock_trusted_at")
        instance.add_column(sa.Column("hold", sa.String(), nullable=True))
        instance.add_column(sa.Column("backed_up_at", INSTANT, nullable=True))
        instance.add_column(sa.Column("mail_tried_at", INSTANT, nullable=True))
        instance.add_column(sa.Column("mail_problem", sa.String(), nullable=True))
        instance.add_column(sa.Column("mail_pauses", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("instance") as instance:
        instance.alter_column("mail_pauses", existing_type=sa.Integer(), server_default=None)
    with op.batch_alter_table("delivery") as delivery:
        delivery.add_column(sa.Column("answered_at", INSTANT, nullable=True))
    with op.batch_alter_table("blob") as blob:
        blob.add_column(sa.Column("checked_at", INSTANT, nullable=True))
        blob.add_column(sa.Column("damage", sa.String(length=20), nullable=True))
    with op.batch_alter_table("key_envelope") as envelope:
        envelope.add_column(sa.Column("digest", sa.String(length=64), nullable=True))
        envelope.add_column(sa.Column("holder", sa.String(length=16), nullable=True))
    _describe_envelopes()
    with op.batch_alter_table("key_envelope") as envelope:
        envelope.alter_column("digest", existing_type=sa.String(length=64), nullable=False)
        envelope.alter_column("holder", existing_type=sa.String(length=16), nullable=False)
    op.create_index("ix_blob_damage", "blob", ["damage"])
    op.create_index("ix_event_kind_subject_id", "event", ["kind", "subject_id"])
    op.create_table(
        "told_notice",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("capsule_id", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_told_notice_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told_notice")),
        sa.UniqueConstraint(
            "account_id", "kind", "capsule_id", name=op.f("uq_told_notice_account_id_kind_capsule_id")
        ),
    )


def _describe_envelopes() -> None:
    """Write down what each envelope is now, and which key it was made for: every one was made for the present keys."""
    rows = sa.table(
        "key_envelope",
        sa.column("id", sa.String),
        sa.column("kind", sa.String),
        sa.column("envelope", sa.LargeBinary),
        sa.column("digest"),
        sa.column("holder"),
    )
    instance = sa.table("instance", sa.column("key_fingerprint"), sa.column("recovery_recipient"))
    connection = op.get_bind()
    for fingerprint, recovery in connection.execute(sa.select(instance)).all():
        holders = {"instance": fingerprint, "recovery": hashlib.sha256(recovery.encode()).hexdigest()[:16]}
        for one, kind, envelope in connection.execute(
            sa.select(rows.c.id, rows.c.kind, rows.c.envelope)
        ).all():
            digest = hashlib.sha256(envelope).hexdigest()
            described = rows.update().where(rows.c.id == one).values(digest=digest, holder=holders[kind])
            connection.execute(described)
