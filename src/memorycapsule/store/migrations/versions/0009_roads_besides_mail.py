"""
Roads besides mail: notifications that wait for Slack, ntfy or a webhook, and how each of these fares.

And of each node, where it runs, and when it was the first to come back after the database had been away.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _add_roads()
    _add_node_anew()


def _add_node_anew() -> None:
    # Its rows are signs of life, which each node gives again within seconds.
    op.drop_table("node")
    op.create_table(
        "node",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("key_fingerprint", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("back_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
    )
    op.create_index("ix_node_seen_at", "node", ["seen_at"])


def _add_roads() -> None:
    op.create_table(
        "road",
        sa.Column("road", sa.String(length=20), nullable=False),
        sa.Column("began_after", sa.BigInteger(), nullable=False),
        sa.Column("read_until", sa.BigInteger(), nullable=False),
        sa.Column("paused_until", INSTANT, nullable=True),
        sa.Column("pauses", sa.Integer(), nullable=False),
        sa.Column("pause_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("road", name=op.f("pk_road")),
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("road", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("notice", sa.String(length=20), nullable=True),
        sa.Column("capsule_id", sa.String(length=36), nullable=True),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=False),
        sa.Column("queued_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("is_standing", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["capsule_id"], ["capsule.id"], name=op.f("fk_notification_capsule_id_capsule")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_notification_dedupe_key")),
    )
    op.create_index("ix_notification_capsule_id", "notification", ["capsule_id"])
    op.create_index("ix_notification_queued_at", "notification", ["queued_at"])
    op.create_index(
        "ix_notification_road_state_tries", "notification", ["road", "state", "tries", "next_attempt_at"]
    )
    standing = sa.text("is_standing")
    op.create_index(
        "ix_notification_standing", "notification", ["road"], sqlite_where=standing, postgresql_where=standing
    )
