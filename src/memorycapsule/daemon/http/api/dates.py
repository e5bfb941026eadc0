"""When a capsule opens: later by its owner's word, earlier by everybody's."""

from __future__ import annotations

from fastapi import APIRouter, Response

from memorycapsule.app import App
from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Asker
from memorycapsule.daemon.http.api.requests import Reference
from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import ANSWER, DATE, limited
from memorycapsule.daemon.http.protocol.problems import documented
from memorycapsule.domain.stories import Viewer
from memorycapsule.schemas.capsules import Capsule
from memorycapsule.schemas.date_requests import Wish
from memorycapsule.services import reading, rescheduling

router = APIRouter(tags=["capsules"])


def _waiting_request(app: App, viewer: Viewer, reference: str) -> Wish | None:
    found = rescheduling.waiting_request(app.store, viewer, reference, app.now())
    return Wish.of_view(found) if found else None


@router.get(
    "/capsules/{capsule}/wish",
    name="wish",
    responses=documented(404, 422),
)
@for_whom(Audience.MEMBERS)
def show_wish(app: AppDep, viewer: Asker, capsule: Reference) -> answers.WishAnswer:
    """Show the request for an earlier date that waits for answers, null when there is none."""
    return answers.WishAnswer(wish=_waiting_request(app, viewer, capsule))


@router.delete(
    "/capsules/{capsule}/wish",
    name="withdraw",
    status_code=204,
    responses=documented(403, 404, 422, 507),
)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def withdraw_wish(app: AppDep, viewer: Asker, capsule: Reference) -> Response:
    """Take the wish for an earlier date back. Only its owner can."""
    rescheduling.withdraw(app.store, viewer, capsule, now=app.now())
    return Response(status_code=204)


@router.put(
    "/capsules/{capsule}/date",
    name="move",
    responses=documented(403, 404, 413, 422, 429, 507),
)
@limited(DATE)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def move_date(app: AppDep, viewer: Asker, capsule: Reference, body: bodies.NewDate) -> answers.DateAnswer:
    """
    Move the date: later at once; earlier as soon as everybody concerned has said yes, who are asked by letter.

    Only its owner can.
    """
    now = app.now()
    date = app.parse_date(body.opens, body.zone or app.settings.zone)
    moved = rescheduling.reschedule(app.store, app.wake, viewer, capsule, date, now=now)
    view = reading.capsule(app.store, app.vault, viewer, moved.capsule.id)
    return answers.DateAnswer(
        capsule=Capsule.of_view(view), wish=_waiting_request(app, viewer, moved.capsule.id)
    )


@router.post(
    "/capsules/{capsule}/consent",
    name="consent",
    responses=documented(403, 404, 413, 422, 429, 507),
)
@limited(ANSWER)
@for_whom(Audience.MEMBERS, once_open=Audience.NOBODY)
def answer_wish(app: AppDep, viewer: Asker, capsule: Reference, body: bodies.Consent) -> answers.WishAnswer:
    """Say yes or no to an earlier date; the last yes moves it, the first no ends the wish."""
    found = rescheduling.consent(app.store, app.wake, viewer, capsule, is_given=body.is_given, now=app.now())
    return answers.WishAnswer(wish=Wish.of_view(found))
