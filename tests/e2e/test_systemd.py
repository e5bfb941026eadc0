"""What systemd starts by our unit, and what it is told by it."""

import json
import os
import re
import shutil
import signal
import subprocess
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import make_url

from support.household import Household
from support.servers import CAPSULE, Daemon, Running, is_missing, wait_until
from support.service_managers import ServiceManager, settings_of, start_command


def started(household: Household, manager: ServiceManager) -> Running:
    """What systemd does by the unit of a household: its ExecStart, variables and credentials, and sockets of `manager`."""
    units = household.folder / "units"
    household.run("install-service", "--system", "--to", str(units))
    words, environment = start_command(units / "memory-capsule.service", household.folder / "credentials")
    at = words.index("daemon")
    # Only so the tests know that it is there, and where.
    return Running(
        {**environment, **manager.environment},
        *words[:at],
        "--json",
        "daemon",
        kind="daemon",
        deadline_seconds=90,
    )


def seconds_stuck(household: Household) -> int:
    """For how long the heart of its daemon has not beaten, as `healthcheck` says it; 0 while all is well."""
    asked = household.ask("healthcheck")
    answer = json.loads(asked.stdout)
    if asked.returncode == 0:
        return 0
    assert answer["error"]["reason"] == "daemon_stuck"
    return int(answer["error"]["values"]["seconds"])


@pytest.mark.slow
def test_systemd_hears_when_it_is_ready_reads_its_settings_again_and_ends(tmp_path):
    household = Household(tmp_path / "household")
    config = tmp_path / "household" / "config" / "config.toml"
    with ServiceManager() as manager, started(household, manager) as daemon:
        manager.wait_for("READY")
        wait_until(lambda: manager.status() == "No capsule is sealed.", 30, "it says what comes next")
        assert household.run("healthcheck")["health"]["status"] == "ok"

        config.write_text('locale = "ko"\n' + config.read_text())
        os.kill(daemon.pid, signal.SIGHUP)
        manager.wait_for("READY", "RELOADING", "READY")
        wait_until(lambda: manager.status() == "봉해진 캡슐이 없어요.", 30, "it says so by its new settings")

        config.write_text("nonsense = 1\n" + config.read_text())
        os.kill(daemon.pid, signal.SIGHUP)
        manager.wait_for("READY", "RELOADING", "READY", "RELOADING", "READY")
        assert daemon.process.poll() is None
        config.write_text(config.read_text().removeprefix("nonsense = 1\n"))
        assert household.run("healthcheck")["health"]["status"] == "ok"

        assert daemon.terminate() == 0
        manager.wait_for("READY", "RELOADING", "READY", "RELOADING", "READY", "STOPPING")
    assert household.ask("healthcheck").returncode == 1


@pytest.mark.slow
def test_a_watchdog_is_fed_at_half_its_period(tmp_path):
    household = Household(tmp_path / "household")
    with ServiceManager(watchdog_seconds=12) as manager, started(household, manager) as daemon:
        wait_until(lambda: manager.hear() and len(manager.well_at) >= 3, 120, "it was fed three times")
        assert daemon.terminate() == 0

    # systemd would have ended a service that says nothing for the whole of it.
    gaps = [after - before for before, after in zip(manager.well_at, manager.well_at[1:], strict=False)]
    assert [gap for gap in gaps if not 6 <= gap < 12] == []


def calls_of(group: str) -> set[str]:
    """The system calls that systemd knows by the name of a group, such as @system-service."""
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    ).stdout.split("\n")[1:]
    names = [line.strip() for line in said if line.strip() and not line.strip().startswith("#")]
    return {call for name in names for call in (calls_of(name) if name.startswith("@") else {name})}


@pytest.mark.nightly
def test_a_film_is_made_with_no_system_call_that_the_unit_forbids(tmp_path):
    if not (shutil.which("strace") and shutil.which("systemd-analyze")):
        is_missing("strace and systemd-analyze are not both here.")
    household = Household(tmp_path / "household")
    units = tmp_path / "units"
    household.run("install-service", "--system", "--to", str(units))
    allowed: set[str] = set()
    for line in settings_of(units / "memory-capsule.service", "SystemCallFilter"):
        for name in line.removeprefix("~").split():
            calls = calls_of(name) if name.startswith("@") else {name}
            allowed = allowed - (calls - calls_of("@default")) if line.startswith("~") else allowed | calls
    capsule = household.capsule(opens_in=timedelta(hours=-1), photos=2)

    traced = tmp_path / "calls"
    command = ["strace", "-f", "-qq", "-o", str(traced), CAPSULE, "--json", "daemon"]
    with Daemon(household.environment, command=command, deadline_seconds=120) as daemon:
        household.wait_for_film(capsule, "ready", deadline_seconds=240)
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.wait(60) == 0

    lines = traced.read_text(errors="replace").splitlines()
    called = {found[1] for line in lines if (found := re.match(r"\d+ +(\w+)\(", line))}
    # Only root gives files to others, as SQLite does; the service is another account.
    assert called - allowed <= {"chown", "fchown"}
    # MemoryDenyWriteExecute
    assert [line for line in lines if re.search(r"PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_EXEC", line)] == []
    (families,) = settings_of(units / "memory-capsule.service", "RestrictAddressFamilies")
    asked = {found[1] for line in lines if (found := re.search(r" socket\((AF_\w+)", line))}
    assert asked <= set(families.split())


@pytest.mark.nightly
def test_a_watchdog_is_fed_no_more_while_the_heartbeat_is_stuck(tmp_path, postgres):
    url = postgres.create_database()
    household = Household(tmp_path / "household", {"CAPSULE_STORE_URL": url})
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        ServiceManager(watchdog_seconds=2) as manager,
        started(household, manager),
        psycopg.connect(address) as holding,
    ):
        wait_until(lambda: manager.hear() and manager.well_at, 60, "it is fed")

        holding.execute("LOCK TABLE capsule IN ACCESS EXCLUSIVE MODE")
        stuck_for = wait_until(lambda: seconds_stuck(household), 180, "it is stuck")
        manager.hear()
        fed = len(manager.well_at)
        wait_until(lambda: seconds_stuck(household) >= stuck_for + 6, 60, "it was for three periods more")
        manager.hear()
        assert len(manager.well_at) == fed

        holding.rollback()
        wait_until(lambda: manager.hear() and len(manager.well_at) > fed, 60, "it is fed again")
