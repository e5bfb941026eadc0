"""Who sees what of a capsule before and after its day, at every address."""

import itertools
import re
import uuid
from dataclasses import replace

import pytest

from memorycapsule.domain.film.montages import queued_montage
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from support.cast import add_story, flipped, join

#: What a browser, or somebody curious, may ask of a file.
ASKED = ({}, {"range": "bytes=0-9"}, {"range": "bytes=99999999-"}, {"if-none-match": "*"})
SECRETS = ("MARKER", "evil", "gpj")


def addresses(scene, montage_id: str) -> dict[str, str]:
    """One address for every route that shows something of a capsule."""
    capsule = f"/g/c/{scene.capsule.id}"
    medium = f"/g/m/{scene.medium_id}"
    return {
        "/g/c/{capsule_id}": capsule,
        "/g/c/{capsule_id}/photos": f"{capsule}/photos",
        "/g/c/{capsule_id}/film": f"{capsule}/film",
        "/g/m/{medium_id}/{form}": f"{medium}/display",
        "/g/f/{montage_id}/{form}": f"/g/f/{montage_id}/film.mp4",
    }


def more(scene, montage_id: str) -> list[str]:
    medium = f"/g/m/{scene.medium_id}"
    return [f"{medium}/original", f"{medium}/thumbnail", f"/g/f/{montage_id}/poster.jpg"]


def statuses(browser, paths) -> list[int]:
    return [browser.get(path).status_code for path in paths]


def said_of(response) -> dict[str, str]:
    """The headers of an answer, but for the number that each request has of its own."""
    return {name: value for name, value in response.headers.items() if name != "x-request-id"}


NOBODY = "00000000-0000-4000-8000-000000000000"
#: Who, and what they get of: capsule, photos, film, display, film file; original, thumbnail, poster.
SEALED = {
    "stranger": [404] * 8,
    "cleo": [404] * 8,
    "ada": [200, 404, 404, 404, 404, 404, 404, 404],
    "ben": [200, 404, 404, 200, 404, 200, 200, 404],
    "ben, elsewhere": [200, 404, 404, 404, 404, 404, 404, 404],
}
OPEN = {
    "stranger": [404] * 8,
    "cleo": [404] * 8,
    "ada": [200] * 8,
    "ben": [200] * 8,
    "ben, elsewhere": [200] * 8,
}


def as_whom(scene, who):
    return {
        "stranger": lambda: scene.browser(),
        "cleo": lambda: scene.browser(scene.cleo.token),
        "ada": scene.ada,
        "ben": lambda: scene.browser(scene.ben.token),
        "ben, elsewhere": lambda: scene.browser(scene.session_of(scene.ben.member.account_id)),
    }[who]()


@pytest.mark.parametrize(("who", "expected"), SEALED.items(), ids=list(SEALED))
def test_before_the_day(scene, who, expected):
    browser = as_whom(scene, who)
    paths = [*addresses(scene, NOBODY).values(), *more(scene, NOBODY)]

    assert statuses(browser, paths) == expected
    assert [browser.head(path).status_code for path in paths] == expected
    if who != "ben":
        for path in paths:
            answer = browser.get(path, headers={"range": "bytes=0-9"})
            assert not any(secret in answer.text for secret in SECRETS)


@pytest.mark.parametrize(("who", "expected"), OPEN.items(), ids=list(OPEN))
def test_after_the_day(scene, who, expected):
    scene.open()
    montage_id = scene.finish_film()
    browser = as_whom(scene, who)

    assert statuses(browser, [*addresses(scene, montage_id).values(), *more(scene, montage_id)]) == expected


def test_what_is_sealed_not_ones_own_and_not_there_look_alike(scene):
    cleo = scene.browser(scene.cleo.token)
    sealed = cleo.get(f"/g/m/{scene.medium_id}/display")
    missing = cleo.get(f"/g/m/{NOBODY}/display")

    assert (sealed.status_code, sealed.content) == (missing.status_code, missing.content)
    assert said_of(sealed) == said_of(missing)


def test_no_length_no_range_and_no_tag_tells_of_what_is_sealed(scene):
    """Whoever is in the capsule, its owner included, may know an id and still learns nothing by it."""
    dora = join(scene.instance, scene.capsule, "Dora")
    film = queued_montage(
        montage_id=str(uuid.uuid4()), capsule_id=scene.capsule.id, soundtrack_blob=None, now=scene.time.now
    )
    with scene.instance.store.transaction() as tx:
        montage_store.montages.add(tx, film)
    there = [f"/g/m/{scene.medium_id}/{form}" for form in ("display", "thumbnail", "original", "clip")]
    there += [f"/g/f/{film.id}/{form}" for form in ("film.mp4", "poster.jpg", "captions.vtt")]

    for browser in (scene.browser(dora.token), scene.ada(), scene.browser()):
        for path in there:
            missing = path.replace(scene.medium_id, NOBODY).replace(film.id, NOBODY)
            for method, asked in itertools.product(("GET", "HEAD"), ASKED):
                sealed, none = (browser.request(method, one, headers=asked) for one in (path, missing))
                assert (sealed.status_code, sealed.content) == (404, none.content)
                assert said_of(sealed) == said_of(none)


def test_the_sealed_page_counts_and_never_tells(scene):
    add_story(scene.instance, scene.capsule, scene.instance.ada, title="MARKER of Ada", photos=2)
    page = scene.browser(scene.ben.token, **{"accept-language": "en"}).get(f"/g/c/{scene.capsule.id}")

    assert "10 days to go" in page.text
    assert "2 photos and 1 story" in page.text
    assert "MARKER title" in page.text  # his own
    assert "MARKER of Ada" not in page.text
    assert "http-equiv" not in page.text


def test_in_the_last_hour_the_page_looks_again_by_itself(scene):
    scene.time.go_on(days=9, hours=23, minutes=59)
    page = scene.browser(scene.ben.token).get(f"/g/c/{scene.capsule.id}")

    assert '<meta http-equiv="refresh" content="62">' in page.text


def test_the_mailed_link_opens_the_capsule_as_often_as_one_likes(scene):
    scene.open()
    scene.finish_film()
    link = scene.mailed_links()["ben@example.org"]

    for _ in range(2):
        browser = scene.browser(**{"accept-language": "en"})
        shown = browser.get(link)
        assert (shown.status_code, "set-cookie" in shown.headers) == (200, False)
        assert "Ben, it is time." in shown.text
        entered = browser.post(link)
        assert (entered.status_code, entered.headers["location"]) == (303, f"/g/c/{scene.capsule.id}")
        first = browser.get(entered.headers["location"])
        assert "See the photos" in first.text
        assert "Watch the film" in first.text
        assert "MARKER text" in browser.get(f"/g/c/{scene.capsule.id}/photos").text
    assert scene.instance.events(scene.capsule.id).count("member.visited") == 2


def test_a_link_that_is_not_known_says_what_to_do(scene):
    for method in ("get", "post"):
        page = getattr(scene.browser(**{"accept-language": "ko"}), method)("/g/o/" + "x" * 43)
        assert page.status_code == 404
        assert "확인할 수 없는 링크예요." in page.text


def test_a_session_of_a_mailed_link_reaches_no_other_capsule(scene):
    scene.open()
    scene.finish_film()
    browser = scene.browser()
    browser.post(scene.mailed_links()["ada@example.org"])

    another = scene.cleo.member.capsule_id
    assert browser.get(f"/g/c/{scene.capsule.id}").status_code == 200
    assert browser.get(f"/g/c/{another}").status_code == 404  # Ada owns it, but this link is not for it


def test_a_capsule_has_no_address_but_its_id(scene):
    assert scene.browser(scene.ben.token).get(f"/g/c/{scene.capsule.slug}").status_code == 404


def test_until_the_film_is_ready_the_page_says_that_it_follows_and_looks_again(scene):
    scene.open()
    browser = scene.browser(scene.ben.token, **{"accept-language": "en"})
    page = browser.get(f"/g/c/{scene.capsule.id}/film")

    assert "The film follows." in page.text
    assert "http-equiv" in page.text
    assert "<video" not in page.text
    scene.finish_film()
    page = browser.get(f"/g/c/{scene.capsule.id}/film")
    assert "<video" in page.text
    assert "1:01" in page.text
    assert "http-equiv" not in page.text


def test_stories_are_text_and_never_markup(scene):
    add_story(
        scene.instance, scene.capsule, scene.ben.viewer, title="<b>x</b>", text="<img src=x onerror=alert(1)>"
    )
    scene.open()
    page = scene.browser(scene.ben.token).get(f"/g/c/{scene.capsule.id}/photos")

    assert "<b>x</b>" not in page.text
    assert "onerror=alert(1)>" not in page.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.text


def test_every_link_begins_with_the_path_of_the_public_address(scene):
    scene.open()
    scene.finish_film()
    browser = scene.browser(scene.ben.token, public_url="http://home.test/family/album")
    for prefix in ("", "/family/album"):  # a proxy may take the path away or leave it
        for page in ("", "/photos", "/film"):
            answer = browser.get(f"{prefix}/g/c/{scene.capsule.id}{page}?lang=ko")
            assert answer.status_code == 200
            links = re.findall(r'(href|src|poster|action|data-url)="(/[^"]*)"', answer.text)
            assert links
            for what, link in links:
                assert link.startswith("/family/album/g/")
                # Forms are sent and not asked for.
                assert browser.get(link).status_code == (405 if what == "action" else 200)


def test_only_whoever_is_signed_in_is_shown_the_way_home(scene):
    page = f"/g/c/{scene.capsule.id}"
    home = '<a class="brand" href="/">'

    assert home not in scene.browser(scene.ben.token).get(page).text
    assert home in scene.browser(scene.session_of(scene.ben.member.account_id)).get(page).text


def test_that_a_story_is_damaged_is_said_in_the_reader_s_language_and_to_programs_in_english(scene):
    with scene.instance.store.transaction() as tx:
        story = story_store.stories.get(tx, scene.story.id)
        story_store.stories.save(tx, replace(story, words=flipped(story.words)))
    korean = "봉해 둔 것이 망가져서 열 수 없어요."
    own = f"/g/c/{scene.capsule.id}/stories/{story.id}"
    scene.reads(scene.ben.viewer, "ko")
    browser = scene.browser(scene.ben.token)
    assert korean in browser.get(own).text
    assert 'maxlength="50000"></textarea>' in browser.get(own).text, "an error is nothing that somebody wrote"
    scene.open()

    photos = browser.get(f"/g/c/{scene.capsule.id}/photos").text
    assert korean in photos
    assert "This sealed data" not in photos
    told = scene.browser(authorization=f"Bearer {scene.ben.token}").get(f"/api/v1/stories/{story.id}").json()
    assert told["story"]["text"] == (
        "This sealed data is damaged and cannot be opened; bring it back from a backup."
    )
    assert told["story"]["damage"] == {"reason": "damaged", "values": {}}
