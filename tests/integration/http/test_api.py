"""The API: who may ask for what, how it says no, and that it tells no more than the pages."""

import base64
import dataclasses
import json

import pytest

from integration.http.conftest import Client
from memorycapsule.domain.sessions import Scope, SessionKind
from memorycapsule.services import sessions
from memorycapsule.store import accounts as account_store
from support.cast import add_story, another_session, make_photo

pytestmark = pytest.mark.slow

V1 = "/api/v1"
#: Where whoever has no token gets one, or says that they want none.
OPEN_TO_ALL = {
    f"{V1}/sign-in",
    f"{V1}/sign-in/code",
    f"{V1}/invitations/accept",
    f"{V1}/invitations/decline",
}


def token_with(scene, account_id, scope):
    """A personal token, as its person makes one."""
    with scene.instance.store.transaction() as tx:
        session, token = sessions.begin(
            tx, account_id=account_id, capsule_id=None, kind=SessionKind.TOKEN, now=scene.time.now
        )
        account_store.sessions.save(tx, dataclasses.replace(session, scope=scope, proved_at=scene.time.now))
    return token


@pytest.fixture
def ada(scene):
    return Client(scene, scene.session_of(scene.instance.ada.account_id))


@pytest.fixture
def ben(scene):
    return Client(scene, scene.ben.token)


def test_only_a_token_in_the_header_says_who_asks(scene):
    with_cookie = scene.browser(scene.ben.token)
    for path in (
        "/session",
        "/capsules",
        "/themes",
        "/soundtracks/museum/file",
        "/uploads/" + scene.story.id,
    ):
        refused = with_cookie.get(V1 + path)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        assert refused.headers["www-authenticate"] == 'Bearer realm="MemoryCapsule"'
    for said in ("Bearer nobody", "Bearer", "Basic YTpi", f"Token {scene.ben.token}"):
        refused = with_cookie.get(f"{V1}/session", headers={"authorization": said})
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_a_token_in_use_is_known_to_be(scene, ben):
    scene.time.go_on(days=1)
    ben("GET", f"{V1}/session")

    with scene.instance.store.reading() as tx:
        assert account_store.sessions.get(tx, scene.ben.viewer.session_id).seen_at == scene.time.now


def test_every_route_of_the_document_wants_a_token(scene):
    browser = scene.browser()
    document = browser.get("/api/openapi.json").json()
    asked = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            if path in OPEN_TO_ALL:
                assert "security" not in operation
                continue
            assert operation["security"] == [{"token": []}], (method, path)
            assert " " in operation["summary"], (method, path)
            answer = browser.request(
                method, path.format_map(Places(scene)), headers={"tus-resumable": "1.0.0"}
            )
            assert answer.status_code == 401, (method, path)
            asked += 1
    assert asked > 30


class Places(dict):
    """Something real for each place in a path."""

    def __init__(self, scene):
        super().__init__(
            capsule=scene.capsule.id,
            story=scene.story.id,
            medium=scene.medium_id,
            form="original",
            name="museum",
        )

    def __missing__(self, name):
        return self["story"]


def test_a_member_sees_of_a_sealed_capsule_what_the_pages_show(scene, ada, ben):
    add_story(scene.instance, scene.capsule, scene.instance.ada, title="HIDDEN", text="HIDDEN")

    shown = ben("GET", f"{V1}/capsules/{scene.capsule.id}").json()["capsule"]
    assert [one["title"] for one in shown["stories"]] == ["MARKER title"]
    assert {one["name"]: one["photos"] for one in shown["contributions"]} == {"Ada": 1, "Ben": 1}
    assert shown["montages"] == shown["invitations"] == []
    assert ben("GET", f"{V1}/media/{scene.medium_id}/original").content.count(b"MARKER photo")
    ben("GET", f"{V1}/capsules/{scene.capsule.id}/montages", status=404)

    # The owner of the capsule, and Ben himself by the link of a letter, see how much there is, and not what.
    by_link = Client(scene, token_with(scene, scene.ben.member.account_id, Scope.EVERYTHING))
    another_session(scene.instance, scene.ben.member.account_id)
    for path in (
        f"/stories/{scene.story.id}",
        f"/stories/{scene.story.id}/media",
        f"/media/{scene.medium_id}",
        f"/media/{scene.medium_id}/thumbnail",
    ):
        missing = ada("GET", V1 + path.replace(scene.story.id, scene.capsule.id), status=404).json()
        assert ada("GET", V1 + path, status=404).json()["code"] == missing["code"]
    assert "MARKER" not in ada("GET", f"{V1}/capsules/{scene.capsule.id}").text
    # A proved token of his is as good as the session that put it in.
    assert "MARKER title" in by_link("GET", f"{V1}/stories/{scene.story.id}").text


def test_somebody_elses_capsule_is_not_there(scene):
    cleo = Client(scene, scene.cleo.token)
    for path in ("", "/members", "/stories", "/invitations", "/montages"):
        cleo("GET", f"{V1}/capsules/{scene.capsule.id}{path}", status=404)
    cleo("PATCH", f"{V1}/capsules/{scene.capsule.id}", json={"title": "Mine"}, status=404)
    cleo("GET", f"{V1}/media/{scene.medium_id}/display", status=404)
    assert [one["title"] for one in cleo("GET", f"{V1}/capsules").json()["capsules"]] == ["Another"]


@pytest.mark.parametrize(
    ("scope", "adds", "makes"), [("read", 403, 403), ("contribute", 201, 403), ("everything", 201, 201)]
)
def test_a_token_does_no_more_than_its_scope(scene, scope, adds, makes):
    program = Client(scene, token_with(scene, scene.ben.member.account_id, Scope(scope)))
    assert program("GET", f"{V1}/session").json()["session"]["scope"] == scope

    program("POST", f"{V1}/capsules/{scene.capsule.id}/stories", json={"title": "x"}, status=adds)
    program("POST", f"{V1}/capsules", json={"title": "x", "opens": "+10y"}, status=makes)
    scene.open()
    program(
        "POST", f"{V1}/capsules/{scene.capsule.id}/montages", json={}, status=202 if makes == 201 else 403
    )


def test_a_request_that_is_sent_again_makes_nothing_new(scene, ada, ben):
    key = {"idempotency-key": "once"}
    for asking, path, body in (
        (ben, f"{V1}/capsules/{scene.capsule.id}/stories", {"title": "Once"}),
        (ada, f"{V1}/capsules", {"title": "Once", "opens": "in 10 years"}),
    ):
        first = asking("POST", path, json=body, headers=key, status=201).json()
        assert asking("POST", path, json=body, headers=key, status=201).json() == first
        another = asking("POST", path, json=body, headers={"idempotency-key": "twice"}, status=201).json()
        assert another != first


def test_lists_come_in_pieces_and_end(scene, ben):
    for number in range(4):
        ben("POST", f"{V1}/capsules/{scene.capsule.id}/stories", json={"title": f"{number}"}, status=201)

    address, titles = f"{V1}/capsules/{scene.capsule.id}/stories?limit=2", []
    while address:
        piece = ben("GET", address).json()
        assert len(piece["stories"]) <= 2
        titles += [one["title"] for one in piece["stories"]]
        address = piece["next"]

    assert titles == ["MARKER title", "0", "1", "2", "3"]
    gone = ben("GET", f"{V1}/capsules?after=nowhere", status=422).json()
    assert "begin again" in gone["detail"]


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        ("GET", "/api/nothing", {}, 404, "not_found"),
        ("GET", f"{V1}/capsules/nothing", {}, 404, "not_found"),
        ("PUT", f"{V1}/capsules", {}, 405, "method_not_allowed"),
        ("GET", f"{V1}/capsules?limit=0", {}, 422, "usage"),
        ("GET", f"{V1}/stories/no-id", {}, 422, "usage"),
        ("POST", f"{V1}/capsules", {"content": b"{"}, 422, "usage"),
        ("POST", f"{V1}/capsules", {"json": {"title": "x", "opens": "never"}}, 422, "usage"),
        ("POST", f"{V1}/capsules", {"json": {"title": "x", "opens": "+1y", "owner": "me"}}, 422, "usage"),
        ("POST", f"{V1}/capsules", {"content": b"x" * 300_000}, 413, "too_large"),
        ("POST", f"{V1}/capsules", {"headers": {"origin": "https://evil.test"}}, 403, "cross_site"),
    ],
)
def test_every_refusal_is_a_problem_that_says_what_to_do(scene, ada, method, path, more, status, code):
    problem = ada(method, path, status=status, **more).json()

    assert problem["code"] == code
    assert problem["type"] == f"urn:memorycapsule:problem:{code}"
    assert problem["detail"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "body", "reason", "values"),
    [
        ("GET", f"{V1}/capsules/nothing", None, "capsule_unknown", {}),
        ("POST", f"{V1}/capsules", {"title": " ", "opens": "+1y"}, "title_empty", {}),
        ("POST", f"{V1}/capsules", {"title": "x", "opens": "never"}, "date_unreadable", {"date": "never"}),
        (
            "POST",
            f"{V1}/capsules",
            {"title": "x", "opens": "2001-01-01"},
            "date_passed",
            {"date": "2001-01-01"},
        ),
        (
            "POST",
            f"{V1}/capsules",
            {"title": "x", "opens": "+101y"},
            "date_too_far",
            {"date": "+101y", "years": 100},
        ),
        (
            "POST",
            f"{V1}/capsules",
            {"title": "x", "opens": "+1y", "zone": "Mars/Olympus"},
            "zone_unknown",
            {"zone": "Mars/Olympus"},
        ),
    ],
)
def test_a_problem_carries_a_reason_and_values_and_no_advice_for_the_command_line(
    scene, ada, method, path, body, reason, values
):
    status = 404 if method == "GET" else 422
    problem = ada(method, path, status=status, **({"json": body} if body else {})).json()

    assert problem["code"] == ("not_found" if status == 404 else "usage")
    assert (problem["reason"], problem["values"]) == (reason, values)
    assert "`" not in problem["detail"]


def test_what_goes_wrong_inside_is_told_by_its_number_only(scene, ada, monkeypatch):
    from memorycapsule.services import reading

    def breaks(*_):
        raise RuntimeError("SECRET")

    monkeypatch.setattr(reading, "capsules", breaks)
    problem = ada("GET", f"{V1}/capsules", status=500).json()

    assert "SECRET" not in json.dumps(problem)
    assert "MC-" in problem["detail"]


def test_a_film_is_watched_in_pieces(opened_scene):
    ben = Client(opened_scene, opened_scene.ben.token)
    (film,) = ben("GET", f"{V1}/capsules/{opened_scene.capsule.id}/montages").json()["montages"]
    assert (film["state"], film["progress"], film["seconds"]) == ("ready", 1.0, 61.4)
    address = f"{V1}/montages/{film['id']}/film"

    part = ben("GET", address, status=206, headers={"range": "bytes=10-19"})
    assert part.content == bytes(range(10, 20))
    assert ben("HEAD", address).headers["content-length"] == "100000"
    ben("POST", f"{V1}/montages/{film['id']}/cancel", status=403)


def test_inviting_by_program(scene, ada, ben):
    path = f"{V1}/capsules/{scene.capsule.id}/invitations"
    (sent,) = ada("POST", path, json={"emails": ["dora@example.org"]}, status=201).json()["invitations"]
    assert sent["url"].endswith(sent["token"])
    (again,) = ada("POST", f"{path}/{sent['id']}/resend").json()["invitations"]
    assert again["token"] != sent["token"]
    ada("DELETE", f"{path}/{sent['id']}", status=204)
    states = {one["email"]: one["state"] for one in ada("GET", path).json()["invitations"]}
    assert states["dora@example.org"] == "revoked"
    assert ben("GET", path).json()["invitations"] == []
    ben("POST", path, json={"emails": ["eve@example.org"]}, status=403)


def test_a_file_sent_with_a_token_becomes_a_medium(scene, ben):
    jpeg = make_photo()
    said = {"story": scene.story.id, "filename": "pier.jpg"}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
    tus = {"tus-resumable": "1.0.0"}
    begun = ben(
        "POST",
        f"{V1}/uploads",
        headers={**tus, "upload-length": str(len(jpeg)), "upload-metadata": metadata},
        status=201,
    )
    place = begun.headers["location"]
    piece = {**tus, "content-type": "application/offset+octet-stream"}
    ben("PATCH", place, content=jpeg[:500], headers={**piece, "upload-offset": "0"}, status=204)
    assert (
        ben("PATCH", place, content=b"", headers={**piece, "upload-offset": "0"}, status=409).json()["code"]
        == "offset_moved"
    )
    assert ben("HEAD", place, headers=tus).headers["upload-offset"] == "500"
    ben("PATCH", place, content=jpeg[500:], headers={**piece, "upload-offset": "500"}, status=204)

    state = ben("GET", place).json()
    assert state["stage"] == "kept"
    assert ben("GET", f"{V1}/media/{state['medium']}").json()["medium"]["file"] == "pier.jpg"
    ben("PATCH", place, content=b"", headers={"upload-offset": "0"}, status=412)


def test_the_page_of_the_document_loads_nothing_from_elsewhere(scene):
    page = scene.browser(public_url="https://photos.test/album").get("/api/docs")

    assert page.status_code == 200
    assert 'data-document="/album/api/openapi.json"' in page.text
    assert "https://" not in page.text
    assert "unsafe" not in page.headers["content-security-policy"]


def test_who_is_in_it_and_when_it_opens_are_the_owners_to_change(scene, ada, ben):
    path = f"{V1}/capsules/{scene.capsule.id}"
    member = f"{path}/members/{scene.ben.member.id}"
    ben("PATCH", member, json={"role": "recipient"}, status=403)
    # Removal and roles need a code that was typed a moment ago: a stolen token is not enough.
    assert ada("PATCH", member, json={"role": "recipient"}, status=403).json()["code"] == "proof_needed"
    assert ada("DELETE", member, status=403).json()["code"] == "proof_needed"
    fresh = Client(scene, token_with(scene, scene.instance.ada.account_id, Scope.EVERYTHING))
    assert fresh("PATCH", member, json={"role": "recipient"}).json()["member"]["role"] == "recipient"

    later = ada("PUT", f"{path}/date", json={"opens": "2046-05-08 09:00", "zone": "Asia/Seoul"}).json()
    assert (later["capsule"]["opens_at"], later["wish"]) == ("2046-05-08T00:00:00Z", None)
    earlier = ada("PUT", f"{path}/date", json={"opens": "2036-05-08 09:00"}).json()
    assert (earlier["capsule"]["opens_at"], earlier["wish"]["concerned"]) == ("2046-05-08T00:00:00Z", 2)
    assert ben("GET", f"{path}/wish").json()["wish"]["answer"] is None
    assert ben("POST", f"{path}/consent", json={"is_given": True}).json()["wish"]["state"] == "granted"
    assert ben("GET", path).json()["capsule"]["opens_at"] == "2036-05-08T09:00:00Z"


def test_no_date_is_counted_from_today_while_the_clock_is_in_doubt(scene, ada):
    scene.time.jump(days=1)

    for method, path, body in (
        ("POST", f"{V1}/capsules", {"title": "Summer", "opens": "in 1 year"}),
        ("PUT", f"{V1}/capsules/{scene.capsule.id}/date", {"opens": "+1y"}),
    ):
        problem = ada(method, path, json=body, status=422).json()
        assert (problem["code"], problem["reason"]) == ("usage", "date_from_doubted_clock")
        assert problem["values"]["problem"]["reason"] == "clock_jumped_forward"
    ada("POST", f"{V1}/capsules", json={"title": "Summer", "opens": "2046-05-08"}, status=201)
