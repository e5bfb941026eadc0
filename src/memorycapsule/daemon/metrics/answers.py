"""What is answered to whoever asks for the metrics: the same on their own listener and beside the pages."""

from __future__ import annotations

import secrets

from anyio import CapacityLimiter, to_thread
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

PATH = "/metrics"
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_READING = frozenset({"GET", "HEAD"})
#: One who reads and one who gets the last reading meanwhile. Threads that make pages are never waited for.
_AT_ONCE = 2


class MetricsAnswers:
    """An ASGI application that tells the metrics of a registry at `/metrics`, to whoever sends the token if any."""

    def __init__(self, registry: CollectorRegistry, token: str | None) -> None:
        self._registry = registry
        self._token = token
        self._threads = CapacityLimiter(_AT_ONCE)

    def knows_token(self, scope: Scope) -> bool:
        """Whether a request carries the token; never while there is none."""
        scheme, _space, sent = Headers(scope=scope).get("authorization", "").partition(" ")
        is_bearer = self._token is not None and scheme.lower() == "bearer"
        return is_bearer and secrets.compare_digest(sent.strip().encode(), (self._token or "").encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        if scope["path"] != PATH:
            return _refusal(404)
        if scope["method"] not in _READING:
            return _refusal(405, allow="GET, HEAD")
        if self._token is not None and not self.knows_token(scope):
            return _refusal(401, **{"www-authenticate": "Bearer"})
        return await self.tell(scope)

    async def tell(self, scope: Scope) -> Response:
        """Return the metrics in the format that the request would rather have."""
        encode, kind = choose_encoder(Headers(scope=scope).get("accept", ""))
        body = await to_thread.run_sync(encode, self._registry, limiter=self._threads)
        return Response(body, headers=_HEADERS | {"content-type": kind})


def _refusal(status: int, **headers: str) -> Response:
    return PlainTextResponse("", status_code=status, headers=_HEADERS | headers)
