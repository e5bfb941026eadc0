"""
Traces: every request has an id, which stands in each line of the log about it and about the work that it asks for.

A line says method, template of the route, status and time, and nothing of who asked: no address, no browser, and no
path, which may hold a token.
"""

from __future__ import annotations

import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memorycapsule.daemon.http.protocol.costs import Costs
from memorycapsule.journal import journal, on_behalf_of

_HEADER = "x-request-id"
#: What nginx ($request_id), Caddy ({http.request.uuid}) and others make; no word of a visitor's own fits in.
_GIVEN = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROUTE = "memorycapsule.route"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _READING | {"POST", "PUT", "PATCH", "DELETE"}
_SLOW_SECONDS = 1.0
#: What proxies say where nothing was answered: the client has gone.
NO_ANSWER = 499


class Traces:
    """
    An ASGI application around the whole site.

    A proxy may give the id with `X-Request-ID`; the answer bears it in the same header. `costs` knows the routes, and
    the template of the one that is asked stands in the scope for whoever counts (`route_of`).
    """

    def __init__(self, app: ASGIApp, *, root_path: str, costs: Costs) -> None:
        self._app = app
        self._root_path = root_path
        self._costs = costs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(self._root_path)
        scope[_ROUTE] = self._costs.route_of(method_of(scope), path)
        given = Headers(scope=scope).get(_HEADER, "").lower()
        request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(16)
        arrived, status, took = time.monotonic(), NO_ANSWER, 0.0

        async def receive_timed() -> Message:
            nonlocal arrived
            message = await receive()
            # How long a sender takes for a body says nothing of us.
            arrived = time.monotonic()
            return message

        async def send_named(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status, took = message["status"], time.monotonic() - arrived
                MutableHeaders(scope=message)[_HEADER] = request_id
            await send(message)

        with on_behalf_of(request_id):
            try:
                await self._app(scope, receive_timed, send_named)
            finally:
                self._tell(scope, status, took)

    def _tell(self, scope: Scope, status: int, took: float) -> None:
        method = method_of(scope)
        is_slow = took >= _SLOW_SECONDS
        is_quiet = method in _READING and status < 400
        tell = journal.warning if is_slow else journal.debug if is_quiet else journal.info
        tell(
            "request.slow" if is_slow else "request.answered",
            method=method,
            route=route_of(scope),
            status=status,
            took_seconds=round(took, 4),
        )


def route_of(scope: Scope) -> str:
    """Return the template of the route of a request that has come to the site; "none" where there is no such route."""
    return str(scope[_ROUTE])


def method_of(scope: Scope) -> str:
    """Return the method of a request, or "other": a client may call it as it likes, by somebody's name as well."""
    return scope["method"] if scope["method"] in _METHODS else "other"
