"""Pages: templates with the words of a language, and addresses that work under any path."""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from collections.abc import Callable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from urllib.parse import urlencode

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.daemon.http.protocol.compression import accepts_gzip, gzipped
from memorycapsule.daemon.http.protocol.kept_forms import RefusedForm
from memorycapsule.daemon.http.protocol.sessions import PageReader
from memorycapsule.domain.people import shown_address
from memorycapsule.errors import CapsuleError, TooMany
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.languages import chosen, languages

#: Types of the files that pages load.
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "txt": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
#: Where a reader's choice of language is kept; it holds nothing else.
LANGUAGE_COOKIE = "capsule-language"
#: Where a reader's choice of text size is kept, and the sizes there are.
SIZE_COOKIE = "capsule-size"
SIZES = ("usual", "large", "largest")
#: The query parameters that every page takes: the cookie that keeps each choice, and the values that are taken.
_CHOICES = {"lang": (LANGUAGE_COOKIE, languages()), "size": (SIZE_COOKIE, SIZES)}
#: The endings of files that are text; fonts and pictures are compressed already.
_TEXTS = frozenset({"css", "js", "svg", "txt", "html", "webmanifest"})
_YEAR_SECONDS = 365 * 24 * 3600


class Pages:
    """
    Renders pages of one site.

    `root_path` is the path of the public address ("/capsule" or ""): every link begins with it, whether a proxy
    in front of us takes it away or not. `reader_of` finds out who reads a page.
    """

    def __init__(self, *, root_path: str, locale: str, reader_of: Callable[[Request], PageReader]) -> None:
        self.root_path = root_path
        self._locale = locale
        self._reader_of = reader_of
        #: Stands in the address of every file, so that browsers may keep them for ever.
        self.version = _version()

    def static(self, request: Request, name: str) -> Response | None:
        """Return a file that pages load, text as gzip where the browser takes it; None when there is no such file."""
        content, ending = _static_files().get(name), name.rpartition(".")[2]
        if content is None or ending not in _TYPES:
            return None
        headers = {}
        if ending in _TEXTS:
            headers["vary"] = "accept-encoding"
            if accepts_gzip(request):
                headers["content-encoding"] = "gzip"
                content = _packed(name)
        return Response(content, media_type=_TYPES[ending], headers=headers)

    def static_url(self, name: str) -> str:
        """Return the address of a file that pages load. Raises KeyError when there is no such file."""
        if name not in _static_files():
            raise KeyError(name)
        return f"{self.root_path}/g/static/{self.version}/{name}"

    def wording(self, request: Request, locale: str | None = None) -> Wording:
        """
        Return the words in the language of a reader.

        The first of these that names a language counts: the reader's choice on a page, their account, their browser,
        `locale` (what others think that they read), the setting of the instance.
        """
        return wording(
            chosen(
                request.query_params.get("lang"),
                request.cookies.get(LANGUAGE_COOKIE),
                self._reader(request).locale,
                request.headers.get("accept-language"),
                locale,
                self._locale,
            )
        )

    def _reader(self, request: Request) -> PageReader:
        known: PageReader | None = getattr(request.state, "reader", None)
        if known is None:
            known = request.state.reader = self._reader_of(request)
        return known

    def at(self, request: Request, path: str) -> str:
        """Return the address of a path of ours, with the language that the reader chose on this page."""
        lang = request.query_params.get("lang")
        path, mark, place = path.partition("#")
        query = f"{'&' if '?' in path else '?'}{urlencode({'lang': lang})}" if lang in languages() else ""
        return f"{self.root_path}{path}{query}{mark}{place}"

    def show(
        self,
        request: Request,
        template: str,
        words: Wording,
        *,
        status: int = 200,
        refresh_seconds: int | None = None,
        **values: object,
    ) -> HTMLResponse:
        """Render a template; `refresh_seconds` has the browser reload the page after that time."""
        text = (
            _templates()
            .get_template(template)
            .render(
                words=words,
                at=lambda path: self.at(request, path),
                static=self.static_url,
                languages=[_language(request, one) for one in languages()],
                size=_size(request),
                sizes={one: f"?{urlencode({**request.query_params, 'size': one})}" for one in SIZES},
                refresh_seconds=refresh_seconds,
                is_signed_in=self._reader(request).is_signed_in,
                **values,
            )
        )
        headers = {"content-language": words.language, "vary": "accept-language, accept-encoding, cookie"}
        if status == TooMany.http_status:
            # What limits requests knows the seconds, and says them in its place.
            headers["retry-after"] = str(TooMany.retry_seconds)
        content = text.encode()
        if accepts_gzip(request) and _repeats_nothing_of_a_link(request):
            headers["content-encoding"] = "gzip"
            content = gzipped(content)
        answer = HTMLResponse(content, status_code=status, headers=headers)
        for parameter, (name, choices) in _CHOICES.items():
            choice = request.query_params.get(parameter)
            if choice in choices:
                answer.set_cookie(
                    name,
                    choice,
                    max_age=_YEAR_SECONDS,
                    path=self.root_path or "/",
                    httponly=True,
                    samesite="lax",
                )
        return answer

    def message(
        self,
        request: Request,
        words: Wording,
        heading: str,
        text: str,
        *,
        status: int = 200,
        refused: RefusedForm | None = None,
        may_repeat: bool = False,
    ) -> HTMLResponse:
        """
        Return the page that says one thing; what may pass by itself can be tried again.

        It gives back what a `refused` form has brought; with `may_repeat`, to be sent again as it is.
        """
        is_passing = request.method == "GET" and (status == TooMany.http_status or status >= 500)
        return self.show(
            request,
            "message.html",
            words,
            status=status,
            heading=heading,
            text=text,
            refused=refused,
            may_repeat=may_repeat and refused is not None and refused.is_whole,
            is_passing=is_passing,
            capsule_id=self._reader(request).capsule_id,
        )

    def error(
        self,
        request: Request,
        status: int,
        *,
        code: str = "",
        wait_seconds: int = 0,
        refused: RefusedForm | None = None,
    ) -> HTMLResponse:
        """
        Return the page for a status of 400 or more; `code` finds the line in the log.

        `wait_seconds` is how long it takes until the request may come again.
        """
        words = self.wording(request)
        known = status if status in {403, 404, 413, 429} else 404 if 400 <= status < 500 else 500
        text = words(f"error_{known}_text", code=code)
        if wait_seconds:
            text = words.counted("error_wait", wait_seconds)
        title = words(f"error_{known}_title")
        # What is not allowed or not there will not be later either.
        may_repeat = status == TooMany.http_status or status >= 500
        return self.message(
            request, words, title, text, status=status, refused=refused, may_repeat=may_repeat
        )

    def refusal(
        self, request: Request, error: CapsuleError, *, refused: RefusedForm | None = None
    ) -> HTMLResponse:
        """Return the page that says why something was not done, with what a `refused` form has brought."""
        words = self.wording(request)
        text = error_text(error, words)
        return self.message(
            request, words, words("not_done_title"), text, status=error.http_status, refused=refused
        )

    def unknown_link(self, request: Request) -> HTMLResponse:
        """Return the page for a mailed link that is not known here."""
        words = self.wording(request)
        return self.show(
            request, "back.html", words, status=404, is_unknown=True, capsules=[], typed="", problem=None
        )

    def redirect(self, request: Request, path: str) -> RedirectResponse:
        """Redirect a browser to another page of ours, which it gets with GET."""
        return RedirectResponse(self.at(request, path), status_code=303)

    def redirect_in_account_language(self, path: str) -> RedirectResponse:
        """Redirect a browser to a page of ours, and forget which language was chosen on pages before the account's."""
        answer = RedirectResponse(f"{self.root_path}{path}", status_code=303)
        answer.delete_cookie(LANGUAGE_COOKIE, path=self.root_path or "/", httponly=True, samesite="lax")
        return answer


def _repeats_nothing_of_a_link(request: Request) -> bool:
    """
    Say whether a page repeats nothing that somebody else may have written into a link or a form.

    Paths of pages hold ids, which must exist. Query parameters come back in the links of a page, so only those with
    values of ours are harmless.
    """
    return request.method in {"GET", "HEAD"} and all(
        name in _CHOICES and value in _CHOICES[name][1] for name, value in request.query_params.multi_items()
    )


def _language(request: Request, language: str) -> dict[str, str]:
    """Return what a page needs to offer a language: its tag, its own name, and this page's address in it."""
    return {
        "tag": language,
        "name": wording(language)("language_name"),
        "here": f"?{urlencode({**request.query_params, 'lang': language})}",
    }


def _size(request: Request) -> str:
    """Return the size of text that a reader chose here or before."""
    choices = (request.query_params.get("size"), request.cookies.get(SIZE_COOKIE))
    return next((choice for choice in choices if choice in SIZES), SIZES[0])


# What all sites of a process share is read once.


@functools.cache
def _static_files() -> dict[str, bytes]:
    return dict(_files(resources.files("memorycapsule.daemon.http").joinpath("static"), ""))


@functools.cache
def _version() -> str:
    digest = hashlib.sha256()
    for name, content in sorted(_static_files().items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:12]


@functools.cache
def _packed(name: str) -> bytes:
    return gzipped(_static_files()[name])


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _read("templates", name).decode()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown_address"] = shown_address
    environment.filters["unbroken"] = _unbroken
    environment.filters["isolated"] = _isolated
    return environment


def _unbroken(name: str) -> str:
    """Return a name whose last word stands on the line of the one before: '영희' and '님' are never parted."""
    before, gap, last = name.rpartition(" ")
    return f"{before}\N{NO-BREAK SPACE}{last}" if gap else name


def _isolated(text: str) -> str:
    """Return what people wrote so that a sentence around it keeps its own direction: an Arabic title turns none."""
    if not any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text):
        return text
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{path}{entry.name}/")
        else:
            yield f"{path}{entry.name}", entry.read_bytes()


def _read(*path: str) -> bytes:
    return resources.files("memorycapsule.daemon.http").joinpath(*path).read_bytes()
