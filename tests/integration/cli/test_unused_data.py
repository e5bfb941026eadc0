"""A database that is missing, older or another one costs no file: init refuses, the sweep keeps, the doctor says it."""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from integration.cli.instances import bitmap, opened_app
from memorycapsule.journal import journal
from memorycapsule.work import ticks

INIT = ("init", "--yes", "--admin", "ada@example.org", "--json")
#: What needs an instance, each by another way in.
COMMANDS = (
    ["list"],
    ["tick"],
    ["daemon", "--port", "0"],
    ["db", "check"],
    ["db", "upgrade"],
    ["key", "status"],
)
#: How often a photo is kept: as it came, to look at, and small.
FORMS = 3


def add_photo(summer, tmp_path: Path, number: int) -> str:
    photo = bitmap(tmp_path / f"{number}.bmp", number)
    added = summer("story", "add", "summer", "--title", "x", photo, "--json")
    assert added.code == 0, added.out
    return str(added.json["story"]["id"])


def blob_files(tmp_path: Path) -> set[Path]:
    return {path for path in (tmp_path / "data" / "blobs").glob("??/??/*") if path.is_file()}


def everything(tmp_path: Path) -> dict[str, bytes]:
    """Every file with its bytes; without the lock, which any look at the folder may make."""
    return {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }


def make_old(tmp_path: Path) -> None:
    before = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    for path in blob_files(tmp_path):
        os.utime(path, (before, before))


def lose_database(tmp_path: Path) -> None:
    for path in (tmp_path / "data").glob("capsule.db*"):
        path.unlink()


def copy_database(source: Path, target: Path) -> None:
    """Make a whole copy while others may be writing, as a nightly dump does."""
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def sweep() -> list[dict[str, object]]:
    """Do what the daemon does when it starts and once a day; what it logs about unknown files."""
    journal.set_up_with(None)  # a command that ran before would have silenced it
    with capture_logs() as said, opened_app() as app:
        ticks.sweep(app)
    return [dict(event) for event in said if event["event"] == "blobs.unknown"]


def stored_files(capsule) -> dict[str, str]:
    findings = capsule("doctor", "--json").json["findings"]
    (found,) = [one for one in findings if one["what"] == "stored files"]
    return found


def test_where_the_database_is_lost_init_refuses_and_nobody_advises_it(summer, tmp_path):
    add_photo(summer, tmp_path, 1)
    make_old(tmp_path)
    copy_database(tmp_path / "data" / "capsule.db", tmp_path / "last-good.db")
    lose_database(tmp_path)
    before = everything(tmp_path)

    for words in (INIT, *COMMANDS):
        said = summer(*words, *([] if "--json" in words else ["--json"]))
        assert (said.code, said.error["code"]) == (7, "data_not_used"), words
        assert f"{FORMS} stored files in {tmp_path / 'data' / 'blobs'}" in said.error["message"]
        assert "from a backup" in said.error["message"]
        assert "capsule init" not in said.error["message"]
    assert "✗ instance: There is no instance in the database" in summer("doctor").out
    assert everything(tmp_path) == before

    shutil.copy(tmp_path / "last-good.db", tmp_path / "data" / "capsule.db")
    assert summer("list", "--json").json["capsules"][0]["slug"] == "summer"
    assert stored_files(summer)["state"] == "good"


def test_init_refuses_before_it_writes_anything(summer, tmp_path):
    """Neither key nor configuration is made, and an empty file stays one."""
    add_photo(summer, tmp_path, 1)
    lose_database(tmp_path)
    (tmp_path / "data" / "capsule.db").touch()
    for name in ("instance.key", "config.toml", "recovery.key"):
        (tmp_path / name).unlink(missing_ok=True)
    before = everything(tmp_path)
    recovery = tmp_path / "elsewhere" / "recovery.key"

    said = summer(*INIT, "--recovery-file", recovery)

    assert (said.code, said.error["code"]) == (7, "data_not_used")
    assert f"{FORMS} stored files" in said.error["message"]
    assert everything(tmp_path) == before
    assert not recovery.parent.exists()


def test_an_empty_database_stays_empty_where_a_command_refuses(summer, tmp_path):
    add_photo(summer, tmp_path, 1)
    lose_database(tmp_path)
    (tmp_path / "data" / "capsule.db").touch()

    said = summer("list", "--json")

    assert (said.code, said.error["code"]) == (7, "data_not_used")
    assert (tmp_path / "data" / "capsule.db").stat().st_size == 0


def test_a_half_made_database_beside_stored_files_is_no_reason_to_go_on(summer, tmp_path):
    """Its tables are there and the instance's row is not: a run of init that was cut off."""
    add_photo(summer, tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / "data" / "capsule.db")) as database, database:
        database.execute("DELETE FROM instance")

    for words in (INIT, ["list", "--json"], ["key", "status", "--json"]):
        said = summer(*words)
        assert (said.code, said.error["code"]) == (7, "data_not_used"), words


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def other_url(request, tmp_path):
    """The URL of an empty database that is not the one of the data folder."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    server = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.mark.parametrize("with_photo", [False, True], ids=["words", "photo"])
def test_another_store_url_beside_the_old_database_is_refused(
    summer, tmp_path, other_url, monkeypatch, with_photo
):
    """An instance that holds words alone has no blob; then its database is all that is there."""
    story = add_photo(summer, tmp_path, 1) if with_photo else None
    make_old(tmp_path)
    monkeypatch.setenv("CAPSULE_STORE_URL", other_url)
    before = everything(tmp_path)

    for words in (INIT, *COMMANDS):
        said = summer(*words, *([] if "--json" in words else ["--json"]))
        assert (said.code, said.error["code"]) == (7, "data_not_used"), words
        assert str(tmp_path / "data" / "capsule.db") in said.error["message"]
        assert (f"{FORMS} stored files" in said.error["message"]) is with_photo
        assert "capsule init" not in said.error["message"]
    after = {
        name: content for name, content in everything(tmp_path).items() if not name.startswith("other.db")
    }
    assert after == before

    monkeypatch.delenv("CAPSULE_STORE_URL")
    assert stored_files(summer)["state"] == "good"
    if story:
        assert summer("story", "show", story).code == 0


@pytest.mark.slow
def test_no_password_stands_in_the_refusal(summer, tmp_path, postgres, monkeypatch):
    """The database is named as `config show` does."""
    url = postgres.create_database()
    monkeypatch.setenv("CAPSULE_STORE_URL", url + ("&" if "?" in url else "?") + "password=hunter2")
    said = summer(*INIT)
    postgres.drop_database(url)

    assert (said.code, "hunter2" in said.out + said.err) == (7, False)
    assert "postgresql+psycopg://" in said.error["message"]


def test_an_older_database_put_back_costs_no_newer_photo(summer, tmp_path):
    """A nightly dump over the photo folder of today: the sweep keeps all, and the newest database brings all back."""
    database = tmp_path / "data" / "capsule.db"
    add_photo(summer, tmp_path, 1)
    copy_database(database, tmp_path / "nightly.db")
    second = add_photo(summer, tmp_path, 2)
    copy_database(database, tmp_path / "newest.db")
    make_old(tmp_path)
    before = {path: path.read_bytes() for path in blob_files(tmp_path)}
    lose_database(tmp_path)
    shutil.copy(tmp_path / "nightly.db", database)

    (logged,) = sweep()
    unknown = sum(path.stat().st_size for path in blob_files(tmp_path)) - known_bytes(database)
    assert (logged["log_level"], logged["count"], logged["bytes"]) == ("warning", FORMS, unknown)
    assert set(logged) == {"event", "log_level", "count", "bytes", "reason"}, "no id stands in the log"
    assert logged["reason"] == "files_of_other_database"
    assert {path: path.read_bytes() for path in blob_files(tmp_path)} == before
    found = stored_files(summer)
    assert found["state"] == "warning"
    assert f"{FORMS} files (" in found["says"]
    assert str(tmp_path / "data" / "blobs") in found["says"]
    assert summer("doctor").code == 0

    lose_database(tmp_path)
    shutil.copy(tmp_path / "newest.db", database)
    assert sweep() == []
    assert summer("story", "show", second).code == 0
    assert stored_files(summer)["state"] == "good"


def start_daemon() -> None:
    """Do what the daemon does first, and what it does once a day."""
    with opened_app() as app:
        ticks.settle(app)
        ticks.tick(app)
        ticks.sweep(app)


def test_no_step_on_the_way_to_the_wrong_database_and_back_costs_a_file(
    summer, capsule, tmp_path, monkeypatch
):
    """What once deleted all photos: a lost database, the advice to make a new one, a start of the daemon, the old one."""
    database = tmp_path / "data" / "capsule.db"
    add_photo(summer, tmp_path, 1)
    make_old(tmp_path)
    copy_database(database, tmp_path / "last-good.db")
    older = add_photo(summer, tmp_path, 2)
    make_old(tmp_path)
    copy_database(database, tmp_path / "newest.db")
    before = {path: path.read_bytes() for path in blob_files(tmp_path)}

    def nothing_is_lost() -> bool:
        return {path: path.read_bytes() for path in blob_files(tmp_path)} == before

    lose_database(tmp_path)
    for words in (["list"], [*INIT], ["daemon", "--port", "0"], ["tick"]):
        assert summer(*words).code == 7
        assert nothing_is_lost(), words

    # A database of another instance, under the same key, as the old advice would have made it.
    stash = tmp_path / "stash"
    (tmp_path / "data").rename(stash)
    (tmp_path / "instance.key").rename(tmp_path / "first.key")
    for name in ("config.toml", "recovery.key"):
        (tmp_path / name).unlink(missing_ok=True)
    assert capsule(*INIT).code == 0
    (tmp_path / "data" / "capsule.db").rename(tmp_path / "other.db")
    shutil.rmtree(tmp_path / "data")
    stash.rename(tmp_path / "data")
    shutil.copy(tmp_path / "other.db", database)
    start_daemon()
    assert nothing_is_lost()

    lose_database(tmp_path)
    (tmp_path / "first.key").replace(tmp_path / "instance.key")
    shutil.copy(tmp_path / "last-good.db", database)
    start_daemon()
    assert nothing_is_lost()
    assert summer("release", "--yes").code == 0
    start_daemon()
    assert {
        path.name: path.read_bytes()
        for path in (tmp_path / "data" / "blobs").rglob("*-*-*")
        if path.is_file()
    } == {path.name: content for path, content in before.items()}, (
        "some lie in the trash now: somebody has said that this is the database"
    )

    lose_database(tmp_path)
    shutil.copy(tmp_path / "newest.db", database)
    assert summer("verify", "--deep").code == 0
    assert summer("story", "show", older).code == 0
    start_daemon()
    assert nothing_is_lost()


def known_bytes(database: Path) -> int:
    with closing(sqlite3.connect(database)) as opened:
        return int(opened.execute("SELECT sum(bytes) FROM blob").fetchone()[0])


def test_the_doctor_leaves_out_what_somebody_is_putting_in_at_this_moment(summer, tmp_path):
    add_photo(summer, tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / "data" / "capsule.db")) as opened, opened:
        opened.execute("PRAGMA foreign_keys=OFF")
        opened.execute("DELETE FROM blob WHERE id = (SELECT min(id) FROM blob)")

    assert stored_files(summer)["state"] == "good"
    make_old(tmp_path)
    assert "! stored files: 1 file (" in summer("doctor").out


@pytest.mark.slow
def test_a_database_without_an_encoding_becomes_no_instance_and_that_is_said(
    capsule, tmp_path, postgres, monkeypatch
):
    monkeypatch.setenv("CAPSULE_STORE_URL", postgres.create_database_of_bytes())

    refused = capsule(*INIT)

    assert (refused.code, refused.error["reason"]) == (7, "store_without_encoding")
    assert "--encoding=UTF8" in refused.error["message"]
