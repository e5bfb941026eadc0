"""Connections that keep the site waiting: they are ended, and until then they take nobody's place."""

import asyncio
import contextlib
import socket
import threading

import pytest
import uvicorn

from memorycapsule.daemon.connections import BACKLOG, BoundedConnection
from support.servers import wait_until

HALF = b"GET / HTTP/1.1\r\nHost: a\r\nX-a: b"
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class QuickLoop(asyncio.SelectorEventLoop):
    """A loop in which a minute takes half a second."""

    def time(self) -> float:
        return 120 * super().time()


async def site(scope, receive, send):
    """Answer when all of the body is there; /held never."""
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/held":
        await asyncio.Event().wait()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Site:
    def __init__(self, loop):
        config = uvicorn.Config(
            site,
            http=BoundedConnection,
            backlog=BACKLOG,
            log_config=None,
            lifespan="off",
            timeout_keep_alive=10**6,
        )
        self.server = uvicorn.Server(config)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.loop = loop
        self.open = contextlib.ExitStack()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        wait_until(lambda: self.server.started, 30, "the server has started")

    def _run(self):
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self.server.serve(sockets=[self.listener]))

    def connect(self, sends=b""):
        """A new connection that sends so much of a request."""
        connection = self.open.enter_context(
            socket.create_connection(self.listener.getsockname(), timeout=30)
        )
        connection.sendall(sends)
        return connection

    def close(self):
        self.open.close()
        self.server.force_exit = self.server.should_exit = True
        self.thread.join(30)
        self.listener.close()


@pytest.fixture
def quick():
    site = Site(QuickLoop())
    yield site
    site.close()


@pytest.fixture
def usual(monkeypatch):
    monkeypatch.setattr("memorycapsule.daemon.connections.MOST_CONNECTIONS", 5)
    site = Site(asyncio.SelectorEventLoop())
    yield site
    site.close()


def is_ended(connection):
    with contextlib.suppress(ConnectionError):
        return connection.recv(1) == b""
    return True


def answer(connection):
    """The first line of an answer, of which nothing is left to be read: head and body may come apart."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while not said.endswith(b"\r\n\r\nok") and (more := connection.recv(1000)):
            said += more
    return said.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "sent",
    [b"", HALF, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"],
    ids=["nothing", "head", "body"],
)
def test_a_connection_that_keeps_us_waiting_is_ended(quick, sent):
    assert is_ended(quick.connect(sent))


def test_a_head_that_comes_letter_by_letter_after_an_answer_is_waited_for_no_longer(quick):
    connection = quick.connect(WHOLE)
    assert answer(connection) == b"HTTP/1.1 200 OK"

    with contextlib.suppress(ConnectionError):
        while True:
            connection.sendall(b"x")
            connection.settimeout(0.01)
            with contextlib.suppress(TimeoutError):
                assert connection.recv(1) == b""
                break


def test_a_new_connection_takes_the_place_of_the_one_that_has_waited_the_longest(usual):
    half = [usual.connect(HALF) for _ in range(5)]
    idle = usual.connect(WHOLE)
    assert answer(idle) == b"HTTP/1.1 200 OK"
    assert is_ended(half[0])

    later = [usual.connect(WHOLE) for _ in range(20)]
    assert answer(later[-1]) == b"HTTP/1.1 200 OK"
    assert all(is_ended(one) for one in half)


def test_where_all_are_being_worked_on_a_new_one_is_told_when_to_come_again(usual):
    held = [usual.connect(WHOLE.replace(b"/ ", b"/held ", 1)) for _ in range(5)]
    wait_until(lambda: len(usual.server.server_state.tasks) == 5, 30, "all are being worked on")
    refused = usual.connect(WHOLE)

    assert refused.recv(1000).startswith(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n")
    held[0].close()
    wait_until(lambda: answer(usual.connect(WHOLE)) == b"HTTP/1.1 200 OK", 30, "there is a place again")
