"""The API's routes put together."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute

from memorycapsule.app import App
from memorycapsule.daemon.http.api import (
    account,
    capsules,
    dates,
    document,
    films,
    invitations,
    members,
    sign_in,
    stories,
)
from memorycapsule.daemon.http.api.bearer import NEEDS_TOKEN, Bearer
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.uploads import tus


def routes(app: App, pages: Pages) -> list[APIRouter]:
    """Return everything below /api."""
    asking = Bearer(app.store)
    # Names of functions say what they do well enough for programs that are made from the document.
    api = APIRouter(prefix="/api/v1", generate_unique_id_function=_operation_id)
    for area in (sign_in, account, capsules, members, invitations, dates, stories, films):
        api.include_router(area.routes(app, asking))
    guarded = APIRouter(dependencies=[NEEDS_TOKEN])
    guarded.include_router(tus.router, prefix="/api/v1/uploads")
    return [api, guarded, document.routes(api, pages)]


def _operation_id(route: APIRoute) -> str:
    area = str(route.tags[0]) if route.tags else "api"
    return f"{area}_{route.name}"
