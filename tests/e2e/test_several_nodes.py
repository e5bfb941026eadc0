"""Several programs on one Postgres with `cluster = true`: each thing is done once, and what one drops another takes up."""

import json
from collections import Counter
from datetime import timedelta

import psycopg
import pytest

from support.household import Household, in_cluster
from support.mailservers import MailServer
from support.servers import CAPSULE, Daemon, Running, wait_until
from support.service_managers import ServiceManager

pytestmark = pytest.mark.slow


@pytest.fixture
def mail():
    with MailServer() as server:
        yield server


@pytest.fixture
def household(tmp_path, postgres, mail):
    url = postgres.create_database()
    yield Household(tmp_path / "one", in_cluster(url, mail))
    postgres.drop_database(url)


def another(household, tmp_path, **more):
    """What another machine is told: all is the same but the data folder, and the files are shared."""
    folder = tmp_path / "another"
    folder.mkdir(exist_ok=True)
    if not (folder / "blobs").exists():
        (folder / "blobs").symlink_to(tmp_path / "one" / "data" / "blobs")
    return household.environment | {"CAPSULE_DATA_DIR": str(folder)} | more


def test_two_daemons_and_a_tick_do_everything_once(household, mail, tmp_path):
    with household.daemon() as one, Daemon(another(household, tmp_path)) as other:
        capsule = household.capsule(opens_in=timedelta(seconds=15))
        wait_until(lambda: household.state(capsule) == "open", 60, "it is open")
        assert household.ask("tick").returncode == 0
        household.wait_for_film(capsule, "ready", deadline_seconds=120)
        wait_until(lambda: len(mail.messages) >= 2, 60, "the letters are there")
        assert [daemon.terminate() for daemon in (one, other)] == [0, 0]

    assert Counter(letter.recipients for letter in mail.messages) == {
        ("ada@example.org",): 1,
        ("ben@example.org",): 1,
    }
    assert household.run("verify")["verify"]["damage"] == []


def test_the_doctor_names_the_machines_that_work_and_one_with_another_key(household, tmp_path):
    with household.daemon(), Daemon(another(household, tmp_path), "--queues", "none"):
        said = doctor(household)
        ask(
            household,
            "UPDATE node SET key_fingerprint = 'another', host = 'far' WHERE id = (SELECT max(id) FROM node)",
        )
        other = doctor(household)

    seen = [(one["kind"], one["is_alive"], one["has_our_key"]) for one in said["nodes"]]
    assert seen == [("daemon", True, True)] * 2
    (far,) = [one for one in other["findings"] if one["what"] == "machine far"]
    assert far["state"] == "wrong"
    assert "another instance key" in far["says"]
    assert [one["host"] for one in other["nodes"] if not one["has_our_key"]] == ["far"]


def doctor(household):
    return json.loads(household.ask("doctor").stdout)


def test_a_program_that_works_alone_is_refused_beside_nodes_and_they_beside_it(household, tmp_path):
    alone = another(household, tmp_path, CAPSULE_CLUSTER="false")
    with household.daemon():
        household.environment = alone
        assert household.ask("tick").returncode == 6
        household.environment = alone | {"CAPSULE_CLUSTER": "true"}
        assert household.ask("tick").returncode == 0


def worker(environment, *words, **more):
    return Running(environment | more, CAPSULE, "--json", "worker", *words, kind="worker")


def test_systemd_hears_of_a_worker_that_it_is_ready_that_its_heart_beats_and_that_it_ends(household):
    with (
        ServiceManager(watchdog_seconds=2) as manager,
        worker(household.environment, **manager.environment) as running,
    ):
        manager.wait_for("READY")
        wait_until(lambda: manager.hear() and len(manager.well_at) >= 3, 60, "its watchdog is fed")
        assert running.terminate(60) == 0
        manager.wait_for("READY", "STOPPING")


def ask(household, query):
    address = household.environment["CAPSULE_STORE_URL"].replace("postgresql+psycopg:", "postgresql:")
    with psycopg.connect(address) as connection:
        found = connection.execute(query)
        return found.fetchall() if found.description else []


def test_what_another_program_queued_wakes_the_worker_whose_work_it_is(household, mail, tmp_path):
    capsule = household.capsule(opens_in=timedelta(days=1000), photos=0)
    beats = {"CAPSULE_DAEMON__HEARTBEAT_SECONDS": "3600"}
    sends = worker(household.environment, "--queues", "mail", **beats)
    opens = worker(another(household, tmp_path), "--queues", "open,film", **beats)
    with sends, opens:
        # What it did at its start is over once this one has come, so the next one needs a wake.
        for name in ("cleo", "dan"):
            household.run("invite", capsule, f"{name}@example.org")
            wait_until(
                lambda name=name: (f"{name}@example.org",) in [one.recipients for one in mail.messages],
                60,
                f"the letter to {name} has come",
            )

        assert ask(household, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]
        assert [one.terminate() for one in (sends, opens)] == [0, 0]


def test_when_every_wake_is_lost_workers_find_all_of_it_at_their_next_heartbeat(household, mail):
    ask(
        household,
        """
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN DELETE FROM procrastinate_jobs; RETURN NULL; END $$;
        CREATE TRIGGER zz_lose AFTER INSERT ON procrastinate_jobs EXECUTE FUNCTION lose();
        """,
    )
    with worker(household.environment) as everything:
        capsule = household.capsule(opens_in=timedelta(seconds=5))
        household.wait_for_film(capsule, "ready", deadline_seconds=120)
        wait_until(lambda: len(mail.messages) >= 2, 60, "the letters are there")
        assert everything.terminate() == 0

    assert Counter(letter.recipients for letter in mail.messages) == {
        ("ada@example.org",): 1,
        ("ben@example.org",): 1,
    }


def test_a_worker_that_is_asked_to_end_gives_back_the_film_that_it_has_in_hand(household):
    household.capsule(opens_in=timedelta(hours=-1), photos=20)
    with worker(household.environment, CAPSULE_FILM__FPS="30", CAPSULE_FILM__SIZE="1280x720") as one:
        film = "SELECT state, attempt, progress > 0, lease IS NULL FROM montage"
        wait_until(lambda: ask(household, film) == [("rendering", 1, True, False)], 120, "a film is begun")
        assert one.terminate(60) == 0

    assert ask(household, film)[0][0::3] == ("queued", True)
    assert ask(household, "SELECT count(*) FROM node") == [(0,)]
    with worker(household.environment):
        wait_until(lambda: ask(household, film)[0][:2] == ("rendering", 2), 60, "another one goes on with it")
