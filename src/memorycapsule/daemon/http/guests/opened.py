"""An opened capsule: it is untied once, then there is the choice, and all photos in the theme's own place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorycapsule import themes
from memorycapsule.app import App
from memorycapsule.daemon.http.guests import photo_layout, photo_search
from memorycapsule.daemon.http.guests.photo_layout import Chapter, PhotoLayout, PlacedPhoto
from memorycapsule.daemon.http.guests.photo_search import PhotoQuery, matching
from memorycapsule.daemon.http.guests.summary import (
    bundle_of,
    contents,
    count_givers,
    count_people,
    main_film,
    opening_day,
    people,
)
from memorycapsule.daemon.http.html import font_subsets, museum_ornaments
from memorycapsule.daemon.http.html.bundle import DYES, cloth, knot
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers, first_with_access
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.stories import MediumKind
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import NotFound
from memorycapsule.services import reading, visits
from memorycapsule.services.reading import CapsuleView, MediumView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import day_in_words, short_day

#: A page that waits for a film and has no scripts looks again this often.
AGAIN_SECONDS = 15
#: Letters of a story on the back of a card.
_BACK_LETTERS = 170
#: How wide a title may be, in halves of a Hangul syllable, to be set in each of the sizes of giant letters.
_GIANT = ((14, "short"), (24, "middle"), (44, "long"))
#: What photos are looked for by.
Month = Annotated[str, Query(pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$")]
Find = Annotated[str, Query(max_length=200)]
_KEPT = "private, max-age=86400"


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()
    GET = ["GET", "HEAD"]  # noqa: N806 - a constant of this function

    def opened(request: Request, capsule_id: UUID) -> CapsuleView:
        view = first_with_access(
            cookie_viewers(app.store, cookie, request),
            lambda viewer: reading.capsule(app.store, app.vault, viewer, str(capsule_id)),
        )
        if not view.capsule.is_open:
            raise NotFound
        return view

    @router.post("/g/c/{capsule_id}/untied")
    def untied(
        request: Request, capsule_id: UUID, to: Annotated[Literal["photos", "film"], Form()]
    ) -> Response:
        first_with_access(
            cookie_viewers(app.store, cookie, request),
            lambda viewer: visits.unseal(app.store, viewer, str(capsule_id), now=app.now()),
        )
        return pages.forward(request, f"/g/c/{capsule_id}/{to}")

    @router.api_route("/g/c/{capsule_id}/photos", methods=GET)
    def photos(
        request: Request,
        capsule_id: UUID,
        part: Annotated[int, Query(ge=1)] = 1,
        sheet: Annotated[int, Query(ge=1)] = 1,
        by: UUID | None = None,
        month: Month = "",
        find: Find = "",
    ) -> Response:
        wanted = PhotoQuery(by=str(by or ""), month=month, words=find.strip())
        return _photos(pages, request, opened(request, capsule_id), wanted, part=part, sheet=sheet)

    @router.api_route("/g/c/{capsule_id}/photos.json", methods=GET)
    def album(request: Request, capsule_id: UUID, month: Month = "", find: Find = "") -> Response:
        view = opened(request, capsule_id)
        words = pages.wording(request)
        shown = _Shown(pages, request, words, view)
        wanted = PhotoQuery(month=month, words=find)
        everything = photo_layout.lay_out(view).everything
        return JSONResponse(
            [shown.slide(one) for one in matching(view, everything, wanted, language=words.language)]
        )

    @router.api_route("/g/c/{capsule_id}/letters.{kind}", methods=GET)
    def letters(request: Request, capsule_id: UUID, kind: Literal["css", "woff"]) -> Response:
        view = opened(request, capsule_id)
        font = font_subsets.FONTS.get(view.capsule.theme)
        if font is None:
            raise NotFound
        drawn = _letters(view, pages.wording(request))
        headers = {"cache-control": _KEPT, "vary": "cookie"}
        if kind == "css":
            text = font_subsets.sheet(font_subsets.digest_of(drawn))
            return Response(text, media_type="text/css; charset=utf-8", headers=headers)
        return Response(font_subsets.cut(font, drawn), media_type="font/woff", headers=headers)

    return router


def first_page(app: App, pages: Pages, request: Request, view: CapsuleView) -> Response:
    """Show how it is untied to whoever has not seen that yet, and the choice to everybody else."""
    words = pages.wording(request)
    language, capsule = words.language, view.capsule
    opened_on = opening_day(capsule)
    is_today = opened_on == local_of(app.now(), capsule.zone).date()
    film = main_film(view)
    covers = [one.view.medium.id for one in _covers(photo_layout.lay_out(view))]
    values: dict[str, Any] = {
        "view": view,
        "film": film,
        "letters": _letters_url(pages, request, view, words),
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
        again_without_scripts=AGAIN_SECONDS if film and not film.state.is_over else None,
        when=words("open_today") if is_today else words("open_since", day=day_in_words(opened_on, language)),
        contents=contents(view, language),
        people_count=count_givers(view, language),
        people=people(view, language),
        pictures=[pages.at(request, path) for path in _on_the_door(capsule, covers)],
        has_photos=bool(covers),
        giant=_giant(capsule.title),
        torn=museum_ornaments,
        title_pixels=_title_pixels(capsule),
        bundle=bundle_of(view, words("bundle_untied", people=count_people(view, language)), is_tied=False),
        **values,
    )


def _covers(arrangement: PhotoLayout) -> Sequence[PlacedPhoto]:
    """Return up to three pictures that stand for all, of different stories where there are so many."""
    firsts = [chapter.pictures[0] for chapter in arrangement.chapters if chapter.pictures]
    return firsts[:3] if len(firsts) > 2 else arrangement.everything[:3]


def _on_the_door(capsule: Capsule, covers: Sequence[str]) -> list[str]:
    """Return the addresses of up to three pictures that invite to the photos, the capsule's cover first."""
    photos = [f"/g/m/{medium_id}/thumbnail" for medium_id in covers]
    return [f"/g/c/{capsule.id}/cover", *photos[:2]] if capsule.cover_blob else photos


def _photos(
    pages: Pages, request: Request, view: CapsuleView, wanted: PhotoQuery, *, part: int, sheet: int
) -> Response:
    words = pages.wording(request)
    capsule, language = view.capsule, words.language
    arrangement = photo_layout.lay_out(view)
    shown = _Shown(pages, request, words, view)
    capacity = photo_layout.CAPACITIES[capsule.theme]
    is_looking = capacity.finds and bool(wanted.month or wanted.words)
    pool = arrangement.everything if capacity.finds else arrangement.rest
    rest = matching(view, pool if is_looking else arrangement.rest, wanted, language=language)
    sheets = max(1, -(-len(rest) // capacity.rest))
    if part > arrangement.parts or sheet > sheets:
        raise NotFound
    first = (sheet - 1) * capacity.rest

    def to(place: str, **query: object) -> str:
        """Return the address of a place on this page; the first part and the first sheet need not be said."""
        said = urlencode({name: value for name, value in query.items() if value not in {"", 1}})
        return pages.at(request, f"/g/c/{capsule.id}/photos{'?' if said else ''}{said}#{place}")

    return pages.show(
        request,
        f"photos-{capsule.theme}.html",
        words,
        view=view,
        has_film=(film := main_film(view)) is not None and film.state.has_film,
        contents=contents(view, language),
        people_count=count_givers(view, language),
        people=people(view, language),
        opened_on=day_in_words(opening_day(capsule), language),
        opened_short=short_day(opening_day(capsule), language),
        chapters=[shown.chapter(one) for one in arrangement.chapters if one.part == part],
        index=[shown.line(one) for one in arrangement.chapters],
        covers=[shown.picture(one) for one in arrangement.covers],
        covers_are_all=arrangement.covers_are_all,
        rest=[shown.picture(one) for one in rest[first : first + capacity.rest]],
        rest_count=len(arrangement.rest),
        owners=_owners(arrangement.rest),
        months=photo_search.months(
            view, matching(view, pool, replace(wanted, month=""), language=language), language
        ),
        month_said=photo_search.month_in_full(wanted.month, words) if wanted.month else "",
        wanted=wanted,
        is_looking=is_looking,
        found_count=len(rest),
        finds=capacity.finds and len(arrangement.everything) > capacity.story,
        to=to,
        part=part,
        parts=arrangement.parts,
        sheet=sheet,
        sheets=sheets,
        count=len(arrangement.everything),
        giant=_giant(capsule.title),
        letters=_letters_url(pages, request, view, words),
        torn=museum_ornaments,
        title_pixels=_title_pixels(capsule),
    )


def _owners(rest: Sequence[PlacedPhoto]) -> list[tuple[str, str, int]]:
    """Return id, name and number of photos of everybody who has some among the rest."""
    counts: dict[tuple[str, str], int] = {}
    for one in rest:
        author = (one.story.author.id, one.story.author.name)
        counts[author] = counts.get(author, 0) + 1
    return [(member_id, name, count) for (member_id, name), count in counts.items()]


def _title_pixels(capsule: Capsule) -> object:
    if capsule.theme != "window":
        return None
    # OpenCV, which draws them, is loaded only for the theme that needs it.
    from memorycapsule.render.stages.desktop.page_title import pixel_title

    return pixel_title(capsule.title, themes.load("window").film.heading_font)


def _giant(title: str) -> str:
    wide = sum(2 if ord(letter) > 0x1100 else 1 for letter in title)
    return next((size for most, size in _GIANT if wide <= most), "longest")


def _letters(view: CapsuleView, words: Wording) -> str:
    """Return the letters of all headings of a capsule's pages."""
    said = ("museum_store", "museum_plan", "binder", "story_untitled", "choice", "sealed_people")
    fixed = ("0123456789,.’‘“”", *map(words, said))
    titles = (story.words.title for story in view.stories)
    return font_subsets.letters_of((view.capsule.title, *fixed, words("museum_room", number=1), *titles))


def _letters_url(pages: Pages, request: Request, view: CapsuleView, words: Wording) -> str | None:
    if view.capsule.theme not in font_subsets.FONTS:
        return None
    digest = font_subsets.digest_of(_letters(view, words))
    return pages.at(request, f"/g/c/{view.capsule.id}/letters.css?v={digest}")


class _Shown:
    """Says of stories and photos what pages need, in one language."""

    def __init__(self, pages: Pages, request: Request, words: Wording, view: CapsuleView) -> None:
        self._pages, self._request, self._words, self._view = pages, request, words, view
        self._dyes = {
            contribution.member.id: number % len(DYES)
            for number, contribution in enumerate(view.contributions)
        }

    def chapter(self, chapter: Chapter) -> dict[str, Any]:
        """Return what a page shows of a story."""
        return {
            **self.line(chapter),
            "text": chapter.story.words.text,
            "when": day_in_words(
                photo_layout.caption_of(self._view, chapter.story).date(), self._words.language
            ),
            "pictures": [self.picture(one) for one in chapter.pictures],
            "dealt": [[self.picture(one) for one in row] for row in photo_layout.deal(chapter.pictures)],
            "rows": [
                [{**vars(hung), "picture": self.picture(hung.picture)} for hung in row]
                for row in photo_layout.hang(chapter.pictures)
            ],
            "voices": [{"id": voice.medium.id, "caption": voice.details.caption} for voice in chapter.voices],
        }

    def line(self, chapter: Chapter) -> dict[str, Any]:
        """Return what a list of all stories says of one."""
        story = chapter.story
        return {
            "id": story.story.id,
            "number": chapter.number,
            "part": chapter.part,
            "title": story.words.title or self._words("story_untitled"),
            "who": story.author.name,
            "dye": self._dyes.get(story.author.id, 0),
            "count": chapter.count,
        }

    def picture(self, placed: PlacedPhoto) -> dict[str, Any]:
        """Return what a page shows of a photo or clip."""
        view, story = placed.view, placed.story
        is_clip = view.medium.kind is MediumKind.CLIP
        who = story.author.name
        return {
            "id": view.medium.id,
            "is_clip": is_clip,
            "what": view.details.caption or self._words("clip_of" if is_clip else "photo_of", author=who),
            "caption": view.details.caption,
            "file": view.details.file,
            "who": who,
            "when": self._when(view),
            "dye": self._dyes.get(story.author.id, 0),
            "width": view.details.width,
            "height": view.details.height,
            "shape": photo_layout.shape(view),
            "story": story.words.title or self._words("story_untitled"),
            "excerpt": _excerpt(story.words.text),
        }

    def slide(self, placed: PlacedPhoto) -> dict[str, Any]:
        """Return what the viewer shows of a photo or clip."""
        picture = self.picture(placed)
        address = f"/g/m/{picture['id']}"
        return {
            "id": picture["id"],
            "kind": "clip" if picture["is_clip"] else "photo",
            "src": self._at(f"{address}/display"),
            "small": self._at(f"{address}/thumbnail"),
            "clip": self._at(f"{address}/clip") if picture["is_clip"] else None,
            "original": self._at(f"{address}/original"),
            "width": picture["width"],
            "height": picture["height"],
            "what": picture["what"],
            "title": picture["caption"] or picture["story"],
            "text": placed.story.words.text,
            "by": self._words("story_by", author=picture["who"], day=picture["when"]),
        }

    def _at(self, path: str) -> str:
        return self._pages.at(self._request, path)

    def _when(self, view: MediumView) -> str:
        taken = photo_layout.taken_local(self._view, view)
        return short_day(taken.date(), self._words.language) if taken else self._words("day_unknown")


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _BACK_LETTERS else f"{line[:_BACK_LETTERS].rsplit(' ', 1)[0]}…"
