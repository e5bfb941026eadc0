"""
Rooms of a gallery: stretches of wall with lamps, and the ways from one to the next.

Every shot is a stretch of wall as wide as the frame. The walls of one room join without a seam, so that the camera
walks from one stretch to the next. Another room is entered through a dark doorway.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import Card, GalleryStage, MontagePlan, Move, Rect, Shot
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.overlays import bgr
from memorycapsule.render.painting import Painter, entrance_share, smooth
from memorycapsule.render.planes import (
    MARGIN,
    YUV_FROM_BGR,
    YUV_OFFSET,
    Bytes,
    Planes,
    darken,
    planes_from_bgr,
    planes_of,
    resample,
    with_margin,
)
from memorycapsule.render.stages.gallery.walls import WallBox

#: How long a lamp takes to rise, in seconds, and at which part of the entrance it begins.
_RISE_SECONDS, _RISE_FROM = 0.8, 0.72
#: The doorway when it appears: its width, top and foot as parts of the frame, and the scale of the room beyond it.
_DOOR, _DOOR_ROWS, _BEYOND = 0.2, (0.2, 0.93), 0.7
#: In so many steps of brightness the sides of a doorway are drawn.
_SIDES = 20
#: The old room darkens until _DARK_AT of the entrance. From _SEEN_FROM on the new one is seen, at first as bright as
#: _FIRST_LIGHT. So the film is never black.
_DARK_AT, _SEEN_FROM, _FIRST_LIGHT = 0.38, 0.27, 0.35


def wall_colour(plan: MontagePlan, shot: Shot) -> str:
    """Return the colour of the room of a shot."""
    stage = plan.style.stage
    assert isinstance(stage, GalleryStage)
    if isinstance(shot, Card) and shot.role == "end":
        return stage.last_wall
    return stage.walls[shot.room % len(stage.walls)]


class Wall(Painter):
    """
    A lit stretch of wall, over which the camera moves, and to which it can walk from the wall before.

    `picture` is the whole wall, BGR, and `dark` the same with its lamp off. `move` is over both.
    """

    def __init__(
        self,
        plan: MontagePlan,
        shot: Shot,
        picture: Bytes,
        dark: Bytes,
        move: Move,
    ) -> None:
        size = plan.size
        self.colour = wall_colour(plan, shot)
        self._entrance, self._fps = shot.entrance, plan.fps
        self._size, self._move, self._last = size, move, max(1, shot.frames - 1)
        self._lit, self._dark = (with_margin(planes_from_bgr(either)) for either in (picture, dark))
        self._height, self._width = picture.shape[:2]

    def paint(self, index: int, frame: Bytes) -> None:
        self.refresh(index)
        self.show_part(self.view(index), self.lamp(index), frame, (0, self._size.width))

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        if self._entrance == "walk" and isinstance(before, Wall) and before.colour == self.colour:
            self._walk(index, before, before_index, frame)
        elif self._entrance in {"walk", "doorway"}:
            self._come_through(index, before, before_index, frame, spare)
        else:
            super().enter(index, before, before_index, frame, spare)

    def lamp(self, index: int) -> float:
        """Return the lamp's brightness at a frame, 0..1."""
        if not self.entrance_frames:
            return 1.0
        return smooth((index - _RISE_FROM * self.entrance_frames) / (_RISE_SECONDS * self._fps))

    def view(self, index: int) -> Rect:
        """Return what the camera sees at a frame, as parts of the wall."""
        return _between(self._move.start, self._move.end, index / self._last)

    def show_part(self, view: Rect, light: float, frame: Bytes, columns: tuple[int, int]) -> None:
        """
        Fill the frame's `columns` (from, to; both even) with their part of a view, at `light` 0..1 of the lamp.

        The view may begin left or right of the wall.
        """
        left, right = columns
        if right <= left:
            return
        x, y, step = self._corner(view)
        whole = planes_of(frame)
        part = Planes(whole.luma[:, left:right], whole.colour[:, left // 2 : right // 2])
        _show(self._lit if light > 0 else self._dark, x + left * step, y, step, part)
        if 0 < light < 1:
            dark = Planes(np.empty_like(part.luma), np.empty_like(part.colour))
            _show(self._dark, x + left * step, y, step, dark)
            part.luma[...] = cv2.addWeighted(part.luma, light, dark.luma, 1 - light, 0)
            part.colour[...] = cv2.addWeighted(part.colour, light, dark.colour, 1 - light, 0)

    def _corner(self, view: Rect) -> tuple[float, float, float]:
        """Return where a view begins on the canvas, and how many canvas pixels one of its pixels is wide."""
        step = view.width * self._width / self._size.width
        # Canvas and frame have even sizes, so their heights may differ by a pixel. Stay inside.
        y = max(0.0, min(view.y * self._height, self._height - step * self._size.height))
        return view.x * self._width, y, step

    def _walk(self, index: int, before: Wall, before_index: int, frame: Bytes) -> None:
        """Walk along the wall from one stretch to the next; its lamp goes down behind us, the next one rises."""
        share = entrance_share(index, self.entrance_frames)
        before.refresh(before_index)
        self.refresh(index)
        old, new = before.view(before_index), self.view(index)
        view = _between(old, Rect(x=new.x + 1, y=new.y, width=new.width, height=new.height), share)
        width = self._size.width
        seam = _even((1 - view.x) / view.width * width, width)
        behind = before.lamp(before_index) * (1 - smooth(1.5 * share))
        before.show_part(view, behind, frame, (0, seam))
        beyond = Rect(x=view.x - 1, y=view.y, width=view.width, height=view.height)
        self.show_part(beyond, self.lamp(index), frame, (seam, width))

    def refresh(self, index: int) -> None:
        """Paint the moving picture's frame `index` on the wall; only a wall with a clip has one."""

    def _come_through(
        self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes
    ) -> None:
        """Darken the old room, then pass through a doorway into the next one."""
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
        light = smooth(_FIRST_LIGHT + 1.9 * near)
        for part in range(_SIDES):
            inward = (part + 1) / _SIDES
            side = door.grown(2 * round(0.065 * (1 - inward) * door.width))
            _fill(frame, side, 0.5 * light * inward * np.array(bgr(self.colour)))
        darken(spare, 1 - light)
        _see_through(door, spare, max(_BEYOND + (1 - _BEYOND) * near, door.width / self._size.width), frame)


def _show(canvas: Planes, x: float, y: float, step: float, part: Planes) -> None:
    """Fill a part of a frame from a canvas; see `planes.sample`."""
    half = MARGIN // 2
    resample(canvas.luma, x + MARGIN, y + MARGIN, step, part.luma, cv2.INTER_CUBIC)
    resample(canvas.colour, x / 2 + half, y / 2 + half, step, part.colour, cv2.INTER_LINEAR)


def _doorway(near: float, size: Size) -> WallBox:
    """Return where a doorway is in the frame, from far away (0) to all of the frame (1); all edges are even."""
    wide = _DOOR ** (1 - near)
    share = (wide - _DOOR) / (1 - _DOOR)
    top, low = _DOOR_ROWS[0] * (1 - share), _DOOR_ROWS[1] + (1 - _DOOR_ROWS[1]) * share
    left, right = (_even((0.5 + side * wide / 2) * size.width, size.width) for side in (-1, 1))
    high, deep = _even(top * size.height, size.height), _even(low * size.height, size.height)
    return WallBox(left, high, max(2, right - left), max(2, deep - high))


def _see_through(door: WallBox, room: Bytes, zoom: float, frame: Bytes) -> None:
    """Show the part of a room, scaled by `zoom` about the middle, that is seen through a doorway, in place."""
    room_planes, target = planes_of(room), planes_of(frame)
    height, width = room_planes.luma.shape
    for plane, below, halves in ((room_planes.luma, target.luma, 1), (room_planes.colour, target.colour, 2)):
        shift = ((1 - zoom) * width / 2 - door.x) / halves, ((1 - zoom) * height / 2 - door.y) / halves
        matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        size = (door.width // halves, door.height // halves)
        made = cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        below[door.y // halves : door.low // halves, door.x // halves : door.right // halves] = made


def _fill(frame: Bytes, box: WallBox, colour: NDArray[np.float64]) -> None:
    """Fill a rectangle with even edges with blue, green and red, in place; what is outside the frame is cut off."""
    luma, *colours = np.rint(YUV_FROM_BGR @ colour + YUV_OFFSET).tolist()
    planes = planes_of(frame)
    # Many times as fast as filling a slice of two channels.
    for plane, ink, halves in ((planes.luma, [luma], 1), (planes.colour, colours, 2)):
        first = box.x // halves, box.y // halves
        last = box.right // halves - 1, box.low // halves - 1
        cv2.rectangle(plane, first, last, ink, cv2.FILLED)


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
