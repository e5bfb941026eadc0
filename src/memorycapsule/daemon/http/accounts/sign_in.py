"""Coming in: an address, then a mailed button or six digits; no passwords."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.html.bundle import bundle
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.constant_time import in_constant_time
from memorycapsule.daemon.http.protocol.safe_redirects import local_path
from memorycapsule.daemon.http.protocol.sessions import Cookie, signed_in_viewer
from memorycapsule.daemon.http.protocol.user_agents import device_in_words
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.mail.typed_text import addressed
from memorycapsule.services import sessions, signing_in
from memorycapsule.services.signing_in import CODE_LIFE, SignedIn

#: Keeps, for as long as a code lives, which address it was mailed to and where to go on; a page's address
#: would tell both to the browser's history.
ASKED_COOKIE = "capsule-asked"
_LONGEST_ADDRESS = 254
#: The cloth on the sign-in page: somebody's bundle, but nobody's in particular.
_ANY_CLOTH = [16, 9, 25, 4, 9, 16]


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()
    GET = ["GET", "HEAD"]  # noqa: N806 - a constant of this function

    def sent(request: Request) -> tuple[str, str]:
        """Return the address that a code was mailed to from this browser, and where to go on."""
        kept = parse_qs(request.cookies.get(ASKED_COOKIE, ""))
        return kept.get("to", [""])[0][:_LONGEST_ADDRESS], local_path(kept.get("next", [""])[0]) or "/"

    def go_in(request: Request, token: str, onward: str) -> Response:
        response = pages.forward(request, onward)
        response.delete_cookie(ASKED_COOKIE, path=cookie.path)
        cookie.add(request, response, token)
        return response

    def device(request: Request) -> str:
        return device_in_words(request.headers.get("user-agent", ""))

    @router.api_route("/sign-in", methods=GET)
    def start(request: Request, next: str | None = None) -> Response:  # noqa: A002 - as it stands in the address
        if signed_in_viewer(app.store, cookie, request):
            return pages.forward(request, local_path(next) or "/")
        return sign_in_page(pages, request, onward=local_path(next))

    @router.post("/sign-in")
    async def ask(
        request: Request,
        address: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "",  # noqa: A002 - as above
    ) -> Response:
        onward = local_path(next)
        try:
            await in_constant_time(
                lambda: signing_in.ask(app.store, app.vault.key, app.wake, address, now=app.now())
            )
        except UsageProblem:
            return sign_in_page(pages, request, onward=onward, bad_address=address)
        response = pages.forward(request, "/sign-in/code")
        response.set_cookie(
            ASKED_COOKIE,
            urlencode({"to": address.strip(), "next": onward or "/"}),
            max_age=int(CODE_LIFE / timedelta(seconds=1)),
            path=cookie.path,
            secure=cookie.is_secure,
            httponly=True,
            samesite="lax",
        )
        return response

    @router.api_route("/sign-in/code", methods=GET)
    def code_page(request: Request) -> Response:
        return _code_page(pages, request, sent(request)[0])

    @router.post("/sign-in/code")
    async def type_code(
        request: Request, code: Annotated[str, Form()] = "", address: Annotated[str, Form()] = ""
    ) -> Response:
        to, onward = sent(request)
        to = address or to

        def try_code() -> SignedIn:
            return signing_in.with_code(
                app.store, app.vault.key, to, code, name=device(request), now=app.now()
            )

        try:
            came = await in_constant_time(try_code)
        except (NotAllowed, UsageProblem) as error:
            return _code_page(pages, request, to, problem=error)
        return go_in(request, came.token, onward)

    def link_page(request: Request, token: str, purpose: LinkPurpose, path: str) -> Response:
        try:
            account = signing_in.preview(app.store, token, purpose, now=app.now())
        except NotFound:
            return pages.unknown_link(request)
        except NotAllowed:
            return over(request)
        words = pages.wording(request, account.locale)
        return pages.show(
            request,
            "come_in.html",
            words,
            called=addressed(account.name, words.language),
            is_first=purpose is LinkPurpose.SET_UP,
            action=f"{path}/{token}",
            bundle=_cloth(words("come_in_cloth")),
        )

    def use_link(request: Request, token: str, purpose: LinkPurpose) -> Response:
        try:
            came = signing_in.with_token(app.store, token, purpose, name=device(request), now=app.now())
        except NotFound:
            return pages.unknown_link(request)
        except NotAllowed:
            return over(request)
        return go_in(request, came.token, sent(request)[1])

    def over(request: Request) -> Response:
        # A second tap of somebody who is in already is no mistake.
        if signed_in_viewer(app.store, cookie, request):
            return pages.forward(request, "/")
        return sign_in_page(pages, request, is_over=True)

    @router.api_route("/sign-in/{token}", methods=GET)
    def look(request: Request, token: str) -> Response:
        return link_page(request, token, LinkPurpose.SIGN_IN, "/sign-in")

    @router.post("/sign-in/{token}")
    def come_in(request: Request, token: str) -> Response:
        return use_link(request, token, LinkPurpose.SIGN_IN)

    @router.api_route("/set-up/{token}", methods=GET)
    def look_first(request: Request, token: str) -> Response:
        return link_page(request, token, LinkPurpose.SET_UP, "/set-up")

    @router.post("/set-up/{token}")
    def come_in_first(request: Request, token: str) -> Response:
        return use_link(request, token, LinkPurpose.SET_UP)

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        response = pages.forward(request, "/sign-in")
        kept = []
        for secret in cookie.secrets(request):
            try:
                viewer = sessions.viewer_with_token(app.store, secret)
            except NotFound:
                continue
            if viewer.capsule_id is None:
                signing_in.end(app.store, viewer, viewer.session_id, now=app.now())
            else:
                # The way to one capsule that a letter opened here; its link would open it again anyway.
                kept.append(secret)
        cookie.keep(response, kept)
        return response

    return router


def sign_in_page(
    pages: Pages,
    request: Request,
    *,
    onward: str | None = None,
    bad_address: str | None = None,
    is_over: bool = False,
) -> Response:
    """Show where one writes one's address; `is_over` after a link that cannot be used any more."""
    words = pages.wording(request)
    status = 410 if is_over else 200 if bad_address is None else UsageProblem.http_status
    return pages.show(
        request,
        "sign_in.html",
        words,
        status=status,
        onward=onward or "",
        address=(bad_address or "")[:_LONGEST_ADDRESS],
        is_bad=bad_address is not None,
        is_over=is_over,
        bundle=_cloth(words("come_in_cloth")),
    )


def _code_page(
    pages: Pages, request: Request, address: str, *, problem: NotAllowed | UsageProblem | None = None
) -> Response:
    words = pages.wording(request)
    return pages.show(
        request,
        "sign_in_code.html",
        words,
        status=200 if problem is None else 422,
        address=address,
        is_address_bad=isinstance(problem, UsageProblem),
        is_code_bad=isinstance(problem, NotAllowed),
        bundle=_cloth(words("come_in_cloth")),
    )


def _cloth(label: str) -> str:
    return bundle("everybody's", _ANY_CLOTH, label=label)
