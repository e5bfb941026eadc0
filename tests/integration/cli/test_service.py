"""Units of systemd, which `systemd-analyze` finds in order, and the question whether the daemon is well."""

import json
import os
import pwd
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from memorycapsule.systemd.units import MARK, SERVICE, TICK, TIMER
from memorycapsule.work.lock import FolderLock
from support.servers import is_missing
from support.service_managers import settings_of, start_command


@pytest.fixture
def analyze(tmp_path, monkeypatch):
    """`systemd-analyze` with these words: what it says, and how it ends."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # that of a person's own systemd
    if not shutil.which("systemd-analyze"):
        is_missing("No systemd-analyze here.")

    def run(*words: object) -> tuple[str, int]:
        command = ["systemd-analyze", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr, done.returncode

    return run


@pytest.mark.slow
def test_systemd_finds_nothing_to_say_of_the_units_of_a_machine(initialised, tmp_path, analyze):
    initialised("install-service", "--system", "--to", tmp_path / "service")
    initialised("install-service", "--system", "--timer", "--to", tmp_path / "timer")

    assert analyze("verify", tmp_path / "service" / SERVICE) == ("", 0)
    assert analyze("verify", tmp_path / "timer" / TICK, tmp_path / "timer" / TIMER) == ("", 0)


@pytest.mark.slow
def test_nor_of_those_of_a_person(initialised, tmp_path, analyze):
    initialised("install-service", "--user", "--to", tmp_path / "service")
    initialised("install-service", "--user", "--timer", "--to", tmp_path / "timer")

    assert analyze("--user", "verify", tmp_path / "service" / SERVICE) == ("", 0)
    assert analyze("--user", "verify", tmp_path / "timer" / TICK, tmp_path / "timer" / TIMER) == ("", 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", [SERVICE, TICK])
def test_the_services_of_a_machine_are_exposed_to_little(initialised, tmp_path, analyze, name):
    initialised("install-service", "--system", "--to", tmp_path / SERVICE)
    initialised("install-service", "--system", "--timer", "--to", tmp_path / TICK)

    said, code = analyze("security", "--offline=true", "--threshold=30", tmp_path / name / name)

    assert code == 0, said


def test_a_unit_holds_what_the_service_would_not_know_and_no_secret(initialised, tmp_path, monkeypatch):
    secret = tmp_path / "mail password"
    secret.write_text("swordfish")
    login = tmp_path / "mail login"
    login.write_text("capsule@example.org")
    authorities = tmp_path / 'The "Kims" 100%'
    authorities.write_text("")
    monkeypatch.setenv("CAPSULE_SMTP__HOST", "mail.example.org")
    monkeypatch.setenv("CAPSULE_SMTP__USERNAME_FILE", str(login))
    monkeypatch.setenv("CAPSULE_SMTP__PASSWORD_FILE", str(secret))
    monkeypatch.setenv("CAPSULE_CA_FILE", str(authorities))

    answer = initialised("install-service", "--system", "--to", tmp_path / "units", "--json")
    assert answer.code == 0, answer.out
    said = answer.json["service"]

    assert (said["unit"], said["started"]) == (SERVICE, False)
    unit = tmp_path / "units" / SERVICE
    assert said["files"] == [str(unit)]
    assert "swordfish" not in unit.read_text()
    assert "capsule@example.org" not in unit.read_text()
    words, environment = start_command(unit, tmp_path / "credentials")
    assert words[-3:] == ["--config", str(tmp_path / "config.toml"), "daemon"]
    assert environment["CAPSULE_DATA_DIR"] == str(tmp_path / "data")
    assert environment["CAPSULE_SMTP__HOST"] == "mail.example.org"
    assert environment["CAPSULE_CA_FILE"] == str(authorities)
    held = {path.name: path.read_text() for path in (tmp_path / "credentials").iterdir()}
    assert held == {
        "instance.key": (tmp_path / "instance.key").read_text(),
        "capsule_smtp__password": "swordfish",
        "capsule_smtp__username": "capsule@example.org",
    }
    assert settings_of(unit, "ReadWritePaths") == [str(tmp_path / "data")]


def test_a_secret_of_the_environment_is_refused_before_anything_is_written(
    initialised, tmp_path, monkeypatch
):
    monkeypatch.setenv("CAPSULE_SMTP__USERNAME_FILE", str(tmp_path / "login"))
    (tmp_path / "login").write_text("capsule@example.org")
    monkeypatch.setenv("CAPSULE_SMTP__PASSWORD", "swordfish")

    refused = initialised("install-service", "--user", "--to", tmp_path / "units", "--json")

    assert refused.code == 7
    assert "CAPSULE_SMTP__PASSWORD_FILE" in refused.error["message"]
    assert "swordfish" not in refused.out + refused.err
    assert not (tmp_path / "units").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CAPSULE_MAIL__SENDER_ADDRESS", "grandma@example.org"),
        ("CAPSULE_MAIL__SENDER_NAME", "The Kims"),
    ],
)
def test_addresses_and_names_of_the_environment_are_written_into_no_unit(
    initialised, tmp_path, monkeypatch, variable, value
):
    monkeypatch.setenv(variable, value)

    refused = initialised("install-service", "--user", "--to", tmp_path / "units", "--json")

    assert (refused.code, refused.error["reason"]) == (7, "service_personal_in_environment")
    assert f"{variable}_FILE" in refused.error["message"]
    assert value not in refused.out + refused.err
    assert not (tmp_path / "units").exists()


def test_folders_may_be_called_anything(capsule, tmp_path, monkeypatch, analyze):
    strange = tmp_path / 'of 100% "us" & $HOME'
    monkeypatch.setenv("CAPSULE_CONFIG", str(strange / "config.toml"))
    monkeypatch.setenv("CAPSULE_DATA_DIR", str(strange / "data"))
    assert capsule("init", "--yes", "--admin", "ada@example.org").code == 0

    assert capsule("install-service", "--system", "--to", tmp_path / "units").code == 0

    unit = tmp_path / "units" / SERVICE
    words, environment = start_command(unit, tmp_path / "credentials")
    assert words[-2] == str(strange / "config.toml")
    assert environment["CAPSULE_DATA_DIR"] == str(strange / "data")
    assert (tmp_path / "credentials" / "instance.key").exists()
    assert analyze("verify", unit) == ("", 0)


def test_a_timer_takes_the_place_of_the_service_and_the_service_its(initialised, tmp_path):
    def names() -> list[str]:
        return sorted(path.name for path in tmp_path.joinpath("units").iterdir())

    initialised("install-service", "--user", "--to", tmp_path / "units")
    assert names() == [SERVICE]

    initialised("install-service", "--user", "--timer", "--to", tmp_path / "units")
    assert names() == [TICK, TIMER]

    initialised("install-service", "--user", "--to", tmp_path / "units")
    assert names() == [SERVICE]


def test_what_others_have_written_stays(initialised, tmp_path):
    unit = tmp_path / SERVICE
    unit.write_text("[Service]\nExecStart=/bin/true\n")

    refused = initialised("install-service", "--user", "--to", tmp_path, "--json")

    assert (refused.code, refused.error["reason"]) == (7, "service_file_of_others")
    assert unit.read_text().startswith("[Service]")


def test_so_does_the_service_of_another_instance(initialised, tmp_path):
    unit = tmp_path / SERVICE
    unit.write_text(f"{MARK}\n[Service]\nExecStart=/bin/capsule --config /etc/other.toml daemon\n")

    refused = initialised("install-service", "--user", "--to", tmp_path, "--json")

    assert (refused.code, refused.error["reason"]) == (7, "service_of_other_instance")


def test_a_person_installs_it_and_takes_it_away_again(initialised, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # where no systemd runs
    unit = tmp_path / "home" / "systemd" / "user" / SERVICE

    said = initialised("install-service", "--user")
    assert (said.code, unit.exists()) == (0, True)
    assert said.err == f"No systemd runs here, so {SERVICE} was not started.\n"

    removed = initialised("uninstall-service", "--user", "--json")
    assert removed.json["service"] == {"removed": [str(unit)]}
    assert not unit.exists()
    assert initialised("uninstall-service", "--user", "--json").code == 3
    assert initialised("list").code == 0


def test_beside_a_daemon_that_somebody_started_by_hand_it_is_not_installed(
    initialised, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))

    with FolderLock(tmp_path / "data"):
        assert initialised("install-service", "--user").code == 6


@pytest.mark.parametrize("words", [[], ["--user", "--system"]])
@pytest.mark.parametrize("command", ["install-service", "uninstall-service"])
def test_it_must_be_said_whose_systemd_is_meant(initialised, command, words):
    assert initialised(command, *words).code == 2


def test_without_an_instance_there_is_nothing_to_install(capsule, tmp_path):
    assert capsule("install-service", "--user", "--to", tmp_path / "units").code == 7


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can work in a folder of somebody else.")
def test_root_writes_nothing_that_the_account_of_the_service_could_not_read(summer, tmp_path):
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path / "data", nobody.pw_uid, nobody.pw_gid)

    refused = summer("story", "add", "summer", "--text", "Once", "--json")

    assert (refused.code, refused.error["reason"]) == (8, "folder_of_other_account")
    assert "sudo -u nobody" in refused.error["message"]
    assert summer("db", "check").code == 8


@contextmanager
def answering(status: int, words: bytes) -> Iterator[str]:
    """A server on loopback that answers everything with these words; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(words)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=[0.01])
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


def health(status: str, age: float) -> bytes:
    return json.dumps({"status": status, "heartbeat_age_seconds": age}).encode()


def test_a_daemon_that_says_that_it_is_well_is_well(initialised, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # which is not asked
    with answering(200, health("ok", 3.2)) as url, FolderLock(tmp_path / "data") as lock:
        lock.publish(url="https://photos.example.org", local_url=url)

        said = initialised("healthcheck", "--json")

    assert said.code == 0
    assert said.json["health"] == {"url": url, "status": "ok", "heartbeat_age_seconds": 3.2}


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (503, health("stuck", 90), "daemon_stuck"),
        (200, b"<h1>Welcome to nginx!</h1>", "daemon_unintelligible"),
        (200, b"[]", "daemon_unintelligible"),
    ],
)
def test_one_that_is_stuck_or_another_program_is_not(initialised, tmp_path, status, words, reason):
    with answering(status, words) as url, FolderLock(tmp_path / "data") as lock:
        lock.publish(url=url, local_url=url)

        said = initialised("healthcheck", "--json")

    assert (said.code, said.error["code"], said.error["reason"]) == (1, "unwell", reason)


def test_nor_is_one_that_does_not_run_is_not_ready_or_does_not_answer(initialised, tmp_path):
    def reason() -> str:
        said = initialised("healthcheck", "--json")
        assert said.code == 1
        return said.error["reason"]

    assert reason() == "daemon_missing"
    with FolderLock(tmp_path / "data") as lock:
        assert reason() == "daemon_starting"
        lock.publish(url="http://127.0.0.1:1", local_url="http://127.0.0.1:1")
        assert reason() == "daemon_silent"
