"""Every wrong input ends with one sentence and the exit code that is documented, and changes nothing."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.cli import wrong_inputs
from integration.cli.conftest import _set_up
from integration.cli.instances import bitmap
from memorycapsule.cli import main

WRONG = [
    (line, code) for code, lines in wrong_inputs.ALL.items() for line in lines.splitlines() if line.strip()
]


def _words(line: str) -> list[str]:
    return [word.replace("LONG", "x" * 10_000).replace("CUT", "caf\udce9") for word in shlex.split(line)]


@pytest.fixture(scope="module")
def instance(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One instance for all of them, as nothing is changed, in a folder with files that are no good."""
    folder = tmp_path_factory.mktemp("wrong")
    shutil.copytree(prepared / "summer", folder, dirs_exist_ok=True)
    for name in ("good.bmp", "-rf.bmp"):
        bitmap(folder / name)
    for name in ("dir", "dirempty", "loops"):
        (folder / name).mkdir()
    (folder / "dir" / "good.bmp").symlink_to("../good.bmp")
    (folder / "bin.dat").write_bytes(bytes(range(256)))
    (folder / "rnd.jpg").write_bytes(bytes(range(255, 0, -1)))
    (folder / "empty.jpg").touch()
    (folder / "x.mp3").write_text("la la la")
    for name in ("film.mp4", "there.mp4"):
        (folder / name).write_bytes(b"a film")
    (folder / "hard.mp4").hardlink_to(folder / "film.mp4")
    (folder / "soft.mp4").symlink_to("film.mp4")
    for one, other in (("loop1", "loop2"), ("loop2", "loop1"), ("loops/a", "b"), ("loops/b", "a")):
        (folder / one).symlink_to(other)
    os.mkfifo(folder / "pipe.jpg")
    with pytest.MonkeyPatch.context() as patch:
        _set_up(patch, folder)
        patch.chdir(folder)
        yield folder


def test_there_are_enough_of_them():
    assert len(WRONG) == len({line for line, _ in WRONG}) > 265


@pytest.mark.parametrize(("line", "code"), WRONG, ids=[line.strip() for line, _ in WRONG])
def test_a_wrong_input_is_refused_in_one_sentence(instance, capfd, line, code):
    capfd.readouterr()
    ended = main(["--json", *_words(line)])
    said = capfd.readouterr()
    answer = json.loads(said.out)

    assert (ended, "Traceback" in said.err) == (code, False)
    message = answer["error"]["message"]
    assert answer["error"]["code"] != "unexpected"
    assert message.endswith((".", "?"))
    assert "\n" not in message
    assert len(message) < 500
    assert not {"NoneType", "Errno", "pydantic", "parse string"} & set(message.split())


def test_nothing_came_of_them(instance, capfd):
    """The last of this file: the capsule is as it was, and no file was made or changed."""
    capfd.readouterr()
    assert main(["list", "--json"]) == 0
    (capsule,) = json.loads(capfd.readouterr().out)["capsules"]
    assert main(["show", "summer", "--json"]) == 0
    shown = json.loads(capfd.readouterr().out)["capsule"]

    assert (capsule["slug"], shown["stories"], shown["invitations"]) == ("summer", [], [])
    assert {path.name for path in instance.iterdir() if path.name.startswith(("x", "kept", "."))} == {"x.mp3"}
    assert (instance / "film.mp4").read_bytes() == b"a film"


@pytest.mark.slow
@pytest.mark.parametrize(("line", "code"), WRONG[::20], ids=[line.strip() for line, _ in WRONG[::20]])
def test_a_process_of_its_own_says_it_on_stderr(instance, line, code):
    done = subprocess.run(
        [sys.executable, "-m", "memorycapsule.cli", *_words(line)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (code, "", False)
    assert done.stderr.strip()
