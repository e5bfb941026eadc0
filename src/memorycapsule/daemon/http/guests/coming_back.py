"""
Coming back: a member whom this browser does not know has six digits mailed, and is in with them.

Whoever opens a used invitation has them mailed to its address, whoever comes by a link that is not known types one.
The digits let in the browser that asked for them, and no other: a link that was passed on lets nobody in. All of it
lies below /g/, because a proxy may publish nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, CookieDep, PagesDep
from memorycapsule.daemon.http.guests.landing import visit_path
from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.constant_time import in_constant_time
from memorycapsule.daemon.http.protocol.costs import CODE, RESEND, SIGN_IN, limited
from memorycapsule.daemon.http.protocol.sessions import Cookie
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.people import masked_address
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.services import invitations, reading, visits
from memorycapsule.services.invitations import InvitationView
from memorycapsule.services.signing_in import CODE_LIFE
from memorycapsule.services.visits import Visit

#: Keeps, for as long as a code is valid, which code this browser asked for, how its address is shown, and the capsule.
ASKED_COOKIE = "capsule-back"
_LONGEST_ADDRESS = 254
router = APIRouter()


@router.api_route("/g/back", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_way_back(request: Request, app: AppDep, pages: PagesDep, viewers: BrowserViewers) -> Response:
    found = {
        one.capsule.id: one.capsule for viewer in viewers for one in reading.own_capsules(app.store, viewer)
    }
    return _address_page(pages, request, capsules=list(found.values()))


@router.post("/g/back")
@limited(SIGN_IN)
@for_whom(Audience.EVERYBODY)
async def mail_digits_to_address(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    cookie: CookieDep,
    address: Annotated[str, Form()] = "",
) -> Response:
    try:
        code_id = await in_constant_time(
            lambda: visits.mail_way_back(app.store, app.vault.key, app.wake, address, now=app.now())
        )
    except UsageProblem as error:
        return _address_page(pages, request, typed=address[:_LONGEST_ADDRESS], problem=error)
    return _asked(pages, cookie, request, code_id, to=address.strip())


@router.post("/g/i/{token}/letter")
@limited(RESEND)
@for_whom(Audience.EVERYBODY)
async def mail_digits_to_invited(
    request: Request, app: AppDep, pages: PagesDep, cookie: CookieDep, token: str
) -> Response:
    def mail() -> tuple[InvitationView, str]:
        view = invitations.preview(app.store, token)
        return view, visits.mail_digits_to_invited(app.store, app.vault.key, app.wake, token, now=app.now())

    try:
        view, code_id = await in_constant_time(mail)
    except NotFound:
        return pages.unknown_link(request)
    to = masked_address(view.invitation.address)
    return _asked(pages, cookie, request, code_id, to=to, capsule_id=view.capsule.id)


@router.api_route("/g/back/code", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_digits_form(request: Request, pages: PagesDep) -> Response:
    return _digits_page(pages, request)


@router.post("/g/back/code")
@limited(CODE)
@for_whom(Audience.EVERYBODY)
async def use_digits(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    cookie: CookieDep,
    code: Annotated[str, Form()] = "",
) -> Response:
    asked = _asked_for(request)

    def try_digits() -> list[Visit]:
        return visits.come_back(
            app.store, app.vault.key, asked["code"], code, capsule_id=asked["in"], now=app.now()
        )

    try:
        begun = await in_constant_time(try_digits)
    except NotAllowed as error:
        return _digits_page(pages, request, problem=error)
    path = visit_path(begun[0], app.now()) if len(begun) == 1 else "/g/back"
    response = pages.redirect(request, path)
    response.delete_cookie(ASKED_COOKIE, path=cookie.path)
    cookie.keep(response, [*(one.token for one in begun), *cookie.secrets(request)])
    return response


def has_asked(request: Request) -> bool:
    """Say whether this browser has asked for digits a moment ago."""
    return bool(_asked_for(request)["code"])


def _asked(
    pages: Pages, cookie: Cookie, request: Request, code_id: str, *, to: str, capsule_id: str = ""
) -> Response:
    """Lead to the field for the digits; the answer is the same whether any were mailed."""
    response = pages.redirect(request, "/g/back/code")
    kept = {"code": code_id, "to": to[:_LONGEST_ADDRESS], "in": capsule_id}
    cookie.set_aside(response, ASKED_COOKIE, kept, CODE_LIFE)
    return response


def _asked_for(request: Request) -> dict[str, str]:
    """Return what this browser asked for: the code, the address as it is shown, and the capsule; "" for nothing."""
    kept = parse_qs(request.cookies.get(ASKED_COOKIE, ""))
    return {name: kept.get(name, [""])[0][:_LONGEST_ADDRESS] for name in ("code", "to", "in")}


def _address_page(
    pages: Pages,
    request: Request,
    *,
    capsules: Sequence[Capsule] = (),
    typed: str = "",
    problem: UsageProblem | None = None,
) -> Response:
    words = pages.wording(request)
    return pages.show(
        request,
        "back.html",
        words,
        status=problem.http_status if problem else 200,
        is_unknown=False,
        capsules=capsules,
        typed=typed,
        problem=error_text(problem, words) if problem else None,
    )


def _digits_page(pages: Pages, request: Request, *, problem: NotAllowed | None = None) -> Response:
    words = pages.wording(request)
    return pages.show(
        request,
        "back_code.html",
        words,
        status=422 if problem else 200,
        address=_asked_for(request)["to"],
        code_problem=error_text(problem, words) if problem else None,
    )
