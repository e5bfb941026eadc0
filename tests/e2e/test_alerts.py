"""
Debian's Prometheus, node exporter and Alertmanager with the files of `deploy/monitoring`, beside a real daemon.

What goes wrong arrives at a stand-in for Slack within two evaluations after it shows, and so does its end.
"""

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest

from support.household import Household
from support.mailservers import MailServer
from support.monitoring import MONITORING, get, running
from support.scrapes import Scrape
from support.servers import Daemon, free_port, wait_until
from support.slack import Slack
from support.small_disks import SmallDisk, small_disk

pytestmark = pytest.mark.nightly

#: A disk is low with less than 1 GB.
DISK_MEGABYTES, LOW_BYTES = 1300, 500_000_000
_EVALUATIONS = re.compile(r"^prometheus_rule_group_iterations_total\{[^}]*;capsule\"\} (\S+)$", re.MULTILINE)


@dataclass(kw_only=True)
class Watched:
    """An instance, what watches it, and what Slack holds."""

    household: Household
    daemon: Daemon
    disk: SmallDisk
    mail: MailServer
    database: str
    slack: Slack
    prometheus: str

    def scrape(self) -> Scrape:
        return Scrape(get(self.daemon.announcement["metrics_url"]))

    def evaluations(self) -> float:
        return float(_EVALUATIONS.search(get(f"{self.prometheus}/metrics"))[1])

    def knows(self, title: str) -> bool:
        return any(message.endswith(title) for message in self.slack.messages)

    def hears(self, message: str) -> None:
        wait_until(lambda: message in self.slack.messages, 240, f"Slack is told: {message}")

    def comes(self, title: str, shows: str, least: float = 1.0) -> None:
        """Wait until a metric shows what is wrong, and hold that Slack has it within two evaluations."""
        wait_until(lambda: self.scrape()[shows] >= least, 180, f"{shows} shows it")
        begun = self.evaluations()
        self.hears(f"1 × {title}")
        took = self.evaluations() - begun
        print(f"{title}: {took:.0f} evaluations")
        assert took <= 2

    def ends(self, title: str) -> None:
        begun = time.monotonic()
        self.hears(f"Over: {title}")
        print(f"Over: {title}: {time.monotonic() - begun:.0f} s")


@pytest.fixture
def watched(tmp_path, postgres) -> Iterator[Watched]:
    url = postgres.create_database()
    folder = tmp_path / "monitoring"
    shutil.copytree(MONITORING, folder)
    ports = {name: free_port() for name in ("node", "alertmanager", "prometheus")}
    home = tmp_path / "household"
    with (
        small_disk(home / "data", megabytes=DISK_MEGABYTES) as disk,
        MailServer() as mail,
        Slack() as slack,
    ):
        household = Household(
            home,
            {
                "CAPSULE_STORE_URL": url,
                "CAPSULE_METRICS__PORT": "0",
                "CAPSULE_BACKUP__WARN_DAYS": "1",
                "CAPSULE_SMTP__HOST": mail.host,
                "CAPSULE_SMTP__PORT": str(mail.port),
                "CAPSULE_SMTP__SECURITY": "none",
                "CAPSULE_PUBLIC_URL": "https://photos.example.org",
            },
        )
        alertmanager = folder / "alertmanager.yml"
        alertmanager.write_text(alertmanager.read_text().replace("/etc/prometheus", str(folder)))
        (folder / "slack_url").write_text(slack.url)
        (folder / "smtp_password").write_text("none")
        with household.daemon() as daemon:
            address = daemon.announcement["metrics_url"].removeprefix("http://").removesuffix("/metrics")
            for name, target in {
                "capsule": address,
                "node": f"127.0.0.1:{ports['node']}",
                "alertmanager": f"127.0.0.1:{ports['alertmanager']}",
            }.items():
                (folder / "targets" / f"{name}.yml").write_text(json.dumps([{"targets": [target]}]))
            with (
                running(
                    folder,
                    "prometheus-node-exporter",
                    f"--web.listen-address=127.0.0.1:{ports['node']}",
                    ready=f"http://127.0.0.1:{ports['node']}/metrics",
                ),
                running(
                    folder,
                    "prometheus-alertmanager",
                    f"--config.file={alertmanager}",
                    f"--storage.path={tmp_path / 'alerts'}",
                    f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
                    "--cluster.listen-address=",
                    ready=f"http://127.0.0.1:{ports['alertmanager']}/-/ready",
                ),
                running(
                    folder,
                    "prometheus",
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={tmp_path / 'series'}",
                    f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
                    ready=f"http://127.0.0.1:{ports['prometheus']}/-/ready",
                ),
            ):
                targets = f"http://127.0.0.1:{ports['prometheus']}/api/v1/targets"
                wait_until(lambda: get(targets).count('"health":"up"') == 2, 60, "both are scraped")
                yield Watched(
                    household=household,
                    daemon=daemon,
                    disk=disk,
                    mail=mail,
                    database=url.replace("postgresql+psycopg:", "postgresql:"),
                    slack=slack,
                    prometheus=f"http://127.0.0.1:{ports['prometheus']}",
                )
    postgres.drop_database(url)


def test_that_there_is_no_backup_arrives_and_its_end_when_there_is_one(watched, tmp_path):
    watched.household.capsule(opens_in=timedelta(days=1000), photos=1)
    watched.comes("There is no backup, or it is old", 'capsule_notices{kind="backup"}')
    watched.household.run("backup", str(tmp_path / "backup"))
    watched.ends("There is no backup, or it is old")


def test_a_full_data_folder_arrives_and_its_end_when_there_is_room(watched):
    watched.disk.fill(but_bytes=LOW_BYTES)
    watched.comes("The disk of a data folder is nearly full", 'capsule_notices{kind="disk"}')
    watched.disk.empty()
    watched.ends("The disk of a data folder is nearly full")


def test_a_missing_file_arrives_once_verify_has_looked_and_its_end_when_it_is_back(watched, tmp_path):
    household, backup = watched.household, tmp_path / "backup"
    household.capsule(opens_in=timedelta(days=1000), photos=2)
    household.run("backup", str(backup))
    blobs = (household.folder / "data" / "blobs").glob("??/??/*")
    max(blobs, key=lambda path: path.stat().st_size).unlink()
    assert household.ask("verify").returncode == 1
    watched.comes("Stored files are damaged or missing", 'capsule_blobs_damaged{damage="missing"}')
    household.run("repair", "--from", str(backup))
    watched.ends("Stored files are damaged or missing")


def test_a_paused_sender_arrives_and_its_end_when_the_mail_server_is_back(watched):
    capsule = watched.household.capsule(opens_in=timedelta(days=1000), photos=0)
    watched.mail.stop()
    watched.household.run("invite", capsule, "cleo@example.org")
    watched.comes("Letters wait for the mail server", "capsule_sender_paused")
    watched.mail.start()
    watched.household.run("mail", "retry")
    watched.ends("Letters wait for the mail server")


def test_a_heart_that_is_stuck_arrives_and_its_end_when_it_beats(watched):
    limit = watched.scrape()["capsule_heartbeat_limit_seconds"]
    with psycopg.connect(watched.database) as other:
        other.execute("LOCK TABLE capsule IN ACCESS EXCLUSIVE MODE")
        watched.comes("The heart of a program does not beat", "capsule_heartbeat_age_seconds", limit + 0.1)
    watched.ends("The heart of a program does not beat")

    assert not watched.knows("A program does not answer")


def test_a_program_that_is_killed_arrives_and_its_end_when_it_is_back(watched):
    watched.daemon.kill()
    begun = watched.evaluations()
    watched.hears("1 × A program does not answer")
    assert watched.evaluations() - begun <= 2
    metrics = urlsplit(watched.daemon.announcement["metrics_url"])
    watched.household.environment["CAPSULE_METRICS__PORT"] = str(metrics.port)
    with watched.household.daemon():
        watched.ends("A program does not answer")


def test_nobody_is_named_to_slack(watched):
    capsule = watched.household.capsule(opens_in=timedelta(days=1000), photos=0)
    watched.mail.stop()
    watched.household.run("invite", capsule, "cleo@example.org")
    watched.hears("1 × Letters wait for the mail server")
    said = "\n".join(watched.slack.messages + watched.slack.texts)

    assert [name for name in ("Summer", "Ada", "Ben", "cleo", capsule) if name.lower() in said.lower()] == []
