"""What `deploy/containers` says of the program is so: settings, commands, ports and files exist."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from memorycapsule.config.settings import fields
from memorycapsule.config.sources import variable_of
from support.servers import CAPSULE

# What reads YAML is installed with the slow tests only.
pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
CONTAINERS = PROJECT / "deploy" / "containers"
CONTAINERFILE = (CONTAINERS / "Containerfile").read_text().replace("\\\n", " ")
COMPOSE = sorted(CONTAINERS.glob("*.yml"))


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} +(.+)$", CONTAINERFILE, re.MULTILINE)


def sources() -> list[str]:
    """What is copied into the image from the project."""
    return [
        name
        for line in instructions("COPY")
        if not line.startswith("--from")
        for name in shlex.split(line)[:-1]
    ]


def ours(file: Path) -> dict[str, dict]:
    import yaml

    services = yaml.safe_load(file.read_text())["services"]
    return {name: service for name, service in services.items() if service["image"] == "memorycapsule"}


def values(file: Path | None) -> dict[str, str]:
    """The variables of the image, or of a compose file, that are for the program."""
    if file is None:
        pairs = [word.split("=", 1) for line in instructions("ENV") for word in shlex.split(line)]
        return {name: value for name, value in pairs if name.startswith("CAPSULE_")}
    return {name: str(value) for one in ours(file).values() for name, value in one["environment"].items()}


@pytest.mark.parametrize("file", [None, *COMPOSE], ids=lambda file: file.stem if file else "image")
def test_every_variable_is_a_setting_and_the_program_takes_its_value(file, tmp_path):
    told = values(file)
    assert set(told) - {"CAPSULE_CONFIG"} <= {variable_of(key) for key in fields()}

    # Several machines need a mail server, which stands in the file beside.
    named = re.findall(r"CAPSULE_(?!CLUSTER)[A-Z_]+", file.read_text().partition("name:")[0]) if file else []
    told |= dict.fromkeys(named, "https://capsule.example.org")
    told |= {name: "capsule@example.org" for name in named if name.endswith("ADDRESS")}
    told |= {name: "mail.example.org" for name in named if name.endswith("HOST")}
    (tmp_path / "config.toml").write_text("")
    environment = {"PATH": "/usr/bin:/bin", **told, "CAPSULE_CONFIG": str(tmp_path / "config.toml")}
    done = subprocess.run(
        [CAPSULE, "--json", "config", "show"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_every_command_has_the_options_that_a_compose_file_gives_it(file):
    for service in ours(file).values():
        command = service.get("command", ["daemon"])
        told = subprocess.run([CAPSULE, command[0], "--help"], capture_output=True, text=True, check=True)
        assert all(word in told.stdout for word in command if word.startswith("--"))
        health = service["healthcheck"]
        assert (
            health == {"disable": True}
            if command[0] == "worker"
            else health["test"][1:] == ["capsule", "healthcheck"]
        )


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_volumes_are_declared_and_lie_where_the_image_has_folders_for_them(file):
    import yaml

    folders = {word for word in CONTAINERFILE.split() if word in {"/config", "/data", "/blobs"}}
    declared = set(yaml.safe_load(file.read_text())["volumes"])
    for service in ours(file).values():
        for volume in service["volumes"]:
            name, folder = volume.split(":")
            assert name in declared
            assert folder in folders
        for port in service.get("ports", ()):
            assert port.rsplit(":", 1)[1] in instructions("EXPOSE")[0].split()
            assert port.startswith("127.0.0.1:")


def test_what_the_image_copies_is_enough_to_make_the_wheel(tmp_path):
    for name in sources():
        assert f"!{name}" in (CONTAINERS / "Containerfile.dockerignore").read_text().splitlines()
        here, there = PROJECT / name, tmp_path / name
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(here, there) if here.is_dir() else shutil.copy(here, there)

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert list(tmp_path.glob("dist/*.whl"))
