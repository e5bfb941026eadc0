"""Subtitles: what a film says and when, as WebVTT (W3C), and its chapters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from memorycapsule.domain.film.plan import Card, MontagePlan, PlacedShot


@dataclass(frozen=True, kw_only=True)
class Cue:
    """Words from one second of a film to another."""

    start_seconds: float
    stop_seconds: float
    text: str


def chapter_frames(plan: MontagePlan) -> Iterator[tuple[str, int, int]]:
    """Yield (title, first frame, frame of the next one) of a chapter for every scene that has a title."""
    starts: list[tuple[int, str]] = []
    at = 0
    for scene in plan.scenes:
        if scene.title:
            starts.append((at, scene.title))
        at += sum(shot.frames - shot.entrance_frames for shot in scene.shots)
    for (first, title), (stop, _) in pairwise([*starts, (at, "")]):
        yield title, first, stop


def chapters(plan: MontagePlan) -> list[Cue]:
    """Return the chapters of a film."""
    return [
        Cue(start_seconds=first / plan.fps, stop_seconds=stop / plan.fps, text=title)
        for title, first, stop in chapter_frames(plan)
    ]


def captions(plan: MontagePlan) -> list[Cue]:
    """Return everything that can be read in a film."""
    return list(_captions(plan))


def webvtt(cues: Sequence[Cue]) -> str:
    """Return cues as a WebVTT file; whatever people wrote, it is text and no markup."""
    blocks = [
        f"{_timestamp(cue.start_seconds)} --> {_timestamp(cue.stop_seconds)}\n{_payload(cue.text)}"
        for cue in cues
        if _payload(cue.text)
    ]
    return "\n\n".join(["WEBVTT", *blocks]) + "\n"


def _captions(plan: MontagePlan) -> Iterator[Cue]:
    timeline = plan.timeline
    for placed, following in pairwise([*timeline, None]):
        if placed is None:
            continue
        first, stop, text = _words_of(placed, following)
        if text:
            yield Cue(start_seconds=first / plan.fps, stop_seconds=stop / plan.fps, text=text)


def _words_of(placed: PlacedShot, following: PlacedShot | None) -> tuple[int, int, str]:
    shot = placed.shot
    if isinstance(shot, Card):
        names = ", ".join(person.name for person in shot.credits) if shot.role == "end" else ""
        # While one card gives way to the next, only one of them is read out.
        first = placed.first + shot.entrance_frames // 2
        stop = following.first + following.shot.entrance_frames // 2 if following else placed.stop
        return first, stop, _lines(shot.heading, shot.body, names, shot.note)
    caption = shot.caption
    if caption is None:
        return 0, 0, ""
    signed = ", ".join(part for part in (caption.who, caption.when) if part)
    return (
        placed.first + caption.first,
        placed.first + caption.stop,
        _lines(caption.heading, caption.text, signed),
    )


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _timestamp(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    return (
        f"{thousandths // 3_600_000:02}:{thousandths // 60_000 % 60:02}:{thousandths // 1000 % 60:02}"
        f".{thousandths % 1000:03}"
    )


def _payload(text: str) -> str:
    # An empty line would end the cue, "-->" would begin another one.
    lines = (line.strip() for line in re.split(r"[\r\n\0]+", text))
    kept = "\n".join(line for line in lines if line)
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
