"""Beats: pictures change on the beat of the music, and stories last whole bars of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memorycapsule.domain.film.plan import Card, Scene, Shot, Soundtrack

#: A picture is shown at most this much shorter than it asks for, to change on the beat.
_SHORTER_SECONDS = 0.35
#: A clip is held at most so long on its last frame.
_HELD_SECONDS = 0.2


def on_the_beat(scenes: Sequence[Scene], music: Soundtrack, fps: int) -> tuple[Scene, ...]:
    """
    Return the scenes with shots a little longer or shorter, so that the middle of each entrance falls on a beat.

    The first picture of a story comes on the first beat of a bar. Music without a steady beat changes nothing;
    nor does it when a beat is too short to be told apart. A clip is not stretched beyond its material: it ends
    off the beat, and the next shot is back on it.
    """
    beat = music.beat_seconds * fps
    if beat < 1:
        return tuple(scenes)
    bar = beat * music.beats_per_bar
    origin = music.first_beat_seconds * fps
    placed = [(index, shot) for index, scene in enumerate(scenes) for shot in scene.shots]
    made: list[list[Shot]] = [[] for _ in scenes]
    first = 0
    for place, (index, shot) in enumerate(placed):
        if place + 1 == len(placed):
            made[index].append(shot)
            break
        coming_index, coming = placed[place + 1]
        # The titles belong to each other; only what follows them begins a bar.
        is_bar = coming_index != index
        middle = first + shot.frames - coming.entrance_frames / 2
        grid = bar if is_bar else beat
        wanted = _nearest(middle, grid, origin, middle - _SHORTER_SECONDS * fps)
        frames = shot.frames + round(wanted - middle)
        shot = with_frames(shot, frames) if _fits(shot, frames, coming, fps) else shot  # noqa: PLW2901
        made[index].append(shot)
        first += shot.frames - coming.entrance_frames
    return tuple(replace(scene, shots=tuple(shots)) for scene, shots in zip(scenes, made, strict=True))


def _nearest(wanted: float, grid: float, origin: float, earliest: float) -> float:
    """Return the place of the grid that is nearest to `wanted` and not before `earliest`."""
    count = round((wanted - origin) / grid)
    while origin + count * grid < earliest:
        count += 1
    return origin + count * grid


def _fits(shot: Shot, frames: int, coming: Shot, fps: int) -> bool:
    if frames <= shot.entrance_frames + coming.entrance_frames:
        return False
    return shot.kind != "clip" or frames <= shot.frames + _HELD_SECONDS * fps


def with_frames(shot: Shot, frames: int) -> Shot:
    """Return a shot that lasts so many frames, its words as much longer or shorter."""
    if isinstance(shot, Card) or shot.caption is None:
        return replace(shot, frames=frames)
    longer = frames - shot.frames
    stop = max(shot.caption.first + 2, shot.caption.stop + longer)
    return replace(shot, frames=frames, caption=replace(shot.caption, stop=stop))
