"""Parts of the desktop: windows with their bars and status lines, the task bar, dotted outlines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from memorycapsule.domain.film.plan import DesktopStage, FilmStyle
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render import typesetting
from memorycapsule.render.overlays import Sheet
from memorycapsule.render.planes import Bytes
from memorycapsule.render.stages.desktop.pixels import (
    PixelBox,
    Pixels,
    bevel,
    bundle,
    even,
    fill,
    landscape,
    mixed,
    shade,
    slope,
    whole,
)
from memorycapsule.render.typesetting import Line

_CAP_HEIGHT = 0.72
_LINE_HEIGHT = 1.32
#: Words and windows stay inside this part of the frame.
_SAFE = 0.05
#: A status line has at most so many lines of words; its last field takes at most this share of a row.
_STATUS_LINES = 3
_LABEL_SHARE = 0.5
#: What a dotted outline shows at once, and in how many steps it grows.
OUTLINE_STEPS = 5
_TRAIL = 3

_PICTURE_ICON = Pixels.drawn(
    (
        "kkkkkkkkkkk",
        "kwwwwwwwwwk",
        "kwbbbbbbbwk",
        "kwbyybbbbwk",
        "kwbyybbgbwk",
        "kwbbbbgggwk",
        "kwggbgggGwk",
        "kwGggGGGGwk",
        "kwwwwwwwwwk",
        "kkkkkkkkkkk",
    ),
    {"k": "#1d1950", "w": "#ffffff", "b": "#8fd3ff", "y": "#ffd34d", "g": "#86d562", "G": "#5cb84a"},
)
_PAPER_ICON = Pixels.drawn(
    (
        "kkkkkkkk...",
        "kwwwwwwkk..",
        "kwwwwwwkwk.",
        "kwbbbwwkkkk",
        "kwwwwwwwwwk",
        "kwbbbbbbbwk",
        "kwwwwwwwwwk",
        "kwbbbbbbwwk",
        "kwwwwwwwwwk",
        "kkkkkkkkkkk",
    ),
    {"k": "#1d1950", "w": "#ffffff", "b": "#5a52c4"},
)
_CLIP_ICON = Pixels.drawn(
    (
        "kkkkkkkkkkk",
        "kwkwkwkwkwk",
        "kkkkkkkkkkk",
        "kbbbbybbbbk",
        "kbbbbyybbbk",
        "kbbbbyyybbk",
        "kbbbbyybbbk",
        "kkkkkkkkkkk",
        "kwkwkwkwkwk",
        "kkkkkkkkkkk",
    ),
    {"k": "#1d1950", "w": "#ffffff", "b": "#5a52c4", "y": "#ffd34d"},
)
_SUN = Pixels.drawn(
    (
        "....k....",
        ".k.....k.",
        "...kkk...",
        "..kyyyk..",
        "k.kyyyk.k",
        "..kyyyk..",
        "...kkk...",
        ".k.....k.",
        "....k....",
    ),
    {"k": "#1d1950", "y": "#ffd34d"},
)
_NOTE = Pixels.drawn(
    (
        "...kkkkk",
        "...kkkkk",
        "...k...k",
        "...k...k",
        "...k...k",
        ".kkk.kkk",
        "kkkkkkkk",
        "kkk.kkk.",
        "........",
    ),
    {"k": "#1d1950"},
)
ICONS = {"picture": _PICTURE_ICON, "paper": _PAPER_ICON, "clip": _CLIP_ICON}
_BUTTONS = (
    ("......", "......", "......", "......", "kkkkkk", "kkkkkk"),
    ("kkkkkk", "kkkkkk", "k....k", "k....k", "k....k", "kkkkkk"),
    ("kk..kk", ".kkkk.", "..kk..", "..kk..", ".kkkk.", "kk..kk"),
)


class Desk:
    """The desktop of a film: its measures in pixels, all even, and its bare ground."""

    def __init__(self, size: Size, style: FilmStyle) -> None:
        assert isinstance(style.stage, DesktopStage)
        self.size, self.style, self.stage = size, style, style.stage
        # Upright films get bars and text of a smaller screen.
        self.scale = min(size.height, size.width * 0.75) / 1080
        self.line, self.cell, self.gap = (even(length * self.scale) for length in (4, 6, 8))
        self.text = max(6, math.ceil(style.caption_size * 1080 * self.scale))
        self.bar, self.task, self.shadow = even(1.56 * self.text), even(84 * self.scale), 3 * self.line
        self.task_bar = PixelBox(x=0, y=whole(size.height - self.task), width=size.width, height=self.task)
        #: From a window's outer edge to what it holds, without its title bar.
        self.edge = 2 * self.line + self.gap
        left, top = whole(size.width * _SAFE), whole(size.height * 0.032)
        self.room = PixelBox(
            x=left,
            y=top,
            width=size.width - 2 * left,
            height=self.task_bar.y - top - self.shadow - self.gap,
        )
        #: Where an outline comes from that has no window to come from.
        self.start = PixelBox(
            x=2 * self.line,
            y=self.task_bar.y + 2 * self.line,
            width=even(1.3 * self.task),
            height=self.task - 3 * self.line,
        )

    def ground(self) -> Bytes:
        """Return a new frame with landscape and task bar."""
        frame = landscape(self.size, self.style, self.cell).copy()
        bar, stage = self.task_bar, self.stage
        fill(frame, bar, stage.face)
        fill(frame, PixelBox(x=0, y=bar.y, width=bar.width, height=self.line), self.style.ink)
        fill(frame, PixelBox(x=0, y=bar.y + self.line, width=bar.width, height=self.line), stage.light)
        self._button(frame, self.start, self.style.accent)
        mark = bundle(self.style.dyes)
        # On a very small screen the button is too low for the mark.
        if scale := whole((self.start.height - self.line) / mark.rows):
            mark.lay(
                frame,
                whole(self.start.x + (self.start.width - mark.columns * scale) / 2),
                whole(self.start.y + (self.start.height - mark.rows * scale) / 2),
                scale,
            )
        tray = even(0.5 * self.start.height / _SUN.rows)
        wide = (_SUN.columns + _NOTE.columns) * tray + 6 * self.gap
        box = PixelBox(
            x=bar.right - wide - 2 * self.line, y=self.start.y, width=wide, height=self.start.height
        )
        bevel(frame, box, self.line, stage.shade, stage.light)
        y = whole(box.y + (box.height - _SUN.rows * tray) / 2)
        _SUN.lay(frame, box.x + 2 * self.gap, y, tray)
        _NOTE.lay(frame, box.right - 2 * self.gap - _NOTE.columns * tray, y, tray)
        return frame

    def open_on_task_bar(self, frame: Bytes, name: str, icon: Pixels) -> None:
        """Show on the task bar that a window is open."""
        size = max(6, round(0.84 * self.text))
        line = one_line(name, self.style.heading_font, size, round(self.size.width * 0.3))
        mark = max(2, whole(0.6 * self.start.height / icon.rows))
        wide = even(line.width + 3 * self.gap + icon.columns * mark + 2 * self.gap)
        box = PixelBox(
            x=self.start.right + 2 * self.gap, y=self.start.y, width=wide, height=self.start.height
        )
        fill(frame, box, mixed(self.stage.face, self.stage.light, 0.5))
        bevel(frame, box, self.line, self.stage.shade, self.stage.light)
        icon.lay(
            frame, box.x + even(1.5 * self.gap), whole(box.y + (box.height - icon.rows * mark) / 2), mark
        )
        x = box.x + even(1.5 * self.gap) + icon.columns * mark + self.gap
        self.write(frame, [line], x, box.y, box.height, self.style.ink)

    def _button(self, frame: Bytes, box: PixelBox, face: str) -> None:
        fill(frame, box.inset(-self.line), self.style.ink)
        fill(frame, box, face)
        bevel(frame, box, self.line, self.stage.light, self.stage.shade)

    def write(
        self,
        frame: Bytes,
        lines: Sequence[Line],
        x: int,
        y: int,
        height: int,
        colour: str,
        *,
        middle: int = 0,
    ) -> None:
        """Write lines, centred in a height. They begin at column `x`, or are centred on column `middle` if given."""
        if not lines or height <= 0 or y + height > self.size.height:
            # A frame that is too small for its text has none.
            return
        sheet = Sheet(self.size, y, height)
        step = row_height(lines)
        top = y + (height - step * len(lines)) // 2
        for line in lines:
            baseline = top + (step + round(line.size * _CAP_HEIGHT)) // 2
            sheet.write(line, middle - line.width // 2 if middle else x, baseline, colour)
            top += step
        sheet.overlay().lay_over(frame)

    def window(self, frame: Bytes, outer: PixelBox, name: str, icon: Pixels) -> None:
        """Draw a window without its contents; `outer` is all of it but its shadow."""
        stage, line = self.stage, self.line
        shade(frame, outer.moved(self.shadow, self.shadow), self.style.ink, 0.3)
        fill(frame, outer, self.style.ink)
        face = outer.inset(line)
        fill(frame, face, stage.face)
        bevel(frame, face, line, stage.light, stage.shade)
        bar = PixelBox(
            x=outer.x + self.edge,
            y=outer.y + self.edge,
            width=outer.width - 2 * self.edge,
            height=self.bar,
        )
        slope(frame, bar, stage.bar, stage.bar_end)
        mark = self._bar_icon(icon)
        x = bar.x + self.gap
        icon.lay(frame, x, whole(bar.y + (bar.height - icon.rows * mark) / 2), mark)
        x += icon.columns * mark + self.gap + self.gap // 2
        # Where the name needs the room, only the last button is drawn.
        wide = typesetting.measure(name, self.style.heading_font, self.text)
        buttons = _BUTTONS if x + wide + self.gap <= bar.right - 3 * bar.height else _BUTTONS[-1:]
        right = self._bar_buttons(frame, bar, buttons)
        title = one_line(name, self.style.heading_font, self.text, right - self.gap - x)
        self.write(frame, [title], x, bar.y, bar.height, stage.bar_ink)

    def _bar_icon(self, icon: Pixels) -> int:
        return max(2, whole(0.62 * self.bar / icon.rows))

    def _bar_buttons(self, frame: Bytes, bar: PixelBox, buttons: Sequence[Sequence[str]]) -> int:
        """Draw the buttons of a title bar. Returns the column at which they begin."""
        side = bar.height - 2 * self.line
        x = bar.right - self.line
        scale = max(2, whole(side * 0.44 / 6))
        for rows in reversed(buttons):
            x -= side
            box = PixelBox(x=x, y=bar.y + self.line, width=side, height=side)
            fill(frame, box, self.stage.face)
            bevel(frame, box, self.line, self.stage.light, self.stage.shade)
            corner = whole((side - 6 * scale) / 2)
            Pixels.drawn(rows, {"k": self.style.ink}).lay(frame, box.x + corner, box.y + corner, scale)
            x -= self.line
        return x

    def least_width(self, name: str) -> int:
        """Return the least width of the contents of a window with this name; a long name is truncated."""
        wide = typesetting.measure(name, self.style.heading_font, self.text) + 2 * self.bar + 4 * self.gap
        return even(max(4 * self.bar, min(wide, 0.3 * self.size.width, self.room.width - 2 * self.edge)))

    def well(self, frame: Bytes, box: PixelBox, colour: str) -> None:
        """Draw a sunken box, `line` pixels wider than `box` on each side."""
        around = box.inset(-self.line)
        fill(frame, around, colour)
        bevel(frame, around, self.line, self.stage.shade, self.stage.light)

    def outer_of(self, width: int, height: int) -> tuple[int, int]:
        """Return the size of a window whose contents below the title bar take `width` x `height`."""
        return width + 2 * self.edge, height + self.bar + self.gap + 2 * self.edge

    def contents_of(self, outer: PixelBox) -> PixelBox:
        """Return what lies below a window's title bar."""
        top = self.edge + self.bar + self.gap
        return PixelBox(
            x=outer.x + self.edge,
            y=outer.y + top,
            width=outer.width - 2 * self.edge,
            height=outer.height - top - self.edge,
        )


@dataclass(frozen=True, kw_only=True)
class _Field:
    lines: tuple[Line, ...]
    #: Relative to the status line.
    box: PixelBox
    dye: str = ""


class Status:
    """A status line of a given width: fields with text, the last one with the contributor's dye."""

    def __init__(self, desk: Desk, words: str, label: str, dye: str, width: int) -> None:
        self._desk = desk
        style, text, gap = desk.style, desk.text, desk.gap
        pad = gap + desk.line // 2
        mark = even(0.6 * text)
        fields: list[_Field] = []
        self.is_whole = True
        y, row = 0, even(_LINE_HEIGHT * text + gap)
        wide = 0
        if label:
            room = width - 2 * pad - mark - gap
            name = one_line(label, style.heading_font, text, room)
            self.is_whole = name.text == label
            wide = min(width, even(name.width + 2 * pad + mark + gap))
        beside = label and wide <= width * _LABEL_SHARE
        if words:
            room = width - (wide + gap if beside else 0)
            lines = typesetting.wrap(words, style.text_font, text, room - 2 * pad)
            if len(lines) > _STATUS_LINES:
                self.is_whole = False
                lines = typesetting.fitting(words, style.text_font, (text,), room - 2 * pad, _STATUS_LINES)
            tall = even(len(lines) * row_height(lines) + gap)
            fields.append(_Field(lines=tuple(lines), box=PixelBox(x=0, y=0, width=room, height=tall)))
            y = tall + gap
            row = max(row, tall) if beside else row
        if label:
            box = PixelBox(
                x=width - wide if words and beside else 0,
                y=0 if beside else y,
                width=wide if words and beside else width,
                height=row,
            )
            fields.append(_Field(lines=(name,), box=box, dye=dye))
        self.height = max((field.box.low for field in fields), default=0)
        self._fields, self._pad, self._mark = fields, pad, mark

    def draw(self, frame: Bytes, x: int, y: int) -> None:
        """Draw it with its upper left corner at (`x`, `y`)."""
        desk, thin = self._desk, max(2, self._desk.line // 4 * 2)
        for field in self._fields:
            box = field.box.moved(x, y)
            bevel(frame, box, thin, desk.stage.shade, desk.stage.light)
            left = box.x + self._pad
            if field.dye:
                mark = PixelBox(
                    x=left,
                    y=whole(box.y + (box.height - self._mark) / 2),
                    width=self._mark,
                    height=self._mark,
                )
                fill(frame, mark, desk.style.ink)
                fill(frame, mark.inset(thin), field.dye)
                left = mark.right + desk.gap
            desk.write(frame, field.lines, left, box.y, box.height, desk.style.ink)


def one_line(text: str, font: str, size: int, width: int) -> Line:
    """Return text on one line, truncated where it does not fit."""
    if not text:
        return Line(text="", font=font, size=size, width=0)
    return typesetting.fitting(text.replace("\n", " "), font, (size,), max(size, width), 1)[0]


def row_height(lines: Sequence[Line]) -> int:
    """Return the pixels from one of these lines to the next."""
    return round(max(line.size for line in lines) * _LINE_HEIGHT)


def outlines(frame: Bytes, desk: Desk, start: PixelBox, end: PixelBox, step: int) -> None:
    """Draw the dotted outlines on the way from one box to another, up to `step` of OUTLINE_STEPS."""
    for number in range(max(1, step - _TRAIL + 1), step + 1):
        share = number / OUTLINE_STEPS
        box = PixelBox(
            **{
                name: even(first + (last - first) * share)
                for name, first, last in (
                    (name, getattr(start, name), getattr(end, name)) for name in ("x", "y", "width", "height")
                )
            }
        )
        _dotted(frame, desk, box)


def _dotted(frame: Bytes, desk: Desk, box: PixelBox) -> None:
    dot = 2 * desk.line
    inks = (desk.style.ink, desk.stage.light)
    for place in range(-(-box.width // dot)):
        for y in (box.y, box.low - dot):
            wide = min(dot, box.width - place * dot)
            fill(frame, PixelBox(x=box.x + place * dot, y=y, width=wide, height=dot), inks[place % 2])
    for place in range(1, -(-box.height // dot)):
        for x in (box.x, box.right - dot):
            tall = min(dot, box.height - place * dot)
            fill(frame, PixelBox(x=x, y=box.y + place * dot, width=dot, height=tall), inks[place % 2])
