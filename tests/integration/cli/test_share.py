"""The manual page and the completion that come along are those of the commands there are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from memorycapsule import cli
from support.servers import is_missing

SHARE = Path(__file__).parents[3] / "deploy" / "share"
MANUALS = ["man/man1/capsule.1", "man/ko/man1/capsule.1"]


def test_what_comes_along_is_made_of_the_commands_of_today():
    """`.venv/bin/python tools/share.py` writes it anew."""
    there = {str(path.relative_to(SHARE)): path.read_text() for path in SHARE.rglob("*") if path.is_file()}

    assert there == cli.shared_files()


@pytest.mark.parametrize("manual", MANUALS)
def test_the_manual_page_tells_of_every_command(manual):
    told = re.findall(r"^\.SS (.+)$", (SHARE / manual).read_text(), re.MULTILINE)

    assert len(told) > 40
    assert {"backup", r"story add", r"login\-link", "daemon"} <= set(told)


@pytest.mark.slow
@pytest.mark.parametrize("manual", MANUALS)
def test_the_manual_page_is_one_that_man_can_show(manual):
    if not shutil.which("man"):
        is_missing("There is no program `man` here.")
    shown = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-P", "cat", SHARE / manual],
        env={"LANG": "C.UTF-8", "MANWIDTH": "80", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert [line for line in shown.stderr.splitlines() if "cannot break line" not in line] == []
    assert "capsule story add" in re.sub(".\b", "", shown.stdout)


def test_the_program_is_linked_to_where_a_shell_looks_and_only_links_are_removed(tmp_path):
    (tmp_path / "bin").mkdir()
    mine = tmp_path / "bin" / "capsule"

    def link(what: str) -> int:
        command = [SHARE.parents[1] / "tools" / "link.sh", what]
        environment = {"PREFIX": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    mine.write_text("mine")
    assert (link("make"), mine.read_text()) == (1, "mine")
    other = tmp_path / "pipx" / "capsule"
    other.parent.mkdir()
    mine.rename(other)
    mine.symlink_to(other)
    assert (link("make"), link("remove"), mine.readlink()) == (1, 0, other), "a link of another installation"
    other.unlink()
    assert (link("make"), link("make")) == (0, 0), "a link that leads nowhere is replaced"
    assert mine.is_symlink()
    assert (tmp_path / "share/man/man1/capsule.1").resolve() == SHARE / "man/man1/capsule.1"
    assert link("remove") == 0
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
