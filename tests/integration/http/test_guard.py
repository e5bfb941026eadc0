"""What holds for every request and answer."""

import asyncio
import dataclasses
import re

import pytest

from memorycapsule.daemon.http.protocol.costs import LARGEST_FORM_BYTES, SIGN_IN
from memorycapsule.seal.keys import token_digest
from memorycapsule.store import accounts as account_store
from support.cast import invite

CAPSULE = "/g/c/00000000-0000-4000-8000-000000000000"
PIECE_BYTES = 4096


def test_every_answer_forbids_what_no_page_needs(scene):
    scene.open()
    montage_id = scene.finish_film()
    invitation = scene.mailed_links()["ben@example.org"]
    browser = scene.browser(scene.ben.token)
    answers = [
        browser.get(path)
        for path in (
            "/healthz", "/nothing", invitation, "/g/i/x", f"/g/c/{scene.capsule.id}", "/g/static/0/base.css", "/g/static/0/x",
            f"/g/f/{montage_id}/film.mp4", f"/g/m/{scene.medium_id}/original", CAPSULE,
        )
    ] + [
        browser.post("/nothing"),
        browser.put(f"/g/c/{scene.capsule.id}"),
        browser.post("/g/i/x", headers={"origin": "https://evil.test"}),
        browser.post("/g/i/x", content=b"x" * (LARGEST_FORM_BYTES + 1)),
        browser.post(invitation),
    ]  # fmt: skip

    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        # Scripts are files of ours or none at all.
        assert "unsafe" not in policy.replace(
            "style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox", ""
        )
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "strict-origin"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert "server" not in answer.headers
    for answer in answers[2:5]:
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),  # no browser
        ({"origin": "http://home.test"}, 303),
        ({"origin": "http://home.test:80"}, 303),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 303),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "http://home.test.evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://home.test:8080"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://home.test"}, 403),
    ],
)
def test_only_our_own_pages_may_send_forms(scene, headers, status):
    token = invite(scene.instance, scene.capsule, "x@example.org").token

    answer = scene.browser().post(f"/g/i/{token}", data={"name": "X"}, headers=headers)

    assert answer.status_code == status
    assert ("set-cookie" in answer.headers) == (status == 303)


def test_behind_a_proxy_that_changes_the_host_our_public_address_counts(scene):
    browser = scene.browser(public_url="https://photos.test/album")

    def post(origin):
        token = invite(scene.instance, scene.capsule, f"x{origin[8:10]}@example.org").token
        return browser.post(f"/g/i/{token}", headers={"origin": origin}).status_code

    assert post("https://photos.test") == 303
    assert post("https://other.test") == 403


@pytest.mark.parametrize("kept", ["", "/s"], ids=["taken away", "left"])
def test_a_public_path_that_other_paths_begin_with_loosens_no_limit(scene, kept):
    browser = scene.browser(public_url="https://photos.test/s")

    asked = [browser.post(f"{kept}/sign-in").status_code for _ in range(SIGN_IN.at_once + 1)]

    assert asked == [422] * SIGN_IN.at_once + [429]


@pytest.mark.parametrize("kept", ["", "/a"], ids=["taken away", "left"])
def test_programs_are_told_problems_under_a_public_path_that_other_paths_begin_with(scene, kept):
    answer = scene.browser(public_url="https://photos.test/a").get(f"{kept}/api/v1/me")

    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


@pytest.mark.parametrize(
    ("length", "most_pieces"),
    [
        ({b"content-length": str(1000 * PIECE_BYTES).encode()}, 0),
        ({}, LARGEST_FORM_BYTES // PIECE_BYTES + 1),
    ],
    ids=["with its length", "in pieces"],
)
def test_a_large_form_is_refused_without_being_read(scene, length, most_pieces):
    token = invite(scene.instance, scene.capsule, "x@example.org").token

    answer, pieces_taken = send_much(scene, f"/g/i/{token}", length)

    text = b"".join(message.get("body", b"") for message in answer).decode()
    assert answer[0]["status"] == 413
    assert "too much at once" in text
    assert "Nothing was changed" in text
    assert pieces_taken <= most_pieces


def test_nothing_large_is_taken_from_whoever_has_no_session(scene):
    """Frameworks read a form, and put its files on the disk, before they ask whose it is."""
    ended = scene.session_of(scene.ben.member.account_id)
    with scene.instance.store.transaction() as tx:
        session, _locale = account_store.live_session(tx, token_digest(ended))
        account_store.sessions.save(tx, dataclasses.replace(session, ended_at=scene.time.now))
    strangers = (
        {},
        {b"cookie": b"capsule=made-up"},
        {b"cookie": f"capsule={ended}".encode()},
        {b"authorization": f"Bearer {ended}".encode()},
    )
    capsule, upload = f"/g/c/{scene.capsule.id}", f"/g/u/{scene.capsule.id}"
    places = (f"{capsule}/add", f"{capsule}/films", "/capsules/new/seal", f"{capsule[2:]}/settings", upload)
    for path in (*places, f"/api/v1/uploads/{scene.capsule.id}"):
        for stranger in strangers:
            for length in ({b"content-length": b"4096000"}, {}):
                answer, pieces_taken = send_much(scene, path, length | stranger)

                assert answer[0]["status"] == 413
                assert pieces_taken <= LARGEST_FORM_BYTES // PIECE_BYTES + 1


def send_much(scene, path: str, more: dict[bytes, bytes]) -> tuple[list[dict], int]:
    """Send 4 MB in small pieces as long as they are taken; returns the answer and how many were."""
    headers = {
        b"host": b"home.test",
        b"accept-language": b"en",
        b"content-type": b"application/x-www-form-urlencoded",
    }
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "server": ("home.test", 80),
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": list((headers | more).items()),
    }
    pieces_taken = 0
    answer = []

    async def receive():
        nonlocal pieces_taken
        pieces_taken += 1
        return {"type": "http.request", "body": b"x" * PIECE_BYTES, "more_body": pieces_taken < 1000}

    async def send(message):
        answer.append(message)

    asyncio.run(scene.browser().app(scope, receive, send))
    return answer, pieces_taken


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    "path", ["/nothing", "/g/i/", "/g/c/x", "/g/m/x/y", "/g/static/../site.py", "/docs", "/openapi.json"]
)
def test_what_is_not_there_gets_a_calm_page(opened_scene, path, language):
    page = opened_scene.browser(**{"accept-language": language}).get(path)

    assert page.status_code == 404
    assert {"en": "There’s nothing to see here", "ko": "찾으시는 페이지가 없어요"}[language] in page.text


def calm(page) -> None:
    assert page.status_code == 500
    assert "That did not work, and nothing is lost." in page.text
    assert re.search(r"MC-\d{4}", page.text)
    assert "MARKER" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_damaged_file_leads_to_a_calm_page_with_a_number_to_read_out(scene):
    for blob in scene.instance.blob_files():
        blob.write_bytes(b"MARKER")

    calm(scene.browser(scene.ben.token, **{"accept-language": "en"}).get(f"/g/m/{scene.medium_id}/display"))


def test_so_does_a_mistake_of_ours(scene):
    def broken() -> None:
        raise RuntimeError("MARKER")

    browser = scene.browser(**{"accept-language": "en"})
    browser.app.add_api_route("/broken", broken)

    calm(browser.get("/broken"))


def test_health_is_the_heartbeat(scene):
    browser = scene.browser()
    assert browser.get("/healthz").json() == {"status": "ok", "heartbeat_age_seconds": 0.0}

    scene.heartbeat_age = 61

    stuck = browser.get("/healthz")
    assert (stuck.status_code, stuck.json()["status"]) == (503, "stuck")


def test_pages_that_hold_a_digest_in_their_address_are_kept(scene):
    browser = scene.browser()
    address = re.search(r'href="(/g/static/\w+/base\.css)"', browser.get("/nothing").text)[1]

    style = browser.get(address)
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert browser.get("/g/static/older/base.css").headers["cache-control"] == "no-store"
