"""
Rate limits: how often one client may send what checks a secret or mails a letter.

Each client has one token bucket for each kind of request: so many requests at once, then one at a time at a steady
pace. Which routes are limited stands at their handlers (`costs.limited`).
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from memorycapsule.app import App
from memorycapsule.daemon.http.protocol.costs import Costs, Rate
from memorycapsule.services.cluster import buckets

_MOST_BUCKETS = 10_000


class Buckets(Protocol):
    """The buckets of all clients."""

    async def take(self, rate: Rate, client: str) -> float:
        """Take a token and return 0, or return how many seconds it takes until there is one."""
        ...


class MemoryBuckets:
    """The buckets of a daemon that nobody else answers beside; a restart fills them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: How many tokens there were and when that was; the longest unused first.
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    async def take(self, rate: Rate, client: str) -> float:
        """Take a token and return 0, or return how many seconds it takes until there is one."""
        now = self._clock()
        key = (rate.kind, client)
        left, then = self._buckets.get(key, (float(rate.at_once), now))
        left = min(left + (now - then) / rate.every_seconds, float(rate.at_once))
        has_one = left >= 1
        self._buckets[key] = (left - has_one, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0.0 if has_one else (1 - left) * rate.every_seconds


class StoredBuckets:
    """The buckets of daemons that share a Postgres."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def take(self, rate: Rate, client: str) -> float:
        """Take a token and return 0, or return how many seconds it takes until there is one."""
        return await run_in_threadpool(
            buckets.take,
            self._app.store,
            self._app.vault.key,
            kind=rate.kind,
            client=client,
            at_once=rate.at_once,
            every_seconds=rate.every_seconds,
        )


class RateLimits:
    """
    An ASGI application around another one.

    `refuse` makes the page for a request that is too much, which says in how many seconds to try again.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        root_path: str,
        costs: Costs,
        buckets: Buckets,
        refuse: Callable[[Request, int, int], Response],
    ) -> None:
        self._app = app
        self._root_path = root_path
        self._refuse = refuse
        self._costs = costs
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            rate = self._costs.of(scope["method"], scope["path"].removeprefix(self._root_path)).rate
            if rate is not None and (wait := await self._buckets.take(rate, client_of(scope))):
                answer = await run_in_threadpool(self._refuse, Request(scope), 429, math.ceil(wait))
                answer.headers["retry-after"] = str(math.ceil(wait))
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def client_of(scope: Scope) -> str:
    """
    Return the client that a request counts for: its IPv4 address, or its IPv6 network of /64, which is a household's.

    The server has replaced the address of a trusted proxy (`daemon.trusted_proxies`) with that of the proxy's client.
    """
    host = str((scope.get("client") or ("", 0))[0])
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, 64), strict=False))
    return host
