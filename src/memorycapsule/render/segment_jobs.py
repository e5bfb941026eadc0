"""
Segments by themselves: the survey of a film's segments, and the encoding of one alone.

A film can so be prerendered segment by segment, before anybody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2

from memorycapsule.domain.film.plan import Clip, MontagePlan
from memorycapsule.errors import RenderFailed, shortage
from memorycapsule.render.film import LeftOut, digests_of, probe, shown_on_poster, without
from memorycapsule.render.made_with import made_with
from memorycapsule.render.segments import cut, shown_in
from memorycapsule.render.survey import Survey, SurveyedSegment
from memorycapsule.render.worker import encode


def survey(plan: MontagePlan, *, pictures: Path, digests: Mapping[str, str], key: bytes) -> Survey:
    """
    Return the segments of a film, by the names that `render` gives them.

    Digests that are not given are computed from the files in `pictures`. A picture without either is left out.
    """
    known, left_out = digests_of(plan, pictures, digests, lambda _share: None)
    whole = without(plan, left_out)
    audible_clips = [shot.source for shot in whole.shots if isinstance(shot, Clip) and shot.has_sound]
    return Survey(
        segments=tuple(
            SurveyedSegment(
                name=segment.name,
                pictures=tuple(source.id for source in shown_in(whole, segment.first, segment.stop)),
            )
            for segment in cut(whole, known, made_with(), key)
        ),
        always_needed=tuple(
            dict.fromkeys(
                [
                    *(source.id for source in (*shown_on_poster(whole), *audible_clips)),
                    *(voice.id for voice in whole.voices),
                ]
            )
        ),
    )


def render_segment(
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
    Encode the segment called `name` to `out`; only the pictures that it shows need to be in the folder.

    `digests` are those of all pictures of the plan. When a picture is broken, nothing is encoded and the broken
    ones are returned: a film without them has other segments. Raises RenderFailed, DiskFull and
    Postponed.
    """
    whole = without(plan, [])
    found = [segment for segment in cut(whole, digests, made_with(), key) if segment.name == name]
    if not found:
        raise RenderFailed("film_segment_unknown")
    first, stop = found[0].first, found[0].stop
    broken = probe(whole, list(shown_in(whole, first, stop)), pictures)
    if broken:
        return broken
    cv2.setNumThreads(1)
    try:
        for done in encode(whole, pictures, first, stop, out):
            on_progress(done / (stop - first))
    except OSError as error:
        raise (shortage(error) or RenderFailed()) from error
    return []
