"""
Who acts in the tests, and their stage: a real store, real keys, real photos.

Ada owns the capsule (and ran `init`), Ben and 영희 (locale ko) are members, Cleo must see nothing.
"""

import contextlib
import dataclasses
import functools
import io
import itertools
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
from sqlalchemy import make_url
from sqlmodel import col, select

from memorycapsule.app import App
from memorycapsule.clock import Clock, Reading
from memorycapsule.domain.capsules import Capsule, CapsuleState, Member, Role
from memorycapsule.domain.events import Event
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.opening_dates import opening_date, parse_opening_date
from memorycapsule.domain.quiet_hours import parse_quiet_hours
from memorycapsule.domain.sessions import SessionKind
from memorycapsule.domain.stories import Story, Viewer
from memorycapsule.mail.letters import Sender
from memorycapsule.mail.mailbox import Mailbox
from memorycapsule.media.cache import Cache
from memorycapsule.media.prepared import Prepared
from memorycapsule.media.storage.folder import LocalBlobs
from memorycapsule.processes import ffmpeg_path
from memorycapsule.seal.keys import InstanceKey, new_recovery_key, token_digest
from memorycapsule.services import capsules, instances, invitations, sessions, stories
from memorycapsule.services.capsules import CapsuleDraft
from memorycapsule.services.mailing.composing import MailComposer
from memorycapsule.services.preservation import history
from memorycapsule.services.roads.composing import Teller
from memorycapsule.services.vault import Vault
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import schema
from memorycapsule.store.rows import EventRow
from memorycapsule.store.transactions import Store, Transaction
from memorycapsule.work.reserve import Reserve
from memorycapsule.work.tmpfs import default_places
from memorycapsule.work.worker_context import Mailing, Notifying, Rendering, Run, Watching, WorkerContext
from support.moments import NOW

#: When the capsules of the tests open, unless they say otherwise.
OPENS = NOW + timedelta(days=10)
BASE_URL = "http://127.0.0.1:8484"


class Time:
    """A clock that stands still until a test moves it; uptime moves along, as it does in the world."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now
        #: Whether the network tells this clock the time.
        self.synchronised: bool | None = True
        self._uptime_seconds = 1000.0
        self._boots = 1

    def __call__(self) -> datetime:
        return self.now

    def reading(self) -> Reading:
        return Reading(
            wall=self.now,
            uptime_seconds=self._uptime_seconds,
            boot_id=f"boot {self._boots}",
            synchronised=self.synchronised,
        )

    def go_on(self, **span: float) -> datetime:
        """Let time pass, such as `days=10`, and return what the clock says then."""
        return self.go_to(self.now + timedelta(**span))

    def go_to(self, instant: datetime) -> datetime:
        self._uptime_seconds += (instant - self.now).total_seconds()
        self.now = instant
        return instant

    def jump(self, **span: float) -> datetime:
        """Set the wall clock without any time passing."""
        self.now += timedelta(**span)
        return self.now

    def restart(self) -> None:
        """Start the machine anew."""
        self._boots += 1
        self._uptime_seconds = 20.0


@dataclass(frozen=True, kw_only=True)
class Person:
    """A member of a capsule and the session through which they act."""

    member: Member
    viewer: Viewer
    token: str


@dataclass(kw_only=True)
class Instance:
    """An initialised instance in a folder."""

    folder: Path
    store: Store
    key_file: Path
    recovery_identity: str
    vault: Vault
    #: Ada, on the machine itself.
    ada: Viewer
    #: What was woken after commits: (work, row id).
    woken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def key(self) -> InstanceKey:
        return self.vault.key

    @property
    def mailbox_dir(self) -> Path:
        return self.folder / "mailbox"

    def wake(self, tx: Transaction, work: str, row_id: str) -> None:
        tx.after_commit(lambda: self.woken.append((work, row_id)))

    def letters(self) -> list[Path]:
        """The letters in the mailbox folder, by time."""
        return sorted(self.mailbox_dir.glob("*.eml"))

    def blob_files(self) -> set[Path]:
        return {path for path in (self.folder / "blobs").glob("??/??/*") if path.is_file()}

    def events(self, capsule_id: str) -> list[str]:
        with self.store.reading() as tx:
            return [event.kind for event in events_of(tx, capsule_id)]


def events_of(tx: Transaction, capsule_id: str) -> list[Event]:
    """What happened to a capsule, in order; the program itself adds to this record and never reads it out."""
    rows = select(EventRow).where(EventRow.capsule_id == capsule_id).order_by(col(EventRow.id))
    return [
        Event(
            kind=row.kind,
            at=row.at,
            capsule_id=row.capsule_id,
            subject_id=row.subject_id,
            facts=json.loads(row.facts),
        )
        for row in tx.session.exec(rows)
    ]


@contextlib.contextmanager
def make_instance(store_url: str, folder: Path, *, now: datetime = NOW) -> Iterator[Instance]:
    """Initialise an instance whose admin is Ada."""
    folder.mkdir(parents=True, exist_ok=True)
    key_file = folder.parent / f"{folder.name}-keys" / "instance.key"
    key = InstanceKey.create(key_file)
    recovery_identity, recovery_recipient = new_recovery_key()
    store = Store(store_url)
    try:
        if store.is_sqlite:
            Path(make_url(store_url).database).write_bytes(_empty_database())
        schema.upgrade(store)
        instances.initialise(
            store,
            key,
            admin_address="ada@example.org",
            admin_name="Ada",
            locale="en",
            recovery_recipient=recovery_recipient,
            clock=Clock(Time(now).reading),
        )
    finally:
        store.close()
    with open_instance(store_url, folder, recovery_identity) as instance:
        yield instance


@functools.cache
def _empty_database() -> bytes:
    """Return an SQLite file with the schema: the migrations take longer than most tests that need one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        store = Store(f"sqlite:///{file}")
        schema.upgrade(store)
        store.close()
        return file.read_bytes()


@contextlib.contextmanager
def open_instance(store_url: str, folder: Path, recovery_identity: str) -> Iterator[Instance]:
    """Open an instance that `make_instance` has made, or a copy of it."""
    key_file = folder.parent / f"{folder.name}-keys" / "instance.key"
    store = Store(store_url)
    try:
        yield Instance(
            folder=folder,
            store=store,
            key_file=key_file,
            recovery_identity=recovery_identity,
            vault=Vault(
                key=InstanceKey.load(key_file),
                blobs=LocalBlobs(folder / "blobs"),
                cache=Cache(folder / "cache" / "segments", 2_000_000_000),
                workspace=folder / "work",
                absence_of=functools.partial(history.absence, store),
            ),
            ada=sessions.host_viewer(store),
        )
    finally:
        store.close()


def make_capsule(
    instance: Instance,
    *,
    by: Viewer | None = None,
    title: str = "Summer at the Sea",
    opens: str | datetime = OPENS,
    now: datetime = NOW,
    **more,
) -> Capsule:
    """Ada's capsule, unless `by` says whose."""
    date = (
        parse_opening_date(opens, "UTC", now)
        if isinstance(opens, str)
        else opening_date(opens.replace(tzinfo=None), "UTC")
    )
    given = {"theme": "photocard", "film_photos": 60, "message": "For you all"} | more
    return capsules.create(
        instance.store,
        instance.vault,
        by or instance.ada,
        CapsuleDraft(title=title, **given),
        date=date,
        now=now,
    )


def invite(instance: Instance, capsule: Capsule, address: str, *, by: Viewer | None = None, now=NOW, **more):
    """Ada invites one address; returns what `invitations.invite` says of it."""
    (invited,) = invitations.invite(
        instance.store,
        instance.key,
        instance.wake,
        by or instance.ada,
        capsule.id,
        addresses=[address],
        valid_days=14,
        now=now,
        **more,
    )
    return invited


def join(
    instance: Instance,
    capsule: Capsule,
    name: str,
    *,
    address: str | None = None,
    locale: str = "en",
    role: Role = Role.CONTRIBUTOR,
    by: Viewer | None = None,
    now: datetime = NOW,
) -> Person:
    """Somebody is invited and joins at once."""
    invited = invite(instance, capsule, address or f"{name.lower()}@example.org", role=role, by=by, now=now)
    joined = invitations.join(instance.store, invited.token, name=name, locale=locale, now=now)
    viewer = sessions.viewer_with_token(instance.store, joined.token)
    return Person(member=joined.member, viewer=viewer, token=joined.token)


def younghee(instance: Instance, capsule: Capsule) -> Person:
    return join(instance, capsule, "영희", address="younghee@example.org", locale="ko")


def another_session(
    instance: Instance, account_id: str, *, capsule_id: str | None = None, is_proved: bool = False
) -> Viewer:
    """Another session of an account, as a mailed link or (`is_proved`) a mailed code begins it."""
    with instance.store.transaction() as tx:
        session, token = sessions.begin(
            tx, account_id=account_id, capsule_id=capsule_id, kind=SessionKind.OPENED, now=NOW
        )
        if is_proved:
            account_store.sessions.save(tx, dataclasses.replace(session, proved_at=NOW))
        assert session.digest == token_digest(token)
    return sessions.viewer_with_token(instance.store, token)


_seeds = itertools.count(1)


def make_photo(
    seed: int | None = None, *, width: int = 64, height: int = 48, comment: str | None = None
) -> bytes:
    """A small JPEG unlike any other; `comment` goes into its EXIF ImageDescription and a COM segment."""
    number = next(_seeds) if seed is None else seed
    colours = np.random.default_rng(number).integers(30, 226, (3, 4, 3), dtype=np.uint8)
    picture = cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC)
    done, jpeg = cv2.imencode(".jpg", picture)
    assert done
    if comment is None:
        return jpeg.tobytes()
    text = comment.encode() + b"\0"
    # Little-endian TIFF, one IFD with ImageDescription (0x010E, ASCII) whose value follows it (EXIF 3.0, 4.6).
    exif = (
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0"
        + len(text).to_bytes(4, "little")
        + b"\x1a\0\0\0\0\0\0\0"
        + text
    )
    segments = b"".join(
        marker + (len(body) + 2).to_bytes(2, "big") + body
        for marker, body in ((b"\xff\xe1", exif), (b"\xff\xfe", text[:-1]))
    )
    return jpeg[:2].tobytes() + segments + jpeg[2:].tobytes()


def make_recording(*, seconds: float = 1.0, frequency: int = 2000, comment: str = "") -> bytes:
    """Somebody who says one tone, as an mp3; `comment` stands in its metadata."""
    done = subprocess.run(
        [
            ffmpeg_path(), "-v", "error", "-f", "lavfi",
            "-i", f"sine=frequency={frequency}:sample_rate=48000:duration={seconds}",
            "-metadata", f"comment={comment}", "-f", "mp3", "-",
        ],
        capture_output=True,
        check=True,
    )  # fmt: skip
    return done.stdout


def prepare(upload) -> Prepared:
    """What `media.Decoders.prepare` makes of a small JPEG, in this process: `attach` takes either."""
    upload.seek(0)
    jpeg = upload.read()
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    display = cv2.imencode(".jpg", picture)[1].tobytes()
    return Prepared(
        kind="photo",
        format="JPEG",
        width=width,
        height=height,
        taken=None,
        has_gps=False,
        duration_seconds=None,
        has_sound=False,
        display=display,
        thumbnail=display,
        clip=None,
    )


def add_story(
    instance: Instance,
    capsule: Capsule,
    by: Viewer,
    *,
    title: str = "At the pier",
    text: str = "We stayed until dark.",
    photos: int | list[bytes] = 1,
    in_name_of: str | None = None,
    now: datetime = NOW,
) -> Story:
    """A story with photos."""
    add = functools.partial(stories.add_for, address=in_name_of) if in_name_of else stories.add
    story = add(
        instance.store,
        instance.vault,
        by,
        capsule.id,
        title=title,
        text=text,
        now=now,
    )
    pictures = [make_photo() for _ in range(photos)] if isinstance(photos, int) else photos
    for number, jpeg in enumerate(pictures):
        attach(instance, by, story, jpeg, file=f"photo-{number}.jpg", now=now)
    return story


def attach(
    at: Instance | App, by: Viewer, story: Story, jpeg: bytes, *, file: str = "photo.jpg", now: datetime = NOW
) -> stories.Attached:
    return stories.attach(
        at.store,
        at.vault,
        prepare,
        by,
        story.id,
        file=file,
        upload=io.BytesIO(jpeg),
        clock=lambda: now,
    )


def make_composer(instance: Instance) -> MailComposer:
    return MailComposer(
        key=instance.key,
        base_url=BASE_URL,
        sender=Sender(name="MemoryCapsule", address="capsule@example.org"),
    )


def no_post(_road, _message) -> NoReturn:
    """No road is set, so nothing leaves by one."""
    raise AssertionError


def make_context(instance: Instance, time: Time, *, connect=None, **more) -> WorkerContext:
    """What `app` would put together: the mailbox as transport, and films of 160 by 90 pixels."""
    mailbox = Mailbox(instance.mailbox_dir)
    context = WorkerContext(
        store=instance.store,
        vault=instance.vault,
        clock=Clock(time.reading),
        wake=instance.wake,
        mailing=Mailing(
            composer=make_composer(instance),
            connect=connect or (lambda: mailbox),
            connections=1,
            mailbox=None if connect else mailbox,
            render_grace=timedelta(hours=1),
            give_up_days=5,
        ),
        notifying=Notifying(
            roads=(),
            post=no_post,
            teller=Teller(heading="MemoryCapsule", with_titles=True),
            gather=timedelta(hours=1),
        ),
        rendering=Rendering(
            size=Size(width=160, height=90),
            fps=10,
            workers=1,
            nice=0,
            face_model=None,
            quiet_hours=parse_quiet_hours("always"),
            zone="UTC",
            work_dir=instance.folder / "work",
            tmpfs_places=default_places(),
        ),
        watching=Watching(free_bytes=lambda: 100_000_000_000, log_in=None, backup_days=30),
        run=Run(lease="this run"),
        reserve=Reserve(instance.folder),
    )
    return adapted(context, **more)


def adapted(context: WorkerContext, **changes) -> WorkerContext:
    """The same context with other values, whichever part of it they belong to."""
    parts = {}
    for name in ("mailing", "notifying", "rendering", "watching", "run"):
        part = getattr(context, name)
        own = {one: changes.pop(one) for one in list(changes) if hasattr(part, one)}
        parts[name] = dataclasses.replace(part, **own)
    return dataclasses.replace(context, **parts, **changes)


def known_blob_ids(tx: Transaction) -> set[str]:
    """Return the ids of all blobs that have a row."""
    return {one.id for one in capsule_store.blobs.by(tx)}


def flipped(sealed: bytes) -> bytes:
    """Return sealed bytes with one bit of their end changed."""
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


def a_capsule(**changes) -> Capsule:
    """A capsule's value alone, for tests of the domain."""
    date = opening_date(OPENS.replace(tzinfo=None), "UTC")
    given = {
        "id": "capsule", "slug": "c", "title": "C", "message": None, "theme": "museum",
        "state": CapsuleState.SEALED, "opens_local": date.local, "zone": "UTC", "fold": 0, "opens_at": date.at,
        "zone_rules": date.rules, "film_photos": 60, "soundtrack_blob": None, "cover_blob": None,
        "recipient": "age1", "seal_level": 1, "generation": 0, "made_by": "ada", "created_at": NOW,
        "opened_at": None,
    }  # fmt: skip
    return Capsule(**(given | changes))
