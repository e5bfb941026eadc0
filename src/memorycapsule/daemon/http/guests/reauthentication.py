"""Is it you? What cannot be undone wants a code that was mailed a moment ago."""

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

_OF_CAPSULE = re.compile(r"/(?:g/)?c/([0-9a-f-]{36})(?:[/?].*)?")


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()

    def who(request: Request, onward: str) -> list[Viewer]:
        """Return the sessions of the person who is to prove that it is them, the one that goes on first."""
        looking = [
            one for one in cookie_viewers(app.store, cookie, request) if one.scope.covers(Scope.EVERYTHING)
        ]
        found = _OF_CAPSULE.fullmatch(onward)
        first = (
            next((one for one in looking if found and reading.is_in(app.store, one, found[1])), None)
            if found
            else signed_in_viewer(app.store, cookie, request)
        )
        first = first or next(iter(looking), None)
        if first is None:
            raise NotFound
        return [one for one in looking if one.account_id == first.account_id]

    def page(request: Request, onward: str, *, is_sent: bool, problem: Exception | None = None) -> Response:
        person = reading.account(app.store, who(request, onward)[0])
        words = pages.wording(request, person=person)
        return pages.show(
            request,
            "prove.html",
            words,
            status=429 if isinstance(problem, TooMany) else 422 if problem else 200,
            onward=onward,
            is_sent=is_sent,
            is_code_bad=isinstance(problem, NotAllowed),
            is_too_often=isinstance(problem, TooMany),
            here=f"/g/prove?{urlencode({'next': onward})}",
        )

    @router.api_route("/g/prove", methods=["GET", "HEAD"])
    def ask(request: Request, next: str | None = None, sent: bool = False) -> Response:  # noqa: A002
        return page(request, local_path(next) or "/", is_sent=sent)

    @router.post("/g/prove/letter")
    def mail_letter(request: Request, next: Annotated[str, Form()] = "") -> Response:  # noqa: A002
        onward = local_path(next) or "/"
        try:
            signing_in.ask_proof(app.store, app.vault.key, app.wake, who(request, onward)[0], now=app.now())
        except TooMany as error:
            return page(request, onward, is_sent=True, problem=error)
        return pages.forward(request, f"/g/prove?{urlencode({'next': onward, 'sent': '1'})}")

    @router.post("/g/prove")
    def type_code(
        request: Request,
        next: Annotated[str, Form()] = "",  # noqa: A002
        code: Annotated[str, Form()] = "",
    ) -> Response:
        onward = local_path(next) or "/"
        try:
            signing_in.prove(app.store, app.vault.key, who(request, onward), code, now=app.now())
        except NotAllowed as error:
            return page(request, onward, is_sent=True, problem=error)
        return pages.forward(request, onward)

    return router
