"""The API's document: what generators of clients need of it, and all that is wrong with a body in one answer."""

import pytest

from integration.http.conftest import Client
from memorycapsule.daemon.http.protocol.problems import MEDIA_TYPE

V1 = "/api/v1"


@pytest.fixture
def operations(lasting_scene):
    paths = lasting_scene.browser().get("/api/openapi.json").json()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method != "parameters"
    }


def answers_of(operation):
    return [answer for status, answer in operation["responses"].items() if status.startswith("2")]


def test_every_answer_says_of_what_type_it_is_and_what_it_may_look_like(operations):
    for name, operation in operations.items():
        for answer in answers_of(operation):
            for media_type, content in answer.get("content", {}).items():
                assert "*" not in media_type, name
                assert media_type != "application/json" or "example" in content, name
    assert "the-summer-we-kept" in str(operations[f"GET {V1}/capsules/{{capsule}}"])


def test_the_headers_of_files_parts_and_refusals_are_declared(operations):
    film = operations[f"GET {V1}/montages/{{montage}}/film"]["responses"]
    part = operations[f"PATCH {V1}/uploads/{{upload}}"]["responses"]["204"]
    often = operations[f"POST {V1}/sign-in"]["responses"]["429"]

    assert {"Content-Disposition", "ETag", "Accept-Ranges"} <= film["200"]["headers"].keys()
    assert "Content-Range" in film["206"]["headers"]
    assert {"Upload-Offset", "Capsule-Stage", "Capsule-Medium"} == part["headers"].keys()
    assert "Retry-After" in often["headers"]
    assert MEDIA_TYPE in often["content"]


def test_all_that_is_wrong_with_a_body_is_told_at_once(lasting_scene):
    ada = Client(lasting_scene, lasting_scene.session_of(lasting_scene.instance.ada.account_id))
    body = {
        "title": "",
        "opens": "some day",
        "zone": "Xyzzy/Plugh",
        "theme": "no such theme",
        "film_photos": 0,
        "colour": "red",
    }
    problem = ada("POST", f"{V1}/capsules", json=body, status=422).json()

    found = {fault["where"]: fault.get("reason") for fault in problem["errors"]}
    assert found == {
        "body.title": "title_empty",
        "body.opens": "date_unreadable",
        "body.zone": "zone_unknown",
        "body.theme": "theme_unknown",
        "body.film_photos": "film_photos_impossible",
        "body.colour": None,
    }
    assert all("Value error" not in fault["message"] for fault in problem["errors"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"title": "x" * 201, "opens": "+1y"}, "title_too_long"),
        ({"title": "Summer", "opens": "2001-01-01"}, "date_passed"),
        ({"title": "Summer", "opens": "+200y"}, "date_too_far"),
    ],
)
def test_one_thing_that_is_wrong_is_the_reason_of_the_whole(lasting_scene, body, reason):
    ada = Client(lasting_scene, lasting_scene.session_of(lasting_scene.instance.ada.account_id))

    assert ada("POST", f"{V1}/capsules", json=body, status=422).json()["reason"] == reason
