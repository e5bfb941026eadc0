"""The daemon from outside: it opens on time, ends when asked, and leaves nothing behind."""

import json
import os
import signal
import socket
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.household import Household
from support.mailservers import HANG, ScriptedServer
from support.servers import Daemon, wait_until


@pytest.fixture
def household(tmp_path) -> Household:
    return Household(tmp_path / "household")


def of_session(session: int) -> dict[int, str]:
    """The processes of a session, by /proc (proc(5): the session is the sixth field of stat)."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found[int(folder.name)] = words
    return found


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


@pytest.mark.slow
def test_a_capsule_opens_by_itself_and_not_before_its_second_and_becomes_a_film_and_letters(household):
    with household.daemon() as daemon:
        capsule = household.capsule(opens_in=timedelta(seconds=6))
        before = household.run("show", capsule)["capsule"]
        # A busy machine may come too late to see it sealed.
        assert before["state"] == "sealed" or datetime.now(UTC) > datetime.fromisoformat(before["opens_at"])
        household.wait_for_film(capsule, "ready")
        wait_until(lambda: len(household.letters("/g/o/")) == 2, 30, "the letters are there")

        shown = household.run("show", capsule)["capsule"]
        assert datetime.fromisoformat(shown["opened_at"]) >= datetime.fromisoformat(shown["opens_at"])
        assert {to: len(links) for to, links in household.letters("/g/o/").items()} == {
            "ada@example.org": 1,
            "ben@example.org": 1,
        }
        link = household.letters("/g/o/")["ben@example.org"][0]
        assert link.startswith(daemon.url)
        assert b"Ben" in get(link)
        assert json.loads(get(f"{daemon.url}/healthz"))["status"] == "ok"
        assert daemon.terminate() == 0


@pytest.mark.slow
def test_a_capsule_whose_day_passed_while_it_was_off_is_opened_at_the_start(household):
    capsule = household.capsule(opens_in=timedelta(hours=-1))

    with household.daemon() as daemon:
        wait_until(lambda: household.state(capsule) == "open", 20, "it is open")
        assert daemon.terminate() == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_during_a_film_it_ends_clean_and_the_next_start_finishes_it(household, number):
    household.environment |= {"CAPSULE_FILM__SIZE": "640x360", "CAPSULE_FILM__FPS": "30"}
    capsule = household.capsule(opens_in=timedelta(hours=-1))
    with household.daemon() as daemon:
        wait_until(lambda: "memorycapsule.render" in str(of_session(daemon.pid)), 30, "it renders")

        os.kill(daemon.pid, number)

        assert daemon.wait(12) == 0
        wait_until(lambda: of_session(daemon.pid) == {}, 5, "its children are gone too")
    assert [film["state"] for film in household.films(capsule)] == ["queued"]
    assert household.letters("/g/o/") == {}

    with household.daemon() as daemon:
        household.wait_for_film(capsule, "ready", deadline_seconds=120)
        wait_until(lambda: len(household.letters("/g/o/")) == 2, 30, "the letters are there")
        assert daemon.terminate() == 0
    assert len(household.films(capsule)) == 1
    assert {len(links) for links in household.letters("/g/o/").values()} == {1}
    assert list((household.folder / "data" / "work").iterdir()) == []


@pytest.mark.slow
def test_a_mail_server_that_hangs_delays_neither_openings_nor_the_end(household):
    with ScriptedServer({"DATA": HANG}) as server:
        household.environment |= {
            "CAPSULE_SMTP__HOST": "127.0.0.1",
            "CAPSULE_SMTP__PORT": str(server.port),
            "CAPSULE_SMTP__SECURITY": "none",
            "CAPSULE_PUBLIC_URL": "https://photos.example.org",
        }
        household.capsule(opens_in=timedelta(hours=-1), photos=1)
        with household.daemon() as daemon:
            wait_until(lambda: "DATA" in server.commands, 60, "a letter hangs")
            another = household.capsule(opens_in=timedelta(seconds=5), photos=0)
            wait_until(lambda: household.state(another) == "open", 30, "another one opens all the same")

            assert daemon.terminate(15) == 0
            wait_until(lambda: of_session(daemon.pid) == {}, 5, "nothing of it is left")


@pytest.mark.slow
def test_a_second_daemon_on_the_same_folder_is_refused(household):
    with household.daemon() as daemon:
        refused = household.ask("daemon")

        assert refused.returncode == 6
        assert json.loads(refused.stdout)["error"]["code"] == "busy"
        assert "Traceback" not in refused.stderr
        assert daemon.process.poll() is None


@pytest.mark.slow
def test_a_port_that_is_taken_is_named_in_one_sentence(household):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        refused = household.ask("daemon", "--port", str(port))

    assert refused.returncode == 7
    assert json.loads(refused.stdout)["error"]["message"].startswith(f"Port {port} is taken")


@pytest.mark.slow
def test_after_kill_9_the_folder_is_free_at_once(household):
    with household.daemon() as daemon:
        daemon.kill()
        with household.daemon() as another:
            assert another.terminate() == 0


@pytest.mark.slow
def test_a_second_interrupt_ends_it_at_once(household):
    with ScriptedServer({"DATA": HANG}) as server:
        household.environment |= {
            "CAPSULE_SMTP__HOST": "127.0.0.1",
            "CAPSULE_SMTP__PORT": str(server.port),
            "CAPSULE_SMTP__SECURITY": "none",
            "CAPSULE_PUBLIC_URL": "https://photos.example.org",
        }
        capsule = household.run("create", "Summer", "--opens", "+10y")["capsule"]["id"]
        with household.daemon() as daemon:
            household.run("invite", capsule, "ben@example.org")
            wait_until(lambda: "sending" in json.dumps(household.run("mail", "outbox")), 20, "a letter hangs")
            os.kill(daemon.pid, signal.SIGINT)
            wait_until(lambda: not _answers(daemon), 10, "it has begun to end")

            os.kill(daemon.pid, signal.SIGINT)

            assert daemon.wait(2) == 130


def _answers(daemon: Daemon) -> bool:
    try:
        get(f"{daemon.url}/healthz")
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_a_second_daemon_on_one_postgres_ends_with_6_and_so_does_a_tick(tmp_path, postgres):
    household = Household(tmp_path / "household", {"CAPSULE_STORE_URL": postgres.create_database()})
    elsewhere = Household.__new__(Household)
    elsewhere.environment = household.environment | {
        "CAPSULE_DATA_DIR": str(tmp_path / "elsewhere"),
        "CAPSULE_KEY_FILE": str(household.folder / "config" / "instance.key"),
    }
    (tmp_path / "elsewhere").mkdir()
    with household.daemon() as daemon:
        for command in ("daemon", "tick"):
            ended = elsewhere.ask(command)
            assert ended.returncode == 6
            assert json.loads(ended.stdout)["error"]["reason"] == "database_in_use"
        assert daemon.terminate() == 0
    assert elsewhere.ask("tick").returncode == 0
