"""
Messages of the renderer's processes to whoever started them: one JSON object a line on stdout.

Worker processes report an error as {"error": code, "message": sentence}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from memorycapsule.errors import CapsuleError, DiskFull, RenderFailed, is_disk_full


def send(message: Mapping[str, Any]) -> None:
    """Write one message to stdout, at once."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def error_message(error: CapsuleError | OSError) -> dict[str, str]:
    """Return the message of a worker process about an error."""
    if isinstance(error, OSError):
        error = DiskFull() if is_disk_full(error) else RenderFailed()
    return {"error": error.code, "message": error.message}


def error_from(message: Mapping[str, Any]) -> CapsuleError:
    """Return the error of `error_message`: DiskFull, or RenderFailed for every other."""
    return DiskFull() if message["error"] == DiskFull.code else RenderFailed(str(message["message"]))
