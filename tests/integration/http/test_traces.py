"""Every request has an id, which stands in all lines about it, and no line says who asked."""

import re

import pytest

from support.told_lines import ToldLines

ID = "0123456789abcdef0123456789abcdef"
SECRET = "c2VjcmV0LXRva2VuLW9mLWEtbGV0dGVy"


@pytest.fixture
def told():
    return ToldLines()


def test_an_answer_bears_the_id_of_the_proxy_or_one_of_our_own(scene):
    browser = scene.browser()
    given = browser.get("/healthz", headers={"x-request-id": ID}).headers["x-request-id"]
    own = {browser.get("/healthz").headers["x-request-id"] for _ in range(2)}

    assert given == ID
    assert len(own) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in own)


@pytest.mark.parametrize("words", ["Ada Lovelace", "ada@example.org", ID[:-1], f"{ID}\u00e9", "x" * 5000])
def test_no_visitor_writes_words_of_their_own_into_the_log(scene, told, words):
    answer = scene.browser().post("/nothing", headers={"x-request-id": words.encode()})
    (line,) = told.all("request.answered")

    assert line["http.request.id"] == answer.headers["x-request-id"] != words


def test_what_was_asked_stands_in_the_log_by_its_route_and_never_by_its_path(scene, told):
    browser = scene.browser(scene.ben.token)
    browser.post(f"/g/i/{SECRET}?next=/{SECRET}", headers={"user-agent": "Grandmother's tablet"})
    browser.patch(f"/g/u/{SECRET}")
    browser.post(f"/api/v1/capsules/{SECRET}/montages", json={})
    browser.request("ADA", f"/{SECRET}")
    lines = told.all("request.answered")

    assert [(line["http.request.method"], line["http.route"]) for line in lines] == [
        ("POST", "/g/i/{token}"),
        ("PATCH", "/g/u/{upload_id}"),
        ("POST", "/api/v1/capsules/{capsule}/montages"),
        ("other", "none"),
    ]
    assert {line["http.response.status_code"] for line in lines} <= {401, 403, 404, 405, 412, 422}
    assert all(line["event.duration"] >= 0 for line in lines)
    text = str(told.all())
    assert not [secret for secret in (SECRET, "Grandmother", "testclient", scene.ben.token) if secret in text]


def test_a_page_that_is_read_is_no_news_and_one_that_is_refused_is(scene, told):
    browser = scene.browser()
    browser.get("/healthz")
    browser.get("/nothing")
    lines = told.all("request.answered")

    assert [(line["log.level"], line["http.response.status_code"]) for line in lines] == [
        ("debug", 200),
        ("info", 404),
    ]


def test_what_fails_is_found_by_the_id_of_its_answer(scene, told):
    scene.heartbeat_age = "stuck"
    answer = scene.browser().get("/healthz")
    request = answer.headers["x-request-id"]
    lines = [line for line in told.all() if line.get("http.request.id") == request]

    assert answer.status_code == 500
    assert [line["message"] for line in lines] == ["page.failed", "page.failed", "request.answered"]
    assert re.fullmatch(r"MC-\d{4}", lines[0]["error.id"])
    assert lines[1]["error.type"] == "TypeError"
    assert "round" in lines[1]["error.stack_trace"] or "site.py" in lines[1]["error.stack_trace"]
