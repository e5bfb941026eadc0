"""Windows with pictures: photos that move slowly, and clips that play."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from memorycapsule.domain.film.plan import Clip, MontagePlan, Move, Photo, Rect, Source, sources_of
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.clip_reader import ClipReader
from memorycapsule.render.painting import View
from memorycapsule.render.pictures import canvas_scale, read_picture
from memorycapsule.render.planes import Bytes, Planes, new_frame, planes_from_bgr, planes_of
from memorycapsule.render.stages.desktop.entrances import DesktopPainter
from memorycapsule.render.stages.desktop.layout import Pane, arranged, number_of, view_of, words_of
from memorycapsule.render.stages.desktop.pixels import (
    PixelBox,
    Pixels,
    bevel,
    even,
    fill,
    folder,
    mixed,
    paste,
    whole,
)
from memorycapsule.render.stages.desktop.windows import ICONS, Desk

#: Pictures of at most so many pixels a side are enlarged pixel by pixel.
_TINY = 200
#: Of a picture at least so much of width and height is always seen.
_MOST_SEEN = 0.97
#: A window pans over a long picture by at most so many of its own widths.
_LONGEST_WAY = 0.9
#: Beside an upright picture there is room for folders on the desktop.
_FREE_SIDE = 0.34

_PLAY = Pixels.drawn(
    ("k......", "kkk....", "kkkkk..", "kkkkkkk", "kkkkk..", "kkk....", "k......"), {"k": "#1d1950"}
)


class WindowPhotoPainter(DesktopPainter):
    """A photo in a window, and the photos beside it in windows of their own. Only the photos move."""

    def __init__(self, plan: MontagePlan, shot: Photo, pictures: Path) -> None:
        super().__init__(plan, shot)
        sources = sources_of(shot)
        panes = arranged(self.desk, sources, words_of(plan, shot))
        self.windows = tuple(pane.outer for pane in panes)
        self._ground = _furnished(self.desk, panes, "picture", number_of(shot))
        self._inner: list[tuple[View, PixelBox, Bytes]] = []
        for source, pane in zip(sources, panes, strict=True):
            box = pane.picture
            if max(source.width, source.height) <= _TINY and box.width > source.width:
                # Enlarged to crisp pixels, as small pictures were shown then. It stands still: a move would blur it.
                paste(self._ground, _crisp(read_picture(pictures, source), box), box.x, box.y)
            else:
                move = _move_over(shot.move, source)
                self._inner.append((_view(pictures, source, move, box, shot.frames), box, _frame_of(box)))

    def paint(self, index: int, frame: Bytes) -> None:
        frame[...] = self._ground
        for view, box, inner in self._inner:
            view.show(index, inner)
            paste(frame, planes_of(inner), box.x, box.y)


class WindowClipPainter(DesktopPainter):
    """A clip that plays in a window, with the strip of a player below it."""

    def __init__(self, plan: MontagePlan, shot: Clip, pictures: Path) -> None:
        super().__init__(plan, shot)
        desk = self.desk
        (pane,) = arranged(desk, (shot.source,), words_of(plan, shot), strip=even(0.9 * desk.bar))
        self.windows = (pane.outer,)
        self._ground = _furnished(desk, (pane,), "clip", number_of(shot))
        assert pane.strip is not None
        self._track = _player(self._ground, desk, pane.strip)
        self._box, self._frames = pane.picture, shot.frames
        self._chunk = even(self._track.height * 0.6)
        self._clip = ClipReader(pictures, shot, pane.picture.width, pane.picture.height, plan.fps)

    def paint(self, index: int, frame: Bytes) -> None:
        frame[...] = self._ground
        paste(frame, planes_of(self._clip.frame(index)), self._box.x, self._box.y)
        track, step = self._track, self._chunk + self.desk.line
        played = (index + 1) * (track.width // step) // self._frames
        for place in range(played):
            box = PixelBox(x=track.x + place * step, y=track.y, width=self._chunk, height=track.height)
            fill(frame, box, self.desk.stage.played)

    def close(self) -> None:
        self._clip.close()


def _furnished(desk: Desk, panes: tuple[Pane, ...], kind: str, number: int) -> Bytes:
    """Return the desktop with empty windows, into which pictures are painted."""
    frame = desk.ground()
    _strew(frame, desk, panes, number)
    desk.open_on_task_bar(frame, panes[0].name, ICONS[kind])
    for pane in panes:
        desk.window(frame, pane.outer, pane.name, ICONS[kind])
        contents = desk.contents_of(pane.outer)
        well = PixelBox(
            x=contents.x + desk.line,
            y=pane.picture.y,
            width=contents.width - 2 * desk.line,
            height=pane.picture.height,
        )
        desk.well(frame, well, mixed(desk.stage.face, desk.stage.shade, 0.3))
        if pane.status:
            pane.status.draw(frame, *pane.status_at)
    return frame


def _strew(frame: Bytes, desk: Desk, panes: tuple[Pane, ...], number: int) -> None:
    """Lay some folders on a side of the desktop that a single window leaves free."""
    left = panes[0].outer.x - desk.room.x
    right = desk.room.right - panes[-1].outer.right
    free = max(left, right)
    if len(panes) > 1 or free < _FREE_SIDE * desk.size.width:
        return
    scale = even(8 * desk.scale)
    colours = desk.stage.folders
    first = folder(colours[0], 0)
    across, down = first.columns * scale, first.rows * scale
    middle = desk.room.x + left / 2 if left >= right else desk.room.right - right / 2
    # Three in a loose pile of two rows.
    places = ((-0.85, -0.9), (0.6, -0.55), (-0.25, 0.75))
    for place, (x, y) in enumerate(places):
        icon = folder(colours[(number + place) % len(colours)], number // 7 + place)
        icon.lay(
            frame,
            whole(middle + x * across - across / 2),
            whole(desk.room.y + 0.42 * desk.room.height + y * down - down / 2),
            scale,
        )


def _player(frame: Bytes, desk: Desk, strip: PixelBox) -> PixelBox:
    """Draw button and track of a player. Returns the box in which its progress is shown."""
    button = PixelBox(x=strip.x, y=strip.y, width=even(1.3 * strip.height), height=strip.height)
    bevel(frame, button, desk.line, desk.stage.light, desk.stage.shade)
    scale = max(2, whole(0.46 * strip.height / _PLAY.rows))
    _PLAY.lay(
        frame,
        whole(button.x + (button.width - _PLAY.columns * scale) / 2),
        whole(button.y + (button.height - _PLAY.rows * scale) / 2),
        scale,
    )
    high = even(0.5 * strip.height)
    track = PixelBox(
        x=button.right + desk.gap + desk.line,
        y=whole(strip.y + (strip.height - high) / 2),
        width=strip.right - button.right - desk.gap - 2 * desk.line,
        height=high,
    )
    desk.well(frame, track, desk.stage.light)
    return track.inset(desk.line // 2 * 2)


def _move_over(move: Move, source: Source) -> Move:
    """Return the move over the picture: a gentle zoom, or a pan along one that is too long to be seen whole."""
    wide, tall = view_of(source)
    across, down = wide / source.width, tall / source.height
    if across == down == 1:
        return Move(start=_gentle(move.start), end=_gentle(move.end))
    way_x, way_y = min(1 - across, across * _LONGEST_WAY), min(1 - down, down * _LONGEST_WAY)
    start = Rect(x=(1 - across - way_x) / 2, y=0, width=across, height=down)
    return Move(start=start, end=replace(start, x=start.x + way_x, y=way_y))


def _gentle(rect: Rect) -> Rect:
    width = min(1.0, max(rect.width, _MOST_SEEN))
    share = (1 - width) / (1 - rect.width) if rect.width < 1 else 0.0
    return Rect(x=rect.x * share, y=rect.y * share, width=width, height=width)


def _view(pictures: Path, source: Source, move: Move, box: PixelBox, frames: int) -> View:
    scale = canvas_scale(move)
    wide, tall = view_of(source)
    width = even(box.width * scale)
    # The same share of the picture is seen across and down, so it is not stretched by more than the rounding.
    height = even(width * (box.height / box.width) * (wide / source.width) / (tall / source.height))
    picture = read_picture(pictures, source, max(width, height))
    way = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    canvas = np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)
    return View(planes_from_bgr(canvas), move, Size(width=box.width, height=box.height), frames)


def _crisp(picture: Bytes, box: PixelBox) -> Planes:
    large = cv2.resize(picture, (box.width, box.height), interpolation=cv2.INTER_NEAREST)
    return planes_from_bgr(np.asarray(large, np.uint8))


def _frame_of(box: PixelBox) -> Bytes:
    return new_frame(box.width, box.height)
