"""Shots painted frame by frame: each frame a function of the plan and its number."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from memorycapsule.domain.plan import Caption, Card, Clip, MontagePlan, Move, Photo, Rect, Shot, Size
from memorycapsule.errors import RenderFailed
from memorycapsule.render import ffmpeg
from memorycapsule.render.overlays import Overlay, caption_overlay, card_overlay
from memorycapsule.render.pictures import blurred, card_canvas, photo_canvas, read_picture
from memorycapsule.render.planes import (
    Bytes,
    Planes,
    blend,
    new_frame,
    planes_from_bgr,
    planes_of,
    sample,
    with_margin,
)

#: How much of the frame an inset clip takes.
_INSET_CLIP = 0.94

#: The whole of a canvas.
WHOLE = Rect(x=0, y=0, width=1, height=1)


class Painter(Protocol):
    """Paints the frames of one shot."""

    def paint(self, index: int, frame: Bytes) -> None:
        """Paint frame `index` of the shot; indices are asked for in rising order."""

    def close(self) -> None:
        """Let go of children and memory."""


def open_painter(plan: MontagePlan, shot: Shot, pictures: Path) -> Painter:
    """Prepare a shot: decode its picture, set its words. Raises RenderFailed."""
    if isinstance(shot, Photo):
        return PhotoPainter(plan, shot, pictures)
    if isinstance(shot, Clip):
        return ClipPainter(plan, shot, pictures)
    return CardPainter(plan, shot, pictures)


class View:
    """The straight way of the film's frame over a canvas."""

    def __init__(self, picture: Planes, move: Move, size: Size, frames: int) -> None:
        self._canvas, self._move, self._size = with_margin(picture), move, size
        self._height, self._width = picture.luma.shape
        self._last = max(1, frames - 1)

    def show(self, index: int, frame: Bytes) -> None:
        share = index / self._last
        start, end = self._move.start, self._move.end
        x = (start.x + (end.x - start.x) * share) * self._width
        y = (start.y + (end.y - start.y) * share) * self._height
        step = (start.width + (end.width - start.width) * share) * self._width / self._size.width
        # Even sizes of canvas and frame make the heights differ by a pixel at most; stay inside.
        y = max(0.0, min(y, self._height - step * self._size.height))
        sample(self._canvas, max(0.0, x), y, step, frame)


class PhotoPainter:
    """A still picture, moving slowly, with its caption."""

    def __init__(self, plan: MontagePlan, shot: Photo, pictures: Path) -> None:
        canvas = photo_canvas(read_picture(pictures / shot.source.file), shot, plan.size, plan.style)
        self._view = View(canvas, shot.move, plan.size, shot.frames)
        self._words = _Words(plan, shot.caption)

    def paint(self, index: int, frame: Bytes) -> None:
        self._view.show(index, frame)
        self._words.lay_over(index, frame)

    def close(self) -> None:
        """Nothing is held."""


class CardPainter:
    """Words on the theme's ground, moving together; the words of the title card appear softly."""

    def __init__(self, plan: MontagePlan, card: Card, pictures: Path) -> None:
        backdrop = read_picture(pictures / card.backdrop.file) if card.backdrop else None
        bare = card_canvas(backdrop, card, plan.size, plan.style)
        height, width = bare.luma.shape
        lettered = new_frame(width, height)
        planes = planes_of(lettered)
        planes.luma[...], planes.colour[...] = bare.luma, bare.colour
        card_overlay(Size(width=width, height=height), plan.style, card).lay_over(lettered)
        move = card.move or Move(start=WHOLE, end=WHOLE)
        self._view = View(planes, move, plan.size, card.frames)
        # The film begins with its ground alone; later cards come with their crossfade.
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
            blend(self._below, frame, _smooth((index - start) / (stop - start)), frame)

    def close(self) -> None:
        """Nothing is held."""


class ClipPainter:
    """A moving picture, decoded by an ffmpeg of its own; when it ends early its last frame stays."""

    def __init__(self, plan: MontagePlan, shot: Clip, pictures: Path) -> None:
        self._size = size = plan.size
        self._words = _Words(plan, shot.caption)
        path = pictures / shot.source.file
        if shot.fit == "cover":
            width, height = size.width, size.height
        else:
            share = min(size.width / shot.source.width, size.height / shot.source.height) * _INSET_CLIP
            width, height = (
                2 * max(1, round(edge * share / 2)) for edge in (shot.source.width, shot.source.height)
            )
        self._width, self._height = width, height
        self._decoder = ffmpeg.start(
            ffmpeg.decode_arguments(path, shot, width, height, plan.fps),
            limits=ffmpeg.DECODER,
            stdout=subprocess.PIPE,
        )
        self._inner = new_frame(width, height)
        self._next = 0
        self._ground = new_frame(size.width, size.height)
        self._advance()
        if self._next == 0:
            self.close()
            raise RenderFailed(
                f"The prepared clip {path.name} cannot be played any more; prepare the pictures again."
            )
        if shot.fit == "inset":
            self._ground[...] = _clip_ground(self._inner, size, plan.style.fill)

    def paint(self, index: int, frame: Bytes) -> None:
        while self._next <= index and self._advance():
            pass
        if (self._width, self._height) == (self._size.width, self._size.height):
            frame[...] = self._inner
        else:
            frame[...] = self._ground
            _put(planes_of(frame), planes_of(self._inner))
        self._words.lay_over(index, frame)

    def _advance(self) -> bool:
        assert self._decoder.stdout is not None
        data = self._decoder.stdout.read(self._inner.size)
        if len(data) < self._inner.size:
            return False
        self._inner = np.frombuffer(data, np.uint8).reshape(self._inner.shape)
        self._next += 1
        return True

    def close(self) -> None:
        self._decoder.kill()
        self._decoder.communicate()


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
    import cv2

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
        self._overlay.lay_over(frame, _smooth(min(rise, fall)))


def _smooth(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def crossfade_share(index: int, frames: int) -> float:
    """Return how much of the coming shot is seen at frame `index` of a crossfade of `frames`; 0 < share < 1."""
    return _smooth((index + 1) / (frames + 1))


@contextlib.contextmanager
def closing(painters: dict[int, Painter]) -> Iterator[dict[int, Painter]]:
    """Close every painter that is still open at the end."""
    try:
        yield painters
    finally:
        for painter in painters.values():
            painter.close()
