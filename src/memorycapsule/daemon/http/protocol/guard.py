"""
The guard around the whole site: it checks every request and secures every answer.

A request that changes something must come from a page of ours, and its body may not be larger than its route takes.
Every answer forbids the browser what no page of ours needs, and hides from other sites which page its reader saw.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memorycapsule.daemon.http.protocol.costs import LARGEST_FORM_BYTES, LARGEST_STORY_FORM_BYTES, Costs
from memorycapsule.daemon.http.protocol.kept_forms import keep_body
from memorycapsule.daemon.http.protocol.link_paths import mended

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Pictures and sounds that a page shows before they are sent live under blob: addresses of its own.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    # The origin and never the path, which may hold a token. `no-referrer` would also take the origin from our
    # own forms (Fetch standard, "append a request Origin header"), which tells them from other people's.
    "referrer-policy": "strict-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "no-store",
}


def policy_with(files_origin: str | None) -> str:
    """Return the policy of pages, which may show photos and films from one more origin."""
    if files_origin is None:
        return PAGE_POLICY
    return PAGE_POLICY.replace("'self' blob:", f"'self' blob: {files_origin}")


Refuse = Callable[[Request, int], Response]
Failed = Callable[[Request, Exception], Response]


class Guard:
    """
    An ASGI application around another one.

    `root_path` is the path of the public address; proxies may take it away or leave it, and routes are found
    either way. `costs` says how large bodies may be. Those that may be larger than the words of a story are streamed,
    not kept in memory. What may be larger than other forms is taken only from senders who `has_session`: a form is
    read before its sender is checked, and strangers could fill the disk. `refuse` makes the page for a request that
    is refused with a status, `failed` the page for an exception that nothing else has handled. `files_origin` is where
    else pages may show photos and films from.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        public_url: str | None,
        root_path: str,
        costs: Costs,
        has_session: Callable[[Request], bool],
        refuse: Refuse,
        failed: Failed,
        files_origin: str | None = None,
    ) -> None:
        self._app = app
        self._costs = costs
        self._root_path = root_path
        self._own_origin = _origin(public_url) if public_url else None
        self._has_session = has_session
        self._refuse = refuse
        self._failed = failed
        self._headers = _HEADERS | {"content-security-policy": policy_with(files_origin)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["root_path"], scope["path"] = self._root_path, _whole_path(scope["path"], self._root_path)
        has_started = False

        async def send_guarded(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refusal, receive = await self._checked(scope, receive)
            answer = await run_in_threadpool(self._refuse, Request(scope), refusal) if refusal else self._app
            await answer(scope, receive, send_guarded)
        except Exception as error:
            page = await run_in_threadpool(self._failed, Request(scope), error)
            if has_started:
                # A part of the answer is sent already; nothing can be done but break off.
                raise
            await page(scope, receive, send_guarded)

    async def _checked(self, scope: Scope, receive: Receive) -> tuple[int | None, Receive]:
        """Return the status to refuse a request with, or None and what to receive its body from."""
        if scope["method"] in _SAFE_METHODS:
            return None, receive
        headers = Headers(scope=scope)
        if not self._is_from_our_pages(headers):
            return 403, receive
        path = scope["path"].removeprefix(self._root_path)
        limit = self._costs.of(scope["method"], path).largest_body
        if limit > LARGEST_FORM_BYTES and not await run_in_threadpool(self._has_session, Request(scope)):
            limit = LARGEST_FORM_BYTES
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 18 or int(length) > limit:
            return 413, receive
        if limit > LARGEST_STORY_FORM_BYTES:
            return None, _limited(receive, limit)
        body = await _whole_body(receive, limit)
        if body is None:
            return 413, receive
        keep_body(scope, body)
        return None, _replayed(body, receive)

    def _is_from_our_pages(self, headers: Headers) -> bool:
        """
        Say whether a browser sent this from a page of ours, or the sender is no browser.

        Browsers send Sec-Fetch-Site over https and to localhost, and Origin with every form (Fetch standard). A
        proxy may have changed Host, so the public address counts as well.
        """
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in {"same-origin", "none"}
        origin = headers.get("origin")
        if origin is None:
            return True
        own = {_origin(f"http://{headers.get('host', '')}"), self._own_origin}
        return bool(_origin(origin)) and _origin(origin) in own


def _whole_path(path: str, root_path: str) -> str:
    """
    Return a path with the path of the public address before it, which a proxy may have taken away.

    That of a mailed link is mended.
    """
    own = path[len(root_path) :] if f"{path}/".lower().startswith(f"{root_path}/".lower()) else path
    return f"{root_path}{mended(own)}"


def _origin(url: str) -> str:
    # Without the scheme, which a proxy hides from us.
    return urlsplit(url).netloc.lower().removesuffix(":80").removesuffix(":443")


async def _whole_body(receive: Receive, limit: int) -> bytes | None:
    """Return the body, or None as soon as it is larger than `limit` bytes."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += bytes(message.get("body", b""))
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return body


class _BodyTooLarge(HTTPException):
    """A body without a length is larger than its route takes."""

    def __init__(self) -> None:
        super().__init__(413)


def _limited(receive: Receive, limit: int) -> Receive:
    """Return a `receive` that raises HTTPException (413) as soon as the body is larger than `limit` bytes."""
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > limit:
                raise _BodyTooLarge
        return message

    return receive_limited


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read already, once more."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
