"""
What a route costs: how often it may be asked and how large a body it takes, written at its handler.

The limits make guessing hopeless and keep mailboxes quiet; links and codes are secure without them. Reading a page
is free.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi.routing import RouteContext
from starlette.routing import compile_path

from memorycapsule.config import Settings
from memorycapsule.services.capsule_files import LARGEST_COVER_BYTES, LARGEST_SONG_BYTES

#: Most forms hold a few words, some a long story; nothing sent to them needs more.
LARGEST_FORM_BYTES = 256 * 1024
#: A form with all the words of a story, of which browsers make three times as many bytes, and many captions.
LARGEST_STORY_FORM_BYTES = 2 * 1024 * 1024
#: What stands in a form beside its files.
_REST_BYTES = 4 * 1024 * 1024
#: A form with a cover.
LARGEST_FORM_WITH_COVER_BYTES = LARGEST_COVER_BYTES + _REST_BYTES
#: A form with a cover and a song.
LARGEST_FORM_WITH_THEME_BYTES = LARGEST_COVER_BYTES + LARGEST_SONG_BYTES + _REST_BYTES
#: A form with a song of people's own.
LARGEST_FORM_WITH_SONG_BYTES = LARGEST_SONG_BYTES + _REST_BYTES

Handler = TypeVar("Handler", bound=Callable[..., Any])
#: A number of bytes, or what reads it from the settings.
Size = int | Callable[[Settings], int]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many requests are taken at once, and how long it takes until one more is."""

    #: Routes of one kind share what a client may ask for.
    kind: str
    at_once: int
    every_seconds: float


# A family shares one address, and all guests of a party may: none of them should ever notice the limits.
SIGN_IN = Rate(kind="sign_in", at_once=10, every_seconds=30)
CODE = Rate(kind="code", at_once=20, every_seconds=15)
LINK = Rate(kind="link", at_once=120, every_seconds=1)
RESEND = Rate(kind="resend", at_once=10, every_seconds=30)
INVITE = Rate(kind="invite", at_once=40, every_seconds=30)
#: A new date is mailed to everybody.
DATE = Rate(kind="date", at_once=10, every_seconds=30)
#: Somebody who goes, or says yes to an earlier date, may be the last one whom it waited for.
ANSWER = Rate(kind="answer", at_once=40, every_seconds=10)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a request may cost."""

    #: The template of its route, such as `/g/i/{token}`; "none" for a request that no route is for.
    route: str = "none"
    #: None for a route that may be asked without end.
    rate: Rate | None = None
    largest_body: int = LARGEST_FORM_BYTES


_FREE = Cost()
_RATE = "memorycapsule_rate"
_LARGEST_BODY = "memorycapsule_largest_body"


def limited(rate: Rate) -> Callable[[Handler], Handler]:
    """Return a decorator: a client may send a handler's requests, together with all of the same kind, at this rate."""

    def mark(handler: Handler) -> Handler:
        vars(handler)[_RATE] = rate
        return handler

    return mark


def takes(largest: Size) -> Callable[[Handler], Handler]:
    """
    Return a decorator: a handler's requests may have bodies of so many bytes.

    Such bodies are streamed, and taken only from senders who have a session.
    """

    def mark(handler: Handler) -> Handler:
        vars(handler)[_LARGEST_BODY] = largest
        return handler

    return mark


class Costs:
    """The costs of all routes of a site, collected once."""

    def __init__(self, routes: Iterable[RouteContext], settings: Settings) -> None:
        #: For each method, the paths in the order in which the site tries them.
        self._costs: dict[str, list[tuple[re.Pattern[str], Cost]]] = {}
        for route in routes:
            if route.path is None or route.endpoint is None:
                continue
            pattern, _format, _convertors = compile_path(route.path)
            for method in route.methods or ():
                self._costs.setdefault(method, []).append((pattern, _cost_of(route, settings)))

    def of(self, method: str, path: str) -> Cost:
        """Return what a request may cost; `path` goes without the path of the public address."""
        found = (cost for pattern, cost in self._costs.get(method, ()) if pattern.match(path))
        return next(found, _FREE)

    def route_of(self, method: str, path: str) -> str:
        """Return the template of the route of a request, also where that is asked by no method of its own."""
        every = (self.of(one, path).route for one in (method, *self._costs))
        return next((route for route in every if route != _FREE.route), _FREE.route)


def _cost_of(route: RouteContext, settings: Settings) -> Cost:
    marks = vars(route.endpoint)
    largest = marks.get(_LARGEST_BODY, LARGEST_FORM_BYTES)
    return Cost(
        route=route.path or "none",
        rate=marks.get(_RATE),
        largest_body=largest(settings) if callable(largest) else largest,
    )
