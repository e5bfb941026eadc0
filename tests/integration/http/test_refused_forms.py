"""Forms that are refused give back what was typed, say when to try again, and repeat no secret."""

import html
import re

import pytest

from memorycapsule.daemon.http.protocol import costs
from memorycapsule.daemon.http.protocol.rate_limits import MemoryBuckets
from memorycapsule.services import reading, signing_in
from support.cast import OPENS, make_photo
from support.routes import routes_of

GUESTS = '할머니 <younghee@example.org>\r\n"Kim, Jiho" <jiho@example.org>\r\nan aunt & <b>uncle</b>'


@pytest.fixture
def ada(scene):
    browser = scene.ada()
    browser.headers["accept-language"] = "en"
    return browser


def hidden(page):
    """What the form that sends it again holds."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
    return {name: html.unescape(value) for name, value in found}


def use_up(browser, path, rate):
    for _ in range(rate.at_once):
        browser.post(path)


def test_a_list_of_guests_that_comes_too_often_is_given_back_with_the_seconds_to_wait(scene, ada):
    people = f"/c/{scene.capsule.id}/people"
    use_up(ada, f"{people}/remind", costs.INVITE)
    typed = {"guests": GUESTS, "called": "", "role": "recipient", "language": "ko"}

    refused = ada.post(people, data=typed)

    assert refused.status_code == 429
    seconds = int(refused.headers["retry-after"])
    assert f"Try again in {seconds} seconds." in refused.text
    assert (
        f'<p class="as-written">{html.escape(GUESTS, quote=False).replace(chr(34), "&#34;")}</p>'
        in refused.text
    )
    assert f'action="{people}"' in refused.text
    assert hidden(refused) == {name: value for name, value in typed.items() if value}
    assert f'href="{people}"' in refused.text


def test_the_seconds_are_told_in_korean_as_well(scene):
    browser = scene.browser(**{"accept-language": "ko"})
    use_up(browser, f"/g/i/{'x' * 52}/letter", costs.RESEND)

    refused = browser.post(f"/g/i/{'x' * 52}/letter")

    assert f"{refused.headers['retry-after']}초 뒤에 다시 해 주세요." in refused.text


def test_digits_are_never_given_back(scene, ada):
    guest = scene.browser(scene.ben.token, **{"accept-language": "en"})
    use_up(guest, "/g/prove", costs.CODE)

    refused = guest.post("/g/prove", data={"next": "/account", "code": "402 817"})

    assert refused.status_code == 429
    assert not {"402 817", "402817"} & {one.strip() for one in re.findall(r"[0-9 ]+", refused.text)}
    # What lacks its digits cannot be sent again as it is, so the page leads back to the field.
    assert "<form" not in refused.text
    assert 'href="/g/prove"' in refused.text


def test_whoever_has_had_enough_letters_is_told_to_wait_an_hour_at_every_door(scene):
    guest = scene.browser(scene.ben.token, **{"accept-language": "en"})
    asked = [guest.post("/g/prove/letter") for _ in range(signing_in.MOST_LETTERS + 1)]
    program = scene.browser(authorization=f"Bearer {scene.ben.token}").post("/api/v1/session/proof/letter")

    assert [one.status_code for one in asked] == [303] * signing_in.MOST_LETTERS + [429]
    assert "wait an hour" in asked[-1].text
    assert asked[-1].headers["retry-after"] == "3600"
    assert (program.status_code, program.headers["retry-after"]) == (429, "3600")


def test_a_story_that_comes_after_the_day_is_given_back(scene):
    ben = scene.browser(scene.ben.token, **{"accept-language": "en"})
    scene.time.go_to(OPENS)

    late = ben.post(
        f"/g/c/{scene.capsule.id}/stories/{scene.story.id}", data={"text": "What I wrote all night"}
    )

    assert late.status_code == 403
    assert '<p class="as-written">What I wrote all night</p>' in late.text


def test_the_words_beside_files_that_come_after_the_day_are_given_back(scene):
    ben = scene.browser(scene.ben.token, **{"accept-language": "en"})
    scene.time.go_to(OPENS)

    late = ben.post(
        f"/g/c/{scene.capsule.id}/add",
        files=[
            ("files", ("late.jpg", make_photo(), "image/jpeg")),
            ("title", (None, "The swing")),
            ("text", (None, "What I wrote all night")),
        ],
    )
    ben.app.state.receiver.close()

    assert late.status_code == 403
    assert '<p class="as-written">What I wrote all night</p>' in late.text
    assert "<form" not in late.text


def test_nothing_is_repeated_of_what_another_site_sends(scene, ada):
    answer = ada.post(
        f"/c/{scene.capsule.id}/people", data={"guests": GUESTS}, headers={"origin": "https://elsewhere.test"}
    )

    assert answer.status_code == 403
    assert "younghee" not in answer.text
    assert "<form" not in answer.text


def test_every_limited_page_gives_back_what_was_typed(scene, ada, monkeypatch):
    """Whatever the form: the refusal comes before the handler."""

    async def take(*_request):
        return 6.2

    monkeypatch.setattr(MemoryBuckets, "take", take)
    limited = [
        route
        for route in routes_of(next(iter(scene.sites.values())))
        if route.method == "POST"
        and not route.path.startswith("/api/")
        and vars(route.handler).get("memorycapsule_rate")
    ]
    assert len(limited) >= 15
    for route in limited:
        path = re.sub(r"\{token\}", "x" * 52, route.path)
        path = re.sub(r"\{[\w:]+\}", scene.capsule.id, path)
        refused = ada.post(path, data={"words": "Words that somebody typed"})

        assert (str(route), refused.status_code) == (str(route), 429)
        assert "Words that somebody typed" in refused.text
        assert "Try again in 7 seconds." in refused.text
        assert refused.headers["retry-after"] == "7"


def test_a_file_that_is_too_large_takes_no_words_along_without_scripts(scene):
    scene.limit_uploads(largest_file="1 kB")
    ben = scene.browser(scene.ben.token, **{"accept-language": "en"})
    answer = ben.post(
        f"/g/c/{scene.capsule.id}/add",
        files=[
            ("story", (None, "")),
            ("files", ("large.jpg", bytes(5000), "image/jpeg")),
            ("files", ("larger.jpg", bytes(500_000), "image/jpeg")),
            ("title", (None, "The swing")),
            ("text", (None, "We stayed until dark.")),
        ],
    )
    ben.app.state.receiver.close()

    assert answer.status_code == 413
    for words in ("The swing", "We stayed until dark.", "large.jpg", "larger.jpg", "too large"):
        assert words in answer.text
    story = re.search(r'name="story" value="([0-9a-f-]{36})"', answer.text)[1]
    assert story != scene.story.id
    saved = scene.story_as_ben_sees_it(story)
    assert (saved.words.title, saved.words.text, saved.media) == ("The swing", "We stayed until dark.", [])


def test_of_a_file_that_is_too_large_alone_no_story_is_left(scene):
    scene.limit_uploads(largest_file="1 kB")
    ben = scene.browser(scene.ben.token, **{"accept-language": "en"})
    answer = ben.post(
        f"/g/c/{scene.capsule.id}/add", files=[("files", ("large.jpg", bytes(5000), "image/jpeg"))]
    )
    ben.app.state.receiver.close()

    assert (answer.status_code, "large.jpg" in answer.text) == (413, True)
    found = reading.stories(scene.instance.store, scene.instance.vault, scene.ben.viewer, scene.capsule.id)
    assert [one.story.id for one in found] == [scene.story.id]
