"""What pages and the viewer say of the stories and photos of an opened capsule, in the reader's language."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from memorycapsule.daemon.http.guests import photo_layout
from memorycapsule.daemon.http.guests.photo_layout import Chapter, PlacedPhoto
from memorycapsule.daemon.http.html.bundle import DYES
from memorycapsule.daemon.http.html.error_texts import story_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.domain.stories import MediumKind
from memorycapsule.services.reading import CapsuleView, MediumView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import day_in_words, short_day
from memorycapsule.words.forms_of_address import addressed

#: How many characters of a story the back of a card shows at most.
_EXCERPT_CHARACTERS = 170


class PhotoFields:
    """Makes the template fields of stories and photos, in one language."""

    def __init__(self, pages: Pages, request: Request, words: Wording, view: CapsuleView) -> None:
        self._pages, self._request, self._words, self._view = pages, request, words, view
        self._dyes = {
            contribution.member.id: number % len(DYES)
            for number, contribution in enumerate(view.contributions)
        }

    def chapter(self, chapter: Chapter) -> dict[str, Any]:
        """Return what a page shows of a story."""
        return {
            **self.row(chapter),
            "text": story_text(chapter.story, self._words),
            "when": day_in_words(
                photo_layout.story_time(self._view, chapter.story).date(), self._words.language
            ),
            "pictures": [self.picture(one) for one in chapter.pictures],
            "card_rows": [
                [self.picture(one) for one in row] for row in photo_layout.card_rows(chapter.pictures)
            ],
            "wall_rows": [
                [{**vars(one), "picture": self.picture(one.picture)} for one in row]
                for row in photo_layout.wall_rows(chapter.pictures)
            ],
            "voices": [{"id": voice.medium.id, "caption": voice.details.caption} for voice in chapter.voices],
        }

    def row(self, chapter: Chapter) -> dict[str, Any]:
        """Return what a list of all stories says of one."""
        story = chapter.story
        return {
            "id": story.story.id,
            "number": chapter.number,
            "part": chapter.part,
            "title": story.words.title or self._words("story_untitled"),
            "who": story.author.name,
            "addressed": addressed(story.author.name, self._words.language),
            "dye": self._dyes.get(story.author.id, 0),
            "count": chapter.count,
        }

    def picture(self, placed: PlacedPhoto) -> dict[str, Any]:
        """Return what a page shows of a photo or clip."""
        view, story = placed.view, placed.story
        is_clip = view.medium.kind is MediumKind.CLIP
        who = story.author.name
        author = addressed(who, self._words.language)
        return {
            "id": view.medium.id,
            "is_clip": is_clip,
            "what": view.details.caption or self._words("clip_of" if is_clip else "photo_of", author=author),
            "caption": view.details.caption,
            "file": view.details.file,
            "who": who,
            "when": self._when(view),
            "dye": self._dyes.get(story.author.id, 0),
            "width": view.details.width,
            "height": view.details.height,
            "orientation": photo_layout.orientation(view),
            "story": story.words.title or self._words("story_untitled"),
            "excerpt": _excerpt(story_text(story, self._words)),
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
            "text": story_text(placed.story, self._words),
            "by": self._words("story_by", author=picture["who"], day=picture["when"]),
            "missing": [self._words(f"missing_seen_{what}") for what in placed.view.details.missing],
        }

    def _at(self, path: str) -> str:
        return self._pages.at(self._request, path)

    def _when(self, view: MediumView) -> str:
        taken = photo_layout.taken_local(self._view, view)
        return short_day(taken.date(), self._words.language) if taken else self._words("day_unknown")


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT_CHARACTERS else f"{line[:_EXCERPT_CHARACTERS].rsplit(' ', 1)[0]}…"
