"""verify and repair: what a person reads and a program gets of damage, and how it is brought back."""

import os
import shutil
import sqlite3
from contextlib import closing

from integration.cli.instances import bitmap, opened_app


def add_photos(summer, tmp_path, count=2):
    photos = [bitmap(tmp_path / f"{number}.bmp", number) for number in range(count)]
    added = summer("story", "add", "summer", "--title", "x", *photos, "--json")
    assert added.code == 0, added.out
    return str(added.json["story"]["id"]), photos


def stored(tmp_path):
    return sorted(path for path in (tmp_path / "data" / "blobs").glob("??/??/*") if path.is_file())


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_what_is_whole_is_said_to_be(summer, tmp_path):
    add_photos(summer, tmp_path)

    quick, deep = summer("verify", "--json"), summer("verify", "--deep", "--json")

    expected = {"whole": True, "capsules": 1, "files": 6, "damage": []}
    size = sum(path.stat().st_size for path in stored(tmp_path))
    assert (quick.code, quick.json["verify"]) == (0, {**expected, "deep": False, "bytes": size})
    assert (deep.code, deep.json["verify"]) == (0, {**expected, "deep": True, "bytes": size})
    assert "6 stored files" in summer("verify").out + summer("verify").err


def test_damage_is_named_makes_the_doctor_ill_and_is_repaired_from_a_copy(summer, tmp_path):
    add_photos(summer, tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "data" / "blobs", copy)
    before = {path: path.read_bytes() for path in stored(tmp_path)}
    damaged, missing, *_rest = stored(tmp_path)
    flip(damaged)
    missing.unlink()

    said = summer("verify", "--deep", "--json")
    assert said.code == 1
    assert {(one["kind"], one["id"]) for one in said.json["verify"]["damage"]} == {
        ("blob_changed", damaged.name),
        ("blob_missing", missing.name),
    }
    shown = summer("verify")
    assert shown.code == 1
    assert f"✗ a stored file has changed: {damaged.name}" in shown.out
    ill = summer("doctor", "--json")
    assert (ill.code, ill.json["healthy"]) == (7, False)

    repaired = summer("repair", "--from", copy, "--json")
    assert repaired.code == 0, repaired.out
    assert len(repaired.json["repair"]["mended"]) == 2
    assert {path: path.read_bytes() for path in stored(tmp_path)} == before
    assert summer("repair", "--from", copy).out.startswith("Nothing is damaged")
    assert summer("verify", "--deep").code == 0
    assert summer("doctor").code == 0


def test_on_a_disk_that_is_not_mounted_nothing_is_done_and_a_repair_goes_on_where_it_is_lost(
    summer, tmp_path
):
    """A film without a photo would be made, and what came in would be hidden once the disk is there."""
    add_photos(summer, tmp_path)
    blobs, disk = tmp_path / "data" / "blobs", tmp_path / "disk"
    blobs.rename(disk)
    blobs.mkdir()

    refused = summer("tick")
    assert refused.code == 7
    assert f"{blobs} is empty: is its disk mounted?" in refused.err
    assert summer("doctor").code == 7
    assert list(blobs.iterdir()) == []

    blobs.rmdir()
    disk.rename(blobs)
    assert summer("tick").code == 0
    assert summer("verify", "--deep").code == 0

    kept = tmp_path / "kept"
    blobs.rename(kept)
    blobs.mkdir()
    next(kept.glob("??/??/*")).unlink()
    assert summer("repair", "--from", kept).code in {0, 1}
    assert len(stored(tmp_path)) >= 5
    assert summer("tick").code == 0


def test_what_no_copy_has_is_left_and_said(summer, tmp_path):
    add_photos(summer, tmp_path)
    with closing(sqlite3.connect(tmp_path / "data" / "capsule.db")) as opened:
        (original,) = opened.execute("SELECT min(original_blob) FROM medium").fetchone()
    (missing,) = (path for path in stored(tmp_path) if path.name == original)
    missing.unlink()
    (tmp_path / "empty").mkdir()

    said = summer("repair", "--from", tmp_path / "empty", "--json")

    assert said.code == 1
    assert [one["id"] for one in said.json["repair"]["left"]] == [missing.name]
    nowhere = summer("repair", "--from", tmp_path / "nowhere", "--json")
    assert (nowhere.code, nowhere.error["reason"]) == (1, "repair_folder_missing")


def test_the_same_photo_put_in_again_is_no_duplicate_where_it_was_damaged(summer, tmp_path):
    story, photos = add_photos(summer, tmp_path)
    for path in stored(tmp_path):
        flip(path)
    assert summer("verify", "--deep").code == 1

    again = summer("story", "add", "summer", "--to", story, *photos, "--json")

    assert (len(again.json["media"]), again.json["duplicates"]) == (2, [])
    assert summer("verify", "--deep").code == 0
    assert len(stored(tmp_path)) == 6
    once_more = summer("story", "add", "summer", "--to", story, *photos, "--json")
    assert (once_more.json["media"], len(once_more.json["duplicates"])) == ([], 2)


def test_a_file_that_is_put_back_by_hand_is_whole_again(summer, tmp_path):
    add_photos(summer, tmp_path)
    path = stored(tmp_path)[0]
    content = path.read_bytes()
    flip(path)
    assert summer("verify", "--deep").code == 1
    path.write_bytes(content)
    (tmp_path / "empty").mkdir()

    assert summer("repair", "--from", tmp_path / "empty").code == 0
    assert summer("verify", "--deep").code == 0


def test_a_database_that_cannot_be_opened_is_damage(summer, tmp_path):
    add_photos(summer, tmp_path)
    with opened_app():
        pass
    database = tmp_path / "data" / "capsule.db"
    for beside in database.parent.glob("capsule.db-*"):
        beside.unlink()
    with database.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(60))

    said = summer("verify", "--json")

    assert said.code == 1, said.out
    assert {one["kind"] for one in said.json["verify"]["damage"]} == {"database"}
