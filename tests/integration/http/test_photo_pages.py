"""The photo pages of an opened capsule in each theme, and how it is untied."""

import dataclasses
import html
import io
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from memorycapsule.daemon.http.html import font_subsets
from memorycapsule.domain.capsules import Capsule
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from support.cast import Person, add_story, join, make_capsule
from support.moments import NOW

pytestmark = pytest.mark.slow

THEMES = ("photocard", "museum", "window", "classic")
#: Written down after the other stories, and so told after them.
LATER = NOW + timedelta(hours=1)
HOSTILE = '</script><img src=x onerror="alert(1)">\u202e'


@dataclass(kw_only=True)
class Album:
    """An opened capsule: one long story, a short one, one without photos, and one that means harm."""

    scene: Any
    capsule: Capsule
    ben: Person
    media: set[str]

    def path(self, more: str = "") -> str:
        return f"/g/c/{self.capsule.id}{more}"

    def browser(self, theme: str, language: str = "en"):
        """A browser of Ben's, the capsule having a theme."""
        with self.scene.instance.store.transaction() as tx:
            capsule_store.capsules.save(tx, dataclasses.replace(self.capsule, theme=theme))
        self.scene.reads(self.ben.viewer, language)
        return self.scene.browser(self.ben.token)


@pytest.fixture(scope="module")
def album(lasting_scene):
    instance = lasting_scene.instance
    capsule = make_capsule(instance, title="여름, 시골집에서")
    ben = join(instance, capsule, "Ben")
    add_story(instance, capsule, ben.viewer, title="The pier", text="Until dark.", photos=26)
    add_story(instance, capsule, instance.ada, title="The kitchen", text="Soup.", photos=2, now=LATER)
    add_story(instance, capsule, ben.viewer, title="A letter", text="Dear all", photos=0)
    add_story(instance, capsule, ben.viewer, title=HOSTILE, text=HOSTILE, photos=0)
    lasting_scene.open()
    with instance.store.reading() as tx:
        media = {
            medium.id
            for story in story_store.of_capsule(tx, capsule.id)
            for medium in story_store.media_of(tx, story.id)
        }
        opened = capsule_store.capsules.get(tx, capsule.id)
    return Album(scene=lasting_scene, capsule=opened, ben=ben, media=media)


@pytest.fixture(params=THEMES)
def browser(request, album):
    return album.browser(request.param)


def places(page: str) -> list[str]:
    return re.findall(r'id="p-([0-9a-f-]{36})"', page)


def test_every_photo_has_one_place_with_who_and_when(browser, album):
    page = browser.get(album.path("/photos"))
    found = places(page.text)
    following = page.text
    while onward := re.search(r'href="([^"]*\?sheet=[^"]*)#rest" rel="next"', following):
        following = browser.get(onward[1]).text
        found += [one for one in places(following) if one not in places(page.text)]

    assert page.status_code == 200
    assert sorted(found) == sorted(album.media)
    for text in ("The pier", "Until dark.", "The kitchen", "Soup.", "A letter", "Dear all"):
        assert text in page.text
    assert page.text.count("day not known") >= 25
    assert page.text.count("Ben") >= 25
    for medium_id in album.media:
        links = re.findall(rf'href="(/g/m/{medium_id}/[a-z]+)"', page.text + following)
        assert f"/g/m/{medium_id}/display" in links


def test_what_people_typed_is_text_and_pages_hold_no_inline_style_or_script(browser, album):
    page = browser.get(album.path("/photos")).text

    assert HOSTILE not in page
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in page
    assert " style=" not in page
    assert not re.search(r"<script(?![^>]* src=)|<style|<[^>]*\son\w+=", page)


def test_the_viewer_is_told_of_all_photos_in_order(browser, album):
    answer = browser.get(album.path("/photos.json"))
    told = json.loads(answer.text)
    slides = told["photos"]

    assert answer.headers["content-type"] == "application/json"
    assert {slide["id"] for slide in slides} == album.media
    assert (told["count"], told["first"]) == (len(slides), 0) == (len(album.media), 0)
    assert slides[0]["by"].startswith("Ben, ")
    assert slides[0]["text"] == "Until dark."
    for slide in slides[:1]:
        assert [browser.get(slide[form]).status_code for form in ("src", "small", "original")] == [200] * 3


def test_what_is_not_there_is_not_found(browser, album):

    for more in ("?part=9", "?sheet=9", "?sheet=0", "?by=nobody", "?month=2019-13", f"?find={'a' * 201}"):
        assert browser.get(album.path(f"/photos{more}")).status_code == 404


def test_every_look_finds_what_somebody_wrote(browser, album):
    page = browser.get(album.path("/photos?find=%20kitchen%20soup")).text
    slides = browser.get(album.path("/photos.json?find=kitchen+soup")).json()["photos"]

    assert 'name="find" value="kitchen soup"' in page
    assert "2 of 28 photos" in page
    assert places(page) == [slide["id"] for slide in slides]
    assert len(slides) == 2
    assert f'data-album="{album.path("/photos.json")}?find=kitchen+soup"' in page
    for onward in re.findall(
        r'href="([^"#]*)#find" rel="next"', browser.get(album.path("/photos?find=ben")).text
    ):
        assert "26 of 28" in browser.get(html.unescape(onward)).text
    nothing = browser.get(album.path("/photos"), params={"find": HOSTILE[:30] + "?"}).text
    assert "Nothing found." in nothing
    assert HOSTILE[:30] not in nothing


def test_every_look_finds_the_photos_of_one_member(browser, album):
    choice = re.search(r'<nav class="whose".*?</nav>', browser.get(album.path("/photos")).text, re.DOTALL)[0]
    bens = html.unescape(re.search(rf'href="([^"#]*by={album.ben.member.id})#find"', choice)[1])
    page = browser.get(bens).text
    slides = browser.get(album.path(f"/photos.json?by={album.ben.member.id}")).json()["photos"]

    assert "26 of 28 photos" in page
    assert len(slides) == 26
    assert places(page) == [slide["id"] for slide in slides[: len(places(page))]]
    assert f'name="by" value="{album.ben.member.id}"' in page


def test_the_choice_stands_in_the_theme_with_a_picture_on_each_door(browser, album):
    browser.post(album.path("/untied"), data={"to": "photos"})
    page = browser.get(album.path())

    theme = re.search(r'/themes/(\w+)\.css"', page.text)[1]
    assert re.search(r'<body class="choice (\w+)">', page.text)[1] == {
        "photocard": "pc", "museum": "mu", "window": "wi", "classic": "plain",
    }[theme]  # fmt: skip
    assert "여름, 시골집에서" in page.text
    shown = re.findall(r'<img src="/g/m/([0-9a-f-]{36})/thumbnail" alt="">', page.text)
    assert len(shown) == 3
    assert set(shown) <= album.media
    assert " style=" not in page.text


def test_headings_bring_the_letters_they_need_and_no_others(album):
    from fontTools.ttLib import TTFont

    for theme in THEMES:
        browser = album.browser(theme, "ko")
        sheet = browser.get(album.path("/letters.css"))
        if theme not in font_subsets.FONTS:
            assert sheet.status_code == 404
            continue
        url = re.search(r'url\("([^"]+)"\)', sheet.text)[1]
        letters = TTFont(io.BytesIO(browser.get(album.path(f"/{url}")).content)).getBestCmap()
        assert {ord(letter) for letter in "여름, 시골집에서"} <= letters.keys()
        assert ord("힣") not in letters
        assert len(letters) < 120


def test_strangers_and_those_who_come_early_get_nothing(scene):
    paths = [
        f"/g/c/{scene.capsule.id}/{more}" for more in ("photos", "photos.json", "letters.css", "letters.woff")
    ]
    for browser in (scene.browser(), scene.browser(scene.cleo.token), scene.browser(scene.ben.token)):
        assert [browser.get(path).status_code for path in paths] == [404] * 4
        untied = browser.post(f"/g/c/{scene.capsule.id}/untied", data={"to": "photos"})
        assert untied.status_code == 404
    scene.open()
    for browser in (scene.browser(), scene.browser(scene.cleo.token)):
        assert [browser.get(path).status_code for path in paths] == [404] * 4


@pytest.mark.parametrize("to", ["photos", "film"])
def test_it_is_untied_once_for_everybody(scene, to):
    scene.open()
    capsule = f"/g/c/{scene.capsule.id}"
    ben = scene.browser(scene.ben.token, **{"accept-language": "en"})

    for _ in range(2):  # looking changes nothing
        page = ben.get(capsule)
        assert 'class="skip-it" href="#now"' in page.text
        assert "Photos or film?" not in page.text
    assert ben.post(f"{capsule}/untied", data={"to": "elsewhere"}).status_code == 404
    assert "skip-it" in ben.get(capsule).text
    untied = ben.post(f"{capsule}/untied", data={"to": to})
    assert (untied.status_code, untied.headers["location"]) == (303, f"{capsule}/{to}")
    assert "Photos or film?" in ben.get(capsule).text
    # Of another browser of his, too, and of nobody else's.
    assert "skip-it" not in scene.browser(scene.session_of(scene.ben.member.account_id)).get(capsule).text
    assert "skip-it" in scene.ada().get(capsule).text
