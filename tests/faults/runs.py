"""Runs: one point of one operation, killed there or with a disk that fails there; then gone on with, and checked."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults.houses import House, build, command, copied, meanwhile, quick_pictures, run
from faults.operations import Operation, unknown_letters, whole
from support.fault_points import Points, failing_disk, power_cut
from support.post_office import PostOffice
from support.servers import Postgres

#: A run is gone on with so often at most.
_MOST_RUNS = 4
#: Exit codes that commands promise; what is not in words ends with 99.
_HONEST = range(10)


@dataclass(frozen=True, kw_only=True)
class Result:
    operation: str
    #: Which point it was, from 1.
    number: int
    #: "killed", "ENOSPC", "EIO", "beside"; "passed" where the run came to fewer points.
    fault: str
    broken: tuple[str, ...]
    unknown: int = 0
    #: Unknown letters that never arrived.
    never_arrived: int = 0


@dataclass
class Scene:
    """Where runs take place: templates of houses, and a folder for their copies."""

    folder: Path
    #: Where the rows of houses are; None for SQLite files.
    server: Postgres | None = None
    templates: dict[str, House] = field(default_factory=dict)
    #: The database of the house that this process made last.
    _database: str | None = None

    def build(self) -> None:
        """Make the templates."""
        for name in ("sealed", "due"):
            made = functools.partial(self._build, name)
            if self.server:
                self.server.drop_database(self.server.create_database(like=name, prepare=made))
            else:
                made()

    def _build(self, name: str, store_url: str | None = None) -> None:
        self.templates[name] = build(self.folder / name, is_due=name == "due", store_url=store_url)

    def house(self, operation: Operation, post: PostOffice) -> House:
        """Return a fresh house for an operation."""
        path = self.folder / f"run-{os.getpid()}"
        store_url = self._fresh_database(operation)
        if operation.house == "none":
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
            return House(path=path, mail_port=post.port, store_url=store_url)
        house = copied(self.templates[operation.house], path, mail_port=post.port, store_url=store_url)
        operation.prepare(house)
        return house

    def _fresh_database(self, operation: Operation) -> str | None:
        if self.server is None:
            return None
        if self._database:
            self.server.drop_database(self._database)
        self._database = self.server.create_database(
            like=None if operation.house == "none" else operation.house
        )
        return self._database

    def points(self, operation: Operation) -> tuple[str, ...]:
        """Return the points of an undisturbed run. Raises AssertionError unless it ends with 0 and all is well."""
        with PostOffice() as post:
            house = self.house(operation, post)
            ran = run(house, operation.act)
            assert ran.code == 0, house.said
            broken = list(looked_at(operation, house, post))
            assert not broken, broken
        return ran.points

    def try_point(self, operation: Operation, number: int, *, error: int | None = None) -> Result:
        """Kill the operation at its point of that number, or have the disk fail there with `error`, and look."""
        with PostOffice() as post:
            house = self.house(operation, post)
            ran = run(house, operation.act, Points(number, failing_disk(error) if error else power_cut))
            post.wait_until_quiet()
            broken = list(in_words(house, ran.code))
            broken += _whatever_is(gone_on(operation, house))
            broken += _whatever_is(looked_at(operation, house, post))
            unknown, never_arrived = (0, 0) if broken else unknown_letters(house, post)
        ended = "killed" if ran.code < 0 else "passed"
        fault = errno.errorcode[error] if error else ended
        return Result(
            operation=operation.name, number=number, fault=fault, broken=tuple(broken), unknown=unknown,
            never_arrived=never_arrived,
        )  # fmt: skip

    def try_beside(self, operation: Operation, number: int) -> Result:
        """Have another program run while the operation stands still at its point of that number, and look."""
        with PostOffice() as post:
            house = self.house(operation, post)
            broken: list[str] = []
            for ran in meanwhile(house, operation.act, number, _beside(operation)):
                broken += in_words(house, ran.code)
            broken += _whatever_is(gone_on(operation, house))
            broken += _whatever_is(looked_at(operation, house, post))
        return Result(operation=operation.name, number=number, fault="beside", broken=tuple(broken))


def _whatever_is(broken: Iterator[str]) -> Iterator[str]:
    """Yield what is broken; what cannot even be looked at is."""
    try:
        yield from broken
    except Exception:  # noqa: BLE001 - it is told
        yield traceback.format_exc(limit=-4)


def _beside(operation: Operation) -> Callable[[House], int]:
    """Return what another program does meanwhile: what cron does, or what everybody does."""
    return command("list") if operation.name == "finish rotate" else command("tick")


def in_words(house: House, code: int) -> Iterator[str]:
    """Yield an end that people cannot understand."""
    if code >= 0 and code not in _HONEST:
        yield f"ended with {code}: {house.said[-600:]}"


def gone_on(operation: Operation, house: House) -> Iterator[str]:
    """Look at once, then run it again until it is done."""
    if operation.is_whole_at_once:
        yield from (f"at once: {one}" for one in whole(house, operation.media))
    yield from (f"at once: {one}" for one in operation.at_once(house))
    for _ in range(_MOST_RUNS):
        code = run(house, operation.again or operation.act).code
        if code == 0 or operation.is_once:
            return
    yield f"run again it ends with {code}: {house.said[-600:]}"


def looked_at(operation: Operation, house: House, post: PostOffice) -> Iterator[str]:
    """Look at everything once it is done."""
    afterwards = operation.media[1]
    yield from whole(house, (afterwards, afterwards))
    if left := [path.name for path in (house.data / "work").rglob("*") if path.is_file()]:
        yield f"temporary files are left: {left}"
    yield from operation.look(house, post)


@contextmanager
def scene(server: Postgres | None = None) -> Iterator[Scene]:
    """Provide a scene: its files in memory where there is room, its rows on `server` if there is one."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with ExitStack() as stack:
        stack.enter_context(quick_pictures())
        folder = Path(tempfile.mkdtemp(prefix="faults-", dir=place))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = Scene(folder=folder, server=server)
        made.build()
        yield made
