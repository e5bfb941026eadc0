"""Somebody opens more connections than the daemon may have files, and ends none: everything else goes on."""

import contextlib
import json
import resource
import socket
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from support.household import CAPSULE, Household
from support.servers import Daemon, wait_until

_HALF = b"GET / HTTP/1.1\r\nHost: a\r\nX-a: b"


@contextlib.contextmanager
def half_open(daemon: Daemon, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that have sent half a request; those that are ended are opened anew by `keep_up`."""
    place = urlsplit(daemon.url)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    with contextlib.ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        connections = []
        for _ in range(count):
            connection = opened.enter_context(
                socket.create_connection((place.hostname, place.port), timeout=30)
            )
            connection.sendall(_HALF)
            connections.append(connection)
        yield connections


def keep_up(connections: list[socket.socket]) -> None:
    """Send one more byte on each connection that is still there."""
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.sendall(b"x")


def health(daemon: Daemon) -> str:
    with urllib.request.urlopen(f"{daemon.url}/healthz", timeout=30) as answer:
        return str(json.load(answer)["status"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "files"), [(300, 256), pytest.param(1200, 1024, marks=pytest.mark.nightly)]
)
def test_half_open_connections_hold_up_no_page_no_opening_no_film_and_no_letter(tmp_path, count, files):
    household = Household(tmp_path / "household")
    with household.daemon() as daemon:
        # As a service manager gives them: fewer files than there will be connections.
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (files, files))
        capsule = household.capsule(opens_in=timedelta(seconds=8))
        with half_open(daemon, count) as connections:
            assert health(daemon) == "ok"
            wait_until(lambda: keep_up(connections) or household.state(capsule) == "open", 120, "it is open")
            assert health(daemon) == "ok"
            household.wait_for_film(capsule, "ready")
            keep_up(connections)
            wait_until(lambda: len(household.letters("/g/o/")) == 2, 60, "the letters are there")
            assert health(daemon) == "ok"

        assert len(daemon.output()) < 1_000_000
        assert daemon.terminate() == 0


@pytest.mark.slow
def test_a_daemon_starts_where_its_log_has_no_room(tmp_path):
    household = Household(tmp_path / "household")
    capsule = household.capsule(opens_in=timedelta(hours=-1))
    in_shell = ("bash", "-c", 'exec "$0" --json daemon 2>/dev/full', CAPSULE)
    with Daemon(household.environment, command=in_shell) as daemon:
        wait_until(lambda: household.state(capsule) == "open", 60, "it is open")
        assert health(daemon) == "ok"
        assert daemon.terminate() == 0
