"""The pages that make a capsule: a form with four questions, its answers for a last look, and the sealing."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, NEEDS_SIGN_IN, AppDep, PagesDep, SignedInViewer
from memorycapsule.daemon.http.html.bundle import bundle
from memorycapsule.daemon.http.html.error_texts import error_text, refusal_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.owners import date_form, theme_options
from memorycapsule.daemon.http.owners.capsule_answers import answer_problems
from memorycapsule.daemon.http.owners.date_form import TypedDate, typed_date
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LARGEST_FORM_WITH_THEME_BYTES, takes
from memorycapsule.domain.capsules import MOST_FILM_PHOTOS, checked_title, parse_film_photos
from memorycapsule.domain.opening_dates import OpeningDate
from memorycapsule.errors import MediaRefused, Postponed, UsageProblem
from memorycapsule.services import capsules
from memorycapsule.services.capsules import CapsuleDraft
from memorycapsule.services.film.missing_letters import missing_letters
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.languages import languages

_THEME = "photocard"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The answers to the questions, as they were typed."""

    title: str
    message: str
    date: TypedDate
    theme: str
    #: The theme whose song the film has; '' for the song of the capsule's own theme.
    music: str
    #: The language of what the film says itself; '' for that of whoever makes the capsule.
    film_language: str
    film_photos: str


def _draft(
    date: Annotated[TypedDate, Depends(typed_date)],
    title: Annotated[str, Form()] = "",
    message: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = _THEME,
    music: Annotated[str, Form()] = "",
    film_language: Annotated[str, Form()] = "",
    film_photos: Annotated[str, Form()] = "",
) -> Draft:
    return Draft(
        title=title,
        message=message,
        date=date,
        theme=theme,
        music=music,
        film_language=film_language if film_language in languages() else "",
        film_photos=film_photos,
    )


router = APIRouter()


@router.api_route("/capsules/new", methods=GET, dependencies=[NEEDS_SIGN_IN])
@for_whom(Audience.ACCOUNTS)
def show_questions(request: Request, app: AppDep, pages: PagesDep) -> Response:
    empty = Draft(
        title="",
        message="",
        date=TypedDate(zone=app.settings.zone),
        theme=_THEME,
        music="",
        film_language="",
        film_photos=str(app.settings.film.film_photos),
    )
    return _form_page(pages, request, empty, {})


@router.post("/capsules/new", dependencies=[NEEDS_SIGN_IN])
@for_whom(Audience.ACCOUNTS)
def check_answers(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    draft: Annotated[Draft, Depends(_draft)],
    back: Annotated[str, Form()] = "",
) -> Response:
    words = pages.wording(request)
    date, problems = _check(app, draft, words)
    if date is None or problems or back:
        return _form_page(pages, request, draft, {} if back else problems)
    return _confirmation_page(app, pages, request, draft, date, {})


@router.post("/capsules/new/seal")
@takes(LARGEST_FORM_WITH_THEME_BYTES)
@for_whom(Audience.ACCOUNTS)
def create_capsule(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    draft: Annotated[Draft, Depends(_draft)],
    cover: Annotated[UploadFile | None, File()] = None,
    song: Annotated[UploadFile | None, File()] = None,
) -> Response:
    words = pages.wording(request)
    date, problems = _check(app, draft, words)
    if date is None or problems:
        return _form_page(pages, request, draft, problems)
    try:
        picture = theme_options.accepted_cover(app, cover)
    except (MediaRefused, Postponed) as error:
        problems["cover"] = refusal_text(error, words)
        return _confirmation_page(app, pages, request, draft, date, problems)
    try:
        own_song = theme_options.accepted_song(song)
    except (MediaRefused, Postponed) as error:
        problems["song"] = refusal_text(error, words)
        return _confirmation_page(app, pages, request, draft, date, problems)
    with own_song or nullcontext():
        made = capsules.create(
            app.store,
            app.vault,
            viewer,
            CapsuleDraft(
                title=draft.title,
                message=draft.message,
                theme=draft.theme,
                film_photos=parse_film_photos(draft.film_photos),
                music=draft.music or None,
                film_language=draft.film_language or None,
                soundtrack=own_song,
                cover=picture,
            ),
            date=date,
            now=app.now(),
        )
    return pages.redirect(request, f"/c/{made.id}/people?done=sealed")


def _check(app: App, draft: Draft, words: Wording) -> tuple[OpeningDate | None, dict[str, str]]:
    """Return the date, None for a bad one, and what is wrong with the answers, by the names of their fields."""
    problems = answer_problems(words, title=draft.title, message=draft.message, film_photos=draft.film_photos)
    date = None
    try:
        date = draft.date.parse(app)
    except UsageProblem as error:
        problems["date"] = error_text(error, words)
    return date, problems


def _form_page(pages: Pages, request: Request, draft: Draft, problems: dict[str, str]) -> Response:
    words = pages.wording(request)
    return pages.show(
        request,
        "create.html",
        words,
        status=UsageProblem.http_status if problems else 200,
        draft=draft,
        problems=problems,
        themes=theme_options.theme_choices(words.language),
        zones=date_form.zone_groups(request, words, draft.date.zone),
        most_photos=MOST_FILM_PHOTOS,
        bundle=bundle("a new capsule", [], label=words("bundle_empty")),
    )


def _confirmation_page(
    app: App,
    pages: Pages,
    request: Request,
    draft: Draft,
    date: OpeningDate,
    problems: dict[str, str],
) -> Response:
    words = pages.wording(request)
    choices = theme_options.theme_choices(words.language)
    theme = next(one for one in choices if one.name == draft.theme) if draft.theme else choices[0]
    chosen = next((one for one in choices if one.name == draft.music), theme)
    return pages.show(
        request,
        "create_confirm.html",
        words,
        status=MediaRefused.http_status if problems else 200,
        draft=draft,
        frozen=date_form.pinned(date),
        title=checked_title(draft.title),
        missing=missing_letters(draft.title),
        opens=date_form.date_fields(date, app.now(), words),
        theme=theme,
        song=chosen.song,
        problems=problems,
        bundle=bundle("a new capsule", [], label=words("bundle_empty")),
    )
