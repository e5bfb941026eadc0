"""Drawn scenes by the water: the sea at dusk, a lighthouse, a boat at dawn, lanterns over a lake, reeds."""

import numpy as np

from memorycapsule.demo.brushes import Canvas, mix, rgb, smooth
from memorycapsule.demo.scenes_evening import stars


def sea_at_dusk(canvas: Canvas) -> None:
    horizon, sun = 0.56, 0.62
    canvas.fill(
        canvas.gradient(
            (0, "#22305c"), (0.2, "#56508a"), (0.38, "#c4747f"), (0.5, "#f5a36c"), (0.56, "#ffd596")
        )
    )
    clouds = canvas.noise(0.22, 5, 5.0)
    height = smooth(canvas.y, 0.05, 0.5)
    canvas.paint(
        smooth(clouds, 0.5, 0.78) * (1 - smooth(canvas.y, 0.46, 0.55)) * 0.75,
        mix("#45406f", "#8a4f6c", 0.5) * (1 - height[..., None]) + rgb("#ff9d78") * height[..., None],
    )
    canvas.glow(sun, 0.5, 0.5, "#ff9a50", 0.75)
    canvas.glow(sun, 0.5, 0.13, "#ffd98a", 1.0)
    canvas.lay(canvas.layer().disc(sun, 0.5, 0.042, "#fff3cf"), 0.0015)
    island = canvas.ridge(horizon - 0.03, 0.05, 0.5) + 0.05 * smooth(
        np.linspace(0, 1, canvas.width), 0.12, 0.44
    )
    canvas.below(island, "#8a5f7c")
    water = canvas.gradient((horizon, "#f2b07c"), (0.64, "#b97a84"), (0.8, "#565a8c"), (1, "#232c55"))
    canvas.paint((canvas.y > horizon).astype(np.float32), water, horizon)
    waves = canvas.plain(horizon, 1.0, 4.0)
    canvas.paint(smooth(waves, 0.52, 0.8) * smooth(canvas.y, horizon, 0.6) * 0.36, "#1d2850", horizon)
    canvas.paint(smooth(waves, 0.42, 0.2) * smooth(canvas.y, horizon, 0.6) * 0.3, "#f3b394", horizon)
    depth = np.maximum(canvas.y - horizon, 0)
    path = np.exp(-(((canvas.x - sun) / (0.022 + depth * 0.22)) ** 2)) * (canvas.y > horizon)
    glitter = smooth(waves, 0.62 + depth * 0.12, 0.38)
    canvas.screen((path * (0.2 + glitter * 0.95))[..., None] * rgb("#ffcf86"))
    beach = canvas.ridge(0.955, 0.05, 1.6, 3) - np.linspace(0.0, 0.05, canvas.width, dtype=np.float32)
    canvas.below(beach - 0.014, "#d9b7a6")
    canvas.below(beach, canvas.gradient((0.88, "#6a5566"), (1, "#392f47")))
    birds = canvas.layer()
    for x, y, size in ((0.3, 0.27, 0.016), (0.345, 0.25, 0.012), (0.37, 0.285, 0.010), (0.42, 0.24, 0.008)):
        birds.bird(x, y, size, "#2b2747")
    canvas.lay(birds)
    canvas.vignette()


def lighthouse(canvas: Canvas) -> None:
    rng = canvas.rng
    horizon, x, lamp = 0.68, 0.66, 0.245
    canvas.fill(canvas.gradient((0, "#1a2a4e"), (0.4, "#3f5f86"), (0.6, "#8fa5b2"), (horizon, "#d9c8b4")))
    clouds = canvas.noise(0.3, 5, 3)
    canvas.paint(smooth(clouds, 0.46, 0.8) * 0.6, canvas.gradient((0, "#26385f"), (horizon, "#b7a9ae")))
    canvas.paint(
        smooth(canvas.y, horizon, horizon + 0.002),
        canvas.gradient((horizon, "#a9b3b6"), (0.8, "#4d6a80"), (1, "#1f344e")),
        horizon,
    )
    waves = canvas.plain(horizon, 0.9, 4)
    canvas.paint(smooth(waves, 0.5, 0.78) * 0.5, "#1c3450", horizon)
    canvas.paint(smooth(waves, 0.36, 0.16) * 0.6, "#e4ebe8", horizon)
    for aim, power in ((-1.0, 0.55), (0.52, 0.4)):
        away = (canvas.x - x) * np.sign(aim)
        spread = np.maximum(away, 0.0) * 0.13 + 0.006
        ray = np.exp(-(((canvas.y - lamp + away * 0.06) / spread) ** 2)) * (away > 0) * np.exp(-away / 0.42)
        canvas.screen((ray * power)[..., None] * rgb("#fff0c4"))
    top, foot = 0.29, 0.79
    half = 0.031 + 0.022 * smooth(canvas.y, top, foot)
    across = (canvas.x - x) / half
    inside = (
        np.clip((1 - np.abs(across)) * half * canvas.width + 0.5, 0, 1) * (canvas.y > top) * (canvas.y < foot)
    )
    stripe = smooth(np.sin((canvas.y - top) / (foot - top) * np.pi * 6 + across**2 * -0.25), -0.06, 0.06)[
        ..., None
    ]
    light = (0.42 + 0.58 * np.sqrt(np.maximum(0, 1 - (across * 0.9 + 0.28) ** 2)))[..., None]
    canvas.paint(inside, (rgb("#f4ece0") * (1 - stripe) + rgb("#b8323a") * stripe) * light)
    house = canvas.layer()
    house.area(
        [
            (x - 0.046, top + 0.006),
            (x - 0.046, top - 0.012),
            (x + 0.046, top - 0.012),
            (x + 0.046, top + 0.006),
        ],
        "#27303f",
    )
    house.area(
        [
            (x - 0.022, top - 0.012),
            (x - 0.022, top - 0.075),
            (x + 0.022, top - 0.075),
            (x + 0.022, top - 0.012),
        ],
        "#ffe9ae",
    )
    for bar in (-0.022, -0.007, 0.008, 0.022):
        house.stroke([(x + bar, top - 0.012), (x + bar, top - 0.075)], 0.003, "#27303f")
    house.area([(x - 0.028, top - 0.073), (x, top - 0.118), (x + 0.028, top - 0.073)], "#8d2530")
    house.area([(x - 0.012, 0.78), (x - 0.012, 0.735), (x + 0.012, 0.735), (x + 0.012, 0.78)], "#3a2a30")
    for y in (0.42, 0.58):
        house.area([(x - 0.007, y), (x - 0.007, y - 0.03), (x + 0.007, y - 0.03), (x + 0.007, y)], "#ffd98a")
    canvas.lay(house, 0.0006)
    column = np.maximum(np.abs(np.linspace(0, 1, canvas.width) - 0.69) - 0.07, 0)
    rock = canvas.ridge(0.775, 0.035, 0.16) + (column**1.3 * 0.95).astype(np.float32)
    canvas.below(rock, canvas.gradient((0.68, "#6b6468"), (0.85, "#3a3944"), (1, "#1c2230")))
    crags = canvas.noise(0.07, 5)
    inside = np.clip((canvas.y - rock) * canvas.height, 0, 1)
    canvas.paint(smooth(crags, 0.52, 0.6) * inside * 0.55, "#1d2233", 0.6)
    canvas.paint(smooth(crags, 0.4, 0.3) * inside * 0.3 * smooth(canvas.y, 0.95, 0.75), "#c9b3a4", 0.6)
    canvas.glow(x, lamp, 0.2, "#fff0c0", 0.8)
    canvas.glow(x, lamp, 0.045, "#ffffff", 1)
    foam = canvas.layer()
    for where in rng.integers(canvas.width, size=2600):
        if 0.85 < rock[where] < 1.02:
            low = float(rock[where]) + 0.012 + abs(rng.normal(0, 0.016)) * rng.choice((-0.7, 1))
            foam.disc(where / canvas.width, low, rng.uniform(0.0008, 0.0045), "#eef3f2", 0.85)
    canvas.lay(foam, 0.0014)
    canvas.vignette(0.3)


def boat_at_dawn(canvas: Canvas) -> None:
    rng = canvas.rng
    shore = 0.5
    canvas.fill(canvas.gradient((0, "#7d9cc0"), (0.25, "#c8c9d8"), (0.42, "#f8d8c4"), (shore, "#fbe6d0")))
    canvas.paint(smooth(canvas.noise(0.2, 5, 5), 0.52, 0.85) * 0.6, "#fff1e6")
    canvas.glow(0.3, 0.4, 0.5, "#ffdcb0", 0.7)
    for base, high, colour in ((0.45, 0.2, "#aab3cb"), (0.475, 0.12, "#8397ad"), (0.493, 0.07, "#5d7a88")):
        canvas.below(canvas.ridge(base, high, 0.7), colour)
    canvas.paint(
        np.exp(-(((canvas.y - shore) / 0.035) ** 2)) * (0.5 + 0.5 * canvas.noise(0.3, 3, 5)) * 0.9, "#fdeee2"
    )
    first = int(shore * canvas.height)
    mirror = canvas.pixels[:first][::-1][: canvas.height - first].copy()
    canvas.pixels[first : first + len(mirror)] = mirror * np.float32(0.86) + rgb("#3d5f7c") * np.float32(0.12)
    canvas.paint(smooth(canvas.y, 0.62, 1.05) * 0.65, "#2d4c66", shore)
    waves = canvas.plain(shore, 0.9, 5)
    canvas.paint(smooth(waves, 0.56, 0.85) * 0.3, "#2c4a66", shore)
    canvas.paint(smooth(waves, 0.4, 0.12) * 0.3, "#ffeedd", shore)
    x, y = 0.6, 0.72
    shade = canvas.layer().area(
        [(x - 0.19, y + 0.03), (x + 0.2, y + 0.03), (x + 0.12, y + 0.12), (x - 0.13, y + 0.11)],
        "#1b2c3d",
        0.6,
    )
    canvas.lay(shade, 0.01)
    hull = canvas.layer()
    curve = np.linspace(-1, 1, 30)
    rim = [(x + 0.2 * share, y - 0.028 * share**2 - 0.022 * max(0, share) ** 3) for share in curve]
    keel = [
        (x + 0.185 * share * (1 - 0.12 * (1 - share**2)), y + 0.062 * (1 - share**4) - 0.024 * share**2)
        for share in curve
    ]
    hull.area(rim + keel[::-1], "#7b4a34")
    hull.area(
        [
            *[(a, b + 0.012) for a, b in rim],
            *[(a, (b + d) / 2) for (a, b), (_, d) in zip(rim[::-1], keel[::-1], strict=True)],
        ],
        "#94603f",
    )
    inner = [(a, b + 0.004) for a, b in rim]
    hull.area(
        [
            *inner,
            *[
                (x + 0.19 * share, y - 0.024 * share**2 + 0.024 * (1 - share**2) - 0.016 * max(0, share) ** 3)
                for share in curve[::-1]
            ],
        ],
        "#4a2c22",
    )
    for seat in (-0.09, 0.02, 0.11):
        hull.area(
            [
                (x + seat, y + 0.001),
                (x + seat + 0.026, y + 0.001),
                (x + seat + 0.03, y + 0.017),
                (x + seat - 0.004, y + 0.017),
            ],
            "#b98a5e",
        )
    hull.stroke(rim, 0.007, "#d9b184")
    hull.stroke([(x - 0.02, y - 0.005), (x - 0.15, y + 0.085)], 0.006, "#c39a6c")
    hull.oval(x - 0.163, y + 0.094, 0.03, 0.009, "#b98e60", angle=-50)
    canvas.lay(hull, 0.0008)
    for step in range(4):
        ring = canvas.layer().stroke(
            [
                (x + (0.21 + 0.035 * step) * np.cos(t), y + 0.055 + (0.03 + 0.016 * step) * np.sin(t))
                for t in np.linspace(0.1, np.pi - 0.1, 30)
            ],
            0.0025,
            "#ffeedd",
            0.35 - 0.07 * step,
        )
        canvas.lay(ring, 0.0015)
    reeds = canvas.layer()
    for _ in range(90):
        foot = rng.choice((rng.normal(0.03, 0.05), rng.normal(0.99, 0.04)))
        tall, lean = rng.uniform(0.12, 0.36), rng.normal(0.015, 0.02)
        reeds.stroke(
            [(foot, 1.01), (foot + lean * 0.3, 1 - tall * 0.6), (foot + lean, 1 - tall)],
            0.003,
            mix("#22363a", "#5e6b4a", rng.random()),
        )
        if rng.random() < 0.35:
            reeds.oval(foot + lean, 1 - tall, 0.006, 0.024, "#5b4030", angle=lean * 400)
    canvas.lay(reeds, 0.0014)
    canvas.vignette(0.22)


def lanterns(canvas: Canvas) -> None:
    rng = canvas.rng
    shore = 0.74
    canvas.fill(canvas.gradient((0, "#0b1030"), (0.35, "#1f2459"), (0.6, "#5b3a74"), (shore, "#b5636f")))
    stars(canvas, 200, 0.4)
    canvas.glow(0.5, shore, 0.6, "#ff8a4a", 0.45)
    canvas.below(canvas.ridge(0.69, 0.09, 0.7), "#38285a")
    canvas.below(canvas.ridge(0.725, 0.05, 0.5), "#1f1942")
    mirror = canvas.gradient((shore, "#7d4c6e"), (0.85, "#33295f"), (1, "#0e1236"))
    canvas.paint(smooth(canvas.y, shore, shore + 0.002), mirror, shore)
    places = sorted(
        (rng.uniform(0.006, 0.02), rng.uniform(0.04, 0.96), rng.uniform(0.12, 0.7)) for _ in range(42)
    )
    places += [(0.036, 0.2, 0.3), (0.046, 0.74, 0.22), (0.06, 0.45, 0.44), (0.083, 0.8, 0.56)]
    streaks = canvas.layer()
    for size, x, y in places:
        low = shore + (shore - y) * 0.42
        if low < 1:
            streaks.oval(x, low, size * 0.5, size * 1.7, mix("#ff9a4a", "#ffd08a", rng.random()), alpha=0.5)
    canvas.lay(streaks, 0.012)
    waves = canvas.plain(shore, 1.0, 4.0)
    canvas.paint(smooth(waves, 0.5, 0.75) * smooth(canvas.y, shore, shore + 0.05) * 0.6, "#171643", shore)
    for size, x, y in places:
        ratio = canvas.unit / canvas.width
        rise = canvas.unit / canvas.height
        wide, high = size * ratio, size * 1.25 * rise
        canvas.glow(x, y, size * 2.6, "#ff8d3a", 0.55 if size > 0.02 else 0.4)
        profile = ((0.62, 1.0), (1.0, -0.35), (0.82, -0.85), (0.3, -1.08))
        right = [(x + wide * side, y + high * down) for side, down in profile]
        left = [(x - wide * side, y + high * down) for side, down in profile]
        shape = right + left[::-1]
        paper = canvas.layer().area(shape, mix("#f0813a", "#d85f37", rng.random()))
        canvas.lay(paper, max(0.0006, size * 0.03))
        canvas.glow(x, y + high * 0.72, size * 0.95, "#ffe39a", 0.95)
        if size > 0.03:
            ribs = canvas.layer()
            for share in (-0.45, 0, 0.45):
                ribs.stroke(
                    [
                        (x + wide * share * 0.62 / 0.9, y + high),
                        (x + wide * share * 1.5, y - high * 0.5),
                        (x + wide * share, y - high),
                    ],
                    0.0018,
                    "#a8431f",
                    0.5,
                )
            ribs.oval(x, y + high, size * 0.62, size * 0.1, "#5b2416")
            ribs.oval(x, y + high * 0.985, size * 0.5, size * 0.06, "#fff0b8")
            canvas.lay(ribs, 0.001)
    canvas.vignette(0.35)


def moon_over_reeds(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#2b3a6e"), (0.45, "#7b7fb4"), (0.75, "#e0b3b4"), (1, "#f2cfae")))
    canvas.paint(smooth(canvas.noise(0.2, 5, 5), 0.52, 0.8) * 0.5, "#f3c9c6")
    canvas.glow(0.6, 0.4, 0.5, "#ffe6bf", 0.7)
    canvas.lay(canvas.layer().disc(0.6, 0.4, 0.13, "#fff2d6"), 0.002)
    canvas.below(canvas.ridge(0.84, 0.1, 0.9), "#8c7fa6")
    for count, tall, colour, blur in (
        (90, 0.36, "#75688c", 0.004),
        (60, 0.5, "#4b4262", 0.0014),
        (26, 0.74, "#241f38", 0.0008),
    ):
        sheet = canvas.layer()
        for _ in range(count):
            foot, high = rng.uniform(-0.05, 1.0), tall * rng.uniform(0.55, 1.0)
            lean = 0.05 + 0.07 * high + rng.normal(0, 0.012)
            stalk = [(foot + lean * t**2.2, 1.02 - high * t) for t in np.linspace(0, 1, 7)]
            sheet.stroke(stalk, 0.0028, colour)
            top_x, top_y = stalk[-1]
            for _ in range(16):
                start, long = rng.uniform(0, 0.05), rng.uniform(0.03, 0.06)
                x, y = top_x + start * 0.7, top_y + start * 0.25
                droop = [
                    (x, y),
                    (x + long * 0.5, y + long * 0.1),
                    (x + long * 0.95, y + long * rng.uniform(0.5, 1.0)),
                ]
                sheet.stroke(droop, 0.0014, mix(colour, "#ffe3bd", rng.uniform(0.15, 0.6)))
        canvas.lay(sheet, blur)
    canvas.vignette(0.25)
