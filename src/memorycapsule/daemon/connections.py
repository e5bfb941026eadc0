"""
The connections of the site: how many there are, and how long one may keep us waiting.

uvicorn's own bound (`limit_concurrency`) answers a request once all of its head is there, and its only timeout is for
connections between two requests. So half a request would hold a connection, and with it an open file, for ever.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from memorycapsule.errors import Overloaded

#: So many connections at most, and no more than half of the files that this process may open: films, mail and the
#: database need the others.
MOST_CONNECTIONS = 400
#: So many are accepted at once, before any of them can be refused.
BACKLOG = 64
#: How long the head of a request may take, from its first byte or from the connection on, and how long a body may
#: pause. Uploads that pause for half as long are ended by whoever receives them.
_HEAD_SECONDS = 20.0
_PAUSE_SECONDS = 60.0
_LOOK_SECONDS = 5.0
_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: %d\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    % Overloaded.retry_seconds
)


def most_connections() -> int:
    """Return how many connections there may be at a time."""
    files, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, files // 2)


class BoundedConnection(H11Protocol):
    """
    A connection that is ended when its client keeps us waiting for too long.

    When there are too many, a new one takes the place of the one that has waited the longest for its client, be it for
    a request or for the rest of one. Where all are being worked on, the new one is answered 503.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._most = most_connections()
        #: Since when the rest of a request's head is waited for; None between two requests and during one.
        self._head_since: float | None = self.loop.time()
        #: When the client was waited for last: its connection, a part of a body, or the end of the last answer.
        self.waited_since = self.loop.time()
        self._watch: asyncio.TimerHandle | None = None

    @property
    def waits_for_client(self) -> bool:
        """Whether nothing can be done until the client sends more."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        return cycle.more_body and not cycle.body and not self.flow.read_paused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch = self.loop.call_later(_LOOK_SECONDS, self._look)
        if len(self.connections) > self._most:
            self._take_a_place()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._head_since = None
        elif self.cycle is None or self.cycle.response_complete:
            self._head_since = self._head_since or self.loop.time()
            return
        self.waited_since = self.loop.time()

    def on_response_complete(self) -> None:
        self._head_since = None
        self.waited_since = self.loop.time()
        super().on_response_complete()

    def _look(self) -> None:
        """End the connection if its client has kept us waiting for too long, and look again later if not."""
        now = self.loop.time()
        is_head_late = self._head_since is not None and now - self._head_since > _HEAD_SECONDS
        is_in_body = self.cycle is not None and not self.cycle.response_complete
        is_body_late = is_in_body and self.waits_for_client and now - self.waited_since > _PAUSE_SECONDS
        if is_head_late or is_body_late:
            self.drop()
        else:
            self._watch = self.loop.call_later(_LOOK_SECONDS, self._look)

    def _take_a_place(self) -> None:
        others = [
            one
            for one in self.connections
            if isinstance(one, BoundedConnection) and one is not self and one.waits_for_client
        ]
        if others:
            min(others, key=lambda one: one.waited_since).drop()
        else:
            self.transport.write(_TOO_MANY)
            self.transport.close()

    def drop(self) -> None:
        """End the connection without an answer."""
        # At once: others come before the loop has ended this one.
        self.connections.discard(self)
        self.transport.abort()
