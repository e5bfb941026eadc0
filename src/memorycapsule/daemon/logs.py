"""The log of the daemon: one line per event on stderr, for people or as JSON, without tokens and addresses."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from memorycapsule.journal import journal

#: Whatever follows these paths is a secret of a mailed link.
_TOKEN = re.compile(r"(/g/(?:[iov]|consent)/|/sign-in/|/set-up/)(?!code\b)[^\s/?#\"']+")
_ADDRESS = re.compile(r"[^\s@<>\"'(]+@[^\s@<>\"')]+")
#: So many lines of one event are let through a minute.
MOST_LINES = 60
_MINUTE = 60.0
_LONGEST_EVENT = 80
_MOST_EVENTS = 1000
#: Libraries that log every job and request; of these, only errors are kept.
_CHATTY = (
    "apscheduler",
    "alembic",
    "asyncio",
    "httpcore",
    "httpx",
    "sqlalchemy",
    "uvicorn",
    "multipart",
    "python_multipart",
)


def configure(form: Literal["auto", "json", "pretty"], *, is_verbose: bool = False) -> None:
    """Log what structlog and the libraries say to stderr; `auto` is pretty on a terminal, and JSON elsewhere."""
    is_pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    level = logging.DEBUG if is_verbose else logging.INFO
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Tracebacks as plain text: the richer forms print the values of variables.
        structlog.processors.format_exc_info,
        mask_event,
    ]
    last: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if is_pretty
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    journal.set_up_with(None)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repetitions())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)


class Repetitions(logging.Filter):
    """
    Leaves out what is said again and again, so that one fault does not fill the disk with its log.

    Of each event of a logger, so many lines are let through a minute; the first one after that minute says how many
    were left out.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: By logger and event: when the minute began, and how many lines came since.
        self._counts: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        said: Any = record.msg
        event = str(said.get("event", "")) if isinstance(said, dict) else str(said)
        key, now = (record.name, event[:_LONGEST_EVENT]), self._clock()
        began, count = self._counts.get(key, (now, 0))
        if now - began >= _MINUTE:
            if isinstance(said, dict) and count > MOST_LINES:
                record.msg = {**said, "left_out": count - MOST_LINES}
            began, count = now, 0
        if len(self._counts) >= _MOST_EVENTS and key not in self._counts:
            self._counts.clear()
        self._counts[key] = began, count + 1
        return count < MOST_LINES


def mask_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask tokens and addresses in every text of a log line; a processor of structlog."""
    return {name: mask(value) if isinstance(value, str) else value for name, value in event.items()}


def mask(text: str) -> str:
    """Return `text` with the tokens of mailed links and all mail addresses masked."""
    return _ADDRESS.sub("(address)", _TOKEN.sub(r"\1(token)", text))
