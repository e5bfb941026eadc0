"""The film page of an open capsule: watch films, save them, ask for further ones, cancel those, retry failed ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorycapsule import themes
from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, PagesDep
from memorycapsule.daemon.http.guests.access import Access, CapsuleFilm, CapsuleFilms, OpenedCapsule
from memorycapsule.daemon.http.guests.film_texts import (
    film_details,
    film_percent,
    film_rows,
    film_status,
    format_length,
    listed,
    song_choices,
    story_choices,
)
from memorycapsule.daemon.http.guests.opened import NOSCRIPT_REFRESH_SECONDS
from memorycapsule.daemon.http.html.error_texts import error_text, refusal_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LARGEST_FORM_WITH_SONG_BYTES, takes
from memorycapsule.daemon.http.protocol.files import FileAnswer, answer_elsewhere
from memorycapsule.daemon.http.protocol.sessions import first_with_access
from memorycapsule.domain.film.montages import LONGEST_TITLE, Montage
from memorycapsule.domain.film.subtitles import captions, chapters, webvtt
from memorycapsule.errors import MediaRefused, NotFound, Postponed, Refusal, TooMany, UsageProblem
from memorycapsule.services import addresses, reading
from memorycapsule.services.capsule_files import Song, accepted_song
from memorycapsule.services.film import estimates, montages
from memorycapsule.services.reading import FilmView, OpenedView

Subtitles = Literal["chapters", "captions"]
#: The lengths that the page offers, and what the service calls them.
_LENGTHS = {"short": "short", "usual": None, "full": "full"}


@dataclass(frozen=True, kw_only=True)
class FilmRequest:
    """What a form says of the further film that somebody asks for, and what is wrong with it."""

    story_ids: tuple[str, ...] = ()
    #: "" for the capsule's song, "own" for the file in the form, or the name of a theme.
    song: str = ""
    length: str = "usual"
    title: str = ""
    #: The sentence that the form shows; "" when nothing is wrong.
    problem: str = ""


async def _form(request: Request) -> AsyncIterator[FormData]:
    async with request.form(max_files=1, max_fields=4000) as form:
        yield form


FilmForm = Annotated[FormData, Depends(_form)]
router = APIRouter()


@router.api_route("/g/c/{capsule_id}/film", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def show_film(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    access: OpenedCapsule,
    of: UUID | None = None,
) -> Response:
    return _film_page(app, pages, request, access, FilmRequest(), str(of) if of else None)


@router.api_route("/g/c/{capsule_id}/film/progress", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def show_film_progress(request: Request, app: AppDep, pages: PagesDep, access: CapsuleFilms) -> Response:
    words, now = pages.wording(request), app.now()
    return JSONResponse(
        {
            "films": [
                {
                    "id": film.id,
                    "state": film.state,
                    "percent": film_percent(film),
                    "say": film_status(app, film, words, now),
                }
                for film in listed(access.view)
            ]
        }
    )


@router.api_route("/g/c/{capsule_id}/film/length", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def estimate_film_length(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewers: BrowserViewers,
    capsule_id: UUID,
    story: Annotated[list[UUID], Query(max_length=1000)] = [],  # noqa: B006 - FastAPI copies it
    length: Literal["short", "usual", "full"] = "usual",
) -> Response:
    words = pages.wording(request)
    seconds = first_with_access(
        viewers,
        lambda viewer: estimates.seconds_of_film(
            app.store,
            app.vault,
            viewer,
            str(capsule_id),
            story_ids=[str(one) for one in story],
            length=_LENGTHS[length],
            size=app.rendering.size,
            fps=app.rendering.fps,
            now=app.now(),
        ),
    )
    text = format_length(seconds)
    chosen = words.counted("films_chosen", len(story), length=text)
    return JSONResponse(
        {
            "seconds": round(seconds, 1),
            "say": chosen if story else words("films_chosen_none", length=text),
        }
    )


@router.post("/g/c/{capsule_id}/films")
@takes(LARGEST_FORM_WITH_SONG_BYTES)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def make_film(
    request: Request, app: AppDep, pages: PagesDep, access: OpenedCapsule, form: FilmForm
) -> Response:
    capsule_id = access.view.capsule.id
    words = pages.wording(request)
    film_request = _parse_request(form, access.view)
    own_song = form.get("own") if film_request.song == "own" else None
    try:
        song = _accepted_song(own_song) if film_request.song == "own" else None
        with song or nullcontext():
            made = montages.queue(
                app.store,
                app.vault,
                app.wake,
                access.viewer,
                capsule_id,
                story_ids=film_request.story_ids,
                soundtrack=song,
                length=_LENGTHS[film_request.length],
                music=film_request.song if film_request.song not in {"", "own"} else None,
                title=film_request.title,
                now=app.now(),
            )
    except (MediaRefused, Postponed) as error:
        file = own_song.filename if isinstance(own_song, UploadFile) else ""
        problem = (
            words("films_song_refused", file=file, reason=refusal_text(error, words))
            if file
            else words("films_song_missing")
        )
    except (TooMany, UsageProblem) as error:
        problem = error_text(error, words)
    else:
        return pages.redirect(request, f"/g/c/{capsule_id}/film?of={made.id}")
    return _film_page(app, pages, request, access, replace(film_request, problem=problem))


@router.post("/g/c/{capsule_id}/films/{montage_id}/cancel")
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def cancel_film(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    access: CapsuleFilm,
    capsule_id: UUID,
) -> Response:
    montages.cancel(app.store, access.viewer, access.view.id, now=app.now())
    return pages.redirect(request, f"/g/c/{capsule_id}/film")


@router.post("/g/c/{capsule_id}/films/{montage_id}/retry")
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def retry_film(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    access: CapsuleFilm,
    capsule_id: UUID,
) -> Response:
    montages.retry(app.store, app.wake, access.viewer, access.view.id, now=app.now())
    return pages.redirect(request, f"/g/c/{capsule_id}/film?of={access.view.id}")


@router.api_route("/g/f/{montage_id}/{kind}.vtt", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def send_subtitles(app: AppDep, viewers: BrowserViewers, montage_id: UUID, kind: Subtitles) -> Response:
    known = first_with_access(viewers, lambda viewer: reading.film(app.store, viewer, str(montage_id)))
    return subtitles_answer(known, kind)


@router.api_route("/g/f/{montage_id}/{form}", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def send_film(
    request: Request,
    app: AppDep,
    viewers: BrowserViewers,
    montage_id: UUID,
    form: Literal["film.mp4", "poster.jpg"],
    keep: bool = False,
) -> Response:
    what: Literal["film", "poster"] = "film" if form == "film.mp4" else "poster"
    if request.method == "GET" and not keep:
        address = first_with_access(
            viewers,
            lambda viewer: addresses.montage_address(app.store, app.vault, viewer, str(montage_id), what),
        )
        if address:
            return answer_elsewhere(address)
    read = reading.film_file if what == "film" else reading.poster_file
    file = first_with_access(viewers, lambda viewer: read(app.store, app.vault, viewer, str(montage_id)))
    return FileAnswer(file, tag=f"{montage_id}-{form}", as_download=keep)


def _film_page(
    app: App,
    pages: Pages,
    request: Request,
    access: Access[OpenedView],
    film_request: FilmRequest,
    of: str | None = None,
) -> Response:
    viewer, view = access
    words = pages.wording(request)
    now = app.now()
    shown = _film_to_show(view, of)
    known = reading.film(app.store, viewer, shown.id) if shown else None
    rows = film_rows(app, view, words, now)
    return pages.show(
        request,
        "film.html",
        words,
        status=422 if film_request.problem else 200,
        view=view,
        row=next((one for one in rows if shown and one.film.id == shown.id), None),
        rows=rows,
        format_length=format_length,
        details=film_details(known, words) if known else None,
        noscript_refresh_seconds=NOSCRIPT_REFRESH_SECONDS if shown and not shown.state.is_over else None,
        story_choices=story_choices(app, view, film_request.story_ids, words),
        song_choices=song_choices(view.capsule, words.language),
        film_request=film_request,
        longest_title=LONGEST_TITLE,
        lengths=tuple(_LENGTHS),
    )


def subtitles_answer(known: FilmView, kind: Subtitles) -> Response:
    """Return the chapters of a film, or all that can be read in it, as WebVTT. Raises NotFound without a plan."""
    if known.plan is None:
        raise NotFound("film_without_plan")
    cues = chapters(known.plan) if kind == "chapters" else captions(known.plan)
    return Response(webvtt(cues), media_type="text/vtt", headers={"cache-control": "private, max-age=86400"})


def _film_to_show(view: OpenedView, montage_id: str | None) -> Montage | None:
    """Return the film that is asked for, or the opening film when none is. Raises NotFound for one not there."""
    if montage_id is None:
        return next((one for one in view.montages if one.is_opening), None)
    found = next((one for one in view.montages if one.id == montage_id), None)
    if found is None:
        raise NotFound
    return found


def _parse_request(form: FormData, view: OpenedView) -> FilmRequest:
    """Return what a form asks for: the stories with numbers in their order, then the others as they were sent."""
    known = {story.id for story in view.album.stories}
    ticked = [str(one) for one in form.getlist("story") if one in known]
    numbered: dict[str, int] = {}
    for name, value in form.multi_items():
        story_id = name.removeprefix("place-")
        if story_id in known and story_id != name and str(value).strip().isdecimal():
            numbered[story_id] = int(str(value).strip()[:9])
    in_order = sorted(numbered, key=lambda story_id: numbered[story_id])
    song, length = str(form.get("song", "")), str(form.get("length", "usual"))
    return FilmRequest(
        story_ids=tuple(dict.fromkeys([*in_order, *ticked])),
        song=song if song in {"own", *themes.names()} else "",
        length=length if length in _LENGTHS else "usual",
        title=str(form.get("title", "")),
    )


def _accepted_song(upload: object) -> Song:
    """Return the song of a form. Raises MediaRefused where there is none, and for anything else."""
    if not isinstance(upload, UploadFile) or not upload.size:
        raise MediaRefused(Refusal.EMPTY)
    return accepted_song(upload.file)
