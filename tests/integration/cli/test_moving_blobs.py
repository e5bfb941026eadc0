"""`capsule blobs move`: stored files go on in another place, and the old one stays as it is."""

import json

import pytest

from memorycapsule.work.lock import FolderLock
from support.cast import make_photo

pytestmark = pytest.mark.slow


@pytest.fixture
def old(tmp_path):
    return tmp_path / "data" / "blobs"


@pytest.fixture
def new(tmp_path):
    return tmp_path / "elsewhere"


@pytest.fixture
def covered(summer, tmp_path):
    """One file is stored: a cover."""
    (tmp_path / "cover.jpg").write_bytes(make_photo())
    assert summer("edit", "summer", "--cover", tmp_path / "cover.jpg").code == 0
    return summer


def files(folder):
    return {path.name: path.read_bytes() for path in folder.glob("??/??/*")}


def test_files_go_on_in_the_new_place_and_the_old_one_keeps_them(covered, old, new, tmp_path):
    before = files(old)
    moved = covered("blobs", "move", old, new, "--json")

    assert moved.code == 0
    assert moved.json["moved"] == {
        "from": f"file://{old}",
        "to": f"file://{new}",
        "files": 1,
        "bytes": sum(map(len, before.values())),
        "new_files": 1,
        "missing": [],
        "switched": True,
    }
    assert files(new) == files(old) == before
    assert f'blobs_url = "file://{new}"' in (tmp_path / "config.toml").read_text()
    assert covered("verify", "--deep", "--json").json["verify"]["files"] == 1
    assert covered("edit", "summer", "--cover", tmp_path / "cover.jpg").code == 0
    assert files(old) == before != files(new)


def test_people_are_told_what_became_of_them(covered, old, new):
    said = covered("blobs", "move", old, new)
    assert "1 stored file is in" in said.out + said.err
    assert "was read back there" in said.out + said.err


def test_the_old_place_is_refused_afterwards(covered, old, new, monkeypatch):
    covered("blobs", "move", old, new)
    monkeypatch.setenv("CAPSULE_BLOBS_URL", f"file://{old}")
    said = covered("list", "--json")
    assert (said.code, said.json["error"]["reason"]) == (7, "blobs_moved")


def test_beside_a_daemon_all_is_copied_and_the_last_step_waits(covered, old, new, tmp_path):
    with FolderLock(tmp_path / "data"):
        busy = covered("blobs", "move", old, new, "--json")
        assert (busy.code, busy.json["error"]["code"], busy.json["error"]["reason"]) == (
            6,
            "busy",
            "blobs_move_waits",
        )
        assert files(new) == files(old)
        assert covered("list").code == 0
    again = covered("blobs", "move", old, new, "--json").json["moved"]
    assert (again["new_files"], again["switched"]) == (0, True)


def test_a_place_that_is_set_by_a_variable_is_switched_by_a_person(covered, old, new, monkeypatch):
    monkeypatch.setenv("CAPSULE_BLOBS_URL", f"file://{old}")
    first = covered("blobs", "move", old, new, "--json")
    assert (first.code, first.json["moved"]["switched"]) == (0, False)
    assert covered("verify", "--json").code == 0

    monkeypatch.setenv("CAPSULE_BLOBS_URL", f"file://{new}")
    assert covered("blobs", "move", old, new, "--json").json["moved"]["switched"]
    assert covered("verify", "--deep", "--json").code == 0
    assert "moved_to" in json.loads((old / ".history").read_text())


def test_a_place_that_is_used_already_can_be_used_while_the_rest_comes(
    covered, old, new, tmp_path, monkeypatch
):
    monkeypatch.setenv("CAPSULE_BLOBS_URL", f"file://{old}")
    covered("blobs", "move", old, new)
    monkeypatch.setenv("CAPSULE_BLOBS_URL", f"file://{new}")
    with FolderLock(tmp_path / "data"):
        assert covered("blobs", "move", old, new).code == 6
        assert covered("list").code == 0
    assert covered("blobs", "move", old, new).code == 0


def test_what_is_missing_is_named(covered, old, new):
    (only,) = files(old)
    (old / only[:2] / only[2:4] / only).unlink()
    said = covered("blobs", "move", old, new, "--json")
    assert (said.code, said.json["moved"]["missing"]) == (5, [only])


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("other", "new", "blobs_move_elsewhere"),
        ("old", "old", "blobs_move_elsewhere"),
        ("old", "s3://", "blobs_place_wrong"),
        ("old", "s3://Not a bucket/x", "blobs_place_wrong"),
    ],
)
def test_a_move_that_cannot_be_meant_is_refused(covered, old, new, tmp_path, source, target, reason):
    places = {"old": old, "new": new, "other": tmp_path / "other"}
    said = covered("blobs", "move", places.get(source, source), places.get(target, target), "--json")
    assert (said.code, said.json["error"]["reason"]) == (2, reason)
    assert not new.exists()


@pytest.mark.slow
def test_without_its_bucket_an_instance_says_so_and_does_what_needs_no_files(covered, monkeypatch):
    """Nothing listens at that port."""
    for name, value in (
        ("ENDPOINT", "http://127.0.0.1:9"),
        ("ACCESS_KEY_ID", "a"),
        ("SECRET_ACCESS_KEY", "b"),
    ):
        monkeypatch.setenv(f"CAPSULE_S3__{name}", value)
    monkeypatch.setenv("CAPSULE_BLOBS_URL", "s3://family/capsule")

    assert covered("list").code == 0
    assert "storage of files does not do what is asked" in covered("doctor").out
    verified = covered("verify", "--json")
    assert (verified.code, verified.json["error"]["reason"]) == (6, "blob_storage_unreachable")
