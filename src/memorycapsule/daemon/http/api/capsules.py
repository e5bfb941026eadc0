"""Capsules: list, make, show, edit, delete; their cover and song; everything of an opened one."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.requests import Request
from starlette.responses import StreamingResponse

from memorycapsule.app import App
from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Asker
from memorycapsule.daemon.http.api.form_fields import Picture, Song, form_fields
from memorycapsule.daemon.http.api.requests import After, Limit, Once, Reference, piece
from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.guests.archive import zip_answer
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import (
    LARGEST_FORM_WITH_COVER_BYTES,
    LARGEST_FORM_WITH_SONG_BYTES,
    takes,
)
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.daemon.http.protocol.problems import documented, documented_file
from memorycapsule.domain.stories import Viewer
from memorycapsule.schemas.capsule_lines import CapsuleLine
from memorycapsule.schemas.capsules import Capsule
from memorycapsule.services import archive, capsules, covers, reading
from memorycapsule.services.capsule_files import accepted_cover, accepted_song
from memorycapsule.services.capsules import CapsuleChanges, CapsuleDraft

_FILE_REFUSALS = (400, 403, 404, 413, 422, 507)
_COVER = "/capsules/{capsule}/cover"
_SOUNDTRACK = "/capsules/{capsule}/soundtrack"
_EVERYTHING = "/capsules/{capsule}/everything.zip"
router = APIRouter(tags=["capsules"])


def _answer(app: App, viewer: Viewer, reference: str) -> answers.CapsuleAnswer:
    view = reading.capsule(app.store, app.vault, viewer, reference)
    return answers.CapsuleAnswer(capsule=Capsule.of_view(view))


@router.get("/capsules", responses=documented(422))
@for_whom(Audience.WITH_SESSION)
def list_capsules(
    request: Request, app: AppDep, viewer: Asker, limit: Limit = 50, after: After = None
) -> answers.CapsulesAnswer:
    """List the caller's capsules, the next to open first."""
    lines = reading.capsules(app.store, viewer)
    found, further = piece(request, lines, lambda line: line.capsule.id, limit=limit, after=after)
    return answers.CapsulesAnswer(capsules=[CapsuleLine.of_line(line) for line in found], next=further)


@router.post(
    "/capsules",
    name="create",
    status_code=201,
    responses=documented(403, 413, 422, 507),
)
@for_whom(Audience.ACCOUNTS)
def create_capsule(
    app: AppDep, viewer: Asker, body: bodies.NewCapsule, once: Once = None
) -> answers.CapsuleAnswer:
    """
    Make a capsule that nobody opens before its date; the caller is its owner.

    Title, message and the names of its members can be seen before the date; everything else is sealed.
    """
    now = app.now()
    made = capsules.create(
        app.store,
        app.vault,
        viewer,
        CapsuleDraft(
            title=body.title,
            theme=body.theme,
            film_photos=app.settings.film.film_photos if body.film_photos is None else body.film_photos,
            message=body.message,
            music=body.music,
            film_language=body.film_language,
        ),
        date=app.parse_date(body.opens, body.zone or app.settings.zone),
        once=once,
        now=now,
    )
    return _answer(app, viewer, made.id)


@router.get("/capsules/{capsule}", name="show", responses=documented(404, 422))
@for_whom(Audience.MEMBERS)
def show_capsule(app: AppDep, viewer: Asker, capsule: Reference) -> answers.CapsuleAnswer:
    """
    Show a capsule and what is in it.

    Until the day: who has put in how much, never what, and the caller's own stories. Afterwards everything.
    """
    return _answer(app, viewer, capsule)


@router.patch(
    "/capsules/{capsule}",
    name="edit",
    responses=documented(403, 404, 413, 422, 507),
)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def edit_capsule(
    app: AppDep, viewer: Asker, capsule: Reference, body: bodies.CapsuleChanges
) -> answers.CapsuleAnswer:
    """Change what its owner said about a capsule, until the date."""
    edited = capsules.edit(
        app.store,
        app.vault,
        viewer,
        capsule,
        CapsuleChanges(**body.model_dump(exclude_none=True)),
        now=app.now(),
    )
    return _answer(app, viewer, edited.id)


@router.delete("/capsules/{capsule}", name="delete", status_code=204, responses=documented(403, 404, 422))
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def delete_capsule(app: AppDep, viewer: Asker, capsule: Reference) -> Response:
    """Delete a capsule for good, with all that is in it; until somebody else has added a story."""
    capsules.delete(app.store, app.vault, viewer, capsule, now=app.now())
    return Response(status_code=204)


@router.head(_COVER, include_in_schema=False)
@router.get(
    _COVER,
    name="show_cover",
    response_class=StreamingResponse,
    responses={**documented_file("image/jpeg"), **documented(404, 416, 422)},
)
@for_whom(Audience.MEMBERS)
def send_cover(app: AppDep, viewer: Asker, capsule: Reference) -> Response:
    """Send the cover, a JPEG; members see it before the date, too."""
    return FileAnswer(covers.cover_file(app.store, app.vault, viewer, capsule), tag=f"{capsule}-cover")


@router.put(_COVER, responses=documented(*_FILE_REFUSALS))
@takes(LARGEST_FORM_WITH_COVER_BYTES)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def put_cover(app: AppDep, viewer: Asker, capsule: Reference, file: Picture) -> answers.CapsuleAnswer:
    """Give a capsule a cover, until the date. Members and guests see it before the date. Only its owner can."""
    reading.standing(app.store, viewer, capsule)
    picture = form_fields(file, lambda upload: accepted_cover(upload, app.prepare))
    with picture:
        edited = capsules.edit(
            app.store, app.vault, viewer, capsule, CapsuleChanges(cover=picture), now=app.now()
        )
    return _answer(app, viewer, edited.id)


@router.delete(_COVER, status_code=204, responses=documented(403, 404, 422, 507))
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def remove_cover(app: AppDep, viewer: Asker, capsule: Reference) -> Response:
    """Take the cover away, until the date. Only its owner can."""
    capsules.edit(app.store, app.vault, viewer, capsule, CapsuleChanges(without_cover=True), now=app.now())
    return Response(status_code=204)


@router.put(_SOUNDTRACK, responses=documented(*_FILE_REFUSALS))
@takes(LARGEST_FORM_WITH_SONG_BYTES)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def put_soundtrack(app: AppDep, viewer: Asker, capsule: Reference, file: Song) -> answers.CapsuleAnswer:
    """Have a song of one's own heard in the film, until the date. It is not sealed. Only its owner can."""
    reading.standing(app.store, viewer, capsule)
    song = form_fields(file, accepted_song)
    with song:
        edited = capsules.edit(
            app.store, app.vault, viewer, capsule, CapsuleChanges(soundtrack=song), now=app.now()
        )
    return _answer(app, viewer, edited.id)


@router.delete(_SOUNDTRACK, status_code=204, responses=documented(403, 404, 422, 507))
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def remove_soundtrack(app: AppDep, viewer: Asker, capsule: Reference) -> Response:
    """Take the song away, until the date; the theme's own music is heard again. Only its owner can."""
    found = reading.standing(app.store, viewer, capsule).capsule
    # A choice of music stays where there is no song.
    capsules.edit(
        app.store, app.vault, viewer, found.id, CapsuleChanges(music=found.music or ""), now=app.now()
    )
    return Response(status_code=204)


@router.head(_EVERYTHING, include_in_schema=False)
@router.get(
    _EVERYTHING,
    name="show_everything",
    response_class=StreamingResponse,
    responses={**documented_file("application/zip"), **documented(404, 416, 422)},
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def send_archive(request: Request, app: AppDep, viewer: Asker, capsule: Reference) -> Response:
    """Send all of an opened capsule as a zip: films, originals, words. Ranges can be asked for."""
    language = reading.account(app.store, viewer).locale
    found = archive.of_capsule(app.store, app.vault, viewer, capsule, language=language)
    return zip_answer(request, found)
