"""
Messages of the renderer's processes to whoever started them: one JSON object a line on stdout.

They report an error as {"error": {"code", "reason", "values"}}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from memorycapsule.domain.reasons import error_of_reason, reason_fields
from memorycapsule.errors import CapsuleError, DiskFull, Postponed, RenderFailed, shortage


def send(message: Mapping[str, Any]) -> None:
    """Write one message to stdout, at once."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def error_message(error: CapsuleError | OSError | MemoryError) -> dict[str, Any]:
    """Return the message of a worker process about an error."""
    if not isinstance(error, CapsuleError):
        error = shortage(error) or RenderFailed()
    return {"error": {"code": error.code, **reason_fields(error)}}


def error_from(message: Mapping[str, Any]) -> CapsuleError:
    """
    Return the error of a message: DiskFull or Postponed, for which no film is to blame, or RenderFailed.

    Raises ValueError for a message that tells of none.
    """
    fields = message["error"]
    kinds: dict[str, type[CapsuleError]] = {kind.code: kind for kind in (DiskFull, Postponed)}
    return error_of_reason(fields, kinds.get(str(fields.get("code")), RenderFailed))
