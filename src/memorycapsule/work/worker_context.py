"""The worker's context: everything that due work needs, put together once by `app`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from memorycapsule.clock import Clock
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.quiet_hours import QuietHours
from memorycapsule.domain.roads.notifications import Road
from memorycapsule.mail.mailbox import Mailbox
from memorycapsule.mail.outcomes import Transport
from memorycapsule.services.mailing.composing import MailComposer
from memorycapsule.services.roads.composing import Teller
from memorycapsule.services.roads.sending import Post
from memorycapsule.services.uploads import UploadEnd
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import Wake
from memorycapsule.store.transactions import Store
from memorycapsule.work.reserve import Reserve


@dataclass(frozen=True, kw_only=True)
class Mailing:
    """How letters are written and sent."""

    composer: MailComposer
    connect: Callable[[], AbstractContextManager[Transport]]
    #: So many at a time.
    connections: int
    #: Set when letters are written to files instead of sent; old ones are removed.
    mailbox: Mailbox | None
    #: How long letters wait for a film.
    render_grace: timedelta
    give_up_days: int


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """How films are rendered, and where."""

    size: Size
    fps: int
    workers: int
    nice: int
    #: A face detection model, for films that move towards faces; None for none.
    face_model: Path | None
    #: When films are prerendered, by the wall clock of `zone`; None for never.
    quiet_hours: QuietHours | None
    zone: str
    work_dir: Path
    #: Folders on a tmpfs in which the prerenderer may create its workspace.
    tmpfs_places: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Watching:
    """What is looked at besides the rows, so that somebody is told when it is not as it should be."""

    #: Returns how much space the disk of the data folder has left.
    free_bytes: Callable[[], int]
    #: Logs in at the mail server and sends nothing. Raises MailRefused. None where letters are files.
    log_in: Callable[[], None] | None
    #: So many days may pass without a backup; 0 for any number.
    backup_days: int


@dataclass(frozen=True, kw_only=True)
class Notifying:
    """By which roads besides mail whoever keeps the machine is told."""

    roads: tuple[Road, ...]
    post: Post
    teller: Teller
    #: How long a new story waits for others, to be told with them.
    gather: timedelta


@dataclass(frozen=True, kw_only=True)
class Run:
    """This run of the program."""

    #: What it claims rows under. Who does several things of one kind at a time needs several.
    lease: str
    #: Whether no other run works in the database, as the lock of the folder and that of the database say.
    is_alone: bool = True
    #: True once the program has been asked to end.
    is_stopping: Callable[[], bool] = lambda: False

    @property
    def void_lease(self) -> str | None:
        """Whose leases are void besides those that have expired: its own while it has nothing in hand; None: all."""
        return None if self.is_alone else self.lease


@dataclass(frozen=True, kw_only=True)
class FilmMade:
    """A film that was made and kept, in figures."""

    #: "ready" or "degraded".
    state: MontageState
    #: How long it is, and how long it took to make it.
    seconds: float
    took_seconds: float
    segments_encoded: int
    segments_reused: int


def _nobody(*_told: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Who is told of work that is done, so as to count it; nobody, unless it says so."""

    film_made: Callable[[FilmMade], None] = _nobody
    upload_over: Callable[[UploadEnd], None] = _nobody


#: Nobody.
UNCOUNTED = Tally()


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """The collaborators of due work, and its limits."""

    store: Store
    vault: Vault
    clock: Clock
    wake: Wake
    mailing: Mailing
    notifying: Notifying
    rendering: Rendering
    watching: Watching
    run: Run
    reserve: Reserve
    tally: Tally = UNCOUNTED

    def now(self) -> datetime:
        return self.clock.now()
