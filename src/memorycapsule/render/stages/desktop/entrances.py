"""How a shot comes onto the desktop: by a growing outline, or out of its story's folder."""

from __future__ import annotations

from abc import abstractmethod

from memorycapsule.domain.film.plan import Caption, MontagePlan, Shot
from memorycapsule.render import typesetting
from memorycapsule.render.painting import Painter
from memorycapsule.render.planes import Bytes
from memorycapsule.render.stages.desktop.layout import number_of
from memorycapsule.render.stages.desktop.pixels import PixelBox, Pixels, even, fill, folder, whole
from memorycapsule.render.stages.desktop.windows import OUTLINE_STEPS, Desk, outlines, row_height

#: Shares of the folder's entrance until which the shot before is seen, then a small folder, then a closed one, then an
#: open one, then the growing outline. From the last on the new window is seen.
_BEFORE, _SMALL, _CLOSED, _OPENED, _THERE = 0.1, 0.16, 0.5, 0.6, 0.93
#: The outline of the next window begins in the middle of the one before, with this share of its size.
_HEART = 0.2
#: A folder is so many pixels large for each of its own, on a screen of 1080 rows.
_FOLDER_SCALE = 14


class DesktopPainter(Painter):
    """Paints a shot on the desktop."""

    #: Where its windows stand.
    windows: tuple[PixelBox, ...] = ()

    def __init__(self, plan: MontagePlan, shot: Shot) -> None:
        self.desk = Desk(plan.size, plan.style)
        caption = None if shot.kind == "card" else shot.caption
        self._folder: _StoryFolder | None = None
        if shot.entrance == "folder" and shot.entrance_frames:
            self._folder = _StoryFolder(self.desk, caption, number_of(shot))

    @abstractmethod
    def paint(self, index: int, frame: Bytes) -> None: ...

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        """
        Paint a frame of the entrance, in steps: a new story's window comes out of its folder, any other window out of
        a growing outline. Nothing fades on such a computer, except from or to a shot without windows.
        """
        if not isinstance(before, DesktopPainter) or not self.windows:
            super().enter(index, before, before_index, frame, spare)
        elif self._folder:
            self._out_of_folder(self._folder, index, before, before_index, frame)
        else:
            step = int(self.share(index) * (OUTLINE_STEPS + 1)) + 1
            if step > OUTLINE_STEPS:
                self.paint(index, frame)
                return
            before.paint(before_index, frame)
            starts = tuple(_heart(window) for window in before.windows) or (self.desk.start,)
            self._grow(frame, starts, step)

    def share(self, index: int) -> float:
        """Return the progress of the entrance: 0 at its first frame, 1 at its last."""
        return index / max(1, self.entrance_frames - 1)

    def _out_of_folder(
        self, story: _StoryFolder, index: int, before: Painter, before_index: int, frame: Bytes
    ) -> None:
        share = self.share(index)
        if share < _BEFORE:
            before.paint(before_index, frame)
        elif share >= _THERE:
            self.paint(index, frame)
        else:
            story.lay(frame, is_small=share < _SMALL, is_open=share >= _CLOSED)
            if share >= _OPENED:
                step = int((share - _OPENED) / (_THERE - _OPENED) * OUTLINE_STEPS) + 1
                self._grow(frame, (story.box,), step)

    def _grow(self, frame: Bytes, starts: tuple[PixelBox, ...], step: int) -> None:
        for number, window in enumerate(self.windows):
            outlines(frame, self.desk, starts[min(number, len(starts) - 1)], window, step)


def _heart(window: PixelBox) -> PixelBox:
    """Return a small box in the middle of a window, out of which the next one grows."""
    wide, tall = even(window.width * _HEART), even(window.height * _HEART)
    return PixelBox(
        x=whole(window.x + (window.width - wide) / 2),
        y=whole(window.y + (window.height - tall) / 2),
        width=wide,
        height=tall,
    )


class _StoryFolder:
    """A story's folder on the bare desktop, in its contributor's dye, with the story's name below it."""

    def __init__(self, desk: Desk, caption: Caption | None, number: int) -> None:
        self._desk = desk
        colour = caption.dye if caption else desk.style.accent
        self._closed, self._opened = folder(colour, number), folder(colour, number, is_open=True)
        self._scale = even(_FOLDER_SCALE * desk.scale)
        size, room = desk.size, desk.room
        name = typesetting.clean(caption.heading) if caption else ""
        text = round(1.3 * desk.text)
        lines = (
            typesetting.fitting(name, desk.style.heading_font, (text,), round(0.7 * size.width), 2)
            if name
            else []
        )
        tall = row_height(lines) * len(lines) if lines else 0
        width, height = self._closed.columns * self._scale, self._closed.rows * self._scale
        gap = 3 * desk.gap
        top = whole(room.y + (room.height - height - gap - tall) / 2)
        self.box = PixelBox(x=whole((size.width - width) / 2), y=top, width=width, height=height)
        self._ground = desk.ground()
        if lines:
            wide = even(max(line.width for line in lines) + 4 * desk.gap)
            plate = PixelBox(
                x=whole((size.width - wide) / 2), y=self.box.low + gap, width=wide, height=even(tall)
            )
            fill(self._ground, plate.inset(-desk.line), desk.style.ink)
            fill(self._ground, plate, desk.stage.bar)
            desk.write(
                self._ground,
                lines,
                0,
                plate.y,
                plate.height,
                desk.stage.bar_ink,
                middle=size.width // 2,
            )

    def lay(self, frame: Bytes, *, is_small: bool, is_open: bool) -> None:
        frame[...] = self._ground
        icon: Pixels = self._opened if is_open else self._closed
        scale = even(self._scale / 2) if is_small else self._scale
        icon.lay(
            frame,
            whole(self.box.x + (self.box.width - icon.columns * scale) / 2),
            whole(self.box.low - icon.rows * scale),
            scale,
        )
