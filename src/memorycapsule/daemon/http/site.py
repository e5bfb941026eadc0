"""The site: everything the daemon answers over HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorycapsule.app import App
from memorycapsule.daemon.http.accounts import account, home, sign_in
from memorycapsule.daemon.http.api import site as api
from memorycapsule.daemon.http.dependencies import provide
from memorycapsule.daemon.http.guests import (
    archive,
    capsule,
    consent,
    contributing,
    films,
    invitation,
    leaving,
    letter_links,
    opened,
    own_stories,
    reauthentication,
    refusals,
    soundtracks,
)
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.owners import create, dates, invite, members, settings
from memorycapsule.daemon.http.protocol import problems
from memorycapsule.daemon.http.protocol.guard import Guard
from memorycapsule.daemon.http.protocol.rate_limits import RateLimits
from memorycapsule.daemon.http.protocol.safe_redirects import nearest_page
from memorycapsule.daemon.http.protocol.sessions import Cookie, SignInNeeded, cookie_viewers, token_viewers
from memorycapsule.daemon.http.uploads import tus
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import CapsuleError, ReauthenticationNeeded
from memorycapsule.journal import journal
from memorycapsule.services.uploads import UploadProgress

#: /healthz reports a stuck heartbeat after this many missed beats, but not before so many seconds.
_MISSED_BEATS = 3
_SICK_AFTER_SECONDS = 60.0
#: The paths that take larger bodies than other forms, and how many bytes those may have.
BODY_LIMITS: dict[str, int] = {
    "/g/c/[0-9a-f-]{36}/add": contributing.LARGEST_FORM_WITH_FILES_BYTES,
    # A cover and a song.
    "/capsules/new/seal": 100_000_000,
    "/c/[0-9a-f-]{36}/settings": 100_000_000,
    r"/api/v1/capsules/[^/]+/(?:cover|soundtrack)": 100_000_000,
    **films.BODY_LIMITS,
}


def make_site(app: App, *, heartbeat_age: Callable[[], float]) -> FastAPI:
    """
    Return the ASGI application of an instance.

    `heartbeat_age` returns how many seconds ago the last run of the job that opens capsules ended.
    """
    public_url = app.settings.public_url
    root_path = urlsplit(public_url or "").path.rstrip("/")
    pages = Pages(root_path=root_path, locale=app.settings.locale)
    cookie = Cookie.for_url(public_url)
    site = FastAPI(
        title="MemoryCapsule",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )

    receiver = UploadReceiver(app)
    site.state.receiver = receiver
    site.state.now = app.now
    provide(site, app=app, pages=pages, cookie=cookie)

    def redirect_there_and_back(path: str, request: Request) -> Response:
        """Redirect a browser to a page that leads back to the one where it was."""
        return pages.redirect(request, f"{path}?{urlencode({'next': nearest_page(site, request)})}")

    def reauthentication_needed(request: Request, error: Exception) -> Response:
        if api.is_for_api(request):
            return problems.of_error(error)
        return redirect_there_and_back("/g/prove", request)

    def sign_in_needed(request: Request, error: Exception) -> Response:
        del error
        return redirect_there_and_back("/sign-in", request)

    def failed(request: Request, error: Exception) -> Response:
        status = error.http_status if isinstance(error, CapsuleError) else 500
        code = ""
        if status >= 500:
            # A person can read this code out on the telephone; it finds the line in the log, which names no page.
            code = f"MC-{secrets.randbelow(9000) + 1000}"
            journal.error("page.failed", error=type(error).__name__, code=code)
            journal.debug("page.failed", code=code, exc_info=error)
        if api.is_for_api(request):
            return problems.of_error(error, log_code=code)
        return pages.error(request, status, code=code)

    def no_such_page(request: Request, error: Exception) -> Response:
        if api.is_for_api(request):
            return problems.of_error(error)
        return pages.error(request, error.status_code if isinstance(error, HTTPException) else 404)

    def viewers_of(request: Request) -> list[Viewer]:
        return token_viewers(app.store, request) or cookie_viewers(app.store, cookie, request)

    def refuse(request: Request, status: int) -> Response:
        return problems.of_status(status) if api.is_for_api(request) else pages.error(request, status)

    site.add_exception_handler(ReauthenticationNeeded, reauthentication_needed)
    site.add_exception_handler(SignInNeeded, sign_in_needed)
    site.add_exception_handler(CapsuleError, failed)
    site.add_exception_handler(HTTPException, no_such_page)
    site.add_exception_handler(RequestValidationError, no_such_page)
    site.add_middleware(RateLimits, root_path=root_path, refuse=refuse)
    site.add_middleware(
        Guard,
        public_url=public_url,
        root_path=root_path,
        body_limits={**BODY_LIMITS, "(/g/u|/api/v1/uploads)/[0-9a-f-]{36}": receiver.limits.largest_file},
        has_session=lambda request: bool(viewers_of(request)),
        refuse=refuse,
        failed=failed,
    )

    @site.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> JSONResponse:
        age = heartbeat_age()
        limit = max(_MISSED_BEATS * app.settings.daemon.heartbeat_seconds, _SICK_AFTER_SECONDS)
        is_well = age < limit
        return JSONResponse(
            {"status": "ok" if is_well else "stuck", "heartbeat_age_seconds": round(age, 1)},
            status_code=200 if is_well else 503,
        )

    @site.api_route("/g/static/{version}/{name:path}", methods=["GET", "HEAD"])
    def static(request: Request, version: str, name: str) -> Response:
        response = pages.static(request, name)
        if response is None:
            return pages.error(request, 404)
        # The address holds the digest of all files. A page of an older program gets today's file and may not keep it.
        is_current = version == pages.version
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if is_current else "no-store"
        )
        return response

    site.include_router(home.router)
    site.include_router(sign_in.router)
    site.include_router(reauthentication.routes(app, pages, cookie))
    site.include_router(account.router)
    site.include_router(invitation.routes(app, pages, cookie))
    site.include_router(letter_links.routes(app, pages, cookie))
    site.include_router(capsule.routes(app, pages, cookie))
    site.include_router(contributing.routes(app, pages, cookie, receiver))
    site.include_router(own_stories.routes(app, pages, cookie))

    def explain(request: Request, progress: UploadProgress) -> str | None:
        return (
            refusals.translate_refusal(progress.refusal, pages.wording(request)) if progress.refusal else None
        )

    site.include_router(
        tus.routes(
            app,
            receiver,
            prefix="/g/u",
            root_path=root_path,
            viewers_of=viewers_of,
            explain=explain,
        )
    )
    for router in api.routes(app, pages, receiver):
        site.include_router(router)
    site.include_router(create.router)
    site.include_router(invite.router)
    site.include_router(members.router)
    site.include_router(settings.router)
    site.include_router(dates.router)
    site.include_router(consent.routes(app, pages))
    site.include_router(leaving.routes(app, pages, cookie))
    site.include_router(soundtracks.routes())
    site.include_router(opened.routes(app, pages, cookie))
    site.include_router(films.routes(app, pages, cookie))
    site.include_router(archive.routes(app, pages, cookie))
    return site
