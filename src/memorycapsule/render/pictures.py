"""Canvases: the pictures over which the film's frame moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import Card, FilmStyle, Move, Photo, Source
from memorycapsule.domain.film.sizes import Size
from memorycapsule.errors import RenderFailed
from memorycapsule.render.overlays import bgr
from memorycapsule.render.planes import YUV_FROM_BGR, YUV_OFFSET, Bytes, Planes, planes_from_bgr

#: Source pixels per frame pixel at the closest. A little above one avoids simple ratios, at which the exact resampling
#: would need its slow way, and keeps all detail within reach of the cubic kernel.
_CLOSEST_STEP = 1.06
#: How much of the frame's height (or width) an inset picture takes.
_INSET = 0.93
#: Between pictures that stand side by side, of the frame's width.
_GAP = 0.02
#: Pixels of the longer side of a card's backdrop; few are enough, since it is blurred.
BACKDROP_SIDE = 640
#: Small pictures are enlarged at most so much.
_LARGEST_INSET_SCALE = 2.0
_HARDLY_SMALLER = 0.8
#: The edge of the patch of grain that covers the ground of a card.
_GRAIN = 512


def read_picture(pictures: Path, source: Source, long_side: int = 0) -> Bytes:
    """
    Return a prepared JPEG as BGR with its gains applied; with a `long_side`, at least that large and not much larger.

    Raises RenderFailed when it cannot be decoded.
    """
    # Decoding at a half or a quarter of the size takes less time in proportion.
    spare = max(source.width, source.height) / long_side if long_side else 1
    way = (
        cv2.IMREAD_REDUCED_COLOR_4
        if spare >= 4
        else cv2.IMREAD_REDUCED_COLOR_2
        if spare >= 2
        else cv2.IMREAD_COLOR
    )
    picture = cv2.imread(str(pictures / source.file), way)
    if picture is None:
        raise RenderFailed("film_picture_lost", file=source.file)
    return _with_gains(np.asarray(picture, np.uint8), source.gains)


def _with_gains(picture: Bytes, gains: tuple[float, float, float]) -> Bytes:
    """Multiply red, green and blue in linear light, where sRGB is close to a power of 2.2 (IEC 61966-2-1)."""
    if gains == (1.0, 1.0, 1.0):
        return picture
    levels = np.arange(256, dtype=np.float64)
    tables = [np.clip(np.rint(levels * gain ** (1 / 2.2)), 0, 255) for gain in reversed(gains)]
    return np.asarray(cv2.LUT(picture, np.stack(tables, 1)[None].astype(np.uint8)), np.uint8)


def canvas_scale(move: Move) -> float:
    """Return how many canvas pixels the whole picture needs per frame pixel and unit of the closest view."""
    return _CLOSEST_STEP / min(move.start.width, move.end.width)


def photo_canvas(pictures: list[Bytes], shot: Photo, size: Size, style: FilmStyle) -> Planes:
    """
    Return the canvas of a shot: the picture itself ('cover'), or pictures composed into a frame ('inset').

    `pictures` are those of the shot, in order. Only an inset shows more than the first.
    """
    scale = canvas_scale(shot.move)
    if shot.fit == "cover":
        picture = pictures[0]
        width = size.width * scale
        height = width * picture.shape[0] / picture.shape[1]
        return planes_from_bgr(_resized(picture, _even(width), _even(height)))
    wide = _even(size.width * scale)
    return planes_from_bgr(composed(pictures, wide, _even(wide / size.aspect), scale, style))


def needed_side(shot: Photo, size: Size) -> int:
    """Return how many pixels of a photo's longer side `photo_canvas` needs, to pass to `read_picture`."""
    width, height = shot.source.width, shot.source.height
    scale = canvas_scale(shot.move)
    if shot.fit == "cover":
        share = size.width * scale / width
    else:
        share = _INSET * scale * min(size.width / width, size.height / height)
    return round(max(width, height) * share)


def card_canvas(backdrop: Bytes | None, card: Card, size: Size, style: FilmStyle) -> Planes:
    """
    Return the ground of a card, without a margin: a gradient, over a blurred `backdrop` where there is one.

    It is as large as the closest view of the card's move needs it.
    """
    wide = _even(size.width * (canvas_scale(card.move) if card.move else 1))
    tall = _even(wide / size.aspect)
    matrix, offset = YUV_FROM_BGR.astype(np.float32), YUV_OFFSET.astype(np.float32)
    rows = gradient(style, 1, tall)[:, 0] @ matrix.T + offset
    luma, colour = rows[:, None, 0], (rows[::2, None, 1:] + rows[1::2, None, 1:]) / 2
    if backdrop is not None:
        fill = planes_from_bgr(blurred(backdrop, wide, tall, 0.035))
        share = np.float32(style.backdrop)
        luma = luma * (1 - share) + fill.luma * share
        colour = colour * (1 - share) + fill.colour * share
    # A grain of one level keeps the gradient from showing as steps.
    patch = np.random.default_rng(1).normal(0, 0.6, (_GRAIN, _GRAIN)).astype(np.float32)
    luma = luma + np.tile(patch, (tall // _GRAIN + 1, wide // _GRAIN + 1))[:tall, :wide]
    whole = np.broadcast_to(colour, (tall // 2, wide // 2, 2))
    return Planes(_levels(luma), _levels(whole))


def _levels(values: NDArray[np.floating[Any]]) -> Bytes:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def gradient(style: FilmStyle, width: int, height: int) -> NDArray[np.float32]:
    """Return the theme's ground as float BGR."""
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    high, low = np.array(bgr(style.ground), np.float32), np.array(bgr(style.ground_low), np.float32)
    column = high * (1 - share) + low * share
    return np.asarray(np.broadcast_to(column, (height, width, 3)), np.float32)


def composed(pictures: list[Bytes], width: int, height: int, scale: float, style: FilmStyle) -> Bytes:
    """Return pictures whole, side by side, with a soft shadow, over a darkened and blurred fill of the first."""
    made: Bytes = np.empty((height, width, 3), np.uint8)
    ground = blurred(pictures[0], width, height, 0.03).astype(np.float32) * style.fill
    inner = [
        _resized(picture, max(2, round(picture.shape[1] * share)), max(2, round(picture.shape[0] * share)))
        for picture, share in zip(pictures, _shares(pictures, width, height, scale), strict=True)
    ]
    gap = round(width * _GAP)
    left = (width - sum(picture.shape[1] for picture in inner) - gap * (len(inner) - 1)) // 2
    places: list[tuple[slice, slice]] = []
    for picture in inner:
        top = (height - picture.shape[0]) // 2
        places.append((slice(top, top + picture.shape[0]), slice(left, left + picture.shape[1])))
        left += picture.shape[1] + gap
    shadow = np.zeros((height, width), np.float32)
    for place in places:
        shadow[place] = 1
    soft = cv2.GaussianBlur(shadow, (0, 0), height * 0.016)
    ground *= 1 - 0.55 * np.asarray(soft, np.float32)[:, :, None]
    made[...] = np.clip(np.rint(ground), 0, 255)
    for place, picture in zip(places, inner, strict=True):
        made[place] = picture
    return made


def _shares(pictures: list[Bytes], width: int, height: int, scale: float) -> list[float]:
    """Return the scale of each picture: all get one height, unless one would be enlarged too much."""
    tall = [1 / picture.shape[0] for picture in pictures]
    room = _INSET * width - _GAP * width * (len(pictures) - 1)
    wide = sum(picture.shape[1] * share for picture, share in zip(pictures, tall, strict=True))
    rows = min(_INSET * height, room / wide)
    return [min(rows * share, _LARGEST_INSET_SCALE * scale) for share in tall]


def blurred(picture: Bytes, width: int, height: int, strength: float) -> Bytes:
    """Return a picture filling `width` x `height`, blurred by `strength` times the height."""
    small_height = min(height, 128)
    small_width = max(2, round(width * small_height / height))
    # Halving first is fast, and the blur hides how it was made small.
    while min(picture.shape[:2]) >= 4 * small_height:
        half = picture.shape[1] // 2, picture.shape[0] // 2
        even = picture[: half[1] * 2, : half[0] * 2]
        picture = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    scale = max(small_width / picture.shape[1], small_height / picture.shape[0])
    filled = _resized(
        picture,
        max(small_width, round(picture.shape[1] * scale)),
        max(small_height, round(picture.shape[0] * scale)),
    )
    top, left = (filled.shape[0] - small_height) // 2, (filled.shape[1] - small_width) // 2
    part = filled[top : top + small_height, left : left + small_width]
    soft = cv2.GaussianBlur(part, (0, 0), max(0.6, small_height * strength), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _resized(picture: Bytes, width: int, height: int) -> Bytes:
    # When the size hardly changes, linear is a little closer to an ideal filter than area, and five times as fast.
    share = width / picture.shape[1]
    way = cv2.INTER_AREA if share < _HARDLY_SMALLER else cv2.INTER_LINEAR if share < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))
