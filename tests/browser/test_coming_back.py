"""What must not get lost in a real browser: the way back in another one, words in two tabs, files after a reload."""

import email
import email.policy
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.cast import make_photo
from support.household import Household
from support.servers import wait_until

pytestmark = pytest.mark.slow

#: A reload in the middle, where three files are sent at a time.
MANY = 8
VIEWS = [("en-GB", 1440), ("ko-KR", 390)]


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[tuple[Household, str]]:
    household = Household(tmp_path_factory.mktemp("household"))
    with household.daemon() as daemon:
        yield household, daemon.url


@pytest.fixture(scope="module")
def capsule(house) -> str:
    return house[0].capsule(opens_in=timedelta(days=3000))


@pytest.fixture
def open_browser(chromium) -> Iterator[Callable]:
    contexts = []

    def open_browser(language: str = "en-GB", width: int = 390, **options):
        contexts.append(
            chromium.new_context(viewport={"width": width, "height": 844}, locale=language, **options)
        )
        return contexts[-1]

    yield open_browser
    for context in contexts:
        context.close()


@pytest.fixture
def member(house, capsule, open_browser, request) -> Callable:
    """Somebody who has joined, in a browser of their own, on the page that adds."""

    def join(**options):
        household, home = house
        address = f"{re.sub('[^a-z]', '', request.node.name)[:40]}@example.org"
        invited = household.run("invite", capsule, address)["invitations"][0]
        token = household.run("join", invited["token"], "--name", "Jiho")["token"]
        context = open_browser(**options)
        context.add_cookies([{"name": "capsule", "value": token, "url": home}])
        page = context.new_page()
        page.goto(f"{home}/g/c/{capsule}/add")
        return context, page, lambda: household.run("story", "list", capsule, token=token)["stories"]

    return join


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    paths = [tmp_path / f"IMG_{number:04}.jpg" for number in range(MANY)]
    for path in paths:
        path.write_bytes(make_photo(width=600, height=400))
    return paths


def digits_mailed_to(household: Household, address: str) -> str | None:
    """The digits of the newest letter to an address."""
    for path in sorted(
        (household.folder / "data" / "mailbox").glob("*.eml"), key=lambda one: -one.stat().st_mtime_ns
    ):
        letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        digits = re.match(r"\d{3} \d{3}", letter["Subject"])
        if digits and letter["To"].addresses[0].addr_spec == address:
            return digits[0]
    return None


def inspect(page, name: str) -> None:
    """No barrier, nothing sticks out sideways."""
    from axe_playwright_python.sync_playwright import Axe

    width = page.viewport_size["width"]
    if folder := os.environ.get("CAPSULE_TEST_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_her_own_invitation_leads_back_in_another_browser(house, capsule, open_browser, language, width):
    household, home = house
    address = f"halmoni{width}@example.org"
    invited = household.run("invite", capsule, address)["invitations"][0]
    household.run("join", invited["token"], "--name", "영희")
    page = open_browser(language, width, java_script_enabled=True).new_page()

    page.goto(f"{home}/g/i/{invited['token'].upper()}).")
    inspect(page, "used")
    page.locator("form button").click()
    page.wait_for_url("**/g/back/code")
    inspect(page, "digits")
    page.locator("#code").fill("000000")
    page.locator("form button").click()
    page.locator("#code-bad").wait_for()
    inspect(page, "wrong-digits")
    page.locator("#code").fill(
        wait_until(lambda: digits_mailed_to(household, address), 60, "the digits are there")
    )
    page.locator("form button").click()
    page.wait_for_url(f"**/g/c/{capsule}/add")

    assert page.locator("#files").count() == 1
    page.goto(f"{home}/g/back")
    inspect(page, "back")
    assert page.get_by_role("link", name=re.compile("Summer|.")).count() >= 1


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_a_link_that_is_not_known_has_a_field_for_the_address(house, open_browser, language, width):
    page = open_browser(language, width, java_script_enabled=False).new_page()
    page.goto(f"{house[1]}/g/v/{'x' * 52}")
    page.locator("#address").fill("no address")
    page.locator("form button").click()

    page.locator("#address-bad").wait_for()
    assert page.locator("#address").input_value() == "no address"
    page.locator("#address").fill("nobody@example.org")
    page.locator("form button").click()
    page.wait_for_url("**/g/back/code")
    assert "nobody@example.org" in page.locator("main").inner_text()


def test_what_one_tab_saves_the_other_does_not_wipe(member, house, capsule):
    context, first, stories = member()
    first.locator("#title").fill("The first title")
    first.locator("#saved").get_by_text("Saved").wait_for()
    second = context.new_page()
    second.goto(first.url)
    first.locator("#title").fill("A newer title")
    first.wait_for_function("document.getElementById('saved').textContent !== ''")
    wait_until(lambda: stories()[0]["title"] == "A newer title", 30, "the title is saved")

    second.locator("#text").fill("Words of the second tab")
    wait_until(lambda: stories()[0]["text"], 30, "the text is saved")

    assert (stories()[0]["title"], stories()[0]["text"]) == ("A newer title", "Words of the second tab")
    # Both change the same field: both are shown, and whoever types decides.
    second.locator("#title").fill("The second title")
    second.locator("#elsewhere-title").wait_for()
    assert "A newer title" in second.locator("#elsewhere-title").inner_text()
    assert stories()[0]["title"] == "A newer title"
    inspect(second, "elsewhere")
    second.get_by_role("button", name="That is everything").click()
    second.wait_for_url("**/thanks*")
    assert stories()[0]["title"] == "The second title"


def test_that_is_everything_waits_for_what_is_still_announced(member, photos):
    _context, page, stories = member()
    # The story itself takes its time.
    page.route("**/add", lambda route: (page.wait_for_timeout(1500), route.continue_()))
    page.set_input_files("#files", photos[:3])
    page.get_by_role("button", name="That is everything").click()
    page.wait_for_url("**/thanks*", timeout=60_000)

    assert len(stories()[0]["media"]) == 3


@pytest.mark.parametrize("has_scripts", [True, False])
def test_with_nothing_chosen_it_says_so(member, has_scripts):
    _context, page, stories = member(java_script_enabled=has_scripts)
    page.get_by_role("button", name="That is everything").click()
    page.get_by_text("Choose a photo, or write a line first.").wait_for()

    if has_scripts:
        inspect(page, "empty")
    assert stories() == []


def test_after_a_reload_files_that_were_not_begun_are_named_and_come_in(member, photos):
    context, page, stories = member()
    page.on("dialog", lambda dialog: dialog.accept())
    # Two are in, and then the connection is gone: the others wait, some of them never begun.
    page.set_input_files("#files", photos[:2])
    page.locator(".tile.kept").nth(1).wait_for(timeout=60_000)
    page.route("**/g/u", lambda route: route.abort())
    page.set_input_files("#files", photos[2:])
    page.get_by_text("No connection; it goes on by itself.").wait_for(timeout=30_000)
    inspect(page, "offline")
    page.unroute("**/g/u")
    page.reload()

    note = page.locator("#unfinished")
    note.wait_for()
    assert [one for one in photos if one.name in note.inner_text()] == photos[2:]
    inspect(page, "unfinished")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose them again").click()
    chooser.value.set_files(photos)
    assert not note.is_visible()
    page.get_by_role("button", name="That is everything").click()
    page.wait_for_url("**/thanks*", timeout=120_000)
    assert sorted(one["file"] for one in stories()[0]["media"]) == [one.name for one in photos]
    context.close()


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_a_form_that_is_refused_is_given_back(house, capsule, open_browser, language, width):
    household, home = house
    ada = open_browser(language, width)
    page = ada.new_page()
    page.goto(household.run("login-link")["login"]["url"])
    page.locator("form button").click()
    page.wait_for_url(f"{home}/")
    for _ in range(41):
        ada.request.post(f"{home}/c/{capsule}/people/remind", headers={"origin": home}, max_redirects=0)
    page.goto(f"{home}/c/{capsule}/people")
    page.locator("#guests").fill("할머니 <younghee@example.org>, jiho@example.org")
    page.locator("#invite form button").click()

    page.locator(".kept").wait_for()
    assert "younghee@example.org" in page.locator(".kept").inner_text()
    inspect(page, "refused")
    page.get_by_role("link", name=re.compile("Back to the page|앞 페이지로")).click()
    page.wait_for_url(f"**/c/{capsule}/people")


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_without_scripts_both_texts_are_shown(member, house, language, width):
    context, page, stories = member(language=language, width=width, java_script_enabled=False)
    page.locator("#text").fill("First words")
    page.locator("#done").click()
    page.wait_for_url("**/thanks*")
    own = page.url.replace("thanks?story=", "stories/").partition("&")[0]
    older, newer = context.new_page(), context.new_page()
    for one in (older, newer):
        one.goto(own)
    newer.locator("#text").fill("Newer words")
    newer.locator(".acts button").click()
    older.locator("#text").fill("Older words")
    older.locator(".acts button").click()

    assert "Newer words" in older.locator("#elsewhere-text").inner_text()
    assert older.locator("#text").input_value() == "Older words"
    assert stories()[0]["text"] == "Newer words"
