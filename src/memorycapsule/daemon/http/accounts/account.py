"""The account page: name, language, addresses, sessions, tokens for programs, and deletion of the account."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, CookieDep, PagesDep, SignedInViewer
from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import CODE, RESEND, limited
from memorycapsule.domain.people import LONGEST_NAME
from memorycapsule.domain.sessions import Scope, SessionKind
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import CapsuleError, NotAllowed, TooMany, UsageProblem
from memorycapsule.services import accounts, reading, signing_in, tokens
from memorycapsule.services.signing_in import SessionView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import short_day
from memorycapsule.words.languages import language_or_default

#: What may be wrong on the page, by the names that the template has for it.
_PROBLEMS = ("name_problem", "locale_problem", "address_problem", "removal_problem", "token_problem")
router = APIRouter()


def _account_page(
    app: App,
    pages: Pages,
    request: Request,
    viewer: Viewer,
    *,
    status: int | None = None,
    new_token: tokens.NewToken | None = None,
    **problems: CapsuleError,
) -> Response:
    """Return the page; `problems` says what is wrong with which part of it."""
    view = accounts.show(app.store, viewer, now=app.now())
    words = pages.wording(request)
    own = signing_in.of_viewer(app.store, viewer)
    said: dict[str, Any] = {
        name: error_text(one, words) if (one := problems.get(name)) else None for name in _PROBLEMS
    }
    return pages.show(
        request,
        "account.html",
        words,
        status=status or next((one.http_status for one in problems.values()), 200),
        view=view,
        reads=language_or_default(view.account.locale),
        longest_name=LONGEST_NAME,
        sessions=[
            _session_fields(one, words, app) for one in own if one.session.kind is not SessionKind.TOKEN
        ],
        tokens=[_session_fields(one, words, app) for one in own if one.session.kind is SessionKind.TOKEN],
        new_token=new_token,
        **said,
    )


@router.api_route("/account", methods=GET)
@for_whom(Audience.ACCOUNTS)
def show_account(request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer) -> Response:
    return _account_page(app, pages, request, viewer)


@router.post("/account")
@for_whom(Audience.ACCOUNTS)
def edit_account(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    name: Annotated[str, Form()] = "",
    locale: Annotated[str, Form()] = "",
) -> Response:
    try:
        accounts.edit(app.store, viewer, name=name, locale=locale, now=app.now())
    except UsageProblem as error:
        if error.reason == "language_unknown":
            return _account_page(app, pages, request, viewer, locale_problem=error)
        return _account_page(app, pages, request, viewer, name_problem=error)
    return pages.redirect_in_account_language("/account")


@router.api_route("/account/addresses", methods=GET)
@for_whom(Audience.ACCOUNTS)
def show_address_code(request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer) -> Response:
    return _address_page(app, pages, request, viewer)


@router.post("/account/addresses")
@limited(RESEND)
@for_whom(Audience.ACCOUNTS)
def mail_address_code(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    address: Annotated[str, Form()] = "",
) -> Response:
    try:
        accounts.request_address(app.store, app.vault.key, app.wake, viewer, address, now=app.now())
    except (UsageProblem, TooMany) as error:
        return _account_page(app, pages, request, viewer, address_problem=error)
    return pages.redirect(request, "/account/addresses")


@router.post("/account/addresses/code")
@limited(CODE)
@for_whom(Audience.ACCOUNTS)
def add_address(
    request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer, code: Annotated[str, Form()] = ""
) -> Response:
    try:
        accounts.add_address(app.store, app.vault.key, viewer, code, now=app.now())
    except NotAllowed as error:
        return _address_page(app, pages, request, viewer, problem=error)
    return pages.redirect(request, "/account")


@router.post("/account/addresses/{address_id}/remove")
@for_whom(Audience.HOLDER)
def remove_address(
    request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer, address_id: UUID
) -> Response:
    try:
        accounts.remove_address(app.store, viewer, str(address_id), now=app.now())
    except NotAllowed as error:
        return _account_page(app, pages, request, viewer, status=409, removal_problem=error)
    return pages.redirect(request, "/account")


@router.post("/account/sessions/{session_id}/end")
@for_whom(Audience.HOLDER)
def end_session(
    request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer, session_id: UUID
) -> Response:
    signing_in.end(app.store, viewer, str(session_id), now=app.now())
    return pages.redirect(request, "/account")


@router.post("/account/tokens")
@for_whom(Audience.ACCOUNTS)
def make_token(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    name: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = Scope.READ,
) -> Response:
    try:
        made = tokens.create(
            app.store,
            viewer,
            name=name,
            scope=Scope.CONTRIBUTE if scope == Scope.CONTRIBUTE else Scope.READ,
            now=app.now(),
        )
    except UsageProblem as error:
        return _account_page(app, pages, request, viewer, token_problem=error)
    # There is no redirect: the secret is shown this once, and stands in no address and no cookie.
    return _account_page(app, pages, request, viewer, new_token=made)


@router.api_route("/account/delete", methods=GET)
@for_whom(Audience.ACCOUNTS)
def confirm_account_deletion(
    request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer
) -> Response:
    account = reading.account(app.store, viewer)
    return pages.show(
        request,
        "account_delete.html",
        pages.wording(request),
        account=account,
        deletion=accounts.preview_deletion(app.store, viewer),
    )


@router.post("/account/delete")
@for_whom(Audience.ACCOUNTS)
def delete_account(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, viewer: SignedInViewer
) -> Response:
    try:
        accounts.delete(app.store, app.vault, viewer, now=app.now())
    except NotAllowed as error:
        if error.reason not in {"owns_sealed_capsule", "admin_account_stays"}:
            raise
        # The page says what stands in the way.
        return pages.redirect(request, "/account/delete")
    response = pages.redirect(request, "/sign-in")
    cookie.keep(response, [])
    return response


def _address_page(
    app: App, pages: Pages, request: Request, viewer: Viewer, *, problem: NotAllowed | None = None
) -> Response:
    view = accounts.show(app.store, viewer, now=app.now())
    if view.asked_address is None and problem is None:
        return pages.redirect(request, "/account")
    words = pages.wording(request)
    return pages.show(
        request,
        "account_address.html",
        words,
        status=422 if problem else 200,
        address=view.asked_address,
        code_problem=error_text(problem, words) if problem else None,
    )


def _session_fields(view: SessionView, words: Wording, app: App) -> dict[str, Any]:
    """Return what the page says of a session: which browser, token or capsule it is, since when, and last used when."""
    session = view.session
    browser, _on, device = session.name.partition(" on ")
    if session.kind is SessionKind.TOKEN:
        name = session.name
    elif view.capsule:
        name = words("account_session_capsule", title=view.capsule.title)
    elif device:
        name = words("account_session_device", browser=browser, device=device)
    else:
        name = browser or words("account_session_unknown")

    def day(instant: Any) -> str:
        return short_day(local_of(instant, app.settings.zone).date(), words.language)

    return {
        "id": session.id,
        "name": name,
        "is_this": view.is_this,
        "scope": session.scope,
        "since": day(session.created_at),
        "seen": day(session.seen_at) if session.seen_at else None,
    }
