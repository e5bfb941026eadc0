"""Painters: each paints the frames of one shot, each frame a function of the plan and its number."""

from __future__ import annotations

from abc import ABC, abstractmethod

from memorycapsule.domain.film.plan import Move, Rect
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.planes import Bytes, Planes, blend, sample, with_margin

#: The whole of a canvas.
WHOLE = Rect(x=0, y=0, width=1, height=1)


class Painter(ABC):
    """Paints the frames of one shot, and its entrance: how it takes the place of the shot before it."""

    #: How many frames the entrance lasts.
    entrance_frames: int = 0

    @abstractmethod
    def paint(self, index: int, frame: Bytes) -> None:
        """Paint the whole of frame `index` of the shot. Callers ask for indices in rising order."""

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        """
        Paint frame `index` of the entrance, 0 <= index < entrance_frames, over the end of the shot before.

        `before` is at its own frame `before_index`, and `spare` is a frame to draw on. Stages may override this
        crossfade.
        """
        before.paint(before_index, frame)
        self.paint(index, spare)
        blend(frame, spare, entrance_share(index, self.entrance_frames), frame)

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """End child processes."""


class View:
    """The film's frame, moving in a straight line over a canvas (pan and zoom)."""

    def __init__(self, picture: Planes, move: Move, size: Size, frames: int) -> None:
        self._canvas, self._move, self._size = with_margin(picture), move, size
        self._height, self._width = picture.luma.shape
        self._last = max(1, frames - 1)

    def show(self, index: int, frame: Bytes) -> None:
        """Fill `frame` with what of the canvas is seen at frame `index`."""
        share = index / self._last
        start, end = self._move.start, self._move.end
        x = (start.x + (end.x - start.x) * share) * self._width
        y = (start.y + (end.y - start.y) * share) * self._height
        step = (start.width + (end.width - start.width) * share) * self._width / self._size.width
        # Canvas and frame have even sizes, so their heights may differ by a pixel. Stay inside.
        y = max(0.0, min(y, self._height - step * self._size.height))
        sample(self._canvas, max(0.0, x), y, step, frame)


def smooth(share: float) -> float:
    """Ease from 0 to 1 with no speed at either end."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def entrance_share(index: int, frames: int) -> float:
    """Return how much of the coming shot is seen at frame `index` of an entrance of `frames`; 0 < share < 1."""
    return smooth((index + 1) / (frames + 1))
