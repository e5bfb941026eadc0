"""Houses: instances in folders, copied for each run, and the command line in a forked child that may die."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import create_engine

from memorycapsule import cli, clock
from memorycapsule.app import App, open_app
from memorycapsule.config import Settings
from memorycapsule.media.decoder_pool import Decoders
from support.cast import add_story, join, make_capsule, make_instance, make_photo, prepare
from support.compilations import remembering_statements
from support.fault_points import Points, Unsynced, power_cut, stand_still, watching
from support.servers import wait_until
from support.ten_frames import rendering_ten_frames

#: How long one program waits for another that is stopped, until that goes on.
_PATIENCE_SECONDS = 1.0
#: Photos that are there, and other ones that runs put in.
OLD_PHOTOS, NEW_PHOTOS = 2, 2


@dataclass(frozen=True, kw_only=True)
class House:
    path: Path
    mail_port: int
    #: None for an SQLite file in the data folder.
    store_url: str | None = None
    capsule: str = ""
    story: str = ""

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def database_url(self) -> str:
        return self.store_url or f"sqlite:///{self.data / 'capsule.db'}"

    @property
    def moved_url(self) -> str:
        """The database that takes the other one's place."""
        return f"sqlite:///{self.path / 'moved.db'}"

    @property
    def key_file(self) -> Path:
        return self.path / "data-keys" / "instance.key"

    @property
    def recovery_file(self) -> Path:
        """Where whoever set the instance up keeps the recovery key."""
        return self.path / "recovery.key"

    @property
    def backup(self) -> Path:
        return self.path / "backup"

    @property
    def said(self) -> str:
        """What the runs have said."""
        file = self.path / "said"
        return file.read_text() if file.exists() else ""

    @property
    def photos(self) -> list[str]:
        return [str(self.path / f"new-{number}.jpg") for number in range(NEW_PHOTOS)]

    @property
    def environment(self) -> dict[str, str]:
        store = {"CAPSULE_STORE_URL": self.store_url} if self.store_url else {}
        return store | {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "LANG": "C.UTF-8",
            "CAPSULE_DATA_DIR": str(self.data),
            "CAPSULE_KEY_FILE": str(self.key_file),
            "CAPSULE_PUBLIC_URL": "https://photos.example.org",
            "CAPSULE_MAIL__SENDER_ADDRESS": "capsule@example.org",
            "CAPSULE_SMTP__HOST": "127.0.0.1",
            "CAPSULE_SMTP__PORT": str(self.mail_port),
            "CAPSULE_SMTP__SECURITY": "none",
            "CAPSULE_FILM__SIZE": "160x90",
            "CAPSULE_FILM__FPS": "10",
            "CAPSULE_FILM__QUIET_HOURS": "never",
        }

    def lose_everything(self) -> None:
        """Take the data folder and the rows; the key file stays."""
        shutil.rmtree(self.data)
        if self.store_url:
            engine = create_engine(self.store_url)
            with engine.begin() as connection:
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
            engine.dispose()

    def opened(self) -> AbstractContextManager[App]:
        store = {"store_url": self.store_url} if self.store_url else {}
        return open_app(Settings(data_dir=self.data, key_file=self.key_file, **store))


def build(path: Path, *, is_due: bool, store_url: str | None = None) -> House:
    """Make a house with Ada's capsule, Ben and Cleo in it, and a story with photos; due an hour ago or in a month."""
    house = House(path=path, mail_port=1, store_url=store_url)
    path.mkdir(parents=True)
    for number, name in enumerate(house.photos):
        Path(name).write_bytes(make_photo(100 + number))
    made = clock.now() - timedelta(hours=2)
    opens = clock.now() + (timedelta(hours=-1) if is_due else timedelta(days=30))
    url = store_url or f"sqlite:///{house.data}/capsule.db"
    with make_instance(url, house.data, now=made) as instance:
        house.recovery_file.write_text(instance.recovery_identity)
        capsule = make_capsule(instance, opens=opens.replace(microsecond=0), now=made)
        for name in ("Ben", "Cleo"):
            join(instance, capsule, name, now=made)
        photos = [make_photo(number) for number in range(OLD_PHOTOS)]
        story = add_story(instance, capsule, instance.ada, photos=photos, now=made)
    return dataclasses.replace(house, capsule=capsule.id, story=story.id)


def copied(house: House, path: Path, *, mail_port: int, store_url: str | None) -> House:
    """Copy the folder of a house; its rows, where they are not a file in it, are at `store_url`."""
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(house.path, path)
    return dataclasses.replace(house, path=path, mail_port=mail_port, store_url=store_url)


@contextmanager
def quick_pictures() -> Iterator[None]:
    """Films of ten frames, and photos that are decoded in this process: neither is the subject."""
    with remembering_statements(), rendering_ten_frames(), pytest.MonkeyPatch.context() as patch:
        # The pool leaves the offset of a file where it is.
        patch.setattr(
            Decoders, "prepare", lambda _pool, upload: prepare(os.fdopen(os.dup(upload.fileno()), "rb"))
        )
        yield


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a run ended."""

    #: The exit code, or -9.
    code: int
    #: The points that it came to, in order; none where it was killed.
    points: tuple[str, ...] = ()


def run(house: House, act: Callable[[House], int], points: Points | None = None) -> Ran:
    """Do `act` in a forked child, as a program of its own whose points `points` is told."""
    pid = _start(house, act, points)
    _, status = os.waitpid(pid, 0)
    return _ended(house, pid, status)


def meanwhile(
    house: House, act: Callable[[House], int], number: int, other: Callable[[House], int]
) -> tuple[Ran, Ran]:
    """
    Stop `act` at its point of that number, do `other`, and let `act` go on; return how both ended.

    Where `other` waits for something that `act` holds, `act` goes on before it is done.
    """
    first = _start(house, act, Points(number, stand_still))
    _, status = os.waitpid(first, os.WUNTRACED)
    second = _start(house, other)
    ends: dict[int, int] = {}

    def is_done() -> bool:
        pid, its_status = os.waitpid(second, os.WNOHANG)
        if pid:
            ends[second] = its_status
        return bool(pid)

    with contextlib.suppress(AssertionError):
        wait_until(is_done, _PATIENCE_SECONDS, "the other program is done")
    if os.WIFSTOPPED(status):
        os.kill(first, signal.SIGCONT)
        _, status = os.waitpid(first, 0)
    if second not in ends:
        _, ends[second] = os.waitpid(second, 0)
    return _ended(house, first, status), _ended(house, second, ends[second])


def _start(house: House, act: Callable[[House], int], points: Points | None = None) -> int:
    pid = os.fork()
    if not pid:
        _be_child(house, act, points or Points())
    return pid


def _ended(house: House, pid: int, status: int) -> Ran:
    seen = house.path / f"points-{pid}"
    if os.WIFSIGNALED(status):
        return Ran(code=-os.WTERMSIG(status))
    return Ran(code=os.WEXITSTATUS(status), points=tuple(seen.read_text().split()) if seen.exists() else ())


def _be_child(house: House, act: Callable[[House], int], points: Points) -> NoReturn:
    code = 99
    disk = Unsynced(house.data / "blobs", house.data / "trash", house.key_file.parent, house.backup)
    if points.act is power_cut:
        points.act = disk.power_cut
    try:
        os.setsid()
        said = os.open(house.path / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        environment = house.environment
        os.environ.clear()
        os.environ.update(environment)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
        with disk.noting(), watching(points):
            code = act(house)
        (house.path / f"points-{os.getpid()}").write_text(" ".join(points.seen))
    except BaseException:  # noqa: BLE001 - it is said, and the child never returns
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def filled(house: House, words: Sequence[str]) -> list[str]:
    """Return words with {capsule}, {story}, {backup}, {database_url}, {moved_url} and {photos} of a house."""
    names = ("capsule", "story", "backup", "database_url", "moved_url")
    values = {name: getattr(house, name) for name in names}
    found: list[str] = []
    for word in words:
        if word == "{photos}":
            found += house.photos
        else:
            found.append(word.format(**values))
    return found


def command(*words: str) -> Callable[[House], int]:
    """Return what runs `capsule --json WORDS`, as `filled` fills them."""
    return lambda house: cli.main(["--json", *filled(house, words)])
