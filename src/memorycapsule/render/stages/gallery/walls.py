"""Walls of a gallery and what hangs on them: plaster and light, frames of wood and mats."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import GalleryStage
from memorycapsule.render.overlays import bgr
from memorycapsule.render.planes import Bytes

Floats = NDArray[np.float32]

#: The picture rail and the skirting, as parts of the height.
_RAIL, _RAIL_THICK = 0.034, 0.0055
SKIRTING = 0.938
_FLOOR = 0.962
#: How much brighter a lit wall is than the room around it.
_LAMP = 0.16
#: How bright a work or a label is while its lamp is off, as a part of what it is with it.
UNLIT = 0.58
#: The light is warm: blue, green and red of what it adds, 0..255.
_WARMTH = (26.0, 29.0, 31.0)
#: Nothing of the light is left so near to the left and right edge, as a part of the width.
_UNLIT_EDGE = 0.15

#: Wood and inner edge of the four kinds of frame: walnut, oak, gilt, ebony with a gilt edge.
_WOODS = (
    ("#4b3222", "#2a1a10"),
    ("#96703f", "#5d4325"),
    ("#b08b43", "#6d5222"),
    ("#2b211b", "#b08b43"),
)
_MOULDING, _MAT = 0.026, 0.046
#: The mat of a picture that stays small.
_WIDE_MAT = 0.1
#: A picture below this part of the height stays small.
_SMALL = 0.3


@dataclass(frozen=True)
class WallBox:
    """A rectangle of a wall in whole pixels."""

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

    def grown(self, by: int) -> WallBox:
        return WallBox(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


def unit(width: int, height: int) -> float:
    """Return what lengths on a wall are parts of: its height, or less where it is narrow."""
    return min(height, width)


@functools.lru_cache(maxsize=4)
def bare_wall(width: int, height: int, colour: str, kind: Literal["room", "entrance"] = "room") -> Bytes:
    """
    Return an unlit wall, BGR, not to be written to.

    Its tone is the same from left to right and its grain repeats after its width, so that any number of such
    walls stand side by side without a seam.
    """
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    wall = _tone(rows, kind)[:, :, None] * np.array(bgr(colour), np.float32)
    wall = wall + _plaster(width, height)[:, :, None] * np.float32(1.0 if kind == "room" else 1.7)
    if kind == "room":
        _mouldings(wall, height)
    return as_bytes(wall)


@functools.lru_cache(maxsize=2)
def _plaster(width: int, height: int) -> Floats:
    """Return the relief of plaster as levels around 0. Its right edge continues at its left one."""
    random = np.random.default_rng(width * 65537 + height)
    coarse = max(8, width // 6), max(8, height // 6)
    clouds = _wrapped_noise(random, *coarse, 0.03 * coarse[1])
    waves = _wrapped_noise(random, *coarse, 0.006 * coarse[1])
    # Light from the upper left shows the trowel's waves.
    relief = waves - np.roll(waves, (1, 1), axis=(0, 1))
    slow = _scaled_wrapped(0.8 * clouds + 0.55 * relief / max(1e-6, float(relief.std())), width, height)
    return slow + 0.9 * _wrapped_noise(random, width, height, max(0.8, height / 1000))


def _wrapped_noise(random: np.random.Generator, width: int, height: int, blur: float) -> Floats:
    """Return noise of mean 0 and deviation 1, blurred around its left and right edge."""
    noise = random.standard_normal((height, width), np.float32)
    pad = min(width, int(4 * blur) + 2)
    wide = np.concatenate([noise[:, -pad:], noise, noise[:, :pad]], axis=1)
    soft = np.asarray(cv2.GaussianBlur(wide, (0, 0), max(0.3, blur)), np.float32)[:, pad : pad + width]
    return soft / max(1e-6, float(soft.std()))


def _scaled_wrapped(noise: Floats, width: int, height: int) -> Floats:
    """Enlarge noise that repeats after its width, so that it still repeats."""
    pad = 4
    wide = np.concatenate([noise[:, -pad:], noise, noise[:, :pad]], axis=1)
    share = width / noise.shape[1]
    # Pixel middles of the target lie at (x + 0.5) / share - 0.5 of the source (the convention of cv2.resize).
    matrix = np.array(
        [
            [1 / share, 0, 0.5 / share - 0.5 + pad],
            [0, noise.shape[0] / height, 0.5 * noise.shape[0] / height - 0.5],
        ]
    )
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    made = cv2.warpAffine(wide, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made, np.float32)


def _mouldings(wall: Floats, height: int) -> None:
    """Put up a brass picture rail and a skirting over the floor, each with its shadow."""
    rows = np.arange(height, dtype=np.float32)[:, None, None]
    top, thick = _RAIL * height, max(2.0, _RAIL_THICK * height)
    below = (rows - top - thick) / (0.016 * height)
    wall *= 1 - 0.34 * np.exp(-np.clip(below, 0, None) * 2.2) * (below >= 0)
    across = np.clip((rows - top) / thick, 0, 1)
    brass = np.array(bgr("#d3b06c"), np.float32) * (1 - 0.5 * across)
    _bands(wall, rows, top, top + thick, brass)
    skirting, floor = SKIRTING * height, _FLOOR * height
    above = np.exp(-np.clip(skirting - rows, 0, None) / (0.006 * height)) * (rows < skirting)
    wall *= 1 - 0.25 * above
    down = np.clip((rows - skirting) / max(1.0, floor - skirting), 0, 1)
    board = np.array(bgr("#cfc4b0"), np.float32) * (1.0 - 0.22 * down)
    _bands(wall, rows, skirting, floor, board * np.float32(0.74))
    deep = np.clip((rows - floor) / max(1.0, height - floor), 0, 1)
    _bands(wall, rows, floor, height + 1.0, np.array(bgr("#5b412c"), np.float32) * (0.5 + 0.4 * deep))


def _bands(wall: Floats, rows: Floats, top: float, low: float, colour: Floats) -> None:
    """Paint rows from `top` to `low`, both with their fractions, over a wall; its grain stays."""
    cover = np.clip(rows + 1 - top, 0, 1) * np.clip(low - rows, 0, 1)
    grain = wall - wall.mean(axis=1, keepdims=True)
    wall += cover * (colour + 0.6 * grain - wall)


def pool(width: int, height: int, centre: float, reach: float) -> Floats:
    """
    Return the light of a lamp on a wall, shape (height, width), 0..1.

    It is centred on column `centre` and `reach` wide, both as parts of the width. At the left and right edge, and on
    the skirting, it is 0.
    """
    coarse = 8
    columns = (np.arange(width // coarse + 1, dtype=np.float32) * coarse / width)[None, :]
    rows = (np.arange(height // coarse + 1, dtype=np.float32) * coarse / height)[:, None]
    far = ((columns - centre) / reach) ** 2 + ((rows - 0.36) / 0.74) ** 2
    light = np.clip(1.25 * np.exp(-1.5 * far), 0, 1)
    edge = np.clip(np.minimum(columns, 1 - columns) / _UNLIT_EDGE, 0, 1)
    light = light * edge * edge * (3 - 2 * edge) * np.clip((SKIRTING - rows) / 0.05, 0, 1)
    return np.asarray(cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def lit(wall: Bytes, light: Floats) -> Bytes:
    """Return a wall in the light of `pool`."""
    # Whole levels take a fifth of the time, and the plaster's grain hides their steps.
    gain = as_bytes((1 + _LAMP * light) * np.float32(255 / (1 + _LAMP)))
    brighter = cv2.multiply(wall, cv2.merge([gain] * 3), scale=(1 + _LAMP) / 255)
    warmth = cv2.merge([cv2.convertScaleAbs(light, alpha=level) for level in _WARMTH])
    return np.asarray(cv2.add(brighter, warmth), np.uint8)


def unlit(picture: Bytes, light: Floats, colour: str, things: tuple[WallBox, ...]) -> Bytes:
    """
    Return a lit wall, with everything on it, as it is with its lamp off.

    The bare wall is what it was before it was lit. The boxes of `things` on it are darkened to UNLIT.
    """
    height, width = light.shape
    coarse = (width // 8, height // 8)
    share = np.asarray(cv2.resize(light, coarse, interpolation=cv2.INTER_AREA), np.float32)[:, :, None]
    rows = np.linspace(0, 1, coarse[1], dtype=np.float32)[:, None, None]
    bare = _tone(rows, "room") * np.array(bgr(colour), np.float32)
    through = bare / (bare * (1 + _LAMP * share) + share * np.array(_WARMTH, np.float32))
    fine = cv2.resize(255 * through, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = as_bytes(np.asarray(fine, np.float32))
    for box in things:
        mask[box.y : box.low, box.x : box.right] = round(255 * UNLIT)
    return np.asarray(cv2.multiply(picture, mask, scale=1 / 255), np.uint8)


def _tone(rows: Floats, kind: Literal["room", "entrance"]) -> Floats:
    """Return how bright rows of a wall are, from its top (0) to its foot (1)."""
    return 1.06 - 0.18 * rows if kind == "room" else 1.02 - 0.05 * rows


@dataclass(frozen=True)
class Work:
    """Where a picture hangs, with its mat and its frame."""

    picture: WallBox
    mat: int
    moulding: int

    @property
    def outer(self) -> WallBox:
        return self.picture.grown(self.mat + self.moulding)


@dataclass(frozen=True)
class Hanging:
    """Works on one centre line, and the corner of their label."""

    works: tuple[Work, ...]
    label: tuple[int, int]


def hang(
    width: int, height: int, pictures: tuple[tuple[int, int], ...], label: tuple[int, int], largest: float
) -> Hanging:
    """
    Return where works hang on a wall: whole, side by side, as large as possible, none enlarged more than `largest`.

    `pictures` are widths and heights in pixels. `label` is the size of a label, (0, 0) for none. It stands at the
    lower right of the works, or below them where the works are then larger.
    """
    if not label[0]:
        return _arranged(width, height, pictures, (0, 0), largest, below=False)
    right = _arranged(width, height, pictures, label, largest, below=False)
    below = _arranged(width, height, pictures, label, largest, below=True)
    is_larger = below.works[0].picture.height > 1.12 * right.works[0].picture.height
    return below if is_larger else right


def _arranged(
    width: int,
    height: int,
    pictures: tuple[tuple[int, int], ...],
    label: tuple[int, int],
    largest: float,
    *,
    below: bool,
) -> Hanging:
    scale = unit(width, height)
    gap, between = round(0.034 * scale), round(0.06 * scale)
    room_x, room_y = round(width * 0.872), round(height * 0.8)
    if label[0] and below:
        room_y -= label[1] + gap
    elif label[0]:
        room_x -= label[0] + gap
    moulding = max(2, round(_MOULDING * scale))
    mat = round(_MAT * scale)
    edges = 2 * (mat + moulding)
    wide = sum(own[0] / own[1] for own in pictures)
    tall = min(
        (room_x - edges * len(pictures) - between * (len(pictures) - 1)) / wide,
        room_y - edges,
    )
    works: list[tuple[int, int, int]] = []
    for own in pictures:
        high = max(4.0, min(tall, largest * own[1]))
        is_small = high < _SMALL * scale and largest * own[1] <= tall
        works.append(
            (
                # With even sides, a clip's frames fit without resampling, their halved colour included.
                max(4, 2 * round(high * own[0] / own[1] / 2)),
                2 * round(high / 2),
                round(_WIDE_MAT * scale) if is_small else mat,
            )
        )
    total = sum(own[0] + 2 * (own[2] + moulding) for own in works) + between * (len(works) - 1)
    most = max(own[1] + 2 * (own[2] + moulding) for own in works)
    centre = height * 0.488
    group = total
    if label[0] and below:
        centre -= (label[1] + gap) / 2
    elif label[0]:
        group += gap + label[0]
    x = round((width - group) / 2)
    hung: list[Work] = []
    for own_width, own_height, own_mat in works:
        left = x + own_mat + moulding
        box = WallBox(left + left % 2, 2 * round((centre - own_height / 2) / 2), own_width, own_height)
        hung.append(Work(box, own_mat, moulding))
        x = hung[-1].outer.right + between
    last = hung[-1].outer
    if below:
        corner = (
            max(round(width * 0.064), last.right - label[0]),
            round(centre + most / 2) + gap,
        )
    else:
        corner = (last.right + gap, max(round(height * 0.09), last.low - label[1]))
    return Hanging(tuple(hung), corner)


def hang_work(wall: Bytes, work: Work, picture: Bytes, kind: int, stage: GalleryStage) -> None:
    """Hang a framed picture on a wall, in place; `kind` says which of the four frames."""
    outer = work.outer
    scale = unit(wall.shape[1], wall.shape[0])
    cast_shadow(wall, outer, drop=0.022 * scale, blur=0.02 * scale, strength=0.5)
    cast_shadow(wall, outer, drop=0.006 * scale, blur=0.005 * scale, strength=0.42)
    part = wall[outer.y : outer.low, outer.x : outer.right]
    part[...] = bgr(stage.paper)
    _mat_shadow(part, work.moulding, 0.011 * scale)
    _frame(part, work.moulding, kind)
    inner = work.picture
    bevel = max(1, round(0.0028 * scale))
    shaded = (("#e2dacb", 1.0), ("#fffefb", 1.0))
    for by, (colour, _) in zip((bevel, max(1, bevel // 2)), shaded, strict=True):
        edge = inner.grown(by)
        wall[edge.y : edge.low, edge.x : edge.right] = bgr(colour)
    wall[inner.y : inner.low, inner.x : inner.right] = picture


def cast_shadow(wall: Bytes, box: WallBox, *, drop: float, blur: float, strength: float) -> None:
    """Draw the shadow of a box that hangs on a wall, in place."""
    coarse = max(1, round(blur / 3))
    reach = round(3 * blur)
    left, top = max(0, box.x - reach), max(0, box.y - reach)
    right = min(wall.shape[1], box.right + reach)
    low = min(wall.shape[0], round(box.low + drop) + reach)
    small = np.zeros(((low - top) // coarse + 1, (right - left) // coarse + 1), np.float32)
    rows = slice(round((box.y + drop - top) / coarse), round((box.low + drop - top) / coarse))
    small[rows, round((box.x - left) / coarse) : round((box.right - left) / coarse)] = strength
    soft = cv2.GaussianBlur(small, (0, 0), blur / coarse)
    mask = cv2.resize(
        soft, (small.shape[1] * coarse, small.shape[0] * coarse), interpolation=cv2.INTER_LINEAR
    )
    through = as_bytes(255 - 255 * np.asarray(mask, np.float32)[: low - top, : right - left])
    part = wall[top:low, left:right]
    part[...] = cv2.multiply(part, cv2.merge([through] * 3), scale=1 / 255)


def _mat_shadow(part: Bytes, moulding: int, blur: float) -> None:
    """Let the frame cast its shadow on the mat, from above."""
    height, width = part.shape[:2]
    reach = round(2.5 * blur) + moulding
    down = np.exp(-np.arange(reach, dtype=np.float32) / blur)[:, None]
    shade = np.zeros((height, width), np.float32)
    top = min(height, moulding + reach) - moulding
    side = min(width, moulding + reach) - moulding
    shade[moulding : moulding + top] = 0.26 * down[:top]
    left = 0.15 * down.T[:, :side]
    shade[:, moulding : moulding + side] = np.maximum(shade[:, moulding : moulding + side], left)
    right = 0.08 * down.T[:, :side][:, ::-1]
    edge = width - moulding
    shade[:, edge - side : edge] = np.maximum(shade[:, edge - side : edge], right)
    tint = np.array([0.95, 1.0, 1.05], np.float32)[None, None, ::-1]
    part[...] = as_bytes(part * (1 - shade[:, :, None] * tint))


def _frame(part: Bytes, moulding: int, kind: int) -> None:
    """Draw four mitred lengths of wood around a mat, lit from above."""
    height, width = part.shape[:2]
    wood, edge = (np.array(bgr(colour), np.float32) for colour in _WOODS[kind % len(_WOODS)])
    random = np.random.default_rng(kind)
    across = (np.arange(moulding, dtype=np.float32) + 0.5) / moulding
    # A soft hollow between a round outer and a thin inner edge.
    profile = 0.8 + 0.42 * np.exp(-(((across - 0.24) / 0.15) ** 2)) + 0.1 * across
    lip = np.clip((across - 0.84) / 0.04, 0, 1)[:, None, None]

    def length(long: int, light: float, *, is_turned: bool) -> Floats:
        grain = cv2.GaussianBlur(random.standard_normal((moulding, long), np.float32), (0, 0), 24, sigmaY=0.8)
        grain = 0.045 * grain / max(1e-6, float(grain.std()))
        rail = (wood * (profile[:, None] * (1 + grain))[:, :, None] * (1 - lip) + edge * lip) * light
        if is_turned:
            # This rail is seen from below, so its inner edge faces up.
            rail = rail * (0.86 + 0.2 * across)[:, None, None]
        rail[: max(1, moulding // 14)] *= 0.55
        return np.asarray(rail, np.float32)

    part[:moulding] = as_bytes(length(width, 1.12, is_turned=False))
    part[-moulding:] = as_bytes(length(width, 0.86, is_turned=True))[::-1]
    left = as_bytes(length(height, 0.98, is_turned=False)).transpose(1, 0, 2)
    right = as_bytes(length(height, 0.88, is_turned=False)).transpose(1, 0, 2)[:, ::-1]
    rows, columns = np.mgrid[:height, :moulding]
    is_left = (rows >= columns) & (rows < height - columns)
    part[:, :moulding][is_left] = left[is_left]
    part[:, -moulding:][is_left[:, ::-1]] = right[is_left[:, ::-1]]


def as_bytes(value: NDArray[np.floating]) -> Bytes:
    """Return levels as whole ones, 0..255."""
    return np.asarray(np.clip(np.rint(value), 0, 255), np.uint8)
