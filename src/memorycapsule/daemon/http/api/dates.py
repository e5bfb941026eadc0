"""When a capsule opens: later by its owner's word, earlier by everybody's."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from memorycapsule.app import App
from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Bearer
from memorycapsule.daemon.http.api.requests import Reference
from memorycapsule.daemon.http.protocol.problems import documented
from memorycapsule.domain.opening_dates import parse_opening_date
from memorycapsule.domain.stories import Viewer
from memorycapsule.schemas.capsules import Capsule
from memorycapsule.schemas.date_requests import Wish
from memorycapsule.services import reading, rescheduling


def routes(app: App, asking: Bearer) -> APIRouter:
    router = APIRouter()
    asker = Depends(asking)

    def waiting_request(viewer: Viewer, reference: str) -> Wish | None:
        found = rescheduling.waiting_request(app.store, viewer, reference, app.now())
        return Wish.of_view(found) if found else None

    @router.get(
        "/capsules/{capsule}/wish",
        tags=["capsules"],
        responses=documented(404, 422),
    )
    def wish(capsule: Reference, viewer: Viewer = asker) -> answers.WishAnswer:
        """Show the request for an earlier date that waits for answers, null when there is none."""
        return answers.WishAnswer(wish=waiting_request(viewer, capsule))

    @router.delete(
        "/capsules/{capsule}/wish",
        tags=["capsules"],
        status_code=204,
        responses=documented(403, 404, 422, 507),
    )
    def withdraw(capsule: Reference, viewer: Viewer = asker) -> Response:
        """Take the wish for an earlier date back. Only its owner can."""
        rescheduling.withdraw(app.store, viewer, capsule, now=app.now())
        return Response(status_code=204)

    @router.put(
        "/capsules/{capsule}/date",
        tags=["capsules"],
        responses=documented(403, 404, 413, 422, 507),
    )
    def move(capsule: Reference, body: bodies.NewDate, viewer: Viewer = asker) -> answers.DateAnswer:
        """
        Move the date: later at once; earlier as soon as everybody concerned has said yes, who are asked by letter.

        Only its owner can.
        """
        now = app.now()
        date = parse_opening_date(body.opens, body.zone or app.settings.zone, now)
        moved = rescheduling.reschedule(app.store, app.wake, viewer, capsule, date, now=now)
        view = reading.capsule(app.store, app.vault, viewer, moved.capsule.id)
        return answers.DateAnswer(
            capsule=Capsule.of_view(view), wish=waiting_request(viewer, moved.capsule.id)
        )

    @router.post(
        "/capsules/{capsule}/consent",
        tags=["capsules"],
        responses=documented(403, 404, 413, 422, 507),
    )
    def consent(capsule: Reference, body: bodies.Consent, viewer: Viewer = asker) -> answers.WishAnswer:
        """Say yes or no to an earlier date; the last yes moves it, the first no ends the wish."""
        found = rescheduling.consent(
            app.store, app.wake, viewer, capsule, is_given=body.is_given, now=app.now()
        )
        return answers.WishAnswer(wish=Wish.of_view(found))

    return router
