"""
Direction: from pictures and words to a montage plan.

`brief` says what the film is to be, `candidates` which pictures there are to choose from, and `lengths` how long
everything is shown. `shots` and `cards` make the shots, `narration` holds them for voice notes, and `beats` puts
them on the music. `broken_pictures` takes what cannot be read out of a finished plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from memorycapsule.domain.film.direction.beats import on_the_beat
from memorycapsule.domain.film.direction.brief import (
    USUAL_PICTURES,
    Direction,
    Length,
    StoryText,
    parse_length,
)
from memorycapsule.domain.film.direction.broken_pictures import without_pictures
from memorycapsule.domain.film.direction.candidates import AnalysePictures, select_candidates
from memorycapsule.domain.film.direction.cards import end_scene, text_scene, title_scene
from memorycapsule.domain.film.direction.lengths import (
    Excerpts,
    Unit,
    check_length,
    choose_excerpts,
    group_into_units,
    most_pictures,
    narration_room_seconds,
    paced_style,
    picture_limit,
    reading_seconds,
)
from memorycapsule.domain.film.direction.narration import (
    VoiceNotes,
    lengthened,
    missing_seconds,
    share_out,
    with_voices,
)
from memorycapsule.domain.film.direction.shots import pictures_scene, seeded_number
from memorycapsule.domain.film.grading import gains_of
from memorycapsule.domain.film.picture_choice import Picture, choose_pictures, film_order
from memorycapsule.domain.film.plan import Credit, MontagePlan, Scene

__all__ = [
    "USUAL_PICTURES",
    "AnalysePictures",
    "Direction",
    "Length",
    "StoryText",
    "check_length",
    "direct",
    "parse_length",
    "picture_limit",
    "reading_seconds",
    "select_candidates",
    "without_pictures",
]

#: How many rooms there are; a stage with fewer looks uses one for several rooms.
_ROOMS = 4
#: How often room is made for voice notes in a film of a requested length; each time less is missing.
_MOST_TRIES = 4


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
    the room that `picture_limit` leaves them. Without pictures the film is title, texts and names. Voice notes are
    heard over what is seen of their story, which is held for them as far as the length allows. The same input
    gives the same plan.
    """
    direction = direction or Direction()
    pictures = list(pictures)
    excerpts = choose_excerpts(direction, pictures, stories)
    names = _names(contributors, stories, pictures)
    dyes = {
        person: direction.style.dyes[index % len(direction.style.dyes)] for index, person in enumerate(names)
    }
    counts = Counter(picture.contributor_key for picture in pictures)
    people = tuple(
        Credit(name=name, dye=dyes[person], count=counts[person]) for person, name in names.items()
    )
    notes: VoiceNotes = {story.story_id: story.notes for story in stories}
    asked, spoken = direction, 0.0
    for _ in range(_MOST_TRIES):
        chosen = choose_pictures(pictures, most_pictures(asked, excerpts, spoken), asked.seed)
        groups = _grouped(asked, chosen, stories)
        units = [unit for _, group in groups for unit in group]
        direction = replace(asked, style=paced_style(asked, units, excerpts, spoken))
        scenes = [
            title_scene(direction, title, date_line, tuple(replace(one, count=0) for one in people), chosen),
            *_story_scenes(direction, groups, excerpts, dyes, chosen),
        ]
        # A screen has nothing to show at the end but names.
        if people or end_line or (direction.style.stage.kind != "screen" and direction.soundtrack.title):
            scenes.append(end_scene(direction, people, end_line, title, chosen))
        longer = missing_seconds(direction, scenes, notes)
        # Where fewer pictures make room for voice notes, the others have to be held for longer.
        if direction.length in {None, "full"} or sum(longer) <= spoken:
            break
        spoken = sum(longer)
    timed = _timed(direction, scenes, notes, longer)
    return MontagePlan(
        size=direction.size,
        fps=direction.fps,
        theme=direction.theme,
        style=direction.style,
        title=title,
        date=date_line,
        scenes=timed,
        soundtrack=direction.soundtrack,
        encoder=direction.encoder,
        fade_out_frames=min(direction.frames(1.4), scenes[-1].shots[-1].frames // 2),
        language=direction.language,
        seed=direction.seed,
    )


def _story_scenes(
    direction: Direction,
    groups: Sequence[tuple[StoryText | None, list[Unit]]],
    excerpts: Excerpts,
    dyes: dict[str, str],
    chosen: Sequence[Picture],
) -> list[Scene]:
    """Return the stories with pictures, and after them those without."""
    rooms = _rooms(
        direction,
        [*(units[0][0].story_id for _, units in groups), *(story.story_id for story, _ in excerpts)],
    )
    return [
        *(
            pictures_scene(direction, units, story, dyes, room)
            for (story, units), room in zip(groups, rooms, strict=False)
        ),
        *(
            text_scene(direction, story, pages, dyes, chosen, room)
            for (story, pages), room in zip(excerpts, rooms[len(groups) :], strict=True)
        ),
    ]


def _timed(
    direction: Direction, scenes: Sequence[Scene], notes: VoiceNotes, longer: Sequence[float]
) -> tuple[Scene, ...]:
    """Return the scenes held for their voice notes, as far as there is room, and put on the beat of the music."""

    def put_on_the_beat(some: Sequence[Scene]) -> tuple[Scene, ...]:
        return on_the_beat(some, direction.soundtrack, direction.fps)

    room = narration_room_seconds(direction, _seconds(direction, scenes))
    most = _seconds(direction, scenes) + room
    timed = with_voices(
        direction, lengthened(direction, scenes, share_out(longer, room)), notes, put_on_the_beat
    )
    # Whole bars may have made more of it; once is enough, since bars are short.
    if any(longer) and (over := _seconds(direction, timed) - most) > 0:
        timed = with_voices(
            direction, lengthened(direction, scenes, share_out(longer, room - over)), notes, put_on_the_beat
        )
    return timed


def _seconds(direction: Direction, scenes: Sequence[Scene]) -> float:
    return sum(shot.frames - shot.entrance_frames for scene in scenes for shot in scene.shots) / direction.fps


def _names(
    contributors: Sequence[str | tuple[str, str]], stories: Sequence[StoryText], pictures: Sequence[Picture]
) -> dict[str, str]:
    """Return the names of all who gave something, by who they are, in order."""
    found = [
        *((person, person) if isinstance(person, str) else person for person in contributors),
        *((story.contributor_key, story.contributor) for story in stories),
        *((item.contributor_key, item.contributor) for item in sorted(pictures, key=film_order)),
    ]
    names: dict[str, str] = {}
    for person, name in found:
        if name:
            names.setdefault(person, name)
    return names


def _grouped(
    direction: Direction, chosen: Sequence[Picture], stories: Sequence[StoryText]
) -> list[tuple[StoryText | None, list[Unit]]]:
    """Return the chosen pictures by story, each group with the words of its story."""
    words = {story.story_id: story for story in stories}
    groups: dict[str, list[Picture]] = {}
    if direction.keeps_story_order:
        groups = {story.story_id: [] for story in stories}
    for picture in chosen:
        groups.setdefault(picture.story_id, []).append(picture)
    return [
        (words.get(story_id), group_into_units(_graded(group))) for story_id, group in groups.items() if group
    ]


def _graded(group: Sequence[Picture]) -> list[Picture]:
    """Return a story's pictures with what brings their light and colour nearer to their neighbours'."""
    return [replace(picture, gains=gains) for picture, gains in zip(group, gains_of(group), strict=True)]


def _rooms(direction: Direction, story_ids: Sequence[str]) -> list[int]:
    """Return a room for each story, another one than its neighbours'; a new story changes few of the others."""
    if direction.style.stage.kind != "gallery":
        return [0] * len(story_ids)
    rooms: list[int] = []
    for story_id in story_ids:
        room = seeded_number(direction.seed, f"room {story_id}") % _ROOMS
        rooms.append((room + 1) % _ROOMS if rooms and rooms[-1] == room else room)
    return rooms
