"""Photos are added in a real browser on a telephone: connections break, pages are left, scripts are off."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.cast import make_photo
from support.clip_sounds import clip_with_tones, with_unknown_codec
from support.household import Household
from support.small_disks import SmallDisk, small_disk

pytestmark = pytest.mark.slow

MANY = 24


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[tuple[Household, str]]:
    household = Household(tmp_path_factory.mktemp("household"))
    with household.daemon() as daemon:
        yield household, daemon.url


@pytest.fixture(scope="module")
def small_house(tmp_path_factory) -> Iterator[tuple[tuple[Household, str], SmallDisk]]:
    """A house whose files lie on a small disk."""
    with small_disk(tmp_path_factory.mktemp("small") / "disk", megabytes=80) as small:
        household = Household(small.folder / "household")
        with household.daemon() as daemon:
            yield (household, daemon.url), small


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    paths = [tmp_path / f"IMG_{number:04}.jpg" for number in range(MANY)]
    for path in paths:
        path.write_bytes(make_photo(width=1200, height=900))
    return paths


class Member:
    """Somebody who has joined, the page in front of them, and all that it complained of."""

    def __init__(self, chromium, house, address: str, **options) -> None:
        household, home = house
        self.household = household
        self.capsule = household.capsule(opens_in=timedelta(days=3000))
        invited = household.run("invite", self.capsule, address)["invitations"][0]
        language = options.get("locale", "en-GB").partition("-")[0]
        joined = household.run("join", invited["token"], "--name", "Jiho", "--locale", language)
        self.token = joined["token"]
        self.context = chromium.new_context(
            **({"viewport": {"width": 390, "height": 844}, "locale": "en-GB"} | options)
        )
        self.context.add_cookies([{"name": "capsule", "value": self.token, "url": home}])
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{home}/g/c/{self.capsule}/add")

    def stories(self) -> list[dict]:
        return self.household.run("story", "list", self.capsule, token=self.token)["stories"]


def test_cut_connections_and_a_reload_lose_nothing_and_send_nothing_twice(chromium, house, photos):
    jiho = Member(chromium, house, "jiho@example.org")
    page = jiho.page
    page.locator("#title").fill("Summer")
    page.set_input_files("#files", photos)

    for done in (3, 8):
        page.locator(".tile.kept").nth(done).wait_for(timeout=60_000)
        jiho.context.set_offline(True)
        page.wait_for_timeout(300)
        jiho.context.set_offline(False)
    page.locator(".tile.kept").nth(12).wait_for(timeout=60_000)
    # The page is gone, and the same photos are chosen again.
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    assert page.locator("#title").input_value() == "Summer"
    page.set_input_files("#files", photos)
    page.get_by_role("button", name="That is everything").click()
    page.wait_for_url("**/thanks*", timeout=120_000)

    (story,) = jiho.stories()
    assert story["title"] == "Summer"
    assert sorted(one["file"] for one in story["media"]) == [path.name for path in photos]
    assert f"{MANY} photos" in page.locator("h1").inner_text()
    assert jiho.complaints == []
    jiho.context.close()


def test_what_is_no_photo_is_left_out_and_the_rest_goes_on(chromium, house, photos, tmp_path):
    mira = Member(chromium, house, "mira@example.org", locale="ko-KR")
    note = tmp_path / "마당.tmp"
    note.write_text("only words")

    mira.page.set_input_files("#files", [photos[0], note, photos[1]])
    refused = mira.page.locator(".tile.refused")
    refused.wait_for(timeout=60_000)
    mira.page.locator(".tile.kept").nth(1).wait_for(timeout=60_000)

    assert "마당.tmp" in refused.inner_text()
    assert "글만 있는 파일이어서 뺐어요. 사진이나 영상을 넣어 주세요." in refused.inner_text()
    assert "2개 가운데 2개 담았어요" in mira.page.locator("#dock").inner_text()
    mira.context.close()


def test_both_pages_count_the_same_files_as_left_out(chromium, house, photos, tmp_path):
    sora = Member(chromium, house, "sora@example.org")
    note, empty = tmp_path / "note.txt", tmp_path / "empty.jpg"
    note.write_text("only words")
    empty.touch()

    sora.page.set_input_files("#files", [photos[0], note, empty])
    sora.page.locator(".tile.refused").nth(1).wait_for(timeout=60_000)
    sora.page.locator(".tile.kept").wait_for(timeout=60_000)
    assert "left out: 2" in sora.page.locator("#dock").inner_text()
    sora.page.get_by_role("button", name="That is everything").click()
    sora.page.wait_for_url("**/thanks*", timeout=60_000)

    told = sora.page.locator(".note.bad").inner_text()
    assert "We left 2 files out" in told
    assert "note.txt" in told
    assert "empty.jpg" in told
    assert sora.complaints == []
    sora.context.close()


def test_it_works_without_scripts(chromium, house, photos):
    rosa = Member(chromium, house, "rosa@example.org", java_script_enabled=False)
    rosa.page.set_input_files("#files", photos[:3])
    rosa.page.locator("#text").fill("From the old box")
    rosa.page.get_by_role("button", name="That is everything").click()

    assert "3 photos" in rosa.page.locator("h1").inner_text()
    assert rosa.page.locator(".given img").count() == 3
    (story,) = rosa.stories()
    assert story["text"] == "From the old box"
    rosa.context.close()


def test_one_reason_is_said_once_for_many_files(chromium, house, photos, tmp_path):
    noa = Member(chromium, house, "noa@example.org")
    notes = [tmp_path / f"note-{number}.txt" for number in range(5)]
    for note in notes:
        note.write_text(f"only words {note.name}")

    noa.page.set_input_files("#files", [photos[0], *notes])
    noa.page.locator(".tile.refused summary", has_text="and 4 more").wait_for(timeout=60_000)
    noa.page.locator(".tile.kept").wait_for(timeout=60_000)

    assert noa.page.locator(".tile.refused").count() == 1
    noa.page.locator(".tile.refused summary").click()
    text = noa.page.locator(".tile.refused").inner_text()
    assert all(note.name in text for note in notes)
    assert "left out: 5" in noa.page.locator("#dock").inner_text()
    assert noa.complaints == []
    noa.context.close()


def test_many_tiles_keep_the_words_and_the_voice_note_near(chromium, house, photos):
    uma = Member(chromium, house, "uma@example.org")
    before = uma.page.locator("#title").bounding_box()["y"]
    uma.page.set_input_files("#files", photos[:40])
    uma.page.locator(".tile").nth(min(MANY, 40) - 1).wait_for(timeout=60_000)

    assert uma.page.locator("#title").bounding_box()["y"] - before < uma.page.viewport_size["height"]
    assert uma.page.locator("#tiles").get_attribute("tabindex") == "0"
    first, below = (uma.page.locator(".tile").nth(number).bounding_box() for number in (0, 3))
    assert first["y"] + first["height"] <= below["y"], "no tile lies on another"
    uma.page.locator(".tile.kept").nth(1).wait_for(timeout=60_000)
    assert uma.complaints == []
    uma.context.close()


@pytest.mark.parametrize(
    ("locale", "width", "short", "sentence"),
    [
        (
            "en-GB",
            1440,
            "It is in, without sound",
            "Added without sound: we cannot play its sound here. Your original keeps it.",
        ),
        (
            "ko-KR",
            390,
            "소리 없이 담았어요",
            "소리 없이 담았어요. 여기서는 이 소리를 들려드릴 수 없지만, 원본에는 그대로 있어요.",
        ),
    ],
)
def test_a_clip_without_its_sound_is_in_and_the_page_says_so(
    chromium, house, tmp_path, locale, width, short, sentence
):
    clip = tmp_path / "IMG_0007.MOV"
    clip.write_bytes(with_unknown_codec(clip_with_tones(tmp_path / "tone.mov", 440).read_bytes(), 0, b"apac"))
    ida = Member(
        chromium, house, f"ida-{width}@example.org", locale=locale, viewport={"width": width, "height": 844}
    )
    ida.page.set_input_files("#files", [clip])
    tile = ida.page.locator(".tile.kept")
    tile.wait_for(timeout=60_000)

    assert tile.locator(".state").inner_text().strip() == short
    (story,) = ida.stories()
    assert story["media"][0]["missing"] == ["sound"]
    ida.page.goto(ida.page.url.partition("/add")[0] + f"/stories/{story['id']}")
    assert ida.page.locator(".own-media .hint").inner_text() == sentence
    assert ida.complaints == []
    ida.context.close()


def test_a_full_disk_is_said_at_each_photo_and_they_go_in_once_there_is_room(chromium, small_house, photos):
    house, small = small_house
    mina = Member(chromium, house, "mina@example.org")
    page = mina.page
    page.locator("#title").fill("Harvest")
    page.set_input_files("#files", photos[:1])
    page.locator(".tile.kept").wait_for(timeout=60_000)
    small.fill()
    page.set_input_files("#files", photos[1:3])
    page.locator(".tile.refused").nth(1).wait_for(timeout=60_000)
    assert "There is no room for this here just now." in page.locator(".tile.refused").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    small.empty()
    for again in page.locator(".tile.refused").get_by_role("button", name="Try again").all()[::-1]:
        again.click()
    page.locator(".tile.kept").nth(2).wait_for(timeout=60_000)
    page.get_by_role("button", name="That is everything").click()
    page.wait_for_url("**/thanks*", timeout=60_000)
    (story,) = mina.stories()
    assert sorted(one["file"] for one in story["media"]) == [path.name for path in photos[:3]]
    assert mina.complaints == []
    mina.context.close()
