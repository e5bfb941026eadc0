"""The link of an opened letter: GET shows a button, POST begins a session."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.bundle import bundle
from memorycapsule.daemon.http.pages import Pages
from memorycapsule.daemon.http.visitors import Cookie
from memorycapsule.domain.words import people_in_words
from memorycapsule.errors import NotFound
from memorycapsule.mail.wording import addressed
from memorycapsule.services import visits


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()

    @router.api_route("/g/o/{token}", methods=["GET", "HEAD"])
    def look(request: Request, token: str) -> Response:
        try:
            view = visits.look_opened(app.store, token)
        except NotFound:
            return pages.unknown_link(request)
        words = pages.wording(request)
        return pages.show(
            request,
            "letter.html",
            words,
            token=token,
            view=view,
            called=addressed(view.member.name, words.language),
            bundle=bundle(
                view.capsule.id,
                view.photos,
                label=words("bundle_tied", people=people_in_words(len(view.photos), words.language)),
            ),
        )

    @router.post("/g/o/{token}")
    def untie(request: Request, token: str) -> Response:
        try:
            visit = visits.visit(app.store, token, now=app.now())
        except NotFound:
            return pages.unknown_link(request)
        response = pages.forward(request, f"/g/c/{visit.capsule.id}")
        cookie.add(request, response, visit.token)
        return response

    return router
