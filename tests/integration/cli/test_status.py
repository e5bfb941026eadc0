"""How the instance is, on one screen: what opens, what waits, and what is wrong."""

import pytest

from integration.cli.instances import join


def test_one_screen_says_what_opens_what_waits_and_that_nothing_is_wrong(summer):
    said = summer("status")

    assert said.code == 0
    assert "Summer" in said.out
    assert "No daemon runs" in said.out
    assert "Waiting: letters 0, films 0." in said.out
    assert "No backup yet." in said.out
    assert said.out.splitlines()[-1] == "Nothing is wrong."


@pytest.mark.slow
def test_programs_read_the_same(summer, tmp_path):
    summer("invite", "summer", "ben@example.org")
    summer("backup", tmp_path / "copy")
    found = summer("status", "--json").json["status"]

    assert [one["title"] for one in found["openings"]] == ["Summer"]
    assert (found["works"], found["url"], found["letters_paused"]) == (False, None, None)
    assert found["backed_up_at"].endswith("Z")
    assert found["free_bytes"] > 0
    assert found["notices"] == []


@pytest.mark.slow
def test_a_few_photos_are_not_said_to_take_no_room(summer, photos):
    summer("story", "add", "summer", next(photos.rglob("*.jpg")))

    space = next(line for line in summer("status").out.splitlines() if line.startswith("Space:"))

    assert space.endswith(" MB are stored.")
    assert not space.endswith(" 0 MB are stored.")


def test_only_the_admin_sees_it(summer):
    assert summer("status", token=join(summer)).code == 8
