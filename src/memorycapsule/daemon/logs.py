"""
The log of the daemon: one line per event on stderr, for people, or as JSON by the names of Elastic's Common Schema.

No line holds a token, an address, a name or what somebody has written. docs/en/events.md lists fields and events.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from memorycapsule import __version__
from memorycapsule.daemon.tracebacks import told_without_words
from memorycapsule.domain.sessions import TOKEN_LENGTH
from memorycapsule.journal import current_request, journal

#: Whatever follows these paths is a secret of a mailed link.
_TOKEN = re.compile(r"(/g/(?:[iov]|consent)/|/sign-in/|/set-up/)(?!code\b|\{token\})[^\s/?#\"']+")
#: A token wherever it stands.
_BARE_TOKEN = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TOKEN_LENGTH}}}(?![a-z0-9])", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>\"'(]+@[^\s@<>\"')]+")
#: So many lines of one event are let through a minute.
MOST_LINES = 60
_MINUTE = 60.0
_LONGEST_EVENT = 120
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

_ECS_VERSION = "9.2.0"
#: What the Common Schema calls the fields of our events. All others stand below `capsule.`.
ECS_NAMES = {
    "bytes": "file.size",
    "capsule": "capsule.id",
    "code": "error.id",
    "error": "error.type",
    "level": "log.level",
    "logger": "log.logger",
    "method": "http.request.method",
    "pid": "process.pid",
    "reason": "event.reason",
    "request": "http.request.id",
    "route": "http.route",
    "stack": "error.stack_trace",
    "status": "http.response.status_code",
    "timestamp": "@timestamp",
    "url": "url.full",
}
_NANOSECONDS = 1_000_000_000


def configure(form: Literal["auto", "json", "pretty"], *, is_verbose: bool = False) -> None:
    """Log what structlog and the libraries say to stderr; `auto` is pretty on a terminal, and JSON elsewhere."""
    is_pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    level = logging.DEBUG if is_verbose else logging.INFO
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if is_pretty
        else [by_common_schema, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    journal.set_up_with(None)
    structlog.configure(
        processors=[*EVERY_LINE, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repetitions())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            # Only what libraries say is in words; our own events have a name.
            foreign_pre_chain=[structlog.stdlib.add_logger_name, first_line, *EVERY_LINE],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
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

    Of each event of a logger, so many lines are let through a minute, of requests so many of each route and status;
    the first one after that minute says how many were left out.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: By logger and event: when the minute began, and how many lines came since.
        self._counts: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        said: Any = record.msg
        event = (
            " ".join(str(said[name]) for name in ("event", "route", "status") if name in said)
            if isinstance(said, dict)
            else str(said)
        )
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


def first_line(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Keep the first line of what a library says: below it asyncio quotes exceptions; a processor of structlog."""
    event["event"] = str(event["event"]).partition("\n")[0]
    return event


def add_request(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Name the request that is being answered, or that asked for the work; a processor of structlog."""
    if (request := current_request()) is not None:
        event.setdefault("request", request)
    return event


def mask_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask tokens and addresses in every text of a log line; a processor of structlog."""
    return {name: mask(value) if isinstance(value, str) else value for name, value in event.items()}


def by_common_schema(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Give the fields of a line the names of the Common Schema; a processor of structlog."""
    said = str(event.pop("event"))
    line: EventDict = {
        "@timestamp": event.pop("timestamp"),
        "log.level": event.pop("level"),
        "message": said,
        "ecs.version": _ECS_VERSION,
        "service.name": "memorycapsule",
        "service.version": __version__,
        "event.dataset": "memorycapsule.log",
        "process.pid": os.getpid(),
        "process.thread.name": threading.current_thread().name,
    }
    if "logger" not in event:
        line["event.action"] = said
    if (seconds := event.pop("took_seconds", None)) is not None:
        line["event.duration"] = round(seconds * _NANOSECONDS)
    for name, value in event.items():
        line[ECS_NAMES.get(name, f"capsule.{name}")] = value
    return line


def mask(text: str) -> str:
    """Return `text` with all tokens and mail addresses masked, and whatever stands in a link in place of a token."""
    without_tokens = _BARE_TOKEN.sub("(token)", _TOKEN.sub(r"\1(token)", text))
    return _ADDRESS.sub("(address)", without_tokens)


#: What each line goes through, whatever its form.
EVERY_LINE: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    add_request,
    told_without_words,
    mask_event,
)
