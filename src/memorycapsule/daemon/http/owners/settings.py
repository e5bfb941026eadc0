"""
The settings of a capsule: its owner changes them before the date.

The owner may also delete the capsule, as long as nobody else has added a story.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, PagesDep, SignedInViewer
from memorycapsule.daemon.http.html.error_texts import refusal_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.owners import theme_options
from memorycapsule.daemon.http.owners.capsule_answers import answer_problems
from memorycapsule.daemon.http.owners.ownership import OwnedCapsule
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LARGEST_FORM_WITH_THEME_BYTES, takes
from memorycapsule.domain.capsules import MOST_FILM_PHOTOS, Capsule, parse_film_photos
from memorycapsule.domain.stories import changed_words, mark_of
from memorycapsule.errors import EditedElsewhere, MediaRefused, NotFound, Postponed, UsageProblem
from memorycapsule.services import capsules
from memorycapsule.services.capsules import CapsuleChanges
from memorycapsule.services.reading import Outline
from memorycapsule.words.languages import languages

#: The fields that come back with a mark of what they were when the form was shown.
_MARKED = ("title", "message", "film_photos", "theme", "music", "film_language")
#: The choice of music that keeps the song that people added.
_OWN_SONG = "own"
router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class TypedSettings:
    """What stands in the form, as it was typed."""

    title: str
    message: str
    film_photos: str
    #: '' leaves the theme as it is.
    theme: str = ""
    #: The theme whose song the film has, '' for that of the capsule's own; or the song that people added.
    music: str = ""
    #: The language of what the film says itself, '' for that of whoever made the capsule.
    film_language: str = ""
    is_without_cover: bool = False
    #: The marks that came back with the form: what its fields were when it was shown.
    seen: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, capsule: Capsule) -> TypedSettings:
        """Return the form with what is saved."""
        return cls(
            title=capsule.title,
            message=capsule.message or "",
            film_photos=str(capsule.film_photos),
            film_language=capsule.film_language or "",
            theme=capsule.theme,
            music=_OWN_SONG if capsule.soundtrack_blob else capsule.music or "",
        )

    @property
    def marks(self) -> dict[str, str]:
        """What the form keeps of its fields, to tell later which of them somebody has changed."""
        return {name: mark_of(getattr(self, name)) for name in _MARKED}


async def _seen_marks(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: str(mark) for name in _MARKED if (mark := form.get(f"seen-{name}"))}


def _typed_settings(
    title: Annotated[str, Form()] = "",
    message: Annotated[str, Form()] = "",
    film_photos: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    music: Annotated[str, Form()] = "",
    film_language: Annotated[str, Form()] = "",
    without_cover: Annotated[str, Form()] = "",
    *,
    seen: Annotated[dict[str, str], Depends(_seen_marks)],
) -> TypedSettings:
    return TypedSettings(
        title=title,
        message=message,
        film_photos=film_photos,
        theme=theme,
        music=music,
        film_language=film_language if film_language in languages() else "",
        is_without_cover=bool(without_cover),
        seen=seen,
    )


@router.api_route("/c/{capsule_id}/settings", methods=GET)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def show_settings(request: Request, app: AppDep, pages: PagesDep, view: OwnedCapsule) -> Response:
    return _settings_page(app, pages, request, view, {})


@router.post("/c/{capsule_id}/settings")
@takes(LARGEST_FORM_WITH_THEME_BYTES)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def change_settings(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    typed: Annotated[TypedSettings, Depends(_typed_settings)],
    cover: Annotated[UploadFile | None, File()] = None,
    song: Annotated[UploadFile | None, File()] = None,
) -> Response:
    words = pages.wording(request)
    saved = TypedSettings.of(view.capsule)
    # What was not touched stays as it is now, whoever has changed it since the form was shown.
    untouched = {name for name, mark in typed.marks.items() if mark == typed.seen.get(name)}
    typed = replace(typed, **{name: getattr(saved, name) for name in untouched})
    problems = answer_problems(words, title=typed.title, message=typed.message, film_photos=typed.film_photos)
    picture = own_song = None
    try:
        picture = theme_options.accepted_cover(app, cover)
    except (MediaRefused, Postponed) as error:
        problems["cover"] = refusal_text(error, words)
    try:
        own_song = theme_options.accepted_song(song)
    except (MediaRefused, Postponed) as error:
        problems["song"] = refusal_text(error, words)
    for name in ("title", "message"):
        current = getattr(saved, name)
        try:
            changed_words(getattr(typed, name), seen=typed.seen.get(name), current=current)
        except EditedElsewhere:
            problems[name] = words("settings_elsewhere", saved=current)
    if problems:
        return _settings_page(app, pages, request, view, problems, typed)
    with own_song or nullcontext():
        capsules.edit(
            app.store,
            app.vault,
            viewer,
            view.capsule.id,
            CapsuleChanges(
                title=typed.title,
                message=typed.message,
                theme=typed.theme or None,
                film_photos=parse_film_photos(typed.film_photos),
                music=None if own_song or typed.music == _OWN_SONG else typed.music,
                soundtrack=own_song,
                film_language=typed.film_language,
                cover=picture,
                without_cover=typed.is_without_cover and picture is None,
            ),
            now=app.now(),
        )
    return pages.redirect(request, f"/c/{view.capsule.id}/settings?done=changed")


@router.api_route("/c/{capsule_id}/delete", methods=GET)
@for_whom(Audience.OWNER)
def confirm_deletion(request: Request, pages: PagesDep, view: OwnedCapsule) -> Response:
    return _deletion_page(pages, request, view)


@router.post("/c/{capsule_id}/delete")
@for_whom(Audience.OWNER)
def delete_capsule(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    title: Annotated[str, Form()] = "",
) -> Response:
    if title.strip().casefold() != view.capsule.title.casefold():
        return _deletion_page(pages, request, view, typed=title)
    capsules.delete(app.store, app.vault, viewer, view.capsule.id, now=app.now())
    return pages.redirect(request, "/")


def _settings_page(
    app: App,
    pages: Pages,
    request: Request,
    view: Outline,
    problems: dict[str, str],
    typed: TypedSettings | None = None,
) -> Response:
    words = pages.wording(request)
    capsule = view.capsule
    if not capsule.accepts_stories(app.now()):
        raise NotFound
    return pages.show(
        request,
        "settings.html",
        words,
        status=UsageProblem.http_status if problems else 200,
        view=view,
        typed=typed or TypedSettings.of(capsule),
        marks=TypedSettings.of(capsule).marks,
        problems=problems,
        themes=theme_options.theme_choices(words.language),
        most_photos=MOST_FILM_PHOTOS,
        is_changed=request.query_params.get("done") == "changed",
    )


def _deletion_page(pages: Pages, request: Request, view: Outline, *, typed: str | None = None) -> Response:
    words = pages.wording(request)
    others = [one for one in view.contributions if one.stories and one.member.id != view.member.id]
    return pages.show(
        request,
        "delete.html",
        words,
        status=200 if typed is None else UsageProblem.http_status,
        view=view,
        typed=typed,
        is_everybodys=bool(others),
    )
