"""The gallery: framed works on the walls of rooms, each story in a room of its own; the museum theme."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from memorycapsule.domain.film.plan import (
    Card,
    Clip,
    GalleryStage,
    MontagePlan,
    Move,
    Photo,
    Rect,
    Shot,
    Source,
)
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.clip_reader import ClipReader
from memorycapsule.render.painting import WHOLE, Painter, View, smooth
from memorycapsule.render.pictures import canvas_scale, read_picture
from memorycapsule.render.planes import MARGIN, Bytes, darken, planes_from_bgr, planes_of
from memorycapsule.render.stages.gallery.poster import entrance
from memorycapsule.render.stages.gallery.rooms import Wall, wall_colour
from memorycapsule.render.stages.gallery.walls import (
    UNLIT,
    bare_wall,
    hang,
    hang_work,
    lit,
    pool,
    unit,
    unlit,
)
from memorycapsule.render.stages.gallery.words import (
    label_rows,
    label_size,
    put_label,
    typeset_names,
    typeset_text,
)

#: No picture is enlarged by more than this at the closest.
_LARGEST_SCALE = 2.0
#: At the end the lights go down by so much, over the last part of the shot.
_LIGHTS_DOWN, _GOING_DOWN = 0.72, 0.42


def open_painter(plan: MontagePlan, shot: Shot, pictures: Path) -> Painter:
    """Return the painter of a shot: decodes its pictures, hangs them, sets its text. Raises RenderFailed."""
    stage = plan.style.stage
    assert isinstance(stage, GalleryStage)
    match shot:
        case Photo():
            return _photo_wall(plan, shot, stage, pictures)
        case Clip():
            return ClipWall(plan, shot, stage, pictures)
        case Card(role="title" | "prologue"):
            return PosterPainter(plan, shot, stage)
        case Card():
            return _text_wall(plan, shot, stage)


def _photo_wall(plan: MontagePlan, shot: Photo, stage: GalleryStage, pictures: Path) -> Wall:
    sources = (shot.source, *shot.beside)
    hung = _Hung(plan, shot, stage, shot.move, sources)
    for work, source in zip(hung.works, sources, strict=True):
        picture = read_picture(pictures, source, hung.wall.shape[1])
        inner = _fitted(picture, work.picture.width, work.picture.height)
        hang_work(hung.wall, work, inner, _kind(picture), stage)
    return Wall(plan, shot, hung.wall, hung.unlit(), shot.move)


class ClipWall(Wall):
    """A moving picture in a frame."""

    def __init__(self, plan: MontagePlan, shot: Clip, stage: GalleryStage, pictures: Path) -> None:
        move = _step(stage.wall_step)
        hung = _Hung(plan, shot, stage, move, (shot.source,))
        work = hung.works[0]
        self._place = work.picture
        self._clip = ClipReader(pictures, shot, self._place.width, self._place.height, plan.fps)
        # The frame is hung empty. `refresh` puts each picture of the clip into it.
        empty = np.zeros((self._place.height, self._place.width, 3), np.uint8)
        hang_work(hung.wall, work, empty, _kind(self._clip.frame(0)), stage)
        super().__init__(plan, shot, hung.wall, hung.unlit(), move)

    def refresh(self, index: int) -> None:
        shown, place = planes_of(self._clip.frame(index)), self._place
        top, left = MARGIN + place.y, MARGIN + place.x
        rows, columns = slice(top, top + place.height), slice(left, left + place.width)
        halves = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
        self._lit.luma[rows, columns] = shown.luma
        self._lit.colour[halves] = shown.colour
        self._dark.luma[rows, columns] = cv2.convertScaleAbs(shown.luma, alpha=UNLIT, beta=16 * (1 - UNLIT))
        self._dark.colour[halves] = cv2.convertScaleAbs(shown.colour, alpha=UNLIT, beta=128 * (1 - UNLIT))

    def close(self) -> None:
        self._clip.close()


class NamesWall(Wall):
    """The last wall, with everybody's names; at the end of the film its lights go down."""

    def __init__(self, plan: MontagePlan, card: Card, picture: Bytes, dark: Bytes, move: Move) -> None:
        super().__init__(plan, card, picture, dark, move)
        self._is_last = plan.shots[-1] == card
        self._frames = card.frames

    def paint(self, index: int, frame: Bytes) -> None:
        super().paint(index, frame)
        start = self._frames * (1 - _GOING_DOWN)
        if self._is_last and index > start:
            darken(frame, _LIGHTS_DOWN * smooth((index - start) / (0.7 * (self._frames - start))))


def _text_wall(plan: MontagePlan, card: Card, stage: GalleryStage) -> Wall:
    move = _step(stage.wall_step)
    width, height = _canvas_size(plan.size, move)
    # Text needs a more even light than pictures do.
    light = 0.6 * pool(width, height, 0.44, 0.55)
    colour = wall_colour(plan, card)
    wall = lit(bare_wall(width, height, colour), light)
    is_end = card.role == "end"
    (typeset_names if is_end else typeset_text)(wall, card, plan.style, stage)
    return (NamesWall if is_end else Wall)(plan, card, wall, unlit(wall, light, colour, ()), move)


class PosterPainter(Painter):
    """The poster at the entrance; a slow step towards it."""

    def __init__(self, plan: MontagePlan, card: Card, stage: GalleryStage) -> None:
        move = _step(stage.poster_step)
        width, height = _canvas_size(plan.size, move)
        picture = planes_from_bgr(entrance(width, height, card, plan.style, stage))
        self._view = View(picture, move, plan.size, card.frames)

    def paint(self, index: int, frame: Bytes) -> None:
        self._view.show(index, frame)


def _step(step: float) -> Move:
    """Return a quiet step of `step` towards the middle of a wall."""
    near = 1 / step
    end = Rect(x=(1 - near) / 2, y=(1 - near) / 2, width=near, height=near)
    return Move(start=WHOLE, end=end)


class _Hung:
    """A lit wall with its label, and the places of its works."""

    def __init__(
        self,
        plan: MontagePlan,
        shot: Photo | Clip,
        stage: GalleryStage,
        move: Move,
        sources: tuple[Source, ...],
    ) -> None:
        width, height = _canvas_size(plan.size, move)
        scale = unit(width, height)
        rows = label_rows(shot.caption, plan.style, scale, round(0.8 * width)) if shot.caption else []
        largest = _LARGEST_SCALE * width / plan.size.width * min(move.start.width, move.end.width)
        sizes = tuple((source.width, source.height) for source in sources)
        hanging = hang(width, height, sizes, label_size(rows, scale) if rows else (0, 0), largest)
        self.works = hanging.works
        self._things = [work.outer for work in self.works]
        left, right = self._things[0].x / width, self._things[-1].right / width
        self._light = pool(width, height, (left + right) / 2, max(0.4, 0.62 * (right - left)))
        self._colour = wall_colour(plan, shot)
        self.wall = lit(bare_wall(width, height, self._colour), self._light)
        if rows:
            self._things.append(put_label(self.wall, hanging.label, rows, stage))

    def unlit(self) -> Bytes:
        """Return the wall as it is now with its lamp off."""
        return unlit(self.wall, self._light, self._colour, tuple(self._things))


def _canvas_size(size: Size, move: Move) -> tuple[int, int]:
    """Return width and height of a wall's canvas, both even."""
    width = 2 * round(size.width * canvas_scale(move) / 2)
    return width, 2 * round(width / size.aspect / 2)


def _fitted(picture: Bytes, width: int, height: int) -> Bytes:
    way = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def _kind(picture: Bytes) -> int:
    """Return the kind of frame for a picture; it is the same wherever the picture hangs."""
    return sha256(np.ascontiguousarray(picture[::31, ::31]).tobytes()).digest()[0]
