"""Cards: the title, stories without pictures, and the end."""

from __future__ import annotations

import math
from collections.abc import Sequence

from memorycapsule.domain.film.direction.brief import Direction, StoryText
from memorycapsule.domain.film.direction.lengths import page_seconds, title_card_seconds
from memorycapsule.domain.film.direction.shots import seeded_number, source_of
from memorycapsule.domain.film.framing import drift
from memorycapsule.domain.film.picture_choice import Picture, film_order
from memorycapsule.domain.film.plan import Card, Credit, Entrance, Scene, Source

_NAMES_PER_PAGE = 24


def _backdrop(chosen: Sequence[Picture]) -> list[Source]:
    """Return photos fit to shimmer through a card: wide ones first."""
    photos = [picture for picture in chosen if picture.kind == "photo"]
    photos.sort(key=lambda picture: (picture.width < picture.height, film_order(picture)))
    return [source_of(picture) for picture in photos]


def _spread(direction: Direction, chosen: Sequence[Picture], count: int) -> tuple[Source, ...]:
    """Return up to so many photos to lie on a table, evenly spread over the film."""
    is_table = direction.style.stage.kind == "table"
    photos = [picture for picture in chosen if picture.kind == "photo" and is_table]
    count = min(count, len(photos))
    return tuple(source_of(photos[(2 * place + 1) * len(photos) // (2 * count)]) for place in range(count))


def title_scene(
    direction: Direction,
    title: str,
    date_line: str,
    people: tuple[Credit, ...],
    chosen: Sequence[Picture],
) -> Scene:
    shots: list[Card] = []
    if direction.style.prologue_seconds:
        shots.append(
            Card(
                frames=direction.frames(direction.style.prologue_seconds),
                entrance_frames=0,
                role="prologue",
                credits=people,
            )
        )
    card = Card(
        frames=direction.frames(title_card_seconds(direction, title)),
        entrance_frames=direction.frames(direction.style.prologue_seconds * 0.25) if shots else 0,
        role="title",
        sources=_spread(direction, chosen, 3),
        heading=title,
        note=date_line,
        credits=people,
        backdrop=next(iter(_backdrop(chosen)), None),
        move=drift(direction.style.zoom, nearer=True),
    )
    return Scene(story_id=None, title=title, shots=(*shots, card))


def text_scene(
    direction: Direction,
    story: StoryText,
    pages: Sequence[str],
    dyes: dict[str, str],
    chosen: Sequence[Picture],
    room: int,
) -> Scene:
    own = [picture for picture in chosen if picture.contributor_key == story.contributor_key]
    around = _backdrop(own) or _backdrop(chosen)
    backdrop = around[seeded_number(direction.seed, story.story_id) % len(around)] if around else None
    shots = []
    for index, page in enumerate(pages):
        heading = story.title if index == 0 else ""
        note = story.contributor if index == len(pages) - 1 else ""
        # Where nothing is written, there is only somebody to be heard.
        if not heading and not page:
            heading, note = note, ""
        entrance, entrance_frames = _entrance(direction, is_first=index == 0)
        shots.append(
            Card(
                frames=direction.frames(page_seconds(direction, story, index, page)),
                entrance_frames=entrance_frames,
                entrance=entrance,
                role="text",
                heading=heading,
                body=page,
                note=note,
                credits=(Credit(name=story.contributor, dye=dyes[story.contributor_key]),)
                if story.contributor
                else (),
                backdrop=backdrop,
                move=drift(direction.style.zoom, nearer=index % 2 == 0),
                room=room,
            )
        )
    return Scene(story_id=story.story_id, title=story.title, shots=tuple(shots))


def _entrance(direction: Direction, *, is_first: bool) -> tuple[Entrance, int]:
    """
    Return how a card comes in, and in how many frames: in a gallery on foot, as works do; the other stages have
    ways of their own for words.
    """
    style = direction.style
    if style.stage.kind != "gallery":
        return "crossfade", direction.frames(style.entrance_seconds)
    if is_first:
        return style.story_entrance, direction.frames(style.story_entrance_seconds)
    return style.entrance, direction.frames(style.entrance_seconds)


def end_scene(
    direction: Direction, people: tuple[Credit, ...], end_line: str, title: str, chosen: Sequence[Picture]
) -> Scene:
    backdrops = _backdrop(chosen)
    count = max(1, math.ceil(len(people) / _NAMES_PER_PAGE))
    size = math.ceil(len(people) / count)
    ways = [_entrance(direction, is_first=page == 0) for page in range(count)]
    shots = tuple(
        Card(
            frames=direction.frames(direction.style.end_seconds),
            entrance_frames=ways[page][1],
            entrance=ways[page][0],
            role="end",
            # Where nobody is named, the film says its own name once more.
            heading=end_line or ("" if people else title),
            note=direction.soundtrack.title,
            credits=people[page * size : (page + 1) * size],
            sources=_spread(direction, chosen, 9),
            backdrop=backdrops[-1] if backdrops else None,
            move=drift(direction.style.zoom, nearer=False),
        )
        for page in range(count)
    )
    return Scene(story_id=None, title="", shots=shots)
