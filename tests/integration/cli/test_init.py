"""init: from nothing to an instance; a run that was cut off can be repeated, a second one changes nothing."""

import json
import os
import pty
import select
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from integration.media.face_models import magenta_model
from memorycapsule.config import sources
from memorycapsule.seal.envelopes import recipient_of
from memorycapsule.seal.keys import InstanceKey, new_recovery_key, parse_recovery_key
from support.mailservers import MailServer
from support.servers import free_port

INIT = ("init", "--yes", "--admin", "ada@example.org", "--name", "Ada", "--json")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal", ".lock"))
    }


def test_an_instance_is_made_and_only_yours(capsule, tmp_path):
    said = capsule(*INIT).json

    assert said["instance"]["admin"] == "ada@example.org"
    assert recipient_of(said["recovery"]["key"]) == said["recovery"]["recipient"]
    assert mode(tmp_path / "data") == 0o700
    assert [mode(tmp_path / name) for name in ("data/capsule.db", "instance.key", "config.toml")] == [
        0o600
    ] * 3
    for path, content in everything(tmp_path).items():
        assert said["recovery"]["key"].encode() not in content, path
    assert capsule("list", "--json").json["capsules"] == []


def test_the_data_of_a_whole_machine_belongs_to_no_person_also_where_nobody_is_asked(
    capsule, tmp_path, monkeypatch
):
    monkeypatch.delenv("CAPSULE_DATA_DIR", raising=False)
    monkeypatch.setattr(sources, "SYSTEM_CONFIG_FILE", tmp_path / "etc" / "config.toml")
    monkeypatch.setattr(sources, "SYSTEM_DATA_DIR", tmp_path / "var" / "memory-capsule")
    (tmp_path / "etc").mkdir()
    of_machine = ("--config", tmp_path / "etc" / "config.toml")

    assert capsule(*of_machine, *INIT).code == 0
    assert (tmp_path / "var" / "memory-capsule" / "capsule.db").exists()
    assert capsule(*of_machine, "list", "--json").json["capsules"] == []
    assert capsule(*of_machine, *INIT).code == 7


def test_a_second_init_changes_nothing(capsule, tmp_path):
    capsule(*INIT)
    before = everything(tmp_path)
    said = capsule(*INIT)

    assert (said.code, said.error["code"]) == (7, "configuration")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("step", ["key", "config", "database", "recovery"])
def test_a_run_that_was_cut_off_is_repeated(capsule, tmp_path, step):
    """What a crash left behind is used as far as it goes, and no key is ever overwritten."""
    key_file, recovery_file = tmp_path / "instance.key", tmp_path / "recovery.key"
    kept = InstanceKey.create(key_file) if step != "config" else None
    if step == "config":
        (tmp_path / "config.toml").write_text('zone = "Europe/Berlin"\n')
    if step == "recovery":
        recovery_file.write_text(f"# recovery\n{new_recovery_key()[0]}\n")
    if step == "database":
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "capsule.db").touch()
    said = capsule(*INIT, "--recovery-file", recovery_file)

    assert said.code == 0
    assert kept is None or InstanceKey.load(key_file).identity == kept.identity
    assert said.json["recovery"]["key"] is None
    assert recipient_of(parse_recovery_key(recovery_file.read_text())) == said.json["recovery"]["recipient"]
    assert capsule("key", "status").code == 0
    if step == "config":
        assert (tmp_path / "config.toml").read_text() == 'zone = "Europe/Berlin"\n'


def test_a_key_that_cannot_be_read_is_not_replaced(capsule, tmp_path):
    (tmp_path / "instance.key").write_text("torn")

    assert capsule(*INIT).error["code"] == "key_missing"
    assert (tmp_path / "instance.key").read_text() == "torn"


def test_a_file_that_is_no_recovery_key_is_not_overwritten(capsule, tmp_path):
    diary = tmp_path / "diary.txt"
    diary.write_text("dear diary")

    assert capsule(*INIT, "--recovery-file", diary).code == 7
    assert diary.read_text() == "dear diary"
    assert capsule(*INIT, "--recovery-file", tmp_path / "data" / "key").code == 2


def test_an_age_key_that_one_has_already_is_enough(capsule):
    _identity, recipient = new_recovery_key()
    said = capsule(*INIT, "--recovery-recipient", recipient).json

    assert said["recovery"] == {"recipient": recipient, "key": None, "file": None}
    assert capsule("key", "status", "--json").json["key"]["recovery_recipient"] == recipient


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--admin", "nobody"], "not an e-mail address"),
        (["--recovery-recipient", "age1wrong"], "not an age public key"),
        (["--recovery-recipient", new_recovery_key()[0]], "private key"),
        (["--name", "\n"], "name is empty"),
    ],
    ids=["address", "recipient", "private", "name"],
)
def test_wrong_answers_are_refused(capsule, words, sentence):
    said = capsule("init", "--yes", *words, "--json")

    assert (said.code, sentence in said.error["message"]) == (2, True)
    assert "AGE-SECRET-KEY" not in said.out
    assert capsule(*INIT).code == 0


def test_where_stdout_may_be_a_log_the_recovery_key_goes_to_a_file(capsule, tmp_path):
    said = capsule("init", "--yes")
    key = parse_recovery_key((tmp_path / "recovery.key").read_text())

    assert mode(tmp_path / "recovery.key") == 0o600
    assert key not in said.out + said.err
    assert "recovery.key" in said.out


def test_the_recovery_key_alone_brings_everything_back(capsule, tmp_path):
    recovery = tmp_path / "recovery.key"
    capsule(*INIT, "--recovery-file", recovery)
    capsule("create", "Summer", "--opens", "+10y")
    story = capsule("story", "add", "summer", "--text", "Still here", "--json").json["story"]["id"]
    lost = (tmp_path / "instance.key").read_bytes()
    (tmp_path / "instance.key").unlink()
    assert capsule("story", "show", story).code == 7

    other = tmp_path / "other.key"
    other.write_text(new_recovery_key()[0])
    assert capsule("key", "recover", "--recovery-file", other, "--json").error["code"] == "wrong_key"
    assert capsule("key", "recover", "--recovery-file", recovery, "--json").json["key"]["capsules"] == 1
    assert capsule("story", "show", story, "--json").json["story"]["text"] == "Still here"

    (tmp_path / "instance.key").write_bytes(lost)
    assert capsule("story", "show", story, "--json").error["code"] == "wrong_key"


def test_the_instance_key_is_rotated_and_the_old_one_kept(capsule, tmp_path):
    capsule(*INIT)
    capsule("create", "Summer", "--opens", "+10y")
    story = capsule("story", "add", "summer", "--text", "Still here", "--json").json["story"]["id"]
    invited = capsule("invite", "summer", "ben@example.org", "--json").json["invitations"][0]
    old = (tmp_path / "instance.key").read_bytes()
    assert capsule("key", "rotate").code == 0

    assert [path.read_bytes() for path in tmp_path.glob("instance.key.before-*")] == [old]
    assert capsule("story", "show", story, "--json").json["story"]["text"] == "Still here"
    assert capsule("join", invited["token"]).code == 0


@pytest.mark.parametrize("place", ["answer", "file", "usual file"])
def test_a_lost_recovery_key_is_replaced_and_the_old_one_opens_nothing(capsule, tmp_path, place):
    old = tmp_path / "old.key"
    capsule(*INIT, "--recovery-file", old)
    capsule("create", "Summer", "--opens", "+10y")
    new = tmp_path / "new.key"
    match place:
        case "answer":
            said = capsule("key", "new-recovery", "--json").json
            new.write_text(said["recovery"]["key"])
            assert (said["recovery"]["file"], said["left"]) == (None, [])
        case "file":
            assert capsule("key", "new-recovery", "--recovery-file", new).code == 0
        case _:
            assert capsule("key", "new-recovery").code == 0
            (made,) = tmp_path.glob("recovery-*.key")
            made.rename(new)
    assert mode(new) == 0o600 or place == "answer"
    assert capsule("key", "status").code == 0

    (tmp_path / "instance.key").unlink()
    assert capsule("key", "recover", "--recovery-file", old, "--json").error["code"] == "wrong_key"
    assert capsule("key", "recover", "--recovery-file", new, "--json").json["key"]["without_instance"] == 0


def test_the_recovery_key_there_is_already_is_no_new_one(capsule, tmp_path):
    old = tmp_path / "old.key"
    capsule(*INIT, "--recovery-file", old)

    assert (
        capsule("key", "new-recovery", "--recovery-file", old, "--json").error["reason"]
        == "recovery_key_same"
    )


def test_the_instance_key_is_no_recovery_key(capsule, tmp_path):
    InstanceKey.create(tmp_path / "instance.key")
    refused = capsule(*INIT, "--recovery-file", tmp_path / "instance.key")
    assert (refused.code, refused.error["reason"]) == (2, "recovery_key_is_instance_key")

    capsule(*INIT)
    again = capsule("key", "new-recovery", "--recovery-file", tmp_path / "instance.key", "--json")
    assert (again.code, again.error["reason"]) == (2, "recovery_key_is_instance_key")


def test_a_damaged_envelope_shows_in_how_the_keys_stand_and_keeps_the_old_recovery_key_in_use(
    capsule, tmp_path
):
    recovery = tmp_path / "recovery.key"
    capsule(*INIT, "--recovery-file", recovery)
    capsule("create", "Summer", "--opens", "+10y")
    with sqlite3.connect(tmp_path / "data" / "capsule.db") as database:
        database.execute("UPDATE key_envelope SET envelope = substr(envelope, 2) WHERE kind = 'instance'")
    database.close()

    status = capsule("key", "status")
    assert (status.code, "The instance key opens 0 of 1 capsules." in status.out) == (7, True)
    renewed = capsule("key", "new-recovery", "--json")
    assert (renewed.code, [one["slug"] for one in renewed.json["left"]]) == (5, ["summer"])


def test_the_recovery_key_is_read_from_stdin(capsule, tmp_path, monkeypatch):
    recovery = capsule(*INIT).json["recovery"]["key"]
    typed = tmp_path / "typed"
    typed.write_text(recovery.lower().replace("1", "1 ", 1) + "\n")
    with typed.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert capsule("key", "recover").code == 0


def test_settings_are_shown_with_their_origin_and_without_secrets(capsule, monkeypatch, tmp_path):
    capsule(*INIT)
    monkeypatch.setenv("CAPSULE_SMTP__HOST", "mail.example.org")
    monkeypatch.setenv("CAPSULE_SMTP__USERNAME", "ada@example.org")
    monkeypatch.setenv("CAPSULE_SMTP__PASSWORD", "hunter2")
    shown = capsule("config", "show", "--json")

    settings = shown.json["config"]["settings"]
    assert settings["smtp.host"] == {"value": "mail.example.org", "origin": "environment CAPSULE_SMTP__HOST"}
    assert "hunter2" not in shown.out + capsule("config", "show").out
    assert capsule("config", "path").out == f"{tmp_path / 'config.toml'}\n"
    monkeypatch.setenv("CAPSULE_SMTP__PORT", "many")
    said = capsule("config", "check", "--json")
    assert (said.code, "smtp.port" in said.error["message"]) == (7, True)


@pytest.mark.parametrize(
    ("setting", "state", "words"),
    [
        ({}, "good", "at 01:00-06:00 (UTC), in /dev/shm."),
        ({"CAPSULE_FILM__QUIET_HOURS": "always"}, "good", "always"),
        ({"CAPSULE_FILM__QUIET_HOURS": "never"}, "good", "it is off"),
        ({"CAPSULE_FILM__CACHE_SIZE": "0"}, "warning", "no room"),
    ],
)
def test_the_doctor_says_whether_films_can_be_rendered_ahead(capsule, monkeypatch, setting, state, words):
    capsule("init", "--yes")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("CAPSULE_ZONE", "UTC")
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    findings = {one["what"]: one for one in capsule("doctor", "--json").json["findings"]}

    assert findings["rendering ahead"]["state"] == state
    assert words in findings["rendering ahead"]["says"]


def test_the_doctor_finds_all_well_and_then_what_is_wrong(capsule, tmp_path):
    capsule(*INIT)
    said = capsule("doctor", "--json")
    assert said.code == 0, said.out
    states = {one["what"]: one["state"] for one in said.json["findings"]}
    good = {"data folder", "ffmpeg", "fonts", "decoders", "database", "instance key", "zone rules", "outbox"}
    assert {what: states[what] for what in good} == dict.fromkeys(good, "good")
    assert (states["mail"], states["daemon"]) == ("warning", "warning")

    (tmp_path / "instance.key").chmod(0o644)
    wrong = capsule("doctor")
    assert wrong.code == 7
    assert f"✗ key file: {tmp_path / 'instance.key'} can be read by others (644)" in wrong.out
    (tmp_path / "instance.key").unlink()
    assert "✗ instance: The instance key" in capsule("doctor").out


def test_an_opening_is_rehearsed_without_opening_anything(summer):
    summer("story", "add", "summer", "--text", "Still here")
    said = summer("doctor", "--opening", "summer", "--json")

    assert (said.code, said.json["healthy"]) == (0, True), said.json["findings"]
    assert [one["what"] for one in said.json["findings"]] == [
        "instance key", "recovery key", "words", "files", "film", "disk",
    ]  # fmt: skip
    assert summer("show", "summer", "--json").json["capsule"]["state"] == "sealed"
    assert summer("doctor", "--opening", "winter", "--json").error["code"] == "not_found"


@pytest.mark.slow
def test_a_face_model_that_is_none_is_said_in_one_sentence(capsule, tmp_path, monkeypatch):
    capsule(*INIT)
    assert "face model" not in capsule("doctor").out
    monkeypatch.setenv("CAPSULE_FILM__FACE_MODEL", str(tmp_path / "faces.onnx"))
    missing = f"There is no face model at {tmp_path / 'faces.onnx'};"
    assert missing in capsule("config", "check").err
    assert f"! face model: {missing}" in capsule("doctor").out
    (tmp_path / "faces.onnx").write_text("no model")
    checked = capsule("config", "check", "--json")
    assert checked.code == 0
    assert "is no face model that can be used" in checked.json["config"]["warnings"][-1]

    (tmp_path / "faces.onnx").write_bytes(magenta_model())
    assert f"✓ face model: {tmp_path / 'faces.onnx'} finds faces." in capsule("doctor").out


def test_a_clock_in_doubt_opens_nothing_until_somebody_vouches_for_it(capsule, tmp_path):
    import sqlite3

    from integration.cli.instances import due_capsule

    capsule(*INIT)
    due_capsule()
    with sqlite3.connect(tmp_path / "data" / "capsule.db") as database:
        database.execute("UPDATE instance SET seen_at = '2999-01-01 00:00:00.000000'")
    database.close()
    assert "behind the last time" in capsule("tick", "--dry-run").err
    assert capsule("open", "old-times", "--json").error["code"] == "not_due"
    done = capsule("tick", "--json")
    assert (done.code, done.json["opened"]) == (5, [])
    assert any("behind" in one["says"] for one in capsule("doctor", "--json").json["findings"])
    counted = capsule("create", "New times", "--opens", "in 1 year", "--yes", "--json").error
    assert (counted["code"], counted["reason"]) == ("usage", "date_from_doubted_clock")
    assert "behind the last time" in counted["message"]
    assert capsule("reschedule", "old-times", "in 1 year", "--yes", "--json").code == 2
    assert capsule("create", "New times", "--opens", "2036-05-08", "--yes").code == 0

    assert capsule("doctor", "--trust-clock").code == 0
    assert capsule("open", "old-times").code == 0


def converse(words: list[str], answers: list[tuple[str, str | None]]) -> tuple[int, str]:
    """
    Run `capsule` on a terminal, and answer each question once it is seen; its exit code and all that was shown.

    What has None for an answer is waited for alone.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "memorycapsule.cli", *words])
    shown, seen, deadline = "", 0, time.monotonic() + 120
    waiting = list(answers)
    while time.monotonic() < deadline and select.select([terminal], [], [], 120)[0]:
        try:
            shown += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # Linux: the other end is closed
            break
        while waiting and waiting[0][0] in shown[seen:]:
            sought, answer = waiting.pop(0)
            seen = shown.index(sought, seen) + len(sought)
            if answer is not None:
                os.write(terminal, f"{answer}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_on_a_terminal_init_asks_five_questions_and_shows_the_recovery_key_once(
    capsule, tmp_path, monkeypatch
):
    monkeypatch.delenv("CAPSULE_ZONE")
    monkeypatch.delenv("CAPSULE_DATA_DIR")
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        code, shown = converse(
            ["init"],
            [
                ("1/5 Your e-mail address", "ada@example.org"),
                ("2/5 Who sends", "none"),
                ("3/5 Address under which", "photos.example.org"),
                ("3/5 Address under which", "https://photos.example.org"),
                ("Port to which", str(taken.getsockname()[1])),
                ("is taken by another program", None),
                ("Port to which", str(port)),
                ("4/5 Time zone", "seoul"),
                ("Asia/Seoul", None),
                ("4/5 Time zone", "Asia/Seoul"),
                ("5/5 Folder", "/dev/null/album"),
                ("cannot be made", None),
                ("5/5 Folder", str(tmp_path / "album")),
            ],
        )

    assert code == 0, shown
    settings = tomllib.loads((tmp_path / "config.toml").read_text())
    assert {name: value for name, value in settings.items() if value} == {
        "data_dir": str(tmp_path / "album"),
        "zone": "Asia/Seoul",
        "public_url": "https://photos.example.org",
        "daemon": {"port": port},
    }
    assert "GB are free there" in shown
    assert shown.count("AGE-SECRET-KEY-1") == 1
    assert not (tmp_path / "recovery.key").exists()
    assert (
        capsule("create", "Ours", "--opens", "2036-05-08 09:00", "--json").json["capsule"]["zone"]
        == "Asia/Seoul"
    )


def test_on_a_terminal_a_mail_server_is_tried_before_there_is_an_instance(tmp_path, monkeypatch, capsule):
    monkeypatch.setenv("CAPSULE_PUBLIC_URL", "https://photos.example.org")
    with MailServer() as post, socket.create_server(("127.0.0.1", 0)) as silent:
        refusing = silent.getsockname()[1]
        silent.close()
        own = [("Name of the mail server", "127.0.0.1"), ("Security", "none")]
        code, shown = converse(
            ["init", "--admin", "ada@example.org"],
            [
                ("2/5 Who sends", "own"),
                *own,
                ("Its port", str(refusing)),
                ("Login name", ""),
                ("Keep these settings all the same?", "n"),
                ("2/5 Who sends", "own"),
                *own,
                ("Its port", str(post.port)),
                ("Login name", ""),
                ("The test letter is on its way", None),
                ("3/5 Address under which", "https://photos.example.org"),
                ("Port to which", ""),
                ("4/5 Time zone", ""),
            ],
        )

    assert code == 0, shown
    assert [letter.recipients for letter in post.messages] == [("ada@example.org",)]
    assert tomllib.loads((tmp_path / "config.toml").read_text())["smtp"]["port"] == post.port


@pytest.mark.slow
def test_on_a_terminal_the_date_is_confirmed_and_no_changes_nothing(initialised):
    code, shown = converse(["create", "Ours", "--opens", "2036-05-08 09:00"], [("Is that right?", "n")])
    assert (code, "Thursday, 8 May 2036, 9:00 in the morning (Seoul time)" in shown) == (1, True)
    assert initialised("list", "--json").json["capsules"] == []

    code, shown = converse(["create", "Ours", "--opens", "2036-05-08 09:00"], [("Is that right?", "y")])
    assert code == 0, shown
    assert initialised("list", "--json").json["capsules"][0]["slug"] == "ours"


def test_the_module_runs_like_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "memorycapsule.cli", "--version", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout)["schema"] == 1
