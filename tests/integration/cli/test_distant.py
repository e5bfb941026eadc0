"""Commands asked of a real daemon from another machine: the same answers and refusals as on the daemon's own."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from memorycapsule.app import open_app
from memorycapsule.cli import main
from memorycapsule.config import Settings
from memorycapsule.domain.sessions import SessionKind
from memorycapsule.services import sessions
from support.household import Household

pytestmark = pytest.mark.slow


class Machines:
    """A daemon, `capsule` on its machine (`here`), and `capsule` on another one (`there`)."""

    def __init__(self, house, url, elsewhere, over):
        self.house, self.url = house, url
        #: A capsule whose day has come.
        self.over = over
        self._here = house.environment
        self._there = {
            "CAPSULE_URL": url,
            "CAPSULE_CONFIG": str(elsewhere / "nothing.toml"),
            "XDG_STATE_HOME": str(elsewhere / "state"),
        }

    def here(self, token, *words):
        return self._answered(self._here, token, words)

    def there(self, token, *words):
        return self._answered(self._there, token, words)

    def done(self, token, *words):
        """What a command that must succeed answers on the other machine."""
        code, answer = self.there(token, *words)
        assert code == 0, answer
        return answer

    def told(self, token, *words, here=False):
        """How `capsule` ends, and what a person reads of that in Korean."""
        code, said = self._run(self._here if here else self._there, token, ["--lang", "ko", *words])
        return code, said.err.splitlines()[-1]

    def _run(self, environment, token, words):
        """How `capsule` ends, and what it says."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            if token:
                patch.setenv("CAPSULE_TOKEN", token)
            self.capture.readouterr()
            code = main(words)
        return code, self.capture.readouterr()

    def _answered(self, environment, token, words):
        """How `capsule` ends, and what it answers."""
        code, said = self._run(environment, token, ["--json", *words])
        return code, json.loads(said.out)

    def joined(self, capsule, name):
        """The token of somebody who is invited and joins."""
        _, invited = self.here(None, "invite", capsule, f"{name.lower()}@example.org")
        return self.here(None, "join", invited["invitations"][0]["token"], "--name", name)[1]["token"]

    def signed_in(self):
        """The token of Ada, who has just come in by a link."""
        way_in = self.here(None, "login-link")[1]["login"]["url"].rpartition("/")[2]
        return httpx.post(f"{self.url}/sign-in/{way_in}").cookies["capsule"]

    def without_proof(self):
        """The token of a session of Ada's that has proved nothing."""
        folder = self.house.folder
        settings = Settings(data_dir=folder / "data", key_file=folder / "config" / "instance.key")
        with open_app(settings) as app, app.store.transaction() as tx:
            account = sessions.host_viewer(app.store).account_id
            return sessions.begin(
                tx, account_id=account, capsule_id=None, kind=SessionKind.OPENED, now=datetime.now(UTC)
            )[1]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machines")
    house = Household(folder / "house")
    over = house.capsule(opens_in=timedelta(hours=-1), photos=1)
    with house.daemon() as daemon:
        yield Machines(house, daemon.url, folder / "elsewhere", over)


@pytest.fixture
def machines(daemon, capfd):
    daemon.capture = capfd
    return daemon


def test_an_owner_invites_manages_members_and_moves_the_date_from_another_machine(machines):
    capsule = machines.house.capsule(opens_in=timedelta(days=1000))
    ada, done = machines.signed_in(), machines.done

    first, second = done(
        ada, "invite", capsule, "cleo@example.org", "dora@example.org", "--role", "recipient"
    )["invitations"]
    assert (first["is_new"], first["role"], first["state"]) == (True, "recipient", "invited")
    (again,) = done(ada, "invite", capsule, "cleo@example.org", "--resend")["invitations"]
    assert (again["id"], again["token"] == first["token"]) == (first["id"], False)
    (taken,) = done(ada, "invite", capsule, "dora@example.org", "--revoke")["invitations"]
    assert (taken["id"], taken["state"], "token" in taken) == (second["id"], "revoked", False)
    cleo = machines.here(None, "join", again["token"], "--name", "Cleo")[1]["token"]
    assert machines.here(None, "join", second["token"])[0] == 8

    assert [one["name"] for one in done(ada, "remind", capsule)["members"]] == ["Ben", "Cleo"]
    listed = done(ada, "member", "list", capsule)["members"]
    assert {one["name"]: (one["role"], one["stories"]) for one in listed} == {
        "ada": ("owner", 1), "Ben": ("contributor", 0), "Cleo": ("contributor", 0),
    }  # fmt: skip
    changed = done(ada, "member", "role", capsule, "ben", "recipient")["member"]
    assert (changed["name"], changed["role"]) == ("Ben", "recipient")

    later = done(ada, "reschedule", capsule, "2099-05-08 09:00", "--zone", "Asia/Seoul")
    assert (later["capsule"]["opens_at"], later["wish"]) == ("2099-05-08T00:00:00Z", None)
    assert (later["capsule"]["opens_local"], later["waits_for"]) == ("2099-05-08T09:00:00", 0)
    asked = done(ada, "reschedule", capsule, "in 2 years")
    assert (asked["wish"]["state"], asked["waits_for"], "asked_by" in asked["wish"]) == ("asked", 2, False)
    assert done(cleo, "consent", capsule)["wish"]["answer"] is None
    assert done(cleo, "consent", capsule, "--yes")["wish"]["said_yes"] == 2
    assert done(ada, "member", "remove", capsule, "Ben", "--yes")["member"]["left_at"].endswith("Z")
    # Nobody is silent any more.
    assert done(ada, "show", capsule)["capsule"]["opens_at"] == asked["wish"]["opens_at"]
    assert done(cleo, "consent", capsule)["wish"] is None

    assert done(ada, "member", "role", capsule, "Cleo", "owner")["member"]["role"] == "owner"
    assert done(ada, "leave", capsule, "--yes")["member"]["left_at"].endswith("Z")
    assert machines.there(ada, "show", capsule)[0] == 3


def test_a_date_that_comes_twice_is_the_one_that_was_meant(machines):
    capsule = machines.house.capsule(opens_in=timedelta(days=100))
    ada = machines.signed_in()
    # Clocks are set back at 3:00 on that day in Berlin, and 2:30 comes at +02:00 and again at +01:00.
    for offset, at in (("+02:00", "2099-10-25T00:30:00Z"), ("+01:00", "2099-10-25T01:30:00Z")):
        words = ["reschedule", capsule, f"2099-10-25 02:30{offset}", "--zone", "Europe/Berlin"]

        moved = machines.done(ada, *words)["capsule"]

        assert (moved["opens_at"], moved["opens_local"]) == (at, "2099-10-25T02:30:00")


def test_tokens_are_made_listed_and_ended_from_another_machine(machines):
    capsule = machines.house.capsule(opens_in=timedelta(days=100))
    ada, done = machines.signed_in(), machines.done

    made = done(ada, "token", "create", "a / laptop", "--scope", "read")["token"]

    assert (made["name"], made["scope"], made["ended_at"]) == ("a / laptop", "read", None)
    assert done(made["secret"], "show", capsule)["capsule"]["id"] == capsule
    assert machines.there(made["secret"], "invite", capsule, "x@example.org")[0] == 8
    listed = done(ada, "token", "list")
    assert (0, listed) == machines.here(ada, "token", "list")
    assert "a / laptop" in [one["name"] for one in listed["tokens"]]
    assert done(ada, "token", "end", "a / laptop")["token"]["ended_at"].endswith("Z")
    assert machines.there(made["secret"], "list")[0] == 3
    assert "a / laptop" not in [one["name"] for one in done(ada, "token", "list")["tokens"]]


def test_whoever_looks_from_another_machine_sees_the_same(machines):
    capsule = machines.house.capsule(opens_in=timedelta(days=100), more_stories=["Rain", "More rain"])
    over = machines.over
    cleo, ada = machines.joined(capsule, "Cleo"), machines.signed_in()
    machines.done(cleo, "story", "add", capsule, "--title", "Mine")
    machines.done(ada, "reschedule", capsule, "in 20 days")
    machines.house.wait_for_film(over, "ready", "degraded")
    for token, words in (
        (cleo, ["list"]),
        (cleo, ["show", capsule]),
        (cleo, ["story", "list", capsule]),
        (cleo, ["member", "list", capsule]),
        (cleo, ["consent", capsule]),
        (ada, ["list"]),
        (ada, ["show", capsule]),
        (ada, ["show", over]),
        (ada, ["member", "list", capsule]),
        (ada, ["story", "list", over]),
        (ada, ["montage", "list"]),
        (ada, ["montage", "list", over]),
    ):
        code, answer = machines.there(token, *words)

        assert (code, answer) == machines.here(token, *words), words
        assert code == 0


def test_what_is_refused_is_refused_in_the_same_words(machines):
    capsule = machines.house.capsule(opens_in=timedelta(days=100))
    cleo, ada = machines.joined(capsule, "Cleo"), machines.signed_in()
    unproved = machines.without_proof()
    reader = machines.here(None, "token", "create", "reader", "--scope", "read")[1]["token"]["secret"]
    before = machines.here(None, "show", capsule)
    member = ["member", "role", capsule, "Ben", "recipient"]
    refusals = [
        (8, reader, ["invite", capsule, "x@example.org"]),
        (8, reader, ["reschedule", capsule, "in 9 years"]),
        (8, reader, ["token", "create", "another"]),
        (8, reader, ["token", "end", "nothing"]),
        (8, reader, ["consent", capsule, "--yes"]),
        (8, reader, ["remind", capsule]),
        (8, reader, ["leave", capsule, "--yes"]),
        (8, reader, ["story", "add", capsule, "--text", "Words"]),
        (8, reader, member),
        (8, cleo, ["invite", capsule, "x@example.org"]),
        (8, cleo, ["invite", capsule, "ben@example.org", "--revoke"]),
        (8, cleo, ["reschedule", capsule, "in 9 years"]),
        (8, cleo, ["member", "remove", capsule, "Ben", "--yes"]),
        (8, cleo, ["token", "end", "reader"]),
        (8, cleo, ["remind", capsule]),
        (3, cleo, ["consent", capsule, "--yes"]),
        (4, cleo, ["montage", "list", capsule]),
        (4, cleo, ["montage", "make", capsule]),
        (3, cleo, ["story", "show", "unknown"]),
        (3, cleo, ["story", "edit", "unknown", "--title", "x"]),
        (3, cleo, ["montage", "cancel", "unknown"]),
        (3, cleo, ["montage", "retry", "unknown"]),
        (3, cleo, ["member", "list", "winter"]),
        (8, unproved, member),
        (8, unproved, ["member", "role", capsule, "Ben", "owner"]),
        (8, unproved, ["member", "remove", capsule, "Ben", "--yes"]),
        (3, ada, ["member", "role", capsule, "Nobody", "recipient"]),
        (8, ada, ["member", "role", capsule, "Ada", "recipient"]),
        (2, ada, ["member", "role", capsule, "Ada", "owner"]),
        (8, ada, ["leave", capsule, "--yes"]),
        (2, ada, ["invite", capsule, "nobody"]),
        (2, ada, ["invite", capsule, "x@example.org", "--role", "owner"]),
        (8, ada, ["invite", capsule, "ben@example.org"]),
        (3, ada, ["invite", capsule, "x@example.org", "--revoke"]),
        (8, ada, ["invite", capsule, "ben@example.org", "--revoke"]),
        (2, ada, ["reschedule", capsule, "2020-05-08"]),
        (2, ada, ["reschedule", capsule, "3020-05-08"]),
        (2, ada, ["token", "create", "laptop", "--scope", "everything"]),
        (2, ada, ["token", "create", " "]),
        (3, ada, ["token", "end", "nothing"]),
        (3, "nobody", ["member", "list", capsule]),
    ]  # fmt: skip
    differing = []
    for code, token, words in refusals:
        said, here = machines.there(token, *words), machines.here(token, *words)
        if said != here or said[0] != code or "error" not in said[1]:
            differing.append((words, said, here))

    assert differing == []
    # Nothing of it has left a trace.
    assert machines.here(None, "show", capsule) == before


def test_what_is_refused_is_said_in_the_language_of_the_terminal_with_the_command_that_helps(machines):
    capsule = machines.house.capsule(opens_in=timedelta(days=100))
    cleo, ada = machines.joined(capsule, "Cleo"), machines.signed_in()
    refusals = [
        (3, cleo, ["member", "list", "winter"], "`capsule list`"),
        (8, cleo, ["invite", capsule, "x@example.org"], "주인"),
        (3, "nobody", ["member", "list", capsule], "토큰"),
        (3, ada, ["token", "end", "nothing"], "`capsule token list`"),
        (2, ada, ["invite", capsule, "nobody"], "nobody"),
        (2, ada, ["reschedule", capsule, "2020-05-08"], "2020-05-08"),
    ]
    differing = []
    for code, token, words, word in refusals:
        there, here = machines.told(token, *words), machines.told(token, *words, here=True)
        if there != here or there[0] != code or word not in there[1]:
            differing.append((words, there, here))

    assert differing == []
