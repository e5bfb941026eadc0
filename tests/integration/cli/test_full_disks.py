"""
A small disk that fills up, at each stage and with little left: whole or not at all, said in those words, and it goes on.

A due capsule opens and its letter leaves on any of them. A fixed fifth of the rows is in CI, the rest runs at night.
"""

import json
import shutil
import sqlite3

import pytest

from integration.cli.instances import bitmap, due_capsule, opened_app
from support.small_disks import small_disk

KB, MB = 1024, 1024 * 1024
LEFT = (0, 64 * KB, MB)
FULL = "The disk is full"


def rows(*of_every_day: int):
    """The bytes that are left in each row; only some are of every day."""
    return [
        pytest.param(left, marks=[] if left in of_every_day else pytest.mark.nightly, id=f"{left // KB}k")
        for left in LEFT
    ]


@pytest.fixture
def small(initialised, tmp_path, monkeypatch):
    """The data folder of the instance lies on a disk of 40 MB, and letters do not wait for films."""
    monkeypatch.setenv("CAPSULE_MAIL__RENDER_GRACE_SECONDS", "0")
    data = tmp_path / "data"
    data.rename(tmp_path / "before")
    with small_disk(data, megabytes=40) as small:
        shutil.copytree(tmp_path / "before", data, dirs_exist_ok=True)
        yield small


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    return [bitmap(folder / f"{number}.bmp", number) for number in range(3)]


def is_whole(tmp_path):
    with sqlite3.connect(tmp_path / "data" / "capsule.db") as database:
        return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def pass_time():
    """Let the films that wait have waited long enough."""
    with opened_app() as app, app.store.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE montage SET not_before = queued_at")
        connection.commit()


@pytest.mark.slow
@pytest.mark.parametrize("left", rows(0))
def test_a_due_capsule_opens_and_its_letter_leaves_and_the_film_follows_when_there_is_room(
    initialised, small, tmp_path, left
):
    assert initialised("tick").code == 0
    due_capsule()
    small.fill(but_bytes=left)

    ticked = initialised("tick", "--json")
    assert ticked.code == 5
    assert [one["title"] for one in ticked.json["opened"]] == ["Old times"]
    assert ticked.json["letters"] == {"sent": 1, "retrying": 0, "rejected": 0, "unknown": 0, "waiting": 0}
    assert [one["reasons"][-1]["reason"] for one in ticked.json["unmade"]] == ["disk_full"]
    pass_time()
    again = initialised("tick")
    assert again.code == 5
    assert FULL in again.err

    small.empty()
    pass_time()
    back = initialised("tick", "--json")
    assert back.code == 0
    assert len(back.json["films"]) == 1
    assert back.json["letters"]["sent"] == 1, "the film is there"
    assert initialised("tick").code == 0
    assert (tmp_path / "data" / "reserve").stat().st_size == 8 * MB
    assert is_whole(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("left", rows(64 * KB))
def test_photos_are_in_or_not_and_go_in_later(initialised, small, tmp_path, pictures, left):
    initialised("create", "Summer", "--opens", "in 10 years")
    small.fill(but_bytes=left)
    said = initialised("story", "add", "summer", *pictures)

    assert said.code == 1
    assert FULL in said.err
    small.empty()
    assert is_whole(tmp_path)
    assert initialised("story", "add", "summer", *pictures).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("left", rows(MB))
def test_an_instance_is_there_or_not_and_is_made_later(capsule, tmp_path, left):
    with small_disk(tmp_path / "data", megabytes=40) as small:
        small.fill(but_bytes=left)
        first = capsule("init", "--yes", "--admin", "ada@example.org", "--json")
        small.empty()
        second = capsule("init", "--yes", "--admin", "ada@example.org", "--json")

        assert (first.code, second.code) in {(0, 7), (1, 0)}
        if first.code:
            assert first.error["code"] == "disk_full"
        assert capsule("key", "status").code == 0
        assert is_whole(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("left", rows())
def test_a_key_is_replaced_or_not_and_later_it_is(initialised, small, tmp_path, left):
    initialised("create", "Summer", "--opens", "in 10 years")
    small.fill(but_bytes=left)
    said = initialised("key", "rotate", "--json")

    assert said.code in {0, 1}
    if said.code:
        assert said.error["code"] == "disk_full"
    small.empty()
    assert initialised("key", "rotate").code == 0
    assert initialised("show", "summer").code == 0
    assert is_whole(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("left", rows())
def test_every_command_that_cannot_work_says_why(initialised, small, left):
    small.fill(but_bytes=left)
    for words in (["list"], ["key", "status"], ["mail", "outbox"], ["create", "Summer", "--opens", "+1y"]):
        said = initialised(*words, "--json")
        assert said.code == 0 or json.loads(said.out)["error"]["code"] == "disk_full", words
