"""Titles of further films."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("montage") as montage:
        montage.add_column(sa.Column("title", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("montage") as montage:
        montage.alter_column("title", server_default=None)
