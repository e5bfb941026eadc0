"""An HTTP server on a socket that is bound beforehand: what serves the pages, and what tells the metrics."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from memorycapsule.daemon.connections import BACKLOG, BoundedConnection
from memorycapsule.errors import ConfigurationProblem


def bound_socket(host: str, port: int, *, section: str) -> socket.socket:
    """
    Return a listening socket, so that the port is known before anything else begins.

    Raises ConfigurationProblem when address or port of this section of the settings cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigurationProblem("daemon_host_unknown", host=host, setting=f"{section}.host") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationProblem("daemon_port_taken", port=port, setting=f"{section}.port") from error
        if error.errno == errno.EACCES:
            raise ConfigurationProblem(
                "daemon_port_forbidden", port=port, setting=f"{section}.port"
            ) from error
        raise ConfigurationProblem("daemon_host_unknown", host=host, setting=f"{section}.host") from error
    listener.setblocking(False)
    return listener


class BoundServer(uvicorn.Server):
    """
    uvicorn on a given socket, without its own signal handlers, which would end the process.

    `more` are further settings of uvicorn.
    """

    def __init__(self, application: ASGIApp, **more: Any) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                http=BoundedConnection,
                backlog=BACKLOG,
                **more,
            )
        )
        self._ready: Callable[[], None] = lambda: None

    def end(self) -> None:
        """End as soon as the answers of this moment are over, or their time is."""
        self.should_exit = True

    def run_on(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve until asked to end; `ready` is called once the port answers."""
        self._ready = ready
        asyncio.run(self.serve(sockets=[listener]))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
