"""
What every test stands on: a clean environment, a home of its own, no network but loopback, real parts.

Components that a machine may lack (the sample photos, Postgres) skip with a sentence, and fail where CI=true.
"""

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from memorycapsule.journal import journal
from support import leaks, loopback
from support.compilations import remembering_statements
from support.moments import NOW
from support.servers import Postgres, is_missing, open_postgres

loopback.allow_nothing_else()
# How long something takes says more about the machine than about the program: no example has a deadline, and no test
# asserts a time (see architecture/test_clocks.py).
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

PROJECT = Path(__file__).parent.parent


def pytest_collection_finish() -> None:
    """What has been loaded stays to the end: nobody need look for garbage in it again and again."""
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to the night what belongs to it."""
    if os.environ.get("CAPSULE_NIGHTLY"):
        return
    of_the_night = [item for item in items if item.get_closest_marker("nightly")]
    if of_the_night:
        config.hook.pytest_deselected(items=of_the_night)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]


#: Variables that would change what the program or the terminal does, whoever runs the tests.
_MEDDLING = {
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "COLUMNS",
    "NO_COLOR",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "LANGUAGE",
    "LC_ALL",
    "LC_MESSAGES",
}


@pytest.fixture(autouse=True, scope="session")
def _clean_session() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            is_ours = name.startswith("CAPSULE_") and not name.startswith("CAPSULE_TEST_")
            if is_ours or name in _MEDDLING:
                patch.delenv(name)
        # GNU's readline, which pytest loads, sets this one behind the back of os.environ, and programs inherit it.
        os.unsetenv("COLUMNS")
        # Below nohup it is ignored, and programs inherit that: nothing would end by it.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        patch.setenv("LANG", "C.UTF-8")
        yield


@pytest.fixture(autouse=True, scope="session")
def _known_statements() -> Iterator[None]:
    """Nearly every test has a store of its own."""
    with remembering_statements():
        yield


@pytest.fixture(autouse=True, scope="session")
def _nothing_leaks() -> Iterator[None]:
    """Nothing that any test puts in stands in what is logged or measured while this process runs its tests."""
    with leaks.watching() as watch:
        yield
    assert watch.found() == []


@pytest.fixture(autouse=True, scope="session")
def _own_home(_clean_session: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """No test reads or writes what belongs to the person who runs it; yields the folders of the home."""
    home = tmp_path_factory.mktemp("home")
    folders = [home]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in ("CONFIG_HOME", "DATA_HOME", "STATE_HOME", "CACHE_HOME", "RUNTIME_DIR"):
            folder = home / name.lower()
            folder.mkdir(mode=0o700)
            patch.setenv(f"XDG_{name}", str(folder))
            folders.append(folder)
        yield folders


@pytest.fixture(autouse=True)
def _empty_home(_own_home: list[Path]) -> Iterator[None]:
    """What one test leaves in the home is gone before the next: a home for each would be six folders for each."""
    yield
    for folder in _own_home:
        for left in set(folder.iterdir()).difference(_own_home):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """How one test has the log written is over with it."""
    structlog.reset_defaults()
    # The usual renderer draws every local variable of a traceback, which may take minutes.
    structlog.configure(
        processors=[
            leaks.note,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    yield
    structlog.reset_defaults()
    journal.set_up_with(None)


@pytest.fixture
def now() -> datetime:
    """`moments.NOW`, for tests that like it as an argument."""
    return NOW


@pytest.fixture(scope="session")
def photos() -> Path:
    """
    The folder of sample photos: `CAPSULE_TEST_PHOTOS`, else `../shared/photos` beside the project.

    `CAPSULE_TEST_PHOTOS=none` says on purpose that there are none, and skips even where CI=true.
    """
    given = os.environ.get("CAPSULE_TEST_PHOTOS")
    if given == "none":
        pytest.skip("CAPSULE_TEST_PHOTOS=none: tests over the sample photos are left out on purpose.")
    folder = Path(given) if given else PROJECT.parent / "shared" / "photos"
    if not (folder / "facts.json").is_file():
        is_missing(f"No sample photos in {folder}; say with CAPSULE_TEST_PHOTOS where they are.")
    return folder.resolve()


@pytest.fixture(scope="session")
def cases(photos) -> Path:
    """The folder of files that people's cameras and programs made, beside that of the sample photos."""
    folder = photos.parent / "cases"
    if not (folder / "right_values.json").is_file():
        pytest.skip(f"No files of people's cases in {folder}.")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One Postgres server for the whole run; ask it for databases."""
    server = open_postgres()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once a SQLite file and once (slow) on a real Postgres."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'capsule.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)
