"""Starting the command line loads only what it needs."""

import subprocess
import sys

import pytest

HEAVY = [
    "alembic", "apscheduler", "cv2", "fastapi", "httpx", "moviepy", "numpy", "PIL", "pillow_heif", "sqlalchemy", "sqlmodel", "starlette", "uvicorn",
]  # fmt: skip


def modules_after(statement: str) -> set[str]:
    program = f"import sys, contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    {statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {module.partition(".")[0] for module in done.stdout.split()}


@pytest.mark.parametrize("words", [["--help"], ["story", "add", "--help"], ["list", "--help"]], ids=" ".join)
def test_help_loads_no_pixels_no_server_and_no_database(words: list[str]):
    run = f"sys.argv = {['capsule', *words]!r}; from memorycapsule.cli import main\n    with contextlib.suppress(SystemExit): main()"
    loaded = modules_after(run)

    assert "typer" in loaded
    assert sorted(loaded & set(HEAVY)) == []


def test_the_domain_needs_nothing_but_python():
    loaded = modules_after("import memorycapsule.domain.capsules, memorycapsule.domain.montages")

    assert sorted(loaded & {*HEAVY, "pydantic", "typer", "rich", "jinja2"}) == []
