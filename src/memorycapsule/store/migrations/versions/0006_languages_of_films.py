"""The language of a capsule's films."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("capsule") as capsule:
        capsule.add_column(sa.Column("film_language", sa.String(), nullable=True))
