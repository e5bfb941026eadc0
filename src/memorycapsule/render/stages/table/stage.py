"""The table: cards with pictures under a summer sky, turning and fanned out; the photo card theme."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from memorycapsule.domain.film.framing import is_panorama
from memorycapsule.domain.film.plan import Card, Clip, MontagePlan, Move, Photo, Shot
from memorycapsule.render.clip_reader import ClipReader
from memorycapsule.render.painting import WHOLE, Painter, smooth
from memorycapsule.render.pictures import canvas_scale, read_picture
from memorycapsule.render.planes import (
    Bytes,
    new_frame,
    planes_from_bgr,
    planes_of,
    sample,
    with_margin,
)
from memorycapsule.render.sprites import Sprite
from memorycapsule.render.stages.table import pages
from memorycapsule.render.stages.table.cards import (
    FINE,
    Place,
    TableCard,
    ViewTransform,
    arranged,
    blank_card,
    picture_card,
    sky,
    stage_of,
)
from memorycapsule.render.stages.table.paper import rounded
from memorycapsule.render.stages.table.title import TitlePainter
from memorycapsule.render.stages.table.turns import CardText, OnTable

_STILL = Move(start=WHOLE, end=WHOLE)
#: A panorama is seen through a card of at most this shape.
_PANORAMA_CARD = 2.5
#: Room around a canvas, in composed pixels.
_ROOM = 4


def open_painter(plan: MontagePlan, shot: Shot, pictures: Path) -> Painter:
    """Return the painter of a shot: makes its cards, sets its text. Raises RenderFailed."""
    if isinstance(shot, Clip):
        return TableClipPainter(plan, shot, pictures)
    if isinstance(shot, Photo):
        if not shot.beside and is_panorama(plan.size, shot.source.width, shot.source.height):
            return PanoramaPainter(plan, shot, pictures)
        return TablePhotoPainter(plan, shot, pictures)
    if shot.role == "title":
        return TitlePainter(plan, shot, pictures)
    if shot.role == "end":
        return pages.TableEndPainter(plan, shot, pictures)
    return TextPainter(plan, shot)


class _Drifting(OnTable):
    """Still cards over which the film slowly moves. They are drawn once on a canvas, and resampled for each frame."""

    def __init__(
        self, plan: MontagePlan, shot: Photo | Card, table_cards: Sequence[TableCard], words: CardText
    ) -> None:
        move = shot.move or _STILL
        super().__init__(plan, shot, table_cards, words, move)
        size = plan.size
        edges = np.array(
            [
                table_card.bounds(ViewTransform.at(move, end, size))
                for table_card in table_cards
                for end in (0.0, 1.0)
            ]
        ).reshape(-1, 4)
        left, top = (max(0, 2 * int(edge / 2)) for edge in edges[:, :2].min(axis=0))
        right = min(size.width, 2 * math.ceil(edges[:, 2].max() / 2))
        low = min(size.height, 2 * math.ceil(edges[:, 3].max() / 2))
        self._left, self._top = left, top
        self._part = new_frame(right - left, low - top)
        # The canvas covers every part of the composed frame that these cards show during the move.
        views = [ViewTransform.at(move, end, size) for end in (0.0, 1.0)]
        x = min((left - view.x) / view.zoom for view in views) - _ROOM
        y = min((top - view.y) / view.zoom for view in views) - _ROOM
        wide = max((right - view.x) / view.zoom for view in views) + _ROOM - x
        high = max((low - view.y) / view.zoom for view in views) + _ROOM - y
        self._scale = canvas_scale(move)
        width, height = (2 * math.ceil(edge * self._scale / 2) for edge in (wide, high))
        self._x, self._y = x, y
        bottom = y + height / self._scale
        canvas = sky(plan.style, width, height, y / size.height, bottom / size.height)
        for table_card in table_cards:
            table_card.lay(canvas, ViewTransform(self._scale, -x * self._scale, -y * self._scale))
        self._canvas = with_margin(planes_of(canvas))

    def paint(self, index: int, frame: Bytes) -> None:
        frame[...] = self.sky
        view = self.view(index)
        x = ((self._left - view.x) / view.zoom - self._x) * self._scale
        y = ((self._top - view.y) / view.zoom - self._y) * self._scale
        sample(self._canvas, x, y, self._scale / view.zoom, self._part)
        _put(frame, self._part, self._left, self._top)
        self.lay_words(index, frame)


class TablePhotoPainter(_Drifting):
    """One picture, or up to three side by side, each on a card."""

    def __init__(self, plan: MontagePlan, shot: Photo, pictures: Path) -> None:
        sources = (shot.source, *shot.beside)
        shapes = [(source.width, source.height) for source in sources]
        words = CardText(plan, shot)
        places = arranged(plan.size, shapes, shot.tilt, words.top)
        stage, zoom = stage_of(plan.size, plan.style), canvas_scale(shot.move)
        table_cards = [
            picture_card(read_picture(pictures, source, _long_side(place, zoom)), place, stage, zoom)
            for source, place in zip(sources, places, strict=True)
        ]
        super().__init__(plan, shot, table_cards, words)


class TextPainter(_Drifting):
    """A story without pictures, written on a card."""

    is_page = True

    def __init__(self, plan: MontagePlan, card: Card) -> None:
        zoom = canvas_scale(card.move or _STILL)
        table_card = pages.text_card(plan.size, plan.style, card, stage_of(plan.size, plan.style), zoom)
        super().__init__(plan, card, [table_card], CardText(plan, card))


class _StillCard(OnTable):
    """A still card with a moving picture on it."""

    def __init__(self, plan: MontagePlan, shot: Photo | Clip, place: Place, words: CardText) -> None:
        stage = stage_of(plan.size, plan.style)
        table_card = blank_card(place, stage)
        super().__init__(plan, shot, [table_card], words, _STILL)
        self._still = self.sky.copy()
        table_card.lay(self._still, ViewTransform())
        wide, high = (_even(edge) for edge in place.picture)
        mask = rounded(high, wide, place.short * (stage.table.rounding - stage.table.edge))
        table_card.screen = self._screen = Sprite(np.zeros((high, wide, 3), np.uint8), mask)

    @abstractmethod
    def picture(self, index: int) -> Bytes:
        """Return what is on the card in frame `index`, of the screen's size."""

    def refresh(self, index: int) -> None:
        self._screen.show(self.picture(index))

    def paint(self, index: int, frame: Bytes) -> None:
        self.refresh(index)
        frame[...] = self._still
        for table_card in self.cards:
            table_card.lay_screen(frame, ViewTransform())
        self.lay_words(index, frame)


class TableClipPainter(_StillCard):
    """A clip playing on a card."""

    def __init__(self, plan: MontagePlan, shot: Clip, pictures: Path) -> None:
        shape = (shot.source.width, shot.source.height)
        words = CardText(plan, shot)
        (place,) = arranged(plan.size, [shape], shot.tilt, words.top)
        super().__init__(plan, shot, place, words)
        self._clip = ClipReader(pictures, shot, self._screen.width, self._screen.height, plan.fps)

    def picture(self, index: int) -> Bytes:
        return self._clip.frame(index)

    def close(self) -> None:
        self._clip.close()


class PanoramaPainter(_StillCard):
    """A panorama on a wide card, going by from end to end."""

    def __init__(self, plan: MontagePlan, shot: Photo, pictures: Path) -> None:
        source, size = shot.source, plan.size
        shape = (round(source.height * min(_PANORAMA_CARD, source.width / source.height)), source.height)
        words = CardText(plan, shot)
        (place,) = arranged(size, [shape], 0.0, words.top)
        wide, high = (_even(edge) for edge in place.picture)
        # The card lies on whole even pixels, so that nothing but the picture is resampled.
        x, y = (
            2 * round((middle - edge / 2) / 2) + edge / 2
            for middle, edge in ((place.x, wide), (place.y, high))
        )
        place = Place(x, y, wide, high, (wide, high), 0.0)
        super().__init__(plan, shot, place, words)
        self._frames = shot.frames
        self._step = canvas_scale(_STILL)
        picture = read_picture(pictures, source, round(source.width / source.height * high * self._step))
        tall = _even(high * self._step)
        long = _even(max(wide * self._step, tall * source.width / source.height))
        way = cv2.INTER_AREA if long < picture.shape[1] else cv2.INTER_CUBIC
        self._canvas = with_margin(
            planes_from_bgr(np.asarray(cv2.resize(picture, (long, tall), interpolation=way), np.uint8))
        )
        self._spare = max(0.0, long - wide * self._step)
        self._window = new_frame(wide, high)

    def picture(self, index: int) -> Bytes:
        # It rests for a moment at either end.
        share = smooth(index / max(1, self._frames - 1))
        sample(self._canvas, self._spare * share, 0.0, self._step, self._window)
        return self._window


def _long_side(place: Place, zoom: float) -> int:
    return round(max(place.picture) * FINE * zoom)


def _put(frame: Bytes, part: Bytes, x: int, y: int) -> None:
    target, inner = planes_of(frame), planes_of(part)
    high, wide = inner.luma.shape
    target.luma[y : y + high, x : x + wide] = inner.luma
    target.colour[y // 2 : (y + high) // 2, x // 2 : (x + wide) // 2] = inner.colour


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))
