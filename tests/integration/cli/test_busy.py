"""What the machine was too busy to read is tried once more at the end, and then named as not in yet."""

import pytest

from integration.cli.instances import bitmap
from support.busy import FailingStarts

ADD = ("story", "add", "summer", "--json")
SMALL = ("--size", "160x90", "--fps", "10", "--theme", "classic", "--length", "short", "--json")


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(4):
        bitmap(folder / f"IMG_{number}.bmp", number)
    return folder


def test_a_photo_that_was_postponed_is_in_at_the_end_in_its_place(summer, album, tmp_path, monkeypatch):
    failing = FailingStarts(monkeypatch, tmp_path, 1)
    said = summer(*ADD, album)

    assert failing.starts > 1
    assert said.code == 0
    assert [one["file"] for one in said.json["media"]] == [str(album / f"IMG_{n}.bmp") for n in range(4)]
    assert [one["position"] for one in said.json["media"]] == [0, 1, 2, 3]
    assert (said.json["refused"], said.json["not_in_yet"]) == ([], [])


def test_photos_that_cannot_be_read_now_are_named_as_not_in_yet_and_not_as_damaged(
    summer, album, tmp_path, monkeypatch
):
    (album / "words.jpg").write_text("only words")
    failing = FailingStarts(monkeypatch, tmp_path)
    said = summer(*ADD, album)
    korean = summer("--lang", "ko", "story", "add", "summer", album)
    failing.end()
    later = summer("story", "add", "summer", "--json", "--to", said.json["story"]["id"], album)

    assert said.code == korean.code == 5
    assert said.json["media"] == []
    assert [one["file"] for one in said.json["refused"]] == [str(album / "words.jpg")]
    assert [one["file"] for one in said.json["not_in_yet"]] == [str(album / f"IMG_{n}.bmp") for n in range(4)]
    assert {one["code"] for one in said.json["not_in_yet"]} == {"postponed"}
    assert f"not in yet: {album / 'IMG_0.bmp'}" in said.err
    assert said.err.count("This machine was too busy") == 1
    assert "damaged" not in said.err
    assert f"아직 담지 못했어요: {album / 'IMG_0.bmp'}" in korean.err
    assert "지금은 이 컴퓨터가 바빠서" in korean.err
    assert "아직 담지 못한 것 4개" in korean.out
    assert len(later.json["media"]) == 4


def test_a_story_of_nothing_but_postponed_photos_is_kept_to_be_filled(summer, album, tmp_path, monkeypatch):
    FailingStarts(monkeypatch, tmp_path)
    said = summer(*ADD, album)

    assert summer("story", "show", said.json["story"]["id"]).code == 0


@pytest.mark.slow
def test_a_film_has_the_photos_that_were_postponed_at_first(capsule, album, tmp_path, monkeypatch):
    FailingStarts(monkeypatch, tmp_path, 1)
    said = capsule("render", album, "-o", tmp_path / "film.mp4", *SMALL)

    assert said.code == 0
    assert (said.json["film"]["pictures"], said.json["not_in_yet"]) == (4, [])


def test_a_film_without_what_cannot_be_read_now_names_it(capsule, album, tmp_path, monkeypatch):
    FailingStarts(monkeypatch, tmp_path)
    said = capsule("render", album, "-o", tmp_path / "film.mp4", *SMALL)

    assert (said.code, said.json["error"]["code"]) == (6, "postponed")
    assert "not in yet" in said.err
    assert not (tmp_path / "film.mp4").exists()
