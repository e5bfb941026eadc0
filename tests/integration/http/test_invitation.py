"""The invitation: showing it changes nothing, one button joins, and every dead end says what to do."""

import re

import pytest

from memorycapsule.domain.capsules import Role
from memorycapsule.services import invitations, reading, sessions
from memorycapsule.store import accounts as account_store
from support.cast import invite


def members(scene) -> set[str]:
    instance = scene.instance
    view = reading.capsule(instance.store, instance.vault, instance.ada, scene.capsule.id)
    return {contribution.member.name for contribution in view.contributions}


@pytest.fixture
def invited(scene):
    return invite(scene.instance, scene.capsule, "younghee@example.org", name="할머니", locale="ko")


@pytest.fixture
def path(invited):
    return f"/g/i/{invited.token}"


def test_it_names_inviter_capsule_message_and_day_and_shows_the_address_half_hidden(scene, path):
    page = scene.browser().get(path, headers={"accept-language": "en"})

    assert page.status_code == 200
    for words in (
        "Ada",
        "Summer at the Sea",
        "For you all",
        "Monday, 18 May 2026, 9:00 in the morning (UTC)",
        "10 days",
    ):
        assert words in page.text
    assert "y…@example.org" in page.text
    assert "younghee" not in page.text


@pytest.mark.parametrize(
    ("query", "asked", "language"),
    [
        ("", "", "ko"),  # the invitation's own
        ("", "fr-FR", "ko"),
        ("", "fr, en-GB;q=0.8, ko;q=0.5", "en"),
        ("?lang=ko", "en", "ko"),
        ("?lang=xx", "ko-KR", "ko"),
    ],
)
def test_it_speaks_the_language_that_its_reader_chose_or_asks_for(scene, path, query, asked, language):
    page = scene.browser().get(f"{path}{query}", headers={"accept-language": asked})

    assert f'<html lang="{language}" ' in page.text
    assert page.headers["content-language"] == language


def test_scanners_that_look_at_the_link_use_nothing_up(scene, path):
    scanner = scene.browser()
    assert scanner.head(path).status_code == 200
    for _ in range(5):
        assert scanner.get(path).status_code == 200
    assert members(scene) == {"Ada", "Ben"}
    assert not scanner.cookies

    joined = scene.browser().post(path, data={"name": "영희"})

    assert joined.status_code == 303
    assert members(scene) == {"Ada", "Ben", "영희"}


def test_joining_leads_to_an_address_without_a_token_and_a_page_that_shows_the_seal(scene, path, invited):
    browser = scene.browser()

    joined = browser.post(path, data={"name": "영희"}, headers={"accept-language": "ko"})

    assert joined.headers["location"] == f"/g/c/{scene.capsule.id}/add"
    cookie = joined.headers["set-cookie"]
    assert re.match(r"capsule=[0-9a-f]{64}; HttpOnly; Max-Age=\d+; Path=/; SameSite=lax$", cookie)
    assert invited.token not in cookie
    page = browser.get(joined.headers["location"])
    assert page.status_code == 200
    assert "영희" in page.text
    with scene.instance.store.reading() as tx:
        assert account_store.account_with_address(tx, "younghee@example.org").locale == "ko"


def test_a_recipient_has_nothing_to_put_in_and_is_led_to_the_capsule(scene):
    dora = invite(scene.instance, scene.capsule, "dora@example.org", name="Dora", role=Role.RECIPIENT)

    joined = scene.browser().post(f"/g/i/{dora.token}", data={"name": "Dora"})

    assert joined.headers["location"] == f"/g/c/{scene.capsule.id}"


@pytest.mark.parametrize(
    ("public_url", "name", "attributes"),
    [
        ("https://photos.test", "__Host-capsule", "; Path=/; SameSite=lax; Secure"),
        ("https://home.test/album", "capsule", "; Path=/album; SameSite=lax; Secure"),
        ("http://home.test/album", "capsule", "; Path=/album; SameSite=lax"),
    ],
)
def test_the_cookie_is_the_strictest_that_works_at_the_public_address(
    scene, path, public_url, name, attributes
):
    joined = scene.browser(public_url=public_url).post(path, data={"name": "영희"})

    cookie = joined.headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert cookie.endswith(attributes)
    assert "HttpOnly" in cookie


def test_without_a_name_the_one_that_the_inviter_gave_is_taken(scene, path):
    assert scene.browser().post(path, data={"name": "   "}).status_code == 303
    assert members(scene) == {"Ada", "Ben", "할머니"}


def test_a_name_of_invisible_characters_is_asked_for_again(scene, path):
    page = scene.browser().post(path, data={"name": "\u202e\u200f"})

    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert members(scene) == {"Ada", "Ben"}


def test_names_and_titles_are_text_and_never_markup(scene):
    hostile = invite(scene.instance, scene.capsule, "x@example.org", name="<script>alert(1)</script>{{7*7}}")
    page = scene.browser().get(f"/g/i/{hostile.token}", headers={"accept-language": "en"})

    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page.text


class TestDeadEnds:
    def dead_end(self, page, status, *words, ways=()):
        assert page.status_code == status
        assert page.headers["content-type"].startswith("text/html")
        assert re.findall(r'<form method="post" action="([^"]+)"', page.text) == list(ways)
        assert page.text.count("<form") == len(ways)
        for word in words:
            assert word in page.text

    def both(self, scene, path, status, *words, ways=()):
        browser = scene.browser(**{"accept-language": "en"})
        self.dead_end(browser.get(path), status, *words, ways=ways)
        self.dead_end(browser.post(path, data={"name": "X"}), status, *words, ways=ways)
        assert "set-cookie" not in browser.get(path).headers

    def test_unknown(self, scene):
        self.both(scene, "/g/i/" + "x" * 43, 404, "not known here", ways=["/g/back"])

    def test_used(self, scene, path):
        scene.browser().post(path, data={"name": "영희"})
        said = ("has been used", "ask Ada for a new one", "y…@example.org")
        self.both(scene, path, 410, *said, ways=[f"{path}/letter"])

    def test_expired(self, scene, path):
        scene.time.go_on(days=15)
        self.both(scene, path, 410, "expired", "Ask Ada for a new one")

    def test_revoked(self, scene, path):
        invitations.revoke(
            scene.instance.store,
            scene.instance.ada,
            scene.capsule.id,
            addresses=["younghee@example.org"],
            now=scene.time.now,
        )
        self.both(scene, path, 410, "taken back")

    def test_opened(self, scene, path):
        scene.open()
        self.both(scene, path, 410, "opened already")

    def test_the_token_of_an_opened_letter_is_no_invitation(self, scene):
        scene.open()
        scene.finish_film()
        token = scene.mailed_links()["ben@example.org"].rpartition("/")[2]
        self.both(scene, f"/g/i/{token}", 404, ways=["/g/back"])


def test_whoever_joined_with_it_in_this_browser_is_led_inside(scene, path):
    browser = scene.browser()
    browser.post(path, data={"name": "영희"})
    inside = f"/g/c/{scene.capsule.id}"

    for again in (browser.get(path), browser.post(path, data={"name": "영희"})):
        assert (again.status_code, again.headers["location"]) == (303, inside)


def test_two_people_at_one_telephone_keep_both_their_sessions(scene, path):
    browser = scene.browser(scene.ben.token)
    browser.post(path, data={"name": "영희"})

    secrets = browser.cookies["capsule"].split(".")

    assert secrets[1] == scene.ben.token
    assert [sessions.viewer_with_token(scene.instance.store, secret).capsule_id for secret in secrets] == [
        scene.capsule.id
    ] * 2
