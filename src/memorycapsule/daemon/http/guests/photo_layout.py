"""
Arranging: what of an opened capsule is shown where, for one photo as for five hundred.

A story shows so many of its photos itself; all that are left go into the theme's own place for many (a binder, a
store room, a window of their own), a page at a time. So every photo has exactly one place, whatever its theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from memorycapsule.domain.film.camera_clocks import is_made_up
from memorycapsule.domain.stories import MediumKind
from memorycapsule.domain.zones import local_of, zone
from memorycapsule.services.reading import CapsuleView, MediumView, StoryView

#: So many stories are on one page; more are reached through the list of all.
STORIES_A_PART = 12
#: Columns of a museum's wall, and how many of them its text takes.
_COLUMNS, _WALL_TEXT = 12, 3
_FRAMES = ("oak", "walnut", "gilt")
#: From how much wider than high, or the other way round, a picture counts as wide or tall.
_SQUARE_UP_TO = 1.08
#: How wide a card is for its height, and how wide a row of them may be; the first row has large ones.
_CARD_WIDTHS = {"wide": 7 / 5, "square": 1.0, "tall": 5 / 7}
_ROW_WIDTH, _FIRST_ROW_WIDTH = 4.0, 2.3
#: What hangs in so few columns at most is small enough to stand beside another on a telephone.
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
    #: Whether it looks for photos in all of the capsule, not only among the rest.
    finds: bool = False


CAPACITIES = {
    "photocard": Capacity(story=9, rest=18, covers=3),
    "museum": Capacity(story=12, rest=48, covers=0),
    "window": Capacity(story=15, rest=30, covers=4, finds=True),
    "classic": Capacity(story=24, rest=60, covers=0),
}


@dataclass(frozen=True, kw_only=True)
class PlacedPhoto:
    """A photo or clip and the story that it belongs to."""

    view: MediumView
    story: StoryView


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A story as a page shows it."""

    story: StoryView
    #: From 1, through all parts.
    number: int
    #: On which part of the page it is, from 1.
    part: int
    pictures: tuple[PlacedPhoto, ...]
    voices: tuple[MediumView, ...]
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
    everything: tuple[PlacedPhoto, ...]
    parts: int

    @property
    def covers_are_all(self) -> bool:
        """Whether the covers are not a foretaste but all there is."""
        return len(self.covers) == len(self.everything)


def taken_local(view: CapsuleView, medium: MediumView) -> datetime | None:
    """Return the wall time at which a photo was taken; None where its camera said none that can be believed."""
    said = medium.details.taken_local
    if said is None:
        return None
    at = medium.details.taken_at(zone(view.capsule.zone).utcoffset(said) or timedelta(0))
    return None if at is None or is_made_up(said, at, medium.medium.created_at) else said


def caption_of(view: CapsuleView, story: StoryView) -> datetime:
    """Return the wall time that a story tells of: of its first photo, or else of its writing."""
    taken = [at for medium in story.media if (at := taken_local(view, medium))]
    return min(taken, default=local_of(story.story.created_at, view.capsule.zone))


def lay_out(view: CapsuleView) -> PhotoLayout:
    """Give every story and every photo of a capsule its place, in the order of what they tell of."""
    capacity = CAPACITIES[view.capsule.theme]
    stories = sorted(view.stories, key=lambda story: (caption_of(view, story), story.story.created_at))
    placed = [
        tuple(
            PlacedPhoto(view=medium, story=story)
            for medium in story.media
            if medium.medium.kind is not MediumKind.VOICE
        )
        for story in stories
    ]
    everything = tuple(picture for pictures in placed for picture in pictures)
    covers_are_all = len(everything) <= capacity.covers
    firsts = [pictures[0] for pictures in placed if pictures][: capacity.covers]
    if len(firsts) < capacity.covers:
        firsts = list(everything[: capacity.covers])
    return PhotoLayout(
        chapters=tuple(
            Chapter(
                story=story,
                number=number,
                part=1 + (number - 1) // STORIES_A_PART,
                pictures=() if covers_are_all else pictures[: capacity.story],
                voices=tuple(one for one in story.media if one.medium.kind is MediumKind.VOICE),
                count=len(pictures),
            )
            for number, (story, pictures) in enumerate(zip(stories, placed, strict=True), start=1)
        ),
        covers=tuple(firsts),
        rest=()
        if covers_are_all
        else tuple(picture for pictures in placed for picture in pictures[capacity.story :]),
        everything=everything,
        parts=max(1, -(-len(stories) // STORIES_A_PART)),
    )


def shape(view: MediumView) -> str:
    """Return 'wide', 'tall' or 'square'."""
    width, height = view.details.width, view.details.height
    if width > height * _SQUARE_UP_TO:
        return "wide"
    return "tall" if height > width * _SQUARE_UP_TO else "square"


def deal(pictures: Sequence[PlacedPhoto]) -> list[list[PlacedPhoto]]:
    """
    Deal cards onto a table in rows that are about equally full, so that none lies alone in the last.

    The first row has fewer, and so larger, cards than the others.
    """
    widths = [_CARD_WIDTHS[shape(picture.view)] for picture in pictures]
    if sum(widths) <= _ROW_WIDTH:
        return [list(pictures)] if pictures else []
    ahead = 0
    while sum(widths[:ahead]) < _FIRST_ROW_WIDTH and ahead < len(pictures) - 2:
        ahead += 1
    rows = [list(pictures[:ahead])]
    left = widths[ahead:]
    count = max(1, round(sum(left) / _ROW_WIDTH))
    done = 0.0
    row: list[PlacedPhoto] = []
    for picture, width in zip(pictures[ahead:], left, strict=True):
        if row and done + width / 2 > sum(left) * len(rows) / count:
            rows.append(row)
            row = []
        row.append(picture)
        done += width
    return [*rows, row]


@dataclass(frozen=True, kw_only=True)
class Hung:
    """A work on a museum's wall."""

    picture: PlacedPhoto
    #: Columns of twelve.
    span: int
    frame: str
    #: Whether it stands beside another small one on a telephone.
    is_half: bool = False


def hang(pictures: Sequence[PlacedPhoto]) -> list[list[Hung]]:
    """
    Hang works in rows of twelve columns, the first of which begins with the wall text.

    Wide works get more room than tall ones, and the first wide one most.
    """
    rows: list[list[Hung]] = [[]]
    free = _COLUMNS - _WALL_TEXT
    for number, picture in enumerate(pictures):
        wanted = {"wide": 4, "square": 3, "tall": 3}[shape(picture.view)]
        wanted += wanted == 4 and number % 5 == 0
        if wanted > free and free < _SMALL_SPAN:
            rows.append([])
            free = _COLUMNS
        span = min(wanted, free)
        rows[-1].append(Hung(picture=picture, span=span, frame=_FRAMES[number % len(_FRAMES)]))
        free -= span
    return [_halved(row) for row in rows if row]


def _halved(row: Sequence[Hung]) -> list[Hung]:
    halves: set[int] = set()
    for (first, one), (second, other) in pairwise(enumerate(row)):
        if first not in halves and max(one.span, other.span) <= _SMALL_SPAN:
            halves |= {first, second}
    return [
        Hung(picture=one.picture, span=one.span, frame=one.frame, is_half=number in halves)
        for number, one in enumerate(row)
    ]
