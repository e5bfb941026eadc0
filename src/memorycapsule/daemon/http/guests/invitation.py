"""The invitation: GET shows it and changes nothing, however often; POST joins the capsule or declines."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, CookieDep, PagesDep
from memorycapsule.daemon.http.guests.coming_back import has_asked
from memorycapsule.daemon.http.guests.landing import landing_path
from memorycapsule.daemon.http.html.bundle import bundle
from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LINK, limited
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers
from memorycapsule.domain.people import masked_address
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.services import covers, invitations, reading
from memorycapsule.services.invitations import InvitationView
from memorycapsule.words.counts import people_in_words
from memorycapsule.words.dates import countdown_in_words, date_in_words, is_soon
from memorycapsule.words.forms_of_address import addressed

#: The invitation is there and cannot be used any more (RFC 9110, 15.5.11).
_GONE = 410
#: The bundle tells guests nothing of how much each member has put in: all members have an equal share of it.
_PHOTOS_OF_EACH = 16
#: The beginning of the catalogue keys of the page that says why nobody can join, by the reason.
_UNUSABLE = {
    "invitation_used": "used",
    "joined_already": "used",
    "invitation_revoked": "revoked",
    "invitation_declined": "declined",
    "invitation_expired": "expired",
    "joined_too_late": "over",
}
router = APIRouter()


@router.api_route("/g/i/{token}", methods=GET)
@for_whom(Audience.EVERYBODY, once_open=Audience.MEMBERS)
def show_invitation(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str
) -> Response:
    try:
        view = invitations.preview(app.store, token)
    except NotFound:
        return pages.unknown_link(request)
    if reason := _unusable_reason(view, app):
        if _is_member(app, cookie, request, view):
            return pages.redirect(request, f"/g/c/{view.capsule.id}")
        return _unusable(pages, request, token, view, reason)
    return _invitation(app, pages, request, token, view)


@router.api_route("/g/i/{token}/cover", methods=GET)
@for_whom(Audience.EVERYBODY)
def send_invitation_cover(app: AppDep, token: str, form: covers.CoverForm = "display") -> Response:
    file = invitations.cover_file(app.store, app.vault, token, form)
    return FileAnswer(file, tag=f"cover-{form}")


@router.api_route("/g/i/{token}/decline", methods=GET)
@for_whom(Audience.EVERYBODY, once_open=Audience.NOBODY)
def confirm_decline(request: Request, app: AppDep, pages: PagesDep, token: str) -> Response:
    try:
        view = invitations.preview(app.store, token)
    except NotFound:
        return pages.unknown_link(request)
    if reason := _unusable_reason(view, app):
        return _unusable(pages, request, token, view, reason)
    words = pages.wording(request, view.invitation.locale)
    inviter = addressed(view.inviter, words.language)
    return pages.show(request, "decline.html", words, token=token, view=view, inviter=inviter)


@router.post("/g/i/{token}/decline")
@limited(LINK)
@for_whom(Audience.EVERYBODY)
def decline_invitation(request: Request, app: AppDep, pages: PagesDep, token: str) -> Response:
    try:
        invitations.decline(app.store, app.wake, token, now=app.now())
    except NotFound:
        return pages.unknown_link(request)
    except NotAllowed as error:
        # The page of the invitation says why it cannot be answered any more.
        if error.reason not in _UNUSABLE:
            raise
    return pages.redirect(request, f"/g/i/{token}")


@router.post("/g/i/{token}")
@limited(LINK)
@for_whom(Audience.EVERYBODY, once_open=Audience.MEMBERS)
def join_capsule(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    cookie: CookieDep,
    token: str,
    name: Annotated[str, Form()] = "",
) -> Response:
    try:
        view = invitations.preview(app.store, token)
    except NotFound:
        return pages.unknown_link(request)
    words = pages.wording(request, view.invitation.locale)
    try:
        joined = invitations.join(
            app.store,
            token,
            name=name.strip() or None,
            # The inviter who chose a language knows it; otherwise it is the one that the guest has just read.
            locale=None if view.is_language_chosen and "lang" not in request.query_params else words.language,
            now=app.now(),
        )
    except UsageProblem as error:
        return _invitation(app, pages, request, token, view, typed_name=name, problem=error)
    except NotAllowed as error:
        if error.reason not in _UNUSABLE:
            raise
        if _is_member(app, cookie, request, view):
            return pages.redirect(request, f"/g/c/{view.capsule.id}")
        view = invitations.preview(app.store, token)
        return _unusable(pages, request, token, view, _UNUSABLE[error.reason])
    response = pages.redirect(request, landing_path(joined.capsule, joined.member, app.now()))
    cookie.add(request, response, joined.token)
    return response


def _unusable_reason(view: InvitationView, app: App) -> str | None:
    """Return the beginning of the catalogue keys that say why an invitation cannot be used, None when it can."""
    try:
        view.invitation.check_joinable(view.capsule, app.now())
    except NotAllowed as error:
        return _UNUSABLE[error.reason]
    return None


def _is_member(app: App, cookie: Cookie, request: Request, view: InvitationView) -> bool:
    """Say whether this browser has a session of a member."""
    viewers = cookie_viewers(app, cookie, request)
    return any(reading.reaches(app.store, viewer, view.capsule.id) for viewer in viewers)


def _invitation(
    app: App,
    pages: Pages,
    request: Request,
    token: str,
    view: InvitationView,
    *,
    typed_name: str = "",
    problem: UsageProblem | None = None,
) -> Response:
    words = pages.wording(request, view.invitation.locale)
    language = words.language
    capsule, name = view.capsule, view.invitation.name
    addressed_name = addressed(name, language) if name else None
    return pages.show(
        request,
        "invitation.html",
        words,
        status=problem.http_status if problem else 200,
        token=token,
        view=view,
        addressed_name=addressed_name,
        inviter=addressed(view.inviter, language),
        address=masked_address(view.invitation.address),
        date=date_in_words(capsule.opens_local, capsule.zone, language),
        countdown=countdown_in_words(app.now(), capsule.opens_at, language),
        is_soon=is_soon(app.now(), capsule.opens_at),
        name=typed_name if problem else name,
        name_problem=error_text(problem, words) if problem else None,
        bundle=bundle(
            capsule.id,
            [_PHOTOS_OF_EACH] * view.members,
            label=words("bundle_tied", people=people_in_words(view.members, language)),
        ),
    )


def _unusable(pages: Pages, request: Request, token: str, view: InvitationView, reason: str) -> Response:
    words = pages.wording(request, view.invitation.locale)
    if reason == "used":
        return pages.show(
            request,
            "used_invitation.html",
            words,
            status=_GONE,
            token=token,
            inviter=addressed(view.inviter, words.language),
            address=masked_address(view.invitation.address),
            has_asked=has_asked(request),
        )
    text = words(f"{reason}_text", inviter=addressed(view.inviter, words.language))
    return pages.message(request, words, words(f"{reason}_title"), text, status=_GONE)
