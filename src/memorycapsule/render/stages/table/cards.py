"""Cards on the table: how they are cut, where they lie, and how they are laid over the sky."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import FilmStyle, Move, TableStage
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.overlays import bgr
from memorycapsule.render.planes import YUV_FROM_BGR, YUV_OFFSET, Bytes, new_frame, planes_of
from memorycapsule.render.sprites import Haze, Sprite
from memorycapsule.render.stages.table.paper import lay_on, mixed, rounded

#: Sprite pixels per pixel of what they are laid on: with so many, linear resampling is as sharp as cubic.
FINE = 1.4
#: Distance of the eye from the table, in frame heights.
_EYE = 2.8
#: Pictures are enlarged at most so much, and their card is at least so many frame heights long and wide.
_LARGEST_SCALE = 2.0
_SMALLEST_CARD = 0.2
#: Top and foot of the pictures, as parts of the frame: with a caption below them, and without. Only the white edge of
#: their cards, about so high, may reach below a long caption.
_BOX_ABOVE_WORDS = (0.068, 0.818)
_BOX_ALONE = (0.07, 0.92)
_EDGE = 0.022
_BOX_WIDTH = 0.9
#: Cards side by side cover so much of each other.
_OVERLAP = 0.035
#: A wide shadow, and one where the card touches the table: offset and softness in frame heights, and opacity.
_SHADOWS = ((0.03, 0.04, 0.30), (0.002, 0.004, 0.20))
#: Shadows are so soft that a quarter of the resolution is enough.
_COARSE = 4


@dataclass(frozen=True)
class ViewTransform:
    """Maps composed pixels to pixels of a frame: times `zoom`, then shifted."""

    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0

    @classmethod
    def at(cls, move: Move, share: float, size: Size) -> ViewTransform:
        """Return the view of a move at `share` 0..1 of its way."""
        start, end = move.start, move.end
        zoom = 1 / (start.width + (end.width - start.width) * share)
        x = start.x + (end.x - start.x) * share
        y = start.y + (end.y - start.y) * share
        return cls(zoom, -x * size.width * zoom, -y * size.height * zoom)


@dataclass(frozen=True)
class Pose:
    """How a card deviates from its place: shifted (frame pixels), scaled, tilted, turned, lifted, see-through."""

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    #: Degrees, clockwise.
    tilt: float = 0.0
    #: Radians around its vertical axis.
    turn: float = 0.0
    lift: float = 0.0
    share: float = 1.0


REST = Pose()


@dataclass(frozen=True)
class Place:
    """Where a picture lies: the middle, width and height of what is inside the white edge, in composed pixels."""

    x: float
    y: float
    width: float
    height: float
    #: Of the picture itself; smaller than the card's inside for very small pictures.
    picture: tuple[float, float]
    tilt: float

    @property
    def short(self) -> float:
        return min(self.width, self.height)


def arranged(
    size: Size, shapes: Sequence[tuple[int, int]], tilt: float, words_top: float | None
) -> tuple[Place, ...]:
    """
    Return where pictures of so many pixels lie, side by side in order, each whole.

    `words_top` is where the words below them begin, as a part of the frame's height; None where there are none.
    """
    top, low = _BOX_ALONE
    if words_top is not None:
        top, low = _BOX_ABOVE_WORDS[0], min(_BOX_ABOVE_WORDS[1], words_top - _EDGE)
    middle, height = (top + low) / 2, size.height * (low - top)
    smallest = size.height * _SMALLEST_CARD
    sizes: list[tuple[float, float]] = []
    for across, down in shapes:
        scale = min(height / down, _BOX_WIDTH * size.width / across, _LARGEST_SCALE)
        sizes.append((across * scale, down * scale))
    shrink = min(1.0, _BOX_WIDTH * size.width / (sum(max(wide, smallest) for wide, _ in sizes) or 1))
    sizes = [(wide * shrink, high * shrink) for wide, high in sizes]
    insides = [(max(wide, smallest), max(high, smallest)) for wide, high in sizes]
    overlap = _OVERLAP * size.height if len(shapes) > 1 else 0.0
    x = (size.width - sum(wide for wide, _ in insides) + overlap * (len(shapes) - 1)) / 2
    places: list[Place] = []
    for number, ((wide, high), picture) in enumerate(zip(insides, sizes, strict=True)):
        swing = (1.0, -0.8, 0.6)[number % 3] * (tilt or (1.0 if len(shapes) > 1 else 0.0))
        lower = (0.0, 0.012, -0.006)[number % 3] * size.height
        places.append(Place(x + wide / 2, middle * size.height + lower, wide, high, picture, swing))
        x += wide - overlap
    return tuple(places)


class TableCard:
    """
    A card with its shadow, and the place at which it rests.

    `picture` (BGR) and `opacity` have `fine` pixels for each composed pixel.
    """

    def __init__(
        self,
        picture: Bytes,
        opacity: Bytes,
        fine: float,
        place: tuple[float, float, float],
        stage: TableGeometry,
    ) -> None:
        self.x, self.y, self.tilt = place
        self.fine = fine
        self.height, self.width = float(opacity.shape[0] / fine), float(opacity.shape[1] / fine)
        self._eye = _EYE * stage.height
        self._stage = stage
        self._card = Sprite(picture, opacity)
        self._middle = opacity.shape[1] / 2, opacity.shape[0] / 2
        self._shadow, self._shadow_middle = _shadow(self.width, self.height, stage)
        #: A moving picture on the card, laid over it around the same middle.
        self.screen: Sprite | None = None

    def lay(self, frame: Bytes, view: ViewTransform, pose: Pose = REST) -> None:
        """Lay it with its shadow over a frame."""
        self.lay_shadow(frame, view, pose)
        self.lay_card(frame, view, pose)

    def lay_shadow(self, frame: Bytes, view: ViewTransform, pose: Pose = REST) -> None:
        # A lifted card casts a fainter shadow, farther away.
        away = pose.lift * 0.05 * self._stage.height
        low = Pose(
            x=pose.x,
            y=pose.y + away,
            scale=pose.scale * (1 + 0.04 * pose.lift),
            tilt=pose.tilt,
            turn=pose.turn,
        )
        matrix = self._matrix(view, low, 1 / _COARSE, self._shadow_middle)
        self._shadow.lay_turned(frame, matrix, pose.share * (1 - 0.3 * pose.lift))

    def lay_card(self, frame: Bytes, view: ViewTransform, pose: Pose = REST) -> None:
        self._card.lay_turned(frame, self._matrix(view, pose, self.fine, self._middle), pose.share)
        self.lay_screen(frame, view, pose)

    def lay_screen(self, frame: Bytes, view: ViewTransform, pose: Pose = REST) -> None:
        """Lay the moving picture alone, where there is one."""
        if self.screen is not None:
            middle = self.screen.width / 2, self.screen.height / 2
            matrix = self._matrix(view, pose, 1.0, middle)
            if not (self.tilt or pose.tilt or pose.turn) and pose.scale * view.zoom == 1:
                # Nothing turns or scales it, so it may lie on whole pixels.
                self.screen.lay(frame, matrix[0, 2], matrix[1, 2], pose.share)
            else:
                self.screen.lay_turned(frame, matrix, pose.share)

    def bounds(self, view: ViewTransform) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the resting card with its shadow."""
        matrix = self._matrix(view, REST, 1 / _COARSE, self._shadow_middle)
        wide, high = self._shadow.width, self._shadow.height
        corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float64)
        mapped = cv2.perspectiveTransform(corners[None], matrix)[0]
        left, top = mapped.min(axis=0)
        right, low = mapped.max(axis=0)
        return float(left), float(top), float(right), float(low)

    def _matrix(
        self, view: ViewTransform, pose: Pose, fine: float, middle: tuple[float, float]
    ) -> NDArray[np.float64]:
        """Return the map from the pixels of a sprite around the card's middle to those of the frame."""
        angle = np.deg2rad(self.tilt + pose.tilt)
        cosine, sine = np.cos(angle), np.sin(angle)
        scale = pose.scale * view.zoom
        x = self.x * view.zoom + view.x + pose.x
        y = self.y * view.zoom + view.y + pose.y
        # Pixel numbers mean their middles; edges lie half a pixel before.
        centred = np.array([[1, 0, 0.5 - middle[0]], [0, 1, 0.5 - middle[1]], [0, 0, fine]]) / fine
        turned = np.array(
            [[np.cos(pose.turn), 0, 0], [0, 1, 0], [np.sin(pose.turn) / self._eye * scale, 0, 1]]
        )
        tilted = np.array(
            [[cosine * scale, -sine * scale, 0], [sine * scale, cosine * scale, 0], [0, 0, 1.0]]
        )
        placed = np.array([[1, 0, x - 0.5], [0, 1, y - 0.5], [0, 0, 1.0]])
        return np.asarray(placed @ tilted @ turned @ centred, np.float64)


@dataclass(frozen=True)
class TableGeometry:
    """What every card needs to know of the film."""

    height: int
    table: TableStage


def stage_of(size: Size, style: FilmStyle) -> TableGeometry:
    """Return what cards need to know of a film. A film of another theme gets a table in the default colours."""
    return TableGeometry(size.height, style.stage if isinstance(style.stage, TableStage) else TableStage())


def picture_card(picture: Bytes, place: Place, stage: TableGeometry, zoom: float) -> TableCard:
    """Return a card with a picture, sharp up to `zoom`."""
    fine = FINE * zoom
    inside = _whole(place.width * fine), _whole(place.height * fine)
    shown = min(inside[0], _whole(place.picture[0] * fine)), min(inside[1], _whole(place.picture[1] * fine))
    way = cv2.INTER_AREA if shown[0] < picture.shape[1] else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(picture, shown, interpolation=way), np.uint8)
    short = place.short * fine
    edge = max(1, round(short * stage.table.edge))
    paper = np.empty((inside[1] + 2 * edge, inside[0] + 2 * edge, 3), np.uint8)
    paper[...] = bgr(stage.table.card)
    lay_on(
        paper,
        small,
        (paper.shape[1] - shown[0]) // 2,
        (paper.shape[0] - shown[1]) // 2,
        rounded(shown[1], shown[0], min(min(shown) / 8, short * (stage.table.rounding - stage.table.edge))),
    )
    opacity = rounded(*paper.shape[:2], short * stage.table.rounding)
    return TableCard(paper, opacity, fine, (place.x, place.y, place.tilt), stage)


def cropped(picture: Bytes, shape: float) -> Bytes:
    """Return the middle of a picture in the wanted shape; the upper part of a tall one."""
    height, width = picture.shape[:2]
    wide, high = min(width, round(height * shape)), min(height, round(width / shape))
    left, top = (width - wide) // 2, (height - high) // 3
    return picture[top : top + max(1, high), left : left + max(1, wide)]


def blank_card(place: Place, stage: TableGeometry) -> TableCard:
    """Return a card without a picture, of the size that goes with a picture of the place."""
    edge = place.short * stage.table.edge
    wide, high = _whole((place.width + 2 * edge) * FINE), _whole((place.height + 2 * edge) * FINE)
    paper = np.empty((high, wide, 3), np.uint8)
    paper[...] = bgr(stage.table.card)
    opacity = rounded(high, wide, place.short * stage.table.rounding * FINE)
    return TableCard(paper, opacity, FINE, (place.x, place.y, place.tilt), stage)


def card_back(
    width: float, height: float, dye: str, middle: tuple[float, float, float], stage: TableGeometry
) -> TableCard:
    """Return the back of a card: a contributor's dye inside the white edge, with a pattern of dots."""
    wide, high = _whole(width * FINE), _whole(height * FINE)
    paper = np.empty((high, wide, 3), np.uint8)
    paper[...] = bgr(stage.table.card)
    short = min(wide, high)
    edge = max(1, round(short * stage.table.edge * 1.2))
    inner = (high - 2 * edge, wide - 2 * edge)
    cloth = np.empty((*inner, 3), np.uint8)
    cloth[...] = bgr(dye)
    step = short / 9
    rows, columns = np.mgrid[0 : inner[0], 0 : inner[1]].astype(np.float32)
    # Two lattices, one between the other.
    x, y = (columns - inner[1] / 2) / step, (rows - inner[0] / 2) / step
    near = np.minimum(
        np.hypot(x - np.rint(x), y - np.rint(y)),
        np.hypot(x - 0.5 - np.rint(x - 0.5), y - 0.5 - np.rint(y - 0.5)),
    )
    dots = np.clip((0.16 - near) * step + 0.5, 0, 1) * 0.34
    cloth = mixed(cloth, "#ffffff", dots)
    lay_on(paper, cloth, edge, edge, rounded(*inner, short * (stage.table.rounding - stage.table.edge)))
    return TableCard(paper, rounded(high, wide, short * stage.table.rounding), FINE, middle, stage)


@functools.lru_cache(maxsize=2)
def _grain(height: int, width: int) -> NDArray[np.float32]:
    tile = np.random.default_rng(1).normal(0, 0.6, (128, 128)).astype(np.float32)
    return np.tile(tile, (-(-height // 128), -(-width // 128)))[:height, :width]


def sky(style: FilmStyle, width: int, height: int, first: float = 0.0, last: float = 1.0) -> Bytes:
    """
    Return a frame of nothing but sky, from `first` to `last` of its height (0..1 is the film's frame).

    A grain of one level keeps the gradient from showing as steps.
    """
    frame = new_frame(width, height)
    planes = planes_of(frame)
    high, low = np.array(bgr(style.ground), np.float32), np.array(bgr(style.ground_low), np.float32)
    for target, rows in ((planes.luma, height), (planes.colour, height // 2)):
        share = np.clip(first + (last - first) * (np.arange(rows) + 0.5) / rows, 0, 1)[:, None]
        column = (high * (1 - share) + low * share) @ YUV_FROM_BGR.T + YUV_OFFSET
        if target is planes.luma:
            target[...] = _bytes(column[:, :1].astype(np.float32) + _grain(height, width))
        else:
            target[...] = _bytes(column)[:, None, 1:]
    return frame


@functools.lru_cache(maxsize=1)
def whole_sky(style: FilmStyle, size: Size) -> Bytes:
    """Return the film's sky, not to be written to."""
    frame = sky(style, size.width, size.height)
    frame.flags.writeable = False
    return frame


def _shadow(width: float, height: float, stage: TableGeometry) -> tuple[Haze, tuple[float, float]]:
    """Return the shadow of a card of so many composed pixels, and where the card's middle is on it."""
    offsets = [stage.height * offset / _COARSE for offset, _, _ in _SHADOWS]
    blurs = [max(0.5, stage.height * blur / _COARSE) for _, blur, _ in _SHADOWS]
    margin = int(np.ceil(2.6 * max(blurs) + max(offsets))) + 2
    wide, high = max(1, round(width / _COARSE)), max(1, round(height / _COARSE))
    shape = rounded(high, wide, min(high, wide) * stage.table.rounding)
    light = np.ones((high + 2 * margin, wide + 2 * margin), np.float32)
    padded = np.pad(shape, margin).astype(np.float32) / 255
    for offset, blur, (_, _, opacity) in zip(offsets, blurs, _SHADOWS, strict=True):
        moved = cv2.warpAffine(
            padded, np.array([[1, 0, 0], [0, 1, offset]]), (padded.shape[1], padded.shape[0])
        )
        light *= 1 - opacity * stage.table.shadow_share * np.asarray(
            cv2.GaussianBlur(moved, (0, 0), blur), np.float32
        )
    return Haze(_bytes((1 - light) * 255), stage.table.shadow), (light.shape[1] / 2, light.shape[0] / 2)


def _whole(length: float) -> int:
    return max(1, round(length))


def _bytes(value: object) -> Bytes:
    return np.ascontiguousarray(np.clip(np.rint(np.asarray(value, np.float32)), 0, 255).astype(np.uint8))
