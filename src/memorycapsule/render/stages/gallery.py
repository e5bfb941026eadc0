"""The gallery: framed works on the walls of rooms, each story in a room of its own; the museum theme."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from memorycapsule.domain.plan import Card, Clip, Gallery, MontagePlan, Move, Photo, Rect, Shot, Size
from memorycapsule.render.moving import ClipReader
from memorycapsule.render.painting import WHOLE, Painter, View, smooth
from memorycapsule.render.pictures import canvas_scale, read_picture
from memorycapsule.render.planes import MARGIN, Bytes, darken, planes_from_bgr, planes_of
from memorycapsule.render.stages.gallery_poster import entrance
from memorycapsule.render.stages.gallery_rooms import Wall, wall_colour
from memorycapsule.render.stages.gallery_walls import (
    Floats,
    Hanging,
    bare_wall,
    hang,
    hang_work,
    lit,
    pool,
    unit,
)
from memorycapsule.render.stages.gallery_words import (
    label_rows,
    label_size,
    letter_names,
    letter_text,
    put_label,
)

#: Nothing is enlarged by more than this at the nearest.
_LARGEST_SCALE = 2.0
#: At the end the lights go down by so much, over the last part of the shot.
_LIGHTS_DOWN, _GOING_DOWN = 0.72, 0.42


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


def _photo_wall(plan: MontagePlan, shot: Photo, stage: Gallery, pictures: Path) -> Wall:
    sources = (shot.source, *shot.beside)
    width, height, scale = _canvas_size(plan.size, shot.move)
    read = [read_picture(pictures, source, round(1.5 * scale * plan.size.height)) for source in sources]
    sizes = tuple((source.width, source.height) for source in sources)
    wall, light, hanging = _hung(plan, shot, stage, (width, height), sizes)
    for work, picture in zip(hanging.works, read, strict=True):
        inner = _fitted(picture, work.picture.width, work.picture.height)
        hang_work(wall, work, inner, _kind(picture), stage)
    return Wall(plan, shot, wall, light, shot.move)


class ClipWall(Wall):
    """A moving picture in a frame."""

    def __init__(self, plan: MontagePlan, shot: Clip, stage: Gallery, pictures: Path) -> None:
        move = _step(stage.wall_step)
        width, height, _ = _canvas_size(plan.size, move)
        sizes = ((shot.source.width, shot.source.height),)
        wall, light, hanging = _hung(plan, shot, stage, (width, height), sizes)
        work = hanging.works[0]
        self._place = work.picture
        self._clip = ClipReader(pictures, shot, self._place.width, self._place.height, plan.fps)
        # The frame is hung empty; each picture is put into it when it is shown.
        empty = np.zeros((self._place.height, self._place.width, 3), np.uint8)
        hang_work(wall, work, empty, _kind(self._clip.frame(0)), stage)
        super().__init__(plan, shot, wall, light, move)

    def paint(self, index: int, frame: Bytes) -> None:
        self.ready(index)
        super().paint(index, frame)

    def ready(self, index: int) -> None:
        shown, place = planes_of(self._clip.frame(index)), self._place
        top, left = MARGIN + place.y, MARGIN + place.x
        self._canvas.luma[top : top + place.height, left : left + place.width] = shown.luma
        area = slice(top // 2, (top + place.height) // 2), slice(left // 2, (left + place.width) // 2)
        self._canvas.colour[area] = shown.colour

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
    ) -> None:
        super().__init__(plan, card, picture, light, move)
        self._is_last = plan.shots[-1] == card
        self._frames = card.frames

    def paint(self, index: int, frame: Bytes) -> None:
        super().paint(index, frame)
        start = self._frames * (1 - _GOING_DOWN)
        if self._is_last and index > start:
            darken(frame, _LIGHTS_DOWN * smooth((index - start) / (0.7 * (self._frames - start))))


def _lettered_wall(plan: MontagePlan, card: Card, stage: Gallery) -> Wall:
    move = _step(stage.wall_step)
    width, height, _ = _canvas_size(plan.size, move)
    # Words want an evener light than works.
    light = 0.6 * pool(width, height, 0.44, 0.55)
    wall = lit(bare_wall(width, height, wall_colour(plan, card)), light)
    if card.role == "end":
        letter_names(wall, card, plan.style, stage)
        return NamesWall(plan, card, wall, light, move)
    letter_text(wall, card, plan.style, stage)
    return Wall(plan, card, wall, light, move)


class PosterPainter(Painter):
    """The poster at the entrance; a slow step towards it."""

    def __init__(self, plan: MontagePlan, card: Card, stage: Gallery) -> None:
        move = _step(stage.poster_step)
        width, height, _ = _canvas_size(plan.size, move)
        picture = planes_from_bgr(entrance(width, height, card, plan.style, stage))
        self._view = View(picture, move, plan.size, card.frames)

    def paint(self, index: int, frame: Bytes) -> None:
        self._view.show(index, frame)


def _step(step: float) -> Move:
    """Return a quiet step of `step` towards the middle of a wall."""
    near = 1 / step
    end = Rect(x=(1 - near) / 2, y=(1 - near) / 2, width=near, height=near)
    return Move(start=WHOLE, end=end)


def _hung(
    plan: MontagePlan,
    shot: Photo | Clip,
    stage: Gallery,
    canvas: tuple[int, int],
    sizes: tuple[tuple[int, int], ...],
) -> tuple[Bytes, Floats, Hanging]:
    """Return a lit wall with its label, its light, and where the works hang."""
    width, height = canvas
    scale = unit(width, height)
    rows = label_rows(shot.caption, plan.style, scale, round(0.8 * width)) if shot.caption else []
    move = _step(stage.wall_step) if isinstance(shot, Clip) else shot.move
    largest = _LARGEST_SCALE * width / plan.size.width * min(move.start.width, move.end.width)
    hanging = hang(width, height, sizes, label_size(rows, scale) if rows else (0, 0), largest)
    outer = [work.outer for work in hanging.works]
    middle = (outer[0].x + outer[-1].right) / 2 / width
    reach = max(0.4, 0.62 * (outer[-1].right - outer[0].x) / width)
    light = pool(width, height, middle, reach)
    wall = lit(bare_wall(width, height, wall_colour(plan, shot)), light)
    if rows:
        put_label(wall, hanging.label, rows, stage)
    return wall, light, hanging


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
