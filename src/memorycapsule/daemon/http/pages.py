"""Pages: templates, the words in them, and addresses that work under any path."""

from __future__ import annotations

import hashlib
from importlib import resources
from urllib.parse import urlencode

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from memorycapsule.daemon.http.wording import LANGUAGES, Wording, chosen, wording

#: Files that every page may load, with their types.
STATIC = {"guest.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml"}


class Pages:
    """
    Renders pages of one site.

    `root_path` is the path of the public address ("/capsule" or ""): every link begins with it, whether a proxy
    in front of us takes it away or not.
    """

    def __init__(self, *, root_path: str, locale: str) -> None:
        self.root_path = root_path
        self._locale = locale
        self._static = {name: _read("static", name) for name in STATIC}
        self._templates = jinja2.Environment(
            loader=jinja2.FunctionLoader(lambda name: _read("templates", name).decode()),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def static(self, name: str) -> bytes | None:
        return self._static.get(name)

    def wording(self, request: Request, locale: str | None = None) -> Wording:
        """Return the words for a reader: what they chose, what their browser asks for, `locale`, ours."""
        return wording(
            chosen(
                request.query_params.get("lang"),
                request.headers.get("accept-language"),
                locale,
                self._locale,
            )
        )

    def at(self, request: Request, path: str) -> str:
        """Return the address of a path of ours, keeping the language that the reader chose."""
        lang = request.query_params.get("lang")
        query = f"{'&' if '?' in path else '?'}{urlencode({'lang': lang})}" if lang in LANGUAGES else ""
        return f"{self.root_path}{path}{query}"

    def show(
        self,
        request: Request,
        template: str,
        words: Wording,
        *,
        status: int = 200,
        again_in_seconds: int | None = None,
        **values: object,
    ) -> HTMLResponse:
        """Render a template; `again_in_seconds` has the browser ask again by itself."""
        other = next(language for language in LANGUAGES if language != words.language)
        text = self._templates.get_template(template).render(
            words=words,
            at=lambda path: self.at(request, path),
            static=lambda name: f"{self.root_path}/g/static/{name}?{self._version(name)}",
            other_language=f"?{urlencode({**request.query_params, 'lang': other})}",
            again_in_seconds=again_in_seconds,
            **values,
        )
        return HTMLResponse(
            text,
            status_code=status,
            headers={"content-language": words.language, "vary": "accept-language, cookie"},
        )

    def error(self, request: Request, status: int, *, code: str = "") -> HTMLResponse:
        """Say calmly that something cannot be had or done."""
        words = self.wording(request)
        known = status if status in {403, 404, 413} else 404 if 400 <= status < 500 else 500
        return self.show(
            request,
            "message.html",
            words,
            status=status,
            heading=words(f"error_{known}_title"),
            text=words(f"error_{known}_text", code=code),
        )

    def unknown_link(self, request: Request) -> HTMLResponse:
        """Say that a mailed link is not known here."""
        words = self.wording(request)
        return self.show(
            request,
            "message.html",
            words,
            status=404,
            heading=words("unknown_link_title"),
            text=words("unknown_link_text"),
        )

    def forward(self, request: Request, path: str) -> RedirectResponse:
        """Send a browser on to another page of ours, with GET."""
        return RedirectResponse(self.at(request, path), status_code=303)

    def _version(self, name: str) -> str:
        return hashlib.sha256(self._static[name]).hexdigest()[:10]


def _read(*path: str) -> bytes:
    return resources.files(__package__).joinpath(*path).read_bytes()
