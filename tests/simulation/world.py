"""The world of one life: a folder, a clock that can be wrong, a mail server with bad days, and a program that dies."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from memorycapsule.app import App, open_app
from memorycapsule.clock import TOLERANCE, Clock, Reading
from memorycapsule.config import Settings
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import CapsuleError
from memorycapsule.services import sessions
from memorycapsule.work import ticks
from support.cast import make_instance
from support.fault_points import Points, failing_disk, watching
from support.post_office import DROP, PostOffice, Trouble

BORN = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
#: A machine that has nothing to ask after a boot may be so early.
BLIND = timedelta(days=1)
GIVE_UP_DAYS = 5


@dataclass
class WorldTime:
    """What time it is, and what the machine believes."""

    true: datetime = BORN
    #: By how much the machine's clock is ahead.
    ahead: timedelta = timedelta()
    #: Whether the machine reaches a time server: then its clock is right and says so.
    is_online: bool = True
    boot: int = 1
    uptime_seconds: float = 1000.0
    #: Whether it came up with a wrong clock and had nothing to ask, so that nothing shows what is wrong.
    is_blind: bool = False

    @property
    def wall(self) -> datetime:
        return self.true + self.ahead

    def go_on(self, span: timedelta) -> None:
        self.true += span
        self.uptime_seconds += span.total_seconds()

    def reboot(self, off: timedelta) -> None:
        self.true += off
        self.boot += 1
        self.uptime_seconds = 20.0
        self.is_blind = bool(self.ahead)

    @property
    def may_be_early_by(self) -> timedelta:
        """
        Return how early a capsule may be opened now.

        Within a boot the drift is exact. After a boot with nothing to ask it is a day, until the program has run for a
        day without contradiction: that is the price which the promises name.
        """
        if not self.ahead:
            return timedelta()
        if not self.is_blind:
            return TOLERANCE
        return BLIND if self.uptime_seconds < BLIND.total_seconds() else timedelta.max

    def reading(self) -> Reading:
        return Reading(
            wall=self.wall,
            uptime_seconds=self.uptime_seconds,
            boot_id=f"boot {self.boot}",
            synchronised=self.is_online and not self.ahead,
        )


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that somebody does to the program."""

    what: str
    #: Returns the ids of rows that are promised to be there from now on. Without a program, it gets None for the app.
    do: Callable[[Any, datetime], Sequence[str] | None]
    #: Ids of capsules, stories and media that may be gone afterwards, because somebody wants that.
    takes: frozenset[str] = frozenset()
    #: Whether the program has to be started again afterwards, as with another key.
    ends_program: bool = False
    #: Whether it happens in the running program.
    needs_program: bool = True
    is_killable: bool = True
    #: Whether whoever does it does it again until it is done.
    is_repeated: bool = False
    #: What is noted once it is done, before the promises are looked at, and afterwards.
    before_check: Callable[[], None] = lambda: None
    afterwards: Callable[[], None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an act."""

    #: "done", "refused: REASON", "killed at POINT".
    what: str
    #: What was promised.
    promised: tuple[str, ...] = ()
    #: A failure that is not in the program's words.
    crash: str | None = None


@dataclass(kw_only=True)
class Ledger:
    """What was seen so far, and may never be otherwise again."""

    #: Ids of rows by their table.
    rows: dict[str, set[str]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    #: Digest of the first try of each letter, by Message-ID.
    letters: dict[str, str] = field(default_factory=dict)
    #: How many of the letters that were tried have been looked at, and from which on they belong to this database.
    tried: int = 0
    since: int = 0
    #: Names of the files among the blobs that are dated.
    files: set[str] = field(default_factory=set)
    #: Ids of blobs that were found right.
    whole: set[str] = field(default_factory=set)
    #: Letters that were over when last seen, by id.
    finished: dict[str, str] = field(default_factory=dict)
    #: Whether it is a restored instance that nobody has released yet.
    is_held: bool = False


class Broken(Exception):
    """A promise that did not hold; its first word names it."""

    @property
    def promise(self) -> str:
        return str(self).partition(" ")[0]


@dataclass
class Diary:
    """What happened, for people to read."""

    lines: list[str] = field(default_factory=list)

    def note(self, world: World, what: str) -> None:
        self.lines.append(f"{world.time.true:%Y-%m-%d %H:%M} {what}")


class World:
    """One life's stage; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        self.time = WorldTime()
        self.post = PostOffice(clock=lambda: self.time.true)
        self.counts: Counter[str] = Counter()
        #: The version of the zone rules; a later one moves some zones by an hour.
        self.rules = 1
        self.disk_error: int | None = None
        self.ledger = Ledger()
        #: How often letters had arrived that a restored database knows nothing of, by Message-ID: their openings came
        #: after its backup, by a date that it does not have, and they happen once more.
        self.forgotten: dict[str, int] = {}
        #: What had been seen when each backup was made, by its name.
        self.backed_up: dict[str, Ledger] = {}
        self.diary = Diary()
        #: Until when each thing is broken, by true time.
        self._broken_until: dict[str, datetime] = {}
        self._troubles: dict[str, Trouble] = {}
        self._open = contextlib.ExitStack()
        self._app: App | None = None
        self._running = contextlib.ExitStack()
        self._chance = random.Random()

    def __enter__(self) -> Self:
        place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="life-", dir=place))
        self._open.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._open.enter_context(self.post)
        patch = self._open.enter_context(pytest.MonkeyPatch.context())
        # Ids decide the order in which letters leave; so they come from the seed.
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=self._chance.getrandbits(128), version=4))
        data = self.folder / "data"
        with make_instance(f"sqlite:///{data}/capsule.db", data, now=BORN) as made:
            self.recovery_identity = made.recovery_identity
        self.settings = Settings(
            data_dir=data,
            key_file=self.folder / "data-keys" / "instance.key",
            public_url="https://photos.example.org",
            film={"size": "160x90", "fps": 10, "workers": 1, "quiet_hours": "never"},
            mail={"sender_address": "capsule@example.org", "give_up_days": GIVE_UP_DAYS},
            smtp={"host": "127.0.0.1", "port": self.post.port, "security": "none"},
        )
        self._open.callback(self.stop)
        return self

    def __exit__(self, *_) -> None:
        self._open.close()

    def reseed(self, seed: int) -> None:
        self._chance.seed(seed)

    @property
    def app(self) -> App:
        """The running program; it is started when it is not running."""
        if self._app is None:
            self._app = self.with_clock(self._running.enter_context(open_app(self.settings)))
            ticks.settle(self._app)
        return self._app

    def with_clock(self, app: App) -> App:
        """Return the program with the clock of this world."""
        return replace(app, clock=Clock(self.time.reading))

    @property
    def database(self) -> Path:
        return self.settings.data_dir / "capsule.db"

    @property
    def backup_dir(self) -> Path:
        return self.folder / "backup"

    def begin_again(self, ledger: Ledger) -> None:
        """Take an earlier state as the present one: a backup of it was restored."""
        so_far = len(self.post.tried)
        # The files are written anew.
        self.ledger = replace(copy.deepcopy(ledger), tried=so_far, since=so_far, files=set(), whole=set())

    @property
    def ada(self) -> Viewer:
        return sessions.host_viewer(self.app.store)

    def stop(self) -> None:
        """End the program in good order."""
        self._app = None
        self._running.close()

    @contextmanager
    def rows(self) -> Iterator[sqlite3.Connection]:
        """Read the database beside the program."""
        connection = sqlite3.connect(self.database)
        try:
            connection.execute("PRAGMA query_only=1")
            yield connection
        finally:
            connection.close()

    def perform(self, act: Act, *, killed_at: int | None = None) -> Outcome:
        """Do it; with `killed_at`, in a fork that is killed at its so-many-th point."""
        if killed_at and act.is_killable:
            return self._perform_killed(act, killed_at)
        return self._perform_here(act)

    def _perform_here(self, act: Act) -> Outcome:
        failing = (
            watching(Points(1, failing_disk(self.disk_error), is_lasting=True))
            if self.disk_error
            else contextlib.nullcontext()
        )
        try:
            app = self._program_for(act)
            with failing:
                promised = act.do(app, self.time.wall) or ()
        except CapsuleError as error:
            return Outcome(what=f"refused: {error.reason}")
        except Exception:  # noqa: BLE001 - whatever it is, it is said
            return Outcome(what="crashed", crash=traceback.format_exc(limit=-6))
        finally:
            if act.ends_program:
                self.stop()
        return Outcome(what="done", promised=tuple(promised))

    def _program_for(self, act: Act) -> App | None:
        if act.needs_program:
            return self.app
        self.stop()
        return None

    def _perform_killed(self, act: Act, killed_at: int) -> Outcome:
        self.stop()
        said_out, said_in = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(said_out)
            self._die_doing(act, killed_at, said_in)
        os.close(said_in)
        with os.fdopen(said_out, "rb") as pipe:
            lines = pipe.read().decode().splitlines()
        _, status = os.waitpid(pid, 0)
        self.post.wait_until_quiet()
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            self.counts["kills"] += 1
            return Outcome(what=f"killed at {lines[-1] if lines else '?'}")
        return Outcome(**json.loads(lines[-1]))

    def _die_doing(self, act: Act, killed_at: int, say_in: int) -> None:
        """Run in the fork, and never return."""

        def die(point: str) -> None:
            os.write(say_in, f"{point}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

        outcome: dict[str, Any] = {"what": "done"}
        try:
            with watching(Points(killed_at, die)):
                outcome["promised"] = list(act.do(self._program_for(act), self.time.wall) or ())
        except CapsuleError as error:
            outcome = {"what": f"refused: {error.reason}"}
        except BaseException:  # noqa: BLE001 - the parent says it
            outcome = {"what": "crashed", "crash": traceback.format_exc(limit=-6)}
        os.write(say_in, json.dumps(outcome).encode())
        os._exit(0)

    def fail(self, what: str, span: timedelta, how: Any = None) -> None:
        """Break the clock (how far it is ahead), the cable, the mail server (a Trouble) or the disk (an errno)."""
        self.counts["faults"] += 1
        self._broken_until[what] = self.time.true + span
        self.diary.note(self, f"{what} fails for {span}: {how}")
        match what:
            case "clock":
                # A machine that reaches a time server is set right at once.
                self.time.ahead, self.time.is_online = how, False
            case "cable":
                self.time.is_online = False
                self._trouble_mail(what, Trouble("GREETING", DROP))
            case "mail":
                self._trouble_mail(what, how)
            case "disk":
                self.disk_error = how

    def mend(self, what: str) -> None:
        if self._broken_until.pop(what, None) is None:
            return
        self.diary.note(self, f"{what} is well again")
        match what:
            case "disk":
                self.disk_error = None
            case "clock":
                self.time.ahead, self.time.is_blind = timedelta(), False
            case _:
                self.post.troubles.remove(self._troubles.pop(what))
        self.time.is_online = not {"clock", "cable"} & self._broken_until.keys()

    def _trouble_mail(self, what: str, trouble: Trouble) -> None:
        if before := self._troubles.pop(what, None):
            self.post.troubles.remove(before)
        self._troubles[what] = trouble
        self.post.troubles.insert(0, trouble)

    def mend_what_is_over(self) -> None:
        for what, until in list(self._broken_until.items()):
            if until <= self.time.true:
                self.mend(what)

    def mend_all(self) -> None:
        for what in list(self._broken_until):
            self.mend(what)

    def blob_file(self, blob_id: str) -> Path:
        return self.settings.data_dir / "blobs" / blob_id[:2] / blob_id[2:4] / blob_id

    def was_refused_for_days(self, address: str) -> bool:
        """Say whether the mail server has answered about an address again and again, and never took a letter."""
        times = [one.at_time for one in self.post.refused if one.address == address and one.says[0] in "45"]
        return len(times) >= 3 and times[-1] - times[0] >= timedelta(days=GIVE_UP_DAYS - 1)

    def date_new_files(self, known: set[str]) -> None:
        """Give files that the machine has written since their time, since it was not the machine's own."""
        stamp = self.time.wall.timestamp()
        for folder in ("blobs", "trash"):
            for entry in _files_below(self.settings.data_dir / folder):
                if entry.name not in known:
                    known.add(entry.name)
                    os.utime(entry.path, (stamp, stamp))


def _files_below(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Yield all files; not by Path.rglob, nor by os.walk, which take a tenth and a thirtieth of a life."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path)
            else:
                yield entry
