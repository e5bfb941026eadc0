"""Whatever is typed wrongly or stands in the way: one sentence, and the exit code that scripts rely on."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from integration.cli.instances import bitmap, join
from memorycapsule.cli import boundary
from memorycapsule.store import schema
from memorycapsule.work.lock import FolderLock
from support.mailservers import MailServer


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["create", "X", "--opens", "2020-01-01"], 2, "has passed already"),
        (["create", "X", "--opens", "soonish"], 2, "not a date"),
        (["create", "X", "--opens", "2036-02-30"], 2, "not a date that exists"),
        (
            ["create", "X", "--opens", "+1y", "--zone", "Mars/Olympus"],
            2,
            "no time zone called “Mars/Olympus”",
        ),
        (["create", "X", "--opens", "+1y", "--theme", "disco"], 2, "no theme “disco”"),
        (["create", " ", "--opens", "+1y"], 2, "title is empty"),
        (["create", "X", "--opens", "+1y", "--film-photos", "many"], 2, "--film-photos"),
        (["create", "X", "--opens", "+1y", "--film-photos", "-3"], 2, "1 to 2,000"),
        (["create", "X", "--opens", "+1y", "--film-photos", "0"], 2, "1 to 2,000 pictures, not 0."),
        (["create", "X", "--opens", "+1y", "--soundtrack", "no-song.mp3"], 1, "no-song.mp3 cannot be read"),
        (["create", "X"], 2, "--opens"),
        (["invite", "summer", "not an address"], 2, "not an e-mail address"),
        (["invite", "summer", "a@example.org", "--role", "owner"], 2, "one owner"),
        (["invite", "summer", "a@example.org", "--role", "king"], 2, "contributor or recipient"),
        (["invite", "summer", "a@example.org", "--locale", "fr"], 2, "en or ko"),
        (["invite", "summer", "a@example.org", "--resend", "--revoke"], 2, "not both"),
        (["invite", "summer", "a@example.org", "--revoke"], 3, "is not invited"),
        (["invite", "summer", "ada@example.org"], 8, "a member of this capsule already"),
        (["invite", "winter", "a@example.org"], 3, "no capsule of that name"),
        (["join", "https://photos.example.org/g/i/unknown"], 3, "not known here"),
        (["show", "winter"], 3, "`capsule list` shows yours."),
        (["open", "summer"], 4, "Not yet. It opens on"),
        (["montage", "list", "summer"], 4, "sealed"),
        (["montage", "make", "summer"], 4, "sealed"),
        (["montage", "make", "summer", "--length", "forever"], 2, "short, full, or a number"),
        (["montage", "make", "summer", "--music", "opera"], 2, "There is no theme"),
        (["montage", "make", "summer", "--music", "museum", "--soundtrack", "a.mp3"], 2, "one song"),
        (["montage", "save", "unknown", "film.mp4"], 3, "no such film"),
        (["story", "show", "unknown"], 3, "no such story"),
        (["story", "add", "summer"], 2, "a text, a title or files"),
        (["story", "add", "summer", "--to", "x", "--title", "y"], 2, "takes files only"),
        (["story", "add", "summer", "--title", "x" * 201], 2, "longer than 200"),
        (["delete", "summer"], 2, "add --yes"),
        (["edit", "summer"], 2, "what is to change"),
        (["mail", "test", "nobody"], 2, "not an e-mail address"),
        (["mail", "retry", "unknown"], 3, "no letter “unknown”"),
        (["mail", "retry", "unknown", "--rejected"], 2, "not two of them"),
        (["mail", "retry", "--unknown", "--rejected"], 2, "not two of them"),
        (["key", "recover", "--recovery-file", "none"], 7, "cannot be read"),
        (["key", "recover", "--recovery-file", "/dev/null"], 2, "That is not a key"),
        (["reschedule", "summer", "in 2 years"], 2, "add --yes"),
        (["create", "X", "--opens", "+1y", "--cover", "/dev/null"], 1, "/dev/null is not a file."),
        (["create", "X", "--opens", "+1y", "--film-photos", "1e9"], 2, "it has to be a whole number."),
        (["create", "X", "--opens", "+1y", "--zone", "seoul"], 2, "Did you mean Asia/Seoul?"),
        (["init", "--yes"], 7, "already; nothing was changed"),
        (["--config", "nowhere.toml", "list"], 7, "no configuration file"),
        (["render", "no.jpg", "-o", "film.mp4"], 1, "there is no film"),
        (["render", "no.jpg", "-o", "nowhere/film.mp4"], 2, "no folder"),
        (["render", "no.jpg", "-o", "film.mp4", "--size", "huge"], 2, "no film size"),
        (["render", "no.jpg", "-o", "film.mp4", "--fps", "1"], 2, "10 to 60"),
        (["render", "no.jpg", "-o", "film.mp4", "--length", "long"], 2, "short, full"),
        (["render", "no.jpg", "-o", "film.mp4", "--from-plan", "no.json"], 2, "cannot be read"),
        (["render", "no.jpg", "-o", "film.mp4", "--plan", "nowhere/plan.json"], 2, "no folder"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_wrong_words(summer, tmp_path, monkeypatch, words, code, sentence):
    monkeypatch.chdir(tmp_path)
    said = summer(*words)

    assert (said.code, said.out) == (code, "")
    assert sentence in said.err
    assert summer(*words, "--json").error["message"] == said.err.splitlines()[-1]


def test_before_init_everything_says_what_to_do(capsule):
    for words in (
        ["list"],
        ["tick"],
        ["db", "check"],
        ["db", "upgrade"],
        ["key", "status"],
        ["story", "list", "x"],
    ):
        said = capsule(*words, "--json")
        assert (said.code, said.error["code"]) == (7, "not_initialised")
        assert "capsule init" in said.error["message"]


def test_an_unreadable_file_is_named(summer, tmp_path):
    photo = bitmap(tmp_path / "closed.bmp")
    photo.chmod(0)
    if os.access(photo, os.R_OK):
        photo.unlink()
        photo.mkdir()
        (photo / "deep").symlink_to("nowhere")
        photo = photo / "deep"
    said = summer("story", "add", "summer", photo, "--json")

    assert (said.code, said.error["code"]) == (1, "files_refused")
    assert said.json["refused"][0]["reason"].startswith("cannot be read: ")


def test_a_strangers_token_opens_nothing(summer):
    for words in (["list"], ["show", "summer"], ["story", "list", "summer"]):
        assert summer(*words, token="a-guess").code == 3


def test_a_member_may_do_what_members_may(summer):
    ben = join(summer)
    words = {
        ("delete", "summer", "--yes"): 8,
        ("edit", "summer", "--title", "Mine"): 8,
        ("invite", "summer", "x@example.org"): 8,
        ("mail", "outbox"): 8,
        ("mail", "retry"): 8,
        ("create", "Mine", "--opens", "+1y"): 8,
        ("show", "summer"): 0,
        ("story", "add", "summer", "--text", "Hello"): 0,
    }
    assert {one: summer(*one, token=ben).code for one in words} == words
    assert summer("delete", "summer", "--yes").code == 8


def test_an_invitation_is_used_once(summer):
    token = summer("invite", "summer", "ben@example.org", "--json").json["invitations"][0]["token"]
    again = summer("invite", "summer", "ben@example.org", "--json").json["invitations"][0]
    assert (again["token"], again["is_new"]) == (token, False)
    renewed = summer("invite", "summer", "ben@example.org", "--resend", "--json").json["invitations"][0]
    assert renewed["token"] != token
    assert summer("join", token).code == 3
    joined = summer("join", renewed["url"], "--name", "Benjamin", "--json").json
    assert joined["member"]["name"] == "Benjamin"
    assert summer("join", renewed["token"]).code == 8
    assert summer("invite", "summer", "ben@example.org").code == 8

    cleo = summer("invite", "summer", "cleo@example.org", "--json").json["invitations"][0]
    assert summer("invite", "summer", "cleo@example.org", "--revoke").code == 0
    assert summer("join", cleo["token"]).code == 8


def test_a_soundtrack_must_be_music_and_a_cover_a_picture(summer, tmp_path):
    words = tmp_path / "words.mp3"
    words.write_text("la la la")
    picture = bitmap(tmp_path / "cover.bmp")
    said = summer("create", "X", "--opens", "+1y", "--soundtrack", words)
    assert (said.code, said.err.startswith("words.mp3 ")) == (1, True)
    assert summer("create", "X", "--opens", "+1y", "--cover", words).code == 1

    made = summer("create", "X", "--opens", "+1y", "--cover", picture, "--json").json["capsule"]
    assert (made["has_cover"], made["has_soundtrack"]) == (True, False)


@pytest.mark.slow
def test_beside_another_worker_there_is_no_second(summer, tmp_path):
    with FolderLock(tmp_path / "data"):
        for words in (["tick"], ["daemon", "--port", "0"], ["db", "upgrade"], ["key", "rotate"]):
            said = summer(*words, "--json")
            assert (said.code, said.error["code"]) == (6, "busy")
        assert summer("invite", "summer", "ben@example.org").code == 0
        assert summer("mail", "outbox", "--json").json["letters"][0]["state"] == "queued"
        assert summer("list").code == 0

    assert summer("tick").code == 0
    assert summer("mail", "outbox", "--json").json["letters"][0]["state"] == "sent"


def test_a_database_from_the_future_is_left_alone(summer, tmp_path):
    with sqlite3.connect(tmp_path / "data" / "capsule.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'from-2040'")
    database.close()

    for words in (["list"], ["tick"], ["db", "check"], ["db", "upgrade"], ["init", "--yes"]):
        said = summer(*words, "--json")
        assert (said.code, said.error["code"]) == (7, "newer_schema")


def test_an_older_database_is_upgraded_on_demand_only(summer, tmp_path, monkeypatch):
    """A second migration, which this version has not, stands in for the next version's."""
    migrations = tmp_path / "migrations"
    shutil.copytree(schema._MIGRATIONS, migrations)
    (migrations / "versions" / "9999_the_next.py").write_text(
        "from alembic import op\n"
        f"revision = '9999'\ndown_revision = {schema.newest_revision()!r}\nbranch_labels = depends_on = None\n"
        "def upgrade():\n    op.execute('CREATE TABLE next_thing (id TEXT)')\n"
        "def downgrade():\n    pass\n"
    )
    monkeypatch.setattr(schema, "_MIGRATIONS", migrations)
    for words in (["list"], ["db", "check"], ["tick"]):
        said = summer(*words, "--json")
        assert (said.code, said.error["code"]) == (7, "migration_needed")
        assert "capsule db upgrade" in said.error["message"]

    upgraded = summer("db", "upgrade", "--json").json["database"]
    assert upgraded["revision"] == "9999"
    assert stat.S_IMODE(Path(upgraded["copy"]).stat().st_mode) == 0o600
    assert summer("db", "check", "--json").json["database"]["revision"] == "9999"
    assert summer("list", "--json").json["capsules"][0]["slug"] == "summer"
    assert "up to date" in summer("db", "upgrade").out


def test_without_its_key_or_with_anothers_nothing_starts(summer, tmp_path):
    key = tmp_path / "instance.key"
    right = key.read_text()
    key.unlink()
    for words in (["list"], ["tick"], ["daemon", "--port", "0"], ["key", "rotate"]):
        assert summer(*words, "--json").error["code"] == "key_missing"
    assert summer("key", "status", "--json").json["key"]["state"] == "missing"

    key.write_text("# not a key at all\n")
    assert summer("list").code == 7
    from memorycapsule.seal.keys import new_recovery_key

    key.write_text(new_recovery_key()[0])
    for words in (["list"], ["tick"], ["daemon", "--port", "0"], ["key", "rotate"]):
        said = summer(*words, "--json")
        assert (said.code, said.error["code"]) == (7, "wrong_key")
    status = summer("key", "status", "--json")
    assert (status.code, status.json["key"]["state"]) == (7, "wrong")
    said = summer("key", "status").out
    assert "The recovery key opens 1 of 1 capsules." in said
    assert "The instance key opens" not in said, "not the one in this file"

    key.write_text(right)
    assert summer("list").code == 0


@pytest.mark.parametrize("password", ["hunter2", "rîght"])
def test_a_wrong_mail_password_is_one_sentence(summer, monkeypatch, password):
    with MailServer(login=("capsule", "rîght")) as server:
        monkeypatch.setenv("CAPSULE_SMTP__HOST", server.host)
        monkeypatch.setenv("CAPSULE_SMTP__PORT", str(server.port))
        monkeypatch.setenv("CAPSULE_SMTP__SECURITY", "none")
        monkeypatch.setenv("CAPSULE_SMTP__USERNAME", "capsule")
        monkeypatch.setenv("CAPSULE_SMTP__PASSWORD", password)
        monkeypatch.setenv("CAPSULE_MAIL__SENDER_ADDRESS", "capsule@example.org")
        said = summer("mail", "test", "ben@example.org", "--locale", "ko", "--json")
        doctor = summer("doctor", "--json").json["findings"]
        shown = summer("config", "show")
        if password == "hunter2":
            assert (said.code, said.error["code"]) == (7, "mail_refused")
            assert "user name and password" in said.error["message"]
            assert [one["state"] for one in doctor if one["what"] == "mail"] == ["wrong"]
        else:
            assert (said.code, said.json["letter"]["state"]) == (0, "sent")
            assert server.messages[0].recipients == ("ben@example.org",)
            assert [one["state"] for one in doctor if one["what"] == "mail"] == ["good"]

    assert password not in said.out + said.err + shown.out


def test_no_mail_server_there_is_said_too(summer, monkeypatch):
    server = MailServer()
    server.start()
    server.stop()
    monkeypatch.setenv("CAPSULE_SMTP__HOST", server.host)
    monkeypatch.setenv("CAPSULE_SMTP__PORT", str(server.port))
    monkeypatch.setenv("CAPSULE_SMTP__SECURITY", "none")
    said = summer("mail", "test", "ben@example.org")
    assert (said.code, "cannot be reached" in said.err) == (7, True)

    refused = summer("invite", "summer", "ben@example.org", "--json")
    assert (refused.code, refused.error["code"]) == (7, "configuration")
    assert "public_url" in refused.error["message"]
    monkeypatch.setenv("CAPSULE_PUBLIC_URL", "https://photos.example.org/capsule")
    invited = summer("invite", "summer", "ben@example.org")
    assert invited.code == 0
    assert "https://photos.example.org/capsule/g/i/" in invited.out
    assert "The letter waits" in invited.err
    waiting = summer("mail", "outbox", "--json").json
    assert (waiting["letters"][0]["state"], waiting["paused"] is not None) == ("queued", True)
    (letter,), pause, where = waiting["letters"], waiting["paused"], f"{server.host}:{server.port}"
    assert (letter["reason"], letter["values"]["server"]) == ("mail_unreachable", where)
    assert (pause["code"], pause["values"]["server"]) == ("mail_unreachable", where)
    assert (
        letter["detail"]
        == pause["reason"]
        == (f"The mail server {where} cannot be reached (connection refused); check host and port.")
    )

    server.start()
    try:
        tried = summer("mail", "retry", "--json").json["letters"]
        assert [(one["state"], one["to"]) for one in tried] == [("sent", "ben@example.org")]
        assert len(server.messages) == 1
    finally:
        server.stop()


def test_why_letters_wait_is_said_in_the_language_of_the_terminal(summer, monkeypatch):
    server = MailServer()
    with server:
        pass
    where = f"{server.host}:{server.port}"
    monkeypatch.setenv("CAPSULE_SMTP__HOST", server.host)
    monkeypatch.setenv("CAPSULE_SMTP__PORT", str(server.port))
    monkeypatch.setenv("CAPSULE_SMTP__SECURITY", "none")
    monkeypatch.setenv("CAPSULE_PUBLIC_URL", "https://photos.example.org/capsule")
    korean = f"메일 서버 {where}에 닿지 않아요(연결을 받아 주지 않음). host와 port를 살펴봐 주세요."

    invited = summer("--lang", "ko", "invite", "summer", "ben@example.org")
    outbox = summer("--lang", "ko", "mail", "outbox")
    tried = summer("--lang", "ko", "mail", "retry")
    monkeypatch.setenv("CAPSULE_PUBLIC_URL", f"http://{where}")  # `doctor` asks there, and nobody answers
    doctor = summer("--lang", "ko", "doctor")

    assert (korean in invited.err, korean in outbox.out, korean in outbox.err) == (True, True, True)
    assert korean in tried.out
    assert f"바로 보내요: {korean}" in doctor.out


def test_links_of_this_machine_alone_are_warned_about(summer):
    said = summer("invite", "summer", "ben@example.org")

    assert "work on this machine only" in said.err
    assert "public_url" in summer("config", "check").err


@pytest.mark.parametrize(
    ("problem", "code", "sentence"),
    [
        (RuntimeError("secret details"), 1, "Run it again with -v"),
        (OSError(28, "No space left on device"), 1, "disk is full"),
        (PermissionError(13, "Permission denied", "/somewhere"), 1, "/somewhere: Permission denied."),
        (KeyboardInterrupt(), 130, "What was finished is safe"),
    ],
    ids=["surprise", "full", "closed", "stopped"],
)
def test_nothing_ends_in_a_traceback(capfd, problem, code, sentence):
    def command(**_given):
        raise problem

    assert boundary.run(command, []) == code
    said = capfd.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert "secret" not in said.err


def test_with_v_the_inside_is_shown(capsule, capfd):
    from memorycapsule.cli import main

    assert main(["-v", "list"]) == 7
    assert "Traceback" in capfd.readouterr().err


def test_a_reader_that_has_enough_ends_it_quietly(summer):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "memorycapsule.cli", "config", "show"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)

    assert (done.returncode, done.stderr) == (1, b"")


def test_names_of_capsules_are_completed(summer):
    environment = {
        **os.environ,
        "_CAPSULE_COMPLETE": "complete_bash",
        "COMP_WORDS": "capsule show su",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-m", "memorycapsule.cli"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "summer")

    broken = {**environment, "CAPSULE_DATA_DIR": "/nonexistent", "CAPSULE_CONFIG": "/nonexistent/config.toml"}
    done = subprocess.run(
        [sys.executable, "-m", "memorycapsule.cli"], env=broken, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_ctrl_c_while_reading_waits_for_nobody(summer):
    """Threads that somebody left behind must not keep the command alive."""
    before = threading.active_count()
    assert summer("list").code == 0

    assert threading.active_count() == before
