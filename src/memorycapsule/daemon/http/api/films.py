"""Films, and what they are made with: themes and their soundtracks."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Response
from starlette.requests import Request
from starlette.responses import StreamingResponse

from memorycapsule import themes
from memorycapsule.app import App
from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Bearer
from memorycapsule.daemon.http.api.form_fields import Song, form_fields
from memorycapsule.daemon.http.api.requests import After, Limit, Once, Reference, piece
from memorycapsule.daemon.http.guests.films import Subtitles, subtitles_answer
from memorycapsule.daemon.http.owners import theme_options
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.daemon.http.protocol.problems import FILES, documented
from memorycapsule.domain.film.montages import Montage as FoundMontage
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound
from memorycapsule.schemas.montages import Montage
from memorycapsule.schemas.themes import Soundtrack, Theme
from memorycapsule.services import reading
from memorycapsule.services.film import estimates, montages
from memorycapsule.services.reading import OpenedFile


def routes(app: App, asking: Bearer) -> APIRouter:
    router = APIRouter()
    asker = Depends(asking)

    def shown(found: FoundMontage) -> Montage:
        return Montage.of(found, seconds_left=montages.seconds_left(app.store, found, app.now()))

    @router.get(
        "/capsules/{capsule}/montages",
        tags=["montages"],
        responses=documented(404, 422),
    )
    def list_films(
        request: Request,
        capsule: Reference,
        limit: Limit = 50,
        after: After = None,
        viewer: Viewer = asker,
    ) -> answers.MontagesAnswer:
        """List the films of an opened capsule, with how far they are; before the date there is none."""
        films = reading.montages(app.store, viewer, capsule)
        found, further = piece(request, films, lambda one: one.id, limit=limit, after=after)
        return answers.MontagesAnswer(montages=[shown(one) for one in found], next=further)

    @router.post(
        "/capsules/{capsule}/montages",
        tags=["montages"],
        status_code=202,
        responses=documented(403, 404, 413, 422, 429, 507),
    )
    def make(
        capsule: Reference, body: bodies.NewMontage, once: Once = None, viewer: Viewer = asker
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
        return answers.MontageAnswer(montage=shown(queued))

    @router.post(
        "/capsules/{capsule}/montages/with-soundtrack",
        tags=["montages"],
        status_code=202,
        responses=documented(400, 403, 404, 413, 422, 429, 507),
    )
    def make_with_soundtrack(
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
        viewer: Viewer = asker,
    ) -> answers.MontageAnswer:
        """Make a further film with a song of one's own; otherwise as without."""
        reading.capsule(app.store, app.vault, viewer, capsule)
        with form_fields(file, lambda: theme_options.checked_song(file)) as song:
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
        return answers.MontageAnswer(montage=shown(queued))

    @router.get(
        "/capsules/{capsule}/montages/estimate",
        tags=["montages"],
        responses=documented(404, 422),
    )
    def estimate(
        capsule: Reference,
        story: Annotated[
            list[bodies.Line],
            Query(max_length=1000, description="The stories to take; none for all."),
        ] = [],  # noqa: B006 - FastAPI copies it
        length: Annotated[
            bodies.Line | None, Query(description="short, full, or a number of seconds.")
        ] = None,
        viewer: Viewer = asker,
    ) -> answers.EstimateAnswer:
        """Say about how long a further film would last, before it is made."""
        seconds = estimates.seconds_of_film(
            app.store,
            app.vault,
            viewer,
            capsule,
            story_ids=story,
            length=length,
            size=app.worker.size,
            fps=app.worker.fps,
            now=app.now(),
        )
        return answers.EstimateAnswer(seconds=round(seconds, 1))

    @router.get(
        "/montages/{montage}",
        tags=["montages"],
        responses=documented(404, 422),
    )
    def show(montage: UUID, viewer: Viewer = asker) -> answers.MontageAnswer:
        """Show a film, and how far it is."""
        found = reading.film(app.store, viewer, str(montage)).montage
        return answers.MontageAnswer(montage=shown(found))

    @router.post(
        "/montages/{montage}/cancel",
        tags=["montages"],
        responses=documented(403, 404, 413, 422),
    )
    def cancel(montage: UUID, viewer: Viewer = asker) -> answers.MontageAnswer:
        """Take a further film back before it is ready."""
        cancelled = montages.cancel(app.store, viewer, str(montage), now=app.now())
        return answers.MontageAnswer(montage=shown(cancelled))

    @router.head("/montages/{montage}/film", include_in_schema=False)
    @router.get(
        "/montages/{montage}/film",
        tags=["montages"],
        response_class=StreamingResponse,
        responses={**FILES, **documented(404, 416, 422)},
    )
    def film(montage: UUID, viewer: Viewer = asker) -> Response:
        """Send the film, an MP4. Ranges can be asked for."""
        return FileAnswer(
            reading.film_file(app.store, app.vault, viewer, str(montage)), tag=f"{montage}-film.mp4"
        )

    @router.head("/montages/{montage}/poster", include_in_schema=False)
    @router.get(
        "/montages/{montage}/poster",
        tags=["montages"],
        response_class=StreamingResponse,
        responses={**FILES, **documented(404, 416, 422)},
    )
    def poster(montage: UUID, viewer: Viewer = asker) -> Response:
        """Send a still of the film, a JPEG."""
        return FileAnswer(
            reading.poster_file(app.store, app.vault, viewer, str(montage)), tag=f"{montage}-poster.jpg"
        )

    @router.get(
        "/montages/{montage}/{kind}.vtt",
        tags=["montages"],
        response_class=StreamingResponse,
        responses={200: {"description": "WebVTT", "content": {"text/vtt": {}}}, **documented(404, 422)},
    )
    def subtitles(montage: UUID, kind: Subtitles, viewer: Viewer = asker) -> Response:
        """Send the chapters of the film, or everything that can be read in it (captions), as WebVTT."""
        return subtitles_answer(reading.film(app.store, viewer, str(montage)), kind)

    @router.get(
        "/themes",
        tags=["themes"],
        responses=documented(),
        dependencies=[asker],
    )
    def list_themes() -> answers.ThemesAnswer:
        """List the themes: each is a world for page and film alike."""
        return answers.ThemesAnswer(themes=[Theme.of(themes.load(name)) for name in themes.names()])

    @router.get(
        "/soundtracks",
        tags=["soundtracks"],
        responses=documented(),
        dependencies=[asker],
    )
    def list_soundtracks(request: Request) -> answers.SoundtracksAnswer:
        """List the music that comes with the themes."""
        root = request.scope.get("root_path", "")
        return answers.SoundtracksAnswer(
            soundtracks=[
                Soundtrack.of(themes.load(name), f"{root}/api/v1/soundtracks/{name}/file")
                for name in themes.names()
            ]
        )

    @router.head("/soundtracks/{name}/file", include_in_schema=False)
    @router.get(
        "/soundtracks/{name}/file",
        tags=["soundtracks"],
        response_class=StreamingResponse,
        responses={**FILES, **documented(404, 416, 422)},
        dependencies=[asker],
    )
    def soundtrack(name: str) -> Response:
        """Send a soundtrack to listen to, an M4A."""
        if name not in themes.names():
            raise NotFound("There is no soundtrack of that name; /api/v1/soundtracks lists them.")
        path = themes.load(name).soundtrack
        return FileAnswer(
            OpenedFile(
                stream=path.open("rb"), content_type="audio/mp4", name=f"{name}.m4a", is_private=False
            ),
            tag=f"{name}-{path.stat().st_size}",
        )

    return router
