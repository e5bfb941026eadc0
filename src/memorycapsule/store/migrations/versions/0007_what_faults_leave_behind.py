"""What faults leave behind: whether a restored instance waits to be released, and when the last backup was made."""

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
