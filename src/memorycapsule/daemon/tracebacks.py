"""
Tracebacks for the log: where something went wrong, and of what kind it was, in no words but our own.

The message of an exception may quote what somebody has written, a name, or the parameters of a statement.
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from structlog.typing import EventDict

from memorycapsule.errors import CapsuleError


def told_without_words(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Put what `exc_info` holds into `error` and `stack`, without messages; a processor of structlog."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else (given[1] if isinstance(given, tuple) else None)
    if given and error is None:
        error = sys.exception()
    if error is not None:
        event.setdefault("error", type(error).__name__)
        event["stack"] = stack_of(error)
    return event


def stack_of(error: BaseException) -> str:
    """Return the frames and kinds of an exception and of all that led to it, the first cause first."""
    told = [
        "".join(("Traceback (most recent call last):\n", *traceback.format_tb(one.__traceback__), _kind(one)))
        for one in _causes(error)
    ]
    return "\n\n".join(reversed(told))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, then what caused it, and so on."""
    met: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if id(one) in met:
            continue
        met.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        cause = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if cause is not None:
            waiting.append(cause)


def _kind(error: BaseException) -> str:
    """Return what an exception is: of an error of ours its reason, of the system's its number's name."""
    kind = type(error).__name__
    if isinstance(error, CapsuleError):
        return f"{kind}: {error.reason}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{kind}: {errno.errorcode.get(error.errno, error.errno)}"
    return kind
