"""
Segments: closed parts of the film, cut inside the bodies of shots, and named by everything that they show.

A cut depends on its neighbourhood only: the first shot whose digest allows it is cut, once the segment is long enough.
So a story that is added or removed moves the cuts near it, and soon after those the old segments follow. Only a film
too short for that is cut into equal parts, so that all processors have work until the end.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from memorycapsule.domain.film.plan import Card, Clip, MontagePlan, PlacedShot, Shot, Source, sources_of
from memorycapsule.render.made_with import MadeWith
from memorycapsule.render.stages import stage_name
from memorycapsule.words.catalogues import wording

#: Fields of a style that decide time and movement. The shots hold their effect, so names leave them out.
_PACING = {
    "photo_seconds",
    "panorama_seconds",
    "longest_clip_seconds",
    "title_seconds",
    "end_seconds",
    "entrance_seconds",
    "entrance",
    "story_entrance",
    "story_entrance_seconds",
    "fan_every",
    "prologue_seconds",
    "labels",
    "tilt",
    "zoom",
}
#: What a desktop says itself.
_DESKTOP_WORDS = ("film_photo", "film_clip", "film_story", "film_goodbye", "film_music")
#: One shot in so many is a place for a cut.
_CHANCE = 2
#: A segment of more than so many times the wanted length is cut at any shot.
_TOO_LONG = 2.0
#: A film shorter than so many times the wanted length is cut into equal parts, so many at most.
_SHORT = 4.0
_MOST_EVEN_PARTS = 8
#: Such a part may be so many times shorter than the wanted length, so that no processor is idle near the end.
_FINER = 3


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Frames `first` up to, not including, `stop` of the film."""

    first: int
    stop: int
    #: HMAC-SHA256 of everything that these frames show, hexadecimal.
    name: str

    @property
    def frames(self) -> int:
        return self.stop - self.first


def cut(
    plan: MontagePlan, digests: Mapping[str, str], made_with: MadeWith, key: bytes
) -> tuple[Segment, ...]:
    """
    Cut the film into segments that together have every frame once, in order.

    `digests` are the SHA-256 of the prepared pictures, by id. `key` is that of the HMAC in their names.
    """
    edges = [0, *_cuts(plan, digests), plan.frames]
    return tuple(
        Segment(first=first, stop=stop, name=_name(plan, first, stop, digests, made_with, key))
        for first, stop in itertools.pairwise(edges)
    )


def is_whole(path: Path) -> bool:
    """
    Return whether a file is an mp4 with nothing missing at its end: all boxes are whole, and `moov` is among them.

    A crash of the machine can leave a name without its content. Such a segment is encoded again. Boxes: ISO/IEC
    14496-12, 4.2.
    """
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            at, kinds = 0, set()
            while at < end:
                file.seek(at)
                head = file.read(16)
                length = int.from_bytes(head[:4], "big")
                if length == 1:
                    length = int.from_bytes(head[8:16], "big")
                if length < 8:
                    return False
                kinds.add(head[4:8])
                at += length
    except OSError:
        return False
    return at == end and b"moov" in kinds


def visible(timeline: tuple[PlacedShot, ...], first: int, stop: int) -> tuple[PlacedShot, ...]:
    """Return the shots that are seen in frames `first` up to `stop`."""
    return tuple(placed for placed in timeline if placed.first < stop and placed.stop > first)


def shown_in(plan: MontagePlan, first: int, stop: int) -> tuple[Source, ...]:
    """Return every picture that is seen in frames `first` up to `stop`, once each."""
    shots = [placed.shot for placed in visible(plan.timeline, first, stop)]
    return tuple({source.id: source for shot in shots for source in sources_of(shot)}.values())


def _cuts(plan: MontagePlan, digests: Mapping[str, str]) -> list[int]:
    least = max(1, round(plan.encoder.segment_seconds * plan.fps))
    timeline, total = plan.timeline, plan.frames
    if total < _SHORT * least:
        return _even_cuts(plan, least)
    cuts: list[int] = []
    last = 0
    for index, placed in enumerate(timeline):
        following = timeline[index + 1].shot.entrance_frames if index + 1 < len(timeline) else 0
        body_first, body_stop = placed.first + placed.shot.entrance_frames, placed.stop - following
        at = (body_first + body_stop) // 2
        long = at - last
        # The second half of a cut clip is decoded from its start again, so a clip is cut only where no other shot is.
        is_cut_place = _is_cut_place(placed.shot, digests) and not isinstance(placed.shot, Clip)
        if long >= least and total - at >= least and (is_cut_place or long >= _TOO_LONG * least):
            cuts.append(at)
            last = at
    return cuts


def _even_cuts(plan: MontagePlan, least: int) -> list[int]:
    total = plan.frames
    parts = max(1, min(_MOST_EVEN_PARTS, total * _FINER // least))
    bodies = list(_bodies(plan.timeline))
    cuts = [0]
    for part in range(1, parts if bodies else 1):
        at = min(bodies, key=lambda body: abs(body - total * part / parts))
        if 2 * _FINER * min(at - cuts[-1], total - at) >= least:
            cuts.append(at)
    return cuts[1:]


def _bodies(timeline: tuple[PlacedShot, ...]) -> Iterator[int]:
    """Yield the frames that show one shot alone; of a clip only the first such frame, so that it is decoded once."""
    for index, placed in enumerate(timeline):
        following = timeline[index + 1].shot.entrance_frames if index + 1 < len(timeline) else 0
        frames = range(placed.first + placed.shot.entrance_frames + 1, placed.stop - following)
        yield from frames[:1] if isinstance(placed.shot, Clip) else frames


def _is_cut_place(shot: Shot, digests: Mapping[str, str]) -> bool:
    word = shot.heading + shot.body if isinstance(shot, Card) else digests.get(shot.source.id, shot.source.id)
    return hashlib.sha256(word.encode()).digest()[0] % _CHANCE == 0


def _name(
    plan: MontagePlan,
    first: int,
    stop: int,
    digests: Mapping[str, str],
    made_with: MadeWith,
    key: bytes,
) -> str:
    shown = []
    placed_shots = visible(plan.timeline, first, stop)
    for placed in placed_shots:
        # Names of files, and the time in the film, change no pixel.
        pictures = [
            {
                "digest": digests[source.id],
                # Stages place pictures by a hash of their ids.
                "id": source.id,
                "gains": source.gains,
                "size": [source.width, source.height],
            }
            for source in sources_of(placed.shot)
        ]
        shot = {
            name: value
            for name, value in asdict(placed.shot).items()
            if name not in {"source", "beside", "sources", "backdrop"}
        }
        has_backdrop = isinstance(placed.shot, Card) and placed.shot.backdrop is not None
        shown.append(
            {"shot": shot, "at": placed.first - first, "pictures": pictures, "has_backdrop": has_backdrop}
        )
    fade = max(0, stop - (plan.frames - plan.fade_out_frames))
    description = {
        "made_with": made_with.on({stage_name(plan, placed.shot) for placed in placed_shots}),
        "size": asdict(plan.size),
        "fps": plan.fps,
        "seed": plan.seed,
        "words": _words_of(plan),
        "style": {name: value for name, value in asdict(plan.style).items() if name not in _PACING},
        "encoder": asdict(replace(plan.encoder, segment_seconds=0, audio_kbit=0)),
        "frames": stop - first,
        "fade_out": [fade, plan.fade_out_frames] if fade else None,
        "shown": shown,
    }
    text = json.dumps(description, sort_keys=True, ensure_ascii=False)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _words_of(plan: MontagePlan) -> list[str]:
    """Return what the film's stage says itself: only a desktop does."""
    sentences = wording(plan.language).sentences
    return [sentences[key] for key in _DESKTOP_WORDS] if plan.style.stage.kind == "desktop" else []
