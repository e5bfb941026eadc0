"""Starting the command line loads only what it needs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from types import MappingProxyType

import pytest

HEAVY = [
    "alembic", "apscheduler", "babel", "cv2", "fastapi", "httpx", "idna", "moviepy", "numpy", "PIL", "pillow_heif", "sqlalchemy", "sqlmodel", "starlette", "structlog", "uvicorn",
]  # fmt: skip


def modules_after(
    statement: str, environment: Mapping[str, str] = MappingProxyType({}), *, whole: bool = False
) -> set[str]:
    """The packages that are loaded after a statement; with `whole`, every module by its whole name."""
    program = f"import sys, contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    {statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {module if whole else module.partition(".")[0] for module in done.stdout.split()}


@pytest.mark.parametrize("words", [["--help"], ["story", "add", "--help"], ["list", "--help"]], ids=" ".join)
def test_help_loads_no_pixels_no_server_and_no_database(words: list[str]):
    run = f"sys.argv = {['capsule', *words]!r}; from memorycapsule.cli import main\n    with contextlib.suppress(SystemExit): main()"
    loaded = modules_after(run, whole=True)

    assert "typer" in loaded
    assert sorted(loaded & {*HEAVY, "memorycapsule.config", "memorycapsule.schemas"}) == []


@pytest.mark.slow
def test_a_list_loads_its_own_database_and_nothing_that_only_speaks_to_people(tmp_path):
    places = {"CAPSULE_CONFIG": f"{tmp_path}/config/config.toml", "CAPSULE_DATA_DIR": f"{tmp_path}/data"}
    run = "from memorycapsule.cli import main; code = main({}); assert code == 0"
    modules_after(run.format(["--quiet", "init", "--yes", "--admin", "ada@example.org"]), places)

    loaded = modules_after(run.format(["list"]), places, whole=True)

    assert "sqlalchemy.dialects.sqlite" in loaded
    needless = {
        "alembic",
        "cv2",
        "fastapi",
        "obstore",
        "procrastinate",
        "pygments",
        "rich",
        "sqlalchemy.dialects.postgresql",
        "structlog",
    }
    assert sorted(loaded & needless) == []


def test_one_machine_needs_nothing_of_what_several_need():
    """The extra `cluster` is not installed then."""
    loaded = modules_after("import memorycapsule.daemon.run, memorycapsule.cli.commands.running")

    assert sorted(loaded & {"obstore", "procrastinate", "psycopg_pool"}) == []


def test_the_domain_needs_nothing_but_python():
    loaded = modules_after("import memorycapsule.domain.capsules, memorycapsule.domain.film.montages")

    assert sorted(loaded & {*HEAVY, "pydantic", "typer", "rich", "jinja2"}) == []
