"""An instance of its own for each test, and `capsule` as a function."""

import logging
import shutil
from pathlib import Path

import pytest

from integration.cli.instances import Capsule, Said
from memorycapsule.cli import main
from support.references import hold_to_the_reference


@pytest.fixture
def capsule(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Capsule:
    """`capsule("story", "add", ...)` in this process; `token=` acts as a member."""
    _set_up(monkeypatch, tmp_path)

    def run(*words: object, token: str | None = None) -> Said:
        capfd.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            if token:
                patch.setenv("CAPSULE_TOKEN", token)
            handlers = logging.root.handlers[:]
            code = main([str(word) for word in words])
            # The daemon sets up the log of its process; here, others live in it as well.
            logging.root.handlers[:] = handlers
        said = Said(code, *capfd.readouterr())
        assert "Traceback" not in said.out + said.err
        if "--json" in words:
            hold_to_the_reference(words, said.out)
        return said

    return run


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two instances, `initialised` and `summer`, to be copied: making each anew takes a second."""
    folder = tmp_path_factory.mktemp("prepared")
    for name, capsules in (("initialised", []), ("summer", [["create", "Summer", "--opens", "in 10 years"]])):
        with pytest.MonkeyPatch.context() as patch:
            _set_up(patch, folder / name)
            (folder / name).mkdir()
            for words in (["init", "--yes", "--admin", "ada@example.org", "--name", "Ada"], *capsules):
                assert main([*words, "--json"]) == 0
    return folder


@pytest.fixture
def initialised(capsule: Capsule, prepared: Path, tmp_path: Path) -> Capsule:
    """`capsule` in an instance whose admin is Ada."""
    shutil.copytree(prepared / "initialised", tmp_path, dirs_exist_ok=True)
    return capsule


@pytest.fixture
def summer(capsule: Capsule, prepared: Path, tmp_path: Path) -> Capsule:
    """`capsule` in an instance with a capsule called `summer`, which opens in ten years."""
    shutil.copytree(prepared / "summer", tmp_path, dirs_exist_ok=True)
    return capsule


def _set_up(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("CAPSULE_CONFIG", str(folder / "config.toml"))
    patch.setenv("CAPSULE_DATA_DIR", str(folder / "data"))
    patch.setenv("CAPSULE_ZONE", "Asia/Seoul")
    patch.setenv("CAPSULE_FILM__SIZE", "160x90")
    patch.setenv("CAPSULE_FILM__FPS", "10")
