"""
The layout of an opened capsule: which story and photo stands where, for one photo as for five hundred.

Each story shows its first photos itself. The rest of all stories go together into the theme's own place for many (a
binder, a store room, a window), a page at a time. So every photo has exactly one place, whatever the theme.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from typing import NamedTuple

from memorycapsule.services.album.albums import AlbumMedium, AlbumStory
from memorycapsule.services.album.story_views import MediumView, StoryView
from memorycapsule.services.reading import OpenedView

#: How many stories one part of the page shows; the list of all stories leads to the other parts.
STORIES_PER_PART = 12
#: Columns of a museum's wall, and how many of them its text takes.
_COLUMNS, _WALL_TEXT = 12, 3
_FRAMES = ("oak", "walnut", "gilt")
#: From how much wider than high, or the other way round, a picture counts as wide or tall.
_SQUARE_UP_TO = 1.08
#: How wide a card is for its height, and how wide a row of them may be; the first row has large ones.
#: In a wider row, upright cards become too narrow for the words on their backs.
_CARD_WIDTHS = {"wide": 7 / 5, "square": 1.0, "tall": 5 / 7}
_ROW_WIDTH, _FIRST_ROW_WIDTH = 4.4, 2.3
#: A photo of at most so many columns is small enough to stand beside another on a telephone.
_SMALL_SPAN = 3


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How much a theme shows at once."""

    #: Photos that a story shows itself.
    story: int
    #: Photos on a page of the rest.
    rest: int
    #: Photos that stand beside the title; with no more than that in all, the stories show none themselves.
    covers: int


CAPACITIES = {
    "photocard": Capacity(story=9, rest=18, covers=3),
    "museum": Capacity(story=12, rest=48, covers=0),
    "window": Capacity(story=15, rest=30, covers=4),
    "classic": Capacity(story=24, rest=60, covers=0),
}


class PlacedPhoto(NamedTuple):
    """A photo or clip in its place, and the story that it belongs to."""

    medium: AlbumMedium
    story: AlbumStory


@dataclass(frozen=True, kw_only=True)
class ShownPhoto:
    """A photo or clip as a page shows it, and the story that it belongs to."""

    view: MediumView
    story: StoryView
    #: The wall time at which it was taken; None where its file gave none that can be believed.
    dated_local: datetime | None


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A story as a page shows it."""

    story: AlbumStory
    #: From 1, through all parts.
    number: int
    #: On which part of the page it is, from 1.
    part: int
    pictures: tuple[PlacedPhoto, ...]
    voices: tuple[AlbumMedium, ...]
    #: How many photos and clips it has in all.
    count: int


@dataclass(frozen=True, kw_only=True)
class PhotoLayout:
    """All of an opened capsule in order."""

    chapters: tuple[Chapter, ...]
    covers: tuple[PlacedPhoto, ...]
    #: Photos and clips that the chapters do not show themselves.
    rest: tuple[PlacedPhoto, ...]
    #: Every photo and clip, in order.
    all_photos: tuple[PlacedPhoto, ...]
    parts: int

    @property
    def covers_are_all(self) -> bool:
        """Whether the covers are all photos there are, and not only the first ones."""
        return len(self.covers) == len(self.all_photos)


def lay_out(view: OpenedView) -> PhotoLayout:
    """Give every story and every photo of a capsule its place, in the order of its album."""
    capacity = CAPACITIES[view.capsule.theme]
    stories = view.album.stories
    placed = [
        tuple(PlacedPhoto(medium=medium, story=story) for medium in story.pictures) for story in stories
    ]
    all_photos = tuple(chain.from_iterable(placed))
    covers_are_all = len(all_photos) <= capacity.covers
    firsts = [pictures[0] for pictures in placed if pictures][: capacity.covers]
    if len(firsts) < capacity.covers:
        firsts = list(all_photos[: capacity.covers])
    return PhotoLayout(
        chapters=tuple(
            Chapter(
                story=story,
                number=number,
                part=1 + (number - 1) // STORIES_PER_PART,
                pictures=() if covers_are_all else pictures[: capacity.story],
                voices=tuple(story.voices),
                count=len(pictures),
            )
            for number, (story, pictures) in enumerate(zip(stories, placed, strict=True), start=1)
        ),
        covers=tuple(firsts),
        rest=()
        if covers_are_all
        else tuple(picture for pictures in placed for picture in pictures[capacity.story :]),
        all_photos=all_photos,
        parts=max(1, -(-len(stories) // STORIES_PER_PART)),
    )


class ShownStories:
    """Stories of a capsule as they were read, by their ids, with those of their media that a page shows."""

    def __init__(self, stories: Mapping[str, StoryView]) -> None:
        self._stories = stories
        self._media = {one.medium.id: one for story in stories.values() for one in story.media}

    def story(self, placed: AlbumStory) -> StoryView:
        """Return a story as it was read."""
        return self._stories[placed.id]

    def media(self, placed: Iterable[AlbumMedium]) -> list[MediumView]:
        """Return media as they were read, without those that cannot be read any more."""
        return [self._media[one.id] for one in placed if one.id in self._media]

    def photos(self, placed: Iterable[PlacedPhoto]) -> list[ShownPhoto]:
        """Return photos as they were read, without those that cannot be read any more."""
        return [
            ShownPhoto(
                view=self._media[one.medium.id],
                story=self._stories[one.story.id],
                dated_local=one.medium.dated_local,
            )
            for one in placed
            if one.medium.id in self._media
        ]


def orientation(view: MediumView) -> str:
    """Return 'wide', 'tall' or 'square'."""
    width, height = view.details.width, view.details.height
    if width > height * _SQUARE_UP_TO:
        return "wide"
    return "tall" if height > width * _SQUARE_UP_TO else "square"


def card_rows(pictures: Sequence[ShownPhoto]) -> list[list[ShownPhoto]]:
    """
    Return photos in rows of cards that are about equally full, so that no card lies alone in the last row.

    The first row has fewer, and so larger, cards than the others.
    """
    widths = [_CARD_WIDTHS[orientation(picture.view)] for picture in pictures]
    if sum(widths) <= _ROW_WIDTH:
        return [list(pictures)] if pictures else []
    in_first = 0
    while sum(widths[:in_first]) < _FIRST_ROW_WIDTH and in_first < len(pictures) - 2:
        in_first += 1
    rows = [list(pictures[:in_first])]
    left = widths[in_first:]
    count = max(1, math.ceil(sum(left) / _ROW_WIDTH))
    done = 0.0
    row: list[ShownPhoto] = []
    for picture, width in zip(pictures[in_first:], left, strict=True):
        if row and done + width / 2 > sum(left) * len(rows) / count:
            rows.append(row)
            row = []
        row.append(picture)
        done += width
    return [*rows, row]


@dataclass(frozen=True, kw_only=True)
class WallPhoto:
    """A photo on a museum's wall."""

    picture: ShownPhoto
    #: Columns of twelve.
    span: int
    frame: str
    #: Whether it stands beside another small one on a telephone.
    is_half: bool = False


def wall_rows(pictures: Sequence[ShownPhoto]) -> list[list[WallPhoto]]:
    """
    Return photos in rows of twelve columns on a wall; the first row begins with the wall text.

    Wide photos get more columns than tall ones, and every fifth photo, if it is wide, gets one more.
    """
    rows: list[list[WallPhoto]] = [[]]
    free = _COLUMNS - _WALL_TEXT
    for number, picture in enumerate(pictures):
        wanted = {"wide": 4, "square": 3, "tall": 3}[orientation(picture.view)]
        wanted += wanted == 4 and number % 5 == 0
        if wanted > free and free < _SMALL_SPAN:
            rows.append([])
            free = _COLUMNS
        span = min(wanted, free)
        rows[-1].append(WallPhoto(picture=picture, span=span, frame=_FRAMES[number % len(_FRAMES)]))
        free -= span
    return [_halved(row) for row in rows if row]


def _halved(row: Sequence[WallPhoto]) -> list[WallPhoto]:
    """Return a row in which small neighbours stand in pairs on a telephone."""
    halves: set[int] = set()
    for (first, one), (second, other) in pairwise(enumerate(row)):
        if first not in halves and max(one.span, other.span) <= _SMALL_SPAN:
            halves |= {first, second}
    return [
        WallPhoto(picture=one.picture, span=one.span, frame=one.frame, is_half=number in halves)
        for number, one in enumerate(row)
    ]
