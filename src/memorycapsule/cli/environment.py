"""The variables of the environment that say which instance is meant, and who acts."""

from __future__ import annotations

import os

from memorycapsule.errors import NotAllowed

URL_VARIABLE = "CAPSULE_URL"
TOKEN_VARIABLE = "CAPSULE_TOKEN"  # noqa: S105 - the name of a variable


def refuse_elsewhere() -> None:
    """Raise NotAllowed when another machine is meant: nobody wants to change this one by mistake."""
    if URL_VARIABLE in os.environ:
        raise NotAllowed("daemon_machine_only", url=URL_VARIABLE)
