"""Drawn scenes by daylight: mountains, flowers, kites, persimmons, balloons."""

from itertools import pairwise

import numpy as np

from memorycapsule.demo.brushes import BrushLayer, Canvas, Colour, mix, rgb, smooth


def misty_mountains(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#8fb0d4"), (0.3, "#d6dce6"), (0.5, "#fbe4cf"), (1, "#f4d9c8")))
    canvas.paint(
        smooth(canvas.noise(0.2, 5, 4), 0.5, 0.85) * (1 - smooth(canvas.y, 0.2, 0.45)) * 0.6, "#ffffff"
    )
    canvas.glow(0.68, 0.34, 0.4, "#ffdca8", 0.8)
    canvas.lay(canvas.layer().disc(0.68, 0.33, 0.036, "#fff9e8"), 0.002)
    mist = canvas.noise(0.3, 4, 5)
    for step in range(7):
        share = step / 6
        line = canvas.ridge(0.4 + 0.095 * step, 0.22 - 0.014 * step, 0.62 - 0.05 * step)
        ground = line
        if step >= 4:
            line = line + _treetops(canvas, 0.012 + 0.009 * (step - 4))
        body = mix(mix("#c3cbe0", "#557a96", min(1, share * 1.6)), "#16303a", max(0, share - 0.35) * 1.5)
        pale = mix("#f6e3d6", "#b9cad2", share)
        fog = smooth((canvas.y - ground) / (0.2 - 0.012 * step) + (mist - 0.5) * 0.9, 0.0, 1.1) * (
            0.95 - 0.25 * share
        )
        canvas.below(line, body + (pale - body) * fog[..., None])
    canvas.paint(smooth(canvas.y, 0.9, 1.0) * 0.6, "#0e2129")
    birds = canvas.layer()
    for step in range(7):
        x, y, size = 0.3 + 0.022 * step, 0.2 + 0.012 * abs(step - 3), rng.uniform(0.008, 0.011)
        birds.bird(x, y, size, "#46566e")
    canvas.lay(birds)
    canvas.vignette(0.18)


def _treetops(canvas: Canvas, height: float) -> np.ndarray:
    """Return the outline that a wood adds to a ridge: pointed crowns of changing height, shape (width,)."""
    line = np.zeros(canvas.width, np.float32)
    column = np.arange(canvas.width)
    for _ in range(int(0.9 * canvas.width / (height * canvas.height))):
        middle, tall = canvas.rng.uniform(0, canvas.width), height * canvas.rng.uniform(0.5, 1.6)
        reach = int(tall * canvas.height * 0.3) + 2
        part = slice(max(0, int(middle) - reach), min(canvas.width, int(middle) + reach))
        crown = tall * np.clip(1 - np.abs(column[part] - middle) / (tall * canvas.height * 0.26), 0, 1)
        line[part] = np.minimum(line[part], -crown)
    return line


def flower_field(canvas: Canvas) -> None:
    rng = canvas.rng
    horizon = 0.42
    canvas.fill(canvas.gradient((0, "#4f9be0"), (0.3, "#a9d6f5"), (horizon, "#fdf1dc")))
    cloud = canvas.noise(0.32, 6, 2.4)
    puff = smooth(cloud, 0.5, 0.72) * smooth(canvas.y, 0.0, 0.1)
    canvas.paint(puff * 0.95, rgb("#ffffff") * (0.86 + 0.14 * smooth(cloud, 0.5, 0.8))[..., None])
    canvas.glow(0.22, 0.3, 0.5, "#fff0c0", 0.7)
    for base, high, colour in ((0.4, 0.08, "#9dbdb4"), (0.42, 0.06, "#7ea98a"), (0.435, 0.03, "#5f9463")):
        canvas.below(canvas.ridge(base, high, 0.8, 5), colour)
    meadow = canvas.gradient((horizon, "#93bd5c"), (0.6, "#5d9a40"), (1, "#24571f"))
    canvas.below(canvas.ridge(0.455, 0.025, 1.5, 3), meadow)
    canvas.paint(
        smooth(canvas.plain(0.43, 0.8, 2.2), 0.5, 0.75) * smooth(canvas.y, 0.46, 0.5) * 0.45, "#1d4d1c", 0.43
    )
    dyes = ("#ff5a5f", "#ff8ab0", "#ffd23f", "#ffffff", "#b07be8", "#ff9a3d")
    drifts = rng.random((6, 3))
    for nearest, count, blur in (
        (0.12, 1500, 0.0),
        (0.34, 800, 0.0),
        (0.66, 420, 0.0),
        (0.92, 210, 0.0012),
        (1.02, 26, 0.007),
    ):
        sheet = canvas.layer()
        depths = np.sort(rng.uniform(nearest * 0.35, nearest, count))
        for depth in depths:
            x, y = rng.uniform(-0.02, 1.02), 0.455 + 0.6 * depth
            size = 0.003 + 0.03 * depth**1.2
            near = np.abs(drifts[:, 0] - x + 0.2 * np.sin(9 * depth + 6 * drifts[:, 1]))
            dye = dyes[int(np.argmin(near + rng.exponential(0.06, 6)))]
            _flower(sheet, x, y, size, mix(dye, "#ffffff", rng.uniform(0, 0.2)), rng)
        canvas.lay(sheet, blur)
    canvas.paint(smooth(canvas.y, 0.62, 0.44) * (canvas.y > 0.44) * 0.3, "#fdeccb", 0.4)
    canvas.vignette(0.18)


def _flower(
    sheet: BrushLayer, x: float, y: float, size: float, dye: Colour, rng: np.random.Generator
) -> None:
    ratio = sheet.height / sheet.width
    if size > 0.005:
        sway = rng.normal(0, 0.3) * size
        sheet.stroke(
            [(x, y), (x + sway, y + size * 1.6), (x + sway * 0.5, y + size * 4)],
            size * 0.13,
            mix("#3f8434", "#1d4a1a", rng.random()),
        )
    if size < 0.0075:
        sheet.oval(x, y, size, size * 0.7, dye)
        return
    turn, tilt = rng.random(), rng.uniform(0.55, 0.85)
    for petal in range(6):
        angle = (petal + turn) * np.pi / 3
        shade = mix(dye, "#401030", 0.16 if np.sin(angle) > 0.3 else 0.03 * (petal % 3))
        out, down = np.cos(angle), np.sin(angle) * tilt
        place = (x + out * size * 0.62 * ratio, y + down * size * 0.62)
        sheet.oval(*place, size * 0.52, size * 0.36, shade, np.degrees(np.arctan2(down, out)))
    sheet.oval(x, y, size * 0.3, size * 0.3 * tilt, mix("#ffcf3f", "#8a4a12", 0.2))
    sheet.oval(x - size * 0.06, y - size * 0.06, size * 0.2, size * 0.2 * tilt, "#ffdf70")


def kites(canvas: Canvas) -> None:
    rng = canvas.rng
    flat = canvas.unit / canvas.height
    canvas.fill(canvas.gradient((0, "#2f7fd0"), (0.45, "#85bff0"), (0.8, "#e2f2fb"), (1, "#f7f3e4")))
    cloud = canvas.noise(0.5, 6, 1.7)
    canvas.paint(
        smooth(cloud, 0.5, 0.74) * smooth(canvas.y, 0.05, 0.4) * 0.95,
        rgb("#ffffff") * (0.88 + 0.12 * smooth(cloud, 0.5, 0.85))[..., None],
    )
    palettes = (
        ("#e8495f", "#ffd166", "#2a4fa0"),
        ("#f2b632", "#d6506f", "#ffffff"),
        ("#3fa39b", "#fff3d0", "#e5703a"),
        ("#7a5aa2", "#ffd98f", "#d6506f"),
        ("#e5703a", "#ffffff", "#3c5aa6"),
    )
    places = (
        (0.62, 0.2, 0.17, -12),
        (0.24, 0.33, 0.115, 16),
        (0.82, 0.44, 0.078, 8),
        (0.13, 0.12, 0.062, -10),
        (0.47, 0.5, 0.05, 14),
    )
    for (x, y, size, lean), (main, second, third) in zip(places, palettes, strict=True):
        turn = np.radians(lean)

        def at(
            right: float, down: float, x: float = x, y: float = y, size: float = size, turn: float = turn
        ) -> tuple[float, float]:
            return (
                x + (right * np.cos(turn) - down * np.sin(turn)) * size,
                y + (right * np.sin(turn) + down * np.cos(turn)) * size * flat,
            )

        sheet = canvas.layer()
        hand = (0.3 + 0.42 * x, 0.94)
        line = [
            (1 - t) ** 2 * np.array(at(0, 0.1))
            + 2 * t * (1 - t) * np.array([(x + hand[0]) / 2 + 0.06, 0.8])
            + t**2 * np.array(hand)
            for t in np.linspace(0, 1, 30)
        ]
        sheet.stroke([(float(a), float(b)) for a, b in line], 0.0012, "#ffffff", 0.75)
        tail = [
            at(0.13 * np.sin(step * 0.55 + x * 9) * min(1, step / 4), 1.25 + step * 0.13)
            for step in range(18)
        ]
        sheet.stroke(tail, 0.0026, second)
        for step in range(3, 18, 3):
            (left, top), ribbon = tail[step], size * 0.11
            sheet.area(
                [(left, top), (left - ribbon, top - ribbon * 0.4), (left - ribbon, top + ribbon * 0.5)], third
            )
            sheet.area(
                [(left, top), (left + ribbon, top - ribbon * 0.4), (left + ribbon, top + ribbon * 0.5)],
                mix(third, "#000000", 0.15),
            )
        sheet.area([at(0, -0.85), at(-0.66, -0.1), at(0, -0.1)], main)
        sheet.area([at(0, -0.85), at(0.66, -0.1), at(0, -0.1)], second)
        sheet.area([at(-0.66, -0.1), at(0, 1.2), at(0, -0.1)], mix(second, "#30204a", 0.1))
        sheet.area([at(0.66, -0.1), at(0, 1.2), at(0, -0.1)], mix(main, "#30204a", 0.22))
        sheet.stroke([at(0, -0.85), at(0, 1.2)], 0.002, mix(main, "#1a1030", 0.45))
        sheet.stroke([at(-0.66, -0.1), at(0.66, -0.1)], 0.002, mix(main, "#1a1030", 0.45))
        sheet.disc(*at(0, -0.12), size * 0.17, third)
        canvas.lay(sheet, 0.0006 if size > 0.07 else 0.0012)
    canvas.below(canvas.ridge(0.9, 0.035, 1.2, 3), canvas.gradient((0.87, "#9fc46a"), (1, "#4f8a3a")))
    grass = canvas.layer()
    for _ in range(2200):
        x, y = rng.random(), rng.uniform(0.91, 1.01)
        high = 0.006 + 0.022 * (y - 0.89) * 8
        grass.stroke(
            [(x, y), (x + rng.normal(0.006, 0.006), y - high)],
            0.0014 + 0.003 * (y - 0.9),
            mix(mix("#7fb04c", "#2d6a2b", rng.random()), "#e8e3a0", 0.2 * rng.random()),
        )
    for x, tall in ((0.44, 0.062), (0.6, 0.047)):
        _child(grass, x, 0.965, tall, ("#c8435a", "#2c4f95")[x > 0.5], -1 if x > 0.5 else 1)
    canvas.lay(grass)
    canvas.vignette(0.15)


def _child(sheet: BrushLayer, x: float, foot: float, tall: float, coat: Colour, side: int) -> None:
    """Draw a child seen from behind, one arm up to the string of a kite."""
    wide = tall * sheet.height / sheet.width
    unit = tall * sheet.height / sheet.unit
    for leg in (-0.09, 0.09):
        sheet.stroke(
            [(x + leg * wide, foot - 0.36 * tall), (x + leg * 1.5 * wide, foot)], 0.12 * unit, "#37405c"
        )
    sheet.area(
        [
            (x - 0.13 * wide, foot - 0.72 * tall),
            (x + 0.13 * wide, foot - 0.72 * tall),
            (x + 0.2 * wide, foot - 0.3 * tall),
            (x - 0.2 * wide, foot - 0.3 * tall),
        ],
        coat,
    )
    sheet.stroke(
        [(x + side * 0.1 * wide, foot - 0.66 * tall), (x + side * 0.3 * wide, foot - 0.95 * tall)],
        0.085 * unit,
        mix(coat, "#000000", 0.12),
    )
    sheet.stroke(
        [(x - side * 0.11 * wide, foot - 0.66 * tall), (x - side * 0.24 * wide, foot - 0.42 * tall)],
        0.085 * unit,
        mix(coat, "#000000", 0.12),
    )
    sheet.disc(x, foot - 0.86 * tall, 0.135 * unit, "#2a1f26")


def persimmons(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill(canvas.gradient((0, "#c9bda6"), (0.55, "#e9dcc2"), (1, "#cdb58f")))
    canvas.paint(smooth(canvas.noise(0.5, 4), 0.4, 0.9) * 0.3, "#a8b59c")
    canvas.glow(0.14, 0.12, 0.6, "#fff4d2", 0.8)
    pane = canvas.layer()
    for column in range(3):
        for row in range(2):
            left, top = 0.05 + 0.1 * column, 0.03 + 0.2 * row
            pane.area(
                [(left, top), (left + 0.085, top + 0.01), (left + 0.085, top + 0.185), (left, top + 0.175)],
                "#fffaea",
                0.9,
            )
    canvas.lay(pane, 0.016)
    edge = 0.6
    canvas.paint(
        smooth(canvas.y, edge - 0.004, edge + 0.004),
        canvas.gradient((edge, "#9a6a42"), (0.75, "#7a4d2d"), (1, "#4c2c1a")),
        edge - 0.02,
    )
    grain = canvas.noise(0.035, 5, 26)
    canvas.paint(smooth(grain, 0.48, 0.68) * (canvas.y > edge) * 0.4, "#3d2114", edge)
    canvas.paint(
        np.exp(-(((canvas.x - 0.2 + (canvas.y - 0.6) * 0.2) / 0.22) ** 2))
        * smooth(canvas.y, edge, 0.7)
        * 0.35,
        "#ffd9a0",
        edge,
    )
    fruits = (
        (0.36, 0.6, 0.115),
        (0.6, 0.595, 0.12),
        (0.48, 0.575, 0.11),
        (0.29, 0.715, 0.125),
        (0.68, 0.72, 0.13),
        (0.49, 0.715, 0.142),
    )
    cloth = canvas.layer()
    cloth.area([(0.08, 0.79), (0.5, 0.69), (0.95, 0.8), (0.56, 0.97)], "#3f5a9c")
    cloth.area([(0.3, 0.74), (0.5, 0.69), (0.72, 0.745), (0.5, 0.8)], "#d9dcc8")
    cloth.area([(0.08, 0.79), (0.3, 0.74), (0.5, 0.8), (0.3, 0.875)], "#4b9f9d")
    cloth.area([(0.56, 0.97), (0.3, 0.875), (0.5, 0.8), (0.74, 0.89)], "#e0b04a")
    for line in ([(0.3, 0.74), (0.5, 0.8), (0.74, 0.89)], [(0.72, 0.745), (0.5, 0.8), (0.3, 0.875)]):
        cloth.stroke(line, 0.003, "#f6f1de")
    canvas.lay(cloth, 0.0012)
    weave = canvas.noise(0.006, 2)
    canvas.paint((weave - 0.3) * smooth(canvas.y, 0.7, 0.72) * 0.16, "#1a1420", 0.69)
    canvas.lay(canvas.layer().oval(0.52, 0.84, 0.56, 0.085, "#160c10", alpha=0.75), 0.03)
    canvas.ball(0.49, 0.79, 0.52, 0.115, "#f4efe4", "#8d8878", (-0.35, -0.75))
    canvas.lay(canvas.layer().oval(0.49, 0.765, 0.45, 0.07, "#cfc8b6"), 0.012)
    for x, y, size in fruits:
        canvas.lay(
            canvas.layer().oval(x + 0.02, y + size * 0.8, size * 0.95, size * 0.3, "#32180f", alpha=0.6),
            0.014,
        )
        ripe = rng.random()
        canvas.ball(
            x,
            y,
            size * 1.06,
            size * 0.9,
            mix("#ffa238", "#ff8424", ripe),
            mix("#a83c12", "#8e2a10", ripe),
            (-0.5, -0.55),
        )
        canvas.glow(x - size * 0.26, y - size * 0.42, size * 0.3, "#fff0d0", 0.45)
        leaf, ratio = canvas.layer(), canvas.unit / canvas.width
        for turn in np.arange(4) * np.pi / 2 + rng.uniform(0.3, 1.2):
            tip = (x + np.cos(turn) * size * 0.52 * ratio, y - size * 0.62 + np.sin(turn) * size * 0.23)
            for side, dye in ((1, "#71843f"), (-1, "#4d6230")):
                bend = (
                    x + np.cos(turn + side * 0.6) * size * 0.34 * ratio,
                    y - size * 0.62 + np.sin(turn + side * 0.6) * size * 0.16,
                )
                leaf.area([(x, y - size * 0.62), bend, tip], dye)
        leaf.oval(x, y - size * 0.63, size * 0.1, size * 0.055, "#4a3a22")
        leaf.stroke([(x, y - size * 0.63), (x + 0.004, y - size * 0.82)], size * 0.07, "#5a4328")
        canvas.lay(leaf, 0.0014)
    canvas.vignette(0.4)


def balloons(canvas: Canvas) -> None:
    canvas.fill(canvas.gradient((0, "#5a8fd6"), (0.4, "#b6d3ee"), (0.7, "#ffe3c4"), (1, "#ffd0a6")))
    canvas.paint(smooth(canvas.noise(0.22, 5, 4), 0.52, 0.82) * 0.75, "#fff6ec")
    canvas.glow(0.12, 0.66, 0.5, "#ffd9a0", 0.9)
    dyes = (
        ("#d8434e", "#fff1d8"),
        ("#f1b233", "#d96a2b"),
        ("#3d63ad", "#f4d66a"),
        ("#4b9f9d", "#fdf3dc"),
        ("#8a5aa8", "#f6b8c4"),
        ("#e5703a", "#ffe4a8"),
        ("#d6506f", "#ffd9de"),
    )
    places = (
        (0.9, 0.6, 0.03),
        (0.43, 0.56, 0.04),
        (0.58, 0.2, 0.055),
        (0.12, 0.2, 0.075),
        (0.8, 0.22, 0.1),
        (0.26, 0.46, 0.125),
        (0.56, 0.42, 0.185),
    )
    for step, (base, high) in enumerate(((0.76, 0.1), (0.82, 0.1), (0.9, 0.1))):
        line = canvas.ridge(base, high, 0.7)
        pale = smooth((canvas.y - line) / 0.11, 0, 1)[..., None]
        body = mix("#9db0c8", "#50705f", step / 2)
        canvas.below(line, body + (mix("#f6dcc8", "#a9b894", step / 2) - body) * pale * np.float32(0.8))
        if step == 1:
            for (x, y, size), dye in zip(places[:3], dyes[:3], strict=True):
                _balloon(canvas, x, y, size, dye)
    for (x, y, size), dye in zip(places[3:], dyes[3:], strict=True):
        _balloon(canvas, x, y, size, dye)
    canvas.vignette(0.15)


def _balloon(canvas: Canvas, x: float, y: float, size: float, dyes: tuple[str, str]) -> None:
    sheet, wide, high = canvas.layer(), size * canvas.unit / canvas.width, size * canvas.unit / canvas.height
    turns = np.linspace(0, np.pi, 28)
    # A sphere above, drawn out to a mouth below.
    profile = [(np.sin(turn), -np.cos(turn) if turn < np.pi / 2 else -np.cos(turn) * 1.32) for turn in turns]
    shape = [(max(side, 0.14) if down > 0.9 else side, down) for side, down in profile]
    gores = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 13))
    for index, (left, right) in enumerate(pairwise(gores)):
        light = 1 - 0.62 * smooth(float((left + right) / 2), -0.75, 1.15)
        dye = mix("#2a1a3c", dyes[index % 2], float(0.25 + 0.75 * light))
        sheet.area(
            [(x + side * left * wide, y + down * high) for side, down in shape]
            + [(x + side * right * wide, y + down * high) for side, down in shape[::-1]],
            dye,
        )
    for side in (-0.13, 0.13):
        sheet.stroke(
            [(x + side * wide, y + 1.3 * high), (x + side * wide * 0.9, y + 1.58 * high)],
            max(0.001, size * 0.012),
            "#4a3428",
        )
    sheet.area(
        [
            (x - 0.15 * wide, y + 1.57 * high),
            (x + 0.15 * wide, y + 1.57 * high),
            (x + 0.12 * wide, y + 1.8 * high),
            (x - 0.12 * wide, y + 1.8 * high),
        ],
        "#7a4c2a",
    )
    sheet.area(
        [
            (x - 0.16 * wide, y + 1.55 * high),
            (x + 0.16 * wide, y + 1.55 * high),
            (x + 0.16 * wide, y + 1.61 * high),
            (x - 0.16 * wide, y + 1.61 * high),
        ],
        "#a87443",
    )
    canvas.lay(sheet, 0.0006 if size > 0.05 else 0.0013)
    canvas.glow(x - 0.42 * wide, y - 0.38 * high, size * 0.36, "#fff4dc", 0.4)
