"""What pages and the viewer say of the stories and photos of an opened capsule, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from starlette.requests import Request

from memorycapsule.daemon.http.guests import photo_layout
from memorycapsule.daemon.http.guests.photo_layout import Chapter, PlacedPhoto, ShownPhoto, ShownStories
from memorycapsule.daemon.http.html.bundle import DYES
from memorycapsule.daemon.http.html.error_texts import story_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.domain.stories import MediumKind
from memorycapsule.services.reading import OpenedView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import day_in_words, short_day
from memorycapsule.words.forms_of_address import addressed

#: How many characters of a story the back of a card shows at most.
_EXCERPT_CHARACTERS = 170


class PhotoFields:
    """Makes the template fields of stories and photos, in one language, of what was read of them."""

    def __init__(
        self, pages: Pages, request: Request, words: Wording, view: OpenedView, shown: ShownStories
    ) -> None:
        self._pages, self._request, self._words, self._shown = pages, request, words, shown
        self._members = {
            contribution.member.id: (contribution.member.name, number % len(DYES))
            for number, contribution in enumerate(view.contributions)
        }
        self._excerpt = cache(_excerpt)

    def chapter(self, chapter: Chapter) -> dict[str, Any]:
        """Return what a page shows of a story."""
        pictures = self._shown.photos(chapter.pictures)
        fields = {one.view.medium.id: self._picture(one) for one in pictures}
        return {
            **self.row(chapter),
            "text": story_text(self._shown.story(chapter.story), self._words),
            "when": day_in_words(chapter.story.told_local.date(), self._words.language),
            "pictures": list(fields.values()),
            "card_rows": [
                [fields[one.view.medium.id] for one in row] for row in photo_layout.card_rows(pictures)
            ],
            "wall_rows": [
                [{**vars(one), "picture": fields[one.picture.view.medium.id]} for one in row]
                for row in photo_layout.wall_rows(pictures)
            ],
            "voices": [
                {"id": voice.medium.id, "caption": voice.details.caption}
                for voice in self._shown.media(chapter.voices)
            ],
        }

    def row(self, chapter: Chapter) -> dict[str, Any]:
        """Return what a list of all stories says of one."""
        story = chapter.story
        name, dye = self._members[story.member_id]
        return {
            "id": story.id,
            "number": chapter.number,
            "part": chapter.part,
            "title": story.title or self._words("story_untitled"),
            "who": name,
            "addressed": addressed(name, self._words.language),
            "dye": dye,
            "count": chapter.count,
        }

    def pictures(self, placed: Iterable[PlacedPhoto]) -> list[dict[str, Any]]:
        """Return what a page shows of photos and clips."""
        return [self._picture(one) for one in self._shown.photos(placed)]

    def slides(self, placed: Iterable[PlacedPhoto]) -> list[dict[str, Any]]:
        """Return what the viewer shows of photos and clips."""
        return [self._slide(one) for one in self._shown.photos(placed)]

    def _picture(self, shown: ShownPhoto) -> dict[str, Any]:
        """Return what a page shows of a photo or clip."""
        view, story = shown.view, shown.story
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
            "when": self._when(shown),
            "dye": self._members[story.author.id][1],
            "width": view.details.width,
            "height": view.details.height,
            "orientation": photo_layout.orientation(view),
            "story": story.words.title or self._words("story_untitled"),
            "excerpt": self._excerpt(story_text(story, self._words)),
        }

    def _slide(self, shown: ShownPhoto) -> dict[str, Any]:
        """Return what the viewer shows of a photo or clip."""
        picture = self._picture(shown)
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
            "text": story_text(shown.story, self._words),
            "by": self._words("story_by", author=picture["who"], day=picture["when"]),
            "missing": [self._words(f"missing_seen_{what}") for what in shown.view.details.missing],
        }

    def _at(self, path: str) -> str:
        return self._pages.at(self._request, path)

    def _when(self, shown: ShownPhoto) -> str:
        taken = shown.dated_local
        return short_day(taken.date(), self._words.language) if taken else self._words("day_unknown")


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT_CHARACTERS else f"{line[:_EXCERPT_CHARACTERS].rsplit(' ', 1)[0]}…"
