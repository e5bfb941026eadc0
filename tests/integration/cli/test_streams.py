"""Streams that are closed, full or read by nobody: `capsule` ends as it should, without a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CAPSULE = (sys.executable, "-m", "memorycapsule.cli")


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
