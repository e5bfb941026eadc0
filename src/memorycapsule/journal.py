"""
The journal: the program's log, one event per line.

structlog is imported with the first event. Its console renderer takes longer to import than the database to open, and
most commands log nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_request: ContextVar[str | None] = ContextVar("request", default=None)


class _Journal:
    """The logger of structlog (`info`, `warning`, `bind`, ...), imported with the first event."""

    def __init__(self) -> None:
        self._set_up: Callable[[], None] | None = None

    def set_up_with(self, set_up: Callable[[], None] | None) -> None:
        """Call `set_up` before the first event; None when structlog is set up already."""
        self._set_up = set_up

    def __getattr__(self, name: str) -> Any:
        import structlog

        if self._set_up is not None:
            set_up, self._set_up = self._set_up, None
            set_up()
        return getattr(structlog.get_logger(), name)


journal = _Journal()


def current_request() -> str | None:
    """Return the id of the request that is being answered, or that asked for the work in hand; None for neither."""
    return _request.get()


@contextmanager
def on_behalf_of(request_id: str | None) -> Iterator[None]:
    """Have each line of the journal that is written in this block name a request; None names none."""
    before = _request.set(request_id)
    try:
        yield
    finally:
        _request.reset(before)
