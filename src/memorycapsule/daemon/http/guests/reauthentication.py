"""
Re-authentication: whoever does what cannot be undone first types a code that was mailed a moment ago.

Its pages lie below /g/, because guests need them too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, PagesDep
from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import CODE, RESEND, limited
from memorycapsule.daemon.http.protocol.safe_redirects import local_path
from memorycapsule.daemon.http.protocol.sessions import note_viewer
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, NotFound, TooMany
from memorycapsule.services import reading, signing_in

_CAPSULE_PATH = re.compile(r"/(?:g/)?c/([0-9a-f-]{36})(?:[/?].*)?")
router = APIRouter()


def _viewers_of_person(app: App, viewers: Sequence[Viewer], next_path: str) -> list[Viewer]:
    """
    Return all viewers of the person who is to type the code, first the one for the next page.

    `viewers` are those of the browser. Raises NotFound when nobody has a session here.
    """
    able = [one for one in viewers if one.scope.covers(Scope.EVERYTHING)]
    capsule = _CAPSULE_PATH.fullmatch(next_path)
    if capsule:
        first = next((one for one in able if reading.reaches(app.store, one, capsule[1])), None)
    else:
        first = next((one for one in viewers if one.capsule_id is None), None)
    first = first or next(iter(able), None)
    if first is None:
        raise NotFound
    return [one for one in able if one.account_id == first.account_id]


def _code_page(
    pages: Pages,
    request: Request,
    viewer: Viewer,
    next_path: str,
    *,
    is_sent: bool,
    problem: TooMany | NotAllowed | None = None,
) -> Response:
    note_viewer(request, viewer)
    words = pages.wording(request)
    said = error_text(problem, words) if problem else None
    return pages.show(
        request,
        "reauthentication.html",
        words,
        status=429 if isinstance(problem, TooMany) else 422 if problem else 200,
        next_path=next_path,
        is_sent=is_sent,
        code_problem=said if isinstance(problem, NotAllowed) else None,
        letter_problem=said if isinstance(problem, TooMany) else None,
    )


@router.api_route("/g/prove", methods=GET)
@for_whom(Audience.WITH_SESSION)
def show_proof_form(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewers: BrowserViewers,
    next: str | None = None,  # noqa: A002 - as it stands in the address
    sent: bool = False,
) -> Response:
    next_path = local_path(next) or "/"
    viewer = _viewers_of_person(app, viewers, next_path)[0]
    return _code_page(pages, request, viewer, next_path, is_sent=sent)


@router.post("/g/prove/letter")
@limited(RESEND)
@for_whom(Audience.WITH_SESSION)
def mail_proof_code(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewers: BrowserViewers,
    next: Annotated[str, Form()] = "",  # noqa: A002 - as above
) -> Response:
    next_path = local_path(next) or "/"
    viewer = _viewers_of_person(app, viewers, next_path)[0]
    try:
        signing_in.mail_proof_code(app.store, app.vault.key, app.wake, viewer, now=app.now())
    except TooMany as error:
        return _code_page(pages, request, viewer, next_path, is_sent=True, problem=error)
    return pages.redirect(request, f"/g/prove?{urlencode({'next': next_path, 'sent': '1'})}")


@router.post("/g/prove")
@limited(CODE)
@for_whom(Audience.WITH_SESSION)
def use_proof_code(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewers: BrowserViewers,
    next: Annotated[str, Form()] = "",  # noqa: A002 - as above
    code: Annotated[str, Form()] = "",
) -> Response:
    next_path = local_path(next) or "/"
    of_person = _viewers_of_person(app, viewers, next_path)
    try:
        signing_in.prove(app.store, app.vault.key, of_person, code, now=app.now())
    except NotAllowed as error:
        return _code_page(pages, request, of_person[0], next_path, is_sent=True, problem=error)
    return pages.redirect(request, next_path)
