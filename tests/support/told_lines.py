"""The log as programs read it: what is logged in this process, through all that the daemon's lines go through."""

import io
import json
import logging
from typing import Any

import structlog

from memorycapsule.daemon import logs
from support import leaks


class ToldLines:
    """Everything that is logged from now on, each line by the names of the Common Schema."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        structlog.configure(
            processors=[
                leaks.note,
                *logs.EVERY_LINE,
                logs.by_common_schema,
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
            logger_factory=structlog.PrintLoggerFactory(self._stream),
            cache_logger_on_first_use=False,
        )

    def all(self, event: str = "") -> list[dict[str, Any]]:
        """The lines of one event, or all."""
        lines = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        return [line for line in lines if event in {"", line["message"]}]
