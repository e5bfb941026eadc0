"""Who is in a capsule, and when it opens: what its owner may change, and what needs everybody's word."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from memorycapsule.app import App
from memorycapsule.daemon.http.api import models
from memorycapsule.daemon.http.api.bearer import Bearer
from memorycapsule.daemon.http.api.people import Reference
from memorycapsule.daemon.http.problems import documented
from memorycapsule.domain.capsules import Role
from memorycapsule.domain.opening_dates import parse_opening_date
from memorycapsule.domain.stories import Viewer
from memorycapsule.services import members, reading, rescheduling, shapes


def routes(app: App, asking: Bearer) -> APIRouter:
    router = APIRouter()
    asker = Depends(asking)

    def wish_of(viewer: Viewer, reference: str) -> shapes.Shape | None:
        found = rescheduling.wish(app.store, viewer, reference, app.now())
        return shapes.wish_view(found) if found else None

    @router.patch(
        "/capsules/{capsule}/members/{member}",
        tags=["members"],
        response_model=models.MemberAnswer,
        responses=documented(403, 404, 413, 422, 507),
    )
    def change_role(
        capsule: Reference, member: UUID, body: models.MemberChanges, viewer: Viewer = asker
    ) -> Any:
        """
        Say whether a member adds stories or only receives them.

        Only the owner can, with a session that has proved its address a moment ago; tokens have not.
        """
        changed = members.change_role(app.store, viewer, capsule, str(member), Role(body.role), now=app.now())
        return {"member": shapes.member(changed)}

    @router.delete(
        "/capsules/{capsule}/members/{member}",
        tags=["members"],
        status_code=204,
        responses=documented(403, 404, 422),
    )
    def remove(capsule: Reference, member: UUID, viewer: Viewer = asker) -> Response:
        """Take a member out of a capsule; their stories stay. What `change_role` needs, this needs as well."""
        members.remove(app.store, app.wake, viewer, capsule, str(member), now=app.now())
        return Response(status_code=204)

    @router.get(
        "/capsules/{capsule}/wish",
        tags=["capsules"],
        response_model=models.WishAnswer,
        responses=documented(404, 422),
    )
    def wish(capsule: Reference, viewer: Viewer = asker) -> Any:
        """Show the wish for an earlier date that waits for answers, null when there is none."""
        return {"wish": wish_of(viewer, capsule)}

    @router.put(
        "/capsules/{capsule}/date",
        tags=["capsules"],
        response_model=models.DateAnswer,
        responses=documented(403, 404, 413, 422, 507),
    )
    def move(capsule: Reference, body: models.NewDate, viewer: Viewer = asker) -> Any:
        """
        Move the date: later at once; earlier as soon as everybody concerned has said yes, who are asked by letter.

        Only its owner can.
        """
        now = app.now()
        date = parse_opening_date(body.opens, body.zone or app.settings.zone, now)
        moved = rescheduling.reschedule(app.store, app.wake, viewer, capsule, date, now=now)
        view = reading.capsule(app.store, app.vault, viewer, moved.capsule.id)
        return {"capsule": shapes.capsule(view), "wish": wish_of(viewer, moved.capsule.id)}

    @router.post(
        "/capsules/{capsule}/consent",
        tags=["capsules"],
        response_model=models.WishAnswer,
        responses=documented(403, 404, 413, 422, 507),
    )
    def consent(capsule: Reference, body: models.Consent, viewer: Viewer = asker) -> Any:
        """Say yes or no to an earlier date; the last yes moves it, the first no ends the wish."""
        found = rescheduling.consent(
            app.store, app.wake, viewer, capsule, is_given=body.is_given, now=app.now()
        )
        return {"wish": shapes.wish_view(found)}

    return router
