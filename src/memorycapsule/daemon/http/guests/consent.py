"""
Consent to an earlier date: everybody whom it concerns answers by the link of a letter.

GET shows what is asked and how far the answers are; POST answers.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.daemon.http.dependencies import GET, AppDep, PagesDep
from memorycapsule.daemon.http.html.bundle import bundle
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LINK, limited
from memorycapsule.domain.date_requests import DateRequestState
from memorycapsule.errors import NotAllowed, NotFound
from memorycapsule.services import rescheduling
from memorycapsule.services.rescheduling import DateRequestView
from memorycapsule.words.counts import people_in_words
from memorycapsule.words.dates import date_in_words
from memorycapsule.words.forms_of_address import addressed

router = APIRouter()


@router.api_route("/g/consent/{token}", methods=GET)
@for_whom(Audience.EVERYBODY, once_open=Audience.NOBODY)
def show_consent(request: Request, app: AppDep, pages: PagesDep, token: str) -> Response:
    try:
        view = rescheduling.preview(app.store, token, app.now())
    except NotFound:
        return pages.unknown_link(request)
    return _consent(pages, request, token, view)


@router.post("/g/consent/{token}")
@limited(LINK)
@for_whom(Audience.EVERYBODY, once_open=Audience.NOBODY)
def answer_consent(
    request: Request, app: AppDep, pages: PagesDep, token: str, answer: Annotated[str, Form()] = ""
) -> Response:
    if answer in {"yes", "no"}:
        try:
            rescheduling.answer(app.store, app.wake, token, is_given=answer == "yes", now=app.now())
        except NotFound:
            return pages.unknown_link(request)
        except NotAllowed as error:
            # Once the request is over, nothing happens here, and the page says how it ended.
            if error.reason != "date_request_over":
                raise
    return pages.redirect(request, f"/g/consent/{token}")


def _consent(pages: Pages, request: Request, token: str, view: DateRequestView) -> Response:
    words = pages.wording(request)
    language, capsule, earlier = words.language, view.capsule, view.request
    yes_count = sum(1 for one in view.answers if one.is_given)
    return pages.show(
        request,
        "consent.html",
        words,
        token=token,
        view=view,
        addressed_name=addressed(view.member.name, language),
        asker=addressed(view.asker.name, language),
        current_date=date_in_words(capsule.opens_local, capsule.zone, language),
        requested_date=date_in_words(earlier.opens_local, earlier.zone, language),
        is_granted=earlier.state is DateRequestState.GRANTED,
        yes_count=yes_count,
        answer_count=len(view.answers),
        bundle=bundle(
            capsule.id,
            [1] * len(view.answers),
            label=words("bundle_tied", people=people_in_words(len(view.answers), language)),
        ),
    )
