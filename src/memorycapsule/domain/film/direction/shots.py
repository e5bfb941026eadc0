"""Shots: how the pictures of a story are shown, captioned, and brought in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from memorycapsule.domain.film.direction.brief import Direction, StoryText
from memorycapsule.domain.film.direction.lengths import Unit, reading_seconds, unit_seconds
from memorycapsule.domain.film.framing import clip_fit, drift, frame_picture
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Caption, Clip, Entrance, Photo, Scene, Shot, Source


def pictures_scene(
    direction: Direction, units: Sequence[Unit], story: StoryText | None, dyes: dict[str, str], room: int
) -> Scene:
    """Return a story's pictures in order; the first brings its title."""
    days = [day for unit in units if (day := _day(direction, unit[0]))]
    shots: list[Shot] = []
    named_day = ""
    for index, unit in enumerate(units):
        day = _day(direction, unit[0])
        # Where not every picture is labelled, the first of each day is, in a story that lasts several days.
        is_new_day = len(set(days)) > 1 and day != named_day
        named_day = day or named_day
        caption = _caption(
            direction,
            unit,
            dyes,
            heading=story.title if story and index == 0 else "",
            when=day if direction.style.labels == "every" or is_new_day else "",
        )
        shots.append(
            _shot(direction, unit, caption, _entrance(direction, unit[0], is_first=index == 0), room)
        )
    return Scene(story_id=units[0][0].story_id, title=story.title if story else "", shots=tuple(shots))


def _entrance(direction: Direction, picture: Picture, *, is_first: bool) -> tuple[Entrance, int]:
    """Return how a picture comes in, and in how many frames."""
    style = direction.style
    if is_first:
        return style.story_entrance, direction.frames(style.story_entrance_seconds)
    # By the picture, not by counting: a new story changes nothing in the others.
    is_fan = style.fan_every > 0 and seeded_number(direction.seed, f"fan {picture.id}") % style.fan_every == 0
    return "fan" if is_fan else style.entrance, direction.frames(style.entrance_seconds)


def _caption(
    direction: Direction, unit: Unit, dyes: dict[str, str], *, heading: str, when: str
) -> Caption | None:
    """Return the caption of a picture, its frames still missing; None where there is nothing to say."""
    is_named = direction.style.labels == "every" or bool(heading)
    names = dict.fromkeys(picture.contributor for picture in unit if picture.contributor)
    words = Caption(
        heading=heading,
        text=unit[0].caption,
        who=", ".join(names) if is_named else "",
        when=when,
        dye=dyes.get(unit[0].contributor_key, direction.style.accent),
        first=0,
        stop=0,
    )
    return words if any((words.heading, words.text, words.who, words.when)) else None


def _day(direction: Direction, picture: Picture) -> str:
    return direction.day_in_words(picture.taken_local) if picture.taken_local else ""


def _shot(
    direction: Direction, unit: Unit, caption: Caption | None, entrance: tuple[Entrance, int], room: int
) -> Shot:
    picture = unit[0]
    way, coming = entrance
    going = direction.entrance_frames
    frames = max(direction.frames(unit_seconds(direction, unit)), coming + going + direction.frames(0.4))
    if caption:
        # Words come when the entrance is nearly over and are gone before the next begins. They can be read
        # before they go: a clip that is over sooner stays on its last frame.
        first = max(1, round(coming * 0.7))
        reading = direction.frames(min(reading_seconds(caption.heading + caption.text) + 0.9, 12.0))
        frames = max(frames, first + reading + going)
        caption = replace(caption, first=first, stop=max(first + 2, frames - going))
    tilt = round(
        direction.style.tilt * (seeded_number(direction.seed, f"tilt {picture.id}") % 201 / 100 - 1), 2
    )
    if picture.kind == "clip":
        spare = max(0.0, picture.duration_seconds - frames / direction.fps)
        best = picture.analysis.best_seconds if picture.analysis else spare / 2
        return Clip(
            frames=frames,
            entrance_frames=coming,
            entrance=way,
            source=source_of(picture),
            fit=clip_fit(direction.size, picture.width, picture.height),
            start_seconds=round(min(best, spare), 3),
            has_sound=picture.has_sound,
            room=room,
            tilt=tilt,
            caption=caption,
        )
    focus = (picture.analysis.focus_x, picture.analysis.focus_y) if picture.analysis else None
    fit, move = frame_picture(
        direction.size,
        picture.width,
        picture.height,
        direction.style.zoom,
        seeded_number(direction.seed, picture.id),
        focus,
    )
    if direction.style.stage.kind != "screen" or len(unit) > 1:
        fit, move = "inset", drift(direction.style.zoom, nearer=True)
    return Photo(
        frames=frames,
        entrance_frames=coming,
        entrance=way,
        source=source_of(picture),
        beside=tuple(source_of(other) for other in unit[1:]),
        fit=fit,
        move=move,
        room=room,
        tilt=tilt,
        caption=caption,
    )


def source_of(picture: Picture) -> Source:
    """Return what a plan names a picture by."""
    # Clips are played as they are.
    gains = picture.gains if picture.kind == "photo" else (1.0, 1.0, 1.0)
    return Source(id=picture.id, file=picture.file, width=picture.width, height=picture.height, gains=gains)


def seeded_number(seed: int, word: str) -> int:
    """Return a number of 32 bits that depends on seed and word alone, whatever else is in the film."""
    return int.from_bytes(sha256(f"{seed}\0move\0{word}".encode()).digest()[:4], "big")
