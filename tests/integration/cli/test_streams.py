"""Streams that are closed, full or read by nobody: `capsule` ends as it should, without a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from memorycapsule.seal.envelopes import recipient_of
from memorycapsule.seal.keys import parse_recovery_key

pytestmark = pytest.mark.slow

CAPSULE = (sys.executable, "-m", "memorycapsule.cli")
INIT = "init --yes --admin ada@example.org --json"


def _shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which $CAPSULE is the command; what it says comes back in a file where stdout is led."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env={**os.environ, "CAPSULE": " ".join(CAPSULE)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_closed_streams_lead_nowhere_and_never_into_a_file_that_is_opened_later(summer, tmp_path):
    done = _shell("$CAPSULE story add summer --title Swing <&- >&- 2>&-")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [one["title"] for one in summer("story", "list", "summer", "--json").json["stories"]] == ["Swing"]


@pytest.mark.parametrize("words", ["list", "list --json"])
def test_an_answer_that_could_not_be_written_is_no_success(summer, words):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = _shell(f"$CAPSULE {words} >/dev/full")

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "The answer could not be written: No space left on device." in done.stderr


def test_what_is_said_beside_the_answer_may_get_lost(summer):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = _shell("$CAPSULE invite summer ben@example.org --json 2>/dev/full")

    assert (done.returncode, '"email": "ben@example.org"' in done.stdout) == (0, True)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_words_that_are_not_utf_8_are_refused_in_every_locale(summer, tmp_path, locale):
    (tmp_path / "letter.txt").write_bytes("할머니께".encode("cp949"))
    done = _shell(f"LC_ALL={locale} $CAPSULE story add summer --title t --text - < '{tmp_path}/letter.txt'")
    title = _shell(f"LC_ALL={locale} $CAPSULE story add summer --title \"$(printf 'caf\\351')\"")

    assert (done.returncode, "CP949" in done.stderr) == (2, True)
    assert (title.returncode, "--title is not UTF-8" in title.stderr) == (2, True)
    assert summer("story", "list", "summer", "--json").json["stories"] == []


@pytest.mark.parametrize("stdout", ["full", "a pipe that nobody reads"])
def test_no_instance_is_made_whose_recovery_key_nobody_has_seen(capsule, stdout):
    """It is said before the commit, so that a second run makes the instance."""
    if stdout == "full":
        assert _shell(f"$CAPSULE {INIT} >/dev/full").returncode == 1
    else:
        reading, writing = os.pipe()
        os.close(reading)
        assert subprocess.run([*CAPSULE, *INIT.split()], stdout=writing, check=False).returncode == 1
        os.close(writing)

    assert capsule("list", "--json").error["code"] == "not_initialised"
    recipient = recipient_of(capsule(*INIT.split()).json["recovery"]["key"])
    assert capsule("key", "status", "--json").json["key"]["recovery_recipient"] == recipient


@pytest.mark.parametrize("stdout", [">&-", ">/dev/null"])
def test_where_nobody_reads_the_answer_the_recovery_key_goes_to_a_file(capsule, tmp_path, stdout):
    assert _shell(f"$CAPSULE {INIT} {stdout}").returncode == 0

    recipient = recipient_of(parse_recovery_key((tmp_path / "recovery.key").read_text()))
    assert capsule("key", "status", "--json").json["key"]["recovery_recipient"] == recipient


def test_a_run_that_ends_while_the_recovery_key_is_said_can_be_repeated(capsule):
    killed = _shell(
        f"""{sys.executable} -c '
import os, sys
from memorycapsule.cli import main
from memorycapsule.cli.output import Output
deliver = Output.deliver
Output.deliver = lambda out: (deliver(out), os.kill(os.getpid(), 9))
main("{INIT}".split())'"""
    )
    said = json.loads(killed.stdout)

    assert killed.returncode == 128 + 9
    again = capsule(*INIT.split()).json
    assert again["instance"] == said["instance"]
    assert recipient_of(again["recovery"]["key"]) == again["recovery"]["recipient"]
    assert capsule("key", "status").code == 0
