"""Cards of the desktop: the title in pixel glyphs, stories in the window of an editor, the last screen."""

from __future__ import annotations

from collections.abc import Sequence

from memorycapsule.domain.film.plan import Card, MontagePlan
from memorycapsule.render import typesetting
from memorycapsule.render.painting import Painter
from memorycapsule.render.planes import Bytes, new_frame
from memorycapsule.render.stages.desktop.entrances import DesktopPainter
from memorycapsule.render.stages.desktop.layout import number_of
from memorycapsule.render.stages.desktop.pixels import (
    GLYPH_ROWS,
    GLYPH_SIZE,
    Glyph,
    PixelBox,
    Pixels,
    bevel,
    bundle,
    even,
    fill,
    folder,
    glyph_faces,
    joined_glyphs,
    pixel_glyphs,
    shade,
    switch_off,
    whole,
)
from memorycapsule.render.stages.desktop.windows import (
    ICONS,
    OUTLINE_STEPS,
    Desk,
    Status,
    one_line,
    outlines,
)
from memorycapsule.render.typesetting import Line
from memorycapsule.words.catalogues import wording

#: A title in pixel glyphs has at most so many lines, and its pixels are at most and at least so large on a
#: screen of 1080 rows.
_TITLE_LINES = 3
_TITLE_SCALES = (14, 12, 10, 8, 6)
#: From line to line, in such pixels.
_STEP = 30
#: How much of width and height it takes at most.
_TITLE_WIDTH, _TITLE_HEIGHT = 0.86, 0.6
#: Seconds: until the first letter falls, from one to the next at most, for all of them at most, how long one
#: falls, and how long it bounces.
_WAIT, _APART, _ALL, _FALL, _BOUNCE = 0.1, 0.14, 1.3, 0.26, 0.16
#: How high a letter bounces, in its own pixels.
_HOP = 3
#: Folders below the title, one for each contributor.
_MOST_FOLDERS = 10

_CARET_SECONDS = 0.5

#: The words on the last screen become smaller where there are many names.
_END_SIZES = (1.1, 1.0, 0.9, 0.8, 0.7, 0.6)
#: Part of its entrance after which all of the desktop is dark.
_SWITCHED_OFF = 0.8
#: From line to line of its pixel letters.
_LINE = 28


def open_title(plan: MontagePlan, card: Card) -> DesktopPainter:
    """Return the painter of the title card: in pixel glyphs where they have room, otherwise in a window."""
    heading = typesetting.clean(card.heading)
    desk = Desk(plan.size, plan.style)
    for scale in (even(scale * desk.scale) for scale in _TITLE_SCALES):
        columns = int(desk.size.width * _TITLE_WIDTH) // scale - 8
        rows = desk.size.height * _TITLE_HEIGHT / scale
        most = min(_TITLE_LINES, max(1, int(rows // _STEP)))
        if columns < 2 * GLYPH_SIZE:
            continue
        lines = typesetting.wrap(heading, plan.style.heading_font, GLYPH_SIZE, columns, balanced=True)
        if len(lines) <= most and _is_unbroken(heading, lines):
            return PixelTitlePainter(plan, card, lines, scale)
    return PaperPainter(plan, card)


def _is_unbroken(text: str, lines: Sequence[Line]) -> bool:
    """Return whether the lines are made of whole words."""
    words = set(text.split())
    return all(word in words for line in lines for word in line.text.split())


class PixelTitlePainter(DesktopPainter):
    """The title: its glyphs drop in one by one. Then the date and a folder for each contributor appear."""

    def __init__(self, plan: MontagePlan, card: Card, lines: Sequence[Line], scale: int) -> None:
        super().__init__(plan, card)
        desk = self.desk
        self._scale, self._colours = scale, (desk.stage.outline, plan.style.accent)
        self._lines = [pixel_glyphs(line.text.removesuffix(" ·"), line.font) for line in lines]
        step = _STEP * scale
        below = even(2.1 * desk.text) + 4 * desk.gap if card.note else 0
        tall = step * len(lines) + below
        top = whole(desk.room.y + max(0, desk.room.height * 0.44 - tall / 2))
        self._places = [
            (whole((desk.size.width - columns * scale) / 2), top + number * step)
            for number, (_, columns) in enumerate(self._lines)
        ]
        count = sum(len(line) for line, _ in self._lines)
        fps = plan.fps
        begin = card.entrance_frames + round(_WAIT * fps)
        apart = min(_APART, _ALL / max(1, count)) * fps
        self._starts = [begin + round(place * apart) for place in range(count)]
        self._fps = fps
        self._landed = begin + round(count * apart + (_FALL + _BOUNCE) * fps) if count else 0
        self._ground = desk.ground()
        self._stand = self._ground.copy()
        for (line, columns), (x, y) in zip(self._lines, self._places, strict=True):
            self._lay(self._stand, line, columns, x, y, [0] * len(line))
        note = typesetting.clean(card.note)
        if note:
            _plate(self._stand, desk, note, top + step * len(lines) + 3 * desk.gap)
        self._folders = _folders(desk, card)

    def paint(self, index: int, frame: Bytes) -> None:
        if index >= self._landed:
            frame[...] = self._stand
            shown = (index - self._landed) * len(self._folders) // max(1, round(0.5 * self._fps)) + 1
        else:
            frame[...] = self._ground
            shown = 0
            first = 0
            for (line, columns), (x, y) in zip(self._lines, self._places, strict=True):
                starts = self._starts[first : first + len(line)]
                first += len(line)
                above = y // self._scale + GLYPH_ROWS
                self._lay(frame, line, columns, x, y, [self._rise(index, start, above) for start in starts])
        for icon, x, y, scale in self._folders[:shown]:
            icon.lay(frame, x, y, scale)

    def _rise(self, index: int, start: int, above: int) -> int | None:
        """Return how many of its pixels a glyph is above its place; None before it appears."""
        seconds = (index - start) / self._fps
        if seconds < 0:
            return None
        if seconds < _FALL:
            return round(above * (1 - (seconds / _FALL) ** 2))
        share = (seconds - _FALL) / _BOUNCE
        return round(_HOP * 4 * share * (1 - share)) if share < 1 else 0

    def _lay(
        self, frame: Bytes, line: Sequence[Glyph], columns: int, x: int, y: int, rises: Sequence[int | None]
    ) -> None:
        above = max((rise for rise in rises if rise is not None), default=0)
        pixels = Pixels(joined_glyphs(line, columns, rises, above), self._colours)
        pixels.lay(frame, x, y - above * self._scale, self._scale)


def _plate(frame: Bytes, desk: Desk, note: str, y: int) -> None:
    """Lay a small plate with words in the middle."""
    line = one_line(note, desk.style.heading_font, desk.text, round(0.8 * desk.size.width))
    wide, tall = even(line.width + 6 * desk.gap), even(1.7 * desk.text)
    box = PixelBox(x=whole((desk.size.width - wide) / 2), y=y, width=wide, height=tall)
    shade(frame, box.inset(-desk.line).moved(desk.shadow, desk.shadow), desk.style.ink, 0.3)
    fill(frame, box.inset(-desk.line), desk.style.ink)
    fill(frame, box, desk.stage.face)
    bevel(frame, box, desk.line, desk.stage.light, desk.stage.shade)
    desk.write(frame, [line], 0, box.y, box.height, desk.style.ink, middle=desk.size.width // 2)


def _folders(desk: Desk, card: Card) -> list[tuple[Pixels, int, int, int]]:
    """Return a folder for each contributor in their dye, side by side, with places and scale."""
    dyes = [person.dye for person in card.credits][:_MOST_FOLDERS]
    scale = even(6 * desk.scale)
    icons = [folder(dye, number) for number, dye in enumerate(dyes)]
    if not icons:
        return []
    wide, apart = icons[0].columns * scale, even(5 * desk.gap)
    x = whole((desk.size.width - len(icons) * wide - (len(icons) - 1) * apart) / 2)
    y = whole(desk.task_bar.y - icons[0].rows * scale - 0.07 * desk.size.height)
    return [(icon, x + number * (wide + apart), y, scale) for number, icon in enumerate(icons)]


class PaperPainter(DesktopPainter):
    """Text in the window of a simple editor, with a blinking caret: a story, or a title too long for pixel glyphs."""

    def __init__(self, plan: MontagePlan, card: Card) -> None:
        super().__init__(plan, card)
        desk = self.desk
        heading, body, note = map(typesetting.clean, (card.heading, card.body, card.note))
        is_title = card.role != "text"
        who = typesetting.clean(card.credits[0].name) if card.credits and not is_title else ""
        kind = "" if is_title else wording(plan.language)("film_story")
        name = kind if is_title else heading or who or kind
        font = plan.style.heading_font if is_title or not body else plan.style.text_font
        width = even(0.7 * desk.size.width)
        text = heading if is_title else body or heading
        if (
            body
            and not is_title
            and typesetting.measure(heading, plan.style.heading_font, desk.text) > 0.7 * width
        ):
            # The title bar truncates a long heading, so it stands on the paper too.
            text = f"{heading}\n{body}"
        label, dye = (who, card.credits[0].dye) if who else (note, "")
        status = Status(desk, "", label, dye, width) if label else None
        pad = 2 * desk.text
        room = desk.room.height - desk.outer_of(0, 0)[1] - (status.height + desk.gap if status else 0)
        lines = _set(desk, text, font, width - 2 * pad, room - 2 * desk.line - pad)
        step = even(1.45 * lines[0].size) if lines else 0
        tall = max(even(step * len(lines) + pad), min(room - 2 * desk.line, 6 * desk.text))
        wide, high = desk.outer_of(width, tall + 2 * desk.line + (status.height + desk.gap if status else 0))
        toss = number_of(card)
        slack = desk.room.width - wide
        x = desk.room.x + slack / 2 + (toss % 1001 / 500 - 1) * min(slack / 2, 0.03 * desk.size.width)
        y = desk.room.y + (desk.room.height - high) / 2
        outer = PixelBox(x=whole(x), y=whole(y), width=wide, height=high)
        self.windows = (outer,)
        icon = bundle(plan.style.dyes) if is_title else ICONS["paper"]
        self._ground = desk.ground()
        desk.open_on_task_bar(self._ground, name, icon)
        desk.window(self._ground, outer, name, icon)
        contents = desk.contents_of(outer)
        well = PixelBox(
            x=contents.x + desk.line,
            y=contents.y + desk.line,
            width=contents.width - 2 * desk.line,
            height=tall,
        )
        desk.well(self._ground, well, desk.stage.light)
        top = whole(well.y + (well.height - step * len(lines)) / 2) if is_title else well.y + even(pad / 2)
        for number, line in enumerate(lines):
            row = top + number * step
            rule = PixelBox(x=well.x + desk.gap, y=row + step - 2, width=well.width - 2 * desk.gap, height=2)
            fill(self._ground, rule, plan.style.ground_low)
            desk.write(self._ground, [line], well.x + pad, row, step, plan.style.ink)
        if status:
            status.draw(self._ground, contents.x, well.low + desk.line + desk.gap)
        last = lines[-1] if lines else one_line("", font, desk.text, desk.text)
        self._caret = PixelBox(
            x=whole(well.x + pad + last.width + desk.line),
            y=whole(top + max(0, len(lines) - 1) * step + 0.16 * step),
            width=desk.line,
            height=even(0.68 * (step or 1.45 * desk.text)),
        )
        self._blink = max(1, round(_CARET_SECONDS * plan.fps))
        self._rise = round(0.5 * plan.fps) if is_title else 0
        self._entrance = card.entrance_frames
        self._bare = desk.ground() if is_title else None

    def paint(self, index: int, frame: Bytes) -> None:
        at = index - self._entrance
        if self._bare is not None and at < self._rise:
            frame[...] = self._bare
            step = max(0, at) * (OUTLINE_STEPS + 1) // self._rise
            outlines(frame, self.desk, self.desk.start, self.windows[0], min(step, OUTLINE_STEPS))
            return
        frame[...] = self._ground
        if index // self._blink % 2 == 0:
            fill(frame, self._caret, self.desk.style.ink)


def _set(desk: Desk, text: str, font: str, width: int, height: int) -> list[Line]:
    """Return text in lines, as large as it fits."""
    if not text:
        return []
    usual = max(desk.text, round(desk.style.text_size * 1080 * desk.scale))
    sizes = [round(usual * share) for share in (1.5, 1.3, 1.15, 1, 0.9)]
    for size in sizes:
        lines = typesetting.wrap(text, font, size, width)
        if len(lines) * even(1.45 * size) <= height:
            return lines
    return typesetting.fitting(
        text, font, (sizes[-1],), width, max(1, height // even(1.45 * sizes[-1])), balanced=False
    )


class DesktopEndPainter(DesktopPainter):
    """The last screen: dark, with amber text, and the names of all contributors."""

    def __init__(self, plan: MontagePlan, card: Card) -> None:
        super().__init__(plan, card)
        desk, style, stage = self.desk, plan.style, self.desk.stage
        size = desk.size
        self._still = new_frame(size.width, size.height)
        fill(self._still, PixelBox(x=0, y=0, width=size.width, height=size.height), stage.off)
        heading, note = typesetting.clean(card.heading), typesetting.clean(card.note)
        people = [(typesetting.clean(person.name) or "…", person.count) for person in card.credits]
        words = wording(plan.language)
        room = round(0.84 * size.width)
        goodbye, scale = _goodbye(desk, words("film_goodbye"), room)
        names = [f"{name} {count}" if count else name for name, count in people]
        high = len(goodbye) * _LINE * scale
        for text in (max(6, round(share * desk.text)) for share in _END_SIZES):
            gap, step = even(1.1 * text), even(1.5 * text)
            above = [one_line(heading, style.heading_font, round(1.1 * text), room)] if heading else []
            name_lines = _joined(names, style.text_font, text, room) if names else []
            music = (
                typesetting.fitting(words("film_music", title=note), style.text_font, (text,), room, 2)
                if note
                else []
            )
            parts = [part for part in (above, name_lines, music) if part]
            tall = high + sum(gap + step * len(part) for part in parts)
            if tall <= 0.9 * size.height:
                break
        y = max(2, whole((size.height - tall) / 2))
        for line in goodbye:
            made, columns = pixel_glyphs(line.text, line.font)
            pixels = Pixels(glyph_faces(joined_glyphs(made, columns, [0] * len(made), 0)), (stage.off_ink,))
            pixels.lay(self._still, whole((size.width - columns * scale) / 2), y - 4 * scale, scale)
            y += _LINE * scale
        for part in parts:
            y += gap
            for line in part:
                desk.write(self._still, [line], 0, y, step, stage.off_ink, middle=size.width // 2)
                y += step

    def paint(self, index: int, frame: Bytes) -> None:
        del index
        frame[...] = self._still

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        """Switch off what was there before, pixel by pixel; the words stand on the dark screen at once."""
        del spare
        share = self.share(index) / _SWITCHED_OFF
        if share > 1:
            self.paint(index, frame)
            return
        before.paint(before_index, frame)
        switch_off(frame, self.desk.cell * 2, self.desk.stage.off, share)


def _goodbye(desk: Desk, words: str, room: int) -> tuple[list[Line], int]:
    scales = [even(scale * desk.scale) for scale in (4, 2)]
    for scale in scales:
        lines = typesetting.wrap(
            words, desk.style.heading_font, GLYPH_SIZE, max(GLYPH_SIZE, room // scale - 8), balanced=True
        )
        if len(lines) <= 2:
            return lines, scale
    return lines, scale


def _joined(names: Sequence[str], font: str, size: int, width: int) -> list[Line]:
    """Return names with dots between them, in lines of about equal length. No name is broken."""
    short = [one_line(name, font, size, width).text for name in names]
    found = _broken_into_lines(short, font, size, width)
    low, high = width // max(1, len(found)), width
    while high - low > 2:
        middle = (low + high) // 2
        tried = _broken_into_lines(short, font, size, middle)
        if len(tried) <= len(found) and all(
            typesetting.measure(line, font, size) <= middle for line in tried
        ):
            high, found = middle, tried
        else:
            low = middle
    return [typesetting.line_of(line, font, size) for line in found]


def _broken_into_lines(names: Sequence[str], font: str, size: int, width: int) -> list[str]:
    lines = [names[0]]
    for name in names[1:]:
        longer = f"{lines[-1]} · {name}"
        if typesetting.measure(longer, font, size) <= width:
            lines[-1] = longer
        else:
            lines.append(name)
    return lines
