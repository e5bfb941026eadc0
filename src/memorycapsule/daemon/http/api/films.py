"""Films of opened capsules."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from starlette.requests import Request
from starlette.responses import StreamingResponse

from memorycapsule.app import App
from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Asker
from memorycapsule.daemon.http.api.form_fields import Song, form_fields
from memorycapsule.daemon.http.api.requests import After, Limit, Once, Reference, piece
from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.guests.films import Subtitles, subtitles_answer
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LARGEST_FORM_WITH_SONG_BYTES, takes
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.daemon.http.protocol.problems import documented, documented_file
from memorycapsule.domain.film.montages import Montage as FoundMontage
from memorycapsule.schemas.montages import Montage
from memorycapsule.services import reading
from memorycapsule.services.capsule_files import accepted_song
from memorycapsule.services.film import estimates, montages

router = APIRouter(tags=["montages"])


def _shown(app: App, found: FoundMontage) -> Montage:
    return Montage.of(found, seconds_left=montages.seconds_left(app.store, found, app.now()))


@router.get(
    "/capsules/{capsule}/montages",
    responses=documented(404, 422),
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def list_films(
    request: Request, app: AppDep, viewer: Asker, capsule: Reference, limit: Limit = 50, after: After = None
) -> answers.MontagesAnswer:
    """List the films of an opened capsule, with how far they are; before the date there is none."""
    films = reading.montages(app.store, viewer, capsule)
    found, further = piece(request, films, lambda one: one.id, limit=limit, after=after)
    return answers.MontagesAnswer(montages=[_shown(app, one) for one in found], next=further)


@router.post(
    "/capsules/{capsule}/montages",
    name="make",
    status_code=202,
    responses=documented(403, 404, 413, 422, 429, 507),
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def make_film(
    app: AppDep, viewer: Asker, capsule: Reference, body: bodies.NewMontage, once: Once = None
) -> answers.MontageAnswer:
    """Make a further film of an opened capsule, in the background; ask for it again to see how far it is."""
    queued = montages.queue(
        app.store,
        app.vault,
        app.wake,
        viewer,
        capsule,
        story_ids=body.stories,
        length=body.length,
        music=body.music,
        title=body.title,
        once=once,
        now=app.now(),
    )
    return answers.MontageAnswer(montage=_shown(app, queued))


@router.post(
    "/capsules/{capsule}/montages/with-soundtrack",
    name="make_with_soundtrack",
    status_code=202,
    responses=documented(400, 403, 404, 413, 422, 429, 507),
)
@takes(LARGEST_FORM_WITH_SONG_BYTES)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def make_film_with_soundtrack(
    app: AppDep,
    viewer: Asker,
    capsule: Reference,
    file: Song,
    stories: Annotated[
        list[bodies.Line],
        Form(max_length=1000, description="The stories to take, in this order; none for all."),
    ] = [],  # noqa: B006 - FastAPI copies it
    title: Annotated[
        bodies.Line | None,
        Form(description="What it is called; otherwise it goes by its capsule's title."),
    ] = None,
    length: Annotated[
        bodies.Line | None,
        Form(description="short, full, or a number of seconds.", examples=["short"]),
    ] = None,
    once: Once = None,
) -> answers.MontageAnswer:
    """Make a further film with a song of one's own; otherwise as without."""
    reading.standing(app.store, viewer, capsule)
    song = form_fields(file, accepted_song)
    with song:
        queued = montages.queue(
            app.store,
            app.vault,
            app.wake,
            viewer,
            capsule,
            story_ids=stories,
            soundtrack=song,
            title=title,
            length=length,
            once=once,
            now=app.now(),
        )
    return answers.MontageAnswer(montage=_shown(app, queued))


@router.get(
    "/capsules/{capsule}/montages/estimate",
    name="estimate",
    responses=documented(404, 422),
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def estimate_film_length(
    app: AppDep,
    viewer: Asker,
    capsule: Reference,
    story: Annotated[
        list[bodies.Line],
        Query(max_length=1000, description="The stories to take; none for all."),
    ] = [],  # noqa: B006 - FastAPI copies it
    length: Annotated[bodies.Line | None, Query(description="short, full, or a number of seconds.")] = None,
) -> answers.EstimateAnswer:
    """Say about how long a further film would last, before it is made."""
    seconds = estimates.seconds_of_film(
        app.store,
        app.vault,
        viewer,
        capsule,
        story_ids=story,
        length=length,
        size=app.rendering.size,
        fps=app.rendering.fps,
        now=app.now(),
    )
    return answers.EstimateAnswer(seconds=round(seconds, 1))


@router.get(
    "/montages/{montage}",
    name="show",
    responses=documented(404, 422),
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def show_film(app: AppDep, viewer: Asker, montage: UUID) -> answers.MontageAnswer:
    """Show a film, and how far it is."""
    found = reading.film(app.store, viewer, str(montage)).montage
    return answers.MontageAnswer(montage=_shown(app, found))


@router.post(
    "/montages/{montage}/cancel",
    name="cancel",
    responses=documented(403, 404, 413, 422),
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def cancel_film(app: AppDep, viewer: Asker, montage: UUID) -> answers.MontageAnswer:
    """Take a further film back before it is ready."""
    cancelled = montages.cancel(app.store, viewer, str(montage), now=app.now())
    return answers.MontageAnswer(montage=_shown(app, cancelled))


@router.post(
    "/montages/{montage}/retry",
    name="retry",
    responses=documented(403, 404, 413, 422),
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def retry_film(app: AppDep, viewer: Asker, montage: UUID) -> answers.MontageAnswer:
    """Have a film that failed made again, at once."""
    again = montages.retry(app.store, app.wake, viewer, str(montage), now=app.now())
    return answers.MontageAnswer(montage=_shown(app, again))


@router.head("/montages/{montage}/film", include_in_schema=False)
@router.get(
    "/montages/{montage}/film",
    name="film",
    response_class=StreamingResponse,
    responses={**documented_file("video/mp4"), **documented(404, 416, 422)},
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def send_film(app: AppDep, viewer: Asker, montage: UUID) -> Response:
    """Send the film, an MP4. Ranges can be asked for."""
    return FileAnswer(
        reading.film_file(app.store, app.vault, viewer, str(montage)), tag=f"{montage}-film.mp4"
    )


@router.head("/montages/{montage}/poster", include_in_schema=False)
@router.get(
    "/montages/{montage}/poster",
    name="poster",
    response_class=StreamingResponse,
    responses={**documented_file("image/jpeg"), **documented(404, 416, 422)},
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def send_poster(app: AppDep, viewer: Asker, montage: UUID) -> Response:
    """Send a still of the film, a JPEG."""
    return FileAnswer(
        reading.poster_file(app.store, app.vault, viewer, str(montage)), tag=f"{montage}-poster.jpg"
    )


@router.get(
    "/montages/{montage}/{kind}.vtt",
    name="subtitles",
    response_class=StreamingResponse,
    responses={200: {"description": "WebVTT", "content": {"text/vtt": {}}}, **documented(404, 422)},
)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def send_subtitles(app: AppDep, viewer: Asker, montage: UUID, kind: Subtitles) -> Response:
    """Send the chapters of the film, or everything that can be read in it (captions), as WebVTT."""
    return subtitles_answer(reading.film(app.store, viewer, str(montage)), kind)
