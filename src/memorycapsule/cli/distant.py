"""A daemon on another machine, by its API: what the command line asks when CAPSULE_URL says where it is."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn, Self, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import httpx
from pydantic import ValidationError

from memorycapsule import __version__, errors
from memorycapsule.cli.environment import URL_VARIABLE
from memorycapsule.cli.output import Bar, plain
from memorycapsule.errors import CapsuleError, NotFound, UsageProblem
from memorycapsule.schemas.capsule_lines import CapsuleLine
from memorycapsule.schemas.capsules import Capsule
from memorycapsule.schemas.model import Model
from memorycapsule.schemas.montages import Montage
from memorycapsule.schemas.stories import Medium, Story

Kind = TypeVar("Kind", bound=Model)
#: Short enough for a person who waits, long enough for a router that starts anew.
_WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_MOST_IN_A_PIECE = 200
#: What proxies answer while the daemon behind them is away for a moment.
_AWAY = frozenset({429, 502, 503, 504})
_TIMES_OUT = httpx.Timeout(60.0, connect=10.0)


class Unreachable(CapsuleError):
    """The capsule at CAPSULE_URL cannot be reached; nothing is lost. Look at the network, and try again."""

    code = "unreachable"


class Distant:
    """
    A distant daemon, as the owner of a token.

    Methods raise what the services raise there, Unreachable when nobody answers for half a minute, and
    CapsuleError when what answers is no capsule.
    """

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise UsageProblem(f"{URL_VARIABLE} is to be an address like https://photos.example.org.")
        if not (token.isascii() and token.isprintable()):
            raise NotFound("This token is not known there, or its session has ended.")
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {token}", "user-agent": f"capsule/{__version__}"},
            timeout=_TIMES_OUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def capsules(self) -> list[CapsuleLine]:
        return list(self._everything(CapsuleLine, "/capsules", "capsules"))

    def capsule(self, reference: str) -> Capsule:
        return self._get(Capsule, f"/capsules/{_quoted(reference)}", "capsule")

    def stories(self, reference: str) -> list[Story]:
        return list(self._everything(Story, f"/capsules/{_quoted(reference)}/stories", "stories"))

    def story(self, story_id: str) -> Story:
        return self._get(Story, f"/stories/{_quoted(story_id)}", "story")

    def montages(self, reference: str) -> list[Montage]:
        return list(self._everything(Montage, f"/capsules/{_quoted(reference)}/montages", "montages"))

    def montage(self, montage_id: str) -> Montage:
        return self._get(Montage, f"/montages/{_quoted(montage_id)}", "montage")

    def medium(self, medium_id: str) -> Medium:
        return self._get(Medium, f"/media/{_quoted(medium_id)}", "medium")

    def add_story(self, reference: str, *, title: str | None, text: str | None) -> str:
        """Add a story and return its id; however often the answer is lost, it is one story."""
        answer = self.ask(
            "POST",
            f"/capsules/{_quoted(reference)}/stories",
            json={"title": title, "text": text},
            headers={"idempotency-key": str(uuid.uuid4())},
        )
        return self._model(Story, answer, "story").id

    def make_montage(
        self,
        reference: str,
        *,
        stories: Sequence[str],
        title: str | None,
        length: str | None,
        music: str | None,
        song: bytes | None,
    ) -> Montage:
        """Queue a film, with a song of one's own or the music of a theme; whatever is lost, it is one film."""
        path = f"/capsules/{_quoted(reference)}/montages"
        once = {"idempotency-key": str(uuid.uuid4())}
        if song is None:
            wish = {"stories": stories, "title": title, "length": length, "music": music}
            return self._model(Montage, self.ask("POST", path, json=wish, headers=once), "montage")
        words = {"title": title, "length": length}
        fields = {"stories": stories} | {name: word for name, word in words.items() if word}
        file = {"file": ("soundtrack", song)}
        answer = self.ask("POST", f"{path}/with-soundtrack", data=fields, files=file, headers=once)
        return self._model(Montage, answer, "montage")

    def cancel_montage(self, montage_id: str) -> Montage:
        answer = self.ask_once("POST", f"/montages/{_quoted(montage_id)}/cancel")
        return self._model(Montage, answer, "montage")

    def save_film(self, montage_id: str, sink: BinaryIO, bar: Bar) -> None:
        """Write a film to `sink`, all of it; `bar` reaches 1."""
        self._fetch(f"/montages/{_quoted(montage_id)}/film", sink, bar)

    def save_original(self, medium_id: str, sink: BinaryIO) -> None:
        """Write a photo, clip or voice note to `sink` as it came."""
        self._fetch(f"/media/{_quoted(medium_id)}/original", sink, Bar())

    def next_position(self, story_id: str) -> int:
        """Return the place after the last medium of a story."""
        media = self._everything(Medium, f"/stories/{_quoted(story_id)}/media", "media")
        return max((one.position + 1 for one in media), default=0)

    def edit_story(
        self, story_id: str, *, title: str | None, text: str | None, captions: Mapping[str, str]
    ) -> Story:
        changes = {"title": title, "text": text, "captions": captions}
        answer = self.ask("PATCH", f"/stories/{_quoted(story_id)}", json=changes)
        return self._model(Story, answer, "story")

    def remove_story(self, story_id: str) -> None:
        """Remove a story that was there a moment ago."""
        self._remove(f"/stories/{_quoted(story_id)}")

    def remove_medium(self, medium_id: str) -> None:
        """Remove a photo, clip or voice note that was there a moment ago."""
        self._remove(f"/media/{_quoted(medium_id)}")

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

    def _fetch(self, path: str, sink: BinaryIO, bar: Bar) -> None:
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
        is_said = path.startswith(f"{urlsplit(self.url).path}/api/")
        return urljoin(self.url, path) if is_said else f"{self.url}/api/v1{path}"

    def _get(self, kind: type[Kind], path: str, name: str) -> Kind:
        return self._model(kind, self.ask("GET", path), name)

    def _remove(self, path: str) -> None:
        # Gone already: an earlier answer was lost on its way here.
        with suppress(NotFound):
            self.ask("DELETE", path)

    def _model(self, kind: type[Kind], answer: httpx.Response, name: str) -> Kind:
        return self._read(kind, self._told(answer, name))

    def _read(self, kind: type[Kind], told: Any) -> Kind:
        """Return a model of what was answered, without the fields that only a newer daemon knows."""
        try:
            return kind.model_validate(told, extra="ignore")
        except ValidationError as error:
            raise self._no_capsule() from error

    def _everything(self, kind: type[Kind], path: str, name: str) -> Iterator[Kind]:
        answer = self.ask("GET", path, params={"limit": _MOST_IN_A_PIECE})
        while True:
            yield from (self._read(kind, told) for told in self._told(answer, name))
            further = self._told(answer, "next")
            if further is None:
                return
            answer = self.ask("GET", further)

    def _told(self, answer: httpx.Response, name: str) -> Any:
        try:
            return answer.json()[name]
        except (ValueError, KeyError, TypeError) as error:
            raise self._no_capsule() from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_redirect:
            raise UsageProblem(
                f"{URL_VARIABLE} leads on to {plain(answer.headers.get('location', ''))}; set it to that place."
            )
        if answer.is_error:
            self._refuse(answer)
        return answer

    def _refuse(self, answer: httpx.Response) -> NoReturn:
        if answer.status_code in _AWAY:
            raise Unreachable(
                f"The capsule at {plain(self.url)} is away ({answer.status_code}). Try again later."
            )
        if not answer.headers.get("content-type", "").startswith("application/problem+json"):
            raise self._no_capsule()
        code, detail = self._told(answer, "code"), self._told(answer, "detail")
        raise _kinds().get(code, CapsuleError)(detail)

    def _unreachable(self, error: Exception) -> CapsuleError:
        if isinstance(error, Unreachable):
            return error
        return Unreachable(
            f"The capsule at {plain(self.url)} cannot be reached ({plain(str(error))}); nothing is lost. "
            "Look at the network, and try again."
        )

    def _no_capsule(self) -> CapsuleError:
        return CapsuleError(f"What answers at {plain(self.url)} is no capsule; check {URL_VARIABLE}.")


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
        said = answer.headers.get("content-length", "")
        if not said.isdecimal():
            return False
        if answer.status_code == httpx.codes.OK:
            # From the beginning: at first, or because it is another file by now.
            self.sink.seek(0)
            self.sink.truncate()
            self.count, self.size = 0, int(said)
            self.tag = answer.headers.get("etag")
            return True
        span = f"bytes {self.count}-{self.count + int(said) - 1}/{self.size}"
        return bool(answer.headers.get("content-range") == span)

    def take(self, chunk: bytes) -> None:
        self.sink.write(chunk)
        self.count += len(chunk)
        self.bar.reach(self.count / self.size if self.size else 1.0)


def _kinds() -> Mapping[str, type[CapsuleError]]:
    """Return our errors by the word that the API has for them."""
    known = {
        kind.code: kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, CapsuleError)
    }
    # A token that is not known is, here as there, one that nobody has.
    return {**known, "unauthenticated": NotFound}


def _quoted(reference: str) -> str:
    return quote(reference.strip(), safe="") or "-"
