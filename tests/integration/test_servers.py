"""The servers that other tests rely on do what they say."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from support.moments import NOW
from support.servers import Daemon, OwnPostgres, Postgres, wait_until


def fetch(url: str, query: str) -> object:
    with psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    ) as connection:
        return connection.execute(query).fetchone()[0]


def fill(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE word (spoken text)"))
        connection.execute(text("INSERT INTO word VALUES ('안녕')"))
    engine.dispose()


def test_a_store_url_leads_to_an_empty_database(store_url: str):
    fill(store_url)
    engine = create_engine(store_url)
    with engine.connect() as connection:
        spoken = connection.execute(text("SELECT spoken FROM word")).scalar_one()
    engine.dispose()

    assert spoken == "안녕"


@pytest.mark.slow
def test_a_template_is_prepared_once_and_its_copies_are_apart(postgres: Postgres):
    prepared = []

    def prepare(url: str) -> None:
        prepared.append(url)
        fill(url)

    one, other = (postgres.create_database(like="words", prepare=prepare) for _ in range(2))
    engine = create_engine(one)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM word"))
    engine.dispose()

    assert len(prepared) == 1
    assert fetch(one, "SELECT count(*) FROM word") == 0
    assert fetch(other, "SELECT count(*) FROM word") == 1
    postgres.drop_database(one)
    postgres.drop_database(other)


@pytest.mark.slow
def test_a_durable_postgres_keeps_what_was_committed_before_a_power_cut():
    server = OwnPostgres(fsync=True)
    try:
        url = server.create_database()
        fill(url)
        server.stop(immediately=True)
        with pytest.raises(psycopg.OperationalError):
            fetch(url, "SELECT 1")
        server.start()

        assert fetch(url, "SELECT spoken FROM word") == "안녕"
        assert fetch(url, "SHOW fsync") == "on"
    finally:
        server.close()
    assert not server.folder.exists()


@pytest.mark.slow
def test_a_postgres_stops_when_its_test_run_is_killed():
    program = """
        import time
        from support.servers import OwnPostgres
        server = OwnPostgres()
        print(server.folder, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent.parent),
        },
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        folder = Path(child.stdout.readline().strip())
        number = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        child.send_signal(signal.SIGKILL)

    wait_until(lambda: not folder.exists(), 20, "the folder of the killed run is gone")
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_waiting_in_vain_says_for_what():
    with pytest.raises(AssertionError, match="in vain until the cows come home"):
        wait_until(lambda: False, 0.1, "the cows come home")


ANNOUNCE = """
import json, os, signal, sys, time
print("getting ready", file=sys.stderr)
print(json.dumps({"daemon": {"url": "http://127.0.0.1:1234/", "pid": os.getpid()}}), flush=True)
print("word", os.environ["WORD"], flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
time.sleep(600)
"""


def test_a_daemon_is_known_by_its_first_line_and_ended_with_its_exit_code():
    with Daemon({"WORD": "hello"}, command=[sys.executable, "-c", ANNOUNCE]) as daemon:
        wait_until(lambda: "word hello" in daemon.output(), 10, "the daemon has spoken")

        assert daemon.url == "http://127.0.0.1:1234"
        assert daemon.pid == daemon.process.pid
        assert daemon.terminate() == 7


def test_a_daemon_that_dies_at_once_shows_what_it_said():
    with pytest.raises(AssertionError) as caught:
        Daemon({}, command=[sys.executable, "-c", "import sys; sys.exit('no key here')"])

    assert any("no key here" in note for note in caught.value.__notes__)


def test_the_daemon_says_what_it_said_when_a_test_fails_beside_it():
    with (
        pytest.raises(ValueError, match="wrong") as caught,
        Daemon({"WORD": "x"}, command=[sys.executable, "-c", ANNOUNCE]),
    ):
        raise ValueError("wrong")

    assert any("getting ready" in note for note in caught.value.__notes__)


def test_no_test_reaches_beyond_loopback():
    with socket.socket() as connection, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        connection.connect(("192.0.2.1", 80))
    with pytest.raises(RuntimeError, match=r"example\.org"):
        socket.getaddrinfo("example.org", 80)
    with socket.socket() as listener, pytest.raises(RuntimeError, match=r"0\.0\.0\.0"):
        listener.bind(("0.0.0.0", 0))
    caught = []

    def look_up() -> None:
        try:
            socket.create_connection(("198.51.100.1", 25), timeout=1)
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=look_up)
    thread.start()
    thread.join()
    assert len(caught) == 1
    with pytest.raises(socket.gaierror):
        socket.create_connection(("mail.invalid", 25))


def test_loopback_is_free_to_use():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as server,
        socket.create_connection(server.getsockname()[:2]),
    ):
        pass


def test_home_is_a_folder_of_the_test(monkeypatch: pytest.MonkeyPatch, now: datetime):
    assert "home" in Path.home().name
    assert not list(Path.home().glob(".*"))
    assert os.environ["XDG_DATA_HOME"].startswith(str(Path.home()))
    assert now is NOW
