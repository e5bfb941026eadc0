"""
The whole life of a capsule in the browser: an organiser makes it, two guests fill it, and on the day all look.

A real daemon, real letters over SMTP, real photos. Every page on the way is inspected in English and in Korean, wide
and narrow, light and dark: it leaves the console quiet, loads nothing from elsewhere, fits, and is accessible.
`CAPSULE_TEST_SHOTS=FOLDER` keeps a picture of each.
"""

import io
import json
import shutil
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.browsing import HOST, House, Person
from support.mailservers import MailServer
from support.servers import is_missing, wait_until

pytestmark = pytest.mark.slow

CHROMIUM = Path("/usr/bin/chromium")
MANY = 100
REFUSED = ("text_named.jpg", "Thumbs.db", "script.svg", "zero_byte.jpg")
#: Enough for a few hundred photos on a machine that has other things to do.
PATIENCE_MS = 240_000


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    try:
        import axe_playwright_python  # noqa: F401 - only whether it is there
        from playwright.sync_api import sync_playwright
    except ImportError:
        is_missing(
            "No browser tests here: the packages playwright and axe-playwright-python are not installed."
        )
    if not CHROMIUM.exists():
        is_missing("No browser tests here: /usr/bin/chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    with MailServer() as server:
        house = House(tmp_path, server)
        try:
            yield house
        finally:
            print(house.daemon.output())
            house.daemon.close()


@pytest.fixture
def people(chromium, house) -> Iterator[tuple[Person, Person, Person]]:
    """The organiser at a desk, the grandmother with an old telephone, the teenager with a new one."""
    everybody = (
        Person(chromium, house, width=1440, language="en-GB"),
        Person(chromium, house, width=390, language="ko-KR", java_script_enabled=False),
        Person(chromium, house, width=390, language="en-GB"),
    )
    yield everybody
    for person in everybody:
        person.close()


@pytest.fixture
def gallery(photos, tmp_path) -> list[Path]:
    """A hundred files as a telephone has them: one photo twice, a few that are none, all others different."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    facts = json.loads((photos / "facts.json").read_text())["files"]
    # What decodes in a moment; the large ones have tests of their own.
    light = {
        one["sha256"]: photos / one["file"]
        for one in facts
        if one["kind"] == "image" and one["expect"] == "accept" and one["bytes"] < 600_000
        and one["width"] * one["height"] < 13_000_000
    }  # fmt: skip
    files = [shutil.copy(path, folder / path.name) for path in light.values()]
    jpegs = [path for path in light.values() if path.suffix == ".jpg"]
    for number in range(MANY - len(REFUSED) - 1 - len(files)):
        original = jpegs[number % len(jpegs)]
        files.append(folder / f"IMG_{number:04}.jpg")
        files[-1].write_bytes(original.read_bytes() + bytes([number]))
    files.append(shutil.copy(files[0], folder / f"again{files[0].suffix}"))
    files += [shutil.copy(photos / "bad" / name, folder / f"bad-{name}") for name in REFUSED]
    assert len(files) == MANY
    return files


def test_a_whole_life_in_the_browser(house, people, gallery, photos):
    organiser, grandmother, teenager = people
    capsule = make_a_capsule(house, organiser)
    home = f"{house.url}/g/c/{capsule}"
    fill_it_as_the_organiser(organiser, home, photos)
    invite(house, organiser, capsule)
    fill_it_as_the_grandmother(house, grandmother, home, photos)
    join_as_the_teenager(house, teenager, home)
    remind(organiser, house, capsule)
    read_about_the_api(organiser, house)
    fill_it_as_the_teenager(house, teenager, home, gallery)
    see_counts_only(organiser, home)
    agree_on_an_earlier_day(house, people, capsule)
    untie_it(house, people, home)
    look_at_the_photos(teenager, home)
    watch_and_make_films(house, grandmother, home)
    keep_everything(teenager, home)
    for person in people:
        assert person.complaints == []
        assert person.hosts == {urllib.parse.urlsplit(house.url).netloc}


def make_a_capsule(house: House, organiser: Person) -> str:
    page = organiser.page
    page.goto(f"{house.url}/")
    organiser.inspect_in_all_views("sign-in")
    set_up = house.household.made["set_up_url"]
    organiser.inspect_in_all_views("set-up", set_up)
    page.goto(set_up)
    page.locator("main form button").click()
    page.wait_for_url(f"{house.url}/")
    organiser.inspect_in_all_views("home-empty")
    organiser.inspect_in_all_views("account", f"{house.url}/account")

    organiser.press("Make a new capsule", role="link")
    organiser.inspect_in_all_views("create")
    page.locator("#title").fill("The summer we kept")
    page.locator("#message").fill("One photo of this summer from each of you.")
    page.locator("#phrase").fill("+3h")
    page.locator("input[name=theme][value=museum]").check(force=True)
    page.locator("#film_photos").fill("12")
    organiser.press("Review")
    organiser.inspect("create-confirm")
    organiser.press("Tie the first knot")
    page.wait_for_url("**/people?done=sealed")
    organiser.inspect_in_all_views("people-first")
    return page.url.split("/")[-2]


def fill_it_as_the_organiser(organiser: Person, home: str, photos: Path) -> None:
    page = organiser.page
    page.goto(f"{home}/add")
    page.locator("#title").fill("The long bridge")
    page.locator("#text").fill("We walked over it twice, because nobody wanted to go home.")
    page.set_input_files("#files", [photos / "panorama_5to1.jpg", photos / "canon7d_adobergb.jpg"])
    page.locator(".tile.kept").nth(1).wait_for()
    organiser.press("That is everything")
    page.wait_for_url("**/thanks*")


def invite(house: House, organiser: Person, capsule: str) -> None:
    page = organiser.page
    page.goto(f"{house.url}/c/{capsule}/people")
    page.locator("#guests").fill("younghee@example.org")
    page.locator("#called").fill("할머니")
    page.locator("input[name=language][value=ko]").check()
    organiser.press("Send the invitations")
    page.locator("#guests").fill("Jiho <jiho@example.org>")
    page.locator("input[name=language][value=en]").check()
    organiser.press("Send the invitations")
    organiser.inspect_in_all_views("people-invited")
    organiser.inspect_in_all_views("cards", f"{house.url}/c/{capsule}/cards")


def fill_it_as_the_grandmother(house: House, grandmother: Person, home: str, photos: Path) -> None:
    letter = house.link("younghee@example.org", "/g/i/")
    page = grandmother.page
    grandmother.inspect_in_all_views("invitation", letter)
    grandmother.inspect_in_all_views("decline", f"{letter}/decline")
    page.goto(letter)
    assert "할머니" in page.locator("h1").inner_text()
    grandmother.press("사진 넣기")
    page.wait_for_url(f"{home}/add")
    grandmother.inspect_in_all_views("add")

    # From here on with scripts, as any telephone has them: it is the same browser.
    scripted = grandmother.context.browser.new_context(viewport={"width": 390, "height": 844}, locale="ko-KR")
    scripted.add_cookies(grandmother.context.cookies())
    grandmother.move_to(scripted)
    page = grandmother.page
    page.goto(f"{home}/add")
    page.locator("#title").fill("마당의 감나무")
    page.set_input_files(
        "#files", [photos / "orientation/Landscape_6.jpg", photos / "names/가족사진 2019 여름.jpg"]
    )
    page.locator(".tile.kept").nth(1).wait_for()
    grandmother.inspect("add-done")
    grandmother.press("다 넣었어요")
    page.wait_for_url("**/thanks*")
    assert "사진 2장" in page.locator("h1").inner_text()
    for picture in page.locator(".given img").all():
        assert picture.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    grandmother.inspect_in_all_views("thanks")
    page.goto(home)
    assert "마당의 감나무" in page.locator("main").inner_text()
    assert "The long bridge" not in page.content()
    grandmother.inspect_in_all_views("sealed-guest")
    page.locator("#own .into").click()
    grandmother.inspect_in_all_views("own-story")
    grandmother.inspect_in_all_views("leave", f"{home}/leave")


def join_as_the_teenager(house: House, teenager: Person, home: str) -> None:
    teenager.page.goto(house.link("jiho@example.org", "/g/i/"))
    teenager.press("Add photos")
    teenager.page.wait_for_url(f"{home}/add")


def remind(organiser: Person, house: House, capsule: str) -> None:
    organiser.page.goto(f"{house.url}/c/{capsule}/people")
    organiser.press("Remind all who are silent")
    organiser.inspect_in_all_views("people-reminded")
    organiser.page.get_by_role("link", name="Jiho").click()
    organiser.inspect_in_all_views("member")


def read_about_the_api(organiser: Person, house: House) -> None:
    for language in ("ko", "en"):
        organiser.page.goto(f"{house.url}/api/docs?lang={language}")
        organiser.page.locator(".opblock").first.wait_for()
        organiser.inspect(f"api-{language}")


def fill_it_as_the_teenager(house: House, teenager: Person, home: str, gallery: list[Path]) -> None:
    page = teenager.page
    way_back = house.link("jiho@example.org", "/g/v/")
    teenager.inspect_in_all_views("visit", way_back)
    page.goto(way_back)
    page.locator("main form button").click()
    page.wait_for_url(f"{home}/add")
    page.locator("#title").fill("All of August")
    page.set_input_files("#files", gallery)

    teenager.expects_cuts = True
    page.locator(".tile.kept").nth(10).wait_for(timeout=PATIENCE_MS)
    teenager.context.set_offline(True)
    page.wait_for_timeout(500)
    teenager.context.set_offline(False)
    page.locator(".tile.kept").nth(25).wait_for(timeout=PATIENCE_MS)
    house.cut_the_power()
    page.locator(".tile.kept").nth(40).wait_for(timeout=PATIENCE_MS)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    teenager.expects_cuts = False
    assert page.locator("#title").input_value() == "All of August"
    page.set_input_files("#files", gallery)
    page.wait_for_function(
        "() => !document.querySelector('.tile.waiting, .tile.sending')", timeout=PATIENCE_MS
    )
    refused = page.locator(".tile.refused")
    reasons = {line.split("\n")[0]: line for line in refused.all_inner_texts()}
    assert sorted(reasons) == sorted(f"bad-{name}" for name in REFUSED)
    assert all(len(line.split("\n")[-1]) > 10 for line in reasons.values())
    teenager.inspect("add-hundred")
    teenager.press("That is everything")
    page.wait_for_url("**/thanks*")

    (token,) = [cookie["value"] for cookie in teenager.context.cookies() if cookie["name"] == "capsule"]
    capsule = home.rpartition("/")[2]
    stories = house.household.run("story", "list", capsule, token=token.split(".")[0])["stories"]
    (story,) = stories
    kept = sorted(one["file"] for one in story["media"])
    assert len(kept) == len(set(kept)) == MANY - len(REFUSED) - 1
    teenager.inspect_in_all_views("thanks-hundred")


def see_counts_only(organiser: Person, home: str) -> None:
    organiser.page.goto(home)
    text = organiser.page.content()
    for secret in ("마당", "August", "IMG_0001"):
        assert secret not in text
    assert "95 photos" in organiser.page.locator("main").inner_text()
    organiser.inspect_in_all_views("sealed-owner")
    organiser.inspect_in_all_views("home", home.replace(urllib.parse.urlsplit(home).path, "/"))
    capsule = home.rpartition("/")[2]
    organiser.inspect_in_all_views("settings", home.replace("/g/c/", "/c/") + "/settings")
    organiser.inspect_in_all_views("delete", home.replace("/g/c/", "/c/") + "/delete")
    for path in ("photos", "photos.json", "film", "everything.zip"):
        assert organiser.request("GET", f"/g/c/{capsule}/{path}").status_code == 404, path


def agree_on_an_earlier_day(house: House, people, capsule: str) -> None:
    organiser, *guests = people
    page = organiser.page
    page.goto(f"{house.url}/c/{capsule}/date")
    organiser.inspect_in_all_views("date")
    page.locator("#phrase").fill("+1h")
    organiser.press("Review")
    organiser.inspect("date-confirm")
    page.goto(f"{house.url}/c/{capsule}/date")
    page.locator("#phrase").fill("+45s")
    organiser.press("Review")
    organiser.press("Ask everybody")
    page.wait_for_url("**/date?done=asked")
    first, second = (house.link(f"{name}@example.org", "/g/consent/") for name in ("younghee", "jiho"))
    guests[0].page.goto(first)
    guests[0].press("네, 일찍 열어요")
    guests[1].page.goto(second)
    guests[1].inspect("consent")
    guests[1].press("Yes, open it earlier")
    assert "Everybody has said yes." in guests[1].page.locator("h1").inner_text()


def untie_it(house: House, people, home: str) -> None:
    organiser, grandmother, teenager = people
    for person, address in ((grandmother, "younghee@example.org"), (teenager, "jiho@example.org")):
        letter = wait_until(lambda address=address: house.link(address, "/g/o/"), 120, "it is open")
        if person is grandmother:
            person.inspect_in_all_views("letter", letter)
        person.page.goto(letter)
        person.page.locator("main form button").click()
        person.page.wait_for_url(home)
        person.inspect_in_all_views("unsealing")
    teenager.page.locator(".skip-it").click()
    teenager.press("See the photos")
    teenager.page.wait_for_url("**/photos")
    teenager.inspect_in_all_views("choice", home)
    organiser.page.goto(f"{house.url}/")
    organiser.inspect_in_all_views("home-opened")


def look_at_the_photos(teenager: Person, home: str) -> None:
    page = teenager.page
    text = page.locator("main").inner_text()
    for title in ("마당의 감나무", "The long bridge", "All of August"):
        assert title in text
    teenager.inspect_in_all_views("photos")
    page.locator("a[data-medium]").first.focus()
    page.keyboard.press("Enter")
    viewer = page.locator(".pswp--open")
    viewer.wait_for()
    page.locator(".pswp__caption b").first.wait_for()
    before = page.locator(".pswp__counter").inner_text()
    page.keyboard.press("ArrowRight")
    wait_until(lambda: page.locator(".pswp__counter").inner_text() != before, 10, "the next photo is shown")
    page.wait_for_timeout(500)
    teenager.inspect("viewer")
    page.keyboard.press("Escape")
    viewer.wait_for(state="detached")


def watch_and_make_films(house: House, grandmother: Person, home: str) -> None:
    page = grandmother.page
    page.goto(f"{home}/film")
    grandmother.inspect_in_all_views("film")
    video = page.locator("video")
    video.evaluate("video => { video.muted = true; }")
    page.locator(".go").click()
    wait_until(lambda: video.evaluate("video => video.currentTime > 0.3"), 20, "it plays")
    for number in (1, 0):
        page.locator(".pick input").nth(number).focus()
        page.keyboard.press("Space")
    page.locator("#making button.main").click()
    page.wait_for_url("**/film?of=*")
    page.locator(".player").wait_for(timeout=PATIENCE_MS)
    grandmother.inspect_in_all_views("film-further")
    capsule = home.rpartition("/")[2]
    made = house.household.films(capsule)
    assert [one["state"] for one in made] == ["ready", "ready"]
    assert len(made[-1]["stories"]) == 2


def keep_everything(teenager: Person, home: str) -> None:
    teenager.page.goto(f"{home}/film")
    with teenager.page.expect_download() as kept:
        teenager.page.locator(".tabs .all").click()
    content = Path(kept.value.path()).read_bytes()
    promised = teenager.request("HEAD", f"{urllib.parse.urlsplit(home).path}/everything.zip")
    assert len(content) == int(promised.headers["content-length"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        pictures = [name for name in archive.namelist() if name.lower().endswith((".jpg", ".heic"))]
    assert len(pictures) > 60
