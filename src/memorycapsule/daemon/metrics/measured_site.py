"""The site with its requests counted, and with the metrics beside its pages for whoever sends the token."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memorycapsule.daemon.http.protocol.traces import NO_ANSWER, method_of, route_of
from memorycapsule.daemon.metrics import answers
from memorycapsule.daemon.metrics.answers import MetricsAnswers
from memorycapsule.daemon.metrics.process import ProcessMetrics


class MeasuredSite:
    """
    An ASGI application around the site.

    Nobody learns without the token that there are metrics beside the pages: the site answers as it does to every
    address that it does not know.
    """

    def __init__(
        self, site: ASGIApp, metrics: ProcessMetrics, telling: MetricsAnswers, *, public_url: str | None
    ) -> None:
        self._site = site
        self._metrics = metrics
        self._telling = telling
        # A proxy may have taken away the path of the public address, or left it.
        self._paths = {answers.PATH, urlsplit(public_url or "").path.rstrip("/") + answers.PATH}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._site(scope, receive, send)
        elif scope["path"] in self._paths and self._telling.knows_token(scope):
            answer = await self._telling.tell(scope)
            await answer(scope, receive, send)
        else:
            await self._measured(scope, receive, send)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        status, took = NO_ANSWER, 0.0

        async def send_noted(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status, took = message["status"], time.perf_counter() - begun
            await send(message)

        with self._metrics.requests_in_progress.track_inprogress():
            try:
                await self._site(scope, receive, send_noted)
            finally:
                took = took or time.perf_counter() - begun
                self._metrics.count_request(method_of(scope), route_of(scope), status, took)
