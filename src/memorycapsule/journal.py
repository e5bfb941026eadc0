"""
The journal: what the program says to whoever looks after it, one event per line.

structlog is loaded with the first word. It brings a console renderer along, and commands that have nothing to say
would wait for that longer than for the database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _Journal:
    """The logger of structlog (`info`, `warning`, `bind`, ...), from the first word on."""

    def __init__(self) -> None:
        self._set_up: Callable[[], None] | None = None

    def set_up_with(self, set_up: Callable[[], None] | None) -> None:
        """Have `set_up` called before the first word; None when structlog is set up already."""
        self._set_up = set_up

    def __getattr__(self, name: str) -> Any:
        import structlog

        if self._set_up is not None:
            set_up, self._set_up = self._set_up, None
            set_up()
        return getattr(structlog.get_logger(), name)


journal = _Journal()
