"""The import contracts of `.importlinter` hold, and they cover every module there is."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-logo", "--no-cache"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_go_one_way_and_libraries_stay_at_home():
    done = lint_imports(PROJECT)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_notice_a_library_that_left_its_home(tmp_path: Path):
    config = (PROJECT / ".importlinter").read_text()
    (tmp_path / ".importlinter").write_text(config)
    package = tmp_path / "src" / "memorycapsule"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    layers = config.split("layers =\n")[1].split("\n\n")[0].replace("|", "\n").split()
    for layer in layers:
        (package / f"{layer}.py").touch()
    (package / "daemon.py").unlink()
    pages = package / "daemon" / "http"
    for room in ("accounts", "guests", "owners", "uploads"):
        (pages / room).mkdir(parents=True)
        (pages / room / "__init__.py").touch()
    (pages / "__init__.py").touch()
    (package / "daemon" / "__init__.py").touch()
    assert lint_imports(tmp_path).returncode == 0

    (package / "services.py").write_text("import sqlmodel, cv2\nfrom memorycapsule import cli\n")
    (package / "store.py").write_text("from memorycapsule import mail\n")
    (package / "helpers.py").touch()
    (pages / "guests" / "__init__.py").write_text("from memorycapsule.daemon.http import owners\n")
    (pages / "owners" / "__init__.py").write_text("from memorycapsule import store\n")
    (package / "media.py").unlink()
    (package / "media").mkdir()
    (package / "media" / "__init__.py").touch()
    (package / "media" / "clips.py").write_text("from memorycapsule.media import exif\n")
    (package / "media" / "exif.py").write_text("from memorycapsule.media import clips\n")
    said = lint_imports(tmp_path)

    assert said.returncode == 1
    assert "memorycapsule.services -> sqlmodel" in said.stdout
    assert "memorycapsule.services -> cv2" in said.stdout
    assert "memorycapsule.services -> memorycapsule.cli" in said.stdout
    assert "memorycapsule.store -> memorycapsule.mail" in said.stdout
    assert "memorycapsule.daemon.http.guests -> memorycapsule.daemon.http.owners" in said.stdout
    assert "memorycapsule.daemon.http.owners -> memorycapsule.store" in said.stdout
    assert "No cycles are allowed in memorycapsule.media" in said.stdout
    assert "not listed as layers" in said.stdout


def test_a_door_that_needs_no_adapter_any_more_is_not_excused(tmp_path: Path):
    config = (PROJECT / ".importlinter").read_text()
    contracts, doors = config.split("[importlinter:contract:doors]")
    assert "# " in doors, "each exception has its reason"
    strict = doors.replace(
        "unmatched_ignore_imports_alerting = none", "unmatched_ignore_imports_alerting = error"
    )
    (tmp_path / ".importlinter").write_text(f"{contracts}[importlinter:contract:doors]{strict}")
    (tmp_path / "src").symlink_to(PROJECT / "src")

    done = lint_imports(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
