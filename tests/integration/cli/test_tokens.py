"""CAPSULE_TOKEN: whoever gives one acts as its owner, and as nobody more."""

import pytest


@pytest.fixture
def bens(summer):
    """The token of Ben, a member who owns nothing."""
    token = summer("invite", "summer", "ben@example.org", "--json").json["invitations"][0]["token"]
    return summer("join", token, "--json").json["token"]


def test_an_empty_token_is_nobodys_and_not_the_admins(summer, monkeypatch):
    monkeypatch.setenv("CAPSULE_TOKEN", "")

    assert summer("list", "--json").code == 3


def test_a_member_is_not_foretold_the_letters_of_others(summer, bens):
    summer("create", "Winter", "--opens", "in 10 years")
    summer("invite", "winter", "cleo@example.org")

    foretold = summer("tick", "--dry-run", "--json", token=bens)

    assert foretold.code == 0
    assert foretold.json["would_send"] == []
    assert "cleo@example.org" not in foretold.out + foretold.err


@pytest.mark.parametrize("words", ["http://[x", "\udcff", "https://capsule.example/g/i/", "?"])
def test_what_is_no_invitation_is_not_found(summer, words):
    assert summer("join", words, "--json").error["code"] == "not_found"


@pytest.mark.parametrize(
    "words", [["render", "photo.jpg", "-o", "film.mp4"], ["demo"], ["list"], ["open", "summer"]]
)
def test_acting_for_another_only_adds_stories(summer, words):
    assert summer("--as", "ben@example.org", *words, "--json").code == 8
