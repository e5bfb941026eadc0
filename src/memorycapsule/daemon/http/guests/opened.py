"""
The pages of an opened capsule.

Each member sees once how the bundle is untied. Afterwards there is the choice between photos and film, and the page
of all photos in the look of the theme.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorycapsule import themes
from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, PagesDep
from memorycapsule.daemon.http.guests import photo_layout, photo_search
from memorycapsule.daemon.http.guests.access import OpenedCapsule
from memorycapsule.daemon.http.guests.photo_fields import PhotoFields
from memorycapsule.daemon.http.guests.photo_layout import Chapter, PhotoLayout, PlacedPhoto, ShownStories
from memorycapsule.daemon.http.guests.photo_search import PhotoQuery, matching, saying
from memorycapsule.daemon.http.guests.summary import (
    bundle_of,
    contents,
    count_authors,
    count_members,
    member_rows,
    opening_day,
    opening_film,
)
from memorycapsule.daemon.http.html import font_subsets, museum_ornaments
from memorycapsule.daemon.http.html.bundle import cloth, knot
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.sessions import first_with_access
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import NotFound
from memorycapsule.services import reading, visits
from memorycapsule.services.reading import OpenedView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import day_in_words, short_day

#: How often a page without scripts refreshes while a film is made.
NOSCRIPT_REFRESH_SECONDS = 15
#: Up to which width, in halves of a Hangul syllable, a title is set in each of the large sizes.
_TITLE_SIZES = ((14, "short"), (24, "middle"), (44, "long"))
#: Up to so many photos nobody has to search.
_SEEN_AT_ONCE = 3
Month = Annotated[str, Query(pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$")]
SearchText = Annotated[str, Query(max_length=200)]
#: So many photos the viewer is told of at once; it asks for the others when somebody comes near to them.
_SLIDES = 100
_FONT_CACHE = "private, max-age=86400"
router = APIRouter()


def _asked_photos(by: UUID | None = None, month: Month = "", find: SearchText = "") -> PhotoQuery:
    return PhotoQuery(by=str(by or ""), month=month, words=find.strip())


#: What photos are searched by.
AskedPhotos = Annotated[PhotoQuery, Depends(_asked_photos)]


@router.post("/g/c/{capsule_id}/untied")
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def note_untied(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewers: BrowserViewers,
    capsule_id: UUID,
    to: Annotated[Literal["photos", "film", "choice"], Form()],
) -> Response:
    first_with_access(
        viewers,
        lambda viewer: visits.note_unsealing(app.store, viewer, str(capsule_id), now=app.now()),
    )
    place = "" if to == "choice" else f"/{to}"
    return pages.redirect(request, f"/g/c/{capsule_id}{place}")


@router.api_route("/g/c/{capsule_id}/photos", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def show_photos(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    access: OpenedCapsule,
    query: AskedPhotos,
    part: Annotated[int, Query(ge=1)] = 1,
    sheet: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    return _photos_page(app, pages, request, access.view, query, part=part, sheet=sheet)


@router.api_route("/g/c/{capsule_id}/photos.json", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def list_slides(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    access: OpenedCapsule,
    query: AskedPhotos,
    photo: UUID | None = None,
    place: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """
    Tell the viewer of some of the photos that are searched for, those around a photo or a place among them.

    The answer says how many there are in all, and at which place, from 0, its first one stands.
    """
    view = access.view
    words = pages.wording(request)
    found = _found(app, view, photo_layout.lay_out(view).all_photos, query, words)
    if photo is not None:
        wanted = str(photo)
        place = next((number for number, one in enumerate(found) if one.medium.id == wanted), 0)
    first = place // _SLIDES * _SLIDES
    some = found[first : first + _SLIDES]
    fields = PhotoFields(pages, request, words, view, _read(app, view, some))
    return JSONResponse({"count": len(found), "first": first, "photos": fields.slides(some)})


@router.api_route("/g/c/{capsule_id}/letters.{kind}", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def send_heading_font(
    request: Request, pages: PagesDep, access: OpenedCapsule, kind: Literal["css", "woff"]
) -> Response:
    view = access.view
    font = font_subsets.FONTS.get(view.capsule.theme)
    if font is None:
        raise NotFound
    characters = _heading_characters(view, pages.wording(request))
    headers = {"cache-control": _FONT_CACHE, "vary": "cookie"}
    if kind == "css":
        text = font_subsets.style_sheet(font_subsets.digest_of(characters))
        return Response(text, media_type="text/css; charset=utf-8", headers=headers)
    return Response(font_subsets.subset_font(font, characters), media_type="font/woff", headers=headers)


def first_page(app: App, pages: Pages, request: Request, view: OpenedView) -> Response:
    """Show how the bundle is untied to members who have not seen that yet, and the choice to all others."""
    words = pages.wording(request)
    language, capsule = words.language, view.capsule
    opened_on = opening_day(capsule)
    is_today = opened_on == local_of(app.now(), capsule.zone).date()
    film = opening_film(view)
    covers = [one.medium.id for one in _covers(photo_layout.lay_out(view))]
    values: dict[str, Any] = {
        "view": view,
        "film": film,
        "heading_font_url": _heading_font_url(pages, request, view, words),
    }
    if view.member.unsealed_at is None:
        counts = [contribution.photos for contribution in view.contributions]
        return pages.show(
            request,
            "unsealing.html",
            words,
            when=day_in_words(opened_on, language),
            cloth=cloth(capsule.id, counts),
            knot=knot(),
            picture=pages.at(request, f"/g/m/{covers[0]}/display") if covers else None,
            **values,
        )
    return pages.show(
        request,
        "choice.html",
        words,
        noscript_refresh_seconds=NOSCRIPT_REFRESH_SECONDS if film and not film.state.is_over else None,
        when=words("open_today") if is_today else words("open_since", day=day_in_words(opened_on, language)),
        contents=contents(view, language),
        people_count=count_authors(view, language),
        members=member_rows(view, language),
        pictures=[pages.at(request, path) for path in _choice_pictures(capsule, covers)],
        has_photos=bool(covers),
        title_size=_title_size(capsule.title),
        ornaments=museum_ornaments,
        title_pixels=_title_pixels(capsule),
        bundle=bundle_of(view, words("bundle_untied", people=count_members(view, language)), is_tied=False),
        **values,
    )


def _covers(layout: PhotoLayout) -> Sequence[PlacedPhoto]:
    """Return up to three pictures that stand for all; of different stories, where there are three with pictures."""
    firsts = [chapter.pictures[0] for chapter in layout.chapters if chapter.pictures]
    return firsts[:3] if len(firsts) > 2 else layout.all_photos[:3]


def _choice_pictures(capsule: Capsule, covers: Sequence[str]) -> list[str]:
    """Return the paths of up to three pictures for the choice of the photos, the capsule's cover first."""
    photos = [f"/g/m/{medium_id}/thumbnail" for medium_id in covers]
    return [f"/g/c/{capsule.id}/cover?form=small", *photos[:2]] if capsule.cover_blob else photos


def _read(
    app: App, view: OpenedView, photos: Iterable[PlacedPhoto], chapters: Iterable[Chapter] = ()
) -> ShownStories:
    """Read some photos with the stories that they belong to, and some chapters."""
    stories, media = set(), set()
    for one in photos:
        stories.add(one.story.id)
        media.add(one.medium.id)
    for chapter in chapters:
        stories.add(chapter.story.id)
        media |= {one.id for one in (*(placed.medium for placed in chapter.pictures), *chapter.voices)}
    return ShownStories(reading.shown(app.store, app.vault, view, stories=stories, media=media))


def _found(
    app: App, view: OpenedView, photos: Sequence[PlacedPhoto], query: PhotoQuery, words: Wording
) -> Sequence[PlacedPhoto]:
    """Return the photos that match; for words in what is written about them, all that is written is read."""
    found = matching(photos, query)
    if not query.words or not found:
        return found
    stories = reading.shown(app.store, app.vault, view, stories={one.story.id for one in found}, media=None)
    said = saying(ShownStories(stories).photos(found), query, language=words.language)
    return [one for one in found if one.medium.id in said]


def _photos_page(
    app: App,
    pages: Pages,
    request: Request,
    view: OpenedView,
    query: PhotoQuery,
    *,
    part: int,
    sheet: int,
) -> Response:
    words = pages.wording(request)
    capsule, language = view.capsule, words.language
    layout = photo_layout.lay_out(view)
    capacity = photo_layout.CAPACITIES[capsule.theme]
    is_searching = bool(query.parameters)
    said = _found(app, view, layout.all_photos, PhotoQuery(words=query.words), words)
    rest = matching(said, query) if is_searching else layout.rest
    sheets = max(1, -(-len(rest) // capacity.rest))
    if part > layout.parts or sheet > sheets:
        raise NotFound
    first = (sheet - 1) * capacity.rest
    of_sheet = rest[first : first + capacity.rest]
    chapters = [one for one in layout.chapters if one.part == part]
    shown = _read(app, view, (*layout.covers, *of_sheet), chapters)
    fields = PhotoFields(pages, request, words, view, shown)

    def page_url(place: str, **parameters: object) -> str:
        """Return the address of a place on this page, without the parameters that have their defaults ("" or 1)."""
        asked = urlencode({name: value for name, value in parameters.items() if value not in {"", 1}})
        return pages.at(request, f"/g/c/{capsule.id}/photos{'?' if asked else ''}{asked}#{place}")

    return pages.show(
        request,
        f"photos-{capsule.theme}.html",
        words,
        view=view,
        has_film=(film := opening_film(view)) is not None and film.state.has_film,
        contents=contents(view, language),
        people_count=count_authors(view, language),
        members=member_rows(view, language),
        opened_on=day_in_words(opening_day(capsule), language),
        opened_short=short_day(opening_day(capsule), language),
        chapters=[fields.chapter(one) for one in chapters],
        index=[fields.row(one) for one in layout.chapters],
        covers=fields.pictures(layout.covers),
        covers_are_all=layout.covers_are_all,
        rest=fields.pictures(of_sheet),
        rest_count=len(layout.rest),
        authors=_count_by_author(view, matching(said, replace(query, by=""))),
        months=photo_search.months(matching(said, replace(query, month="")), language),
        month_name=photo_search.month_in_full(query.month, words) if query.month else "",
        query=query,
        is_searching=is_searching,
        found_count=len(rest),
        has_search=is_searching or len(layout.all_photos) > _SEEN_AT_ONCE,
        page_url=page_url,
        part=part,
        parts=layout.parts,
        sheet=sheet,
        sheets=sheets,
        count=len(layout.all_photos),
        title_size=_title_size(capsule.title),
        heading_font_url=_heading_font_url(pages, request, view, words),
        ornaments=museum_ornaments,
        title_pixels=_title_pixels(capsule),
    )


def _count_by_author(view: OpenedView, pictures: Iterable[PlacedPhoto]) -> list[tuple[str, str, int]]:
    """Return id, name and number of photos of each member who has photos among some."""
    names = {one.member.id: one.member.name for one in view.contributions}
    counts = Counter(one.story.member_id for one in pictures)
    return [(member_id, names[member_id], count) for member_id, count in counts.items()]


def _title_pixels(capsule: Capsule) -> object:
    if capsule.theme != "window":
        return None
    # OpenCV, which draws them, is loaded only for the theme that needs it.
    from memorycapsule.render.stages.desktop.page_title import pixel_title

    return pixel_title(capsule.title, themes.load("window").film.heading_font)


def _title_size(title: str) -> str:
    """Return the class of the size that a title is set in, by its width."""
    wide = sum(2 if ord(letter) > 0x1100 else 1 for letter in title)
    return next((size for most, size in _TITLE_SIZES if wide <= most), "longest")


def _heading_characters(view: OpenedView, words: Wording) -> str:
    """Return the characters of all headings of a capsule's pages."""
    keys = ("museum_store", "museum_plan", "binder", "story_untitled", "choice", "sealed_people")
    fixed = ("0123456789,.’‘“”", *map(words, keys))
    titles = (story.title for story in view.album.stories)
    return font_subsets.characters_of((view.capsule.title, *fixed, words("museum_room", number=1), *titles))


def _heading_font_url(pages: Pages, request: Request, view: OpenedView, words: Wording) -> str | None:
    """Return the address of the style sheet for the headings' font, None when the theme has no font of its own."""
    if view.capsule.theme not in font_subsets.FONTS:
        return None
    digest = font_subsets.digest_of(_heading_characters(view, words))
    return pages.at(request, f"/g/c/{view.capsule.id}/letters.css?v={digest}")
