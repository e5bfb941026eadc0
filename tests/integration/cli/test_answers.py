"""Every command answers programs with one JSON object, and people with calm sentences."""

import pytest
import typer.main

from integration.cli.instances import due_capsule, join, opened_app
from memorycapsule import __version__
from memorycapsule.cli import app, main

#: What each command is called with; where that cannot work, the answer is an error, and JSON all the same.
WORDS = {
    "init": [["--yes"]],
    "demo": [["--photos", "no/such/folder"]],
    "doctor": [[]],
    "create": [["Another", "--opens", "+1y"], ["Another", "--opens", "yesterday"], []],
    "list": [[]],
    "show": [["summer"], ["winter"], []],
    "edit": [["summer", "--title", "Summers"], ["summer"]],
    "delete": [["summer", "--yes"], ["summer"]],
    "reschedule": [["summer", "in 9 years", "--yes"], ["summer", "yesterday"], ["winter", "+9y"]],
    "consent": [["summer"], ["summer", "--yes"]],
    "leave": [["summer", "--yes"], ["summer"]],
    "remind": [["summer"], ["winter"]],
    "invite": [["summer", "cleo@example.org"], ["summer", "nobody"]],
    "join": [["unknown"]],
    "open": [["summer"]],
    "tick": [[], ["--dry-run"]],
    "daemon": [["--port", "99999"]],
    "worker": [["--queues", "mail"], ["--queues", "none at all"]],
    "render": [["no-such-file.jpg", "-o", "film.mp4"], ["x.jpg"]],
    "config show": [[]],
    "config path": [[]],
    "config check": [[]],
    "verify": [[], ["--deep"]],
    "backup": [["copy"], ["copy", "--verify"]],
    "restore": [["no/such/folder"]],
    "release": [[]],
    "repair": [["--from", "no/such/folder"], []],
    "db check": [[]],
    "db upgrade": [[]],
    "blobs move": [["no/such/folder", "elsewhere"], ["blobs"]],
    "migrate-store": [["sqlite:///capsule.db", "sqlite:///new.db"], ["capsule.db", "sqlite:///new.db"]],
    "key status": [[]],
    "key new-recovery": [["--yes"], []],
    "key recover": [["--recovery-file", "no-such-file"]],
    "key rotate": [[]],
    "member list": [["summer"]],
    "member role": [["summer", "Ada", "recipient"], ["summer", "nobody", "recipient"]],
    "member remove": [["summer", "nobody", "--yes"], ["summer", "Ada"]],
    "story add": [["summer", "--text", "Words"], ["summer"], ["summer", "no-such-file.jpg"]],
    "story list": [["summer"]],
    "story show": [["unknown"]],
    "story edit": [["unknown", "--text", "x"], ["unknown"]],
    "story remove": [["unknown", "--yes"]],
    "montage make": [["summer"]],
    "montage list": [[], ["summer"]],
    "montage save": [["unknown", "film.mp4"]],
    "montage cancel": [["unknown"]],
    "montage retry": [["unknown"]],
    "login-link": [[], ["nobody@example.org"], ["nobody"]],
    "token create": [["laptop"], ["laptop", "--scope", "everything"], []],
    "token list": [[]],
    "token end": [["unknown"]],
    "mail outbox": [[]],
    "mail retry": [[], ["unknown"]],
    "mail test": [["ada@example.org"], ["nobody"]],
    "status": [[]],
    "notify outbox": [[]],
    "notify test": [[]],
    "proxy": [["nginx"], ["apache"]],
    "install-service": [["--user", "--to", "units"], ["--user", "--system"]],
    "uninstall-service": [["--user", "--system"]],
    "healthcheck": [[]],
    "update": [[], ["copy", "--back"]],  # no more than that: it would update this clone
}


def commands(command=None, words=""):
    command = command or typer.main.get_command(app)
    for word, child in command.commands.items():
        if getattr(child, "commands", None):
            yield from commands(child, f"{words}{word} ")
        else:
            yield f"{words}{word}"


def test_no_command_is_forgotten_here():
    assert sorted(commands()) == sorted(WORDS)


@pytest.mark.parametrize(
    ("command", "words"), [(command, words) for command, all_words in WORDS.items() for words in all_words]
)
def test_every_command_answers_with_one_json_object(summer, tmp_path, monkeypatch, command, words):
    monkeypatch.chdir(tmp_path)
    said = summer("--json", *command.split(), *words)

    assert ("error" in said.json) == (said.code not in {0, 5})


@pytest.mark.parametrize("command", WORDS)
def test_a_mistake_on_the_command_line_is_json_too(capsule, command):
    said = capsule(*command.split(), "--no-such-option", "--json")

    assert (said.code, said.error["code"]) == (2, "usage")
    assert f"capsule {command} --help" in said.error["message"]


def test_json_is_understood_before_and_after_the_command(summer):
    assert summer("list", "--json").json == summer("--json", "list").json


def test_a_title_may_look_like_an_option(initialised):
    said = initialised("create", "--opens", "+1y", "--", "--json")

    assert said.code == 0
    assert "“--json” is sealed" in said.out


def test_a_missing_command_is_an_error_and_help_for_people(capsule):
    assert capsule("--json").error["code"] == "usage"
    said = capsule()
    assert said.code == 2
    assert "Commands:" in said.err


def test_the_version_is_said_in_both_ways(capsule):
    assert capsule("--version").out == f"capsule {__version__}\n"
    assert capsule("--json", "--version").json["version"] == __version__


def test_quiet_leaves_what_was_asked_for(summer):
    assert summer("create", "Winter", "--opens", "+1y", "-q").out == ""
    assert "winter" in summer("list", "--quiet").out


def test_the_shapes_that_scripts_rely_on(summer):
    token = join(summer)
    added = summer(
        "story", "add", "summer", "--title", "Mine", "--text", "All of it", "--json", token=token
    ).json
    assert set(added) == {"schema", "story", "media", "duplicates", "refused", "not_in_yet"}

    of_ben = summer("show", "summer", "--json", token=token).json["capsule"]
    of_ada = summer("show", "summer", "--json").json["capsule"]
    assert {
        "id",
        "slug",
        "title",
        "state",
        "opens_at",
        "opens_local",
        "zone",
        "theme",
        "members",
        "contributions",
        "stories",
    } <= set(of_ada)
    assert (of_ada["slug"], of_ada["state"], of_ada["zone"]) == ("summer", "sealed", "Asia/Seoul")
    assert of_ada["opens_at"].endswith("Z")
    assert [one["name"] for one in of_ada["members"]] == ["Ada", "Ben"]
    assert [(one["name"], one["stories"]) for one in of_ada["contributions"]] == [("Ada", 0), ("Ben", 1)]
    assert (of_ada["stories"], of_ada["invitations"][0]["state"]) == ([], "accepted")
    assert [one["text"] for one in of_ben["stories"]] == ["All of it"]
    assert of_ben["invitations"] == []

    listed = summer("list", "--json").json["capsules"]
    assert [(one["slug"], one["members"], one["role"]) for one in listed] == [("summer", 2, "owner")]
    members = summer("member", "list", "summer", "--json").json["members"]
    assert [(one["name"], one["role"], one["stories"]) for one in members] == [
        ("Ada", "owner", 0),
        ("Ben", "contributor", 1),
    ]


def test_the_admin_sees_no_title_of_a_capsule_they_are_not_in(summer):
    from integration.cli.instances import opened_app
    from memorycapsule.domain.opening_dates import parse_opening_date
    from memorycapsule.domain.stories import Viewer
    from memorycapsule.services import capsules, sessions
    from memorycapsule.services.capsules import CapsuleDraft

    token = join(summer)
    with opened_app() as opened:
        ben = sessions.viewer_with_token(opened.store, token)
        whole = Viewer(account_id=ben.account_id, session_id=ben.session_id, is_proved=True, is_admin=False)
        date = parse_opening_date("+5y", "UTC", opened.now())
        capsules.create(
            opened.store,
            opened.vault,
            whole,
            CapsuleDraft(title="For Ada's birthday", theme="museum", film_photos=9),
            date=date,
            now=opened.now(),
        )

    listed = summer("list", "--json")
    assert [one["title"] for one in listed.json["capsules"]] == [None, "Summer"]
    assert "birthday" not in listed.out + summer("list").out
    assert listed.json["capsules"][0]["bytes"] == 0


def test_a_date_is_repeated_in_words_with_zone_and_countdown(initialised):
    said = initialised("create", "Ours", "--opens", "2099-05-08 09:00")

    assert "Friday, 8 May 2099, 9:00 in the morning (Seoul time), 2099-05-08 00:00 UTC, in 7" in said.out
    assert "in 10 years." in initialised("create", "Ten", "--opens", "10년 후").out


def test_show_says_how_much_and_never_what(summer):
    token = join(summer)
    summer("story", "add", "summer", "--title", "Secret", "--text", "The key hangs there", token=token)
    said = summer("show", "summer").out

    assert "Ben (contributor): 1 story" in said
    assert "Secret" not in said
    assert "key hangs" not in said
    assert "The key hangs there" not in summer("--json", "show", "summer").out


@pytest.mark.slow
def test_what_is_due_is_foretold_opened_and_then_seen(initialised):
    due_capsule()
    foretold = initialised("tick", "--dry-run", "--json").json
    assert [one["title"] for one in foretold["opened"]] == ["Old times"]
    assert initialised("list", "--json").json["capsules"][0]["state"] == "sealed"

    done = initialised("tick", "--json")
    assert done.code == 0
    assert [one["slug"] for one in done.json["opened"]] == ["old-times"]
    assert len(done.json["films"]) == 1
    assert done.json["letters"] == {"sent": 1, "retrying": 0, "rejected": 0, "unknown": 0, "waiting": 0}
    assert done.json["paused"] is None

    shown = initialised("show", "old-times", "--json").json["capsule"]
    assert (shown["state"], shown["stories"][0]["text"]) == ("open", "Once upon a time")
    assert shown["montages"][0]["state"] == "ready"
    assert "Nothing was due." in initialised("tick").out


def test_a_capsule_that_is_due_and_does_not_open_is_named_and_the_tick_does_not_end_well(
    initialised, tmp_path
):
    capsule_id = due_capsule()
    with opened_app() as app, app.store.engine.connect() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER stuck BEFORE UPDATE OF state ON capsule BEGIN SELECT RAISE(ABORT, 'no luck'); END"
        )
        connection.commit()

    said, told = initialised("tick"), initialised("tick", "--json")

    assert said.code == told.code == 5
    assert "“Old times” is due and could not be opened: The database refused" in said.err
    assert said.out == "Sent 1 letter.\n", "the owner is told of it"
    [failed] = told.json["not_opened"]
    assert (failed["capsule"]["id"], failed["capsule"]["state"]) == (capsule_id, "sealed")
    assert (failed["error"]["code"], failed["error"]["reason"]) == ("failed", "database_refused")


@pytest.mark.slow
def test_a_further_film_is_made_saved_and_not_written_over(initialised, tmp_path):
    due_capsule()
    opened = initialised("open", "old-times", "--json").json
    assert (opened["capsule"]["state"], opened["film"]["state"]) == ("open", "queued")
    story = initialised("story", "list", "old-times", "--json").json["stories"][0]["id"]
    wished = ("--story", story, "--length", "20", "--music", "museum", "--title", "Old")
    made = initialised("montage", "make", "old-times", *wished, "--wait", "--json").json["montage"]
    assert (made["state"], made["stories"]) == ("ready", [story])
    assert (made["length"], made["music"]) == ("20", "museum")
    assert "“Old”, 1 story, 20 s, music of museum" in initialised("montage", "list", "old-times").out

    film = tmp_path / "film.mp4"
    assert (
        initialised("montage", "save", made["id"], film, "--json").json["saved"]["bytes"]
        == film.stat().st_size
    )
    assert film.read_bytes()[4:8] == b"ftyp"
    assert initialised("montage", "save", made["id"], film).code == 2
    assert initialised("montage", "save", made["id"], film, "--force").code == 0
    assert list(tmp_path.glob(".film*")) == []
    assert initialised("montage", "cancel", made["id"]).code == 8


def test_main_is_what_runs():
    assert main(["--version"]) == 0


def test_letters_that_no_film_can_draw_are_named_beforehand(initialised):
    """Nobody's font has letters for private use."""
    made = initialised("create", "Summer \ue000\ue001", "--opens", "+1y", "--yes")
    drawn = initialised("create", "أول سنة 夏 हमारी", "--opens", "+1y", "--yes")

    assert "〓" in made.err
    assert "\ue000\ue001" in made.err
    assert "〓" not in drawn.err


def test_a_time_that_clocks_skip_is_said_and_so_is_when_it_opens(initialised):
    said = initialised("create", "Night", "--opens", "2036-03-09 02:30", "--zone", "America/New_York")
    moved = initialised("reschedule", "night", "2036-11-02 01:30")

    assert "2:30 in the morning is skipped that night" in said.err
    assert "3:30 in the morning (New York time), 2036-03-09 07:30 UTC" in said.out
    assert "comes twice that night" in moved.err
