"""What a route costs stands at its handler: how often it may be asked, and how large a body it takes."""

import inspect

import pytest
from fastapi.routing import RouteContext, iter_route_contexts

from memorycapsule.daemon.http.protocol.costs import DATE, LARGEST_FORM_BYTES, Costs
from support.call_graph import CallGraph, call_graph

SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def graph() -> CallGraph:
    return call_graph("memorycapsule")


@pytest.fixture
def routes(lasting_scene) -> list[RouteContext]:
    """The routes whose requests change something."""
    lasting_scene.browser()
    return [
        route
        for route in iter_route_contexts(lasting_scene.sites[None].routes)
        if route.methods and not route.methods <= SAFE
    ]


@pytest.fixture
def costs(lasting_scene, routes) -> Costs:
    return Costs(routes, lasting_scene.app.settings)


def name_of(route: RouteContext) -> str:
    return f"{route.endpoint.__module__}.{route.endpoint.__qualname__}"


def queueing_letters() -> set[str]:
    return {"memorycapsule.services.letters._queue"}


def checking_secrets(graph: CallGraph) -> set[str]:
    """What looks for a link by its token, or compares digits. Every request tells its session, which is not meant."""
    return {
        name
        for name, others in graph.mentions.items()
        if name.startswith("memorycapsule.services.")
        and any(one == "hmac.compare_digest" or one.endswith(".links.find") for one in others)
    }


def test_every_handler_is_a_function_of_its_module(graph, routes):
    assert [name_of(route) for route in routes if name_of(route) not in graph.mentions] == []


def test_a_route_that_mails_or_checks_a_secret_is_limited(graph, routes, costs):
    secret = checking_secrets(graph)
    costly = graph.leading_to(queueing_letters() | secret)
    found = [
        (method, route.path)
        for route in routes
        for method in route.methods - SAFE
        if name_of(route) in costly
    ]

    assert len(secret) >= 4
    assert {("POST", "/sign-in"), ("POST", "/g/i/{token}"), ("PUT", "/api/v1/capsules/{capsule}/date")} < set(
        found
    )
    assert [one for one in found if costs.of(*one).rate is None] == []


def test_the_document_says_of_a_limited_route_that_it_may_be_asked_too_often(lasting_scene, routes, costs):
    paths = lasting_scene.browser().get("/api/openapi.json").json()["paths"]
    limited = [
        (method, route.path)
        for route in routes
        for method in route.methods
        if route.path in paths and costs.of(method, route.path).rate
    ]

    assert len(limited) > 10
    assert [one for one in limited if "429" not in paths[one[1]][one[0].lower()]["responses"]] == []


def test_a_route_that_takes_files_says_how_large_they_may_be(routes, costs):
    with_files = [
        (method, route.path)
        for route in routes
        for method in route.methods
        if any(
            one in str(parameter.annotation)
            for parameter in inspect.signature(route.endpoint).parameters.values()
            for one in ("UploadFile", "Song", "Picture", "FilmForm")
        )
    ]

    assert with_files
    assert [one for one in with_files if costs.of(*one).largest_body <= LARGEST_FORM_BYTES] == []


def test_nobody_moves_a_date_without_end_whichever_door_they_come_by(scene):
    ada = scene.ada()
    page, api = f"/c/{scene.capsule.id}/date/move", f"/api/v1/capsules/{scene.capsule.id}/date"
    moves = [ada.post(page, data={"day": "nothing"}).status_code for _ in range(DATE.at_once)]
    program = ada.put(api, json={"opens": "in 9 years"})

    assert 429 not in moves
    assert (ada.post(page).status_code, program.status_code) == (429, 429)
    assert int(program.headers["retry-after"]) >= 1
    assert ada.get(f"/c/{scene.capsule.id}/date").status_code == 200
