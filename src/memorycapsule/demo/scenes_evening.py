"""Drawn scenes after sunset: cake, snow, city lights, hanok, fireworks, a tent under stars."""

import numpy as np

from memorycapsule.demo.brushes import BrushLayer, Canvas, Colour, mix, rgb, smooth


def stars(canvas: Canvas, count: int, lowest: float) -> None:
    """Draw stars in the sky down to the fraction `lowest`; few of them are bright."""
    rng, sky = canvas.rng, canvas.layer()
    for _ in range(count):
        bright = rng.random() ** 3
        colour = mix("#cfdcff", "#fff0d8", rng.random())
        sky.disc(rng.random(), rng.random() * lowest, 0.0006 + 0.0013 * bright, colour, 0.35 + 0.65 * bright)
    canvas.lay(sky)


def _pine(
    layer: BrushLayer, x: float, foot: float, high: float, colour: Colour, rng: np.random.Generator
) -> None:
    """Draw a conifer as ragged tiers, `high` in fractions of the height."""
    ratio = layer.height / layer.width
    points = [(x, foot - high)]
    tiers = 9
    for side in (1, -1):
        steps = range(1, tiers + 1) if side == 1 else range(tiers, 0, -1)
        for tier in steps:
            y = foot - high * (1 - tier / (tiers + 0.6))
            wide = high * 0.24 * ratio * (tier / tiers) ** 0.9 * rng.uniform(0.8, 1.15)
            outer, inner = (x + side * wide, y), (x + side * wide * 0.5, y - high * 0.02)
            points += [outer, inner] if side == 1 else [inner, outer]
    layer.area(points, colour)


def birthday_cake(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#1c1226"), (0.45, "#3a1f33"), (0.68, "#5a2f33"), (1, "#2a1519")))
    lights = canvas.layer()
    for _ in range(34):
        colour = mix(
            ("#ffb45e", "#ff7d6b", "#ffd98f", "#8f7bd8")[rng.integers(4)], "#2a1526", rng.uniform(0.35, 0.7)
        )
        lights.disc(
            rng.random(), rng.uniform(0, 0.55), rng.uniform(0.014, 0.045), colour, rng.uniform(0.25, 0.7)
        )
    canvas.lay(lights, 0.004)
    canvas.glow(0.5, 0.34, 0.55, "#ff9a45", 0.55)
    table = smooth(canvas.y, 0.735, 0.75)
    canvas.paint(table, canvas.gradient((0.73, "#8a5436"), (1, "#2f1812")), 0.73)
    grain = canvas.noise(0.05, 4, 14)
    canvas.paint(smooth(grain, 0.5, 0.7) * table * 0.25, "#2a130c", 0.73)
    canvas.lay(canvas.layer().oval(0.5, 0.895, 0.52, 0.05, "#170a09", alpha=0.75), 0.025)
    canvas.ball(0.5, 0.865, 0.47, 0.065, "#fbf3ea", "#a88f8a", (-0.1, -0.9))
    centre, half, top, bottom = 0.5, 0.245, 0.53, 0.855
    across = (canvas.x - centre) / half
    lip = 0.045 * np.sqrt(np.maximum(0, 1 - across**2))
    body = (np.abs(across) < 1) & (canvas.y < bottom + lip) & (canvas.y > top)
    light = (
        0.62
        + 0.38 * np.sqrt(np.maximum(0, 1 - (across * 0.97 + 0.1) ** 2))
        - 0.16 * smooth(canvas.y, top, bottom)
    )
    canvas.paint(body.astype(np.float32), rgb("#ffdcb8") * light[..., None], 0.5)
    for seam in (0.66, 0.755):
        band = np.exp(-(((canvas.y - seam - lip) / 0.011) ** 2)) * body
        canvas.paint(band * 0.8, rgb("#d2647a") * light[..., None], 0.5)
    wave = np.sin(np.linspace(0, 1, canvas.width) * 118)
    drip = 0.03 + 0.02 * wave + 0.018 * np.sin(np.linspace(0, 1, canvas.width) * 47 + 1)
    icing = body & (canvas.y < top + lip + drip[None])
    canvas.paint(icing.astype(np.float32), rgb("#fff7f0") * np.minimum(1, light + 0.1)[..., None], 0.5)
    oval = smooth(1 - across**2 - ((canvas.y - top) / 0.046) ** 2, 0, 0.02)
    canvas.paint(oval, rgb("#fffaf2") * np.float32(0.97), 0.45)
    for step in range(11):
        turn = np.pi * 2 * step / 11 + 0.2
        x, y = centre + np.cos(turn) * half * 0.85, top + np.sin(turn) * 0.036
        canvas.ball(x, y + 0.006, 0.026, 0.017, "#fffdf8", "#d9bfb0", (-0.3, -0.7))
        canvas.ball(x, y - 0.012, 0.019, 0.022, "#f2485a", "#7d1128", (-0.35, -0.6))
    wicks = []
    for step, turn in enumerate(np.linspace(0.35, 2 * np.pi + 0.35, 7, endpoint=False)):
        wicks.append((centre + np.cos(turn) * half * 0.52, top + np.sin(turn) * 0.02, step))
    _candles(canvas, wicks)
    for x, y, _ in wicks:
        _flame(canvas, x, y)
    canvas.vignette(0.5)


def _candles(canvas: Canvas, wicks: list[tuple[float, float, int]]) -> None:
    """Paint a striped candle below each wick; those behind come first. A wick has its place and its number."""
    candles = canvas.layer()
    for x, y, step in sorted(wicks, key=lambda wick: wick[1]):
        shade = ("#7fc4e8", "#ffd166", "#f59bb4", "#9ad6a0")[step % 4]
        candles.area([(x - 0.006, y), (x - 0.006, y - 0.14), (x + 0.006, y - 0.14), (x + 0.006, y)], shade)
        candles.area(
            [(x + 0.002, y), (x + 0.002, y - 0.14), (x + 0.006, y - 0.14), (x + 0.006, y)],
            mix(shade, "#40304a", 0.35),
        )
        for turn in range(4):
            low = y - 0.02 - turn * 0.032
            candles.stroke([(x - 0.006, low), (x + 0.006, low - 0.014)], 0.004, "#fffdf5")
        candles.stroke([(x, y - 0.14), (x, y - 0.152)], 0.003, "#3a2520")
    canvas.lay(candles, 0.0006)


def _flame(canvas: Canvas, x: float, y: float) -> None:
    lean = canvas.rng.uniform(-0.002, 0.002)
    flame = canvas.layer()
    turns = np.linspace(0, 2 * np.pi, 22)
    across = x + 0.0053 * np.sin(turns) * (1 + np.cos(turns)) + lean * (1 - np.cos(turns))
    drop = list(zip(across, y - 0.168 + 0.026 * np.cos(turns), strict=True))
    flame.area(drop, "#ffd76a")
    canvas.glow(x, y - 0.175, 0.075, "#ffa23e", 0.8)
    canvas.lay(flame, 0.0015)
    canvas.lay(canvas.layer().oval(x, y - 0.158, 0.0055, 0.014, "#fffbe6"), 0.002)


def snow_house(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#0d1633"), (0.4, "#27386b"), (0.62, "#5c6ba0")))
    stars(canvas, 240, 0.42)
    canvas.glow(0.2, 0.17, 0.26, "#a9bdf0", 0.55)
    canvas.lay(canvas.layer().disc(0.2, 0.17, 0.04, "#f6f2df"), 0.0015)
    canvas.below(canvas.ridge(0.5, 0.16, 0.6), canvas.gradient((0.3, "#5a6a9e"), (0.66, "#8794c0")))
    for foot, count, high, colour in ((0.6, 60, 0.13, "#38487c"), (0.64, 46, 0.19, "#24335f")):
        wood = canvas.layer()
        for _ in range(count):
            _pine(
                wood,
                rng.random(),
                foot + rng.uniform(-0.015, 0.02),
                high * rng.uniform(0.6, 1.25),
                colour,
                rng,
            )
        canvas.lay(wood, 0.0012)
    hill = canvas.ridge(0.635, 0.07, 1.1, 3)
    canvas.below(hill, canvas.gradient((0.58, "#a9b6dc"), (0.75, "#c3cdea"), (1, "#7484b8")))
    canvas.paint(
        smooth(canvas.noise(0.35, 4, 2.5), 0.5, 0.75) * smooth(canvas.y, 0.66, 0.75) * 0.5, "#8291c4", 0.6
    )
    house, (x, y) = canvas.layer(), (0.56, 0.74)
    house.area([(x - 0.15, y), (x - 0.15, y - 0.15), (x + 0.12, y - 0.15), (x + 0.12, y)], "#4a3340")
    for plank in range(7):
        low = y - 0.02 * plank - 0.012
        house.stroke([(x - 0.15, low), (x + 0.12, low)], 0.002, "#3b2735")
    house.area(
        [(x + 0.055, y - 0.22), (x + 0.055, y - 0.33), (x + 0.088, y - 0.33), (x + 0.088, y - 0.2)], "#41303d"
    )
    house.area(
        [(x - 0.19, y - 0.135), (x - 0.1, y - 0.285), (x + 0.08, y - 0.285), (x + 0.16, y - 0.135)], "#e6ecfb"
    )
    house.area(
        [(x - 0.19, y - 0.135), (x - 0.185, y - 0.146), (x + 0.156, y - 0.146), (x + 0.16, y - 0.135)],
        "#aab7df",
    )
    house.oval(x + 0.0715, y - 0.333, 0.03, 0.014, "#e6ecfb")
    house.area([(x + 0.06, y), (x + 0.06, y - 0.095), (x + 0.1, y - 0.095), (x + 0.1, y)], "#2c1d28")
    canvas.lay(house, 0.0008)
    for left in (x - 0.115, x - 0.025):
        canvas.glow(left + 0.025, y - 0.07, 0.16, "#ffb24a", 0.75)
        window = canvas.layer()
        window.area(
            [
                (left - 0.004, y - 0.035),
                (left - 0.004, y - 0.112),
                (left + 0.054, y - 0.112),
                (left + 0.054, y - 0.035),
            ],
            "#2f2029",
        )
        window.area(
            [(left, y - 0.04), (left, y - 0.107), (left + 0.05, y - 0.107), (left + 0.05, y - 0.04)],
            "#ffd479",
        )
        window.stroke([(left + 0.025, y - 0.107), (left + 0.025, y - 0.04)], 0.005, "#8a4a2a")
        window.stroke([(left, y - 0.074), (left + 0.05, y - 0.074)], 0.005, "#8a4a2a")
        canvas.lay(window, 0.0005)
        canvas.glow(left + 0.025, y - 0.072, 0.05, "#ffe3a0", 0.55)
        beam = canvas.layer().area(
            [(left, y + 0.015), (left + 0.05, y + 0.015), (left + 0.07, y + 0.12), (left - 0.05, y + 0.12)],
            "#ffc873",
            0.55,
        )
        canvas.lay(beam, 0.016)
    for step in range(14):
        canvas.lay(
            canvas.layer().disc(
                x + 0.0715 + 0.0035 * step + 0.008 * np.sin(step * 0.8),
                y - 0.36 - 0.019 * step,
                0.012 + 0.003 * step,
                "#c7cfea",
                0.22 - 0.014 * step,
            ),
            0.008,
        )
    near = canvas.layer()
    for place, high in ((0.06, 0.46), (0.16, 0.34), (0.88, 0.42), (0.97, 0.55)):
        _pine(near, place, 0.9, high, "#14203f", rng)
    canvas.lay(near, 0.001)
    canvas.below(canvas.ridge(0.885, 0.06, 1.4, 3), canvas.gradient((0.83, "#c8d2ee"), (1, "#6f7fb4")))
    for count, size, blur, alpha in (
        (420, 0.0016, 0, 0.8),
        (150, 0.0034, 0.0016, 0.8),
        (34, 0.010, 0.006, 0.6),
    ):
        flakes = canvas.layer()
        for _ in range(count):
            flakes.disc(rng.random(), rng.random(), size * rng.uniform(0.6, 1.4), "#f4f7ff", alpha)
        canvas.lay(flakes, blur)
    canvas.vignette(0.35)


def city_lights(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#0d1330"), (0.5, "#2b2450"), (0.68, "#4c2f57"), (1, "#0c0e1f")))
    towers = canvas.layer()
    for step in range(26):
        x, wide = rng.uniform(-0.05, 1), rng.uniform(0.05, 0.13)
        top = rng.uniform(0.2, 0.52)
        towers.area(
            [(x, 0.7), (x, top), (x + wide, top), (x + wide, 0.7)], mix("#1a1c42", "#3b2c5a", step / 26 * 0.8)
        )
        for _ in range(26):
            spot = (x + wide * rng.uniform(0.1, 0.9), rng.uniform(top + 0.01, 0.66))
            towers.disc(*spot, 0.0045, mix("#ffcf7d", "#8fb6ff", rng.random() ** 3), 0.85)
    canvas.lay(towers, 0.008)
    dyes = ("#ffb347", "#ff6f59", "#ffd98a", "#6fb7ff", "#f4f0ff", "#ff8fb0", "#57d1b0")
    for count, small, large, blur in ((90, 0.012, 0.026, 0.002), (30, 0.03, 0.062, 0.003)):
        discs = np.zeros_like(canvas.pixels)
        for _ in range(count):
            x, y = rng.random(), np.clip(rng.normal(0.63, 0.085), 0.3, 0.85)
            radius, colour = rng.uniform(small, large), rgb(dyes[rng.integers(7)])
            _bokeh(discs, x, y, radius, colour * np.float32(rng.uniform(0.3, 0.75)), blur)
        canvas.screen(discs)
    road = smooth(canvas.y, 0.7, 0.78)
    canvas.paint(road * 0.75, canvas.gradient((0.7, "#241c38"), (1, "#0d0d1c")), 0.7)
    # Forty streaks of light on the wet road: a sum of columns times rows, as one product of matrices.
    columns = np.exp(-(((canvas.x - rng.random((40, 1))) / 0.018) ** 2)).astype(np.float32)
    rows = smooth(canvas.y, 0.7, 0.74) * np.exp(-np.maximum(canvas.y - 0.72, 0) / rng.uniform(0.06, 0.2, 40))
    inks = np.array([rgb(dyes[index]) for index in rng.integers(7, size=40)]) * rng.uniform(0.2, 0.5, (40, 1))
    streaks = np.stack([(rows * inks[:, part]).astype(np.float32) @ columns for part in range(3)], -1)
    canvas.screen(streaks * (0.2 + 0.8 * canvas.plain(0.7, 0.7, 2.0))[..., None])
    canvas.vignette(0.4)


def _bokeh(light: np.ndarray, x: float, y: float, radius: float, colour: np.ndarray, soft: float) -> None:
    """Add a disc of light as a lens out of focus draws it: flat, its rim a little brighter."""
    height, width = light.shape[:2]
    unit = min(height, width)
    reach = radius * unit + 4
    left, right = int(max(0, x * width - reach)), int(min(width, x * width + reach))
    top, bottom = int(max(0, y * height - reach)), int(min(height, y * height + reach))
    rows = np.arange(top, bottom, dtype=np.float32)[:, None] - y * height
    columns = np.arange(left, right, dtype=np.float32)[None] - x * width
    far = np.sqrt(rows**2 + columns**2) / (radius * unit)
    disc = smooth(far, 1.0 + soft / radius, 1.0 - soft / radius) * (0.62 + 0.38 * far**4)
    light[top:bottom, left:right] += disc[..., None] * colour


def hanok_roof(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#16214c"), (0.35, "#43508f"), (0.62, "#b98fae"), (0.8, "#f3c3a5")))
    stars(canvas, 90, 0.3)
    canvas.glow(0.7, 0.27, 0.3, "#ffe7b8", 0.6)
    canvas.lay(canvas.layer().disc(0.7, 0.27, 0.085, "#fff6da"), 0.0015)
    canvas.paint(
        smooth(canvas.noise(0.12, 4), 0.5, 0.7)
        * smooth(
            ((canvas.x - 0.7) * canvas.width / canvas.unit) ** 2 + (canvas.y - 0.27) ** 2, 0.0074, 0.0066
        )
        * 0.25,
        "#d9c79a",
    )
    canvas.paint(smooth(canvas.noise(0.16, 5, 6), 0.56, 0.8) * 0.5, "#e9a9a8")
    canvas.below(canvas.ridge(0.66, 0.13, 0.7), "#7a6c9c")
    canvas.below(canvas.ridge(0.74, 0.1, 0.6), "#565186")
    for base, left, right, shade, blur in (
        (0.73, -0.12, 0.36, "#3a3a66", 0.002),
        (0.6, 0.2, 1.16, "#20244a", 0.0006),
    ):
        _tiled_roof(canvas, base, left, right, shade, blur)
    branch = canvas.layer()
    branch.stroke([(0, 0.1), (0.08, 0.13), (0.17, 0.125), (0.25, 0.17), (0.3, 0.165)], 0.009, "#1b1730")
    branch.stroke([(0.13, 0.128), (0.18, 0.07), (0.24, 0.05)], 0.005, "#1b1730")
    branch.stroke([(0.05, 0.12), (0.1, 0.19), (0.16, 0.22)], 0.005, "#1b1730")
    for _ in range(95):
        x = rng.uniform(0.02, 0.31)
        y = 0.125 + 0.1 * rng.normal(0, 0.45) + 0.1 * (x - 0.1)
        size = rng.uniform(0.005, 0.011)
        for turn in np.arange(5) * 1.2566 + rng.random():
            branch.disc(
                x + np.cos(turn) * size * 0.6 * canvas.unit / canvas.width,
                y + np.sin(turn) * size * 0.6,
                size * 0.55,
                mix("#ffd9e2", "#f3a7bb", rng.random()),
            )
        branch.disc(x, y, size * 0.25, "#b8476a")
    canvas.lay(branch, 0.0007)
    canvas.vignette(0.3)


def _tiled_roof(canvas: Canvas, base: float, left: float, right: float, shade: str, blur: float) -> None:
    """Draw a hanok roof whose ridge and eaves sag in the middle and rise at their ends."""
    roof, wide = canvas.layer(), right - left

    def ridge(share: float) -> float:
        return base - 0.12 + 0.03 * (1 - (2 * share - 1) ** 2) - 0.028 * abs(2 * share - 1) ** 5

    def eave(share: float) -> float:
        return base + 0.1 + 0.035 * (1 - (2 * share - 1) ** 2) - 0.07 * abs(2 * share - 1) ** 4

    shares = np.linspace(0, 1, 80)
    upper = [(left + wide * (0.13 + 0.74 * share), ridge(share)) for share in shares]
    lower = [(left + wide * share, eave(share)) for share in shares]
    wall = [
        (left + wide * 0.1, base + 0.08),
        (right - wide * 0.1, base + 0.08),
        (right - wide * 0.1, 1.02),
        (left + wide * 0.1, 1.02),
    ]
    roof.area(wall, mix(shade, "#0c0d22", 0.35))
    roof.area(upper + lower[::-1], shade)
    for share in np.linspace(0, 1, 64):
        foot = left + wide * share
        head = left + wide * (0.13 + 0.74 * share)
        middle = ((foot + head) / 2 + (head - foot) * 0.12, (ridge(share) + eave(share)) / 2 + 0.012)
        roof.stroke([(head, ridge(share)), middle, (foot, eave(share))], 0.0042, mix(shade, "#8e93c4", 0.33))
        roof.disc(foot, eave(share), 0.0062, mix(shade, "#a9a8cf", 0.42))
    roof.stroke(upper, 0.02, mix(shade, "#0d0f26", 0.3))
    roof.stroke([(x, y - 0.009) for x, y in upper], 0.004, mix(shade, "#b9b6d8", 0.5))
    under = [(x, y + 0.016) for x, y in lower[4:-4]]
    roof.stroke(under, 0.012, mix(shade, "#06071a", 0.55))
    canvas.lay(roof, blur)
    room = canvas.layer()
    for step in range(7):
        x = left + wide * (0.17 + 0.1 * step)
        room.area(
            [(x, base + 0.19), (x + wide * 0.07, base + 0.19), (x + wide * 0.07, 1.01), (x, 1.01)],
            "#ffc46e",
            0.92,
        )
        for bar in range(1, 4):
            room.stroke(
                [(x + wide * 0.0175 * bar, base + 0.19), (x + wide * 0.0175 * bar, 1)], 0.0035, "#5a3020"
            )
        for row in range(8):
            room.stroke(
                [(x, base + 0.2 + 0.04 * row), (x + wide * 0.07, base + 0.2 + 0.04 * row)], 0.0025, "#5a3020"
            )
    canvas.lay(room, max(blur, 0.0008))
    canvas.glow((left + right) / 2, base + 0.34, 0.38, "#ff9d4a", 0.4)


def fireworks(canvas: Canvas) -> None:
    rng = canvas.rng
    shore = 0.76
    canvas.fill(canvas.gradient((0, "#070a1f"), (0.5, "#151a42"), (shore, "#3c2f5e")))
    smoke = canvas.noise(0.3, 4)
    canvas.paint(smooth(smoke, 0.5, 0.85) * 0.3, "#3b3766")
    sparks = np.zeros_like(canvas.pixels)
    bursts = (
        (0.42, 0.27, 0.36, "#ffcf6b"),
        (0.76, 0.17, 0.21, "#ff6f8d"),
        (0.77, 0.46, 0.2, "#7fd3ff"),
        (0.18, 0.52, 0.17, "#b79bff"),
    )
    for x, y, size, colour in bursts:
        trails = canvas.layer()
        for _ in range(int(300 * size / 0.36 + 60)):
            turn, rise = rng.uniform(0, 2 * np.pi), rng.uniform(-1, 1)
            flat = np.sqrt(1 - rise**2)
            reach = size * rng.uniform(0.86, 1.03)
            parts = np.linspace(rng.uniform(0.35, 0.6), 1, 6)
            out = np.cos(turn) * flat * reach * parts
            down = np.sin(turn) * flat * reach * parts + 0.1 * size * parts**2.5
            across = x + out * canvas.unit / canvas.width
            spots = list(zip(across, y + down * canvas.unit / canvas.height, strict=True))
            trails.stroke(spots, 0.0012, mix(colour, "#ff7a3a", 0.35), 0.75)
            trails.stroke(spots[3:], 0.0018, mix(colour, "#ffffff", 0.25), 0.95)
            trails.disc(*spots[-1], 0.0028, mix(colour, "#ffffff", 0.7))
        canvas.glow(x, y, size * 1.3, colour, 0.4)
        canvas.lay(trails, 0.0022, 0.9)
        canvas.lay(trails)
        canvas.glow(x, y, size * 0.22, mix(colour, "#ffffff", 0.5), 0.6)
        sparks += (
            (
                np.exp(-(((canvas.x - x) / (size * 0.42)) ** 2))
                * smooth(canvas.y, shore, shore + 0.03)
                * np.exp(-((canvas.y - shore) / 0.16))
            )[..., None]
            * rgb(colour)
            * np.float32(0.6)
        )
    far = canvas.layer()
    for _ in range(60):
        x, high = rng.random(), rng.uniform(0.012, 0.07)
        far.area([(x, shore), (x, shore - high), (x + 0.03, shore - high), (x + 0.03, shore)], "#12132f")
        for _ in range(5):
            far.disc(
                x + rng.random() * 0.03,
                shore - rng.random() * high,
                0.0018,
                mix("#ffcf7d", "#ffffff", rng.random() * 0.4),
                0.9,
            )
    canvas.lay(far, 0.0006)
    canvas.paint(
        smooth(canvas.y, shore, shore + 0.002), canvas.gradient((shore, "#2a2450"), (1, "#080a1c")), shore
    )
    waves = canvas.plain(shore, 0.8, 4.0)
    canvas.screen(sparks * (0.25 + 1.2 * smooth(waves, 0.62, 0.35))[..., None])
    people = canvas.layer()
    people.area([(0, 1.01), (0, 0.955), (0.3, 0.945), (0.7, 0.95), (1, 0.94), (1, 1.01)], "#05060f")
    for x, size in ((0.36, 1.0), (0.432, 0.66), (0.5, 0.92)):
        top = 0.955 - 0.062 * size
        people.oval(x, top, 0.017 * size, 0.021 * size, "#05060f")
        half = [(0.007, 0), (0.008, 0.02), (0.03, 0.028), (0.04, 0.07)]
        right = [(x + wide * size, top + down * size) for wide, down in half]
        left = [(x - wide * size, top + down * size) for wide, down in half]
        people.area(right + left[::-1], "#05060f")
    canvas.lay(people, 0.0012)


def tent_under_stars(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#060a1e"), (0.45, "#14224c"), (0.72, "#33507c"), (0.84, "#7f8fa0")))
    lean = (canvas.x - 0.32) * 0.85 + (canvas.y - 0.42) * canvas.height / canvas.width * -0.42
    band = np.exp(-((lean / 0.13) ** 2))
    dust = canvas.noise(0.22, 6)
    canvas.screen(
        (band * smooth(dust, 0.2, 0.8) * (1 - smooth(canvas.y, 0.5, 0.82)))[..., None]
        * rgb("#8fa3dc")
        * np.float32(0.75)
    )
    canvas.paint(
        np.exp(-(((lean + 0.015) / 0.045) ** 2))
        * smooth(dust, 0.55, 0.35)
        * (1 - smooth(canvas.y, 0.5, 0.75))
        * 0.6,
        "#0d1430",
    )
    stars(canvas, 1500, 0.74)
    extra = canvas.layer()
    for _ in range(1300):
        y = rng.uniform(0, 0.7)
        x = 0.32 + (y - 0.42) * canvas.height / canvas.width * 0.42 / 0.85 + rng.normal(0, 0.075)
        extra.disc(x, y, rng.uniform(0.0006, 0.0012), "#e8ecff", rng.uniform(0.3, 0.9))
    canvas.lay(extra)
    canvas.lay(canvas.layer().stroke([(0.78, 0.12), (0.92, 0.185)], 0.0018, "#ffffff", 0.7), 0.0015)
    canvas.below(canvas.ridge(0.78, 0.14, 0.5), "#1d2d4c")
    canvas.below(canvas.ridge(0.85, 0.08, 0.5), "#121d35")
    wood = canvas.layer()
    for x in np.concatenate([rng.uniform(-0.02, 0.24, 9), rng.uniform(0.8, 1.04, 9)]):
        _pine(wood, x, 0.93, rng.uniform(0.12, 0.24), "#0a1226", rng)
    canvas.lay(wood, 0.001)
    canvas.below(canvas.ridge(0.915, 0.03, 0.8, 4), canvas.gradient((0.88, "#1a2430"), (1, "#070b14")))
    x, y = 0.52, 0.945
    canvas.glow(x, y - 0.02, 0.34, "#ff9a3d", 0.55)
    tent = canvas.layer()
    tent.area([(x - 0.2, y), (x - 0.02, y - 0.125), (x + 0.1, y - 0.105), (x + 0.22, y - 0.008)], "#b4542a")
    tent.area([(x - 0.2, y), (x - 0.02, y - 0.125), (x + 0.1, y)], "#ffae52")
    tent.area([(x - 0.075, y), (x - 0.02, y - 0.1), (x + 0.03, y)], "#ffe2a0")
    tent.stroke([(x - 0.02, y - 0.125), (x - 0.2, y), (x - 0.25, y + 0.01)], 0.003, "#6a3018")
    tent.stroke([(x - 0.02, y - 0.125), (x + 0.1, y)], 0.004, "#7d3a1c")
    canvas.lay(tent, 0.0012)
    canvas.glow(x - 0.02, y - 0.035, 0.075, "#fff0c0", 0.75)
    canvas.vignette(0.3)


def snow_wood(canvas: Canvas) -> None:
    """Paint the still part of the clip: a wood in the evening and a lamp; the snow falls later."""
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#27375f"), (0.45, "#6f7fa6"), (0.75, "#c0b7c4")))
    for step in range(5):
        share = step / 4
        wood = canvas.layer()
        for _ in range(34 - 5 * step):
            high = (0.2 + 0.1 * step) * rng.uniform(0.6, 1.3)
            _pine(
                wood,
                rng.uniform(-0.05, 1.05),
                0.72 + 0.04 * step,
                high,
                mix("#8f9cbd", "#1c2c48", share),
                rng,
            )
        canvas.lay(wood, 0.003 - 0.0005 * step)
        canvas.paint(smooth(canvas.y, 0.3, 0.78) * 0.28, mix("#c4c2d2", "#8b98bb", share))
    canvas.below(canvas.ridge(0.84, 0.06, 1.2, 3), canvas.gradient((0.78, "#d7dcec"), (1, "#93a0c6")))
    lamp = canvas.layer()
    lamp.stroke([(0.68, 0.9), (0.68, 0.44)], 0.012, "#1b2236")
    lamp.area([(0.664, 0.44), (0.658, 0.365), (0.702, 0.365), (0.696, 0.44)], "#ffdf9a")
    lamp.area([(0.652, 0.368), (0.68, 0.33), (0.708, 0.368)], "#1b2236")
    lamp.oval(0.68, 0.34, 0.03, 0.012, "#eef2fb")
    lamp.oval(0.68, 0.905, 0.05, 0.014, "#e6ebf7")
    canvas.lay(lamp, 0.0012)
    canvas.glow(0.68, 0.41, 0.36, "#ffb65c", 0.75)
    canvas.glow(0.68, 0.405, 0.06, "#fff2c8", 0.9)
    canvas.lay(canvas.layer().oval(0.68, 0.92, 0.3, 0.045, "#ffd79a", alpha=0.55), 0.04)
    canvas.vignette(0.35)
