"""The screen: full-screen pictures, slow pan and zoom, crossfades; the classic theme."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from memorycapsule.domain.film.plan import Caption, Card, Clip, MontagePlan, Move, Photo, Shot, sources_of
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.clip_reader import ClipReader
from memorycapsule.render.overlays import Overlay, caption_overlay, card_overlay
from memorycapsule.render.painting import WHOLE, Painter, View, smooth
from memorycapsule.render.pictures import (
    BACKDROP_SIDE,
    blurred,
    card_canvas,
    needed_side,
    photo_canvas,
    read_picture,
)
from memorycapsule.render.planes import Bytes, Planes, blend, new_frame, planes_from_bgr, planes_of

#: How much of the frame an inset clip takes.
_INSET_CLIP = 0.94


def open_painter(plan: MontagePlan, shot: Shot, pictures: Path) -> Painter:
    """Return the painter of a shot: decodes its picture, sets its text. Raises RenderFailed."""
    if isinstance(shot, Photo):
        return ScreenPhotoPainter(plan, shot, pictures)
    if isinstance(shot, Clip):
        return ScreenClipPainter(plan, shot, pictures)
    return CardPainter(plan, shot, pictures)


class ScreenPhotoPainter(Painter):
    """A still picture, moving slowly, with its caption."""

    def __init__(self, plan: MontagePlan, shot: Photo, pictures: Path) -> None:
        side = 0 if shot.beside else needed_side(shot, plan.size)
        found = [read_picture(pictures, source, side) for source in sources_of(shot)]
        canvas = photo_canvas(found, shot, plan.size, plan.style)
        self._view = View(canvas, shot.move, plan.size, shot.frames)
        self._words = _Words(plan, shot.caption)

    def paint(self, index: int, frame: Bytes) -> None:
        self._view.show(index, frame)
        self._words.lay_over(index, frame)


class CardPainter(Painter):
    """Text on the theme's ground, moving together with it. The text of the title card fades in."""

    def __init__(self, plan: MontagePlan, card: Card, pictures: Path) -> None:
        backdrop = read_picture(pictures, card.backdrop, BACKDROP_SIDE) if card.backdrop else None
        bare = card_canvas(backdrop, card, plan.size, plan.style)
        height, width = bare.luma.shape
        with_words = new_frame(width, height)
        planes = planes_of(with_words)
        planes.luma[...], planes.colour[...] = bare.luma, bare.colour
        card_overlay(Size(width=width, height=height), plan.style, card).lay_over(with_words)
        move = card.move or Move(start=WHOLE, end=WHOLE)
        self._view = View(planes, move, plan.size, card.frames)
        # The film begins with the bare ground. Later cards enter with a crossfade.
        self._rise = (round(0.25 * plan.fps), round(1.1 * plan.fps)) if card.role == "title" else None
        self._bare: View | None = None
        if self._rise:
            self._bare = View(bare, move, plan.size, card.frames)
            self._below = new_frame(plan.size.width, plan.size.height)

    def paint(self, index: int, frame: Bytes) -> None:
        self._view.show(index, frame)
        if self._rise and self._bare and index < self._rise[1]:
            start, stop = self._rise
            self._bare.show(index, self._below)
            blend(self._below, frame, smooth((index - start) / (stop - start)), frame)


class ScreenClipPainter(Painter):
    """A moving picture with its caption, over a still and blurred fill of its first frame where it is smaller."""

    def __init__(self, plan: MontagePlan, shot: Clip, pictures: Path) -> None:
        size = plan.size
        self._words = _Words(plan, shot.caption)
        self._is_whole = shot.fit == "cover"
        width, height = size.width, size.height
        if not self._is_whole:
            share = min(size.width / shot.source.width, size.height / shot.source.height) * _INSET_CLIP
            width, height = (
                2 * max(1, round(edge * share / 2)) for edge in (shot.source.width, shot.source.height)
            )
        self._clip = ClipReader(pictures, shot, width, height, plan.fps)
        self._ground = None if self._is_whole else _clip_ground(self._clip.frame(0), size, plan.style.fill)

    def paint(self, index: int, frame: Bytes) -> None:
        if self._ground is None:
            frame[...] = self._clip.frame(index)
        else:
            frame[...] = self._ground
            _put(planes_of(frame), planes_of(self._clip.frame(index)))
        self._words.lay_over(index, frame)

    def close(self) -> None:
        self._clip.close()


def _put(target: Planes, inner: Planes) -> None:
    for below, above in ((target.luma, inner.luma), (target.colour, inner.colour)):
        top = (
            (target.colour.shape[0] - inner.colour.shape[0]) // 2 * (below.shape[0] // target.colour.shape[0])
        )
        left = (
            (target.colour.shape[1] - inner.colour.shape[1]) // 2 * (below.shape[1] // target.colour.shape[1])
        )
        below[top : top + above.shape[0], left : left + above.shape[1]] = above


def _clip_ground(inner: Bytes, size: Size, brightness: float) -> Bytes:
    picture = np.asarray(cv2.cvtColor(inner, cv2.COLOR_YUV2BGR_NV12), np.uint8)
    fill = blurred(picture, size.width, size.height, 0.03).astype(np.float32) * brightness
    frame = new_frame(size.width, size.height)
    planes = planes_from_bgr(np.clip(np.rint(fill), 0, 255).astype(np.uint8))
    target = planes_of(frame)
    target.luma[...], target.colour[...] = planes.luma, planes.colour
    return frame


class _Words:
    """A caption that fades in and out within its shot."""

    def __init__(self, plan: MontagePlan, caption: Caption | None) -> None:
        self._caption = caption
        self._overlay: Overlay | None = caption_overlay(plan.size, plan.style, caption) if caption else None
        self._fade = max(1, round(0.45 * plan.fps))

    def lay_over(self, index: int, frame: Bytes) -> None:
        if self._overlay is None or self._caption is None:
            return
        rise = (index - self._caption.first + 1) / self._fade
        fall = (self._caption.stop - index) / self._fade
        self._overlay.lay_over(frame, smooth(min(rise, fall)))
