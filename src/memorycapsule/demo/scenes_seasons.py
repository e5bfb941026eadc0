"""One tree in four seasons, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memorycapsule.demo.brushes import BrushLayer, Canvas, mix, rgb, smooth


def four_seasons(canvas: Canvas) -> None:
    rng = canvas.rng
    seasons = (("#f8dbe4", "#cfe6f2"), ("#9fd4f4", "#e6f6ea"), ("#f3cf9d", "#f6e7cf"), ("#b9c8de", "#e6ebf4"))
    grounds = ("#a5cf7c", "#5fa648", "#c6964b", "#f2f5fb")
    upper = _across(canvas, [top for top, _ in seasons])
    lower = _across(canvas, [bottom for _, bottom in seasons])
    height = smooth(canvas.y, 0, 0.7)[..., None]
    canvas.fill(upper * (1 - height) + lower * height)
    canvas.paint(
        smooth(canvas.noise(0.3, 5, 3), 0.5, 0.8) * (1 - smooth(canvas.y, 0.35, 0.6)) * 0.7, "#ffffff"
    )
    meadow = _across(canvas, list(grounds))
    for base, share in ((0.62, 0.45), (0.69, 0.22)):
        canvas.below(canvas.ridge(base, 0.12, 1.1, 4), meadow * (1 - share) + lower * share)
    depth = smooth(canvas.y, 0.74, 1.05)[..., None]
    canvas.below(canvas.ridge(0.77, 0.035, 2.2, 3), meadow * (1 - 0.38 * depth))
    canvas.paint(
        smooth(canvas.plain(0.72, 1.0, 3), 0.52, 0.8) * smooth(canvas.y, 0.78, 0.86) * 0.2, "#2c4a3c", 0.74
    )
    leaves = (
        ("#ffd3df", "#f6a3bd", "#fff0f3"),
        ("#4f9a3c", "#2f7433", "#86c255"),
        ("#e2732c", "#c23b28", "#f4b53c"),
        (),
    )
    for index, dyes in enumerate(leaves):
        x, foot = 0.125 + 0.25 * index, 0.84
        canvas.lay(canvas.layer().oval(x + 0.012, foot + 0.012, 0.3, 0.03, "#26333a", alpha=0.4), 0.012)
        tree = canvas.layer()
        tips: list[tuple[float, float]] = []
        _grow(tree, _Branch(x=x, y=foot, angle=-np.pi / 2, long=0.17, thick=0.034), tips, rng, 7)
        canvas.lay(tree, 0.0006)
        if dyes:
            crown = canvas.layer()
            for tone, spread, size in ((0.45, 0.03, 0.022), (0.12, 0.034, 0.015), (-0.2, 0.036, 0.009)):
                for left, top in tips:
                    for _ in range(4):
                        dye = mix(
                            dyes[rng.integers(3)],
                            "#2a1a20" if tone > 0 else "#fff6d8",
                            abs(tone) * rng.uniform(0.4, 1),
                        )
                        leaf = (
                            left + rng.normal(0, spread) * 0.42,
                            top + rng.normal(-0.04 * (0.4 - tone), spread),
                        )
                        wide, high = size * rng.uniform(0.6, 1.3), size * rng.uniform(0.5, 1.0)
                        crown.oval(*leaf, wide, high, dye, rng.uniform(0, 180))
            canvas.lay(crown, 0.0008)
            fallen = canvas.layer()
            for _ in range((150, 0, 190, 0)[index]):
                place = rng.normal(0, 0.075)
                fallen.oval(
                    x + place,
                    foot + rng.uniform(-0.01, 0.09),
                    0.007,
                    0.003,
                    dyes[rng.integers(3)],
                    rng.uniform(-30, 30),
                )
            for _ in range((26, 0, 26, 0)[index]):
                fallen.oval(
                    x + rng.normal(0, 0.08),
                    rng.uniform(0.35, 0.85),
                    0.006,
                    0.0035,
                    dyes[rng.integers(3)],
                    rng.uniform(0, 180),
                )
            canvas.lay(fallen)
        else:
            snow = canvas.layer()
            for left, top in tips:
                snow.oval(left, top, rng.uniform(0.006, 0.014), 0.005, "#ffffff")
            for _ in range(240):
                snow.disc(rng.uniform(0.76, 1), rng.random(), rng.uniform(0.002, 0.005), "#ffffff", 0.9)
            canvas.lay(snow, 0.0012)
    canvas.vignette(0.12)


def _across(canvas: Canvas, colours: list[str]) -> np.ndarray:
    """Return four colours side by side, melting into each other, shape (1, width, 3)."""
    place = np.linspace(0, 4, canvas.width) - 0.5
    stops = np.array([rgb(colour) for colour in colours])
    share = np.clip((place - np.floor(place) - 0.2) / 0.6, 0, 1)[:, None]
    first = np.clip(np.floor(place).astype(int), 0, 3)
    second = np.clip(first + (place > 0), 0, 3)
    return np.asarray((stops[first] * (1 - share) + stops[second] * share)[None], np.float32)


@dataclass(frozen=True, kw_only=True)
class _Branch:
    """Where a branch begins, which way it grows, and how long and thick it is."""

    x: float
    y: float
    angle: float
    long: float
    thick: float


def _grow(
    tree: BrushLayer, branch: _Branch, tips: list[tuple[float, float]], rng: np.random.Generator, left: int
) -> None:
    x, y, angle, long, thick = branch.x, branch.y, branch.angle, branch.long, branch.thick
    end_x = x + np.cos(angle) * long * tree.unit / tree.width
    end_y = y + np.sin(angle) * long * tree.unit / tree.height
    middle = ((x + end_x) / 2 + rng.normal(0, 0.02) * long, (y + end_y) / 2)
    tree.stroke([(x, y), middle, (end_x, end_y)], thick, mix("#4a352c", "#6b4d3c", rng.random() * 0.7))
    if left <= 4:
        tips.append((end_x, end_y))
    if left == 0:
        return
    for side in (-1, 1) if left > 1 else (rng.choice((-1, 1)),):
        turn = angle + side * rng.uniform(0.25, 0.62) + 0.06 * (-np.pi / 2 - angle)
        further = _Branch(
            x=end_x,
            y=end_y,
            angle=turn,
            long=long * rng.uniform(0.68, 0.84),
            thick=max(0.002, thick * 0.66),
        )
        _grow(tree, further, tips, rng, left - 1)
