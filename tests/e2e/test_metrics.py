"""What Prometheus reads of programs that run: of a daemon that makes a film, and of each node of several."""

import shutil
import subprocess
from datetime import timedelta

import pytest

from support.household import Household, in_cluster
from support.mailservers import MailServer
from support.monitoring import get
from support.scrapes import Scrape, documented
from support.servers import CAPSULE, Daemon, Running, is_missing, wait_until

pytestmark = pytest.mark.slow


def scrape(program: Running) -> Scrape:
    return Scrape(get(program.announcement["metrics_url"]))


def lint(text: str) -> str:
    """What promtool has against a scrape."""
    promtool = shutil.which("promtool") or is_missing(
        "No promtool here: install Debian's package prometheus."
    )
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


def test_a_daemon_says_where_its_metrics_are_and_tells_of_the_film_that_it_made(tmp_path):
    household = Household(tmp_path / "household")
    capsule = household.capsule(opens_in=timedelta(hours=-1), photos=2)
    household.capsule(opens_in=timedelta(days=1000), photos=0)
    household.run("backup", str(tmp_path / "backup"))
    with household.daemon() as daemon:
        household.wait_for_film(capsule, "ready", deadline_seconds=120)
        get(f"{daemon.url}/healthz")
        (film,) = household.films(capsule)
        told = wait_until(
            lambda: (one := scrape(daemon))['capsule_films{state="ready"}'] and one, 60, "the film is told"
        )

        assert told['capsule_films_finished_total{state="ready"}'] == 1
        assert told["capsule_film_seconds_total"] == pytest.approx(film["seconds"], abs=0.1)
        assert told["capsule_film_render_seconds_total"] > 0
        assert told['capsule_film_segments_total{source="encoded"}'] > 0
        assert told['capsule_capsules{state="open"}'] == told['capsule_capsules{state="sealed"}'] == 1
        assert 0 <= told["capsule_heartbeat_age_seconds"] < told["capsule_heartbeat_limit_seconds"]
        assert "process_resident_memory_bytes" in told
        assert told.told == documented()
        assert lint(told.text) == ""
        assert daemon.terminate() == 0


def test_a_daemon_without_a_port_for_them_tells_them_nowhere(tmp_path):
    household = Household(tmp_path / "household")
    del household.environment["CAPSULE_METRICS__PORT"]
    with household.daemon() as daemon:
        assert daemon.announcement["metrics_url"] is None


def test_each_node_tells_what_it_has_done_and_all_tell_the_same_of_the_instance(tmp_path, postgres):
    url = postgres.create_database()
    with MailServer() as mail:
        household = Household(tmp_path / "one", in_cluster(url, mail))
        capsule = household.capsule(opens_in=timedelta(hours=-1), photos=1)
        there = household.environment | {"CAPSULE_DATA_DIR": str(tmp_path / "another")}
        (tmp_path / "another").mkdir()
        (tmp_path / "another" / "blobs").symlink_to(tmp_path / "one" / "data" / "blobs")
        with (
            Daemon(household.environment, "--queues", "open,mail") as pages,
            Running(there, CAPSULE, "--json", "worker", "--queues", "film", kind="worker") as films,
        ):
            household.wait_for_film(capsule, "ready", deadline_seconds=120)
            nodes = [
                wait_until(
                    lambda one=one: (told := scrape(one))['capsule_films{state="ready"}'] and told,
                    60,
                    "it tells",
                )
                for one in (pages, films)
            ]
            assert [told["capsule_nodes"] for told in nodes] == [2, 2]
            assert [told['capsule_films_finished_total{state="ready"}'] for told in nodes] == [0, 1]
            assert [pages.terminate(), films.terminate()] == [0, 0]
    postgres.drop_database(url)
