"""The API's routes put together, and which requests are for it."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.requests import Request

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
from memorycapsule.daemon.http.api.bearer import Bearer
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.uploads import tus
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver


def routes(app: App, pages: Pages, receiver: UploadReceiver) -> list[APIRouter]:
    """Return everything below /api."""
    asking = Bearer(app.store)
    # Names of functions say what they do well enough for programs that are made from the document.
    api = APIRouter(prefix="/api/v1", generate_unique_id_function=_operation_id)
    for area in (sign_in, account, capsules, members, invitations, dates, stories, films):
        api.include_router(area.routes(app, asking))
    guarded = APIRouter(dependencies=[Depends(asking)])
    guarded.include_router(
        tus.routes(
            app,
            receiver,
            prefix="/api/v1/uploads",
            root_path=pages.root_path,
            viewers_of=lambda request: [asking.of(request)],
            explain=lambda _request, progress: progress.refusal,
        )
    )
    return [api, guarded, document.routes(api, pages)]


def is_for_api(request: Request) -> bool:
    """Say whether a program is to read the answer."""
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return path.startswith("/api/") and path != "/api/docs"


def _operation_id(route: APIRoute) -> str:
    area = str(route.tags[0]) if route.tags else "api"
    return f"{area}_{route.name}"
