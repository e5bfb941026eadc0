"""The links in letters to members: GET shows a page with one button, POST begins a session."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, CookieDep, PagesDep
from memorycapsule.daemon.http.guests.landing import visit_path
from memorycapsule.daemon.http.html.bundle import bundle
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LINK, limited
from memorycapsule.daemon.http.protocol.sessions import Cookie
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.errors import NotFound
from memorycapsule.services import visits
from memorycapsule.words.counts import people_in_words
from memorycapsule.words.dates import date_in_words
from memorycapsule.words.forms_of_address import addressed

router = APIRouter()


def _link_page(
    app: App, pages: Pages, request: Request, token: str, purpose: LinkPurpose, template: str
) -> Response:
    try:
        view = visits.preview(app.store, token, purpose)
    except NotFound:
        return pages.unknown_link(request)
    words = pages.wording(request)
    capsule = view.capsule
    return pages.show(
        request,
        template,
        words,
        token=token,
        view=view,
        addressed_name=addressed(view.member.name, words.language),
        date=date_in_words(capsule.opens_local, capsule.zone, words.language),
        bundle=bundle(
            capsule.id,
            view.photos,
            label=words("bundle_tied", people=people_in_words(len(view.photos), words.language)),
        ),
    )


def _begin_session(
    app: App, pages: Pages, cookie: Cookie, request: Request, token: str, purpose: LinkPurpose
) -> Response:
    try:
        visit = visits.visit(app.store, token, purpose, now=app.now())
    except NotFound:
        return pages.unknown_link(request)
    response = pages.redirect(request, visit_path(visit, app.now()))
    cookie.add(request, response, visit.token)
    return response


@router.api_route("/g/o/{token}", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.EVERYBODY)
def show_opened_link(request: Request, app: AppDep, pages: PagesDep, token: str) -> Response:
    return _link_page(app, pages, request, token, LinkPurpose.OPENED, "opened_link.html")


@router.post("/g/o/{token}")
@limited(LINK)
@for_whom(Audience.NOBODY, once_open=Audience.EVERYBODY)
def use_opened_link(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str
) -> Response:
    return _begin_session(app, pages, cookie, request, token, LinkPurpose.OPENED)


@router.api_route("/g/v/{token}", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_visit_link(request: Request, app: AppDep, pages: PagesDep, token: str) -> Response:
    return _link_page(app, pages, request, token, LinkPurpose.VISIT, "visit_link.html")


@router.post("/g/v/{token}")
@limited(LINK)
@for_whom(Audience.EVERYBODY)
def use_visit_link(request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str) -> Response:
    return _begin_session(app, pages, cookie, request, token, LinkPurpose.VISIT)
