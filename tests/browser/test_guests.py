"""
What a guest does, in a real browser on a telephone: join, come back on the day, look at photos, play the film.

Chromium of the system, driven by Playwright. Scripts are off wherever a guest must be able to do without.
"""

import re
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.household import Household
from support.servers import wait_until

pytestmark = pytest.mark.slow

CHROMIUM = Path("/usr/bin/chromium")
TELEPHONE = {"width": 390, "height": 844}


class Guest:
    """A page of a browser of its own, and all that it asked for and complained of."""

    def __init__(self, chromium, home: str, **options) -> None:
        self.context = chromium.new_context(**({"viewport": TELEPHONE, "locale": "en-GB"} | options))
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list = []
        self._home = home
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.context.on("request", lambda request: self.requests.append(request))

    def check_manners(self) -> None:
        """No complaint in the console, nothing asked of anybody else, no token told to anybody."""
        assert self.complaints == []
        assert {urllib.parse.urlsplit(request.url).netloc for request in self.requests} == {
            urllib.parse.urlsplit(self._home).netloc
        }
        for request in self.requests:
            assert not re.search("/g/[io]/", request.headers.get("referer", ""))

    def check_fits(self) -> None:
        """Nothing sticks out sideways, and whatever is tapped is large enough for a thumb."""
        box = self.page.locator("body").bounding_box()
        assert box["width"] <= TELEPHONE["width"]
        for button in self.page.locator("button, .btn, .tabs a").all():
            # What scripts would show has no box without them.
            if button.is_visible():
                assert button.bounding_box()["height"] >= 48


@pytest.fixture
def visit(chromium) -> Iterator[Callable]:
    guests: list[Guest] = []

    def visit(home: str, **options) -> Guest:
        guests.append(Guest(chromium, home, **options))
        return guests[-1]

    yield visit
    for guest in guests:
        guest.context.close()


@pytest.fixture(scope="module")
def household(tmp_path_factory) -> Household:
    return Household(tmp_path_factory.mktemp("household"))


@pytest.fixture(scope="module")
def home(household) -> Iterator[str]:
    """Where the daemon is; it has a capsule to open and a film to make at its start."""
    household.capsule(opens_in=timedelta(hours=-1), photos=5)
    with household.daemon() as daemon:
        yield daemon.url


@pytest.fixture(scope="module")
def opened(household, home) -> str:
    """Where Ben's letter leads, once everything of the opened capsule is there."""
    wait_until(lambda: household.letters("/g/o/"), 90, "the letters are there")
    return household.letters("/g/o/")["ben@example.org"][0]


def test_the_one_button_of_an_invitation_is_seen_at_once_and_its_cover_comes_in_the_size_of_a_telephone(
    household, home, visit, photos
):
    cover = photos / "nikon_d750_tanners_ridge.jpg"
    message = "Do you still have a photo of us in the orchard? One is enough. " * 4
    made = household.run(
        "create", "An orchard", "--opens", "in 9 years", "--cover", str(cover), "--message", message
    )
    invited = household.run("invite", made["capsule"]["id"], "orchard@example.org", "--name", "할머니")[
        "invitations"
    ][0]
    guest = visit(home, locale="ko-KR")
    sent: dict[str, int] = {}
    guest.page.on("response", lambda answer: sent.update({answer.url: int(answer.headers["content-length"])}))
    for size in ("usual", "large", "largest"):
        guest.page.goto(f"{invited['url']}?size={size}")
        guest.page.wait_for_load_state("networkidle")
        if size == "usual":
            assert any(url.endswith("/cover?form=small") for url in sent)
            assert sum(sent.values()) < 100_000
        button = guest.page.get_by_role("button", name="사진 넣기").bounding_box()
        assert button["y"] + button["height"] <= TELEPHONE["height"]
    assert "휴대폰에도 그대로" in guest.page.locator("main").inner_text()
    guest.check_manners()


@pytest.mark.parametrize(("language", "button"), [("en-GB", "Add photos"), ("ko-KR", "사진 넣기")])
def test_a_grandmother_joins_on_her_telephone_without_scripts(household, home, visit, language, button):
    capsule = household.capsule(opens_in=timedelta(days=3000))
    address = f"{language}@example.org"
    invited = household.run("invite", capsule, address)["invitations"][0]
    guest = visit(home, locale=language, java_script_enabled=False)

    guest.page.goto(invited["url"])
    guest.check_fits()
    guest.page.get_by_role("textbox").fill("영희")
    guest.page.get_by_role("button", name=button).click()

    guest.page.wait_for_url(f"{home}/g/c/{capsule}/add")
    guest.check_fits()
    guest.page.goto(f"{home}/g/c/{capsule}")
    assert "영희" in guest.page.locator("main").inner_text()
    assert "At the pier" not in guest.page.content()
    (cookie,) = guest.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    posted = next(request for request in guest.requests if request.method == "POST")
    assert posted.all_headers()["origin"] == home
    guest.check_fits()
    guest.check_manners()


def test_on_a_plain_address_of_the_house_forms_are_known_by_their_origin(household, home, chromium):
    """Browsers send Sec-Fetch-Site to trustworthy addresses only; what is left is Origin."""
    capsule = household.capsule(opens_in=timedelta(days=3000))
    invited = household.run("invite", capsule, "house@example.org")["invitations"][0]
    port = urllib.parse.urlsplit(home).port
    browser = chromium.browser_type.launch(
        executable_path=str(CHROMIUM),
        args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP house.test 127.0.0.1"],
    )
    try:
        house = f"http://house.test:{port}"
        guest = Guest(browser, house, java_script_enabled=False)
        guest.page.goto(f"{house}/g/i/{invited['token']}")
        guest.page.get_by_role("button", name="Add photos").click()

        guest.page.wait_for_url(f"{house}/g/c/{capsule}/add")
        posted = next(request for request in guest.requests if request.method == "POST").all_headers()
        assert "sec-fetch-site" not in posted
        assert posted["origin"] == house
        guest.check_manners()
    finally:
        browser.close()


def test_on_the_day_the_link_leads_to_photos_without_scripts(opened, home, visit):
    guest = visit(home, java_script_enabled=False)

    guest.page.goto(opened)
    guest.check_fits()
    guest.page.get_by_role("button", name="Untie it").click()
    guest.page.wait_for_url("**/g/c/**")
    guest.check_fits()
    guest.page.get_by_role("link", name="Skip", exact=True).click()
    guest.page.get_by_role("button", name="See the photos").click()

    guest.page.wait_for_url("**/photos")
    assert "At the pier" in guest.page.locator("main").inner_text()
    pictures = guest.page.locator("[id^=p-] img")
    assert pictures.count() == 5
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
    guest.check_fits()
    guest.page.locator("[id^=p-]").first.get_by_role("checkbox", name="Turn over").check()
    with guest.page.expect_download() as saved:
        guest.page.get_by_role("link", name="Download the original").first.click()
    assert saved.value.suggested_filename == "0.jpg"
    guest.check_manners()


def test_the_film_plays(opened, home, visit):
    guest = visit(home)
    guest.page.goto(opened)
    # The first time the bundle is untied, where the film's button comes first; later there is the film at once.
    guest.page.locator("main form button").first.click()
    guest.page.wait_for_url("**/g/c/**")
    guest.page.locator("button[value=film], video").first.wait_for()
    if guest.page.locator("button[value=film]").count():
        guest.page.get_by_role("link", name="Skip", exact=True).click()
        guest.page.locator("form.ways button").first.click()
        guest.page.wait_for_url("**/film#play")
    video = guest.page.locator("video")

    video.evaluate("video => { video.muted = true; return video.play(); }")
    wait_until(
        lambda: video.evaluate("video => video.readyState >= 3 && video.currentTime > 0.3"), 20, "it plays"
    )
    # Into the middle, which a browser asks for with a range.
    video.evaluate("video => { video.currentTime = video.duration / 2; }")
    wait_until(
        lambda: video.evaluate("video => !video.seeking && video.readyState >= 2"),
        20,
        "it plays on from there",
    )

    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [320, 180]
    assert video.evaluate("video => video.duration") > 3
    guest.check_fits()
    guest.check_manners()


def test_all_of_it_can_be_reached_by_keyboard(opened, home, visit):
    guest = visit(home)
    guest.page.goto(opened)
    for _ in range(8):
        guest.page.keyboard.press("Tab")
        if guest.page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
    guest.page.keyboard.press("Enter")

    guest.page.wait_for_url("**/g/c/**")
    guest.check_manners()
