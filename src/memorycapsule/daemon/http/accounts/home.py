"""The home page: the shelf with the capsules of whoever is signed in; to others it is the sign-in page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.daemon.http.accounts.sign_in import sign_in_page
from memorycapsule.daemon.http.dependencies import GET, AppDep, PagesDep, ViewerIfSignedIn
from memorycapsule.daemon.http.html.bundle import bundle
from memorycapsule.daemon.http.html.notices import notices_for
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.zones import local_of
from memorycapsule.services import reading
from memorycapsule.services.reading import ShelfEntry
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.counts import contents_in_words, people_in_words
from memorycapsule.words.dates import countdown_in_words, date_in_words, is_soon, short_day
from memorycapsule.words.forms_of_address import addressed

_WITH_FILM = {MontageState.READY, MontageState.DEGRADED}
router = APIRouter()


@router.api_route("/", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_home(request: Request, app: AppDep, pages: PagesDep, viewer: ViewerIfSignedIn) -> Response:
    if viewer is None:
        return sign_in_page(pages, request)
    person = reading.account(app.store, viewer)
    words = pages.wording(request)
    now = app.now()
    shelf = reading.shelf(app.store, viewer)
    sealed = [one for one in shelf if not one.capsule.is_open]
    opened = [one for one in reversed(shelf) if one.capsule.is_open]
    is_told = person.is_admin or any(one.member.is_owner for one in shelf)
    return pages.show(
        request,
        "home.html",
        words,
        addressed_name=addressed(person.name, words.language),
        next_one=sealed[0].capsule if sealed else None,
        countdown=countdown_in_words(now, sealed[0].capsule.opens_at, words.language) if sealed else "",
        is_soon=bool(sealed) and is_soon(now, sealed[0].capsule.opens_at),
        sealed=[_sealed_fields(one, words, now) for one in sealed],
        opened=[_opened_fields(one, words) for one in opened],
        notices=notices_for(app, person, words) if is_told else [],
        empty_bundle=bundle("nothing yet", [], label=words("home_empty_bundle")),
    )


def _sealed_fields(entry: ShelfEntry, words: Wording, now: datetime) -> dict[str, Any]:
    """Return what the shelf says of a sealed capsule."""
    capsule, language = entry.capsule, words.language
    members = [one for one in entry.contributions if one.member.left_at is None]
    return {
        "id": capsule.id,
        "title": capsule.title,
        "countdown": countdown_in_words(now, capsule.opens_at, language),
        "is_soon": is_soon(now, capsule.opens_at),
        "date": date_in_words(capsule.opens_local, capsule.zone, language),
        "people": words.counted("home_people", len(members)),
        "contents": _contents(entry, language),
        # The one thing that the viewer should do next, if there is any.
        "to_do": "invite"
        if entry.member.is_owner and len(members) == 1 and not entry.invited
        else "add"
        if entry.is_own_missing and capsule.accepts_stories(now)
        else None,
        "bundle": bundle(
            capsule.id,
            [one.photos for one in entry.contributions],
            label=words("bundle_tied", people=people_in_words(len(entry.contributions), language)),
        ),
    }


def _opened_fields(entry: ShelfEntry, words: Wording) -> dict[str, Any]:
    """Return what the shelf says of an opened capsule."""
    capsule, language = entry.capsule, words.language
    authors = sum(1 for one in entry.contributions if one.stories)
    film = entry.montage if entry.montage and entry.montage.state in _WITH_FILM else None
    picture = None
    if capsule.cover_blob:
        picture = f"/g/c/{capsule.id}/cover?form=small"
    elif film and film.poster_blob:
        picture = f"/g/f/{film.id}/poster.jpg"
    elif entry.picture:
        picture = f"/g/m/{entry.picture}/display"
    day = local_of(capsule.opened_at or capsule.opens_at, capsule.zone).date()
    return {
        "id": capsule.id,
        "title": capsule.title,
        "day": short_day(day, language),
        "contents": _contents(entry, language),
        "people": people_in_words(authors, language),
        "picture": picture,
        "has_pictures": any(one.photos + one.clips for one in entry.contributions),
        "has_film": film is not None,
        "bundle": None
        if picture
        else bundle(
            capsule.id,
            [one.photos for one in entry.contributions],
            label=words("bundle_untied", people=people_in_words(len(entry.contributions), language)),
            is_tied=False,
        ),
    }


def _contents(entry: ShelfEntry, language: str) -> str:
    return contents_in_words(
        photos=sum(one.photos for one in entry.contributions),
        clips=sum(one.clips for one in entry.contributions),
        voices=sum(one.voices for one in entry.contributions),
        stories=sum(one.stories for one in entry.contributions),
        locale=language,
    )
