"""
What an instance does every day: the calls whose cost must not depend on how much else it holds.

`CALLS` names them. Each makes what it needs on an `Everyday` and returns the call itself, which is counted or measured.
"""

import io
import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import col

from memorycapsule.app import App
from memorycapsule.daemon.http.site import make_site
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.montages import Montage, MontageState
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.domain.sessions import SessionKind
from memorycapsule.domain.stories import Medium, Story, Viewer
from memorycapsule.domain.uploads import Upload, UploadMetadata
from memorycapsule.media.prepared import Prepared
from memorycapsule.services import (
    capsules,
    cleanup,
    invitations,
    opening,
    reading,
    sessions,
    signing_in,
    stories,
    uploads,
)
from memorycapsule.services.capsules import CapsuleDraft
from memorycapsule.services.film import montages
from memorycapsule.services.film.montages import RenderedFilm
from memorycapsule.store import accounts as account_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.rows import MontageRow
from memorycapsule.work import films, notices, rehearsals, ticks
from memorycapsule.work.prerendering import Prerenderer

with warnings.catch_warnings():
    # starlette would rather have httpx2, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

DAY = timedelta(days=1)
Call = Callable[[], object]


def prepare(upload: io.BufferedIOBase) -> Prepared:
    """Say what decoding would: a photo, whatever was sent."""
    upload.seek(0)
    picture = upload.read()
    return Prepared(
        kind="photo",
        format="JPEG",
        width=640,
        height=480,
        taken=None,
        has_gps=False,
        duration_seconds=None,
        has_sound=False,
        display=picture,
        thumbnail=picture[:100],
        clip=None,
    )


@dataclass(kw_only=True)
class Everyday:
    """
    An instance with Ben, who is no admin, and his two capsules; those that calls make are Dora's.

    One is sealed, with a story of `photos` photos and somebody invited. Another was opened a month ago: its photos are
    unsealed, its film is made and its letters have left.
    """

    app: App
    photos: int
    ada: Viewer = field(init=False)
    ben: Viewer = field(init=False)
    dora: Viewer = field(init=False)
    ben_id: str = field(init=False)
    ben_browser: TestClient = field(init=False)
    ben_program: TestClient = field(init=False)
    sealed: Capsule = field(init=False)
    story: Story = field(init=False)
    opened: Capsule = field(init=False)
    film: Montage = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        app = self.app
        now = app.now()
        self.ada = sessions.host_viewer(app.store)
        first = self._capsule(self.ada, now + 400 * DAY, made=now)
        self.ben, token = self._join(first, "Ben", now)
        self.dora, _token = self._join(first, "Dora", now)
        self.ben_id = self.ben.account_id
        site = make_site(app, heartbeat_age=lambda: 0.0)
        self.ben_browser = TestClient(
            site, base_url="http://127.0.0.1", headers={"cookie": f"capsule={token}"}
        )
        self.ben_program = TestClient(
            site, base_url="http://127.0.0.1", headers={"authorization": f"Bearer {token}"}
        )
        self.sealed = self._capsule(self.ben, now + 300 * DAY, made=now)
        self._invite(self.ben, self.sealed, "cleo")
        self.story = self._story(self.ben, self.sealed, self.photos, made=now)
        month_ago = now - 30 * DAY
        self.opened = self._capsule(self.ben, month_ago, made=month_ago - DAY)
        self._story(self.ben, self.opened, self.photos, made=month_ago - DAY)
        opening.open_if_due(app.store, app.wake, self.opened.id, month_ago)
        self.film = self._keep_film(self._claimed_film(self.opened, month_ago), month_ago)
        ticks.send_letters(app)
        while cleanup.unseal_opened(app.store, app.vault, set(), now=now):
            pass

    def _join(self, capsule: Capsule, name: str, now: datetime) -> tuple[Viewer, str]:
        """Return somebody who joins a capsule of Ada's, and the token of a session in no particular capsule."""
        store = self.app.store
        joined = invitations.join(store, self._invite(self.ada, capsule, name.lower()), name=name, now=now)
        with store.transaction() as tx:
            _session, token = sessions.begin(
                tx,
                account_id=joined.member.account_id,
                capsule_id=None,
                kind=SessionKind.SIGNED_IN,
                proved_at=now,
                now=now,
            )
        return sessions.viewer_with_token(store, token), token

    def _capsule(self, by: Viewer, opens: datetime, *, made: datetime) -> Capsule:
        return capsules.create(
            self.app.store,
            self.app.vault,
            by,
            CapsuleDraft(title=f"Summer {next(self._numbers)}", theme="museum", film_photos=60),
            date=opening_date(opens.replace(tzinfo=None, microsecond=0), "UTC"),
            now=made,
        )

    def _invite(self, by: Viewer, capsule: Capsule, name: str) -> str:
        app = self.app
        (invited,) = invitations.invite(
            app.store,
            app.vault.key,
            app.wake,
            by,
            capsule.id,
            addresses=[f"{name}{next(self._numbers)}@example.org"],
            valid_days=14,
            now=app.now(),
        )
        return invited.token

    def _story(self, by: Viewer, capsule: Capsule, photos: int, *, made: datetime) -> Story:
        app = self.app
        story = stories.add(
            app.store, app.vault, by, capsule.id, title="At the pier", text="Until dark.", now=made
        )
        for _ in range(photos):
            self._attach(by, story, made)
        return story

    def _attach(self, by: Viewer, story: Story, now: datetime) -> Medium:
        app = self.app
        number = next(self._numbers)
        return stories.attach(
            app.store,
            app.vault,
            prepare,
            by,
            story.id,
            file=f"{number}.jpg",
            upload=io.BytesIO(number.to_bytes(4, "big") * 100),
            clock=lambda: now,
        ).medium

    def just_opened(self) -> tuple[Capsule, datetime]:
        """A capsule of Dora's with one photo, which was opened a moment ago."""
        now = self.app.now()
        capsule = self._capsule(self.dora, now, made=now - DAY)
        self._story(self.dora, capsule, 1, made=now - DAY)
        assert opening.open_if_due(self.app.store, self.app.wake, capsule.id, now)
        return capsule, now

    def _claimed_film(self, capsule: Capsule, now: datetime) -> Montage:
        with self.app.store.reading() as tx:
            waiting = montage_store.of_opening(tx, capsule.id)
        claimed = montages.claim(self.app.store, waiting.id, lease=self.app.run.lease, now=now)
        assert claimed
        return claimed

    def _keep_film(self, montage: Montage, now: datetime) -> Montage:
        app = self.app
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder, "film.mp4")
            film.write_bytes(b"film" * 100)
            rendered = RenderedFilm(film=film, poster=film, seconds=61.0, report=())
            assert montages.keep(app.store, app.vault, app.wake, montage, rendered, now=now)
        return montage

    def cancel_films(self) -> None:
        """No film waits any more: making one takes seconds."""
        waits = col(MontageRow.state).in_({MontageState.QUEUED, MontageState.RENDERING})
        with self.app.store.transaction() as tx:
            montage_store.montages.change(tx, waits, state=MontageState.CANCELLED)

    def announced(self) -> Upload:
        app = self.app
        return uploads.begin(
            app.store,
            app.vault,
            self.ben,
            self.story.id,
            about=UploadMetadata(file="photo.jpg"),
            length=1000,
            limits=app.upload_limits,
            now=app.now(),
        )

    def receive(self, upload: Upload) -> Upload:
        app = self.app
        piece = next(self._numbers).to_bytes(4, "big") * 250
        return uploads.receive(app.store, app.vault, self.ben, upload.id, start=0, piece=piece, now=app.now())

    def get(self, path: str) -> Call:
        """A page, as Ben's browser asks for it."""
        return self._getting(self.ben_browser, path)

    def ask(self, path: str) -> Call:
        """The same of the API."""
        return self._getting(self.ben_program, f"/api/v1{path}")

    @staticmethod
    def _getting(client: TestClient, path: str) -> Call:
        def get() -> None:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])

        return get


def unseal_a_photo(day: Everyday) -> Call:
    _capsule, now = day.just_opened()
    return lambda: cleanup.unseal_opened(day.app.store, day.app.vault, set(), now=now)


def remove_a_photo(day: Everyday) -> Call:
    app = day.app
    medium = day._attach(day.ben, day.story, app.now())
    return lambda: stories.remove_medium(app.store, app.vault, day.ben, medium.id, now=app.now())


def make_a_capsule(day: Everyday) -> Call:
    now = day.app.now()
    return lambda: day._capsule(day.dora, now + 200 * DAY, made=now)


def delete_a_capsule(day: Everyday) -> Call:
    app, now = day.app, day.app.now()
    capsule = day._capsule(day.dora, now + 200 * DAY, made=now)
    day._story(day.dora, capsule, 1, made=now)
    day._invite(day.dora, capsule, "eve")
    return lambda: capsules.delete(app.store, app.vault, day.dora, capsule.id, now=now)


def invite_somebody(day: Everyday) -> Call:
    return lambda: day._invite(day.ben, day.sealed, "fay")


def ask_to_sign_in(day: Everyday) -> Call:
    app = day.app
    with app.store.reading() as tx:
        address = account_store.address_of(tx, day.ben_id).address
    return lambda: signing_in.request_sign_in(app.store, app.vault.key, app.wake, address, now=app.now())


def announce_a_file(day: Everyday) -> Call:
    return day.announced


def receive_a_piece(day: Everyday) -> Call:
    upload = day.announced()
    return lambda: day.receive(upload)


def finish_an_upload(day: Everyday) -> Call:
    app, upload = day.app, day.receive(day.announced())
    return lambda: uploads.finish(app.store, app.vault, prepare, upload.id, clock=app.now)


def open_a_capsule(day: Everyday) -> Call:
    now = day.app.now()
    day._capsule(day.dora, now, made=now - DAY)
    return lambda: ticks.open_due(day.app)


def keep_a_film(day: Everyday) -> Call:
    capsule, now = day.just_opened()
    film = day._claimed_film(capsule, now)
    return lambda: day._keep_film(film, now)


def send_a_letter(day: Everyday) -> Call:
    day._invite(day.ben, day.sealed, "dan")
    return lambda: ticks.send_letters(day.app)


def thumbnail(day: Everyday) -> Call:
    with day.app.store.reading() as tx:
        medium = story_store.media_of_capsule(tx, day.opened.id)[0]
    return day.get(f"/g/m/{medium.id}/thumbnail")


def look_ahead(day: Everyday) -> Call:
    day.cancel_films()
    prerenderer = Prerenderer(context=day.app, is_through=True)
    prerenderer.run()  # the first look finds out which event is the newest
    return prerenderer.run


def look_for_films(day: Everyday) -> Call:
    day.cancel_films()
    return lambda: films.make_waiting(day.app)


CALLS: dict[str, Callable[[Everyday], Call]] = {
    "unseal a photo": unseal_a_photo,
    "remove a photo": remove_a_photo,
    "make a capsule": make_a_capsule,
    "delete a capsule": delete_a_capsule,
    "invite somebody": invite_somebody,
    "ask to sign in": ask_to_sign_in,
    "announce a file": announce_a_file,
    "receive a piece": receive_a_piece,
    "finish an upload": finish_an_upload,
    "open a capsule": open_a_capsule,
    "keep a film, queue its letters": keep_a_film,
    "send a letter": send_a_letter,
    "home page": lambda day: day.get("/"),
    "sealed page": lambda day: day.get(f"/g/c/{day.sealed.id}"),
    "photo page": lambda day: day.get(f"/g/c/{day.opened.id}/photos"),
    "photos.json": lambda day: day.get(f"/g/c/{day.opened.id}/photos.json"),
    "thumbnail": thumbnail,
    "progress of films": lambda day: day.get(f"/g/c/{day.opened.id}/film/progress"),
    "API: capsules": lambda day: day.ask("/capsules"),
    "API: stories": lambda day: day.ask(f"/capsules/{day.opened.id}/stories"),
    "list, member": lambda day: lambda: reading.capsules(day.app.store, day.ben),
    "shelf, admin": lambda day: lambda: reading.shelf(day.app.store, day.ada),
    "open, idle": lambda day: lambda: ticks.open_due(day.app),
    "letters, idle": lambda day: lambda: ticks.send_letters(day.app),
    "films, idle": look_for_films,
    "ahead, idle": look_ahead,
    "tidy, idle": lambda day: ticks.CleanUp(context=day.app).run,
    "uploads, idle": lambda day: lambda: uploads.unfinished_ids(day.app.store),
    "notices, idle": lambda day: lambda: notices.tell(day.app),
    "rehearsals, idle": lambda day: lambda: rehearsals.rehearse_due(day.app),
    "settle": lambda day: lambda: ticks.settle(day.app),
}
#: What answers with everything, and so grows with it.
WHOLE: dict[str, Callable[[Everyday], Call]] = {
    "list, admin": lambda day: lambda: reading.capsules(day.app.store, day.ada),
    "outbox, admin": lambda day: lambda: reading.outbox(day.app.store, day.ada),
}
