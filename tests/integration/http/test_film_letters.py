"""Letters that promise the film lead to the film; an opened capsule offers only what is in it."""

import re

import pytest

from memorycapsule.services.film import montages
from memorycapsule.store import stories as story_store
from support.cast import add_story, make_capsule


def buttons_on(page: str) -> list[str]:
    """What the buttons of the unsealing lead to, in their order."""
    return re.findall(r'name="to" value="(\w*)"', page)


def test_a_letter_that_promises_the_film_leads_first_to_the_unsealing_with_the_film_first(scene):
    scene.open()
    scene.finish_film()
    link = scene.mailed_links()["ben@example.org"]
    browser = scene.browser()
    shown = browser.get(link).text
    entered = browser.post(re.search(r'action="([^"]+)"', shown)[1])
    unsealing = browser.get(entered.headers["location"]).text

    assert link.endswith("?to=film")
    assert "its film is ready" in shown
    assert buttons_on(unsealing) == ["film", "photos"]
    assert f'formaction="/g/c/{scene.capsule.id}/untied#play"' in unsealing


def test_on_later_visits_it_leads_straight_to_the_film(scene):
    scene.open()
    scene.finish_film()
    link, film = scene.mailed_links()["ben@example.org"], f"/g/c/{scene.capsule.id}/film"
    browser = scene.browser()
    browser.post(link)
    browser.post(f"/g/c/{scene.capsule.id}/untied", data={"to": "photos"})

    again = browser.get(link)
    assert (again.status_code, again.headers["location"]) == (303, film), "the browser is in already"
    elsewhere = scene.browser()
    shown = elsewhere.get(link).text
    assert "Watch the film" in shown
    assert f'action="{link}#play"' in shown
    entered = elsewhere.post(link)
    assert (entered.status_code, entered.headers["location"]) == (303, film)
    assert "<video" in elsewhere.get(film).text


def test_a_letter_that_promises_photos_leads_to_the_capsule_and_the_later_one_to_the_film(scene):
    scene.open()
    scene.time.go_on(minutes=61)
    first = scene.mailed_links()["ben@example.org"]
    browser = scene.browser()
    entered = browser.post(first)

    assert "to=film" not in first
    assert entered.headers["location"] == f"/g/c/{scene.capsule.id}"
    assert buttons_on(browser.get(entered.headers["location"]).text) == ["photos", "film"]
    scene.time.go_on(minutes=5)
    scene.finish_film()
    assert scene.mailed_links()["ben@example.org"] == f"{first}?to=film"


def test_the_browser_of_somebody_else_still_has_to_press_the_button(scene):
    scene.open()
    scene.finish_film()
    link = scene.mailed_links()["ben@example.org"]

    assert scene.ada().get(link).status_code == 200


@pytest.fixture
def empty(scene) -> str:
    """The path of an opened capsule that nobody has put anything in, Ada's own."""
    capsule = make_capsule(scene.instance, title="Nothing yet")
    scene.open()
    for film in montages.renderable(scene.instance.store, scene.time.now):
        montages.claim(scene.instance.store, film.id, lease="this run", now=scene.time.now)
    return f"/g/c/{capsule.id}"


def test_a_capsule_without_any_story_offers_none_to_read(scene, empty):
    ada = scene.ada()
    unsealing = ada.get(empty).text

    assert "Nobody put anything in" in unsealing
    assert "Read the stories" not in unsealing
    untied = ada.post(f"{empty}/untied", data={"to": buttons_on(unsealing)[0]})
    assert untied.status_code == 303
    choice = ada.get(untied.headers["location"]).text
    assert "Nobody put anything in" in choice
    assert "Read the stories" not in choice
    assert "Photos or film?" not in choice


def test_a_story_without_a_title_is_never_quoted_as_if_it_had_one(scene):
    scene.reads(scene.ben.viewer, "ko")
    story = add_story(scene.instance, scene.capsule, scene.ben.viewer, title="", text="비가 왔다.", photos=1)
    asked = scene.browser(scene.ben.token).get(f"/g/c/{scene.capsule.id}/stories/{story.id}/remove").text

    assert "제목 없음’" not in asked
    assert "사진 1장." in asked
    scene.open()
    with scene.instance.store.reading() as tx:
        ids = [one.id for one in story_store.of_capsule(tx, scene.capsule.id)]
    untitled_first = [story.id, *(one for one in ids if one != story.id)]
    browser = scene.browser(scene.ben.token)
    browser.post(f"/g/c/{scene.capsule.id}/films", data={"story": untitled_first})
    page = browser.get(f"/g/c/{scene.capsule.id}/film").text
    assert "‘MARKER title’ 외 1" in page
    assert "‘제목 없음’" not in page
