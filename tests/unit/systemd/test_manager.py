"""What a service manager is told, on a socket of ours."""

import asyncio
import os

import pytest

from memorycapsule.daemon.status import Watchdog
from memorycapsule.systemd.manager import ServiceManager
from support import service_managers
from support.servers import wait_until


@pytest.fixture
def heard():
    with service_managers.ServiceManager(watchdog_seconds=0.02) as manager:
        yield manager


@pytest.fixture
def manager(heard) -> ServiceManager:
    return ServiceManager.of_environment(heard.environment)


def test_it_is_told_in_the_words_of_sd_notify(heard, manager):
    manager.ready()
    manager.status("No capsule is sealed.")
    manager.reloading()
    manager.all_is_well()
    manager.stopping()

    assert [name for name, _ in heard.hear()] == [
        "READY",
        "STATUS",
        "RELOADING",
        "MONOTONIC_USEC",
        "WATCHDOG",
        "STOPPING",
    ]
    assert heard.status() == "No capsule is sealed."


def test_a_socket_in_the_file_system_is_found_as_well(tmp_path, monkeypatch):
    import socket

    monkeypatch.chdir(tmp_path)  # a path of a socket is short
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("notify")
        ServiceManager.of_environment({"NOTIFY_SOCKET": "notify"}).ready()

        assert listener.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_where_nobody_hears_it_nothing_happens(environment):
    ServiceManager.of_environment(environment).ready()


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "120000000"}, 120.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}, 120.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_ours_where_it_watches_this_process(variables, seconds):
    manager = ServiceManager.of_environment({"NOTIFY_SOCKET": "/nowhere", **variables})

    assert manager.watchdog_seconds == seconds


def test_the_watchdog_is_fed_while_the_heart_beats_and_not_while_it_is_stuck(heard, manager):
    age = 0.0
    watchdog = Watchdog(manager, age_seconds=lambda: age, stuck_after_seconds=60)

    async def live() -> int:
        nonlocal age
        feeding = asyncio.create_task(watchdog.feed())
        await asyncio.to_thread(wait_until, lambda: heard.hear() and len(heard.well_at) >= 3, 5, "it is fed")
        age = 61
        await asyncio.sleep(0)
        heard.hear()
        before = len(heard.well_at)
        await asyncio.sleep(0.1)  # five periods
        assert len(heard.hear()) == before
        age = 0
        await asyncio.to_thread(wait_until, lambda: len(heard.hear()) > before, 5, "it is fed again")
        feeding.cancel()
        return before

    assert asyncio.run(live()) >= 3


def test_without_a_watchdog_nobody_is_fed():
    asyncio.run(Watchdog(ServiceManager(), age_seconds=lambda: 0, stuck_after_seconds=60).feed())
