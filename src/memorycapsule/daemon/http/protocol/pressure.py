"""The pressure on the threads that make pages: where too many requests wait for one, further ones are sent away."""

from __future__ import annotations

from collections.abc import Callable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

#: Threads that make pages. Each needs a connection to the database, and has one unless `store_connections` is less.
PAGE_THREADS = 16
#: So many requests may wait for a thread: what they wait for takes a second or two, and not half a minute.
MOST_WAITING = 100


def bound_page_threads() -> None:
    """Let the running event loop have PAGE_THREADS threads."""
    to_thread.current_default_thread_limiter().total_tokens = PAGE_THREADS


class Pressure:
    """An ASGI application around another one. `refuse` makes the answer to a request that is sent away, at once."""

    def __init__(self, app: ASGIApp, *, refuse: Callable[[Request], Response]) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self._app
        if scope["type"] == "http":
            waiting = to_thread.current_default_thread_limiter().statistics().tasks_waiting
            # What asks whether we are alive needs no thread.
            if waiting >= MOST_WAITING and not scope["path"].endswith("/healthz"):
                answer = self._refuse(Request(scope))
        await answer(scope, receive, send)
