"""Capsules: list, make, show, edit, delete; their cover and song; everything of an opened one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Response
from starlette.requests import Request
from starlette.responses import StreamingResponse

from memorycapsule.app import App
from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Bearer
from memorycapsule.daemon.http.api.form_fields import Picture, Song, form_fields
from memorycapsule.daemon.http.api.requests import After, Limit, Once, Reference, piece
from memorycapsule.daemon.http.guests.archive import zip_answer
from memorycapsule.daemon.http.owners import theme_options
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.daemon.http.protocol.problems import FILES, documented
from memorycapsule.domain.opening_dates import parse_opening_date
from memorycapsule.domain.stories import Viewer
from memorycapsule.schemas.capsule_lines import CapsuleLine
from memorycapsule.schemas.capsules import Capsule
from memorycapsule.services import archive, capsules, reading

_TAGS: list[str | Any] = ["capsules"]
_FILE_REFUSALS = (400, 403, 404, 413, 422, 507)


def routes(app: App, asking: Bearer) -> APIRouter:
    router = APIRouter(tags=_TAGS)
    asker = Depends(asking)

    def answer(viewer: Viewer, reference: str) -> answers.CapsuleAnswer:
        view = reading.capsule(app.store, app.vault, viewer, reference)
        return answers.CapsuleAnswer(capsule=Capsule.of_view(view))

    @router.get("/capsules", responses=documented(422))
    def list_capsules(
        request: Request, limit: Limit = 50, after: After = None, viewer: Viewer = asker
    ) -> answers.CapsulesAnswer:
        """List the caller's capsules, the next to open first."""
        lines = reading.capsules(app.store, viewer)
        found, further = piece(request, lines, lambda line: line.capsule.id, limit=limit, after=after)
        return answers.CapsulesAnswer(capsules=[CapsuleLine.of_line(line) for line in found], next=further)

    @router.post(
        "/capsules",
        status_code=201,
        responses=documented(403, 413, 422, 507),
    )
    def create(body: bodies.NewCapsule, once: Once = None, viewer: Viewer = asker) -> answers.CapsuleAnswer:
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

    @router.get("/capsules/{capsule}", responses=documented(404, 422))
    def show(capsule: Reference, viewer: Viewer = asker) -> answers.CapsuleAnswer:
        """
        Show a capsule and what is in it.

        Until the day: who has put in how much, never what, and the caller's own stories. Afterwards everything.
        """
        return answer(viewer, capsule)

    @router.patch(
        "/capsules/{capsule}",
        responses=documented(403, 404, 413, 422, 507),
    )
    def edit(
        capsule: Reference, body: bodies.CapsuleChanges, viewer: Viewer = asker
    ) -> answers.CapsuleAnswer:
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

    cover = "/capsules/{capsule}/cover"

    @router.head(cover, include_in_schema=False)
    @router.get(cover, response_class=StreamingResponse, responses={**FILES, **documented(404, 416, 422)})
    def show_cover(capsule: Reference, viewer: Viewer = asker) -> Response:
        """Send the cover, a JPEG; members see it before the date, too."""
        return FileAnswer(reading.cover_file(app.store, app.vault, viewer, capsule), tag=f"{capsule}-cover")

    @router.put(cover, responses=documented(*_FILE_REFUSALS))
    def put_cover(capsule: Reference, file: Picture, viewer: Viewer = asker) -> answers.CapsuleAnswer:
        """Give a capsule a cover, until the date. Members and guests see it before the date. Only its owner can."""
        reading.capsule(app.store, app.vault, viewer, capsule)
        with form_fields(file, lambda: theme_options.prepare_cover(app, file)) as picture:
            edited = capsules.edit(app.store, app.vault, viewer, capsule, cover=picture, now=app.now())
        return answer(viewer, edited.id)

    @router.delete(cover, status_code=204, responses=documented(403, 404, 422, 507))
    def remove_cover(capsule: Reference, viewer: Viewer = asker) -> Response:
        """Take the cover away, until the date. Only its owner can."""
        capsules.edit(app.store, app.vault, viewer, capsule, without_cover=True, now=app.now())
        return Response(status_code=204)

    soundtrack = "/capsules/{capsule}/soundtrack"

    @router.put(soundtrack, responses=documented(*_FILE_REFUSALS))
    def put_soundtrack(capsule: Reference, file: Song, viewer: Viewer = asker) -> answers.CapsuleAnswer:
        """Have a song of one's own heard in the film, until the date. It is not sealed. Only its owner can."""
        reading.capsule(app.store, app.vault, viewer, capsule)
        with form_fields(file, lambda: theme_options.checked_song(file)) as song:
            edited = capsules.edit(app.store, app.vault, viewer, capsule, soundtrack=song, now=app.now())
        return answer(viewer, edited.id)

    @router.delete(soundtrack, status_code=204, responses=documented(403, 404, 422, 507))
    def remove_soundtrack(capsule: Reference, viewer: Viewer = asker) -> Response:
        """Take the song away, until the date; the theme's own music is heard again. Only its owner can."""
        found = reading.capsule(app.store, app.vault, viewer, capsule).capsule
        # A choice of music stays where there is no song.
        capsules.edit(app.store, app.vault, viewer, found.id, music=found.music or "", now=app.now())
        return Response(status_code=204)

    everything_zip = "/capsules/{capsule}/everything.zip"

    @router.head(everything_zip, include_in_schema=False)
    @router.get(
        everything_zip,
        response_class=StreamingResponse,
        responses={**FILES, **documented(404, 416, 422)},
    )
    def show_everything(request: Request, capsule: Reference, viewer: Viewer = asker) -> Response:
        """Send all of an opened capsule as a zip: films, originals, words. Ranges can be asked for."""
        language = reading.account(app.store, viewer).locale
        found = archive.of_capsule(app.store, app.vault, viewer, capsule, language=language)
        return zip_answer(request, found)

    return router
