"""
The photo pages in a real browser: each theme, both languages, on a telephone and on a large screen.

Nobody may find a complaint in the console, a request to anybody else, or anything that axe-core objects to; and the
viewer must do without a mouse.
"""

import dataclasses
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from memorycapsule.domain.stories import Story
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.services import opening, stories
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store
from support import cast
from support.browsing import Visitor, served
from support.cast import add_story, join, make_capsule, make_instance, make_recording
from support.servers import wait_until

pytestmark = pytest.mark.slow

THEMES = ("photocard", "museum", "window", "classic")
LANGUAGES = ("en", "ko")
#: Photos of cameras and telephones, wide and tall; more than a story shows itself in the photo card theme.
FILES = (
    "canon7d_adobergb.jpg",
    "pixel1_gps.jpg",
    "rgb16_photo.png",
    "fujifilm_s3pro_cyclamen.jpg",
    "pentax_k10d_cactus.jpg",
    "nikon_d750_tanners_ridge.jpg",
    "denali_exif_icc.webp",
    "galaxys1_o6_gps.jpg",
    "sony_a550_el_torcal.jpg",
    "canon_r5_prairie_falcon.jpg",
    "htc_desire_gps.jpg",
)


#: So many photos the largest capsule has.
MANY = 250
LONG_NAME = "Aunt Seraphina-Marguerite van den Bergh-Oosterhout"


@dataclass(kw_only=True)
class Home:
    url: str
    #: Capsule id and a member's secret, by language; and, as "many", of a capsule with MANY photos.
    capsules: dict[str, tuple[str, str]]
    store: Store
    #: The ids of those many, in their order.
    many: list[str]

    def capsule(self, theme: str, language: str) -> tuple[str, str]:
        """The capsule of a language, now in a theme and untied by nobody, and a member's secret."""
        capsule_id, token = self.capsules[language]
        with self.store.transaction() as tx:
            found = capsule_store.capsules.get(tx, capsule_id)
            capsule_store.capsules.save(tx, dataclasses.replace(found, theme=theme))
            for member in capsule_store.members_of(tx, capsule_id):
                capsule_store.members.save(tx, dataclasses.replace(member, unsealed_at=None))
        return capsule_id, token


@pytest.fixture(scope="module")
def home(photos, tmp_path_factory) -> Iterator[Home]:
    """A site with an opened capsule of real photos in each language."""
    folder = tmp_path_factory.mktemp("home") / "data"
    with make_instance(f"sqlite:///{folder}/capsule.db", folder) as instance:
        clock = cast.Time()
        made = {}
        (folder / "work").mkdir(mode=0o700, exist_ok=True)
        with Decoders(workspace=folder / "work", children=2) as decoders:
            for language in LANGUAGES:
                korean = language == "ko"
                capsule = make_capsule(instance, title="여름, 시골집에서" if korean else "The summer we kept")
                member = join(
                    instance,
                    capsule,
                    "지호" if korean else LONG_NAME,
                    address=f"{language}@example.org",
                    locale=language,
                )
                story = add_story(
                    instance,
                    capsule,
                    member.viewer,
                    title="뒷산 풀밭" if korean else "Flowers nobody planted",
                    text="이슬에 바지가 젖었다. " * 9 if korean else "Behind the shed. " * 9,
                    photos=0,
                )
                for file in FILES:
                    with (photos / file).open("rb") as upload:
                        stories.attach(
                            instance.store,
                            instance.vault,
                            decoders.prepare,
                            member.viewer,
                            story.id,
                            file=file,
                            upload=upload,
                            clock=clock,
                        )
                letter = add_story(
                    instance, capsule, instance.ada, title="편지" if korean else "A letter", photos=0
                )
                with tempfile.TemporaryFile() as recording:
                    recording.write(make_recording(seconds=3))
                    recording.seek(0)
                    keep = (instance.store, instance.vault, decoders.prepare, instance.ada, letter.id)
                    stories.attach(*keep, file="voice.mp3", upload=recording, clock=clock)
                made[language] = (capsule.id, member.token)
        capsule = make_capsule(instance, title="Many")
        member = join(instance, capsule, "Ben")
        story = add_story(instance, capsule, member.viewer, title="Every summer")
        made["many"] = (capsule.id, member.token)
        clock.go_to(cast.OPENS)
        opening.open_due(instance.store, instance.wake, clock.now)
        many = copies_of_its_photo(instance.store, story)
        with served(instance, clock) as url:
            yield Home(url=url, capsules=made, store=instance.store, many=many)


def copies_of_its_photo(store: Store, story: Story) -> list[str]:
    """Let a story have MANY photos, all of the same bytes; returns their ids."""
    with store.transaction() as tx:
        (first,) = story_store.media_of(tx, story.id)
        ids = [first.id, *(str(uuid.uuid4()) for _ in range(MANY - 1))]
        for position, medium_id in enumerate(ids[1:], start=1):
            copy = dataclasses.replace(
                first, id=medium_id, position=position, duplicate_mark=f"copy {position}"
            )
            story_store.media.add(tx, copy)
    return ids


@pytest.fixture
def visit(chromium, home):
    visitors = []

    def visit(theme: str, language: str = "en", **options) -> Visitor:
        options = {"viewport": {"width": 1440, "height": 900}} | options
        visitors.append(Visitor(chromium, home, theme, language, **options))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.context.close()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "dark"), (390, "light"), (1440, "light"), (1440, "dark")]
)
def test_a_theme_is_a_place_for_everybody(visit, theme, language, width, scheme):
    visitor = visit(theme, language, viewport={"width": width, "height": 844}, color_scheme=scheme)
    visitor.go()

    assert visitor.page.locator("[id^=p-]").count() == len(FILES)
    for picture in visitor.page.locator("[id^=p-] img").all():
        picture.scroll_into_view_if_needed()
    wait_until(
        lambda: visitor.page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth)"),
        20,
        "all photos are there",
    )
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.check_access()
    visitor.check_manners()


@pytest.mark.parametrize("theme", THEMES)
def test_the_viewer_needs_no_mouse(visit, theme):
    visitor = visit(theme, reduced_motion="reduce")
    visitor.go()
    page = visitor.page
    opener = page.locator("[id^=p-] a[data-medium]").nth(1)
    opener.focus()
    page.keyboard.press("Enter")

    viewer = page.get_by_role("dialog", name="Photos, full screen")
    viewer.wait_for()
    words = page.get_by_role("group", name="What is written about it")
    assert "Behind the shed." in words.inner_text()
    assert f"{LONG_NAME}, " in words.inner_text()
    visitor.check_access()
    first = page.locator(".pswp__counter").inner_text()
    page.keyboard.press("ArrowRight")
    wait_until(lambda: page.locator(".pswp__counter").inner_text() != first, 5, "the next one is shown")
    page.keyboard.press("ArrowLeft")
    wait_until(
        lambda: page.locator(".pswp__counter").inner_text() == first, 5, "the first one is shown again"
    )
    link = viewer.get_by_role("link", name="Download the original")
    with page.expect_download() as saved:
        link.focus()
        page.keyboard.press("Enter")
    assert saved.value.suggested_filename in FILES
    page.keyboard.press("Escape")
    viewer.wait_for(state="detached")
    assert opener.evaluate("link => link === document.activeElement")
    visitor.check_manners()


def test_keys_that_are_pressed_while_the_viewer_opens_count(visit):
    visitor = visit("museum")
    visitor.go()
    page = visitor.page
    page.locator("[id^=p-] a[data-medium]").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Photos, full screen").wait_for()
    page.keyboard.press("ArrowRight")

    wait_until(
        lambda: page.locator(".pswp__counter").inner_text().startswith("2 /"), 5, "the next one is shown"
    )


@pytest.mark.parametrize("theme", THEMES)
def test_without_scripts_a_photo_is_a_link_to_its_large_form(visit, theme):
    visitor = visit(theme, java_script_enabled=False)
    visitor.go()
    link = visitor.page.locator("[id^=p-] a[data-medium]").first
    link.focus()
    visitor.page.keyboard.press("Enter")

    visitor.page.wait_for_url("**/display")


def test_a_card_turns_without_scripts(visit):
    visitor = visit("photocard", java_script_enabled=False)
    visitor.go()
    card = visitor.page.locator(".table .pcard").first
    assert not card.get_by_role("link", name="Download the original").is_visible()
    card.get_by_role("checkbox").check()

    assert card.get_by_role("link", name="Download the original").is_visible()
    assert "Behind the shed." in card.locator(".reverse").inner_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_untying_can_be_skipped_without_scripts(visit, language):
    visitor = visit("museum", language, java_script_enabled=False, viewport={"width": 390, "height": 844})
    visitor.go("")
    photos = visitor.page.locator("button[value=photos]")
    moves = "one => one.closest('.stage').getAnimations({ subtree: true }).length"
    assert photos.evaluate(moves) > 0
    visitor.page.locator(".skip-it").click()

    # What has come to its end is still there: every part keeps its last step.
    wait_until(lambda: photos.evaluate(moves) == 0, 30, "the untying is taken away")
    assert photos.evaluate("one => getComputedStyle(one.parentElement).opacity") == "1"
    photos.click()
    visitor.page.wait_for_url("**/photos")
    visitor.go("")
    assert visitor.page.locator(".skip-it").count() == 0
    visitor.check_manners()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("language", "width", "scheme"), [("ko", 320, "dark"), ("en", 390, "light"), ("en", 1440, "dark")]
)
def test_the_choice_is_a_place_for_everybody(visit, theme, language, width, scheme):
    visitor = visit(theme, language, viewport={"width": width, "height": 844}, color_scheme=scheme)
    visitor.go("")
    visitor.page.locator(".skip-it").click()
    visitor.page.locator("button[value=photos]").click()
    visitor.page.wait_for_url("**/photos")
    visitor.go("")

    assert visitor.page.locator(".door img").count() == 3
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.check_access()
    visitor.check_manners()


def test_untying_is_for_everybody(visit):
    visitor = visit("window", reduced_motion="reduce")
    visitor.go("")

    assert visitor.page.locator("button[value=film]").is_visible()
    assert not visitor.page.locator(".skip-it").is_visible()
    visitor.check_access()
    visitor.check_manners()


@pytest.mark.parametrize("theme", THEMES)
def test_back_closes_the_viewer_and_keeps_the_place(visit, theme):
    visitor = visit(theme, viewport={"width": 390, "height": 844})
    visitor.go()
    page, album = visitor.page, visitor.page.url
    opener = page.locator("[id^=p-] a[data-medium]").nth(7)
    opener.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    opener.focus()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog", name="Photos, full screen")
    viewer.wait_for()

    page.wait_for_url(f"{album}#photo-{opener.get_attribute('data-medium')}")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_until(
        lambda: page.locator(".pswp__counter").inner_text().startswith("10 /"), 5, "two photos further"
    )
    farther = page.evaluate("location.href")
    page.go_back()
    viewer.wait_for(state="detached")
    page.wait_for_url(album)
    assert abs(page.evaluate("scrollY") - place) <= 1

    page.go_forward()
    viewer.wait_for()
    page.wait_for_url(farther)
    page.keyboard.press("Escape")
    viewer.wait_for(state="detached")
    page.wait_for_url(album)
    visitor.check_manners()


def test_whoever_goes_back_while_the_viewer_opens_is_on_the_page(visit):
    visitor = visit("classic")
    visitor.go()
    visitor.page.locator("[id^=p-] a[data-medium]").first.focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.locator(".pswp").wait_for()
    visitor.page.go_back()

    visitor.page.locator(".pswp").wait_for(state="detached")
    visitor.page.wait_for_url("**/photos")


def test_the_address_of_a_photo_opens_the_viewer_on_it(visit):
    visitor = visit("window", reduced_motion="reduce")
    visitor.go()
    page, album = visitor.page, visitor.page.url
    medium = page.locator("[id^=p-] a[data-medium]").nth(4).get_attribute("data-medium")
    page.goto("about:blank")
    page.goto(f"{album}#photo-{medium}")

    viewer = page.get_by_role("dialog", name="Photos, full screen")
    viewer.wait_for()
    assert page.locator(".pswp__counter").inner_text().startswith("5 /")
    page.reload()
    viewer.wait_for()
    page.go_back()
    viewer.wait_for(state="detached")
    page.wait_for_url(album)
    visitor.check_manners()


def test_the_address_of_a_photo_that_is_not_there_is_that_of_the_page(visit):
    visitor = visit("museum")
    visitor.go("/photos#photo-00000000-0000-0000-0000-000000000000")

    visitor.page.wait_for_url("**/photos")
    assert visitor.page.locator(".pswp").count() == 0
    visitor.check_manners()


def test_of_very_many_photos_the_viewer_reaches_every_one(visit, home):
    """It is told of a hundred at a time, and asks for further ones on the way."""
    visitor = visit("classic", of="many", reduced_motion="reduce")
    visitor.go()
    page, album = visitor.page, visitor.page.url
    words = page.get_by_role("group", name="What is written about it")

    def is_shown(place: int) -> None:
        page.wait_for_url(f"{album}#photo-{home.many[place]}")
        wait_until(
            lambda: page.locator(".pswp__counter").inner_text() == f"{place + 1} / {MANY}",
            5,
            "its place is said",
        )
        image = f'.pswp__item[aria-hidden=false] img[src*="{home.many[place]}/display"]'
        page.locator(image).wait_for()
        assert "Ben, " in words.inner_text()

    def turn(key: str, times: int) -> None:
        for _ in range(times):
            page.keyboard.press(key)

    page.locator("[id^=p-] a[data-medium]").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Photos, full screen").wait_for()
    is_shown(0)
    turn("ArrowLeft", 1)
    is_shown(MANY - 1)
    turn("ArrowLeft", 1)
    is_shown(MANY - 2)
    turn("ArrowRight", 3)
    is_shown(1)
    page.goto("about:blank")
    page.goto(f"{album}#photo-{home.many[150]}")
    is_shown(150)
    turn("ArrowRight", 60)
    is_shown(210)
    turn("ArrowLeft", 130)
    is_shown(80)
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Photos, full screen").wait_for(state="detached")
    page.wait_for_url(album)
    visitor.check_manners()


@pytest.mark.parametrize("theme", THEMES)
def test_a_voice_note_has_a_player_with_room_for_its_time_and_its_line(visit, theme):
    visitor = visit(theme)
    visitor.go()
    player = visitor.page.locator("audio")

    wait_until(lambda: player.evaluate("one => one.duration") > 2, 10, "its length is known")
    for width in (320, 390, 768, 1440):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        assert player.bounding_box()["width"] >= 240


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_turned_card_can_be_read(visit, language):
    visitor = visit("photocard", language, reduced_motion="reduce")
    visitor.go()
    for card in visitor.page.locator(".table .pcard").all():
        card.get_by_role("checkbox").check()

    for width in (320, 390, 768, 1000, 1440):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        turned = visitor.page.evaluate(READABLE)
        assert len(turned) > 8
        # Wide enough for words, clear of the buttons, and nothing is cut off that cannot be scrolled to.
        assert [one for one in turned if one["room"] < 110 or one["cut"] or one["covered"]] == []
    visitor.check_access()


READABLE = """[...document.querySelectorAll('.table .pcard')].map(card => {
  const words = card.querySelector('.reverse > :first-child');
  const parts = [...words.children];
  words.scrollTop = words.scrollHeight;
  const end = words.scrollTop + words.clientHeight;
  return {
    room: words.clientWidth,
    cut: !['auto', 'scroll'].includes(getComputedStyle(words).overflowY) || end < words.scrollHeight - 1
      || parts.some(one => one.scrollWidth > one.clientWidth + 1 || getComputedStyle(one).overflow === 'hidden'),
    covered: [...card.querySelectorAll('.full, .keep-it')].some(
      button => button.offsetTop < words.offsetTop + words.offsetHeight),
  };
})"""


@pytest.mark.parametrize(("theme", "with_scripts"), [*((theme, True) for theme in THEMES), ("museum", False)])
def test_every_look_finds_photos_by_word_and_month(visit, theme, with_scripts):
    visitor = visit(
        theme,
        viewport={"width": 390, "height": 844},
        java_script_enabled=with_scripts,
        reduced_motion="reduce",
    )
    visitor.go()
    page = visitor.page
    if theme != "window":
        page.get_by_text("Find photos").click()
    page.get_by_label("What are you looking for?").fill("2010")
    page.get_by_role("search").get_by_role("button", name="Find").click()

    found = page.locator("[id^=p-]")
    assert 0 < found.count() < len(FILES)
    before = found.count()
    page.get_by_text("By month").click()
    page.get_by_role("navigation", name="By month").get_by_role("link").last.click()
    assert 0 < found.count() < before
    assert page.get_by_label("What are you looking for?").input_value() == "2010"
    if with_scripts:
        visitor.check_access()
    page.get_by_role("link", name="Back to all photos").click()
    assert found.count() == len(FILES)


def test_the_small_computer_tells_long_names_apart(visit):
    visitor = visit("window")
    visitor.go()
    title, names = visitor.page.locator(".task .cut").first, visitor.page.locator(".thumbs .name")
    title.evaluate("one => { one.textContent = 'The day when we planted the persimmon tree in the yard'; }")
    assert title.evaluate(
        "one => one.scrollWidth > one.clientWidth && getComputedStyle(one).textOverflow === 'ellipsis'"
    )

    visitor.page.set_viewport_size({"width": 390, "height": 844})
    lines = "all => all.map(one => one.clientHeight / parseFloat(getComputedStyle(one).lineHeight))"
    assert max(names.evaluate_all(lines)) > 1.5
