"""
Near-duplicates: the same photo sent twice, and the five of a burst of which one is enough.

Pictures are compared by `PictureAnalysis.perceptual_hash`. A copy made smaller, compressed again or a little
brighter differs in 4 of 64 bits at most, the shots of a burst in about 10, and pictures that have nothing to do
with each other in 32, seldom under 18 (measured on camera photos).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture, film_order

#: So many bits differ at most: anywhere, within a story, and within a moment.
SAME_BITS, STORY_BITS, MOMENT_BITS = 4, 6, 10
#: Shots of one moment lie no further apart.
_MOMENT = timedelta(minutes=3)
#: Copies have nearly the same shape, and about the same light and colour (in stops; what burns out shifts both).
_SHAPE, _LIGHT, _COLOUR = 0.03, 1.0, 1.0
#: A clip of a Live Photo is so short, and begins so near to its still; seconds.
_LIVE_SECONDS, _LIVE_NEAR = 4.0, timedelta(seconds=4)
#: Copies of a clip are as long as each other, give or take; seconds.
_CLIP_SECONDS = 0.25


def without_near_duplicates(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    """
    Return the pictures with one of each group of near-duplicates, in their order.

    Whatever is left out is a near-duplicate of a picture that stays. Which one stays depends on its own
    near-duplicates only: one with a caption, then the one with more pixels, then the earlier. A clip stays beside
    photos; only for the still of a Live Photo does it stand in. Pictures that were not analysed all stay.
    """
    pictures = tuple(pictures)
    kept: list[Picture] = []
    for picture in sorted(pictures, key=_preference):
        if not any(are_near_duplicates(picture, other) for other in kept):
            kept.append(picture)
    staying = {picture.id for picture in kept}
    return tuple(picture for picture in pictures if picture.id in staying)


def are_near_duplicates(one: Picture, other: Picture) -> bool:
    """Return whether a film needs only one of two pictures."""
    if one.analysis is None or other.analysis is None:
        return False
    bits = (one.analysis.perceptual_hash ^ other.analysis.perceptual_hash).bit_count()
    if bits > MOMENT_BITS or not _same_shape(one, other):
        return False
    if one.kind != other.kind:
        return bits <= MOMENT_BITS and _is_live(one, other)
    if one.kind == "clip":
        return bits <= SAME_BITS and abs(one.duration_seconds - other.duration_seconds) <= _CLIP_SECONDS
    return bits <= _most_bits(one, other) and _same_light(one.analysis, other.analysis)


def _preference(picture: Picture) -> tuple[object, ...]:
    return (
        picture.kind != "clip",
        not picture.caption,
        -picture.width * picture.height,
        film_order(picture),
        picture.id,
    )


def _most_bits(one: Picture, other: Picture) -> int:
    """Return in how many bits two photos may differ: more, the nearer to each other they were taken."""
    if one.taken_at and other.taken_at and abs(one.taken_at - other.taken_at) <= _MOMENT:
        return MOMENT_BITS
    # A folder without stories is one place, not one story.
    return STORY_BITS if one.story_id and one.story_id == other.story_id else SAME_BITS


def _is_live(one: Picture, other: Picture) -> bool:
    """Return whether a photo and a clip are the two halves of a Live Photo."""
    clip = one if one.kind == "clip" else other
    if one.taken_at is None or other.taken_at is None or clip.duration_seconds > _LIVE_SECONDS:
        return False
    return one.story_id == other.story_id and abs(one.taken_at - other.taken_at) <= _LIVE_NEAR


def _same_shape(one: Picture, other: Picture) -> bool:
    shapes = one.width * other.height, other.width * one.height
    return abs(shapes[0] - shapes[1]) <= _SHAPE * max(shapes)


def _same_light(one: PictureAnalysis, other: PictureAnalysis) -> bool:
    return (
        abs(one.exposure - other.exposure) <= _LIGHT
        and abs(one.red - other.red) <= _COLOUR
        and abs(one.blue - other.blue) <= _COLOUR
    )
