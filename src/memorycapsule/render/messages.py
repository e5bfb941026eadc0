"""
Messages of the renderer's processes to whoever started them: one JSON object a line on stdout.

Worker processes report an error as {"error": {"code", "reason", "values"}}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from memorycapsule.domain.reasons import error_of_reason, reason_fields
from memorycapsule.errors import CapsuleError, DiskFull, RenderFailed, is_disk_full


def send(message: Mapping[str, Any]) -> None:
    """Write one message to stdout, at once."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def error_message(error: CapsuleError | OSError) -> dict[str, Any]:
    """Return the message of a worker process about an error."""
    if isinstance(error, OSError):
        error = DiskFull() if is_disk_full(error) else RenderFailed()
    return {"error": {"code": error.code, **reason_fields(error)}}


def error_from(message: Mapping[str, Any]) -> CapsuleError:
    """Return the error of `error_message`: DiskFull, or RenderFailed for every other."""
    fields = message["error"]
    return DiskFull() if fields["code"] == DiskFull.code else error_of_reason(fields, RenderFailed)
