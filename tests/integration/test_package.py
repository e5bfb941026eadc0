"""What is published: a wheel and its source, which hold the program and nothing of its tests and pictures."""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
#: Fonts, soundtracks and the pages' vendored scripts are nearly all of it; the program itself is small.
MOST_BYTES = 30_000_000
MOST_BYTES_OF_CODE = 2_000_000
#: How the files end that are made elsewhere, or hold no text.
DATA = (".otf", ".ttf", ".woff2", ".m4a", ".mp3", ".png", ".webp", ".jpg", ".avif", ".onnx")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the source that a release would have."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_and_its_source_are_small(built):
    assert {
        path.name: path.stat().st_size for path in built.iterdir() if path.stat().st_size > MOST_BYTES
    } == {}


def test_the_program_in_the_wheel_is_small(wheel):
    own = [
        one for one in wheel.infolist() if not one.filename.endswith(DATA) and "/vendor/" not in one.filename
    ]

    assert sum(one.compress_size for one in own) < MOST_BYTES_OF_CODE


def test_the_wheel_holds_the_program_its_manual_and_completion(wheel):
    names = wheel.namelist()
    (data,) = {name.partition("/")[0] for name in names if ".data/" in name}
    shared = {name.removeprefix(f"{data}/data/share/") for name in names if name.startswith(data)}

    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"memorycapsule"}
    assert shared == {
        "man/man1/capsule.1",
        "man/ko/man1/capsule.1",
        "bash-completion/completions/capsule",
        "zsh/site-functions/_capsule",
        "fish/vendor_completions.d/capsule.fish",
    }


def test_the_wheel_tells_what_it_is_without_a_link_that_leads_nowhere(wheel):
    (path,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    told = Parser().parsestr(wheel.read(path).decode())

    assert (told["Name"], told["License-Expression"], told["Requires-Python"]) == (
        "memorycapsule",
        "MIT",
        ">=3.11",
    )
    assert told["Author"] == "The MemoryCapsule contributors"
    assert {"self-hosted", "time capsule"} <= set(told["Keywords"].split(","))
    assert len(told.get_all("Classifier")) > 10
    assert "](" not in told.get_payload()


def test_the_source_holds_what_the_wheel_is_made_of_and_nothing_else(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}

    assert {name.split("/")[0] for name in names} == {
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "PKG-INFO",
        "deploy",
        "docs",
        "pyproject.toml",
        "src",
    }
    assert [name for name in names if name.startswith("docs/")] == ["docs/package.md"]
