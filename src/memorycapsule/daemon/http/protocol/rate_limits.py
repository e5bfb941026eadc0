"""
Rate limits: how often one client may send what checks a secret or mails a letter.

Each client has one token bucket for each kind of request: so many requests at once, then one at a time at a steady
pace. The limits make guessing hopeless and keep mailboxes quiet; links and codes are secure without them.
"""

from __future__ import annotations

import ipaddress
import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_MOST_BUCKETS = 10_000


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many requests are taken at once, and how long it takes until one more is."""

    kind: str
    at_once: int
    every_seconds: float


# A family shares one address, and all guests of a party may: none of them should ever notice the limits.
SIGN_IN = Rate(kind="sign_in", at_once=10, every_seconds=30)
CODE = Rate(kind="code", at_once=20, every_seconds=15)
LINK = Rate(kind="link", at_once=120, every_seconds=1)
RESEND = Rate(kind="resend", at_once=10, every_seconds=30)
INVITE = Rate(kind="invite", at_once=40, every_seconds=30)
#: Paths (regular expressions, whole, without the path of the public address) whose POSTs are counted.
RATES = {
    r"/sign-in": SIGN_IN,
    r"/sign-in/code": CODE,
    r"/sign-in/[^/]+": LINK,
    r"/set-up/[^/]+": LINK,
    r"/g/prove/letter": RESEND,
    r"/g/prove": CODE,
    r"/account/addresses": RESEND,
    r"/account/addresses/code": CODE,
    r"/g/(?:i|o|v|consent)/[^/]+": LINK,
    r"/api/v1/sign-in": SIGN_IN,
    r"/api/v1/sign-in/code": CODE,
    r"/api/v1/session/proof/letter": RESEND,
    r"/api/v1/session/proof": CODE,
    r"/api/v1/me/addresses": RESEND,
    r"/api/v1/me/addresses/code": CODE,
    r"/api/v1/invitations/(?:accept|decline)": LINK,
    r"/c/[^/]+/people(?:/again|/remind)?": INVITE,
    r"/api/v1/capsules/[^/]+/(?:invitations(?:/[^/]+/resend)?|reminders)": INVITE,
}


class RateLimits:
    """An ASGI application around another one; `refuse` makes the page for a request that is too much."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        root_path: str,
        refuse: Callable[[Request, int], Response],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._root_path = root_path
        self._refuse = refuse
        self._clock = clock
        self._patterns = [(re.compile(pattern), rate) for pattern, rate in RATES.items()]
        #: How many tokens there were and when that was; the longest unused first.
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            path = scope["path"].removeprefix(self._root_path)
            rate = next((rate for pattern, rate in self._patterns if pattern.fullmatch(path)), None)
            if rate is not None and (wait := self._wait(rate, client_of(scope))):
                answer = self._refuse(Request(scope), 429)
                answer.headers["retry-after"] = str(math.ceil(wait))
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _wait(self, rate: Rate, client: str) -> float:
        """Take a token and return 0, or return how many seconds it takes until there is one."""
        now = self._clock()
        key = (rate.kind, client)
        with self._lock:
            left, then = self._buckets.get(key, (float(rate.at_once), now))
            left = min(left + (now - then) / rate.every_seconds, float(rate.at_once))
            has_one = left >= 1
            self._buckets[key] = (left - has_one, now)
            self._buckets.move_to_end(key)
            if len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
        return 0.0 if has_one else (1 - left) * rate.every_seconds


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
