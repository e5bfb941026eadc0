"""The film page in a real browser: the film plays, stories are picked by keyboard, a further film is made."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import pytest

from support.household import Household
from support.servers import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[tuple[Household, str, str]]:
    """A household, its address, and its opened capsule whose film is ready."""
    household = Household(tmp_path_factory.mktemp("household"))
    capsule = household.capsule(opens_in=timedelta(hours=-1), more_stories=("Harbour", "시장"))
    with household.daemon() as daemon:
        household.wait_for_film(capsule, "ready", deadline_seconds=90)
        wait_until(lambda: household.letters("/g/o/"), 90, "the letters are there")
        yield household, daemon.url, capsule


@pytest.fixture
def page_of(chromium, house) -> Iterator:
    """Open the film page as Ben, with what the console says in `complaints`."""
    household, url, capsule = house
    contexts = []

    def page_of(**options):
        context = chromium.new_context(
            **({"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"} | options)
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        language = options.get("locale", "en-GB").partition("-")[0]
        page.goto(f"{household.letters('/g/o/')['ben@example.org'][0]}&lang={language}")
        page.locator("main form button").click()
        page.goto(f"{url}/g/c/{capsule}/film")
        return page

    yield page_of
    for context in contexts:
        context.close()


def test_the_film_plays_with_our_controls_and_by_keyboard(page_of):
    page = page_of()
    video = page.locator("video")
    video.evaluate("video => { video.muted = true; }")
    assert video.evaluate("video => video.controls") is False

    page.get_by_role("button", name="Play").first.click()
    wait_until(lambda: video.evaluate("video => video.currentTime > 0.3"), 20, "it plays")
    page.keyboard.press("k")
    assert video.evaluate("video => video.paused")
    before = video.evaluate("video => video.currentTime")
    page.keyboard.press("ArrowRight")
    assert video.evaluate("video => video.currentTime") > before
    page.keyboard.press("c")
    wait_until(
        lambda: video.evaluate("video => video.textTracks[0].cues?.length > 2"), 10, "captions are there"
    )
    page.locator(".chapters summary").click()
    page.locator(".chapters a").nth(1).click()
    wait_until(lambda: not video.evaluate("video => video.paused"), 10, "it plays from the chapter")
    wait_until(lambda: page.locator(".spoken").inner_text(), 10, "what is said can be read")
    assert page.complaints == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_controls_stand_below_the_picture_while_it_plays(page_of, width):
    page = page_of(viewport={"width": width, "height": 844})
    video = page.locator("video")
    video.evaluate("video => { video.muted = true; }")
    page.get_by_role("button", name="Play").first.click()
    wait_until(lambda: video.evaluate("video => video.currentTime > 0.1"), 20, "it plays")

    picture, bar = video.bounding_box(), page.locator(".controls .bar").bounding_box()
    assert bar["y"] >= picture["y"] + picture["height"] - 1
    assert bar["y"] + bar["height"] <= picture["y"] + picture["height"] + 60


class SlowHouse(BaseHTTPRequestHandler):
    """Stands between browser and house, and lets the second half of a film through only when told."""

    house = ""
    go_on = threading.Event()

    def do_GET(self) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        with urlopen(Request(self.house + self.path, headers=headers), timeout=60) as answer:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            body = answer.read()
            half = len(body) // 2 if self.path.endswith("film.mp4") else len(body)
            self.wfile.write(body[:half])
            self.wfile.flush()
            if half < len(body):
                self.go_on.wait(60)
                self.wfile.write(body[half:])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        pass


def test_the_film_begins_before_all_of_it_is_there(page_of, house):
    page = page_of()
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowHouse)
    server.daemon_threads = True
    SlowHouse.house = house[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/g/c/{house[2]}/film")
        video = page.locator("video")
        video.evaluate("video => { video.muted = true; return video.play(); }")
        wait_until(lambda: video.evaluate("video => video.currentTime > 0.3"), 20, "it plays")
        loaded, length = video.evaluate("video => [video.buffered.end(0), video.duration]")

        assert not SlowHouse.go_on.is_set()
        assert loaded < length
    finally:
        SlowHouse.go_on.set()
        server.shutdown()
        server.server_close()


def test_stories_are_picked_by_keyboard_and_the_film_is_made_before_ones_eyes(page_of, house):
    household, _url, capsule = house
    page = page_of()
    boxes = page.locator(".pick input")
    for number in (2, 0, 1):
        boxes.nth(number).focus()
        page.keyboard.press("Space")
    assert page.locator("#film-order li").all_inner_texts() == ["시장", "At the pier", "Harbour"]
    page.keyboard.press("Alt+ArrowUp")
    assert page.locator("#film-order li").all_inner_texts() == ["시장", "Harbour", "At the pier"]
    assert page.locator("#film-order-news").inner_text() == "Harbour is number 2 of 3."
    boxes.nth(2).focus()
    page.keyboard.press("Space")
    assert page.locator(".number").all_inner_texts() == ["2", "1", ""]
    page.get_by_text("2 stories, about").wait_for()
    page.locator("input[name=song][value=window]").check()
    page.get_by_role("button", name="Make this film").click()

    page.wait_for_url("**/film?of=*")
    page.locator(".waiting").wait_for()
    page.locator(".player").wait_for(timeout=90_000)
    assert "“Harbour” and one more" in page.locator("h1").inner_text()
    stories = {story["title"]: story["id"] for story in household.run("story", "list", capsule)["stories"]}
    made = household.films(capsule)[-1]
    assert made["stories"] == [stories["Harbour"], stories["At the pier"]]
    assert (made["state"], made["music"]) == ("ready", "window")
    assert page.complaints == []


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("language", ["en-GB", "ko-KR"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_of_the_page_is_a_barrier(page_of, width, language, scheme):
    axe_playwright_python = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = page_of(viewport={"width": width, "height": 844}, locale=language, color_scheme=scheme)
    page.locator(".go").wait_for()
    # Axe is run by the page's own script engine, which the policy of the page does not stop.
    found = axe_playwright_python.Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for control in page.locator(".bar button:visible, .btn:visible, .listen, .films a, .tabs a").all():
        assert control.bounding_box()["height"] >= 48
