"""Capsules: list, make, show, edit, delete."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Response
from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.daemon.http.api import models
from memorycapsule.daemon.http.api.bearer import Bearer
from memorycapsule.daemon.http.api.people import Reference
from memorycapsule.daemon.http.api.requests import After, Limit, Once, piece
from memorycapsule.daemon.http.problems import documented
from memorycapsule.domain.opening_dates import parse_opening_date
from memorycapsule.domain.stories import Viewer
from memorycapsule.services import capsules, reading, shapes

_TAGS: list[str | Any] = ["capsules"]


def routes(app: App, asking: Bearer) -> APIRouter:
    router = APIRouter(tags=_TAGS)
    asker = Depends(asking)

    def answer(viewer: Viewer, reference: str) -> shapes.Shape:
        return {"capsule": shapes.capsule(reading.capsule(app.store, app.vault, viewer, reference))}

    @router.get("/capsules", response_model=models.CapsulesAnswer, responses=documented(422))
    def list_capsules(
        request: Request, limit: Limit = 50, after: After = None, viewer: Viewer = asker
    ) -> Any:
        """List the caller's capsules, the next to open first."""
        lines = reading.capsules(app.store, viewer)
        found, further = piece(request, lines, lambda line: line.capsule.id, limit=limit, after=after)
        return {"capsules": [shapes.line(line) for line in found], "next": further}

    @router.post(
        "/capsules",
        status_code=201,
        response_model=models.CapsuleAnswer,
        responses=documented(403, 413, 422, 507),
    )
    def create(body: models.NewCapsule, once: Once = None, viewer: Viewer = asker) -> Any:
        """
        Make a capsule that nobody opens before its date; the caller is its owner.

        Title, message and the names of its members can be seen before the date; everything else is sealed.
        """
        now = app.now()
        made = capsules.create(
            app.store,
            app.vault,
            viewer,
            title=body.title,
            date=parse_opening_date(body.opens, body.zone or app.settings.zone, now),
            theme=body.theme,
            film_photos=app.settings.film.film_photos if body.film_photos is None else body.film_photos,
            message=body.message,
            music=body.music,
            once=once,
            now=now,
        )
        return answer(viewer, made.id)

    @router.get("/capsules/{capsule}", response_model=models.CapsuleAnswer, responses=documented(404, 422))
    def show(capsule: Reference, viewer: Viewer = asker) -> Any:
        """
        Show a capsule and what is in it.

        Until the day: who has put in how much, never what, and the caller's own stories. Afterwards everything.
        """
        return answer(viewer, capsule)

    @router.patch(
        "/capsules/{capsule}",
        response_model=models.CapsuleAnswer,
        responses=documented(403, 404, 413, 422, 507),
    )
    def edit(capsule: Reference, body: models.CapsuleChanges, viewer: Viewer = asker) -> Any:
        """Change what its owner said about a capsule, until the date."""
        edited = capsules.edit(
            app.store, app.vault, viewer, capsule, **body.model_dump(exclude_none=True), now=app.now()
        )
        return answer(viewer, edited.id)

    @router.delete("/capsules/{capsule}", status_code=204, responses=documented(403, 404, 422))
    def delete(capsule: Reference, viewer: Viewer = asker) -> Response:
        """Delete a capsule for good, with all that is in it; until somebody else has added a story."""
        capsules.delete(app.store, app.vault, viewer, capsule, now=app.now())
        return Response(status_code=204)

    return router
