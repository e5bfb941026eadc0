"""
What tests put into the program, and whether any of it stands in what is logged and measured.

Everything is watched that this process and the programs that it starts say. What people put in is taken down where the
program takes it: rows with names, titles, words and addresses, the words of stories, and the files' own names; and where
it leaves for a program that runs by itself: words of commands, and what forms and bodies hold.
"""

import base64
import dataclasses
import json
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from memorycapsule.daemon import logs
from memorycapsule.domain.sessions import TOKEN_LENGTH
from memorycapsule.services.vault import Vault
from memorycapsule.store.tables import Table

#: Fields that hold what somebody has written, or who they are.
_PERSONAL = ("name", "title", "message", "text", "words", "file", "caption", "address", "normalised")
#: What such fields are called in forms and bodies besides.
_PERSONAL_IN_REQUESTS = {*_PERSONAL, "called", "captions", "email", "emails", "phrase"}
_FORM_PART = re.compile(rb'; name="(\w+)"\r\n\r\n(.*?)\r\n--', re.DOTALL)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_TOKEN = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TOKEN_LENGTH}}}(?![a-z0-9])", re.IGNORECASE)
_MAILED_LINK = re.compile(
    r"/(?:g/(?:[iov]|consent)|sign-in|set-up)/(?!\(token\)|\{token\}|code\b)[^\s/?#\"']+"
)
#: What says nothing of anybody, and is different each time.
_MEANINGLESS = re.compile(r"[\d.:TZ+-]+|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Watch:
    """What was put in and what was said since it began."""

    def __init__(self) -> None:
        self._put_in: set[str] = set()
        self._said: set[str] = set()

    def put_in(self, *words: object) -> None:
        """Take down what somebody has put in; a word of the program's own, such as "film", is no secret."""
        for one in words:
            text = str(one).strip() if isinstance(one, str) else ""
            is_telling = text[:1].isupper() or " " in text or not text.isascii()
            if is_telling and len(text) >= (3 if text.isascii() else 2):
                self._put_in.add(text)

    def hear(self, texts: Iterable[str]) -> None:
        """Take down what was said."""
        self._said.update(text for text in texts if not _MEANINGLESS.fullmatch(text))

    def hear_line(self, line: Mapping[str, Any]) -> None:
        """Take down a line of the log, by its fields."""
        for field, value in line.items():
            text = str(value)
            # Of a traceback its places are our own code; what is said of the errors is not.
            lines = text.splitlines() if field == "error.stack_trace" else [text]
            self.hear(one for one in lines if not one.startswith(("  ", "Traceback")))

    def found(self) -> list[tuple[str, str]]:
        """Return each text that holds what no log may, beside what it holds."""
        everything = "\n".join(self._said)
        secrets = {one for one in self._put_in if one in everything}
        return sorted({(said, secret) for said in self._said for secret in _secrets_in(said, secrets)})


def _secrets_in(said: str, secrets: Iterable[str]) -> Iterator[str]:
    yield from (found[0] for shape in (_ADDRESS, _TOKEN, _MAILED_LINK) if (found := shape.search(said)))
    yield from (one for one in secrets if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", said))


_watches: list[Watch] = []


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch what is put in and said in this block, and in no other watch meanwhile."""
    watch = Watch()
    _watches.append(watch)
    try:
        with pytest.MonkeyPatch.context() as patch:
            if len(_watches) == 1:
                for method in ("add", "add_once", "save"):
                    _listen(patch, Table, method, 2)
                for method in ("sealed_words", "sealed_details", "sealed_metadata"):
                    _listen(patch, Vault, method, 2)
                _listen_to_requests(patch)
            yield watch
    finally:
        _watches.remove(watch)


def put_in(*words: object) -> None:
    """Tell the watch what somebody has put in."""
    if _watches:
        _watches[-1].put_in(*words)


def put_in_request(headers: Mapping[str, str], body: bytes) -> None:
    """Tell the watch what a request holds of somebody, by the names of its fields: a form, JSON, or an upload."""
    kind = headers.get("content-type", "")
    if "json" in kind:
        _put_in_fields(json.loads(body or b"null"))
    elif "urlencoded" in kind:
        _put_in_fields(dict(urllib.parse.parse_qsl(body.decode())))
    elif "multipart" in kind:
        _put_in_fields({name.decode(): value.decode() for name, value in _FORM_PART.findall(body)})
    for pair in headers.get("upload-metadata", "").split(","):
        name, _space, value = pair.strip().partition(" ")
        if name == "filename":
            put_in(base64.b64decode(value).decode())


def hear_log(log: str) -> None:
    """Tell the watch what a program of ours has written to stderr: lines of its log, and sentences for its starter."""
    if _watches:
        for line in log.splitlines():
            if line.startswith("{"):
                _watches[-1].hear_line(json.loads(line))


def hear_metrics(scrape: str) -> None:
    """Tell the watch what Prometheus was told."""
    if _watches:
        _watches[-1].hear(line.rpartition(" ")[0] for line in scrape.splitlines() if not line.startswith("#"))


def note(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Tell the watch of a line as the daemon would write it; a processor of structlog that changes nothing."""
    if _watches:
        line: Any = dict(event)
        for processor in (*logs.EVERY_LINE, logs.by_common_schema):
            line = processor(logger, method, line)
        _watches[-1].hear_line(line)
    return event


def _listen(patch: pytest.MonkeyPatch, owner: type, method: str, position: int) -> None:
    """Have what a method is given as its argument at `position` taken down, whenever it is called."""
    original: Callable[..., Any] = getattr(owner, method)

    def listened(*arguments: Any, **named: Any) -> Any:
        value = arguments[position] if len(arguments) > position else None
        if dataclasses.is_dataclass(value):
            put_in(*(getattr(value, name, None) for name in _PERSONAL))
        return original(*arguments, **named)

    patch.setattr(owner, method, listened)


def _listen_to_requests(patch: pytest.MonkeyPatch) -> None:
    """Have taken down what this process sends to a program that runs by itself."""
    original = httpx.Client.build_request

    def listened(*arguments: Any, **named: Any) -> httpx.Request:
        request = original(*arguments, **named)
        try:
            put_in_request(request.headers, request.content)
        except (httpx.RequestNotRead, ValueError):
            # It is a stream, or what is sent is no JSON on purpose.
            _put_in_fields(named.get("data"))
        return request

    patch.setattr(httpx.Client, "build_request", listened)


def _put_in_fields(fields: Any, *, is_personal: bool = False) -> None:
    if isinstance(fields, str) and is_personal:
        put_in(fields)
    elif isinstance(fields, Mapping):
        for name, value in fields.items():
            _put_in_fields(value, is_personal=is_personal or name in _PERSONAL_IN_REQUESTS)
    elif isinstance(fields, list):
        for one in fields:
            _put_in_fields(one, is_personal=is_personal)
