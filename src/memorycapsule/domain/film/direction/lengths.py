"""Lengths: how long everything is shown, and so how much finds room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from memorycapsule.domain.film.direction.brief import Direction, StoryText
from memorycapsule.domain.film.framing import is_panorama
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import FilmStyle
from memorycapsule.domain.hangul import is_hangul
from memorycapsule.errors import UsageProblem

#: What `short` means.
SHORT_SECONDS = 75.0
#: The title card waits for slow readers, but no longer than this.
_LONGEST_TITLE_SECONDS = 14.0
#: What share of a film of a requested length a long title may take.
_TITLE_SHARE = 0.1
#: A film may be so many times as long as requested, and a second.
_TOLERANCE = 1.2
#: A photo is shown so long at least and at most, to reach a requested length.
SHORTEST_PHOTO_SECONDS, LONGEST_PHOTO_SECONDS = 2.4, 6.4
#: Slow readers: Latin and Korean characters per second.
READING_LATIN, READING_KOREAN = 14.0, 9.0
#: How much is shown of a story without pictures: (pages, letters a page), the first that finds room.
_EXCERPTS = ((3, 300), (1, 300), (1, 150), (1, 60))
#: Stories without pictures leave the others at least this share of the film.
_PICTURES_SHARE = 0.5
#: By this share of the usual length a film may become longer for voice notes.
_SPOKEN_SHARE = 0.5
#: Photos that may stand beside another: width over height between these.
_NARROWEST_UPRIGHT, _WIDEST_UPRIGHT = 0.4, 0.9
#: A clip is seen so long with nothing dissolving in it, and its words at least so long; a shorter one stays on its
#: last frame.
_CLIP_ALONE_SECONDS = 2.0
#: How much longer than one photo two are shown.
_PAIR_TAKES = 1.4

#: Pictures that are shown at once, one or two.
Unit = tuple[Picture, ...]


def reading_seconds(text: str) -> float:
    """Return how long a slow reader needs for `text`."""
    korean = sum(is_hangul(letter) for letter in text)
    return korean / READING_KOREAN + (len(text) - korean) / READING_LATIN


def group_into_units(pictures: Sequence[Picture]) -> list[Unit]:
    """Return what is shown at once: upright photos that follow each other share the frame, two and two."""
    units: list[Unit] = []
    for picture in pictures:
        before = units[-1] if units else ()
        if len(before) == 1 and all(_may_share(one) for one in (*before, picture)):
            units[-1] = (*before, picture)
        else:
            units.append((picture,))
    return units


def _may_share(picture: Picture) -> bool:
    is_upright = picture.width < _WIDEST_UPRIGHT * picture.height
    is_a_strip = picture.width < _NARROWEST_UPRIGHT * picture.height
    return picture.kind == "photo" and is_upright and not is_a_strip and not picture.caption


def unit_seconds(direction: Direction, unit: Unit) -> float:
    """Return for how many seconds a unit is shown: two photos together for 1.4 times as long as one."""
    picture = unit[0]
    if picture.kind == "clip":
        longest = direction.style.longest_clip_seconds
        return max(
            min(picture.duration_seconds, longest), 2 * direction.style.entrance_seconds + _CLIP_ALONE_SECONDS
        )
    if is_panorama(direction.size, picture.width, picture.height):
        return max(direction.style.panorama_seconds, direction.style.photo_seconds)
    return direction.style.photo_seconds * (1.0 if len(unit) == 1 else _PAIR_TAKES)


def _requested_seconds(direction: Direction) -> float | None:
    if direction.length == "short":
        return SHORT_SECONDS
    return direction.length if isinstance(direction.length, float | int) else None


def _cards_seconds(direction: Direction) -> float:
    """Return how long title and end card are together, without what they share with pictures."""
    style = direction.style
    return style.prologue_seconds * 0.75 + style.title_seconds + style.end_seconds - style.entrance_seconds


def title_card_seconds(direction: Direction, title: str) -> float:
    """Return how long the title can be read; a long one does not take a short film of a requested length."""
    seconds = min(max(direction.style.title_seconds, reading_seconds(title) + 2.5), _LONGEST_TITLE_SECONDS)
    if not isinstance(direction.length, float | int):
        return seconds
    return min(seconds, max(direction.style.title_seconds, direction.length * _TITLE_SHARE))


def check_length(direction: Direction, seconds: float | None = None) -> None:
    """
    Refuse a length in seconds that cannot be held.

    `seconds` is how long the film has become; without it, title, end card and one photo are what a film has at
    least. Raises UsageProblem.
    """
    if not isinstance(direction.length, float | int):
        return
    if seconds is None:
        seconds = _cards_seconds(direction) + SHORTEST_PHOTO_SECONDS - direction.style.entrance_seconds
    if seconds > direction.length * _TOLERANCE + 1:
        raise UsageProblem("film_length_too_short", seconds=f"{direction.length:g}", least=math.ceil(seconds))


def _room_seconds(direction: Direction) -> float | None:
    """Return how many seconds there are for pictures and stories together; None for as many as they need."""
    if direction.length == "full":
        return None
    requested = _requested_seconds(direction)
    if requested is not None:
        return max(0.0, requested - _cards_seconds(direction))
    return None if direction.limit is None else direction.limit * _seconds_per_photo(direction)


def _seconds_per_photo(direction: Direction) -> float:
    """Return the seconds that one more photo makes the film longer."""
    return max(0.2, direction.style.photo_seconds - direction.style.entrance_seconds)


#: Stories without pictures, with the pages that are shown of each.
Excerpts = list[tuple[StoryText, list[str]]]


def choose_excerpts(
    direction: Direction, pictures: Sequence[Picture], stories: Sequence[StoryText]
) -> Excerpts:
    """Return the stories that have words and no picture, with as many pages of each as find room."""
    pictured = {picture.story_id for picture in pictures}
    unpictured = [
        story
        for story in stories
        if story.story_id not in pictured and (story.title or story.text or story.notes)
    ]
    room = _room_seconds(direction)
    if room is not None:
        # What few pictures leave is theirs.
        room = max(room * (1 - _PICTURES_SHARE), room - len(pictures) * _seconds_per_photo(direction))
    excerpts: Excerpts = []
    for most, letters in _EXCERPTS:
        excerpts = [(story, _pages(story.text, most, letters) or [""]) for story in unpictured]
        if room is None or excerpts_seconds(direction, excerpts) <= room:
            break
    return excerpts


def excerpts_seconds(direction: Direction, excerpts: Excerpts) -> float:
    """Return how many seconds longer the pages make the film."""
    return sum(
        page_seconds(direction, story, index, page) - direction.style.entrance_seconds
        for story, pages in excerpts
        for index, page in enumerate(pages)
    )


def page_seconds(direction: Direction, story: StoryText, index: int, page: str) -> float:
    heading = story.title if index == 0 else ""
    reading = reading_seconds(heading + page + story.contributor)
    return max(direction.style.photo_seconds, reading + 2 * direction.style.entrance_seconds + 0.6)


def most_pictures(direction: Direction, excerpts: Excerpts, spoken_seconds: float = 0.0) -> int | None:
    """
    Return how many pictures find room; None for all.

    `spoken_seconds` is how much longer they are to be held for voice notes. In a film of a requested length, fewer
    pictures make room for that.
    """
    room = _room_seconds(direction)
    if room is None:
        return None if direction.length == "full" else direction.limit
    is_requested = _requested_seconds(direction) is not None
    others = excerpts_seconds(direction, excerpts) + (spoken_seconds if is_requested else 0.0)
    left = max(room * _PICTURES_SHARE, room - others)
    pictures = max(1, round(left / _seconds_per_photo(direction)))
    return pictures if is_requested or direction.limit is None else min(direction.limit, pictures)


def picture_limit(
    direction: Direction, pictures: Sequence[Picture], stories: Sequence[StoryText]
) -> int | None:
    """
    Return how many pictures `direct` will choose at most; None for all.

    Stories without pictures count, too: as many pictures make room for them as would be shown in the time
    that their pages take, but at least half of the film is left to pictures.
    """
    return most_pictures(direction, choose_excerpts(direction, pictures, stories))


def narration_room_seconds(direction: Direction, seconds: float) -> float:
    """
    Return how many seconds longer a film of `seconds` may become, for people to finish what they say.

    It may reach the requested length. Without one it may reach the usual length, and where pictures and words take
    that already, it may pass it by half. A film of everything takes as long as it takes.
    """
    requested, room = _requested_seconds(direction), _room_seconds(direction)
    if requested is not None:
        return max(0.0, requested - seconds)
    if room is None:
        return math.inf
    return max(_SPOKEN_SHARE * room, room + _cards_seconds(direction) - seconds)


def paced_style(
    direction: Direction, units: Sequence[Unit], excerpts: Excerpts, spoken_seconds: float = 0.0
) -> FilmStyle:
    """
    Return the style with photos shown longer or shorter, so that the film gets the requested length; of that,
    `spoken_seconds` are added later.
    """
    requested = _requested_seconds(direction)
    photos = [unit for unit in units if unit[0].kind == "photo"]
    if requested is None or not photos:
        return direction.style
    clips = sum(
        unit_seconds(direction, unit) - direction.style.entrance_seconds
        for unit in units
        if unit[0].kind == "clip"
    )
    shares = sum(1.0 if len(unit) == 1 else _PAIR_TAKES for unit in photos)
    overlaps = len(photos) * direction.style.entrance_seconds
    words = excerpts_seconds(direction, excerpts) + spoken_seconds
    each = (requested - _cards_seconds(direction) - clips - words + overlaps) / shares
    floor = max(SHORTEST_PHOTO_SECONDS, 2.5 * direction.style.entrance_seconds)
    return replace(direction.style, photo_seconds=min(max(each, floor), max(floor, LONGEST_PHOTO_SECONDS)))


def _pages(text: str, most: int, letters: int) -> list[str]:
    """Return `text` in at most so many pages of at most so many letters, cut between words; '…' where it goes on."""
    pages: list[str] = []
    page = ""
    for word in text.replace("\n", " \n ").split(" "):
        # A word longer than a page is no word; it is cut.
        for piece in [word[at : at + letters] for at in range(0, len(word), letters)]:
            if page and len(page) + 1 + len(piece) > letters:
                pages.append(page.strip())
                page = ""
            page = piece if not page else f"{page} {piece}"
    pages = [item for item in (*pages, page.strip()) if item]
    if len(pages) > most:
        pages = pages[:most]
        pages[-1] = pages[-1].rstrip(" .,") + " …"
    return pages
