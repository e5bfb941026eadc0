"""The links in letters to members: GET shows a page with one button, POST begins a session."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, CookieDep, PagesDep
from memorycapsule.daemon.http.guests.landing import visit_path
from memorycapsule.daemon.http.html.bundle import bundle
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LINK, limited
from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.errors import NotFound
from memorycapsule.services import reading, visits
from memorycapsule.services.visits import LinkView
from memorycapsule.words.counts import people_in_words
from memorycapsule.words.dates import date_in_words
from memorycapsule.words.forms_of_address import addressed

#: What the link of a letter has as `to` where the letter promises the film.
_FILM = "film"
router = APIRouter()


def _link_page(
    pages: Pages, request: Request, token: str, view: LinkView, template: str, *, is_for_film: bool = False
) -> Response:
    words = pages.wording(request)
    capsule = view.capsule
    return pages.show(
        request,
        template,
        words,
        token=token,
        view=view,
        addressed_name=addressed(view.member.name, words.language),
        is_for_film=is_for_film,
        date=date_in_words(capsule.opens_local, capsule.zone, words.language),
        bundle=bundle(
            capsule.id,
            view.photos,
            label=words("bundle_tied", people=people_in_words(len(view.photos), words.language)),
        ),
    )


def _opened_path(capsule: Capsule, member: Member, to: str) -> str:
    """Return where a letter leads: the first time to the unsealing, and then to the film that it promised."""
    return f"/g/c/{capsule.id}/film" if to == _FILM and member.unsealed_at else f"/g/c/{capsule.id}"


@router.api_route("/g/o/{token}", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.EVERYBODY)
def show_opened_link(
    request: Request, app: AppDep, pages: PagesDep, viewers: BrowserViewers, token: str, to: str = ""
) -> Response:
    try:
        view = visits.preview(app.store, token, LinkPurpose.OPENED)
    except NotFound:
        return pages.unknown_link(request)
    own = [one for one in viewers if one.account_id == view.member.account_id]
    if view.member.unsealed_at and any(reading.reaches(app.store, one, view.capsule.id) for one in own):
        # This browser is in already, and its reader has untied the bundle before.
        return pages.redirect(request, _opened_path(view.capsule, view.member, to))
    return _link_page(pages, request, token, view, "opened_link.html", is_for_film=to == _FILM)


@router.post("/g/o/{token}")
@limited(LINK)
@for_whom(Audience.NOBODY, once_open=Audience.EVERYBODY)
def use_opened_link(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str, to: str = ""
) -> Response:
    try:
        visit = visits.visit(app.store, token, LinkPurpose.OPENED, now=app.now())
    except NotFound:
        return pages.unknown_link(request)
    response = pages.redirect(request, _opened_path(visit.capsule, visit.member, to))
    cookie.add(request, response, visit.token)
    return response


@router.api_route("/g/v/{token}", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_visit_link(request: Request, app: AppDep, pages: PagesDep, token: str) -> Response:
    try:
        view = visits.preview(app.store, token, LinkPurpose.VISIT)
    except NotFound:
        return pages.unknown_link(request)
    return _link_page(pages, request, token, view, "visit_link.html")


@router.post("/g/v/{token}")
@limited(LINK)
@for_whom(Audience.EVERYBODY)
def use_visit_link(request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str) -> Response:
    try:
        visit = visits.visit(app.store, token, LinkPurpose.VISIT, now=app.now())
    except NotFound:
        return pages.unknown_link(request)
    response = pages.redirect(request, visit_path(visit, app.now()))
    cookie.add(request, response, visit.token)
    return response
