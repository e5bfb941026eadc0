"""
What faults leave behind: whether a restored instance waits to be released, when the last backup was made, what the
stored bytes were found to be, and by what damage to key envelopes is recognised.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("instance") as instance:
        instance.add_column(sa.Column("hold", sa.String(), nullable=True))
        instance.add_column(sa.Column("backed_up_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("blob") as blob:
        blob.add_column(sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
        blob.add_column(sa.Column("damage", sa.String(length=20), nullable=True))
    with op.batch_alter_table("key_envelope") as envelope:
        envelope.add_column(sa.Column("digest", sa.String(length=64), nullable=True))
    _digest_envelopes()
    with op.batch_alter_table("key_envelope") as envelope:
        envelope.alter_column("digest", existing_type=sa.String(length=64), nullable=False)


def _digest_envelopes() -> None:
    rows = sa.table(
        "key_envelope", sa.column("id", sa.String), sa.column("envelope", sa.LargeBinary), sa.column("digest")
    )
    connection = op.get_bind()
    for one, envelope in connection.execute(sa.select(rows.c.id, rows.c.envelope)).all():
        digest = hashlib.sha256(envelope).hexdigest()
        connection.execute(rows.update().where(rows.c.id == one).values(digest=digest))
