"""Which folder answers which address: what a proxy may publish alone lies in guests/ and uploads/, and below /g/."""

import pytest

from support.routes import Route, routes_of

PAGES = "memorycapsule.daemon.http"
#: What all pages load, whoever they are for.
STATIC = "/g/static/{version}/{name:path}"


@pytest.fixture
def routes(lasting_scene) -> list[Route]:
    lasting_scene.browser()
    return routes_of(lasting_scene.sites[None])


def addresses(routes: list[Route], *rooms: str) -> set[str]:
    return {
        route.path for route in routes if route.module.startswith(tuple(f"{PAGES}.{room}." for room in rooms))
    }


def test_every_page_of_guests_lies_below_g(routes):
    of_guests = addresses(routes, "guests")

    assert of_guests
    assert {path for path in of_guests if not path.startswith("/g/")} == set()


def test_no_page_of_owners_and_accounts_lies_below_g(routes):
    of_others = addresses(routes, "owners", "accounts")

    assert of_others
    assert {path for path in of_others if path.startswith("/g/")} == set()


def test_nothing_else_lies_below_g_but_uploads_and_what_pages_load(routes):
    below = {route.path for route in routes if route.path.startswith("/g/")}

    assert below - addresses(routes, "guests", "uploads") == {STATIC}
