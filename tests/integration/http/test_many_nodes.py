"""Two machines answer for one site, and whoever comes to either finds what the other has begun."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from integration.http.conftest import Scene, TestClient, make_scene
from integration.http.test_uploads import begin, send_piece
from memorycapsule.app import App
from memorycapsule.config import Settings
from memorycapsule.daemon.http.protocol import costs
from memorycapsule.daemon.http.site import make_site
from memorycapsule.services.cluster import buckets
from memorycapsule.store import relocation
from memorycapsule.work.cluster.dispatcher import LocalDispatcher
from support.cast import make_context, make_photo, open_instance

pytestmark = pytest.mark.slow

BEN = "ben@example.org"


class Node:
    """A machine: a site and a store of its own, over a database and files that others use as well."""

    def __init__(self, scene: Scene, instance) -> None:
        self.store = instance.store
        self.app = App(
            settings=Settings(data_dir=instance.folder, key_file=instance.key_file),
            dispatcher=LocalDispatcher(),
            **vars(make_context(instance, scene.time)),
        )
        self.site = make_site(self.app, heartbeat_age=lambda: 0.0)

    def browser(self, token: str | None = None) -> TestClient:
        client = TestClient(self.site, base_url="http://home.test", follow_redirects=False)
        if token:
            client.cookies.set("capsule", token, domain="home.test", path="/")
        return client


@pytest.fixture
def scene(tmp_path):
    with make_scene(tmp_path) as scene:
        yield scene


@pytest.fixture
def nodes(scene, postgres):
    """Two machines over the scene, whose rows have moved to a Postgres."""
    url = postgres.create_database()
    relocation.relocate(scene.instance.store.url, url)
    with contextlib.ExitStack() as opened:
        made = [
            Node(
                scene,
                opened.enter_context(
                    open_instance(url, scene.instance.folder, scene.instance.recovery_identity)
                ),
            )
            for _ in range(2)
        ]
        yield made
        for node in made:
            node.site.state.receiver.close()
    postgres.drop_database(url)


def go_on(store, *, seconds):
    """Let time pass for all buckets."""
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE bucket SET at = at - make_interval(secs => :s)"), {"s": seconds})


def test_who_asks_too_often_is_asked_to_wait_whichever_machine_is_asked(nodes):
    browsers = [node.browser() for node in nodes]

    def ask(number):
        return browsers[number % 2].post("/sign-in", data={"address": BEN})

    asked = [ask(number).status_code for number in range(costs.SIGN_IN.at_once)]
    refused = [ask(number) for number in range(2)]
    go_on(nodes[0].store, seconds=costs.SIGN_IN.every_seconds + 1)

    assert asked == [303] * costs.SIGN_IN.at_once
    assert [one.status_code for one in refused] == [429, 429]
    assert all(1 <= int(one.headers["retry-after"]) <= 30 for one in refused)
    assert [ask(number).status_code for number in range(2)] == [303, 429]


def test_of_many_who_ask_at_once_as_many_are_let_in_as_there_are_tokens(nodes):
    def take(number):
        node = nodes[number % 2]
        return buckets.take(
            node.store, node.app.vault.key, kind="kind", client="192.0.2.7", at_once=5, every_seconds=3600
        )

    with ThreadPoolExecutor(8) as crew:
        waits = list(crew.map(take, range(40)))

    assert waits.count(0.0) == 5
    assert all(0 <= wait <= 3600 for wait in waits)


def test_no_row_tells_who_has_asked_and_none_stays_for_ever(nodes):
    nodes[0].browser().post("/sign-in", data={"address": BEN})
    store = nodes[0].store

    def rows():
        with store.engine.connect() as connection:
            return connection.execute(text("SELECT kind, client FROM bucket")).all()

    ((kind, client),) = rows()
    buckets.forget_full(store)
    assert (kind, len(client)) == ("sign_in", 64)
    assert rows() == [(kind, client)]
    go_on(store, seconds=2 * 3600)
    buckets.forget_full(store)
    assert rows() == []


def test_digits_that_one_machine_has_mailed_are_good_at_the_other_and_only_once(scene, nodes):
    here, there = nodes
    here.browser().post("/sign-in", data={"address": BEN})
    scene.app = here.app
    _link, digits = scene.mailed()
    answers = {"address": BEN, "code": digits.replace(" ", "")}

    browser = there.browser()
    came_in = browser.post("/sign-in/code", data=answers)
    again = here.browser().post("/sign-in/code", data=answers)
    token = browser.cookies["capsule"]

    assert (came_in.status_code, again.status_code) == (303, 422)
    assert here.browser(token).get("/account").status_code == 200
    browser.post("/sign-out")
    assert here.browser(token).get("/account").status_code == 303


def test_a_file_comes_in_by_pieces_that_different_machines_have_received(scene, nodes):
    here, there = (node.browser(scene.ben.token) for node in nodes)
    jpeg = make_photo(width=200, height=150)
    address = begin(here, scene.story.id, jpeg).headers["location"]

    sent = [
        send_piece(here, address, 0, jpeg[:1000]).headers["upload-offset"],
        send_piece(there, address, 1000, jpeg[1000:2000]).headers["upload-offset"],
        send_piece(here, address, 2000, jpeg[2000:]).headers["upload-offset"],
    ]
    found = [browser.get(address).json() for browser in (here, there)]

    assert sent == ["1000", "2000", str(len(jpeg))]
    assert found[0] == found[1]
    assert found[0]["stage"] == "kept"
