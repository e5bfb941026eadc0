"""The wrapping cloth: a patchwork in the contributors' dyes, and the knot that holds it together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import Credit
from memorycapsule.render.overlays import bgr
from memorycapsule.render.planes import Bytes

_RAMIE = "#e4e2d2"
#: A cloth has so many patches, undyed ones among them.
_FEWEST, _MOST, _UNDYED = 16, 28, 5
#: Everything is drawn so many times as large.
_SCALE = 2
#: The knot's red, its shade and the cloth's lines.
_KNOT, _KNOT_DARK, _NIGHT = "#b3264a", "#8f1e3b", "#1a2340"

#: Left, top, right and low edges, 0..1.
_Patch = tuple[float, float, float, float]


def patchwork(people: Sequence[Credit], dyes: Sequence[str], side: int) -> Bytes:
    """
    Return a square cloth as BGR: patches in the dyes of all contributors, seams and running stitches.

    The same people get the same cloth. The number of patches does not depend on how much somebody contributed.
    """
    word = "\0".join(f"{person.name}\0{person.dye}" for person in people)
    chance = np.random.default_rng(list(hashlib.sha256(word.encode()).digest()[:8]))
    own = [person.dye for person in people] or list(dyes)
    patches = _split(chance, min(_MOST, max(_FEWEST, 2 * len(own) + 12)))
    full = side * _SCALE
    cloth = np.empty((full, full, 3), np.float32)
    for patch, colour in zip(patches, _coloured(chance, patches, own), strict=True):
        left, top, right, low = (round(edge * full) for edge in patch)
        cloth[top:low, left:right] = colour
    _weave(cloth)
    unit = full / 400
    for patch in patches:
        _sew(cloth, patch, unit)
    return np.asarray(
        cv2.resize(np.clip(cloth, 0, 255).astype(np.uint8), (side, side), interpolation=cv2.INTER_AREA),
        np.uint8,
    )


def fold_lines(side: int) -> Bytes:
    """Return the opacity of the lines where the four corners of a closed cloth meet, 0..255, and bend a little."""
    full = side * _SCALE
    lines = np.zeros((full, full), np.uint8)
    for start, bend, end in (
        ((0, 0), (110, 84), (200, 200)),
        ((200, 200), (286, 94), (400, 0)),
        ((0, 400), (96, 300), (200, 200)),
        ((200, 200), (298, 300), (400, 400)),
    ):
        points = _curve([start, _third(start, bend), _third(end, bend), end])
        cv2.polylines(
            lines, [_fixed(points * full / 400)], False, (255,), round(2.6 * full / 400), cv2.LINE_AA, 4
        )
    return np.asarray(cv2.resize(lines, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def knot(unit: float) -> dict[str, tuple[Bytes, Bytes]]:
    """
    Return the parts of the knot, each as BGR and opacity, with the knot's middle in the middle.

    `unit` is a 140th of half the knot's width, in pixels; all parts have the same size.
    """
    left_ear = [(-6, 4), (-40, -52), (-104, -66), (-128, -40), (-138, -8), (-88, 26), (-6, 10)]
    left_tail = [
        (-4, 8),
        (-30, 40),
        (-42, 74),
        (-66, 96),
        (-56, 104),
        (-40, 104),
        (-30, 98),
        (-22, 68),
        (-10, 40),
        (4, 10),
    ]
    right_tail = [
        (4, 8),
        (26, 40),
        (40, 70),
        (70, 90),
        (62, 100),
        (46, 102),
        (34, 98),
        (28, 68),
        (14, 38),
        (-4, 10),
    ]
    tie = [
        (-27, -16),
        (-19, -26),
        (19, -26),
        (27, -16),
        (33, -6),
        (33, 12),
        (27, 22),
        (19, 31),
        (-19, 31),
        (-27, 22),
        (-33, 12),
        (-33, -6),
        (-27, -16),
    ]
    folds = [[(-10, 2), (-50, -24), (-90, -38), (-122, -38)], [(-10, 6), (-44, 2), (-80, -6), (-112, -26)]]
    bands = [
        [(-16, -15), (-20, -3), (-20, 9), (-16, 21)],
        [(15, -15), (19, -3), (19, 9), (15, 21)],
        [(0, -19), (-2, -5), (-2, 9), (0, 25)],
    ]
    return {
        "left tail": _part(unit, left_tail, _KNOT_DARK, []),
        "right tail": _part(unit, right_tail, _KNOT_DARK, []),
        "left ear": _part(unit, left_ear, _KNOT, folds),
        "right ear": _part(unit, _mirrored(left_ear), _KNOT, [_mirrored(fold) for fold in folds]),
        "tie": _part(unit, tie, _KNOT, bands),
    }


def _split(chance: np.random.Generator, count: int) -> list[_Patch]:
    """Split a square into so many rectangles: always the largest one, across its longer side."""
    patches: list[_Patch] = [(0.0, 0.0, 1.0, 1.0)]
    while len(patches) < count:
        largest = max(patches, key=lambda patch: (patch[2] - patch[0]) * (patch[3] - patch[1]))
        patches.remove(largest)
        left, top, right, low = largest
        share = chance.uniform(0.3, 0.7)
        if right - left > low - top:
            middle = left + (right - left) * share
            patches += [(left, top, middle, low), (middle, top, right, low)]
        else:
            middle = top + (low - top) * share
            patches += [(left, top, right, middle), (left, middle, right, low)]
    return patches


def _coloured(
    chance: np.random.Generator, patches: Sequence[_Patch], dyes: Sequence[str]
) -> list[NDArray[np.float32]]:
    """Return a colour for each patch: the dyes in turn and undyed ramie, neighbours unlike where that is possible."""
    bag = [dyes[number % len(dyes)] for number in range(len(patches) - _UNDYED)] + [_RAMIE] * _UNDYED
    bag = [bag[number] for number in chance.permutation(len(bag))]
    chosen: list[str] = []
    for number, patch in enumerate(patches):
        near = {chosen[other] for other in range(number) if _touch(patch, patches[other])}
        unlike = next((place for place, dye in enumerate(bag) if dye not in near), 0)
        chosen.append(bag.pop(unlike))
    white = np.array([255, 255, 255], np.float32)
    colours = []
    for dye in chosen:
        # Each patch has faded by its own amount.
        faded, colour = chance.uniform(-0.08, 0.2), np.array(bgr(dye), np.float32)
        colours.append(colour + (white - colour) * faded if faded > 0 else colour * (1 + faded))
    return colours


def _touch(one: _Patch, other: _Patch) -> bool:
    near = 1e-6
    return (
        one[0] <= other[2] + near
        and other[0] <= one[2] + near
        and one[1] <= other[3] + near
        and other[1] <= one[3] + near
    )


def _weave(cloth: NDArray[np.float32]) -> None:
    """Let threads show, lighter and darker by two hundredths."""
    threads = np.random.default_rng(7).normal(0, 1, (2, cloth.shape[0] // 3 + 1)).astype(np.float32)
    along, across = (np.repeat(each, 3)[: cloth.shape[0]] for each in threads)
    cloth *= 1 + 0.018 * (along[:, None, None] + across[None, :, None])


def _sew(cloth: NDArray[np.float32], patch: _Patch, unit: float) -> None:
    """Draw a patch's seam, with the shade beside it, and the running stitch inside."""
    full = cloth.shape[0]
    left, top, right, low = (edge * full for edge in patch)
    thick = max(1, round(1.7 * unit))
    shade = (1.5 * unit, 1.5 * unit)
    corners = np.array([(left, top), (right, top), (right, low), (left, low)])
    _stroke(cloth, corners + shade, _NIGHT, 0.2, thick)
    _stroke(cloth, corners, "#ffffff", 0.8, thick)
    inset = 6 * unit
    if min(right - left, low - top) < 3 * inset:
        return
    inner = np.array(
        [
            (left + inset, top + inset),
            (right - inset, top + inset),
            (right - inset, low - inset),
            (left + inset, low - inset),
        ]
    )
    for start, end in zip(inner, np.roll(inner, -1, axis=0), strict=True):
        long = float(np.hypot(*(end - start)))
        count = max(1, round(long / (10 * unit)))
        for stitch in range(count):
            first, last = ((stitch + share) / count for share in (0.22, 0.78))
            ends = np.array([start + (end - start) * first, start + (end - start) * last])
            _stroke(cloth, ends, "#ffffff", 0.55, thick)


def _stroke(
    cloth: NDArray[np.float32], points: NDArray[np.float64], colour: str, share: float, thick: int
) -> None:
    left, top = np.maximum(points.min(axis=0) - thick - 1, 0).astype(int)
    right, low = np.minimum(points.max(axis=0) + thick + 2, cloth.shape[0]).astype(int)
    if right <= left or low <= top:
        return
    mask = np.zeros((low - top, right - left), np.uint8)
    cv2.polylines(mask, [_fixed(points - (left, top))], len(points) > 2, (255,), thick, cv2.LINE_AA, 4)
    part = cloth[top:low, left:right]
    opacity = mask.astype(np.float32)[:, :, None] / 255 * np.float32(share)
    part += (np.array(bgr(colour), np.float32) - part) * opacity


def _part(
    unit: float,
    outline: Sequence[tuple[float, float]],
    colour: str,
    folds: Sequence[Sequence[tuple[float, float]]],
) -> tuple[Bytes, Bytes]:
    """Return one part of the knot: its outline filled, lighter above than below, with pale folds."""
    side = 2 * round(150 * unit)
    full, scale = side * _SCALE, unit * _SCALE
    middle = full / 2
    mask = np.zeros((full, full), np.uint8)
    cv2.fillPoly(mask, [_fixed(_curve(outline) * scale + middle)], (255,), cv2.LINE_AA, 4)
    picture = np.empty((full, full, 3), np.float32)
    picture[...] = bgr(colour)
    rows = np.flatnonzero(mask.any(axis=1))
    top, low = (rows[0], rows[-1]) if len(rows) else (0, 1)
    light = np.clip((np.arange(full) - top) / max(1, low - top), 0, 1)
    picture *= (1.16 - 0.32 * light)[:, None, None]
    for fold in folds:
        _stroke(picture, _curve(fold) * scale + middle, "#ffffff", 0.34, max(1, round(2.4 * scale)))
    small = cv2.resize(np.clip(picture, 0, 255).astype(np.uint8), (side, side), interpolation=cv2.INTER_AREA)
    opacity = cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), np.asarray(opacity, np.uint8)


def _mirrored(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(-x, y) for x, y in points]


def _third(end: tuple[float, float], bend: tuple[float, float]) -> tuple[float, float]:
    """Return the handle of a cubic curve that draws the quadratic one with its handle at `bend`."""
    return end[0] + (bend[0] - end[0]) * 2 / 3, end[1] + (bend[1] - end[1]) * 2 / 3


def _curve(points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Return the points of cubic curves: a start, then two handles and an end for each."""
    share = np.linspace(0, 1, 24)[:, None]
    parts = []
    for at in range(0, len(points) - 3, 3):
        a, b, c, d = (np.array(point, np.float64) for point in points[at : at + 4])
        parts.append(
            a * (1 - share) ** 3
            + 3 * b * share * (1 - share) ** 2
            + 3 * c * share**2 * (1 - share)
            + d * share**3
        )
    return np.concatenate(parts)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return points as OpenCV draws them exactly: in sixteenths of a pixel."""
    return np.asarray(np.rint(points * 16), np.int32).reshape(-1, 1, 2)
