"""The site over a real instance: Ada owns the capsule, Ben has put a story in, Cleo must see nothing of it."""

import contextlib
import email
import email.policy
import functools
import re
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette

from memorycapsule.app import App
from memorycapsule.config import Settings
from memorycapsule.daemon.http.protocol import constant_time
from memorycapsule.daemon.http.site import make_site
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.montages import Omission
from memorycapsule.domain.sessions import SessionKind
from memorycapsule.domain.stories import Story, Viewer
from memorycapsule.services import opening, reading, sessions
from memorycapsule.services.album.story_views import StoryView
from memorycapsule.services.film import montages
from memorycapsule.services.film.montages import RenderedFilm
from memorycapsule.store import accounts as account_store
from memorycapsule.work import ticks
from memorycapsule.work.cluster.dispatcher import LocalDispatcher
from support.cast import (
    OPENS,
    Instance,
    Person,
    Time,
    add_story,
    attach,
    join,
    make_capsule,
    make_context,
    make_instance,
    make_photo,
    open_instance,
)

with warnings.catch_warnings():
    # starlette would rather have httpx2, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

HOSTILE_NAME = '..\\..\\evil"; filename=x\r\nSet-Cookie: a=b\u202egpj.jpg'
#: What a file that pretends to be a film holds: every byte tells where it stands.
FILM = bytes(number % 251 for number in range(100_000))


@dataclass(kw_only=True)
class Scene:
    """A site and who comes to it; every person has a browser of their own."""

    instance: Instance
    app: App
    time: Time
    capsule: Capsule
    ben: Person
    cleo: Person
    story: Story
    medium_id: str
    heartbeat_age: float = 0.0
    film_id: str = ""
    #: One site for each public address: making one takes longer than most tests.
    sites: dict[str | None, Starlette] = field(default_factory=dict)

    def browser(
        self, token: str | None = None, *, public_url: str | None = None, **headers: str
    ) -> TestClient:
        """A browser that holds the session of `token`, if any."""
        if public_url not in self.sites:
            settings = self.app.settings.model_copy(update={"public_url": public_url})
            app = App(**{**vars(self.app), "settings": settings})
            self.sites[public_url] = make_site(app, heartbeat_age=lambda: self.heartbeat_age)
        client = TestClient(
            self.sites[public_url], base_url="http://home.test", follow_redirects=False, headers=headers
        )
        if token:
            client.cookies.set("capsule", token, domain="home.test", path="/")
        return client

    def limit_uploads(self, **limits: str) -> None:
        """These settings of uploads hold from now on, in browsers that are opened from now on."""
        uploads = self.app.settings.uploads.model_copy(update=limits)
        settings = self.app.settings.model_copy(update={"uploads": uploads})
        self.app = App(**{**vars(self.app), "settings": settings})

    def story_as_ben_sees_it(self, story_id: str) -> StoryView:
        return reading.story(self.instance.store, self.instance.vault, self.ben.viewer, story_id)

    def session_of(self, account_id: str) -> str:
        """The secret of a new session of an account, in no particular capsule."""
        with self.instance.store.transaction() as tx:
            _session, token = sessions.begin(
                tx, account_id=account_id, capsule_id=None, kind=SessionKind.OPENED, now=self.time.now
            )
        return token

    def reads(self, person: Viewer, language: str) -> None:
        """A person's account has this language from now on."""
        with self.instance.store.transaction() as tx:
            account = account_store.accounts.get(tx, person.account_id)
            account_store.accounts.save(tx, replace(account, locale=language))

    def ada(self) -> TestClient:
        return self.browser(self.session_of(self.instance.ada.account_id))

    def open(self) -> None:
        """The day comes."""
        self.time.go_to(OPENS)
        assert opening.open_due(self.instance.store, self.instance.wake, self.time.now).opened

    def finish_film(self, *report: Omission, of: str | None = None) -> str:
        """The film of a capsule, or of the scene's own, is ready; returns its id."""
        films = montages.renderable(self.instance.store, self.time.now)
        (waiting,) = [film for film in films if film.capsule_id == (of or self.capsule.id)]
        montage = montages.claim(self.instance.store, waiting.id, lease="this run", now=self.time.now)
        film, poster = self.instance.folder / "film.mp4", self.instance.folder / "poster.jpg"
        film.write_bytes(FILM)
        poster.write_bytes(make_photo())
        rendered = RenderedFilm(film=film, poster=poster, seconds=61.4, report=report)
        assert montages.keep(
            self.instance.store, self.instance.vault, self.instance.wake, montage, rendered, now=self.time.now
        )
        return waiting.id

    def mailed(self) -> tuple[str, str]:
        """Send what is due; the path of the link ("" without one) and the digits of the newest letter."""
        ticks.send_letters(self.app)
        newest = max(self.instance.letters(), key=lambda path: path.stat().st_mtime_ns)
        letter = email.message_from_bytes(newest.read_bytes(), policy=email.policy.default)
        link = re.search(r"http://127\.0\.0\.1:8484(/\S+)", letter.get_body(("plain",)).get_content())
        return link[1] if link else "", letter["Subject"][:7]

    def mailed_links(self) -> dict[str, str]:
        """Send the letters, and return the path of the link in each person's newest one."""
        ticks.send_letters(self.app)
        links = {}
        for path in self.instance.letters():
            letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            link = re.search(r"http://127\.0\.0\.1:8484(/g/\S+)", letter.get_body(("plain",)).get_content())
            links[letter["To"].addresses[0].addr_spec] = link[1]
        return links


class Client:
    """A program with a token, or without any, and no cookie."""

    def __init__(self, scene: Scene, token: str | None = None) -> None:
        self._browser = scene.browser()
        self._token = token

    def __call__(self, method, path, *, status=200, **more):
        own = {"authorization": f"Bearer {self._token}"} if self._token else {}
        headers = own | more.pop("headers", {})
        answer = self._browser.request(method, path, headers=headers, **more)
        assert answer.status_code == status, answer.text
        if status >= 400 and method != "HEAD":
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status
        return answer


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered in constant time takes a short one here: `unit/daemon/test_constant_time.py` holds it."""
    monkeypatch.setattr(constant_time, "_STEP_SECONDS", 0.002)


@pytest.fixture
def scene(tmp_path: Path):
    with make_scene(tmp_path) as scene:
        yield scene


@pytest.fixture(scope="module")
def opened_scene(tmp_path_factory):
    """An opened capsule with its film, for tests that only look; one for all tests of a file."""
    with make_scene(tmp_path_factory.mktemp("opened")) as scene:
        scene.open()
        scene.film_id = scene.finish_film()
        yield scene


@pytest.fixture(scope="module")
def lasting_scene(tmp_path_factory):
    """A scene that all tests of a file share."""
    with make_scene(tmp_path_factory.mktemp("lasting")) as scene:
        yield scene


@dataclass(frozen=True, kw_only=True)
class _Made:
    """What every scene begins with: the files of an instance, by their paths, and who and what is in it."""

    files: dict[Path, bytes]
    recovery_identity: str
    capsule: Capsule
    ben: Person
    cleo: Person
    story: Story
    medium_id: str


@functools.cache
def _made() -> _Made:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with make_instance(f"sqlite:///{folder}/data/capsule.db", folder / "data") as instance:
            capsule = make_capsule(instance)
            ben = join(instance, capsule, "Ben")
            story = add_story(
                instance, capsule, ben.viewer, title="MARKER title", text="MARKER text", photos=0
            )
            medium = attach(
                instance, ben.viewer, story, make_photo(comment="MARKER photo"), file=HOSTILE_NAME
            )
            elsewhere = make_capsule(instance, title="Another", opens=OPENS + timedelta(days=1))
            cleo = join(instance, elsewhere, "Cleo")
        files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return _Made(
        files=files,
        recovery_identity=instance.recovery_identity,
        capsule=capsule,
        ben=ben,
        cleo=cleo,
        story=story,
        medium_id=medium.medium.id,
    )


@contextlib.contextmanager
def make_scene(folder: Path) -> Iterator[Scene]:
    """A scene in a copy of what was made once: people who join and a story take longer than most tests."""
    made = _made()
    for path, content in made.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        (folder / path).chmod(0o600)
    database = f"sqlite:///{folder}/data/capsule.db"
    with open_instance(database, folder / "data", made.recovery_identity) as instance:
        time = Time()
        app = App(
            settings=Settings(data_dir=instance.folder, key_file=instance.key_file),
            dispatcher=LocalDispatcher(),
            **vars(make_context(instance, time)),
        )
        yield Scene(
            instance=instance,
            app=app,
            time=time,
            capsule=made.capsule,
            ben=made.ben,
            cleo=made.cleo,
            story=made.story,
            medium_id=made.medium_id,
        )


@pytest.fixture
def ben(scene: Scene) -> Iterator[TestClient]:
    """Ben's browser; what it sends is decoded to its end."""
    browser = scene.browser(scene.ben.token, **{"accept-language": "en"})
    yield browser
    browser.app.state.receiver.close()


@pytest.fixture
def here(scene: Scene) -> str:
    return f"/g/c/{scene.capsule.id}"
