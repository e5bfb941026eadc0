"""Ways in that the host hands out, and tokens for programs."""

from integration.cli.instances import join, opened_app
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.services import sessions, signing_in


def come_in(url: str, purpose: LinkPurpose = LinkPurpose.SIGN_IN):
    with opened_app() as app:
        came = signing_in.with_token(
            app.store, url.rpartition("/")[2], purpose, name="A browser", now=app.now()
        )
        return came.account, sessions.viewer_with_token(app.store, came.token)


def test_init_answers_with_a_link_for_the_first_browser(capsule):
    said = capsule("init", "--yes", "--admin", "ada@example.org", "--name", "Ada", "--json").json

    url = said["set_up_url"]
    assert url.startswith("http://127.0.0.1:8484/set-up/")
    account, viewer = come_in(url, LinkPurpose.SET_UP)
    assert (account.name, account.is_admin) == ("Ada", True)
    assert (viewer.is_proved, viewer.is_admin) == (True, False)


def test_without_an_address_of_the_daemon_there_is_no_such_link(capsule, monkeypatch):
    monkeypatch.setenv("CAPSULE_DAEMON__PORT", "0")

    assert capsule("init", "--yes", "--admin", "ada@example.org", "--json").json["set_up_url"] is None


def test_people_are_shown_the_link(capsule):
    said = capsule("init", "--yes", "--admin", "ada@example.org")

    assert "/set-up/" in said.out
    assert "█" not in said.out  # no drawing where no camera looks


def test_the_host_hands_out_ways_in(summer):
    token = join(summer, "Ben")
    own, bens = (summer("login-link", *words, "--json").json["login"] for words in ([], ["ben@example.org"]))

    assert come_in(own["url"])[0].name == "Ada"
    account, viewer = come_in(bens["url"])
    assert (account.name, viewer.is_proved) == ("Ben", False)
    assert own["expires_at"].endswith("Z")
    assert "/sign-in/" in summer("login-link").out
    assert summer("login-link", "--json", token=token).error["code"] == "not_allowed"
    assert summer("login-link", "nobody@example.org", "--json").error["code"] == "not_found"


def test_a_token_acts_for_its_person_until_it_is_ended(summer):
    made = summer("token", "create", "laptop", "--json").json["token"]
    assert (made["name"], made["scope"], made["seen_at"]) == ("laptop", "contribute", None)
    secret = made.pop("secret")

    added = summer("story", "add", "summer", "--text", "Words", "--json", token=secret)
    assert added.code == 0
    assert [one["slug"] for one in summer("list", "--json", token=secret).json["capsules"]] == ["summer"]
    assert summer("token", "create", "more", "--json", token=secret).error["code"] == "not_allowed"
    listed = summer("token", "list", "--json").json["tokens"]
    assert listed == [made]
    assert secret not in summer("token", "list").out

    assert summer("token", "end", "laptop", "--json").json["token"]["ended_at"]

    assert summer("list", "--json", token=secret).error["code"] == "not_found"
    assert summer("token", "list").out == "No tokens.\n"
    wrong = summer("token", "create", "x", "--scope", "everything", "--json")
    assert (wrong.code, wrong.error["code"]) == (2, "usage")
