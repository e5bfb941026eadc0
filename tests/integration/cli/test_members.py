"""reschedule, consent, member role|remove, leave, remind: the owner's verbs, and a member's own."""

import pytest


@pytest.fixture
def bens(summer):
    """The token of Ben, a member who owns nothing."""
    token = summer("invite", "summer", "ben@example.org", "--name", "Ben", "--json").json["invitations"][0][
        "token"
    ]
    return summer("join", token, "--json").json["token"]


def test_a_later_date_holds_at_once(summer):
    said = summer("reschedule", "summer", "in 12 years", "--json")

    assert (said.code, said.json["wish"], said.json["waits_for"]) == (0, None, 0)
    assert summer("show", "summer", "--json").json["capsule"]["opens_at"] == said.json["capsule"]["opens_at"]


def test_an_earlier_one_needs_the_consent_of_each_with_their_own_token(summer, bens):
    before = summer("show", "summer", "--json").json["capsule"]["opens_at"]
    asked = summer("reschedule", "summer", "in 2 years", "--json")
    assert (asked.json["waits_for"], asked.json["wish"]["state"]) == (1, "asked")
    assert asked.json["capsule"]["opens_at"] == before

    assert summer("--as", "ben@example.org", "consent", "summer", "--yes", "--json").code == 8
    looked = summer("consent", "summer", "--json", token=bens)
    assert (looked.json["wish"]["answer"], looked.json["wish"]["said_yes"]) == (None, 1)
    given = summer("consent", "summer", "--yes", "--json", token=bens)

    assert given.json["wish"]["state"] == "granted"
    assert summer("show", "summer", "--json").json["capsule"]["opens_at"] == given.json["wish"]["opens_at"]
    assert summer("consent", "summer", "--json").json == {"schema": 1, "wish": None}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["reschedule", "summer", "2020-01-01"], 2),
        (["reschedule", "summer", "whenever"], 2),
        (["reschedule", "nothing", "in 12 years"], 3),
        (["consent", "summer", "--yes", "--no"], 2),
        (["consent", "summer", "--yes"], 3),
        (["member", "role", "summer", "Ben", "king"], 2),
        (["member", "role", "summer", "Nobody", "recipient"], 3),
        (["member", "remove", "summer", "Ben"], 2),
        (["leave", "summer", "--yes"], 8),
        (["edit", "summer", "--music", "polka"], 2),
    ],
)
def test_what_cannot_be_ends_as_documented(summer, bens, words, code):
    assert summer(*words, "--json").code == code


def test_roles_change_and_the_capsule_is_handed_over(summer, bens):
    assert (
        summer("member", "role", "summer", "ben", "recipient", "--json").json["member"]["role"] == "recipient"
    )
    assert summer("member", "role", "summer", "Ben", "recipient", "--json", token=bens).code == 8

    assert summer("member", "role", "summer", "Ben", "owner", "--json").json["member"]["role"] == "owner"
    assert summer("edit", "summer", "--title", "Winter", "--json").code == 8
    assert (
        summer("edit", "summer", "--title", "Winter", "--music", "museum", "--json", token=bens).json[
            "capsule"
        ]["music"]
        == "museum"
    )


def test_who_is_removed_or_leaves_is_out(summer, bens):
    left = summer("leave", "summer", "--yes", "--json", token=bens)
    assert left.json["member"]["left_at"]
    assert summer("show", "summer", "--json", token=bens).code == 3

    token = summer("invite", "summer", "ben@example.org", "--json").json["invitations"][0]["token"]
    assert summer("join", token, "--json").json["member"]["id"] == left.json["member"]["id"]
    assert summer("member", "remove", "summer", "Ben", "--yes", "--json").code == 0
    assert [one["name"] for one in summer("member", "list", "summer", "--json").json["members"]] == ["Ada"]


def test_a_reminder_goes_out_once_a_day(summer, bens):
    assert [one["name"] for one in summer("remind", "summer", "--json").json["members"]] == ["Ben"]
    assert summer("remind", "summer", "--json").json["members"] == []


def test_the_admin_adds_in_the_name_of_somebody_who_is_invited_and_has_not_joined(summer):
    token = summer("invite", "summer", "younghee@example.org", "--name", "영희", "--json").json[
        "invitations"
    ][0]["token"]
    said = summer("--as", "younghee@example.org", "story", "add", "summer", "--title", "x", "--json")
    unknown = summer("--as", "dora@example.org", "story", "add", "summer", "--title", "x", "--json")

    assert said.code == 0
    assert (unknown.code, unknown.error["reason"]) == (3, "address_unknown")
    shown = summer("show", "summer", "--json").json["capsule"]
    assert [(one["name"], one["stories"]) for one in shown["contributions"]] == [("Ada", 0), ("영희", 1)]
    assert [one["state"] for one in shown["invitations"]] == ["invited"]
    assert (
        summer("invite", "summer", "younghee@example.org", "--revoke", "--json").error["reason"]
        == "invitation_acted_for"
    )
    assert summer("join", token, "--json").json["member"]["name"] == "영희"
