"""The only place that puts store, vault, media and mail together."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, BinaryIO

from memorycapsule import disk
from memorycapsule.clock import Clock
from memorycapsule.config import Settings, bytes_of, pixels_of
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.opening_dates import OpeningDate, parse_opening_date
from memorycapsule.domain.quiet_hours import parse_quiet_hours
from memorycapsule.domain.roads.notifications import Road
from memorycapsule.domain.uploads import UploadLimits
from memorycapsule.errors import CapsuleError, ConfigurationProblem, DataNotUsed, NotInitialised, UsageProblem
from memorycapsule.mail.letters import Sender
from memorycapsule.mail.mailbox import Mailbox
from memorycapsule.mail.outcomes import Transport
from memorycapsule.media.cache import Cache
from memorycapsule.media.storage import places
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.services import keys
from memorycapsule.services.mailing import trials
from memorycapsule.services.mailing.composing import MailComposer
from memorycapsule.services.preservation import history
from memorycapsule.services.roads.composing import Teller
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import noting_requests
from memorycapsule.store import schema
from memorycapsule.store.cluster.turns import turn
from memorycapsule.store.transactions import Store
from memorycapsule.work import lock, ticks, tmpfs
from memorycapsule.work.cluster.dispatcher import Dispatcher, LocalDispatcher
from memorycapsule.work.reserve import Reserve
from memorycapsule.work.worker_context import (
    UNCOUNTED,
    Mailing,
    Notifying,
    Rendering,
    Run,
    Tally,
    Watching,
    WorkerContext,
)

if TYPE_CHECKING:
    from pydantic import SecretStr

    from memorycapsule.mail.smtp import SmtpServer
    from memorycapsule.media.decoder_pool import Decoders
    from memorycapsule.media.prepared import Prepared
    from memorycapsule.notify.messages import Message
    from memorycapsule.notify.outcomes import PostOutcome


_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class App(WorkerContext):
    """An open instance: what doors call services with, and all that due work needs."""

    settings: Settings
    dispatcher: Dispatcher

    @property
    def base_url(self) -> str:
        """What links begin with."""
        return self.mailing.composer.base_url

    def decoders(self) -> Decoders:
        """Return the children that decode uploads; a context manager."""
        # Loaded only where something is decoded.
        from memorycapsule.media.decoder_pool import Decoders

        media = self.settings.media
        return Decoders(
            workspace=self.settings.work_dir,
            children=media.decoders,
            most_photo_bytes=media.photo_max_megabytes * _MEGABYTE,
            most_clip_bytes=media.clip_max_megabytes * _MEGABYTE,
        )

    def read_file(self, file: BinaryIO) -> BinaryIO:
        """
        Return a photo as a copy in memory, so that no child sees the disk and nobody changes it meanwhile.

        Clips and voice notes are returned as they are. Raises MediaRefused.
        """
        from memorycapsule.media import sniff
        from memorycapsule.media.intake import memory_copy

        head = file.read(sniff.HEAD_BYTES)
        file.seek(0)
        if sniff.is_photo(sniff.recognise(head)):
            return memory_copy(file, limit_bytes=self.settings.media.photo_max_megabytes * _MEGABYTE)
        return file

    @property
    def upload_limits(self) -> UploadLimits:
        """How much members may put in."""
        uploads = self.settings.uploads
        return UploadLimits(
            largest_file=bytes_of(uploads.largest_file), most_per_member=bytes_of(uploads.most_per_member)
        )

    def parse_date(self, text: str, zone: str, *, at_time: time | None = None) -> OpeningDate:
        """
        Return the opening date that `text` means in a zone now, as `parse_opening_date` does.

        Raises UsageProblem also for a date that is counted from today while the clock is in doubt.
        """
        date = parse_opening_date(text, zone, self.now(), at_time=at_time)
        if date.is_relative and (doubt := ticks.clock_doubt(self)):
            raise UsageProblem("date_from_doubted_clock", date=text, problem=doubt)
        return date

    def in_turn(self, name: str, work: Callable[[], object]) -> Callable[[], None]:
        """Return `work` as something that one machine does at a time: nothing while another one does it."""

        def run() -> None:
            with turn(self.store, name) if self.settings.cluster else nullcontext(True) as is_ours:
                if is_ours:
                    work()

        return run

    def prepare(self, upload: BinaryIO) -> Prepared:
        """Decode one upload in a child of its own. Raises MediaRefused."""
        with self.decoders() as decoders:
            return decoders.prepare(upload)


@contextmanager
def open_app(
    settings: Settings,
    *,
    base_url: str | None = None,
    may_lack_files: bool = False,
    is_stopping: Callable[[], bool] = lambda: False,
    tally: Tally = UNCOUNTED,
) -> Iterator[App]:
    """
    Open the instance that `settings` describe.

    `base_url` is what links begin with, when it is known better than the settings do. Raises NotInitialised,
    DataNotUsed, MigrationNeeded, NewerSchema, KeyMissing, WrongKey or ConfigurationProblem; unless `may_lack_files`,
    also where all stored files are gone, as on a disk that is not mounted.
    """
    clock = Clock()
    with open_store(settings) as store:
        key = keys.open_key(store, settings.key_file)
        if settings.cluster:
            # The first program of a further machine finds no data folder there.
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.work_dir.mkdir(mode=0o700, exist_ok=True)
        blobs = open_blobs(settings)
        # A disk goes without a word. A bucket answers, or each request says that it does not.
        can_vanish = blobs.origin is None and not may_lack_files
        vault = Vault(
            key=key,
            blobs=blobs,
            cache=Cache(settings.cache_dir / "segments", bytes_of(settings.film.cache_size)),
            workspace=settings.work_dir,
            has_addresses=settings.s3.presigned,
            absence_of=functools.partial(history.absence, store) if can_vanish else (lambda _blobs: None),
        )
        history.refuse_moved(blobs)
        if not may_lack_files and (absent := history.absence(store, blobs)):
            raise absent.as_kind(ConfigurationProblem)
        url = (
            base_url or settings.public_url or lock.holder_url(settings.data_dir) or settings.public_base_url
        )

        run_id = str(uuid.uuid4())
        dispatcher = _dispatcher(settings, store)
        mailbox = None if settings.mail_is_real else Mailbox(settings.mailbox_dir)
        app = App(
            settings=settings,
            store=store,
            vault=vault,
            clock=clock,
            dispatcher=dispatcher,
            wake=noting_requests(dispatcher.wake, clock.now),
            mailing=Mailing(
                composer=MailComposer(
                    key=key,
                    base_url=url,
                    sender=_sender(settings),
                ),
                connect=_connector(settings, mailbox),
                # Files are written faster than anybody could hand them over.
                connections=1 if mailbox else settings.mail.connections,
                mailbox=mailbox,
                render_grace=timedelta(seconds=settings.mail.render_grace_seconds),
                give_up_days=settings.mail.give_up_days,
            ),
            notifying=_notifying(settings, clock),
            rendering=_rendering(settings, run_id),
            watching=Watching(
                free_bytes=lambda: disk.free_bytes(settings.data_dir),
                log_in=(lambda: check_mail_login(settings)) if settings.mail_is_real else None,
                backup_days=settings.backup.warn_days,
            ),
            run=Run(lease=run_id, is_alone=not settings.cluster, is_stopping=is_stopping),
            reserve=Reserve(settings.data_dir),
            tally=tally,
        )
        try:
            yield app
        finally:
            history.remember(store, vault)


def _dispatcher(settings: Settings, store: Store) -> Dispatcher:
    if not settings.cluster:
        return LocalDispatcher()
    # Loaded only where several machines share a database: its library is not installed by default.
    from memorycapsule.work.cluster.engine import EngineDispatcher

    return EngineDispatcher(store)


def _notifying(settings: Settings, clock: Clock) -> Notifying:
    notify = settings.notify
    return Notifying(
        roads=notify.roads,
        post=lambda road, message: _post(settings, road, message, clock.now()),
        teller=Teller(heading=settings.mail.sender_name, with_titles=notify.titles),
        gather=timedelta(minutes=notify.gather_minutes),
    )


def _post(settings: Settings, road: Road, message: Message, now: datetime) -> PostOutcome:
    # Loaded only where something is told.
    from memorycapsule.notify import posting, requests

    notify = settings.notify
    match road:
        case Road.SLACK:
            request = requests.slack_request(_value(notify.slack_url), message)
        case Road.NTFY:
            token = _value(notify.ntfy_token) or None
            request = requests.ntfy_request(_value(notify.ntfy_url), message, token=token)
        case Road.WEBHOOK:
            secret = _value(notify.webhook_secret)
            request = requests.webhook_request(_value(notify.webhook_url), message, secret=secret, now=now)
    return posting.post(request, ca_file=settings.ca_file)


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _rendering(settings: Settings, run_id: str) -> Rendering:
    film = settings.film
    width, height = pixels_of(film.size)
    return Rendering(
        size=Size(width=width, height=height),
        fps=film.fps,
        workers=film.workers,
        nice=film.nice,
        face_model=film.face_model,
        quiet_hours=parse_quiet_hours(film.quiet_hours),
        zone=settings.zone,
        # Two nodes may share a data folder, and one of them may take up what another one still has in hand.
        work_dir=settings.work_dir / run_id if settings.cluster else settings.work_dir,
        tmpfs_places=tmpfs.default_places(),
    )


@contextmanager
def open_store(settings: Settings, *, checked: bool = True) -> Iterator[Store]:
    """
    Open the database alone. Raises NotInitialised, MigrationNeeded or NewerSchema when `checked`.

    Where the data folder holds something of an instance, NotInitialised becomes DataNotUsed, also when it is raised
    inside the block: `capsule init` would be the wrong advice there.
    """
    path = settings.database_path
    # An empty file is not opened, since opening it would make a database of it.
    if checked and path and not (path.exists() and path.stat().st_size):
        refuse_unused_data(settings)
        raise NotInitialised
    store = Store(settings.database_url, connections=settings.store_connections)
    try:
        if checked:
            schema.check(store, with_engine=settings.cluster)
        yield store
    except NotInitialised:
        refuse_unused_data(settings)
        raise
    finally:
        store.close()


def open_blobs(settings: Settings, url: str | None = None) -> Blobs:
    """Open the stored files alone, by the settings or at `url`. Raises what `places.open_blobs` does."""
    return places.open_blobs(settings, url)


def refuse_unused_data(settings: Settings) -> None:
    """
    Raise DataNotUsed when the data folder holds blobs or another database; called when ours has no instance.

    A new instance beside them would know none of these files, and would hide that their database is missing.
    Nothing is made or changed.
    """
    found: list[CapsuleError] = []
    usual, used = settings.usual_database_path, settings.database_path
    is_used = used is not None and used.resolve() == usual.resolve()
    # An empty file is what a cut-off start leaves.
    if not is_used and usual.is_file() and usual.stat().st_size:
        found.append(DataNotUsed("unused_database", file=usual))
    if blobs := places.count_at(settings):
        found.append(
            DataNotUsed("unused_files", count=blobs, folder=settings.used_blobs_url.removeprefix("file://"))
        )
    if found:
        place = used or settings.shown()["store_url"]
        raise DataNotUsed("data_of_another_database", database=place, found=found)


def smtp_settings(settings: Settings) -> SmtpServer:
    """Return the mail server of the settings. Raises ConfigurationProblem when none is set."""
    from memorycapsule.mail.smtp import SmtpServer

    smtp = settings.smtp
    if smtp.host is None:
        raise ConfigurationProblem("mail_server_missing")
    return SmtpServer(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        username=smtp.username,
        password=smtp.password.get_secret_value() if smtp.password else None,
        timeout_seconds=smtp.timeout_seconds,
        ca_file=smtp.ca_file,
    )


def check_mail_login(settings: Settings) -> None:
    """Log in at the mail server and send nothing. Raises MailRefused, ConfigurationProblem."""
    from memorycapsule.mail.smtp import check_login

    check_login(smtp_settings(settings))


def send_trial_letter(settings: Settings, address: str) -> None:
    """
    Send a test letter through the mail server of the settings, which needs no instance.

    Raises what `trials.send_trial` does, and ConfigurationProblem.
    """
    trials.send_trial(
        _sender(settings),
        _connector(settings, None),
        address,
        base_url=settings.public_base_url,
        locale=settings.locale,
        now=Clock().now(),
    )


def _sender(settings: Settings) -> Sender:
    return Sender(name=settings.mail.sender_name, address=settings.sender_address)


def _connector(
    settings: Settings, mailbox: Mailbox | None
) -> Callable[[], AbstractContextManager[Transport]]:
    if mailbox is not None:
        return lambda: mailbox

    def connect() -> AbstractContextManager[Transport]:
        from memorycapsule.mail.smtp import SmtpSession

        return SmtpSession(smtp_settings(settings))

    return connect
