"""
Grading: neighbours brought a little nearer to each other in light and colour, and never falsified.

An evening stays an evening: what is dark, or clearly meant to be different, is left alone, and a sixth of a stop
is the most that anything changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture

Gains = tuple[float, float, float]

#: In stops: the most that a channel changes, and the most of it that is for colour.
MOST_STOPS, _MOST_CAST = 1 / 6, 1 / 12
#: Neighbours further apart than this are meant to be different; in stops.
_MEANT_LIGHT, _MEANT_CAST = 1.5, 0.6
#: What is darker than this is a night, or nearly so (`PictureAnalysis.exposure`).
_NIGHT = -5.5
#: How much red, green and blue give to luminance (ITU-R BT.709).
_LUMINANCE = (0.2126, 0.7152, 0.0722)
_UNCHANGED: Gains = (1.0, 1.0, 1.0)


def gains_of(pictures: Sequence[Picture]) -> tuple[Gains, ...]:
    """
    Return what red, green and blue of each picture are to be multiplied by, in linear light.

    `pictures` are in the order of the film. A picture's gains depend on it and the pictures right before and
    after it, so that a change elsewhere leaves finished segments as they are.
    """
    return tuple(
        _gains(picture, [*pictures[max(0, place - 1) : place], *pictures[place + 1 : place + 2]])
        for place, picture in enumerate(pictures)
    )


def _gains(picture: Picture, neighbours: Sequence[Picture]) -> Gains:
    own = picture.analysis
    if own is None or own.exposure < _NIGHT:
        return _UNCHANGED
    near = [
        other.analysis
        for other in neighbours
        if other.analysis is not None and other.story_id == picture.story_id and _is_near(own, other.analysis)
    ]
    if not near:
        return _UNCHANGED
    light = _step([analysis.exposure - own.exposure for analysis in near], MOST_STOPS)
    red, blue = 0.0, 0.0
    same_light = [
        analysis
        for analysis in near
        if max(abs(analysis.red - own.red), abs(analysis.blue - own.blue)) <= _MEANT_CAST
    ]
    if same_light:
        red = _step([analysis.red - own.red for analysis in same_light], _MOST_CAST)
        blue = _step([analysis.blue - own.blue for analysis in same_light], _MOST_CAST)
    # Colour must not change how light it is.
    green = -(_LUMINANCE[0] * red + _LUMINANCE[2] * blue)
    stops = (light + red + green, light + green, light + blue + green)
    changed = [round(2 ** max(-MOST_STOPS, min(MOST_STOPS, stop)), 4) for stop in stops]
    return changed[0], changed[1], changed[2]


def _is_near(own: PictureAnalysis, other: PictureAnalysis) -> bool:
    return other.exposure >= _NIGHT and abs(other.exposure - own.exposure) <= _MEANT_LIGHT


def _step(differences: Sequence[float], most: float) -> float:
    """Return the way to the mean of a picture and its neighbours, `most` at most."""
    mean = sum(differences) / (len(differences) + 1)
    return max(-most, min(most, mean))
