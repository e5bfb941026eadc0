"""A clone is brought up to date by one command, what fails is undone by itself, and one goes back later on."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
SITE_PACKAGES = Path(pytest.__file__).parents[1]
MIGRATIONS = "src/memorycapsule/store/migrations/versions"
VERSION = "src/memorycapsule/__init__.py"
NEWER = '''"""Of a newer version."""

from alembic import op

revision = "9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("{statement}")
'''


@dataclass
class House:
    """A clone of the project with an environment of its own, an instance, and where newer versions come from."""

    folder: Path

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    def capsule(self, *words: object, code: int = 0) -> dict:
        with self.begun(*words) as process:
            said, complained = process.communicate()
        assert process.returncode == code, said + complained
        return json.loads(said)

    def begun(self, *words: object) -> subprocess.Popen:
        """A command under way, in a process group of its own."""
        settings = {"CAPSULE_CONFIG": f"{self.folder}/config.toml", "CAPSULE_DATA_DIR": f"{self.folder}/data"}
        return subprocess.Popen(
            [self.clone / ".venv/bin/capsule", "--json", *map(str, words)],
            env={**os.environ, **settings, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def publish(self, version: str, *, migration: str) -> None:
        """Have a newer version where the clone came from, whose last migration runs a statement."""
        there = self.folder / "upstream"
        module = there / VERSION
        module.write_text(module.read_text().replace('"0.1.0"', f'"{version}"'))
        newest = max((there / MIGRATIONS).glob("0*.py")).name.partition("_")[0]
        (there / MIGRATIONS / "9999_newer.py").write_text(NEWER.format(before=newest, statement=migration))
        git(there, "add", "-A")
        git(there, "commit", "-q", "-m", version)


def git(folder: Path, *words: str) -> None:
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *person, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def house(tmp_path) -> House:
    made = House(tmp_path)
    git(tmp_path, "clone", "-q", str(PROJECT), "upstream")
    # What is not committed yet counts as well.
    for part in ("src", "tools"):
        shutil.copytree(
            PROJECT / part,
            tmp_path / "upstream" / part,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    git(tmp_path / "upstream", "add", "-A")
    git(tmp_path / "upstream", "commit", "-q", "--allow-empty", "-m", "0.1.0")
    git(tmp_path, "clone", "-q", "upstream", "clone")
    environment = made.clone / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python3*/site-packages")
    (packages / "all.pth").write_text(f"{made.clone / 'src'}\n{SITE_PACKAGES}\n")
    program = environment / "bin/capsule"
    program.write_text(
        f"#!{environment}/bin/python\nimport sys\nfrom memorycapsule.cli import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    # What `tools/setup.sh` has installed, by its own mark.
    mark = "{ cat requirements/runtime.lock pyproject.toml && pwd; } | cksum > .venv/.ready-runtime"
    subprocess.run(["sh", "-c", mark], cwd=made.clone, check=True)
    made.capsule("init", "--yes", "--admin", "ada@example.org")
    made.capsule("create", "Kept", "--opens", "2036-05-08", "--yes")
    return made


def test_an_update_backs_up_migrates_and_goes_back_when_somebody_wants_it(house):
    house.publish("0.2.0", migration="CREATE TABLE newer (id INTEGER)")
    told = house.capsule("update", house.folder / "backups")["update"]

    assert (told["from"], told["version"]) == ("0.1.0", "0.2.0")
    assert len(list((house.folder / "backups" / "backups").iterdir())) == 1
    assert house.capsule("db", "check")["database"]["revision"] == "9999"
    # Where nothing newer is found, the version before stays kept.
    assert house.capsule("update", house.folder / "backups")["update"]["changed"] is False
    assert house.capsule("update", "--back", "--yes")["update"]["version"] == "0.1.0"


def test_after_an_update_the_version_and_the_database_before_come_back(house):
    before = house.capsule("db", "check")["database"]["revision"]
    house.publish("0.2.0", migration="CREATE TABLE newer (id INTEGER)")
    house.capsule("update", house.folder / "backups")

    assert house.capsule("update", "--back", code=2)["error"]["reason"] == "update_back_needs_yes"
    assert house.capsule("update", "--back", "--yes")["update"]["version"] == "0.1.0"
    assert house.capsule("--version")["version"] == "0.1.0"
    assert house.capsule("db", "check")["database"]["revision"] == before
    assert [one["slug"] for one in house.capsule("list")["capsules"]] == ["kept"]
    assert list((house.folder / "data").glob("capsule.db.after-update-*"))
    assert house.capsule("update", "--back", code=3)["error"]["reason"] == "update_nothing_kept"


def test_an_update_whose_migration_fails_leaves_everything_as_it_was(house):
    house.publish("0.2.0", migration="CREATE TABLE capsule (id INTEGER)")
    error = house.capsule("update", house.folder / "backups", code=1)["error"]

    assert error["reason"] == "update_undone"
    assert house.capsule("--version")["version"] == "0.1.0"
    assert [one["slug"] for one in house.capsule("list")["capsules"]] == ["kept"]
    assert not list((house.folder / "data").glob("capsule.db.after-update-*"))


def test_an_update_whose_second_migration_fails_leaves_nothing_of_the_first(house):
    house.publish("0.2.0", migration="CREATE TABLE newer (id INTEGER)")
    there = house.folder / "upstream"
    second = NEWER.format(before="9999", statement="CREATE TABLE capsule (id INTEGER)").replace(
        'revision = "9999"', 'revision = "99999"', 1
    )
    (there / MIGRATIONS / "99999_newest.py").write_text(second)
    git(there, "add", "-A")
    git(there, "commit", "-q", "-m", "two")

    assert house.capsule("update", house.folder / "backups", code=1)["error"]["reason"] == "update_undone"
    assert house.capsule("--version")["version"] == "0.1.0"
    assert [one["slug"] for one in house.capsule("list")["capsules"]] == ["kept"]
    with closing(sqlite3.connect(house.folder / "data" / "capsule.db")) as database:
        assert not database.execute("SELECT name FROM sqlite_master WHERE name = 'newer'").fetchall()


def test_an_update_that_is_cut_off_behind_its_migration_puts_the_database_back_as_well(house):
    door = house.folder / "upstream/src/memorycapsule/cli/commands/maintenance.py"
    told = "    after = schema.newest_revision()\n"
    assert told in door.read_text()
    door.write_text(door.read_text().replace(told, f"    raise SystemExit(9)\n{told}"))
    house.publish("0.2.0", migration="CREATE TABLE newer (id INTEGER)")

    assert house.capsule("update", house.folder / "backups", code=1)["error"]["reason"] == "update_undone"
    assert house.capsule("--version")["version"] == "0.1.0"
    assert [one["slug"] for one in house.capsule("list")["capsules"]] == ["kept"]


def test_an_update_waits_for_whoever_works_in_the_data_folder(house):
    from memorycapsule.work.lock import FolderLock

    with FolderLock(house.folder / "data"):
        assert (
            house.capsule("update", house.folder / "backups", code=7)["error"]["reason"]
            == "update_beside_daemon"
        )
    assert house.capsule("update", code=2)["error"]["reason"] == "update_folder_or_back"
    wheel = ("update", house.folder / "backups", "--package", "memorycapsule.whl")
    assert house.capsule(*wheel, code=2)["error"]["reason"] == "update_package_of_tool"


def test_an_update_that_was_cut_off_keeps_the_way_back(house):
    setup = house.folder / "upstream/tools/setup.sh"
    working = setup.read_text()
    fetching = house.folder / "fetching"
    os.mkfifo(fetching)
    setup.write_text(f"#!/bin/sh\necho begun > {fetching}\nexec cat {fetching}\n")
    house.publish("0.2.0", migration="CREATE TABLE newer (id INTEGER)")
    with house.begun("update", house.folder / "backups") as update:
        assert fetching.read_text() == "begun\n"
        os.killpg(update.pid, signal.SIGKILL)
    setup.write_text(working)
    git(house.folder / "upstream", "commit", "-qam", "mended")

    again = house.capsule("update", house.folder / "backups", code=7)["error"]
    assert again["reason"] == "update_cut_off"
    assert house.capsule("update", "--back", "--yes")["update"]["version"] == "0.1.0"
    assert [one["slug"] for one in house.capsule("list")["capsules"]] == ["kept"]
    assert house.capsule("update", house.folder / "backups")["update"]["version"] == "0.2.0"
    assert house.capsule("update", "--back", "--yes")["update"]["version"] == "0.1.0"
