"""What a guest's telephone has to load before a page can be read: every page, in both languages, without photos."""

import dataclasses
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.services import letters
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from support.cast import Person, add_story, invite, join, make_capsule, make_photo
from support.moments import NOW

pytestmark = pytest.mark.slow

MOST_BYTES = 150_000
THEMES = ("photocard", "museum", "window", "classic")
LANGUAGES = ("en", "ko")
#: A large family's capsule, with titles that need many different letters.
PHOTOS, STORIES, MEMBERS = 300, 25, 9
TITLES = (
    "우리가 처음 함께 걸었던 바닷가의 저녁",
    "할머니의 부엌에서 끓던 된장찌개 냄새",
    "첫눈 오던 날, 골목 어귀",
)
#: What is there for its content, and comes when it is looked at: photos, films and songs.
CONTENT = re.compile(r"/g/(?:m|f|soundtracks)/|/cover")


def parts(text: str, kind: str) -> Iterator[str]:
    """Yield the addresses of what a browser loads at once for a page, a style sheet or a script."""
    patterns = {
        "text/html": (
            r'<link rel="(?:stylesheet|icon)" href="([^"]+)"',
            r'<script [^>]*?src="([^"]+)"',
            r'<img [^>]*?src="([^"]+)"',
        ),
        "text/css": (r'url\("?([^")]+)"?\)', r'@import "([^"]+)"'),
        "text/javascript": (r'^import [^;]*?"([^"]+)";',),
    }
    for pattern in patterns.get(kind, ()):
        yield from re.findall(pattern, text, re.MULTILINE)


def weight(browser, path: str) -> int:
    """Return the bytes of a first view as they are sent."""
    sent: dict[str, int] = {}
    waiting = [path]
    while waiting:
        address = waiting.pop().replace("&amp;", "&")
        if address in sent or CONTENT.search(address):
            continue
        answer = browser.get(address, headers={"accept-encoding": "gzip"})
        assert answer.status_code == 200, address
        sent[address] = int(answer.headers["content-length"])
        kind = answer.headers["content-type"].partition(";")[0]
        waiting += [urljoin(address, found) for found in parts(answer.text, kind)]
    assert any("base.css" in address for address in sent)
    return sum(sent.values())


@dataclasses.dataclass(kw_only=True)
class House:
    """A capsule that nine people have filled; Ben is one of them."""

    scene: object
    capsule_id: str
    ben: Person
    story_id: str
    medium_id: str
    links: dict[str, str]

    def weigh(self, language: str, *paths: str) -> dict[str, int]:
        self.scene.reads(self.ben.viewer, language)
        browser = self.scene.browser(self.ben.token, **{"accept-language": language})
        return {path: weight(browser, path.format(**vars(self), **self.links)) for path in paths}

    def wear(self, theme: str, *, is_untied: bool) -> None:
        """Let the opened capsule have a theme, untied by Ben or not yet."""
        with self.scene.instance.store.transaction() as tx:
            capsule = capsule_store.capsules.get(tx, self.capsule_id)
            capsule_store.capsules.save(tx, dataclasses.replace(capsule, theme=theme))
            member = capsule_store.members.get(tx, self.ben.member.id)
            unsealed_at = NOW if is_untied else None
            capsule_store.members.save(tx, dataclasses.replace(member, unsealed_at=unsealed_at))


@pytest.fixture(scope="module")
def house(lasting_scene) -> House:
    instance = lasting_scene.instance
    capsule = make_capsule(instance, title="여름, 시골집에서 보낸 길고 긴 오후")
    people = [
        join(instance, capsule, f"영희 {number}", address=f"y{number}@example.org")
        for number in range(MEMBERS)
    ]
    stories = [
        add_story(
            instance,
            capsule,
            people[number % MEMBERS].viewer,
            title=f"{TITLES[number % len(TITLES)]} {number}",
            text="우리는 어두워질 때까지 거기 있었어요. " * 30,
            photos=[make_photo() for _ in range(PHOTOS // STORIES)],
        )
        for number in range(STORIES)
    ]
    ben = people[0]
    with instance.store.transaction() as tx:
        medium = story_store.media_of(tx, stories[0].id)[0]
        links = {
            purpose.value: letters.issue_link(tx, instance.key, purpose, ben.member.id, 1, NOW)
            for purpose in (LinkPurpose.VISIT, LinkPurpose.OPENED)
        }
    invited = invite(instance, capsule, "ida@example.org")
    return House(
        scene=lasting_scene,
        capsule_id=capsule.id,
        ben=ben,
        story_id=stories[0].id,
        medium_id=medium.id,
        links=links | {"invitation": invited.token},
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_before_the_day_weigh_little(house, language):
    weights = house.weigh(
        language,
        "/g/i/{invitation}",
        "/g/i/{invitation}/decline",
        "/g/v/{visit}",
        "/g/c/{capsule_id}",
        "/g/c/{capsule_id}/add",
        "/g/c/{capsule_id}/add?story={story_id}",
        "/g/c/{capsule_id}/thanks?story={story_id}",
        "/g/c/{capsule_id}/stories/{story_id}",
        "/g/c/{capsule_id}/stories/{story_id}/remove?medium={medium_id}",
        "/g/prove?next=/g/c/{capsule_id}",
    )

    assert {path: bytes_ for path, bytes_ in weights.items() if bytes_ > MOST_BYTES} == {}


@pytest.fixture(scope="module")
def opened_house(house) -> House:
    house.scene.open()
    house.scene.finish_film(of=house.capsule_id)
    return house


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_after_the_day_weigh_little(opened_house, language, theme):
    house = opened_house
    house.wear(theme, is_untied=False)
    weights = house.weigh(language, "/g/o/{opened}", "/g/c/{capsule_id}")
    house.wear(theme, is_untied=True)
    weights |= {
        f"{path} untied": bytes_
        for path, bytes_ in house.weigh(
            language, "/g/c/{capsule_id}", "/g/c/{capsule_id}/photos", "/g/c/{capsule_id}/film"
        ).items()
    }

    assert {path: bytes_ for path, bytes_ in weights.items() if bytes_ > MOST_BYTES} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_photos_come_when_they_are_looked_at(opened_house, theme):
    opened_house.wear(theme, is_untied=True)
    browser = opened_house.scene.browser(opened_house.ben.token)
    page = browser.get(f"/g/c/{opened_house.capsule_id}/photos").text

    pictures = [tag for tag in re.findall(r"<img [^>]*>", page) if "/g/m/" in tag]
    assert len(pictures) > 50
    # But for the few that the page begins with.
    assert sum('loading="lazy"' not in tag for tag in pictures) <= 3
    assert [tag for tag in pictures if "/original" in tag] == []
