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
from support.servers import CAPSULE, is_missing

# What reads YAML is installed with the slow tests only.
pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
CONTAINERS = PROJECT / "deploy" / "containers"
CONTAINERFILE = (CONTAINERS / "Containerfile").read_text().replace("\\\n", " ")
#: One machine, and several.
COMPOSE = [CONTAINERS / "compose.yml", CONTAINERS / "cluster.yml"]
MONITORING = CONTAINERS / "monitoring.yml"


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


def read(file: Path) -> dict:
    import yaml

    return yaml.safe_load(file.read_text())


def ours(file: Path) -> dict[str, dict]:
    services = read(file)["services"]
    return {name: service for name, service in services.items() if service["image"] == "memorycapsule"}


def watched(file: Path) -> dict[str, dict]:
    """The parts of a compose file with what watches it started beside, as compose puts them together."""
    parts = ("services", "volumes", "networks", "configs", "secrets")
    one, other = read(file), read(MONITORING)
    assert [part for part in parts if set(one.get(part, ())) & set(other.get(part, ()))] == []
    return {part: one.get(part, {}) | other.get(part, {}) for part in parts}


def asked(file: Path) -> dict[str, list[str]]:
    """The addresses that Prometheus asks beside a compose file, by the name of the job's file."""
    import yaml

    together = watched(file)
    return {
        Path(one["target"]).name: [
            address
            for group in yaml.safe_load((CONTAINERS / together["configs"][one["source"]]["file"]).read_text())
            for address in group["targets"]
        ]
        for one in together["services"]["prometheus"]["configs"]
    }


def compose_program() -> list[str]:
    """How Docker's compose is called here, none where there is none; its first version reads other files."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            told = subprocess.run(
                [*command, "version", "--short"], capture_output=True, text=True, check=False
            )
            if told.returncode == 0 and not told.stdout.startswith("1."):
                return command
    return []


def sources_of(service: dict) -> list[tuple[str, str]]:
    """What a service mounts: the name of a volume or a place on the host, and where it is mounted."""
    return [tuple(mounted.split(":")[:2]) for mounted in service.get("volumes", ())]


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
def test_volumes_lie_where_the_image_has_folders_for_them_and_no_port_is_open_to_others(file):
    folders = {word for word in CONTAINERFILE.split() if word in {"/config", "/data", "/blobs"}}
    for service in ours(file).values():
        assert {folder for _name, folder in sources_of(service)} <= folders
        for port in service.get("ports", ()):
            assert port.rsplit(":", 1)[1] in instructions("EXPOSE")[0].split()
            assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("file", [*COMPOSE, MONITORING], ids=lambda file: file.stem)
def test_a_compose_file_is_one_by_its_specification_and_every_image_has_a_version(file):
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout

    others = {service["image"] for service in read(file)["services"].values()} - {"memorycapsule"}
    assert [image for image in others if not re.search(r":v?\d+(\.\d+)*$", image)] == []


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_what_services_name_is_declared_and_what_they_mount_of_the_project_is_there(file):
    together = watched(file)
    used: dict[str, set[str]] = {
        "volumes": set(),
        "configs": set(),
        "secrets": set(),
        "networks": {"default"},
    }
    for service in together["services"].values():
        assert set(service.get("depends_on", ())) <= set(together["services"])
        used["networks"] |= set(service.get("networks", ()))
        for part in ("configs", "secrets"):
            used[part] |= {one if isinstance(one, str) else one["source"] for one in service.get(part, ())}
        for name, _place in sources_of(service):
            if name.startswith("."):
                assert (CONTAINERS / name).exists(), name
            elif not name.startswith(("/", "$")):
                used["volumes"].add(name)

    assert used == {part: set(together[part]) for part in used} | {
        "networks": {"default", *together["networks"]}
    }
    assert all((CONTAINERS / config["file"]).exists() for config in together["configs"].values())


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_docker_compose_takes_the_file_and_what_watches_it(file, tmp_path):
    command = compose_program() or pytest.skip(
        "no docker compose here; the files are held to its specification"
    )
    folder = tmp_path / "deploy"
    shutil.copytree(PROJECT / "deploy", folder)
    (folder / "containers" / ".env").write_text("POSTGRES_PASSWORD=x\nCERTIFICATES=/certificates\n")
    for files in ([file], [file, MONITORING]):
        named = [word for one in files for word in ("-f", one.name)]
        done = subprocess.run(
            [*command, *named, "config", "--quiet"],
            cwd=folder / "containers",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_prometheus_asks_every_program_that_the_compose_files_start(file):
    together, addresses = watched(file), asked(file)
    ports = {name: service["environment"]["CAPSULE_METRICS__PORT"] for name, service in ours(file).items()}
    host = together["networks"]["monitoring"]["ipam"]["config"][0]["gateway"]

    assert addresses["capsule.yml"] == [f"{name}:{port}" for name, port in ports.items()]
    assert (
        f"--web.listen-address={addresses['node.yml'][0]}" in together["services"]["node-exporter"]["command"]
    )
    assert addresses["node.yml"][0].split(":")[0] == host
    others = [one.split(":")[0] for job, told in addresses.items() for one in told if job != "node.yml"]
    assert set(others) <= set(together["services"])
    assert ("nginx-exporter" in others) == ("nginx" in together["services"])


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_what_prometheus_reads_in_its_container_is_right_by_its_own_program(file, tmp_path):
    promtool = shutil.which("promtool") or is_missing(
        "No promtool here: install Debian's package prometheus."
    )
    together = watched(file)
    prometheus = together["services"]["prometheus"]
    places = {place: name for name, place in sources_of(prometheus) if name.startswith(".")}
    places |= {one["target"]: together["configs"][one["source"]]["file"] for one in prometheus["configs"]}
    for place, name in places.items():
        there = tmp_path / place.removeprefix("/etc/prometheus/")
        there.parent.mkdir(exist_ok=True)
        shutil.copy(CONTAINERS / name, there)
    done = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    assert set(asked(file)) == {
        Path(one).name for one in re.findall(r"targets/\w+\.yml", (tmp_path / "prometheus.yml").read_text())
    }


def test_alertmanager_finds_in_its_container_what_is_secret_where_its_file_says():
    import yaml

    told = yaml.safe_load((PROJECT / "deploy/monitoring/alertmanager.yml").read_text())["global"]
    mounted = {one["target"] for one in read(MONITORING)["services"]["alertmanager"]["secrets"]}

    assert mounted == {value for key, value in told.items() if key.endswith("_file")}


def test_nginx_passes_on_in_its_container_what_it_does_on_a_host():
    def told(file: Path) -> list[str]:
        place = re.search(r"^    location / \{\n(.*?)^    \}", file.read_text(), re.MULTILINE | re.DOTALL)[1]
        lines = [line.strip() for line in place.splitlines()]
        return [line for line in lines if line and not line.startswith(("#", "proxy_pass ", "set $pages "))]

    assert told(CONTAINERS / "nginx.conf") == told(PROJECT / "deploy" / "nginx.conf")


def test_grafana_reads_in_its_container_as_elsewhere_but_for_the_address():
    there = read(CONTAINERS / "grafana" / "prometheus.yml")
    elsewhere = read(PROJECT / "deploy/monitoring/grafana/provisioning/datasources/prometheus.yml")
    (source,), (other,) = there["datasources"], elsewhere["datasources"]

    assert source.pop("url") == "http://prometheus:9090"
    assert other.pop("url") == "http://127.0.0.1:9090"
    assert there == elsewhere


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
