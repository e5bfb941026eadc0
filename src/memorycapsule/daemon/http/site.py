"""The site: everything the daemon answers over HTTP."""

from __future__ import annotations

import functools
from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from memorycapsule.app import App
from memorycapsule.daemon.http import failures
from memorycapsule.daemon.http.accounts import account, home, sign_in
from memorycapsule.daemon.http.api import site as api
from memorycapsule.daemon.http.dependencies import GET, AppDep, PagesDep, provide
from memorycapsule.daemon.http.guests import (
    archive,
    capsule,
    coming_back,
    consent,
    contributing,
    films,
    invitation,
    leaving,
    letter_links,
    opened,
    own_stories,
    reauthentication,
    soundtracks,
)
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.owners import create, dates, invite, members, settings
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import Costs
from memorycapsule.daemon.http.protocol.guard import Guard
from memorycapsule.daemon.http.protocol.pressure import Pressure
from memorycapsule.daemon.http.protocol.rate_limits import MemoryBuckets, RateLimits, StoredBuckets
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers, page_reader, token_viewers
from memorycapsule.daemon.http.protocol.traces import Traces
from memorycapsule.daemon.http.uploads import tus
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver
from memorycapsule.errors import CapsuleError
from memorycapsule.work import notices

router = APIRouter()


def make_site(app: App, *, heartbeat_age: Callable[[], float]) -> FastAPI:
    """
    Return the ASGI application of an instance.

    `heartbeat_age` returns how many seconds ago the last run of the job that opens capsules ended.
    """
    public_url = app.settings.public_url
    root_path = urlsplit(public_url or "").path.rstrip("/")
    cookie = Cookie.for_url(public_url)
    pages = Pages(
        root_path=root_path,
        locale=app.settings.locale,
        reader_of=lambda request: page_reader(app, cookie, request),
    )
    receiver = UploadReceiver(app)
    site = FastAPI(
        title="MemoryCapsule",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        routes=_all_routes(),
    )
    provide(site, app=app, pages=pages, cookie=cookie)
    site.state.receiver = receiver
    site.state.heartbeat_age = heartbeat_age
    failures.handle(site)
    costs = Costs(iter_route_contexts(site.routes), app.settings)
    site.add_middleware(
        RateLimits,
        root_path=root_path,
        costs=costs,
        buckets=MemoryBuckets() if app.store.is_sqlite else StoredBuckets(app),
        refuse=failures.refuse,
    )
    site.add_middleware(Pressure, refuse=failures.send_away)
    site.add_middleware(
        Guard,
        public_url=public_url,
        root_path=root_path,
        costs=costs,
        has_session=_has_session,
        refuse=failures.refuse,
        failed=failures.answer_failure,
        files_origin=app.vault.blobs.origin if app.vault.has_addresses else None,
    )
    site.add_middleware(Traces, root_path=root_path, costs=costs)
    return site


@functools.cache
def _all_routes() -> list[BaseRoute]:
    # Routes hold nothing of an instance, and putting them together takes longer than to answer many requests.
    everything = APIRouter()
    everything.include_router(router)
    everything.include_router(home.router)
    everything.include_router(sign_in.router)
    everything.include_router(reauthentication.router)
    everything.include_router(account.router)
    everything.include_router(invitation.router)
    everything.include_router(coming_back.router)
    everything.include_router(letter_links.router)
    everything.include_router(capsule.router)
    everything.include_router(contributing.router)
    everything.include_router(own_stories.router)
    everything.include_router(tus.router, prefix="/g/u")
    everything.include_router(api.router)
    everything.include_router(create.router)
    everything.include_router(invite.router)
    everything.include_router(members.router)
    everything.include_router(settings.router)
    everything.include_router(dates.router)
    everything.include_router(consent.router)
    everything.include_router(leaving.router)
    everything.include_router(soundtracks.router)
    everything.include_router(opened.router)
    everything.include_router(films.router)
    everything.include_router(archive.router)
    return everything.routes


@router.api_route("/healthz", methods=GET)
@for_whom(Audience.EVERYBODY)
async def show_health(request: Request, app: AppDep) -> JSONResponse:
    is_well = _is_beating(request, app)
    age: float = request.app.state.heartbeat_age()
    return JSONResponse(
        {"status": "ok" if is_well else "stuck", "heartbeat_age_seconds": round(age, 1)},
        status_code=200 if is_well else 503,
    )


def _is_beating(request: Request, app: App) -> bool:
    age: float = request.app.state.heartbeat_age()
    return age < app.settings.daemon.stuck_after_seconds


@router.api_route("/readyz", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_readiness(request: Request, app: AppDep) -> JSONResponse:
    """Say whether all is as it should be, and if not, which kinds of notices there are; never how many, or of what."""
    try:
        kinds = {notice.kind for notice in notices.standing(app)}
    except CapsuleError as error:
        return JSONResponse({"status": "unready", "error": error.code}, status_code=503)
    is_ready = _is_beating(request, app) and not any(kind.is_unready for kind in kinds)
    return JSONResponse(
        {"status": "ready" if is_ready else "unready", "notices": sorted(kinds)},
        status_code=200 if is_ready else 503,
    )


@router.api_route("/g/static/{version}/{name:path}", methods=GET)
@for_whom(Audience.EVERYBODY)
def send_static_file(request: Request, pages: PagesDep, version: str, name: str) -> Response:
    response = pages.static(request, name)
    if response is None:
        return pages.error(request, 404)
    # The address holds the digest of all files. A page of an older program gets today's file and may not keep it.
    is_current = version == pages.version
    response.headers["cache-control"] = "public, max-age=31536000, immutable" if is_current else "no-store"
    return response


@router.api_route("/favicon.ico", methods=GET)
@for_whom(Audience.EVERYBODY)
def send_mark(request: Request, pages: PagesDep) -> Response:
    """Send the mark to browsers and feed readers that ask for it without having read a page."""
    return pages.static(request, "mark.svg") or pages.error(request, 404)


@router.api_route("/robots.txt", methods=GET)
@for_whom(Audience.EVERYBODY)
def send_robots_away() -> Response:
    """Ask robots to read nothing: what they may read is not theirs, and links in letters are for one person."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


def _has_session(request: Request) -> bool:
    state = request.app.state
    return bool(token_viewers(state.app, request) or cookie_viewers(state.app, state.cookie, request))
