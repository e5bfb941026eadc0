"""
Who may do what: every route x everybody x sealed and open, and a new route that names no audience fails.

"In" means that the door lets somebody through, whatever it then says to an empty form; "out" that there is
nothing to see (404), that they may not (403, 401), or that they are led to where they can prove who they are.
"""

import base64
import contextlib
import dataclasses
import re
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import Response

from memorycapsule.app import App
from memorycapsule.config import Settings
from memorycapsule.daemon.http.site import make_site
from memorycapsule.domain.capsules import Role
from memorycapsule.domain.sessions import LinkPurpose, Scope, SessionKind
from memorycapsule.domain.stories import Viewer
from memorycapsule.services import letters, members, opening, sessions, uploads
from memorycapsule.services.tokens import create as create_token
from memorycapsule.services.uploads import UploadLimits, UploadMetadata
from memorycapsule.store import accounts as account_store
from memorycapsule.store import montages as montage_store
from memorycapsule.work.cluster.dispatcher import LocalDispatcher
from support.access import EXCEPTIONS, PEOPLE, rows_of
from support.cast import (
    OPENS,
    Instance,
    Person,
    Time,
    add_story,
    attach,
    invite,
    join,
    make_capsule,
    make_context,
    make_instance,
    make_photo,
    make_recording,
)
from support.moments import NOW

with warnings.catch_warnings():
    # starlette would rather have httpx2, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

NOBODY_ID = "00000000-0000-4000-8000-000000000000"


@dataclass(kw_only=True)
class Cast:
    """A capsule in one of its two states, everybody who may or may not reach it, and what is in it."""

    instance: Instance
    time: Time
    tokens: dict[str, str | None]
    places: dict[str, str]
    links: dict[str, str]

    def site(self) -> FastAPI:
        app = App(
            settings=Settings(data_dir=self.instance.folder, key_file=self.instance.key_file),
            dispatcher=LocalDispatcher(),
            **vars(make_context(self.instance, self.time)),
        )
        return make_site(app, heartbeat_age=lambda: 0.0)


def account_session(instance: Instance, account_id: str) -> tuple[Viewer, str]:
    """A session that has just proved its account's address."""
    with instance.store.transaction() as tx:
        session, token = sessions.begin(
            tx, account_id=account_id, capsule_id=None, kind=SessionKind.SIGNED_IN, now=NOW
        )
        account_store.sessions.save(tx, dataclasses.replace(session, proved_at=NOW))
    return sessions.viewer_with_token(instance.store, token), token


def make_cast(instance: Instance) -> Cast:
    """Olga owns the capsule; Ben has put a story in; Dora joined, Rae receives, Fred has left; Ada is the admin."""
    elsewhere = make_capsule(instance, title="Elsewhere")
    olga = join(instance, elsewhere, "Olga")
    owner, owner_token = account_session(instance, olga.member.account_id)
    _admin, admin_token = account_session(instance, instance.ada.account_id)
    capsule = make_capsule(instance, by=owner)
    given = {"by": owner}
    create_token(instance.store, owner, name="calendar", scope=Scope.READ, now=NOW)
    people: dict[str, Person] = {
        "contributor": join(instance, capsule, "Ben", **given),
        "other": join(instance, capsule, "Dora", **given),
        "recipient": join(instance, capsule, "Rae", role=Role.RECIPIENT, **given),
        "former": join(instance, capsule, "Fred", **given),
    }
    ben = people["contributor"]
    story = add_story(instance, capsule, ben.viewer, photos=0)
    medium = attach(instance, ben.viewer, story, make_photo())
    add_story(instance, capsule, owner, photos=1)
    members.leave(
        instance.store,
        instance.vault,
        instance.wake,
        people["former"].viewer,
        capsule.id,
        takes_stories=False,
        now=NOW,
    )
    invited = invite(instance, capsule, "ida@example.org", by=owner)
    limits = UploadLimits(largest_file=10**6, most_per_member=10**7)
    upload = uploads.begin(
        instance.store, instance.vault, ben.viewer, story.id,
        about=UploadMetadata(file="a.jpg"), length=10, limits=limits, now=NOW,
    )  # fmt: skip
    with instance.store.transaction() as tx:
        visit = letters.issue_link(tx, instance.key, LinkPurpose.VISIT, people["other"].member.id, 1, NOW)
        opened = letters.issue_link(tx, instance.key, LinkPurpose.OPENED, people["other"].member.id, 1, NOW)
        owner_session = account_store.sessions_of(tx, owner.account_id)[-1]
        address = account_store.addresses_of(tx, owner.account_id)[0]
    places = {
        "capsule": capsule.id, "capsule_id": capsule.id, "story": story.id, "story_id": story.id,
        "medium": medium.medium.id, "medium_id": medium.medium.id, "member": people["other"].member.id,
        "member_id": people["other"].member.id, "invitation": invited.invitation.id, "upload_id": upload.id,
        "montage": NOBODY_ID, "montage_id": NOBODY_ID, "address": address.id, "address_id": address.id,
        "session": owner_session.id, "session_id": owner_session.id, "invitation_token": invited.token,
        "theme": "museum", "name": "museum", "name:path": "base.css", "version": "0", "kind": "css", "form": "display",
    }  # fmt: skip
    tokens = {"anonymous": None, "invited": None, "owner": owner_token, "admin": admin_token}
    tokens |= {who: person.token for who, person in people.items()}
    links = {"i": invited.token, "v": visit, "o": opened}
    return Cast(instance=instance, time=Time(), tokens=tokens, places=places, links=links)


@dataclass(kw_only=True)
class Stage:
    """A cast with its site; what a request changes is undone before the next."""

    state: str
    cast: Cast
    site: FastAPI
    database: Path
    requests: int = 0

    def keep(self) -> None:
        copy(self.database, f"{self.database}.kept")

    def undo(self) -> None:
        copy(f"{self.database}.kept", self.database)

    def content(self) -> list[str]:
        """All that the database holds, but for when sessions were last used."""
        with contextlib.closing(sqlite3.connect(":memory:")) as now:
            with contextlib.closing(sqlite3.connect(self.database)) as database:
                database.backup(now)
            now.execute("UPDATE session SET seen_at = NULL")
            return list(now.iterdump())

    def attempt(self, route: str, who: str, **headers: str) -> Response:
        self.requests += 1
        # Nobody tries so many doors in so short a time: each request comes from another place.
        place = (f"10.{self.requests >> 16}.{self.requests >> 8 & 255}.{self.requests & 255}", 50_000)
        client = TestClient(
            self.site,
            base_url="http://home.test",
            follow_redirects=False,
            raise_server_exceptions=False,
            client=place,
        )
        try:
            return attempt(client, self.cast, route, who, headers)
        finally:
            if not route.startswith("GET "):
                self.undo()


def copy(source: Path | str, target: Path | str) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as one,
        contextlib.closing(sqlite3.connect(target)) as other,
    ):
        one.backup(other)


@contextlib.contextmanager
def make_stage(state: str, folder: Path) -> Iterator[Stage]:
    database = folder / "data" / "capsule.db"
    with make_instance(f"sqlite:///{database}", folder / "data") as instance:
        cast = make_cast(instance)
        if state == "open":
            cast.time.go_to(OPENS)
            assert opening.open_due(instance.store, instance.wake, cast.time.now).opened
            with instance.store.reading() as tx:
                film = montage_store.of_opening(tx, cast.places["capsule_id"])
            cast.places |= {"montage": film.id, "montage_id": film.id}
            # Whoever proved their address on the day before has to do so again; these have.
            with instance.store.transaction() as tx:
                for who in ("owner", "admin"):
                    session = sessions.viewer_with_token(instance.store, cast.tokens[who]).session_id
                    found = account_store.sessions.get(tx, session)
                    account_store.sessions.save(tx, dataclasses.replace(found, proved_at=cast.time.now))
        stage = Stage(state=state, cast=cast, site=cast.site(), database=database)
        stage.keep()
        yield stage


#: What fills a form or an order to the API well enough to get past the door, where an empty one is turned away first.
FORMS: dict[str, dict[str, str]] = {
    "POST /c/{capsule_id}/members/{member_id}/role": {"role": "recipient"},
    "POST /c/{capsule_id}/people/again": {"address": "ida@example.org"},
    "POST /c/{capsule_id}/people/revoke": {"address": "ida@example.org"},
    "POST /g/c/{capsule_id}/order": {"move": "up:{story}"},
    "POST /g/c/{capsule_id}/untied": {"to": "photos"},
    "POST /g/consent/{token}": {"answer": "no"},
}
BODIES: dict[str, dict[str, object]] = {
    "POST /api/v1/capsules": {"title": "Another", "opens": "in 5 years", "theme": "museum"},
    "POST /api/v1/capsules/{capsule}/consent": {"is_given": True},
    "POST /api/v1/invitations/accept": {"token": "{invitation_token}"},
    "POST /api/v1/invitations/decline": {"token": "{invitation_token}"},
    "POST /api/v1/me/addresses": {"email": "olga@new.example"},
    "POST /api/v1/me/addresses/code": {"code": "000000"},
    "POST /api/v1/me/tokens": {"name": "laptop"},
    "POST /api/v1/me/tokens/end": {"token": "calendar"},
    "POST /api/v1/session/proof": {"code": "000000"},
    "POST /api/v1/sign-in": {"email": "olga@example.org"},
    "POST /api/v1/sign-in/code": {"email": "olga@example.org", "code": "000000"},
    "POST /api/v1/capsules/{capsule}/invitations": {"emails": ["jo@example.org"]},
    "POST /api/v1/capsules/{capsule}/invitations/revoke": {"emails": ["ida@example.org"]},
    "PUT /api/v1/capsules/{capsule}/date": {"opens": "in 9 years"},
    "PUT /api/v1/capsules/{capsule}/stories/order": {"stories": ["{story}"]},
    "PUT /api/v1/stories/{story}/media/order": {"media": ["{medium}"]},
    "PATCH /api/v1/capsules/{capsule}/members/{member}": {"role": "recipient"},
    "PATCH /api/v1/capsules/{capsule}": {"title": "Renamed"},
    "PATCH /api/v1/stories/{story}": {"title": "Renamed"},
    "PATCH /api/v1/me": {"name": "Renamed"},
}
#: What makes a file for those that take one.
FILES: dict[str, Callable[[], bytes]] = {
    "POST /api/v1/capsules/{capsule}/montages/with-soundtrack": make_recording,
    "PUT /api/v1/capsules/{capsule}/cover": make_photo,
    "PUT /api/v1/capsules/{capsule}/soundtrack": make_recording,
}
TUS = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream", "upload-offset": "0"}


def attempt(client: TestClient, cast: Cast, route: str, who: str, headers: dict[str, str]) -> Response:
    """Let somebody try a route."""
    method, path = route.split(" ", 1)
    link = re.match(r"/g/(\w)/\{token\}", path)
    values = cast.places | {"token": cast.links.get(link[1], "x" * 52) if link else "x" * 52}
    if path.startswith(("/g/f/", "/api/v1/montages/")):
        values |= {"form": "poster.jpg", "kind": "captions"}
    address = re.sub(r"\{([\w:]+)\}", lambda place: values[place[1]], path)
    token = cast.tokens[who]
    headers |= TUS if "/g/u" in path or "/uploads" in path else {}
    if token and path.startswith("/api/"):
        headers["authorization"] = f"Bearer {token}"
    elif token:
        client.cookies.set("capsule", token, domain="home.test", path="/")
    if path in {"/g/u", "/api/v1/uploads"}:
        about = f"story {base64.b64encode(values['story'].encode()).decode()},filename YS5qcGc="
        headers |= {"upload-length": "10", "upload-metadata": about}
    if headers.get("content-type"):
        body = {"content": b""}
    elif route in FILES:
        body = {"files": {"file": ("file", FILES[route]())}}
    elif path.endswith("/add"):
        body = {"files": {"title": (None, "A title")}}
    elif path.startswith("/api/"):
        body = {"json": filled(BODIES.get(route, {}), values)}
    else:
        body = {"data": filled(FORMS.get(route, {}), values)}
    return client.request(method, address, headers=headers, **(body if method not in {"GET", "HEAD"} else {}))


def filled(form: dict[str, object], values: dict[str, str]) -> dict[str, object]:
    """A form with the ids of this cast in it."""
    return {
        name: [one.format(**values) for one in value] if isinstance(value, list) else
        value.format(**values) if isinstance(value, str) else value
        for name, value in form.items()
    }  # fmt: skip


def is_in(route: str, answer: Response) -> bool:
    status, location = answer.status_code, answer.headers.get("location", "")
    is_led_away = location.startswith(("/sign-in?", "/g/prove?")) and not route.endswith("/prove/letter")
    return status not in {401, 403, 404, 410} and not is_led_away


def test_every_route_says_for_whom_it_is_and_every_exception_has_a_route(tmp_path):
    with make_stage("sealed", tmp_path) as stage:
        assert set(EXCEPTIONS) <= set(rows_of(stage.site))


@pytest.mark.slow
@pytest.mark.parametrize(("state", "column"), [("sealed", 0), ("open", 1)])
def test_who_is_let_in(tmp_path, state, column):
    found: dict[str, list[str]] = {}
    with make_stage(state, tmp_path) as stage:
        rows = rows_of(stage.site)
        # Looking first: what a removal takes from the disk, no copy of the database brings back.
        for route in sorted(rows, key=lambda route: not route.startswith("GET ")):
            for who in PEOPLE:
                answer = stage.attempt(route, who)
                assert answer.status_code < 500, f"{route} by {who}"
                if is_in(route, answer) != (who in rows[route][column]):
                    said = f"{who}: {answer.status_code} {answer.headers.get('location', '')}"
                    found.setdefault(route, []).append(said)

    assert found == {}


@pytest.mark.slow
@pytest.mark.parametrize("state", ["sealed", "open"])
def test_looking_changes_nothing_and_every_answer_is_guarded(tmp_path, state):
    with make_stage(state, tmp_path) as stage:
        before = stage.content()
        for route in rows_of(stage.site):
            method, path = route.split(" ", 1)
            if method != "GET":
                continue
            for who in ("anonymous", "contributor", "owner"):
                for one in (f"GET {path}", f"HEAD {path}"):
                    check_guarded(stage.attempt(one, who))

        assert stage.content() == before


@pytest.mark.slow
def test_other_sites_change_nothing_whoever_is_signed_in(tmp_path):
    with make_stage("sealed", tmp_path) as stage:
        before = stage.content()
        let_through = []
        for route in rows_of(stage.site):
            if route.startswith("GET "):
                continue
            for sent in (
                {"origin": "https://evil.test"},
                {"origin": "null"},
                {"sec-fetch-site": "cross-site"},
                {"sec-fetch-site": "same-site"},
            ):
                answer = stage.attempt(route, "owner", **sent)
                check_guarded(answer)
                if answer.status_code != 403:
                    let_through.append((route, sent, answer.status_code))

        assert let_through == []
        assert stage.content() == before


def check_guarded(answer: Response) -> None:
    """Every answer forbids what no page needs and tells nobody where its reader comes from."""
    headers = answer.headers
    assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    kept = headers["cache-control"]
    assert (
        "no-store" in kept
        or "private" in kept
        or "/g/static/" in str(answer.url)
        or "soundtracks" in str(answer.url)
    )
