"""
The bundle: a wrapping cloth sewn from the members' dyes, drawn as SVG for one capsule.

The same capsule always has the same cloth. The sizes of patches come from the capsule's id alone. The number of a
member's patches follows from the counts that everybody may see anyway.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from markupsafe import Markup, escape

#: One per member, in order of joining.
DYES = ("#3c5aa6", "#efbd45", "#d6506f", "#4b9f9d", "#df7a3a", "#7a5aa2", "#6c9a6a", "#8b5b3e")
_RAMIE = "var(--ramie)"
_FEWEST_PATCHES = 16
_MOST_PATCHES = 48
_FEWEST_UNDYED = 4
_SIDE = 400.0

_DEFINITIONS = (
    '<defs><pattern id="weave" width="3" height="3" patternUnits="userSpaceOnUse">'
    '<path d="M0 .5h3M.5 0v3" stroke="#1a2340" stroke-opacity=".07" stroke-width=".8"/>'
    '<path d="M0 2h3M2 0v3" stroke="#fff" stroke-opacity=".1" stroke-width=".8"/></pattern>'
    '<clipPath id="cloth"><path d="M14 22Q200-8 386 22Q410 200 386 382Q200 410 14 382Q-10 200 14 22z"/></clipPath>'
    "</defs>"
)
_FLAPS = (
    '<path d="M0 0h400L200 200z" fill="#fff" fill-opacity=".17"/>'
    '<path d="M400 0v400L200 200z" fill="#1a2340" fill-opacity=".07"/>'
    '<path d="M0 400h400L200 200z" fill="#1a2340" fill-opacity=".17"/>'
    '<path d="M2 4Q110 86 200 200Q286 96 398 4M2 398Q96 300 200 200Q300 298 398 398" fill="none" stroke="#1a2340"'
    ' stroke-opacity=".26" stroke-width="5"/>'
    '<path d="M2 2Q110 84 200 198Q286 94 398 2M2 396Q96 298 200 198Q300 296 398 396" fill="none" stroke="#fff"'
    ' stroke-opacity=".75" stroke-width="1.8"/>'
)
_KNOT = (
    '<path d="M-6 4C-40-52-104-66-128-40c-10 32 40 66 122 50z" fill="{0}"/>'
    '<path d="M6 4C40-52 104-66 128-40c10 32-40 66-122 50z" fill="{0}"/>'
    '<path d="M-4 8C-30 40-42 74-66 96c10 8 26 8 36 2 8-30 20-58 34-88z" fill="{1}"/>'
    '<path d="M4 8C26 40 40 70 70 90c-8 10-24 12-36 8C28 68 14 38-4 10z" fill="{1}"/>'
    '<path d="M-27-16c8-10 46-10 54 0 6 10 6 28 0 38-8 9-46 9-54 0-6-10-6-28 0-38z" fill="{0}"/>'
)
_FOLDS = (
    '<path d="M-10 2C-50-24-90-38-122-38M-10 6C-44 2-80-6-112-26M10 2C50-24 90-38 122-38M10 6C44 2 80-6 112-26'
    'M-16-15c-4 12-4 24 0 36M15-15c4 12 4 24 0 36M0-19c-2 14-2 28 0 44" fill="none" stroke="#fff" stroke-opacity=".32"'
    ' stroke-width="2"/>'
)


def bundle(capsule_id: str, counts: Sequence[int], *, label: str, is_tied: bool = True) -> Markup:
    """
    Draw the bundle of a capsule as SVG.

    `counts` holds the number of photos of each member, in order of joining; `label` says it in words.
    """
    patches = _patches(capsule_id, counts)
    tie = ""
    if is_tied:
        shadow = _KNOT.format("#1a2340", "#1a2340")
        tie = (
            f'<g transform="translate(204 210)" opacity=".22">{shadow}</g>'
            f'<g transform="translate(200 200)">{knot()}</g>'
        )
    return Markup(  # noqa: S704 - numbers and constants; the label is escaped
        f'<svg class="bundle" viewBox="-22 -22 444 456" role="img" aria-label="{escape(label)}">{_DEFINITIONS}'
        f'<ellipse class="ground-shadow" cx="204" cy="392" rx="190" ry="26"/>'
        f'<g clip-path="url(#cloth)"><g transform="translate(-4 -4) scale(1.02)">{patches}</g>'
        f'<rect x="-20" y="-20" width="440" height="440" fill="url(#weave)"/>{_FLAPS if is_tied else ""}</g>'
        f"{tie}</svg>"
    )


def cloth(capsule_id: str, counts: Sequence[int]) -> Markup:
    """Return the cloth of the same bundle, spread out: what is inside an SVG of 400 by 400."""
    return Markup(_patches(capsule_id, counts))  # noqa: S704 - numbers and constants


def _patches(capsule_id: str, counts: Sequence[int]) -> str:
    return "".join(
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{dye}" stroke="#fff"'
        f' stroke-opacity=".85" stroke-width="1.6"/>'
        f'<rect x="{x + 5:.1f}" y="{y + 5:.1f}" width="{max(width - 10, 1):.1f}"'
        f' height="{max(height - 10, 1):.1f}" fill="none" stroke="#fff" stroke-opacity=".5" stroke-width="1.3"'
        f' stroke-dasharray="5 4" stroke-linecap="round"/>'
        for (x, y, width, height), dye in _sewn(capsule_id, counts)
    )


def knot() -> Markup:
    """Return the knot alone: what is inside an SVG whose middle is (0, 0), 280 wide and 210 high."""
    return Markup(_KNOT.format("#b3264a", "#8f1e3b") + _FOLDS)  # noqa: S704 - constants


def _sewn(capsule_id: str, counts: Sequence[int]) -> list[tuple[tuple[float, float, float, float], str]]:
    # A drawing, not a secret.
    chance = random.Random(capsule_id)  # noqa: S311
    dyes = [
        DYES[number % len(DYES)]
        for number, photos in enumerate(counts)
        for _ in range(max(1, math.ceil(math.sqrt(photos) / 1.6)))
    ][: _MOST_PATCHES - _FEWEST_UNDYED]
    undyed = max(_FEWEST_UNDYED, _FEWEST_PATCHES - len(dyes))
    colours = [*dyes, *[_RAMIE] * undyed]
    chance.shuffle(colours)
    return list(zip(_cut((0.0, 0.0, _SIDE, _SIDE), len(colours), chance), colours, strict=True))


def _cut(
    piece: tuple[float, float, float, float], count: int, chance: random.Random
) -> list[tuple[float, float, float, float]]:
    """Cut a rectangle (x, y, width, height) into `count` smaller ones, across its longer side."""
    if count == 1:
        return [piece]
    x, y, width, height = piece
    in_first = count // 2 if count < 4 else chance.randint(count * 2 // 5, count * 3 // 5)
    share = min(max(in_first / count + chance.uniform(-0.07, 0.07), 0.2), 0.8)
    if width >= height:
        first, second = (x, y, width * share, height), (x + width * share, y, width * (1 - share), height)
    else:
        first, second = (x, y, width, height * share), (x, y + height * share, width, height * (1 - share))
    return [*_cut(first, in_first, chance), *_cut(second, count - in_first, chance)]
