"""A crowd before one page: everybody is shown it or asked to come again, and others are answered meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from memorycapsule.daemon.http.protocol.pressure import bound_page_threads
from memorycapsule.daemon.http.site import make_site
from memorycapsule.services import cleanup
from support.many_photos import add_copies
from support.servers import wait_until

pytestmark = pytest.mark.slow

CROWD = 60
PHOTOS = 5_000
#: Nobody waits so long, not even before a machine that does much else.
PATIENCE_SECONDS = 120


class Server(uvicorn.Server):
    """A server with as many threads for pages as the daemon has."""

    async def startup(self, sockets=None) -> None:
        bound_page_threads()
        await super().startup(sockets)


@contextmanager
def served(scene):
    site = make_site(scene.app, heartbeat_age=lambda: 0.0)
    patient = {"timeout_keep_alive": PATIENCE_SECONDS}
    server = Server(uvicorn.Config(site, port=0, log_level="error", lifespan="off", **patient))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, 20, "the site answers")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_a_crowd_is_answered_and_keeps_nobody_from_signing_in(scene):
    scene.open()
    while cleanup.unseal_opened(scene.instance.store, scene.instance.vault, set(), now=scene.time.now):
        pass
    add_copies(scene.instance.store, scene.story.id, PHOTOS)
    enough, everybody = threading.Event(), threading.Barrier(CROWD + 1)

    def look(url: str) -> list[httpx.Response]:
        """Ask for the photos of a capsule that nobody has looked at yet, and again until there is enough."""
        answers = []
        with httpx.Client(cookies={"capsule": scene.ben.token}, timeout=PATIENCE_SECONDS) as browser:
            everybody.wait()
            while not answers or not enough.is_set():
                answers.append(browser.get(f"{url}/g/c/{scene.capsule.id}/photos"))
        return answers

    def ask(method: str, place: str, **sent) -> int:
        return httpx.request(method, place, timeout=PATIENCE_SECONDS, **sent).status_code

    with served(scene) as url, ThreadPoolExecutor(CROWD) as crowd, ThreadPoolExecutor(3) as others:
        looking = [crowd.submit(look, url) for _ in range(CROWD)]
        try:
            everybody.wait()
            asked = [
                others.submit(ask, "GET", f"{url}/healthz"),
                others.submit(ask, "GET", f"{url}/sign-in"),
                others.submit(ask, "POST", f"{url}/sign-in", data={"address": "ben@example.org"}),
            ]
            said = [one.result() for one in asked]
        finally:
            enough.set()
        answers = [answer for one in looking for answer in one.result()]

    assert said == [200, 200, 303]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
    seen = [answer for answer in answers if answer.status_code == 200]
    assert len(seen) >= CROWD / 2
    assert all("MARKER title" in answer.text for answer in seen)
