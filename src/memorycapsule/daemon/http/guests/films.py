"""The films of an open capsule: watching, keeping, and making further ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorycapsule import themes
from memorycapsule.app import App
from memorycapsule.daemon.http.guests.film_texts import film_facts, film_lines, length_in_words, picker, songs
from memorycapsule.daemon.http.guests.opened import NOSCRIPT_REFRESH_SECONDS
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers, first_with_access
from memorycapsule.domain.film.montages import LONGEST_TITLE, Montage
from memorycapsule.domain.film.subtitles import captions, chapters, webvtt
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import MediaRefused, NotFound, TooMany, UsageProblem
from memorycapsule.media.intake import probe_soundtrack
from memorycapsule.services import reading
from memorycapsule.services.film import estimates, montages
from memorycapsule.services.reading import CapsuleView, FilmView

#: Songs of people's own come along with the wish for a film.
LARGEST_SONG_BYTES = 100 * 1024 * 1024
TAKES_MORE = {
    r"/g/c/[0-9a-f-]{36}/films": LARGEST_SONG_BYTES,
    r"/api/v1/capsules/[^/]+/montages/with-soundtrack": LARGEST_SONG_BYTES,
}
Subtitles = Literal["chapters", "captions"]
#: The lengths that the page offers, and what the service calls them.
_LENGTHS = {"short": "short", "usual": None, "full": "full"}


@dataclass(frozen=True, kw_only=True)
class FilmRequest:
    """A further film as somebody asked for it, and what was wrong with that."""

    story_ids: tuple[str, ...] = ()
    #: "" for the capsule's, "own", or a theme.
    song: str = ""
    length: str = "usual"
    title: str = ""
    problem: str = ""


async def _form(request: Request) -> AsyncIterator[FormData]:
    async with request.form(max_files=1, max_fields=4000) as form:
        yield form


Given = Annotated[FormData, Depends(_form)]


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()
    GET = ["GET", "HEAD"]  # noqa: N806 - a constant of this function

    def opened(request: Request, capsule_id: UUID) -> tuple[Viewer, CapsuleView]:
        """Return the open capsule, and the session that it was seen by."""
        viewer, view = first_with_access(
            cookie_viewers(app.store, cookie, request),
            lambda viewer: (viewer, reading.capsule(app.store, app.vault, viewer, str(capsule_id))),
        )
        if not view.capsule.is_open:
            raise NotFound
        return viewer, view

    def page(
        request: Request, viewer: Viewer, view: CapsuleView, wish: FilmRequest, of: str | None
    ) -> Response:
        words = pages.wording(request)
        now = app.now()
        shown = _shown(view, of)
        known = reading.film(app.store, viewer, shown.id) if shown else None
        lines = film_lines(app.store, view, words, now)
        return pages.show(
            request,
            "film.html",
            words,
            status=422 if wish.problem else 200,
            view=view,
            line=next((one for one in lines if shown and one.film.id == shown.id), None),
            lines=lines,
            clock=length_in_words,
            told=film_facts(known, words) if known else None,
            noscript_refresh_seconds=NOSCRIPT_REFRESH_SECONDS if shown and not shown.state.is_over else None,
            tiles=picker(view, wish.story_ids, words),
            songs=songs(view.capsule, words.language),
            wish=wish,
            longest_title=LONGEST_TITLE,
            lengths=tuple(_LENGTHS),
        )

    @router.api_route("/g/c/{capsule_id}/film", methods=GET)
    def film(request: Request, capsule_id: UUID, of: UUID | None = None) -> Response:
        viewer, view = opened(request, capsule_id)
        return page(request, viewer, view, FilmRequest(), str(of) if of else None)

    @router.api_route("/g/c/{capsule_id}/film/progress", methods=GET)
    def progress(request: Request, capsule_id: UUID) -> Response:
        _viewer, view = opened(request, capsule_id)
        words = pages.wording(request)
        lines = film_lines(app.store, view, words, app.now())
        return JSONResponse(
            {
                "films": [
                    {"id": one.film.id, "state": one.film.state, "percent": one.percent, "say": one.say}
                    for one in lines
                ]
            }
        )

    @router.api_route("/g/c/{capsule_id}/film/length", methods=GET)
    def length(
        request: Request,
        capsule_id: UUID,
        story: Annotated[list[UUID], Query(max_length=1000)] = [],  # noqa: B006 - FastAPI copies it
        length: Literal["short", "usual", "full"] = "usual",
    ) -> Response:
        viewer, _view = opened(request, capsule_id)
        words = pages.wording(request)
        seconds = estimates.seconds_of_film(
            app.store,
            app.vault,
            viewer,
            str(capsule_id),
            story_ids=[str(one) for one in story],
            length=_LENGTHS[length],
            size=app.worker.size,
            fps=app.worker.fps,
            now=app.now(),
        )
        said = length_in_words(seconds)
        chosen = words.counted("films_chosen", len(story), length=said)
        return JSONResponse(
            {
                "seconds": round(seconds, 1),
                "say": chosen if story else words("films_chosen_none", length=said),
            }
        )

    @router.post("/g/c/{capsule_id}/films")
    def make(request: Request, capsule_id: UUID, given: Given) -> Response:
        viewer, view = opened(request, capsule_id)
        words = pages.wording(request)
        wish = _wish(given, view)
        own = given.get("own") if wish.song == "own" else None
        try:
            made = montages.queue(
                app.store,
                app.vault,
                app.wake,
                viewer,
                str(capsule_id),
                story_ids=wish.story_ids,
                soundtrack=_song(own) if wish.song == "own" else None,
                length=_LENGTHS[wish.length],
                music=wish.song if wish.song not in {"", "own"} else None,
                title=wish.title,
                now=app.now(),
            )
        except MediaRefused:
            file = own.filename if isinstance(own, UploadFile) else ""
            problem = words("films_song_refused", file=file) if file else words("films_song_missing")
        except UsageProblem:
            problem = words("films_title_long", most=LONGEST_TITLE)
        except TooMany:
            problem = words("films_too_many")
        else:
            return pages.forward(request, f"/g/c/{capsule_id}/film?of={made.id}")
        return page(request, viewer, view, replace(wish, problem=problem), None)

    @router.post("/g/c/{capsule_id}/films/{montage_id}/cancel")
    def cancel(request: Request, capsule_id: UUID, montage_id: UUID) -> Response:
        viewer, view = opened(request, capsule_id)
        if not any(one.id == str(montage_id) for one in view.montages):
            raise NotFound
        montages.cancel(app.store, viewer, str(montage_id), now=app.now())
        return pages.forward(request, f"/g/c/{capsule_id}/film")

    @router.api_route("/g/f/{montage_id}/{kind}.vtt", methods=GET)
    def subtitles(request: Request, montage_id: UUID, kind: Subtitles) -> Response:
        known = first_with_access(
            cookie_viewers(app.store, cookie, request),
            lambda viewer: reading.film(app.store, viewer, str(montage_id)),
        )
        return subtitles_answer(known, kind)

    @router.api_route("/g/f/{montage_id}/{form}", methods=GET)
    def film_file(
        request: Request, montage_id: UUID, form: Literal["film.mp4", "poster.jpg"], keep: bool = False
    ) -> Response:
        read = reading.film_file if form == "film.mp4" else reading.poster_file
        file = first_with_access(
            cookie_viewers(app.store, cookie, request),
            lambda viewer: read(app.store, app.vault, viewer, str(montage_id)),
        )
        return FileAnswer(file, tag=f"{montage_id}-{form}", as_download=keep)

    return router


def subtitles_answer(known: FilmView, kind: Subtitles) -> Response:
    """Return the chapters of a film, or all that can be read in it, as WebVTT. Raises NotFound without a plan."""
    if known.plan is None:
        raise NotFound("Nothing is known about what this film shows when.")
    cues = chapters(known.plan) if kind == "chapters" else captions(known.plan)
    return Response(webvtt(cues), media_type="text/vtt", headers={"cache-control": "private, max-age=86400"})


def _shown(view: CapsuleView, montage_id: str | None) -> Montage | None:
    if montage_id is None:
        return next((one for one in view.montages if one.is_opening), None)
    found = next((one for one in view.montages if one.id == montage_id), None)
    if found is None:
        raise NotFound
    return found


def _wish(given: FormData, view: CapsuleView) -> FilmRequest:
    """Return what a form asks for; stories in the order of their numbers, or else as they were sent."""
    there = {story.story.id for story in view.stories}
    ticked = [str(one) for one in given.getlist("story") if one in there]
    numbered: dict[str, int] = {}
    for name, value in given.multi_items():
        story_id = name.removeprefix("place-")
        if story_id in there and story_id != name and str(value).strip().isdecimal():
            numbered[story_id] = int(str(value).strip()[:9])
    in_order = sorted(numbered, key=lambda story_id: numbered[story_id])
    song, length = str(given.get("song", "")), str(given.get("length", "usual"))
    return FilmRequest(
        story_ids=tuple(dict.fromkeys([*in_order, *ticked])),
        song=song if song in {"own", *themes.names()} else "",
        length=length if length in _LENGTHS else "usual",
        title=str(given.get("title", "")),
    )


def _song(own: object) -> Any:
    """Return a file that can be played. Raises MediaRefused for anything else."""
    if not isinstance(own, UploadFile) or not own.size:
        raise MediaRefused
    song = cast("Any", own.file)
    song.seek(0)
    probe_soundtrack(song)
    song.seek(0)
    return song
