"""Requests to a distant daemon: asked again while nobody answers, and their answers read."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import httpx
from pydantic import ValidationError

from memorycapsule import __version__, errors
from memorycapsule.cli.bars import Bar
from memorycapsule.cli.environment import URL_VARIABLE
from memorycapsule.cli.sentences import is_sayable
from memorycapsule.errors import CapsuleError, NotFound, UsageProblem, system_problem
from memorycapsule.schemas.errors import error_of
from memorycapsule.schemas.model import Model

Kind = TypeVar("Kind", bound=Model)
#: Short enough for a person who waits, long enough for a router that starts anew.
_WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_PAGE_SIZE = 200
#: What proxies answer while the daemon behind them is away for a moment.
_AWAY = frozenset({429, 502, 503, 504})
#: What they answer to a body that is larger than they let through.
_TOO_LARGE = 413
_TIMES_OUT = httpx.Timeout(60.0, connect=10.0)


class Unreachable(CapsuleError):
    """Nobody answers at CAPSULE_URL."""

    code = "unreachable"


class Client:
    """
    The API of a distant daemon, as the owner of a token.

    Methods raise what the services raise there, Unreachable when nobody answers for half a minute, and
    CapsuleError when what answers is no capsule, or one of another version.
    """

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise UsageProblem("daemon_url_malformed", url=URL_VARIABLE)
        if not (token.isascii() and token.isprintable()):
            raise NotFound("token_unknown_there")
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {token}", "user-agent": f"capsule/{__version__}"},
            timeout=_TIMES_OUT,
        )

    def close(self) -> None:
        self._client.close()

    def ask(
        self, method: str, path: str, *, stop: threading.Event | None = None, **more: Any
    ) -> httpx.Response:
        """
        Ask, and once more for a while when nobody answers: only for requests that may arrive twice.

        `path` is below /api/v1, or what an answer said.
        """
        pause = stop or threading.Event()
        for seconds in _WAITS_SECONDS:
            try:
                answer = self._client.request(method, self._address(path), **more)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in _AWAY:
                return self._checked(answer)
            if pause.wait(seconds):
                break
        return self.ask_once(method, path, **more)

    def ask_once(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask, and raise Unreachable at once when nobody answers."""
        try:
            answer = self._client.request(method, self._address(path), **more)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        return self._checked(answer)

    def get(self, kind: type[Kind], path: str, name: str) -> Kind:
        """Return what an answer holds under `name`."""
        return self.read(kind, self.ask("GET", path), name)

    def list_of(self, kind: type[Kind], path: str, name: str) -> list[Kind]:
        """Return a list, however many pieces it comes in."""
        answer = self.ask("GET", path, params={"limit": _PAGE_SIZE})
        found = self.read_all(kind, answer, name)
        while further := self._field(answer, "next"):
            answer = self.ask("GET", further)
            found += self.read_all(kind, answer, name)
        return found

    def read(self, kind: type[Kind], answer: httpx.Response, name: str) -> Kind:
        """Return what an answer holds under `name`."""
        return self._model(kind, self._field(answer, name))

    def read_any(self, kind: type[Kind], answer: httpx.Response, name: str) -> Kind | None:
        """Return what an answer holds under `name`, None where it says that there is nothing."""
        value = self._field(answer, name)
        return None if value is None else self._model(kind, value)

    def read_all(self, kind: type[Kind], answer: httpx.Response, name: str) -> list[Kind]:
        """Return the list that an answer holds under `name`."""
        return [self._model(kind, value) for value in self._field(answer, name)]

    def read_whole(self, kind: type[Kind], answer: httpx.Response) -> Kind:
        """Return a whole answer."""
        return self._model(kind, self._json(answer))

    def fetch(self, path: str, sink: BinaryIO, bar: Bar) -> None:
        """Write a file to `sink`, going on after any cut where it broke off."""
        arriving = _Arriving(sink=sink, bar=bar)
        waits = iter(_WAITS_SECONDS)
        while not arriving.is_whole:
            before = arriving.count
            try:
                self._fetch_rest(path, arriving)
            except (httpx.TransportError, Unreachable) as error:
                if arriving.count > before:
                    waits = iter(_WAITS_SECONDS)
                seconds = next(waits, None)
                if seconds is None:
                    raise self._unreachable(error) from error
                threading.Event().wait(seconds)

    def _fetch_rest(self, path: str, arriving: _Arriving) -> None:
        # Packed by a proxy, its length would not be the file's.
        headers = {"accept-encoding": "identity"} | arriving.range()
        with self._client.stream("GET", self._address(path), headers=headers) as answer:
            if not answer.is_success:
                answer.read()
                self._checked(answer)
            if not arriving.begins(answer):
                raise self._no_capsule()
            for chunk in answer.iter_bytes():
                arriving.take(chunk)

    def _address(self, path: str) -> str:
        # What answers say (`next`, `Location`) begins with the path that the daemon lies under.
        is_answered_path = path.startswith(f"{urlsplit(self.url).path}/api/")
        return urljoin(self.url, path) if is_answered_path else f"{self.url}/api/v1{path}"

    def _model(self, kind: type[Kind], value: Any) -> Kind:
        try:
            # A newer daemon may say more than this program knows of.
            return kind.model_validate(value, extra="ignore")
        except ValidationError as error:
            raise CapsuleError("distant_version", url=self.url) from error

    def _field(self, answer: httpx.Response, name: str) -> Any:
        try:
            return self._json(answer)[name]
        except (KeyError, TypeError) as error:
            raise self._no_capsule() from error

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise self._no_capsule() from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_redirect:
            place = answer.headers.get("location", "")
            raise UsageProblem("distant_moved", variable=URL_VARIABLE, url=place)
        if answer.is_error:
            self._refuse(answer)
        return answer

    def _refuse(self, answer: httpx.Response) -> NoReturn:
        if not answer.headers.get("content-type", "").startswith("application/problem+json"):
            if answer.status_code in _AWAY:
                status = answer.status_code
                raise Unreachable("distant_away", url=self.url, status=status)
            if answer.status_code == _TOO_LARGE:
                sent = int(answer.request.headers.get("content-length", 0))
                raise CapsuleError("distant_body_refused", url=self.url, megabytes=sent / 1_000_000)
            raise self._no_capsule()
        kinds, code, sentence = _kinds(), self._field(answer, "code"), self._field(answer, "detail")
        # A daemon of another version may have reasons that no catalogue here knows.
        other = error_of({"code": code, "reason": "other", "values": {"sentence": sentence}}, kinds)
        try:
            error = error_of(self._json(answer), kinds)
        except (KeyError, TypeError, ValueError):
            raise other from None
        raise error if is_sayable(error) else other

    def _unreachable(self, error: Exception) -> CapsuleError:
        if isinstance(error, Unreachable):
            return error
        return Unreachable("distant_silent", url=self.url, problem=_cause_of(error))

    def _no_capsule(self) -> CapsuleError:
        return CapsuleError("distant_no_capsule", url=self.url, variable=URL_VARIABLE)


@dataclass(kw_only=True)
class _Arriving:
    """A file on its way here."""

    sink: BinaryIO
    bar: Bar
    count: int = 0
    #: In bytes; None until an answer has said it.
    size: int | None = None
    #: The daemon's word for these very bytes (ETag); None for what no cache may keep, which never changes.
    tag: str | None = None

    @property
    def is_whole(self) -> bool:
        return self.count == self.size

    def range(self) -> dict[str, str]:
        """Return the headers that ask for the rest (RFC 9110, 13.1.5 and 14.2)."""
        if not self.count:
            return {}
        return {"range": f"bytes={self.count}-"} | ({"if-range": self.tag} if self.tag else {})

    def begins(self, answer: httpx.Response) -> bool:
        """Get ready for the bytes of an answer; False when it cannot be said which of the file they are."""
        length = answer.headers.get("content-length", "")
        if not length.isdecimal():
            return False
        if answer.status_code == httpx.codes.OK:
            # From the beginning: at first, or because it is another file by now.
            self.sink.seek(0)
            self.sink.truncate()
            self.count, self.size = 0, int(length)
            self.tag = answer.headers.get("etag")
            return True
        span = f"bytes {self.count}-{self.count + int(length) - 1}/{self.size}"
        return bool(answer.headers.get("content-range") == span)

    def take(self, chunk: bytes) -> None:
        self.sink.write(chunk)
        self.count += len(chunk)
        self.bar.reach(self.count / self.size if self.size else 1.0)


def _cause_of(error: Exception) -> CapsuleError:
    """Return why nobody could be asked: what the system says, under what httpx makes of it, or what kind it is."""
    if isinstance(error, httpx.TimeoutException):
        return CapsuleError("distant_no_reply_in_time")
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError):
            return system_problem(cause)
        cause = cause.__cause__ or cause.__context__
    return CapsuleError("distant_connection_lost")


def _kinds() -> Mapping[str, type[CapsuleError]]:
    """Return our errors by the word that the API has for them."""
    known = {
        kind.code: kind
        # The first of those that share a code: the others are kinds of it.
        for kind in reversed(vars(errors).values())
        if isinstance(kind, type) and issubclass(kind, CapsuleError)
    }
    # A token that is not known is, here as there, one that nobody has.
    return {**known, "unauthenticated": NotFound}


def quoted(reference: str) -> str:
    """Return the short name or id of a capsule for a path."""
    return quote(reference.strip(), safe="") or "-"


def id_in(text: str) -> str:
    """Return an id for a path. What is no id is nobody's; so the daemon finds nothing, and says so in its own words."""
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        return str(uuid.UUID(int=0))
