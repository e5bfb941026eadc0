"""Compression: text comes as gzip, but for pages that repeat what somebody may have put into a link."""

import gzip

import httpx
import pytest

PACKED = {"accept-encoding": "br, gzip;q=0.5"}
PLAIN = {"accept-encoding": "identity"}


def raw(browser, path: str, **headers) -> tuple[httpx.Response, bytes]:
    """An answer and its bytes as they are sent."""
    with browser.stream("GET", path, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("query", ["", "?lang=ko", "?size=large&lang=en"])
def test_a_page_is_packed_for_whoever_takes_it(scene, here, query):
    browser = scene.browser(scene.ben.token)

    answer, sent = raw(browser, here + query, **PACKED)
    _plain, whole = raw(browser, here + query, **PLAIN)

    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(sent)
    assert len(sent) < len(whole) / 2
    assert gzip.decompress(sent) == whole
    assert "accept-encoding" in answer.headers["vary"]


@pytest.mark.parametrize(
    "query", ["?guess=At+the+pier", "?lang=At+the+pier", "?size=largest&size=x", "?by=x", "?lang=ko&again=1"]
)
def test_a_page_with_something_of_a_link_in_it_is_not(scene, here, query):
    """BREACH: its length would tell how much of the guess stands in the page besides."""
    answer, _sent = raw(scene.browser(scene.ben.token), here + query, **PACKED)

    assert "content-encoding" not in answer.headers


def test_nor_is_what_answers_a_form(scene):
    answer = scene.browser().post("/sign-in", data={"address": "At the pier"}, headers=PACKED)

    assert "At the pier" in answer.text
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("takes", ["", "identity", "gzip;q=0", "gzip; q=0.000", "br, deflate", "x-gzip"])
def test_who_does_not_take_it_gets_it_plain(scene, here, takes):
    for path in (here, "/g/static/0/base.css"):
        answer, sent = raw(scene.browser(scene.ben.token), path, **{"accept-encoding": takes})

        assert "content-encoding" not in answer.headers
        assert int(answer.headers["content-length"]) == len(sent)


def test_files_of_pages_are_packed_if_they_are_text(scene):
    browser = scene.browser()

    for _ in range(2):
        style, sent = raw(browser, "/g/static/0/base.css", **PACKED)
        assert style.headers["content-encoding"] == "gzip"
        assert style.headers["vary"] == "accept-encoding"
        assert gzip.decompress(sent) == raw(browser, "/g/static/0/base.css", **PLAIN)[1]
    font, _sent = raw(browser, "/g/static/0/fonts/gowun-batang/gowun-batang-95-400-normal.woff2", **PACKED)
    assert "content-encoding" not in font.headers


def test_photos_and_films_never_are(opened_scene):
    browser = opened_scene.browser(opened_scene.ben.token)

    for path in (f"/g/m/{opened_scene.medium_id}/display", f"/g/f/{opened_scene.film_id}/film.mp4"):
        assert "content-encoding" not in raw(browser, path, **PACKED)[0].headers
