"""The way of docs/en/server-died.md, command by command."""

import shutil
from pathlib import Path

import pytest

from integration.cli.instances import bitmap, due_capsule

INIT = ("init", "--yes", "--admin", "ada@example.org", "--name", "Ada")


@pytest.fixture
def usb(tmp_path: Path) -> Path:
    return tmp_path / "usb"


def lose_data(tmp_path: Path) -> dict[str, bytes]:
    """The disk with the data folder is gone; return the blobs that were on it."""
    blobs = blobs_in(tmp_path)
    shutil.rmtree(tmp_path / "data")
    return blobs


def blobs_in(tmp_path: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in (tmp_path / "data" / "blobs").rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_what_was_backed_up_comes_back_to_an_empty_folder_and_waits(summer, tmp_path, usb):
    story = summer("story", "add", "summer", "--title", "The sea", bitmap(tmp_path / "1.bmp"), "--json").json
    due_capsule()
    made = summer("backup", usb, "--verify", "--json").json
    assert made["verified"] == {
        "files": made["backup"]["files"],
        "bytes": made["backup"]["bytes"],
        "missing": [],
        "damaged": [],
        "wrong": [],
    }
    blobs = lose_data(tmp_path)

    restored = summer("restore", usb, "--json")
    assert restored.code == 0
    assert restored.json["restored"]["name"] == made["backup"]["name"]
    assert blobs_in(tmp_path) == blobs
    assert summer("story", "show", story["story"]["id"], "--json").json["story"]["title"] == "The sea"

    ticked = summer("tick", "--json")
    assert (ticked.code, ticked.json["opened"]) == (5, [])
    assert "capsule release" in ticked.json["doubt"]
    foretold = summer("release", "--dry-run", "--json").json
    assert [one["title"] for one in foretold["opened"]] == ["Old times"]
    assert summer("release", "--json").error["reason"] == "release_needs_yes"
    assert summer("release", "--yes", "--json").json["released"]
    assert summer("release", "--yes", "--json").json == {"schema": 1, "released": False, "held": None}
    assert not summer("tick", "--dry-run", "--json").json["doubt"]


def test_a_release_says_first_that_stored_files_are_missing(summer, tmp_path, usb):
    summer("story", "add", "summer", "--title", "The sea", bitmap(tmp_path / "1.bmp"))
    due_capsule()
    summer("backup", usb)
    lose_data(tmp_path)
    summer("restore", usb)
    assert "missing or damaged" not in summer("release", "--dry-run").err
    next((tmp_path / "data" / "blobs").glob("??/??/*")).unlink()

    foretold, released = summer("release", "--dry-run"), summer("release", "--yes")

    assert "! 1 thing that is stored is missing or damaged: `capsule verify` names it" in foretold.err
    assert "missing or damaged" in released.err
    assert released.code == 0


def test_where_an_instance_is_nothing_is_restored(summer, tmp_path, usb):
    summer("backup", usb)
    before = blobs_in(tmp_path), (tmp_path / "data" / "capsule.db").read_bytes()

    refused = summer("restore", usb, "--json")

    assert (refused.code, refused.error["reason"]) == (7, "restore_into_used_database")
    (tmp_path / "instance.key").unlink()
    assert summer("restore", usb, "--json").error["reason"] == "restore_into_used_database", (
        "no key is wanted"
    )
    assert (blobs_in(tmp_path), (tmp_path / "data" / "capsule.db").read_bytes()) == before


def test_without_the_key_file_nothing_is_restored_but_with_the_recovery_key(capsule, tmp_path, usb):
    paper = tmp_path / "paper"
    assert capsule(*INIT, "--recovery-file", paper).code == 0
    capsule("create", "Summer", "--opens", "in 10 years")
    story = capsule("story", "add", "summer", "--title", "The sea", "--text", "We swam.", "--json").json
    assert capsule("backup", usb).code == 0
    lose_data(tmp_path)
    (tmp_path / "instance.key").unlink()

    refused = capsule("restore", usb, "--json")
    assert (refused.code, refused.error["code"]) == (7, "key_missing")
    assert "--recover" in refused.error["message"]
    assert not (tmp_path / "data" / "capsule.db").exists()

    assert capsule("restore", usb, "--recovery-file", paper, "--json").code == 0
    assert capsule("key", "status").code == 0
    assert capsule("story", "show", story["story"]["id"], "--json").json["story"]["text"] == "We swam."


def test_a_backup_says_where_the_key_is_that_it_lacks(summer, usb, tmp_path):
    said = summer("backup", usb)

    assert said.code == 0
    assert str(tmp_path / "instance.key") in said.out.replace("\n", "")
    assert not any(b"AGE-SECRET-KEY" in path.read_bytes() for path in usb.rglob("*") if path.is_file())


def test_a_backup_into_the_data_folder_is_refused(summer, tmp_path):
    for folder in (tmp_path / "data", tmp_path / "data" / "backup", tmp_path):
        assert summer("backup", folder, "--json").error["reason"] == "backup_folder_inside"


def test_a_backup_needs_no_key(summer, usb, tmp_path):
    (tmp_path / "instance.key").rename(tmp_path / "elsewhere.key")

    assert summer("backup", usb).code == 0


def test_a_folder_without_backups_is_not_found(summer, usb):
    refused = summer("restore", usb, "--json")

    assert (refused.code, refused.error["reason"]) == (3, "no_backup")
