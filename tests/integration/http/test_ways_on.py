"""Pages that say that something is not there, or did not work, offer a way on to whoever reads them."""

import re
from datetime import timedelta

import pytest

from support.cast import OPENS, make_capsule

GONE = ("/no/such/page", "/g/c/no-such-capsule", "/g/m/x/display")


@pytest.mark.parametrize("path", GONE)
def test_whoever_is_signed_in_keeps_the_header_and_finds_home(scene, path):
    page = scene.ada().get(path)

    assert page.status_code == 404
    assert 'href="/account"' in page.text
    assert 'class="btn main" href="/"' in page.text


@pytest.mark.parametrize("path", GONE)
def test_a_guest_finds_the_capsule_again(scene, path):
    page = scene.browser(scene.ben.token).get(path).text

    assert f'class="btn main" href="/g/c/{scene.capsule.id}"' in page
    assert 'href="/account"' not in page


@pytest.mark.parametrize("path", GONE)
def test_a_stranger_is_shown_the_way_back(scene, path):
    browser = scene.browser()
    page = browser.get(path).text

    assert 'href="/g/back"' in page
    assert browser.get("/g/back").status_code == 200


def test_what_may_pass_by_itself_can_be_tried_again(scene):
    # The database is away.
    with scene.instance.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE story RENAME TO elsewhere")
    page = scene.browser(scene.ben.token).get(f"/g/c/{scene.capsule.id}")

    assert page.status_code == 500
    assert '<a class="btn main" href="">Try again</a>' in page.text
    assert f'class="btn side" href="/g/c/{scene.capsule.id}"' in page.text


#: A form of a new capsule as it can be sealed.
FILLED = {"title": "Summer", "phrase": "in 10 years", "zone": "Asia/Seoul", "film_photos": "40"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": " "}, "title"),
        ({"message": "x" * 5_001}, "message"),
        ({"phrase": "", "day": "2020-01-01"}, "day"),
        ({"phrase": "some day"}, "phrase"),
        ({"film_photos": "0"}, "film_photos"),
        ({"title": " ", "film_photos": "0"}, "title"),
    ],
)
def test_after_a_refused_form_the_first_field_in_error_has_the_focus(scene, wrong, field):
    browser = scene.ada()
    page = browser.post("/capsules/new", data=FILLED | wrong).text

    first = re.search(r"<(?:input|textarea|select)[^>]* autofocus(?:=\"\")?>", page)[0]
    assert f' id="{field}"' in first
    assert 'aria-invalid="true"' in first
    assert "autofocus" not in browser.get("/capsules/new").text


def test_an_arabic_title_does_not_turn_the_sentence_around_it(scene):
    make_capsule(scene.instance, title="صيف عند الجدة", opens=OPENS - timedelta(days=1))
    page = scene.ada().get("/").text

    assert "“\N{FIRST STRONG ISOLATE}صيف عند الجدة\N{POP DIRECTIONAL ISOLATE}”" in page
    assert page.count("\N{FIRST STRONG ISOLATE}") == 1, "a Latin name needs no sign"
