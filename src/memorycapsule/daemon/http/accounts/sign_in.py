"""Sign-in without passwords: a person types an address, then follows a mailed link or types six mailed digits."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, CookieDep, PagesDep, ViewerIfSignedIn
from memorycapsule.daemon.http.html.bundle import bundle
from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.constant_time import in_constant_time
from memorycapsule.daemon.http.protocol.costs import CODE, LINK, SIGN_IN, limited
from memorycapsule.daemon.http.protocol.safe_redirects import local_path
from memorycapsule.daemon.http.protocol.sessions import Cookie, signed_in_viewer
from memorycapsule.daemon.http.protocol.user_agents import device_name
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.services import sessions, signing_in
from memorycapsule.services.signing_in import CODE_LIFE, SignedIn
from memorycapsule.words.forms_of_address import addressed

#: Keeps, for as long as a code is valid, which address it was mailed to and which page comes next. In a URL, both
#: would stay in the browser's history.
PENDING_COOKIE = "capsule-asked"
_LONGEST_ADDRESS = 254
#: The numbers of photos behind the bundle on the sign-in page, which is nobody's in particular.
_BUNDLE_COUNTS = [16, 9, 25, 4, 9, 16]
router = APIRouter()


def _pending(request: Request) -> tuple[str, str]:
    """Return the address that this browser had a code mailed to ("" for none), and the path of the next page."""
    kept = parse_qs(request.cookies.get(PENDING_COOKIE, ""))
    return kept.get("to", [""])[0][:_LONGEST_ADDRESS], local_path(kept.get("next", [""])[0]) or "/"


def _begin_session(pages: Pages, cookie: Cookie, request: Request, token: str, next_path: str) -> Response:
    response = pages.redirect(request, next_path)
    response.delete_cookie(PENDING_COOKIE, path=cookie.path)
    cookie.add(request, response, token)
    return response


def _device(request: Request) -> str:
    return device_name(request.headers.get("user-agent", ""))


@router.api_route("/sign-in", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_sign_in(
    request: Request,
    pages: PagesDep,
    viewer: ViewerIfSignedIn,
    next: str | None = None,  # noqa: A002 - as it stands in the address
) -> Response:
    if viewer:
        return pages.redirect(request, local_path(next) or "/")
    return sign_in_page(pages, request, next_path=local_path(next))


@router.post("/sign-in")
@limited(SIGN_IN)
@for_whom(Audience.EVERYBODY)
async def mail_code(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    cookie: CookieDep,
    address: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",  # noqa: A002 - as above
) -> Response:
    next_path = local_path(next)
    try:
        await in_constant_time(
            lambda: signing_in.request_sign_in(app.store, app.vault.key, app.wake, address, now=app.now())
        )
    except UsageProblem as error:
        return sign_in_page(pages, request, next_path=next_path, typed_address=address, problem=error)
    response = pages.redirect(request, "/sign-in/code")
    kept = {"to": address.strip(), "next": next_path or "/"}
    cookie.set_aside(response, PENDING_COOKIE, kept, CODE_LIFE)
    return response


@router.api_route("/sign-in/code", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_code_form(request: Request, pages: PagesDep) -> Response:
    return _code_page(pages, request, _pending(request)[0])


@router.post("/sign-in/code")
@limited(CODE)
@for_whom(Audience.EVERYBODY)
async def use_code(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    cookie: CookieDep,
    code: Annotated[str, Form()] = "",
    address: Annotated[str, Form()] = "",
) -> Response:
    to, next_path = _pending(request)
    to = address or to

    def try_code() -> SignedIn:
        return signing_in.with_code(app.store, app.vault.key, to, code, name=_device(request), now=app.now())

    try:
        signed_in = await in_constant_time(try_code)
    except (NotAllowed, UsageProblem) as error:
        return _code_page(pages, request, to, problem=error)
    return _begin_session(pages, cookie, request, signed_in.token, next_path)


def _link_page(
    app: App, pages: Pages, cookie: Cookie, request: Request, token: str, purpose: LinkPurpose, path: str
) -> Response:
    try:
        account = signing_in.preview(app.store, token, purpose, now=app.now())
    except NotFound:
        return sign_in_page(pages, request, is_unknown=True)
    except NotAllowed as error:
        return _used_up(app, pages, cookie, request, error)
    words = pages.wording(request, account.locale)
    return pages.show(
        request,
        "sign_in_link.html",
        words,
        addressed_name=addressed(account.name, words.language),
        is_first=purpose is LinkPurpose.SET_UP,
        action=f"{path}/{token}",
        bundle=_bundle(words("come_in_cloth")),
    )


def _use_link(
    app: App, pages: Pages, cookie: Cookie, request: Request, token: str, purpose: LinkPurpose
) -> Response:
    try:
        signed_in = signing_in.with_token(app.store, token, purpose, name=_device(request), now=app.now())
    except NotFound:
        return sign_in_page(pages, request, is_unknown=True)
    except NotAllowed as error:
        return _used_up(app, pages, cookie, request, error)
    return _begin_session(pages, cookie, request, signed_in.token, _pending(request)[1])


def _used_up(app: App, pages: Pages, cookie: Cookie, request: Request, error: NotAllowed) -> Response:
    """Answer whoever comes with a link that is over. Raises `error` when it says something else."""
    if error.reason != "link_over":
        raise error
    # A second tap of somebody who is in already is no mistake.
    if signed_in_viewer(app, cookie, request):
        return pages.redirect(request, "/")
    return sign_in_page(pages, request, is_over=True)


@router.api_route("/sign-in/{token}", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_sign_in_link(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str
) -> Response:
    return _link_page(app, pages, cookie, request, token, LinkPurpose.SIGN_IN, "/sign-in")


@router.post("/sign-in/{token}")
@limited(LINK)
@for_whom(Audience.EVERYBODY)
def use_sign_in_link(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str
) -> Response:
    return _use_link(app, pages, cookie, request, token, LinkPurpose.SIGN_IN)


@router.api_route("/set-up/{token}", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_set_up_link(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str
) -> Response:
    return _link_page(app, pages, cookie, request, token, LinkPurpose.SET_UP, "/set-up")


@router.post("/set-up/{token}")
@limited(LINK)
@for_whom(Audience.EVERYBODY)
def use_set_up_link(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str
) -> Response:
    return _use_link(app, pages, cookie, request, token, LinkPurpose.SET_UP)


@router.post("/sign-out")
@for_whom(Audience.EVERYBODY)
def sign_out(request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep) -> Response:
    response = pages.redirect(request, "/sign-in")
    kept = []
    for secret in cookie.secrets(request):
        try:
            viewer = sessions.viewer_with_token(app.store, secret)
        except NotFound:
            continue
        if viewer.capsule_id is None:
            signing_in.end(app.store, viewer, viewer.session_id, now=app.now())
        else:
            # A session of one capsule stays: the link of its letter would begin another one anyway.
            kept.append(secret)
    cookie.keep(response, kept)
    return response


def sign_in_page(
    pages: Pages,
    request: Request,
    *,
    next_path: str | None = None,
    typed_address: str = "",
    problem: UsageProblem | None = None,
    is_over: bool = False,
    is_unknown: bool = False,
) -> Response:
    """
    Return the form that asks for an address.

    `problem` is what is wrong with `typed_address`; `is_over` stands for a link that cannot be used any more,
    `is_unknown` for one that is not known here.
    """
    words = pages.wording(request)
    status = 410 if is_over else 404 if is_unknown else problem.http_status if problem else 200
    return pages.show(
        request,
        "sign_in.html",
        words,
        status=status,
        next_path=next_path or "",
        address=typed_address[:_LONGEST_ADDRESS],
        address_problem=error_text(problem, words) if problem else None,
        is_over=is_over,
        is_unknown=is_unknown,
        bundle=_bundle(words("come_in_cloth")),
    )


def _code_page(
    pages: Pages, request: Request, address: str, *, problem: NotAllowed | UsageProblem | None = None
) -> Response:
    words = pages.wording(request)
    said = error_text(problem, words) if problem else None
    is_of_address = problem is not None and problem.reason in {"address_malformed", "address_not_ascii"}
    return pages.show(
        request,
        "sign_in_code.html",
        words,
        status=200 if problem is None else 422,
        address=address,
        address_problem=said if is_of_address else None,
        code_problem=None if is_of_address else said,
        bundle=_bundle(words("come_in_cloth")),
    )


def _bundle(label: str) -> str:
    return bundle("everybody's", _BUNDLE_COUNTS, label=label)
