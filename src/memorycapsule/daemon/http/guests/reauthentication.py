"""
Re-authentication: whoever does what cannot be undone first types a code that was mailed a moment ago.

Its pages lie below /g/, because guests need them too.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.safe_redirects import local_path
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers, signed_in_viewer
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, NotFound, TooMany
from memorycapsule.services import reading, signing_in

_CAPSULE_PATH = re.compile(r"/(?:g/)?c/([0-9a-f-]{36})(?:[/?].*)?")


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()

    def viewers_of_person(request: Request, next_path: str) -> list[Viewer]:
        """
        Return all viewers of the person who is to type the code, first the one for the next page.

        Raises NotFound when nobody has a session here.
        """
        viewers = [
            one for one in cookie_viewers(app.store, cookie, request) if one.scope.covers(Scope.EVERYTHING)
        ]
        capsule = _CAPSULE_PATH.fullmatch(next_path)
        first = (
            next((one for one in viewers if reading.reaches(app.store, one, capsule[1])), None)
            if capsule
            else signed_in_viewer(app.store, cookie, request)
        )
        first = first or next(iter(viewers), None)
        if first is None:
            raise NotFound
        return [one for one in viewers if one.account_id == first.account_id]

    def page(
        request: Request, next_path: str, *, is_sent: bool, problem: Exception | None = None
    ) -> Response:
        person = reading.account(app.store, viewers_of_person(request, next_path)[0])
        words = pages.wording(request, person=person)
        return pages.show(
            request,
            "reauthentication.html",
            words,
            status=429 if isinstance(problem, TooMany) else 422 if problem else 200,
            next_path=next_path,
            is_sent=is_sent,
            is_code_bad=isinstance(problem, NotAllowed),
            is_too_often=isinstance(problem, TooMany),
        )

    @router.api_route("/g/prove", methods=["GET", "HEAD"])
    def show_form(request: Request, next: str | None = None, sent: bool = False) -> Response:  # noqa: A002
        return page(request, local_path(next) or "/", is_sent=sent)

    @router.post("/g/prove/letter")
    def mail_code(request: Request, next: Annotated[str, Form()] = "") -> Response:  # noqa: A002
        next_path = local_path(next) or "/"
        try:
            viewer = viewers_of_person(request, next_path)[0]
            signing_in.mail_proof_code(app.store, app.vault.key, app.wake, viewer, now=app.now())
        except TooMany as error:
            return page(request, next_path, is_sent=True, problem=error)
        return pages.redirect(request, f"/g/prove?{urlencode({'next': next_path, 'sent': '1'})}")

    @router.post("/g/prove")
    def use_code(
        request: Request,
        next: Annotated[str, Form()] = "",  # noqa: A002
        code: Annotated[str, Form()] = "",
    ) -> Response:
        next_path = local_path(next) or "/"
        try:
            signing_in.prove(
                app.store, app.vault.key, viewers_of_person(request, next_path), code, now=app.now()
            )
        except NotAllowed as error:
            return page(request, next_path, is_sent=True, problem=error)
        return pages.redirect(request, next_path)

    return router
