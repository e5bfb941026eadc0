"""Narration: voice notes over the pictures of their story, which are held until all is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from memorycapsule.domain.film.direction.beats import with_frames
from memorycapsule.domain.film.direction.brief import Direction
from memorycapsule.domain.film.picture_choice import VoiceNote
from memorycapsule.domain.film.plan import Clip, Scene
from memorycapsule.domain.film.voices import Voice

#: A note begins so long after the story's first picture is there, the next so long after the one before it, and
#: the story goes on for so long after the last.
_LEAD_SECONDS, _PAUSE_SECONDS, _TAIL_SECONDS = 0.4, 0.8, 0.5
#: So long a picture or page is held at most, so that somebody may finish.
_LONGEST_HELD_SECONDS = 30.0
#: Less of a note than this is not worth beginning.
_LEAST_HEARD_SECONDS = 2.0
#: How often pictures that were put on the beat are held once more, since that made them shorter.
_MOST_CORRECTIONS = 4

#: The notes of each story by its id.
VoiceNotes = Mapping[str | None, Sequence[VoiceNote]]


def missing_seconds(direction: Direction, scenes: Sequence[Scene], notes: VoiceNotes) -> list[float]:
    """Return for each scene how many seconds it is too short for its voice notes, within reason."""
    return [_missing_in(direction, scene, notes.get(scene.story_id, ())) for scene in scenes]


def share_out(wanted: Sequence[float], room: float) -> list[float]:
    """
    Return how many of the wanted seconds each scene gets, `room` in all: no more than it wants.

    The longest are cut until all together find room, so nobody gives way to one who wants more.
    """
    if sum(wanted) <= room:
        return list(wanted)
    left, level = max(0.0, room), 0.0
    for place, seconds in enumerate(sorted(wanted)):
        # What each of the others would get if this one got all that it wants.
        level = left / (len(wanted) - place)
        if seconds > level:
            break
        left -= seconds
    return [min(seconds, level) for seconds in wanted]


def lengthened(direction: Direction, scenes: Sequence[Scene], longer: Sequence[float]) -> list[Scene]:
    """Return each scene longer by its seconds: the shortest of its pictures and pages are held first."""
    return [
        _lengthened(scene, round(seconds * direction.fps)) if seconds > 0 else scene
        for scene, seconds in zip(scenes, longer, strict=True)
    ]


def with_voices(
    direction: Direction,
    scenes: Sequence[Scene],
    notes: VoiceNotes,
    on_the_beat: Callable[[Sequence[Scene]], Sequence[Scene]],
) -> tuple[Scene, ...]:
    """
    Return the scenes as `on_the_beat` times them, with the notes that are heard over each.

    What was long enough before that is long enough afterwards. A note that still has no room to end fades out with
    its story; one that has none to begin is not heard.
    """
    asked = list(scenes)
    wanted = [_kept_frames(direction, scene, notes.get(scene.story_id, ())) for scene in asked]
    timed = list(on_the_beat(asked))
    for _ in range(_MOST_CORRECTIONS):
        lacking = [max(0, frames - scene.frames) for frames, scene in zip(wanted, timed, strict=True)]
        if not any(lacking):
            break
        asked = [
            _lengthened(scene, frames) if frames else scene
            for scene, frames in zip(asked, lacking, strict=True)
        ]
        timed = list(on_the_beat(asked))
    return tuple(
        replace(scene, voices=_voices(direction, scene, notes.get(scene.story_id, ()))) for scene in timed
    )


def _missing_in(direction: Direction, scene: Scene, notes: Sequence[VoiceNote]) -> float:
    if not notes or not _can_be_held(scene):
        return 0.0
    seconds = max(0.0, _needed_frames(direction, scene, notes) - scene.frames) / direction.fps
    if direction.length == "full":
        return seconds
    most = sum(
        max(0.0, _LONGEST_HELD_SECONDS - shot.frames / direction.fps)
        for shot in scene.shots
        if not isinstance(shot, Clip)
    )
    return min(seconds, most)


def _needed_frames(direction: Direction, scene: Scene, notes: Sequence[VoiceNote]) -> int:
    """Return how many frames a scene needs for all of its notes."""
    spoken = sum(_frames_of(direction, note) for note in notes)
    pauses = (len(notes) - 1) * direction.frames(_PAUSE_SECONDS)
    return (
        _first_note_frame(direction, scene)
        + spoken
        + pauses
        + direction.frames(_TAIL_SECONDS)
        + direction.entrance_frames
    )


def _kept_frames(direction: Direction, scene: Scene, notes: Sequence[VoiceNote]) -> int:
    """Return how many frames a scene must keep for its voice notes to end; 0 where it has too few of them anyway."""
    needed = _needed_frames(direction, scene, notes) if notes else 0
    return needed if needed <= scene.frames else 0


def _first_note_frame(direction: Direction, scene: Scene) -> int:
    return scene.shots[0].entrance_frames + direction.frames(_LEAD_SECONDS)


def _frames_of(direction: Direction, note: VoiceNote) -> int:
    return max(1, math.ceil(note.duration_seconds * direction.fps))


def _can_be_held(scene: Scene) -> bool:
    # A clip ends when it ends.
    return any(not isinstance(shot, Clip) for shot in scene.shots)


def _lengthened(scene: Scene, frames: int) -> Scene:
    """Return a scene that lasts so many frames longer."""
    still = [place for place, shot in enumerate(scene.shots) if not isinstance(shot, Clip)]
    if not still:
        return scene
    lengths = {place: scene.shots[place].frames for place in still}
    # Like water: all of them are as long as the longest before any becomes longer than that.
    level = _level(sorted(lengths.values()), frames)
    longer = {place: max(0, math.floor(level) - length) for place, length in lengths.items()}
    rest = frames - sum(longer.values())
    for place in still:
        if rest <= 0:
            break
        if lengths[place] <= level:
            longer[place] += 1
            rest -= 1
    return replace(
        scene,
        shots=tuple(
            with_frames(shot, shot.frames + longer[place]) if longer.get(place) else shot
            for place, shot in enumerate(scene.shots)
        ),
    )


def _level(lengths: Sequence[int], frames: int) -> float:
    """Return what the shortest of some lengths, in rising order, become when so many frames are shared out."""
    level = float(lengths[0])
    for count in range(1, len(lengths) + 1):
        level = (sum(lengths[:count]) + frames) / count
        if count == len(lengths) or level <= lengths[count]:
            break
    return level


def _voices(direction: Direction, scene: Scene, notes: Sequence[VoiceNote]) -> tuple[Voice, ...]:
    voices: list[Voice] = []
    at = _first_note_frame(direction, scene)
    # The next story begins to come in here, and is there when a note that fades has gone.
    end, gone = scene.frames - direction.entrance_frames, scene.frames
    for note in notes:
        frames = _frames_of(direction, note)
        if at + min(frames, direction.frames(_LEAST_HEARD_SECONDS)) > end:
            break
        is_whole = at + frames <= end
        heard = frames if is_whole else min(frames, gone - at)
        fade = 0 if is_whole or heard == frames else min(heard, gone - end)
        voices.append(Voice(id=note.id, file=note.file, first=at, frames=heard, fade_frames=fade))
        at += heard + direction.frames(_PAUSE_SECONDS)
    return tuple(voices)
