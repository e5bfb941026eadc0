"""
The gallery: framed works on the walls of rooms, each story in a room of its own; the museum theme.

Every shot is a stretch of wall as wide as the frame. Walls of one room go on into each other without a seam,
so that the camera walks from one stretch to the next.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.plan import Card, Clip, Gallery, MontagePlan, Move, Photo, Rect, Shot, Size
from memorycapsule.render.moving import ClipReader
from memorycapsule.render.overlays import bgr
from memorycapsule.render.painting import Painter, View, entrance_share, smooth
from memorycapsule.render.pictures import canvas_scale, read_picture
from memorycapsule.render.planes import (
    MARGIN,
    YUV_FROM_BGR,
    YUV_OFFSET,
    Bytes,
    darken,
    planes_from_bgr,
    planes_of,
    resample,
    with_margin,
)
from memorycapsule.render.stages.gallery_poster import entrance
from memorycapsule.render.stages.gallery_walls import (
    Box,
    Floats,
    Hanging,
    bare_wall,
    hang,
    hang_work,
    lit,
    pool,
    unit,
    unlit_share,
)
from memorycapsule.render.stages.gallery_words import (
    label_rows,
    label_size,
    letter_names,
    letter_text,
    put_label,
)

#: How long a lamp takes to rise, in seconds, and at which part of the entrance it begins.
_RISE_SECONDS, _RISE_FROM = 0.8, 0.72
#: Nothing is enlarged by more than this at the nearest.
_LARGEST_SCALE = 2.0
#: At the end the lights go down to this, over the last part of the shot.
_LIGHTS_DOWN, _GOING_DOWN = 0.72, 0.42
#: The doorway as it is first seen: its width, top and foot as parts of the frame, and how small the room beyond is.
_DOOR, _DOOR_ROWS, _BEYOND = 0.2, (0.2, 0.93), 0.7
#: In so many steps of brightness the sides of a doorway are drawn.
_SIDES = 7
#: Until this part of a doorway the old room gets dark; from that on the new one is seen.
_DARK_AT, _SEEN_FROM = 0.38, 0.36


def open_painter(plan: MontagePlan, shot: Shot, pictures: Path) -> Painter:
    """Prepare a shot: decode its pictures, hang them, letter its words. Raises RenderFailed."""
    stage = plan.style.stage
    assert isinstance(stage, Gallery)
    match shot:
        case Photo():
            return _photo_wall(plan, shot, stage, pictures)
        case Clip():
            return ClipWall(plan, shot, stage, pictures)
        case Card(role="title" | "prologue"):
            return PosterPainter(plan, shot, stage)
        case Card():
            return _lettered_wall(plan, shot, stage)


class Wall(Painter):
    """
    A lit stretch of wall, towards which the camera moves, and into which one can come on foot.

    `picture` is all of it, BGR, `light` the lamp's share (rows, columns), `detail` what needs the finest
    sampling; `move` is over the picture.
    """

    def __init__(
        self,
        plan: MontagePlan,
        shot: Shot,
        picture: Bytes,
        light: Floats,
        move: Move,
        detail: tuple[Box, ...],
    ) -> None:
        size = plan.size
        self.colour = wall_colour(plan, shot)
        self._entrance, self._fps = shot.entrance, plan.fps
        self._size, self._move, self._last = size, move, max(1, shot.frames - 1)
        self._canvas = with_margin(planes_from_bgr(picture))
        self._height, self._width = picture.shape[:2]
        self._detail = _surroundings(detail, self._width, self._height)
        self._dusk = _Dusk(light, size)

    def paint(self, index: int, frame: Bytes) -> None:
        self._stand(self._view(index), frame)
        self._dusk.lay(frame, 1 - self._lamp(index), 0, self._size.width, 0)

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        if self._entrance == "walk" and isinstance(before, Wall) and before.colour == self.colour:
            self._walk(index, before, before_index, frame)
        elif self._entrance in {"walk", "doorway"}:
            self._come_through(index, before, before_index, frame, spare)
        else:
            super().enter(index, before, before_index, frame, spare)

    def _lamp(self, index: int) -> float:
        """Return how far the lamp is lit; 0..1."""
        if not self.entrance_frames:
            return 1.0
        return smooth((index - _RISE_FROM * self.entrance_frames) / (_RISE_SECONDS * self._fps))

    def _view(self, index: int) -> Rect:
        return _between(self._move.start, self._move.end, index / self._last)

    def _stand(self, view: Rect, frame: Bytes) -> None:
        """Show a view with what hangs there as fine as can be, and the bare wall around it a little quicker."""
        step = view.width * self._width / self._size.width
        x = max(0.0, view.x * self._width)
        y = max(0.0, min(view.y * self._height, self._height - step * self._size.height))
        box = self._detail
        left, right = (_even((edge - x) / step, self._size.width) for edge in (box.x, box.right))
        top, low = (_even((edge - y) / step, self._size.height) for edge in (box.y, box.low))
        width, height = self._size.width, self._size.height
        for area, way in (
            ((left, top, right, low), cv2.INTER_CUBIC),
            ((0, 0, width, top), cv2.INTER_LINEAR),
            ((0, low, width, height), cv2.INTER_LINEAR),
            ((0, top, left, low), cv2.INTER_LINEAR),
            ((right, top, width, low), cv2.INTER_LINEAR),
        ):
            self._luma(x, y, step, frame, area, way)
        self._colour(x, y, step, frame, (0, width))

    def _luma(
        self, x: float, y: float, step: float, frame: Bytes, area: tuple[int, int, int, int], way: int
    ) -> None:
        left, top, right, low = area
        if right > left and low > top:
            target = planes_of(frame).luma[top:low, left:right]
            resample(self._canvas.luma, x + left * step + MARGIN, y + top * step + MARGIN, step, target, way)

    def _colour(self, x: float, y: float, step: float, frame: Bytes, columns: tuple[int, int]) -> None:
        left, right = columns
        target = planes_of(frame).colour[:, left // 2 : right // 2]
        half = MARGIN // 2
        start = (x + left * step) / 2 + half
        resample(self._canvas.colour, start, y / 2 + half, step, target, cv2.INTER_LINEAR)

    def _pass(self, view: Rect, frame: Bytes, columns: tuple[int, int]) -> None:
        """Show some columns of a view that may begin left or right of the wall."""
        if columns[1] <= columns[0]:
            return
        step = view.width * self._width / self._size.width
        x = view.x * self._width
        y = max(0.0, min(view.y * self._height, self._height - step * self._size.height))
        self._luma(x, y, step, frame, (columns[0], 0, columns[1], self._size.height), cv2.INTER_CUBIC)
        self._colour(x, y, step, frame, columns)

    def _walk(self, index: int, before: Wall, before_index: int, frame: Bytes) -> None:
        """Walk along the wall from one stretch to the next; its lamp goes down behind us, the next one rises."""
        share = entrance_share(index, self.entrance_frames)
        old, new = before.before_walk(before_index), self._view(index)
        view = _between(old, Rect(x=new.x + 1, y=new.y, width=new.width, height=new.height), share)
        width = self._size.width
        seam = _even((1 - view.x) / view.width * width, width)
        before._pass(view, frame, (0, seam))
        beyond = Rect(x=view.x - 1, y=view.y, width=view.width, height=view.height)
        self._pass(beyond, frame, (seam, width))
        behind = before._lamp(before_index) * (1 - smooth(1.5 * share))
        before._dusk.lay(frame, 1 - behind, 0, seam, width - seam)
        self._dusk.lay(frame, 1 - self._lamp(index), seam, width, -seam)

    def before_walk(self, index: int) -> Rect:
        """Prepare frame `index`, for a walk away from here, and return what it shows."""
        return self._view(index)

    def _come_through(
        self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes
    ) -> None:
        """The old room gets dark, then the next one is seen through its doorway, which we pass."""
        share = (index + 1) / (self.entrance_frames + 1)
        before.paint(before_index, frame)
        darken(frame, smooth(share / _DARK_AT))
        if share <= _SEEN_FROM:
            return
        self.paint(index, spare)
        near = (share - _SEEN_FROM) / (1 - _SEEN_FROM)
        near *= 1.5 - near / 2
        door = _doorway(near, self._size)
        # It gets light beyond the doorway as we come near; some of it falls on the sides of the doorway.
        light = smooth(0.15 + 1.9 * near)
        for part in range(_SIDES):
            inward = (part + 1) / _SIDES
            side = door.grown(2 * round(0.065 * (1 - inward) * door.width))
            _fill(frame, side, 0.5 * light * inward * np.array(bgr(self.colour)))
        darken(spare, 1 - light)
        _see_through(door, spare, max(_BEYOND + (1 - _BEYOND) * near, door.width / self._size.width), frame)


def _doorway(near: float, size: Size) -> Box:
    """Return where a doorway is in the frame, from far away (0) to all of the frame (1); all edges are even."""
    wide = _DOOR ** (1 - near)
    share = (wide - _DOOR) / (1 - _DOOR)
    top, low = _DOOR_ROWS[0] * (1 - share), _DOOR_ROWS[1] + (1 - _DOOR_ROWS[1]) * share
    left, right = (_even((0.5 + side * wide / 2) * size.width, size.width) for side in (-1, 1))
    high, deep = _even(top * size.height, size.height), _even(low * size.height, size.height)
    return Box(left, high, max(2, right - left), max(2, deep - high))


def _see_through(door: Box, room: Bytes, zoom: float, frame: Bytes) -> None:
    """Show what of a room, as small as `zoom` says around the middle, is seen through a doorway, in place."""
    seen, target = planes_of(room), planes_of(frame)
    height, width = seen.luma.shape
    for plane, below, halves in ((seen.luma, target.luma, 1), (seen.colour, target.colour, 2)):
        shift = ((1 - zoom) * width / 2 - door.x) / halves, ((1 - zoom) * height / 2 - door.y) / halves
        matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        size = (door.width // halves, door.height // halves)
        made = cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        below[door.y // halves : door.low // halves, door.x // halves : door.right // halves] = made


def _fill(frame: Bytes, box: Box, colour: NDArray[np.float64]) -> None:
    """Fill a rectangle with even edges with blue, green and red, in place; what is outside the frame is cut off."""
    luma, *colours = YUV_FROM_BGR @ colour + YUV_OFFSET
    planes = planes_of(frame)
    top, left = max(0, box.y), max(0, box.x)
    planes.luma[top : max(0, box.low), left : max(0, box.right)] = round(luma)
    area = (slice(top // 2, max(0, box.low) // 2), slice(left // 2, max(0, box.right) // 2))
    planes.colour[area] = np.rint(colours)


class _Dusk:
    """How dark a stretch of wall is while its lamp is off, for the columns of a frame."""

    def __init__(self, light: Floats, size: Size) -> None:
        share = cv2.resize(unlit_share(light), (size.width, size.height), interpolation=cv2.INTER_AREA)
        self._share = np.clip(np.rint(np.asarray(share) * 255), 0, 255).astype(np.uint8)
        half = cv2.resize(self._share, (size.width // 2, size.height // 2), interpolation=cv2.INTER_AREA)
        self._half = np.asarray(cv2.merge([half, half]), np.uint8)

    def lay(self, frame: Bytes, opacity: float, left: int, right: int, shift: int) -> None:
        """Darken columns `left` to `right` of a frame, in place, as `shift` columns further on here."""
        if opacity <= 0 or right <= left:
            return
        planes = planes_of(frame)
        _dim(planes.luma[:, left:right], self._share[:, left + shift : right + shift], opacity, 16)
        columns = slice(left // 2, right // 2)
        _dim(
            planes.colour[:, columns],
            self._half[:, left // 2 + shift // 2 : right // 2 + shift // 2],
            opacity,
            128,
        )


def _dim(target: Bytes, share: Bytes, opacity: float, black: int) -> None:
    through = cv2.convertScaleAbs(share, alpha=-opacity, beta=255)
    lost = cv2.convertScaleAbs(share, alpha=opacity * black / 255)
    target[...] = cv2.add(cv2.multiply(target, through, scale=1 / 255), lost)


def _photo_wall(plan: MontagePlan, shot: Photo, stage: Gallery, pictures: Path) -> Wall:
    sources = (shot.source, *shot.beside)
    width, height, scale = _canvas_size(plan.size, shot.move)
    read = [read_picture(pictures, source, round(1.5 * scale * plan.size.height)) for source in sources]
    sizes = tuple((source.width, source.height) for source in sources)
    wall, light, hanging, detail = _hung(plan, shot, stage, (width, height), sizes)
    for work, picture in zip(hanging.works, read, strict=True):
        inner = _fitted(picture, work.picture.width, work.picture.height)
        hang_work(wall, work, inner, _kind(picture), stage)
    return Wall(plan, shot, wall, light, shot.move, detail)


class ClipWall(Wall):
    """A moving picture in a frame."""

    def __init__(self, plan: MontagePlan, shot: Clip, stage: Gallery, pictures: Path) -> None:
        move = drift_of(stage.wall_step)
        width, height, _ = _canvas_size(plan.size, move)
        sizes = ((shot.source.width, shot.source.height),)
        wall, light, hanging, detail = _hung(plan, shot, stage, (width, height), sizes)
        work = hanging.works[0]
        # Whole colour samples: even places and edges, which move the picture by a pixel at most.
        inner = work.picture
        self._place = Box(
            inner.x + inner.x % 2, inner.y + inner.y % 2, inner.width // 2 * 2, inner.height // 2 * 2
        )
        self._clip = ClipReader(pictures, shot, self._place.width, self._place.height, plan.fps)
        first = self._clip.frame(0)
        still = np.asarray(cv2.cvtColor(first, cv2.COLOR_YUV2BGR_NV12), np.uint8)
        hang_work(wall, work, _fitted(still, inner.width, inner.height), _kind(first), stage)
        super().__init__(plan, shot, wall, light, move, detail)

    def paint(self, index: int, frame: Bytes) -> None:
        self._play(index)
        super().paint(index, frame)

    def before_walk(self, index: int) -> Rect:
        self._play(index)
        return super().before_walk(index)

    def _walk(self, index: int, before: Wall, before_index: int, frame: Bytes) -> None:
        self._play(index)
        super()._walk(index, before, before_index, frame)

    def _play(self, index: int) -> None:
        """Put the picture of a frame into its place on the wall."""
        shown, place = planes_of(self._clip.frame(index)), self._place
        top, left = MARGIN + place.y, MARGIN + place.x
        self._canvas.luma[top : top + place.height, left : left + place.width] = shown.luma
        self._canvas.colour[top // 2 : (top + place.height) // 2, left // 2 : (left + place.width) // 2] = (
            shown.colour
        )

    def close(self) -> None:
        self._clip.close()


class NamesWall(Wall):
    """The last wall, with everybody's names; at the end of the film its lights go down."""

    def __init__(
        self,
        plan: MontagePlan,
        card: Card,
        picture: Bytes,
        light: Floats,
        move: Move,
        detail: tuple[Box, ...],
    ) -> None:
        super().__init__(plan, card, picture, light, move, detail)
        self._is_last = plan.shots[-1] == card
        self._frames = card.frames

    def paint(self, index: int, frame: Bytes) -> None:
        super().paint(index, frame)
        start = self._frames * (1 - _GOING_DOWN)
        if self._is_last and index > start:
            darken(frame, _LIGHTS_DOWN * smooth((index - start) / (0.7 * (self._frames - start))))


def _lettered_wall(plan: MontagePlan, card: Card, stage: Gallery) -> Wall:
    move = drift_of(stage.wall_step)
    width, height, _ = _canvas_size(plan.size, move)
    # Words want an evener light than works.
    light = 0.6 * pool(width, height, 0.44, 0.55)
    wall = lit(bare_wall(width, height, wall_colour(plan, card)), light)
    whole = (Box(round(0.1 * width), round(0.08 * height), round(0.8 * width), round(0.82 * height)),)
    if card.role == "end":
        letter_names(wall, card, plan.style, stage)
        return NamesWall(plan, card, wall, light, move, whole)
    letter_text(wall, card, plan.style, stage)
    return Wall(plan, card, wall, light, move, whole)


class PosterPainter(Painter):
    """The poster at the entrance; a slow step towards it."""

    def __init__(self, plan: MontagePlan, card: Card, stage: Gallery) -> None:
        move = drift_of(stage.poster_step)
        width, height, _ = _canvas_size(plan.size, move)
        picture = planes_from_bgr(entrance(width, height, card, plan.style, stage))
        self._view = View(picture, move, plan.size, card.frames)

    def paint(self, index: int, frame: Bytes) -> None:
        self._view.show(index, frame)


def drift_of(step: float) -> Move:
    """Return a quiet step of `step` towards the middle of a wall."""
    near = 1 / step
    end = Rect(x=(1 - near) / 2, y=(1 - near) / 2, width=near, height=near)
    return Move(start=Rect(x=0, y=0, width=1, height=1), end=end)


def wall_colour(plan: MontagePlan, shot: Shot) -> str:
    """Return the colour of the room of a shot."""
    stage = plan.style.stage
    assert isinstance(stage, Gallery)
    if isinstance(shot, Card) and shot.role == "end":
        return stage.last_wall
    return stage.walls[shot.room % len(stage.walls)]


def _hung(
    plan: MontagePlan,
    shot: Photo | Clip,
    stage: Gallery,
    canvas: tuple[int, int],
    sizes: tuple[tuple[int, int], ...],
) -> tuple[Bytes, Floats, Hanging, tuple[Box, ...]]:
    """Return a lit wall with its label, its light, where the works hang, and what there is to be seen."""
    width, height = canvas
    scale = unit(width, height)
    rows = label_rows(shot.caption, plan.style, scale, round(0.8 * width)) if shot.caption else []
    move = drift_of(stage.wall_step) if isinstance(shot, Clip) else shot.move
    largest = _LARGEST_SCALE * width / plan.size.width * min(move.start.width, move.end.width)
    hanging = hang(width, height, sizes, label_size(rows, scale) if rows else (0, 0), largest)
    outer = [work.outer for work in hanging.works]
    middle = (outer[0].x + outer[-1].right) / 2 / width
    reach = max(0.4, 0.62 * (outer[-1].right - outer[0].x) / width)
    light = pool(width, height, middle, reach)
    wall = lit(bare_wall(width, height, wall_colour(plan, shot)), light)
    if rows:
        outer.append(put_label(wall, hanging.label, rows, stage))
    return wall, light, hanging, tuple(outer)


def _canvas_size(size: Size, move: Move) -> tuple[int, int, float]:
    """Return width and height of a wall's canvas, both even, and how many of its pixels one of the frame's is."""
    scale = canvas_scale(move)
    width = 2 * round(size.width * scale / 2)
    return width, 2 * round(width / size.aspect / 2), scale


def _fitted(picture: Bytes, width: int, height: int) -> Bytes:
    way = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def _kind(picture: Bytes) -> int:
    """Return the kind of frame for a picture; the same for the same picture wherever it hangs."""
    return sha256(np.ascontiguousarray(picture[::31, ::31]).tobytes()).digest()[0]


def _surroundings(boxes: tuple[Box, ...], width: int, height: int) -> Box:
    left, top = max(0, min(box.x for box in boxes) - 6), max(0, min(box.y for box in boxes) - 6)
    right = min(width, max(box.right for box in boxes) + 6)
    low = min(height, max(box.low for box in boxes) + 6)
    return Box(left, top, right - left, low - top)


def _between(start: Rect, end: Rect, share: float) -> Rect:
    def mix(first: float, second: float) -> float:
        return first + (second - first) * share

    return Rect(
        x=mix(start.x, end.x),
        y=mix(start.y, end.y),
        width=mix(start.width, end.width),
        height=mix(start.height, end.height),
    )


def _even(place: float, most: int) -> int:
    """Return the nearest even pixel inside a frame."""
    return max(0, min(most, 2 * round(place / 2)))
