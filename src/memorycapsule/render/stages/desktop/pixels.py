"""
Pixel art of the desktop: flat boxes, icons, landscape and glyphs, drawn directly into frames.

Everything lies on even pixels and is scaled by even whole numbers, so that no edge shares a 4:2:0 colour sample with
its neighbour: hard edges stay hard.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import DesktopStage, FilmStyle
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render import typesetting
from memorycapsule.render.overlays import bgr
from memorycapsule.render.planes import (
    YUV_FROM_BGR,
    YUV_OFFSET,
    Bytes,
    Planes,
    new_frame,
    planes_from_bgr,
    planes_of,
)

#: Glyphs are rasterised at so many pixels and thresholded at this grey; the thin strokes of emoji at a lower one.
GLYPH_SIZE = 22
_CUT, _CUT_EMOJI = 0.46, 0.3
#: Rows of a line of glyphs, and the row of its baseline.
GLYPH_ROWS, _BASELINE = 34, 25
#: Numbers of a glyph's outline, which is one row thicker below, and of its face.
_EDGE, _FACE = 1, 2


@dataclass(frozen=True, kw_only=True)
class PixelBox:
    """A rectangle of a frame, in pixels, all even."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def low(self) -> int:
        return self.y + self.height

    def inset(self, by: int) -> PixelBox:
        """Return the box inside this one; a negative number makes the one around it."""
        return PixelBox(x=self.x + by, y=self.y + by, width=self.width - 2 * by, height=self.height - 2 * by)

    def moved(self, x: int, y: int) -> PixelBox:
        return PixelBox(x=self.x + x, y=self.y + y, width=self.width, height=self.height)


def even(length: float) -> int:
    """Return the nearest even number of at least 2."""
    return max(2, 2 * round(length / 2))


def whole(length: float) -> int:
    """Return the even number at or below a place, 0 at least."""
    return max(0, 2 * int(length // 2))


@functools.cache
def tone(colour: str) -> tuple[int, int, int]:
    """Return '#rrggbb' as luma and colour values of a frame."""
    luma, blue, red = (round(float(value)) for value in YUV_FROM_BGR @ np.array(bgr(colour)) + YUV_OFFSET)
    return luma, blue, red


def fill(frame: Bytes, box: PixelBox, colour: str) -> None:
    """Paint a box; what lies outside the frame is cut off."""
    luma, colours = _parts(frame, box)
    y, *rest = tone(colour)
    luma[...] = y
    colours[...] = rest


def shade(frame: Bytes, box: PixelBox, colour: str, share: float) -> None:
    """Mix `share` 0..1 of a colour into a box."""
    for part, values in zip(_parts(frame, box), (tone(colour)[:1], tone(colour)[1:]), strict=True):
        if part.size:
            mixed = part * (1 - share) + np.array(values) * share
            part[...] = np.rint(mixed.reshape(part.shape) if part.ndim > 2 else mixed)


def slope(frame: Bytes, box: PixelBox, left: str, right: str) -> None:
    """Paint a box with a gradient from left to right."""
    share = np.linspace(0, 1, box.width // 2)[:, None]
    tones = np.rint((1 - share) * np.array(tone(left)) + share * np.array(tone(right))).astype(np.uint8)
    luma, colours = _parts(frame, box)
    luma[...] = np.repeat(tones[:, 0], 2)[None, : luma.shape[1]]
    colours[...] = tones[None, : colours.shape[1], 1:]


def paste(frame: Bytes, picture: Planes, x: int, y: int) -> None:
    """Lay a picture with its upper left corner at (`x`, `y`), both even, and inside the frame."""
    height, width = picture.luma.shape
    luma, colours = _parts(frame, PixelBox(x=x, y=y, width=width, height=height))
    luma[...], colours[...] = picture.luma, picture.colour


def bevel(frame: Bytes, box: PixelBox, line: int, high: str, low: str) -> None:
    """Paint the edge of a box, `line` pixels wide: light from the upper left."""
    fill(frame, PixelBox(x=box.x, y=box.low - line, width=box.width, height=line), low)
    fill(frame, PixelBox(x=box.right - line, y=box.y, width=line, height=box.height), low)
    fill(frame, PixelBox(x=box.x, y=box.y, width=box.width - line, height=line), high)
    fill(frame, PixelBox(x=box.x, y=box.y, width=line, height=box.height - line), high)


def _parts(frame: Bytes, box: PixelBox) -> tuple[Bytes, Bytes]:
    planes = planes_of(frame)
    left, top = max(0, box.x), max(0, box.y)
    right, low = max(left, box.right), max(top, box.low)
    return (
        planes.luma[top:low, left:right],
        planes.colour[top // 2 : low // 2, left // 2 : right // 2],
    )


class Pixels:
    """A small picture of few colours: numbers of shape (rows, columns); 0 lets through what lies below."""

    def __init__(self, numbers: Bytes, colours: Sequence[str]) -> None:
        self.rows, self.columns = numbers.shape
        tones = np.array([(0, 0, 0), *map(tone, colours)], np.uint8)
        self._luma, self._colour = tones[:, 0][numbers], tones[:, 1:][numbers]
        self._mask = (numbers > 0).astype(np.uint8)

    @classmethod
    def drawn(cls, rows: Sequence[str], colours: Mapping[str, str]) -> Pixels:
        """Return what rows of characters draw, each character standing for a colour; others are holes."""
        order = {key: number for number, key in enumerate(colours, start=1)}
        width = max(map(len, rows))
        numbers = [[order.get(key, 0) for key in row.ljust(width)] for row in rows]
        return cls(np.array(numbers, np.uint8), tuple(colours.values()))

    def lay(self, frame: Bytes, x: int, y: int, scale: int) -> None:
        """Lay it with its upper left corner at (`x`, `y`) and `scale` pixels for each of its own, all even."""
        planes = planes_of(frame)
        halves = ((planes.luma, self._luma, 1), (planes.colour, self._colour, 2))
        for target, ink, part in halves:
            step, left, top = scale // part, x // part, y // part
            skip_x, skip_y = max(0, -left), max(0, -top)
            place = target[max(0, top) : top + self.rows * step, max(0, left) : left + self.columns * step]
            if not place.size:
                continue
            height, width = place.shape[:2]
            mask, large = (
                cv2.resize(one, None, fx=step, fy=step, interpolation=cv2.INTER_NEAREST)[
                    skip_y : skip_y + height, skip_x : skip_x + width
                ]
                for one in (self._mask, ink)
            )
            cv2.copyTo(large, mask, place)


@dataclass(frozen=True)
class Glyph:
    """One glyph of a line, as numbers of `Pixels`, and the column in which it begins."""

    numbers: Bytes
    column: int


def pixel_glyphs(text: str, font: str) -> tuple[list[Glyph], int]:
    """
    Return the glyphs of a line, and how many columns the line takes.

    They are GLYPH_ROWS high, with an outline of one pixel, and of two below.
    """
    found: list[Glyph] = []
    for part, start in typesetting.parts_of(typesetting.line_of(text, font, GLYPH_SIZE)):
        ink = np.zeros((GLYPH_ROWS, part.width + 8), np.uint8)
        typesetting.draw(part, ink, 3, _BASELINE)
        cut = _CUT_EMOJI if typesetting.is_emoji(part.text, font) else _CUT
        face = (ink > 255 * cut).astype(np.uint8)
        if face.any():
            edge = np.asarray(cv2.dilate(face, np.ones((3, 3), np.uint8)), np.uint8)
            edge[1:] |= edge[:-1].copy()
            found.append(Glyph(np.where(face, _FACE, edge * np.uint8(_EDGE)).astype(np.uint8), start))
    return found, typesetting.measure(text, font, GLYPH_SIZE) + 8


def joined_glyphs(line: Sequence[Glyph], columns: int, rises: Sequence[int | None], above: int) -> Bytes:
    """
    Return a line of glyphs as numbers, with `above` more rows on top.

    Glyph n stands `rises[n]` rows above its place. One whose rise is None is left out.
    """
    made = np.zeros((GLYPH_ROWS + above, columns), np.uint8)
    # All outlines come first, so that none lies over the face of a neighbour.
    for number in (_EDGE, _FACE):
        for glyph, rise in zip(line, rises, strict=True):
            top = above - rise if rise is not None else -GLYPH_ROWS
            if top <= -GLYPH_ROWS:
                continue
            rows = glyph.numbers[max(0, -top) :]
            place = made[max(0, top) : max(0, top) + len(rows), glyph.column :][:, : rows.shape[1]]
            ink = rows[:, : place.shape[1]]
            np.maximum(place, (ink >= number) * np.uint8(number), out=place)
    return made


def glyph_faces(line: Bytes) -> Bytes:
    """Return the glyphs of a line without their outlines."""
    return np.asarray(line == _FACE, np.uint8)


@functools.lru_cache(maxsize=2)
def landscape(size: Size, style: FilmStyle, cell: int) -> Bytes:
    """Return a frame with sky, clouds and hills in pixels of `cell` film pixels; not to be written to."""
    wide, tall = -(-size.width // cell), -(-size.height // cell)
    assert isinstance(style.stage, DesktopStage)
    picture = _sky(wide, tall, style)
    unit = min(tall, wide * 0.75) / 180
    for x, y, scale in _CLOUDS:
        _cloud(picture, round(x * wide), round(y * tall), scale * unit, style.stage)
    _hills(picture, unit, style.stage)
    small = planes_from_bgr(picture.repeat(2, axis=0).repeat(2, axis=1))
    frame = new_frame(size.width, size.height)
    target = planes_of(frame)
    for part, cells in ((target.luma, small.luma), (target.colour, small.colour)):
        large = cells.repeat(cell // 2, axis=0).repeat(cell // 2, axis=1)
        part[...] = large[: part.shape[0], : part.shape[1]]
    frame.setflags(write=False)
    return frame


#: The 4x4 ordered dither of B. E. Bayer, "An optimum method for two-level rendition of continuous-tone
#: pictures", ICC 1973; 0..1.
_BAYER = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 0.5) / 16
_BANDS = 14


def switch_off(frame: Bytes, cell: int, colour: str, share: float) -> None:
    """Paint `share` 0..1 of the cells, squares of `cell` frame pixels, in the order of a dither."""
    planes = planes_of(frame)
    height, width = planes.luma.shape
    wide, tall = -(-width // cell), -(-height // cell)
    gone = np.tile(share >= _BAYER, (-(-tall // 4), -(-wide // 4)))[:tall, :wide].astype(np.uint8)
    luma, *colours = tone(colour)
    for part, ink, step in ((planes.luma, (luma,), cell), (planes.colour, tuple(colours), cell // 2)):
        mask = gone.repeat(step, axis=0).repeat(step, axis=1)[: part.shape[0], : part.shape[1]]
        part[mask > 0] = ink if len(ink) > 1 else ink[0]


def _sky(wide: int, tall: int, style: FilmStyle) -> Bytes:
    share = np.linspace(0, _BANDS, tall)[:, None] * np.ones((1, wide))
    grain = np.tile(_BAYER, (-(-tall // 4), -(-wide // 4)))[:tall, :wide]
    # Bands with a dithered edge, a third of a band wide.
    step = np.floor(share) + np.clip((share % 1 - 1) * 3 + 1 > grain, 0, 1)
    high, low = np.array(bgr(style.ground)), np.array(bgr(style.ground_low))
    mixed = high + (low - high) * (np.minimum(step, _BANDS) / _BANDS)[:, :, None]
    return np.asarray(np.rint(mixed), np.uint8)


#: Middle of the base, as parts of the frame, and size.
_CLOUDS = ((0.13, 0.2, 1.0), (0.88, 0.34, 0.8), (0.63, 0.13, 0.5), (0.17, 0.62, 0.6), (0.97, 0.64, 0.5))
#: Puffs of a cloud: middle and radius, in rows of a frame of 180.
_PUFFS = ((-22, -5, 7), (-11, -10, 10), (3, -13, 13), (17, -8, 9), (26, -4, 5))


def _cloud(picture: Bytes, x: int, y: int, scale: float, stage: DesktopStage) -> None:
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]]
    body = np.zeros(picture.shape[:2], bool)
    for across, up, radius in _PUFFS:
        body |= np.hypot(columns - x - across * scale, rows - y - up * scale) < radius * scale
    body &= rows <= y
    base = (np.abs(columns - x - 2 * scale) < 32 * scale) & (np.abs(rows - y + 1.5 * scale) < 2.2 * scale)
    body |= base
    low = body.copy()
    step = max(1, round(2.5 * scale))
    low[:-step] &= ~body[step:]
    # A second tone some rows below the upper edge makes it round.
    deep, aside = max(1, round(6 * scale)), max(1, round(3 * scale))
    inner = np.zeros_like(body)
    inner[deep:, aside:] = body[:-deep, :-aside]
    picture[body] = bgr(stage.cloud)
    picture[body & inner] = bgr(mixed(stage.cloud, stage.cloud_shade, 0.45))
    picture[low] = bgr(stage.cloud_shade)


def _hills(picture: Bytes, unit: float, stage: DesktopStage) -> None:
    tall, wide = picture.shape[:2]
    across = np.arange(wide) / unit
    rows = np.arange(tall)[:, None]
    far = 34 + 11 * np.sin(across / 37 + 4.1) + 6 * np.sin(across / 19 + 0.4) + 2 * np.sin(across / 7)
    near = 24 + 9 * np.sin(across / 43 + 1.2) + 5 * np.sin(across / 23 + 2.7) + 1.5 * np.sin(across / 9)
    lit = max(1, round(2 * unit))
    for heights, face, light, seed in (
        (far, stage.hill_far, stage.hill_far_light, 5),
        (near, stage.hill_near, stage.hill_near_light, 11),
    ):
        top = tall - np.rint(heights * unit).astype(int)[None, :]
        picture[rows >= top] = bgr(face)
        picture[(rows >= top) & (rows < top + lit)] = bgr(light)
        # Tufts of grass, in fixed places.
        places = np.random.default_rng(seed)
        for _ in range(wide // 5):
            x = int(places.integers(1, max(2, wide - 2)))
            y = int(top[0, x] + 3 * lit + places.integers(0, max(1, round(30 * unit))))
            if y < tall - 1 and (rows[:, 0] == y).any():
                picture[y, x - 1 : x + 2 : 2] = bgr(light)
                picture[y + 1, x] = bgr(light)


_INK = "#221c5c"
#: Folders, closed and open: k outline, w light, l inside, f face, s shade, p paper, q lines on it.
_CLOSED = (
    "..kkkkkkk.............",
    ".kwwwwwwwk............",
    ".kwlllllllkkkkkkkkkk..",
    ".kwllllllllllllllllwk.",
    ".kwwwwwwwwwwwwwwwwwwk.",
    *(".kffffffffffffffffffk.",) * 8,
    ".kssssssssssssssssssk.",
    "..kkkkkkkkkkkkkkkkkk..",
)
_OPEN = (
    "...kkkkkkk............",
    "..kwwwwwwwk...........",
    "..kwlllllllkkkkkkkkk..",
    "..kwllkkkkkkkkkkkkllk.",
    "..kwllkppppppppppkllk.",
    "..kwllkpqqqqqqqqpkllk.",
    "..kwllkppppppppppkllk.",
    "..klkkkkkkkkkkkkkkkkkk",
    "..klkwwwwwwwwwwwwwwwwk",
    "..kkffffffffffffffffk.",
    "..kkffffffffffffffffk.",
    "..kffffffffffffffffk..",
    "..kffffffffffffffffk..",
    ".kssssssssssssssssk...",
    ".kkkkkkkkkkkkkkkkkk...",
)
#: What is painted on folders.
_EMBLEMS = (
    ("w.w.w", ".www.", "wwwww", ".www.", "w.w.w"),
    (".w.w.", "wwwww", "wwwww", ".www.", "..w.."),
    ("..ww.", "..w.w", "..w..", "www..", "ww..."),
    ("..w..", ".www.", "wwwww", "..w..", "..w.."),
    (".www.", "w.w.w", "wwwww", "w...w", ".www."),
)
_BUNDLE = (
    ".kkk......kkk.",
    "kwwwk....kwwwk",
    "kwkwwk..kwwkwk",
    ".kkwwwkkwwwkk.",
    "..kkkwwwwkkk..",
    ".kwttkwwkttwk.",
    ".krwttkkttwbk.",
    ".krrwttttwbbk.",
    ".krrrwttwbbbk.",
    ".krrrrwwbbbbk.",
    ".krrrwjjwbbbk.",
    ".krrwjjjjwbbk.",
    ".krwjjjjjjwbk.",
    ".kwjjjjjjjjwk.",
    "..kkkkkkkkkk..",
)


def folder(colour: str, emblem: int, *, is_open: bool = False) -> Pixels:
    """Return a folder in a colour, with one of a few emblems while it is closed."""
    rows = [list(row) for row in (_OPEN if is_open else _CLOSED)]
    if not is_open:
        for y, row in enumerate(_EMBLEMS[emblem % len(_EMBLEMS)], start=6):
            for x, letter in enumerate(row, start=9):
                if letter == "w":
                    rows[y][x] = "e"
    colours = {
        "k": _INK,
        "w": mixed(colour, "#ffffff", 0.72),
        "l": mixed(colour, "#ffffff", 0.42),
        "f": colour,
        "s": mixed(colour, _INK, 0.28),
        "p": "#ffffff",
        "q": "#b9c4ea",
        "e": "#ffffff",
    }
    return Pixels.drawn(["".join(row) for row in rows], colours)


def bundle(dyes: Sequence[str]) -> Pixels:
    """Return the mark: a bundle of four dyes with a white knot."""
    four = [dyes[index % len(dyes)] for index in range(4)]
    return Pixels.drawn(_BUNDLE, {"k": _INK, "w": "#ffffff", **dict(zip("tbrj", four, strict=True))})


def mixed(colour: str, other: str, share: float) -> str:
    values: NDArray[np.float64] = np.array(bgr(colour)) * (1 - share) + np.array(bgr(other)) * share
    blue, green, red = (round(float(value)) for value in values)
    return f"#{red:02x}{green:02x}{blue:02x}"
