"""The ornaments of the museum theme: torn papers behind a title, and pressed sprigs, drawn as SVG for one capsule."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass

from markupsafe import Markup

#: The distance between the teeth of a torn edge, and how far one may stick out.
_STEP, _RAGGED = 13, 5.0
_LEAF, _STEM = "#7c8560", "#7c8560"
_BLOSSOMS = {"rose": ("#d98f7d", "#c97862", "#e6ab98"), "yellow": ("#e0b64e", "#cf9b2f", "#efd07d")}


@dataclass(frozen=True, kw_only=True)
class _PosterPaper:
    x: int
    y: int
    width: int
    height: int
    angle: float
    edge: str
    face: str


#: In front of the plaster, from behind to the front; the last one carries the words.
_WIDE = (
    _PosterPaper(x=50, y=48, width=450, height=228, angle=-5, edge="#e5dccb", face="#b9946a"),
    _PosterPaper(x=440, y=18, width=420, height=222, angle=7, edge="#e9e4d6", face="#8b9a7d"),
    _PosterPaper(x=620, y=48, width=330, height=252, angle=5, edge="#f6efdc", face="#e8d9ae"),
    _PosterPaper(x=40, y=288, width=380, height=270, angle=6, edge="#e6e2d4", face="#7d8c70"),
    _PosterPaper(x=460, y=361, width=490, height=208, angle=-4, edge="#e5dccb", face="#a9835a"),
    _PosterPaper(x=115, y=78, width=770, height=446, angle=-2, edge="#ffffff", face="#fdfcf8"),
)
_HIGH = (
    _PosterPaper(x=26, y=50, width=280, height=270, angle=-5, edge="#e5dccb", face="#b9946a"),
    _PosterPaper(x=260, y=20, width=262, height=256, angle=7, edge="#e9e4d6", face="#8b9a7d"),
    _PosterPaper(x=372, y=56, width=202, height=290, angle=5, edge="#f6efdc", face="#e8d9ae"),
    _PosterPaper(x=24, y=330, width=230, height=312, angle=6, edge="#e6e2d4", face="#7d8c70"),
    _PosterPaper(x=276, y=416, width=296, height=240, angle=-4, edge="#e5dccb", face="#a9835a"),
    _PosterPaper(x=58, y=92, width=484, height=508, angle=-2, edge="#ffffff", face="#fdfcf8"),
)


@functools.lru_cache(maxsize=64)
def poster(capsule_id: str, *, is_wide: bool) -> Markup:
    """Draw the papers behind a title, held by one brass pin, for a wide or a high page."""
    chance = random.Random(capsule_id)  # noqa: S311 - a drawing, not a secret
    name = "wide" if is_wide else "high"
    width, height = (1000, 600) if is_wide else (600, 690)
    papers = _WIDE if is_wide else _HIGH
    drawn = "".join(_draw_paper(paper, f"{name}-{number}", chance) for number, paper in enumerate(papers))
    pin_x, pin_y = width // 2, papers[-1].y + 12
    return Markup(  # noqa: S704 - numbers and constants
        f'<svg class="papers {name}" viewBox="0 0 {width} {height}" aria-hidden="true"><defs>'
        f'<filter id="soft-{name}" x="-10%" y="-10%" width="120%" height="130%">'
        f'<feGaussianBlur stdDeviation="6"/></filter><radialGradient id="pin-{name}" cx=".38" cy=".32">'
        '<stop offset="0" stop-color="#fff0c4"/><stop offset=".45" stop-color="#d2a652"/>'
        f'<stop offset="1" stop-color="#80591c"/></radialGradient></defs>{drawn}'
        f'<circle cx="{pin_x + 3}" cy="{pin_y + 11}" r="15" fill="#3a2a1a" opacity=".3"'
        f' filter="url(#soft-{name})"/>'
        f'<circle cx="{pin_x}" cy="{pin_y}" r="14.5" fill="url(#pin-{name})"/></svg>'
    )


def _draw_paper(paper: _PosterPaper, name: str, chance: random.Random) -> str:
    outer = _outline(paper, 0, chance)
    inner = _outline(paper, 7, chance)
    middle = f"{paper.x + paper.width // 2} {paper.y + paper.height // 2}"
    kind = name.partition("-")[0]
    return (
        f'<g transform="rotate({paper.angle} {middle})"><use href="#paper-{name}" fill="#3a2a1a" opacity=".22"'
        f' transform="translate(5 9)" filter="url(#soft-{kind})"/>'
        f'<g fill="{paper.edge}"><polygon id="paper-{name}" points="{outer}"/></g>'
        f'<polygon points="{inner}" fill="{paper.face}"/></g>'
    )


def _outline(paper: _PosterPaper, inset: int, chance: random.Random) -> str:
    left, top = paper.x + inset, paper.y + inset
    right, low = paper.x + paper.width - inset, paper.y + paper.height - inset

    def out() -> float:
        return chance.uniform(-_RAGGED, _RAGGED)

    across, down = range(left, right, _STEP), range(top, low, _STEP)
    points: list[tuple[float, float]] = [(x, top + out()) for x in across]
    points += [(right + out(), y) for y in down]
    points += [(x + right - across[-1], low + out()) for x in reversed(across)]
    points += [(left + out(), y + low - down[-1]) for y in reversed(down)]
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in points)


@functools.cache
def sprig(colour: str) -> Markup:
    """Draw a pressed sprig with `rose` or `yellow` blossoms."""
    chance = random.Random(colour)  # noqa: S311 - a drawing, not a secret
    parts = []
    for top_x, top_y in ((-15, 97), (24, 88), (70, 62), (112, 92), (150, 78), (196, 112)):
        bend = 100 + (top_x - 100) * 0.22
        parts.append(
            f'<path d="M100 330Q{bend:.0f} 230 {top_x} {top_y}" stroke="{_STEM}" stroke-width="2.2" fill="none"/>'
        )
        for _ in range(17):
            turn, away = chance.uniform(0, math.tau), chance.uniform(0, 19)
            parts.append(
                f'<circle cx="{top_x + away * math.cos(turn):.0f}" cy="{top_y + away * math.sin(turn):.0f}"'
                f' r="{chance.uniform(2.4, 4.6):.1f}" fill="{chance.choice(_BLOSSOMS[colour])}" opacity=".88"/>'
            )
    for x, y, turn in ((84, 262, -46), (112, 240, 40), (70, 216, -58), (128, 196, 52), (100, 286, -20)):
        parts.append(
            f'<path d="M0 0Q-13-24 0-52 13-24 0 0z" transform="translate({x} {y}) rotate({turn})" fill="{_LEAF}"'
            ' opacity=".86"/>'
        )
    return Markup(  # noqa: S704 - numbers and constants
        f'<svg class="sprig {colour}" viewBox="0 0 200 340" aria-hidden="true">{"".join(parts)}</svg>'
    )
