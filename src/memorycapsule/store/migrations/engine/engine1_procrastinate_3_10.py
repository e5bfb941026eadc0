"""
The schema of Procrastinate 3.10, as the package brings it.

A later version brings scripts that change it: each becomes a revision after this one, and this one then applies a copy
of the file that it applies now.
"""

import hashlib
from importlib import resources
from typing import Any

from alembic import op

from memorycapsule.errors import ConfigurationProblem

revision = "engine1"
down_revision = None
branch_labels = ("engine",)
depends_on = None

_DIGEST = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"


def upgrade() -> None:
    script = (resources.files("procrastinate.sql") / "schema.sql").read_bytes()
    if hashlib.sha256(script).hexdigest() != _DIGEST:
        raise ConfigurationProblem("engine_of_another_version")
    # To the driver itself: it takes many statements at once, and no sign of theirs for a parameter.
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(script)
