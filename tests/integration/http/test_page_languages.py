"""The language of pages: the account's wherever somebody is known, and what a reader has just chosen before that."""

import base64
import re

import pytest

from support.cast import invite
from support.routes import routes_of


def pages_of(scene, **parts: str) -> list[str]:
    """The paths of all routes that answer GET with something of this capsule or of nobody's, the API's apart."""
    found = []
    for route in routes_of(scene.browser().app):
        names = set(re.findall(r"\{(\w+)", route.path))
        if route.method == "GET" and not route.path.startswith("/api/v1") and names <= set(parts):
            found.append(route.path.format(**parts))
    return found


def languages_of(browser, paths) -> dict[str, str]:
    """The languages of those pages that are shown, by their paths."""
    answers = {path: browser.get(path) for path in paths}
    return {
        path: answer.headers["content-language"]
        for path, answer in answers.items()
        if answer.headers.get("content-type", "").startswith("text/html") and answer.status_code != 303
    }


@pytest.fixture(params=["sealed", "open"])
def paths(scene, request) -> list[str]:
    if request.param == "open":
        scene.open()
        scene.finish_film()
    invited = invite(scene.instance, scene.capsule, "dora@example.org") if request.param == "sealed" else None
    parts = {
        "capsule_id": scene.capsule.id,
        "story_id": scene.story.id,
        "token": invited.token if invited else "x",
    }
    return [*pages_of(scene, **parts), "/no/such/page", "/g/c/no-such-capsule"]


def test_every_page_has_the_language_of_the_account_and_for_strangers_that_of_the_browser(scene, paths):
    scene.reads(scene.instance.ada, "ko")
    scene.reads(scene.ben.viewer, "en")
    readers = {
        "ko": scene.browser(
            scene.session_of(scene.instance.ada.account_id), **{"accept-language": "en-US,en"}
        ),
        "en": scene.browser(scene.ben.token, **{"accept-language": "ko-KR,ko;q=0.9"}),
    }
    for language, browser in readers.items():
        found = languages_of(browser, paths)

        assert len(found) > 10
        assert {path: other for path, other in found.items() if other != language} == {}
    stranger = languages_of(scene.browser(**{"accept-language": "ko"}), paths)
    assert set(stranger.values()) == {"ko"}


def test_a_page_has_the_language_that_its_reader_has_just_chosen_there(scene):
    scene.reads(scene.ben.viewer, "ko")
    browser = scene.browser(scene.ben.token)
    page = browser.get(f"/g/c/{scene.capsule.id}?lang=en")

    assert page.headers["content-language"] == "en"
    assert f"/g/c/{scene.capsule.id}/add?lang=en" in page.text


def test_a_language_that_is_saved_in_the_account_counts_more_than_what_was_chosen_before(scene):
    ada = scene.ada()
    ada.get("/account?lang=ko")
    assert ada.get("/").headers["content-language"] == "ko"

    saved = ada.post("/account?lang=ko", data={"name": "Ada", "locale": "en"})
    assert saved.headers["location"] == "/account"
    assert ada.get("/account").headers["content-language"] == "en"
    assert ada.get(f"/c/{scene.capsule.id}/people").headers["content-language"] == "en"


def test_two_people_at_one_browser_read_each_their_own_capsule_in_their_own_language(scene):
    scene.reads(scene.ben.viewer, "ko")
    scene.reads(scene.cleo.viewer, "en")
    shared = scene.browser(f"{scene.ben.token}.{scene.cleo.token}", **{"accept-language": "pl"})

    assert shared.get(f"/g/c/{scene.capsule.id}").headers["content-language"] == "ko"
    assert shared.get(f"/g/c/{scene.cleo.member.capsule_id}").headers["content-language"] == "en"


def test_why_a_file_is_refused_is_said_in_the_language_of_the_account(scene):
    scene.reads(scene.ben.viewer, "ko")
    browser = scene.browser(scene.ben.token, **{"accept-language": "en"})
    told = browser.post(
        "/g/u",
        headers={
            "tus-resumable": "1.0.0",
            "upload-length": "9" * 18,
            "upload-metadata": f"story {base64.b64encode(scene.story.id.encode()).decode()}",
        },
    )

    assert told.status_code == 413
    assert "MB" in told.text
    assert "larger" not in told.text


@pytest.mark.parametrize(
    ("chosen", "browser", "query", "language"),
    [
        # Nobody chose a language: what the guest read while joining goes on.
        (None, "ko-KR", "", "ko"),
        (None, "en-GB", "", "en"),
        (None, "fr", "", "en"),
        # Whoever invites a Korean grandmother knows it better than her English telephone.
        ("ko", "en-GB", "", "ko"),
        ("ko", "en-GB", "?lang=en", "en"),
    ],
)
def test_a_guest_goes_on_in_the_language_that_somebody_chose_or_that_the_guest_joined_in(
    scene, chosen, browser, query, language
):
    invited = invite(scene.instance, scene.capsule, "dora@example.org", locale=chosen)
    guest = scene.browser(**{"accept-language": browser})
    joined = guest.post(f"/g/i/{invited.token}{query}", data={"name": "Dora"})

    assert guest.get(joined.headers["location"]).headers["content-language"] == language
    guest.cookies.delete("capsule-language")
    assert guest.get(f"/g/c/{scene.capsule.id}").headers["content-language"] == language
