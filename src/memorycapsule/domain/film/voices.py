"""Voice notes in a film: which is heard when, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A voice note that is heard over the shots of a scene."""

    id: str
    #: Its file name inside the folder of pictures.
    file: str
    #: Frames of the scene at which it begins, and how many it is heard for.
    first: int
    frames: int
    #: It goes on for longer than there is room, so over so many last frames it fades out.
    fade_frames: int = 0

    @property
    def is_possible(self) -> bool:
        return self.first >= 0 and self.frames >= 1 and 0 <= self.fade_frames <= self.frames


@dataclass(frozen=True, kw_only=True)
class PlacedVoice:
    """A voice note with the frames of the film in which it is heard: `first` up to, not including, `stop`."""

    voice: Voice
    first: int
    stop: int


def place_voices(scenes: Sequence[tuple[int, int, Sequence[Voice]]], frames: int) -> tuple[PlacedVoice, ...]:
    """
    Return when the voices of scenes are heard in a film of so many frames.

    Each scene is given as how many frames it shares with the one before it, how many it has, and its voices. Where
    a scene has become shorter than its notes, since pictures were left out, a note gives way to the next.
    """
    placed: list[PlacedVoice] = []
    at = 0
    for shared, lasting, voices in scenes:
        at -= shared
        for voice in voices:
            first = at + voice.first
            placed.append(PlacedVoice(voice=voice, first=first, stop=first + voice.frames))
        at += lasting
    ends = [*(voice.first for voice in placed[1:]), frames]
    heard = [
        replace(voice, stop=min(voice.stop, end, frames)) for voice, end in zip(placed, ends, strict=False)
    ]
    return tuple(voice for voice in heard if voice.stop > voice.first)
