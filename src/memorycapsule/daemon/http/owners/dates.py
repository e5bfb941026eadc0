"""The page of the date: the owner moves it to a later one, or asks everybody concerned for an earlier one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, PagesDep, SignedInViewer
from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.owners import date_form
from memorycapsule.daemon.http.owners.date_form import TypedDate, typed_date
from memorycapsule.daemon.http.owners.ownership import OwnedCapsule
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import DATE, limited
from memorycapsule.domain.opening_dates import OpeningDate, opening_date
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound, UsageProblem
from memorycapsule.services import rescheduling
from memorycapsule.services.reading import Outline
from memorycapsule.words.counts import people_in_words
from memorycapsule.words.dates import date_in_words

router = APIRouter()


@router.api_route("/c/{capsule_id}/date", methods=GET)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def show_date(
    request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer, view: OwnedCapsule
) -> Response:
    return _date_page(app, pages, request, viewer, view)


@router.post("/c/{capsule_id}/date")
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def check_date(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    typed: Annotated[TypedDate, Depends(typed_date)],
) -> Response:
    words = pages.wording(request)
    try:
        date = typed.parse(app)
    except UsageProblem as error:
        problem = error_text(error, words)
        return _date_page(app, pages, request, viewer, view, typed=typed, problem=problem)
    if date.at == view.capsule.opens_at:
        problem = error_text(UsageProblem("date_same"), words)
        return _date_page(app, pages, request, viewer, view, typed=typed, problem=problem)
    return _confirmation_page(app, pages, request, view, date)


@router.post("/c/{capsule_id}/date/move")
@limited(DATE)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def move_date(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    typed: Annotated[TypedDate, Depends(typed_date)],
) -> Response:
    try:
        done = rescheduling.reschedule(
            app.store, app.wake, viewer, view.capsule.id, typed.parse(app), now=app.now()
        )
    except UsageProblem as error:
        problem = error_text(error, pages.wording(request))
        return _date_page(app, pages, request, viewer, view, typed=typed, problem=problem)
    return pages.redirect(request, f"/c/{view.capsule.id}/date?done={'asked' if done.request else 'moved'}")


@router.post("/c/{capsule_id}/date/withdraw")
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def withdraw_request(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
) -> Response:
    rescheduling.withdraw(app.store, viewer, view.capsule.id, now=app.now())
    return pages.redirect(request, f"/c/{view.capsule.id}/date?done=withdrawn")


def _date_page(
    app: App,
    pages: Pages,
    request: Request,
    viewer: Viewer,
    view: Outline,
    *,
    typed: TypedDate | None = None,
    problem: str | None = None,
) -> Response:
    words = pages.wording(request)
    capsule = view.capsule
    if not capsule.accepts_stories(app.now()):
        raise NotFound
    current = opening_date(capsule.opens_local, capsule.zone, capsule.fold)
    earlier = rescheduling.waiting_request(app.store, viewer, capsule.id, app.now())
    typed = typed or TypedDate(
        day=f"{capsule.opens_local:%Y-%m-%d}", clock=f"{capsule.opens_local:%H:%M}", zone=capsule.zone
    )
    return pages.show(
        request,
        "date.html",
        words,
        status=UsageProblem.http_status if problem else 200,
        view=view,
        opens=date_form.date_fields(current, app.now(), words),
        typed=typed,
        problem=problem,
        zones=date_form.zone_groups(request, words, typed.zone),
        earlier=earlier,
        requested_date=date_in_words(earlier.request.opens_local, earlier.request.zone, words.language)
        if earlier
        else None,
        yes_count=sum(1 for one in earlier.answers if one.is_given) if earlier else 0,
        done=_done(request),
    )


def _confirmation_page(
    app: App, pages: Pages, request: Request, view: Outline, date: OpeningDate
) -> Response:
    words = pages.wording(request)
    current = opening_date(view.capsule.opens_local, view.capsule.zone, view.capsule.fold)
    return pages.show(
        request,
        "date_confirm.html",
        words,
        view=view,
        typed=date_form.pinned(date),
        current=date_form.date_fields(current, app.now(), words),
        opens=date_form.date_fields(date, app.now(), words),
        is_earlier=date.at < view.capsule.opens_at,
        people=people_in_words(len(view.contributions), words.language),
        is_alone=len(view.contributions) == 1,
    )


def _done(request: Request) -> str | None:
    done = request.query_params.get("done")
    return done if done in {"moved", "asked", "withdrawn"} else None
