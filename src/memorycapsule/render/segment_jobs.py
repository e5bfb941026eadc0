"""Pieces of a film by themselves: which there are, and making one of them before the film is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2

from memorycapsule.domain.film.plan import Clip, MontagePlan
from memorycapsule.errors import DiskFull, RenderFailed, is_disk_full
from memorycapsule.render.film import LeftOut, digests_of, made_with, probe, shown_on_poster, without
from memorycapsule.render.segments import cut, shown_in
from memorycapsule.render.worker import encode


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A segment, and what is needed to make it."""

    name: str
    #: Ids of the pictures that it shows.
    pictures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a film is joined of."""

    pieces: tuple[Piece, ...]
    #: Ids of the pictures that are needed even if every segment is there: for the poster, and for the sound.
    besides: tuple[str, ...]


def survey(plan: MontagePlan, *, pictures: Path, digests: Mapping[str, str], key: bytes) -> Survey:
    """
    Return the segments of a film by the names that `render` gives them.

    Pictures whose digests are not given are read for it; those that are not there are left out.
    """
    known, left_out = digests_of(plan, pictures, digests, lambda _share: None)
    whole = without(plan, left_out)
    heard = [shot.source for shot in whole.shots if isinstance(shot, Clip) and shot.has_sound]
    return Survey(
        pieces=tuple(
            Piece(
                name=segment.name,
                pictures=tuple(source.id for source in shown_in(whole, segment.first, segment.stop)),
            )
            for segment in cut(whole, known, made_with(), key)
        ),
        besides=tuple(
            dict.fromkeys(
                [
                    *(source.id for source in (*shown_on_poster(whole), *heard)),
                    *(voice.id for voice in whole.voices),
                ]
            )
        ),
    )


def render_piece(
    plan: MontagePlan,
    name: str,
    *,
    pictures: Path,
    out: Path,
    digests: Mapping[str, str],
    key: bytes,
    on_progress: Callable[[float], None],
) -> list[LeftOut]:
    """
    Encode one segment of a film, the one called `name`, to `out`; only its own pictures need to be there.

    `digests` are those of all pictures of the plan. When a picture turns out to be broken, nothing is encoded and
    it is returned with a sentence: without it the film has other segments. Raises RenderFailed and DiskFull.
    """
    whole = without(plan, [])
    found = [segment for segment in cut(whole, digests, made_with(), key) if segment.name == name]
    if not found:
        raise RenderFailed("This film has no such segment; it is planned again.")
    first, stop = found[0].first, found[0].stop
    broken = probe(whole, list(shown_in(whole, first, stop)), pictures)
    if broken:
        return broken
    cv2.setNumThreads(1)
    try:
        for done in encode(whole, pictures, first, stop, out):
            on_progress(done / (stop - first))
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise RenderFailed from error
    return []
