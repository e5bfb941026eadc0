"""Candidates: which pictures a film may choose from, once those that it would choose have been analysed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from memorycapsule.domain.film.camera_clocks import with_corrected_times
from memorycapsule.domain.film.direction.brief import Direction, StoryText
from memorycapsule.domain.film.direction.lengths import picture_limit
from memorycapsule.domain.film.near_duplicates import without_near_duplicates
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture, choose_pictures

#: Analyses pictures: returns the analyses by the pictures' ids, and the ids of those that cannot be used.
AnalysePictures = Callable[[Sequence[Picture]], tuple[Mapping[str, PictureAnalysis], Collection[str]]]


def select_candidates(
    direction: Direction,
    pictures: Iterable[Picture],
    stories: Sequence[StoryText],
    *,
    analyse: AnalysePictures,
    now: datetime,
) -> tuple[Picture, ...]:
    """
    Return the pictures for `direct` to choose from, with corrected times and one of each group of near-duplicates.

    All that `direct` will choose are analysed, and no others: a picture that turns out to be broken or a
    near-duplicate makes room for another, which is then analysed. A date after `now` counts as none.
    """
    usable = list(pictures)
    analysed: set[str] = set()
    while True:
        distinct = without_near_duplicates(with_corrected_times(usable, now))
        chosen = choose_pictures(distinct, picture_limit(direction, distinct, stories), direction.seed)
        waiting = [picture for picture in chosen if picture.id not in analysed]
        if not waiting:
            return distinct
        analyses, broken = analyse(waiting)
        analysed |= {picture.id for picture in waiting}
        usable = [
            replace(picture, analysis=analyses.get(picture.id, picture.analysis))
            for picture in usable
            if picture.id not in broken
        ]
