"""Selecting: which pictures a film may choose from, once those that it would choose have been looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from memorycapsule.domain.film.camera_clocks import corrected
from memorycapsule.domain.film.direction.brief import Direction, StoryText
from memorycapsule.domain.film.direction.lengths import picture_limit
from memorycapsule.domain.film.near_duplicates import without_lookalikes
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture, choose

#: Looks at pictures: returns looks by the pictures' ids, and the ids of those that cannot be used.
LookAt = Callable[[Sequence[Picture]], tuple[Mapping[str, PictureAnalysis], Collection[str]]]


def select(
    how: Direction,
    pictures: Iterable[Picture],
    stories: Sequence[StoryText],
    *,
    look_at: LookAt,
    now: datetime,
) -> tuple[Picture, ...]:
    """
    Return the pictures for `direct` to choose from: their clocks corrected, one of each group of lookalikes, and
    everything that it will choose looked at.

    Only what a film would take is looked at; whatever turns out to be broken or seen already makes room for
    another. What is dated after `now` counts as undated.
    """
    usable = list(pictures)
    looked: set[str] = set()
    while True:
        distinct = without_lookalikes(corrected(usable, now))
        chosen = choose(distinct, picture_limit(how, distinct, stories), how.seed)
        waiting = [picture for picture in chosen if picture.id not in looked]
        if not waiting:
            return distinct
        looks, broken = look_at(waiting)
        looked |= {picture.id for picture in waiting}
        usable = [
            replace(picture, look=looks.get(picture.id, picture.look))
            for picture in usable
            if picture.id not in broken
        ]
