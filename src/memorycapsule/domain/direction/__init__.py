"""
Directing: from pictures and words to a montage plan.

`brief` says what is wished, `selecting` what there is to choose from, `lengths` how long everything is shown;
`shooting` and `cards` make the shots, `beats` puts them on the music, and `leaving_out` takes broken pictures out of
a finished plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from memorycapsule.domain.choosing import Picture, choose, when
from memorycapsule.domain.direction.beats import on_the_beat
from memorycapsule.domain.direction.brief import USUAL_PICTURES, Direction, Length, StoryText, parse_length
from memorycapsule.domain.direction.cards import end_scene, title_scene, words_scene
from memorycapsule.domain.direction.leaving_out import leave_out
from memorycapsule.domain.direction.lengths import (
    Unit,
    limit,
    paced,
    paired,
    picture_limit,
    reading_seconds,
    told,
)
from memorycapsule.domain.direction.selecting import LookAt, select
from memorycapsule.domain.direction.shooting import pictures_scene, toss
from memorycapsule.domain.grading import gains_of
from memorycapsule.domain.plan import Credit, MontagePlan

__all__ = [
    "USUAL_PICTURES",
    "Direction",
    "Length",
    "LookAt",
    "StoryText",
    "direct",
    "leave_out",
    "parse_length",
    "picture_limit",
    "reading_seconds",
    "select",
]

#: How many rooms there are; stages that tell rooms apart by fewer looks share them out.
_ROOMS = 4


def direct(
    *,
    title: str,
    date_line: str = "",
    pictures: Iterable[Picture],
    stories: Sequence[StoryText] = (),
    contributors: Sequence[str | tuple[str, str]] = (),
    end_line: str = "",
    direction: Direction | None = None,
) -> MontagePlan:
    """
    Plan a film: title card, the stories' pictures in order with their titles, stories without pictures as
    cards, end card.

    `contributors` are the names on the end card, in order; names that only pictures or stories know are
    added. Each is a name, or (id, name) where two people may have the same one. `date_line` stands under the
    title ('2016 - 2026'), `end_line` above the names. Stories without any picture come after the others; when
    there are many, one page of each is shown, and a shorter one the more there are, so that they take at most
    the room that `picture_limit` leaves them. Without pictures the film is title, texts and names. The same
    input gives the same plan.
    """
    how = direction or Direction()
    given = list(pictures)
    bare = told(how, given, stories)
    chosen = choose(given, limit(how, bare), how.seed)
    names = _names(contributors, stories, given)
    dyes = {person: how.style.dyes[index % len(how.style.dyes)] for index, person in enumerate(names)}
    gave = Counter(picture.given_by for picture in given)
    people = tuple(Credit(name=name, dye=dyes[person], count=gave[person]) for person, name in names.items())
    groups = _grouped(how, chosen, stories)
    how = replace(how, style=paced(how, [unit for _, units in groups for unit in units], bare))
    uncounted = tuple(replace(person, count=0) for person in people)
    scenes = [title_scene(how, title, date_line, uncounted, chosen)]
    rooms = _rooms(
        how, [*(units[0][0].story_id for _, units in groups), *(story.story_id for story, _ in bare)]
    )
    scenes += [
        pictures_scene(how, units, story, dyes, room)
        for (story, units), room in zip(groups, rooms, strict=False)
    ]
    scenes += [
        words_scene(how, story, pages, dyes, chosen, room)
        for (story, pages), room in zip(bare, rooms[len(groups) :], strict=True)
    ]
    # A screen has nothing to show at the end but names.
    if people or end_line or (how.style.stage.kind != "screen" and how.soundtrack.title):
        scenes.append(end_scene(how, people, end_line, title, chosen))
    return MontagePlan(
        size=how.size,
        fps=how.fps,
        theme=how.theme,
        style=how.style,
        title=title,
        date=date_line,
        scenes=on_the_beat(scenes, how.soundtrack, how.fps),
        soundtrack=how.soundtrack,
        encoder=how.encoder,
        fade_out_frames=min(how.frames(1.4), scenes[-1].shots[-1].frames // 2),
        seed=how.seed,
    )


def _names(
    contributors: Sequence[str | tuple[str, str]], stories: Sequence[StoryText], pictures: Sequence[Picture]
) -> dict[str, str]:
    """Return the names of all who gave something, by who they are, in order."""
    found = [
        *((person, person) if isinstance(person, str) else person for person in contributors),
        *((story.given_by, story.contributor) for story in stories),
        *((item.given_by, item.contributor) for item in sorted(pictures, key=when)),
    ]
    names: dict[str, str] = {}
    for person, name in found:
        if name:
            names.setdefault(person, name)
    return names


def _grouped(
    how: Direction, chosen: Sequence[Picture], stories: Sequence[StoryText]
) -> list[tuple[StoryText | None, list[Unit]]]:
    """Return the chosen pictures by story, each group with the words of its story."""
    words = {story.story_id: story for story in stories}
    groups: dict[str, list[Picture]] = {}
    if how.keeps_story_order:
        groups = {story.story_id: [] for story in stories}
    for picture in chosen:
        groups.setdefault(picture.story_id, []).append(picture)
    return [(words.get(story_id), paired(_graded(group))) for story_id, group in groups.items() if group]


def _graded(group: Sequence[Picture]) -> list[Picture]:
    """Return a story's pictures with what brings their light and colour nearer to their neighbours'."""
    return [replace(picture, gains=gains) for picture, gains in zip(group, gains_of(group), strict=True)]


def _rooms(how: Direction, story_ids: Sequence[str]) -> list[int]:
    """Return a room for each story, another one than its neighbours'; a new story changes few of the others."""
    if how.style.stage.kind != "gallery":
        return [0] * len(story_ids)
    rooms: list[int] = []
    for story_id in story_ids:
        room = toss(how.seed, f"room {story_id}") % _ROOMS
        rooms.append((room + 1) % _ROOMS if rooms and rooms[-1] == room else room)
    return rooms
