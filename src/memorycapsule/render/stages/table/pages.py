"""Pages of the table: stories without pictures, and the binder at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memorycapsule.domain.film.plan import Card, Credit, FilmStyle, MontagePlan, Source
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render import typesetting
from memorycapsule.render.overlays import bgr
from memorycapsule.render.painting import Painter, entrance_share, smooth
from memorycapsule.render.pictures import read_picture
from memorycapsule.render.planes import Bytes, blend
from memorycapsule.render.stages.table.cards import (
    FINE,
    Place,
    Pose,
    TableCard,
    TableGeometry,
    ViewTransform,
    cropped,
    picture_card,
    stage_of,
    whole_sky,
)
from memorycapsule.render.stages.table.paper import Paper, dot, lay_on, rounded, write
from memorycapsule.render.stages.table.turns import OnTable
from memorycapsule.render.typesetting import Line

#: A page of the binder: left, top, width and height in frame heights.
_PAGE = (0.09, 0.075, 0.8, 0.85)
#: When the first card goes back into its pocket, how much later each next one, how long it takes; seconds.
_PUT_BACK = (0.45, 0.1, 0.55)
_CAP_HEIGHT = 0.72


def text_card(size: Size, style: FilmStyle, card: Card, stage: TableGeometry, zoom: float) -> TableCard:
    """Return a story without pictures as the back of a card: a strip in its contributor's dye, the text, the name."""
    fine = FINE * zoom
    wide = round(min(max(0.76 * size.width, 0.9 * min(size.width, size.height)), 1.3 * size.height) * fine)
    high = round(min(0.78 * size.height, 1.3 * size.width) * fine)
    unit = min(size.height, 0.8 * size.width) * fine
    paper = np.empty((high, wide, 3), np.uint8)
    paper[...] = bgr(stage.table.card)
    dye = card.credits[0].dye if card.credits else style.accent
    _dots(paper, dye, unit)
    paper[: round(0.022 * unit)] = bgr(dye)
    left, room = round(0.085 * unit), wide - round(0.17 * unit)
    heading, body, note = (
        typesetting.clean(card.heading),
        typesetting.clean(card.body),
        typesetting.clean(card.note),
    )
    usual = style.text_size * unit
    below = typesetting.fitting(note, style.heading_font, (round(usual * 0.92),), room, 1) if note else []
    foot = high - round(0.075 * unit)
    tall = foot - round(0.1 * unit) - (round(usual * 1.6) if below else 0)
    above: list[Line] = []
    middle: list[Line] = []
    for share in (1.0, 0.92, 0.84, 0.76, 0.68, 0.6):
        big, small = round(0.082 * unit * share), round(usual * (1.3 if len(body) < 90 else 1.12) * share)
        above = typesetting.wrap(heading, style.heading_font, big, room, balanced=True) if heading else []
        middle = typesetting.wrap(body, style.text_font, small, room) if body else []
        if len(above) * big * 1.24 + len(middle) * small * 1.5 + 0.03 * unit <= tall:
            break
    y = round(0.1 * unit)
    if not middle:
        # A heading alone stands in the middle.
        y = max(y, round((high - sum(line.size * 1.24 for line in above)) / 2))
    for lines, spread, colour in ((above, 1.24, style.ink), (middle, 1.5, style.caption_ink)):
        for line in lines:
            step = round(line.size * spread)
            if y + step <= foot - (usual if below else 0):
                write(paper, line, left, y + (step + round(line.size * _CAP_HEIGHT)) // 2, colour)
            y += step
        y += round(0.03 * unit) if lines else 0
    for line in below:
        dot(paper, left, foot - round(line.size * _CAP_HEIGHT), round(line.size * 0.74), dye)
        write(paper, line, left + round(line.size * 1.15), foot, style.ink_soft)
    opacity = rounded(high, wide, 0.045 * unit)
    return TableCard(paper, opacity, fine, (size.width / 2, 0.495 * size.height, -0.8), stage)


class TableEndPainter(Painter):
    """A page of the binder into which the cards go back, and the names of all who gave something."""

    def __init__(self, plan: MontagePlan, card: Card, pictures: Path) -> None:
        size, style = plan.size, plan.style
        stage = stage_of(size, style)
        self._fps, self._height = plan.fps, size.height
        sources = card.sources[:9]
        paper = Paper(whole_sky(style, size))
        page, names = _laid_out(size, has_page=bool(sources))
        self._cards: list[TableCard] = []
        if sources:
            pockets = _draw_page(paper, page, stage, 2 if len(sources) <= 4 else 3)
            self._cards = [
                _pocketed(source, pocket, stage, pictures)
                for source, pocket in zip(sources, pockets, strict=False)
            ]
        _draw_names(paper, names, style, card, size.height)
        self._empty = paper.frame
        self._full = self._empty.copy()
        for table_card in self._cards:
            table_card.lay(self._full, ViewTransform())

    def paint(self, index: int, frame: Bytes) -> None:
        first, later, long = (share * self._fps for share in _PUT_BACK)
        if index >= first + later * len(self._cards) + long:
            frame[...] = self._full
            return
        frame[...] = self._empty
        for number, table_card in enumerate(self._cards):
            share = min(1.0, (index - first - later * number) / long)
            if share <= 0:
                continue
            left = (1 - share) ** 3
            pose = Pose(
                x=left * 0.3 * self._height,
                y=-left * 0.22 * self._height,
                scale=1 + 0.5 * left,
                tilt=12 * left,
                lift=left,
                share=smooth(share * 3),
            )
            table_card.lay(frame, ViewTransform(), pose)

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        if not isinstance(before, OnTable):
            super().enter(index, before, before_index, frame, spare)
            return
        share = entrance_share(index, self.entrance_frames)
        self.paint(index, frame)
        blend(before.sky, frame, smooth(share * 1.6 - 0.6), frame)
        before.refresh(before_index)
        before.leave(before_index, share, frame)
        before.lay_words(before_index, frame)


@dataclass(frozen=True)
class _Pocket:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class _Area:
    """Whole pixels of a frame."""

    left: int
    top: int
    width: int
    height: int
    #: What is written in it stands in its middle.
    is_centred: bool = False


def _laid_out(size: Size, *, has_page: bool) -> tuple[_Area, _Area]:
    """Return where the binder's page and the names are: side by side, or in a narrow frame one above the other."""
    width, height = size.width, size.height
    if width >= 1.45 * height:
        x, y, wide, high = (round(edge * height) for edge in _PAGE)
        page = _Area(x, y, wide, high)
        left = page.left + page.width + round(0.075 * height)
        beside = _Area(left, round(0.06 * height), round(width * 0.95) - left, round(0.88 * height))
    else:
        side = round(min(0.88 * width, 0.5 * height))
        page = _Area((width - side) // 2, round(0.05 * height), side, round(side * 1.05))
        top = page.top + page.height + round(0.03 * height)
        beside = _Area(
            round(0.06 * width), top, round(0.88 * width), round(0.95 * height) - top, is_centred=True
        )
    if has_page:
        return page, beside
    return page, _Area(
        round(0.08 * width), round(0.06 * height), round(0.84 * width), round(0.88 * height), is_centred=True
    )


def _draw_page(paper: Paper, area: _Area, stage: TableGeometry, rows: int) -> list[_Pocket]:
    """Draw an empty page of the binder, with as many columns as rows, and return its pockets."""
    x, y, wide, high = area.left, area.top, area.width, area.height
    page = np.empty((high * 2, wide * 2, 3), np.uint8)
    page[...] = bgr(stage.table.binder)
    gap, margin, spine, ring = (round(share * high * 2) for share in (0.017, 0.035, 0.073, 0.02))
    across = (wide * 2 - margin - spine - gap * (rows - 1)) / rows
    down = (high * 2 - 2 * margin - gap * (rows - 1)) / rows
    pockets = []
    for row in range(rows):
        middle = round(margin + (down + gap) * row + down / 2)
        dot(page, (spine - ring) // 2, middle - ring // 2, ring, stage.table.ring)
        for column in range(rows):
            left, top = spine + (across + gap) * column, margin + (down + gap) * row
            shape = (round(down), round(across))
            pocket = np.empty((*shape, 3), np.uint8)
            pocket[...] = bgr(stage.table.pocket)
            lay_on(page, pocket, round(left), round(top), rounded(*shape, 0.014 * high * 2))
            pockets.append(
                _Pocket(x + (left + across / 2) / 2, y + (top + down / 2) / 2, across / 2, down / 2)
            )
    corners = rounded(high * 2, wide * 2, 0.041 * high * 2)
    TableCard(page, corners, 2.0, (x + wide / 2, y + high / 2, 0.0), stage).lay(paper.frame, ViewTransform())
    return pockets


def _pocketed(source: Source, pocket: _Pocket, stage: TableGeometry, pictures: Path) -> TableCard:
    shape = min(max(source.width / source.height, 0.5), 2.0)
    room = 0.95 * min(pocket.width / shape, pocket.height)
    inside = room * shape * (1 - 2 * stage.table.edge), room * (1 - 2 * stage.table.edge)
    picture = cropped(read_picture(pictures, source, round(2 * max(inside) * FINE)), shape)
    return picture_card(picture, Place(pocket.x, pocket.y, *inside, inside, 0.0), stage, 1.0)


def _draw_names(paper: Paper, area: _Area, style: FilmStyle, card: Card, height: int) -> None:
    """Write the heading, the names with how much each gave, and the music."""
    count = len(card.credits)
    columns = 1 if (count <= 8 and area.width < 2.2 * area.height) or count <= 5 else 2
    if area.is_centred and count > 16 and area.width > area.height:
        columns = 3
    rows = math.ceil(count / columns)
    heading, music = typesetting.clean(card.heading), typesetting.clean(card.note)
    unit = min(height, area.width * (0.9 if area.is_centred else 1.4))
    big, usual = round(unit * 0.076), round(unit * 0.047)
    room = area.width
    above = (
        typesetting.fitting(heading, style.heading_font, (big, round(big * 0.8), round(big * 0.66)), room, 3)
        if heading
        else []
    )
    below = (
        typesetting.fitting(f"♪ {music}", style.text_font, (round(usual * 0.86),), room, 2) if music else []
    )
    gap = round(unit * 0.045)
    around = sum(round(line.size * 1.25) for line in (*above, *below)) + gap * (bool(above) + bool(below))
    step = max(1, min(round(usual * 1.55), int((area.height - around) / max(1, rows))))
    usual = max(1, min(usual, round(step * 0.68)))
    y = area.top + max(0, (area.height - around - step * rows) // 2)
    for lines, colour in ((above, style.ink), (below, style.ink_soft)):
        if lines is below:
            _draw_columns(paper, style, card.credits, columns, area, (y, step, usual))
            y += step * rows + gap
        for line in lines:
            row = round(line.size * 1.25)
            x = area.left + (room - line.width) // 2 if area.is_centred else area.left
            paper.write(line, x, y + (row + round(line.size * _CAP_HEIGHT)) // 2, colour)
            y += row
        y += gap if lines is above and above else 0


def _draw_columns(
    paper: Paper,
    style: FilmStyle,
    people: Sequence[Credit],
    columns: int,
    area: _Area,
    where: tuple[int, int, int],
) -> None:
    """Write names in columns; `where` is the first row, the step from row to row and the size of letters."""
    top, step, usual = where
    left, room = area.left, area.width
    rows = math.ceil(len(people) / columns)
    dot = round(usual * 0.72)
    between = round(usual * 0.9)
    each = (room - between * (columns - 1)) // columns
    lines: list[list[Line]] = []
    for credit in people:
        counted = str(credit.count) if credit.count else ""
        number = [typesetting.line_of(counted, style.text_font, usual)] if counted else []
        used_width = round(dot * 1.7) + sum(line.width + round(usual * 0.35) for line in number)
        name = typesetting.clean(credit.name) or "…"
        lines.append(
            [
                *typesetting.fitting(
                    name, style.heading_font, (usual, round(usual * 0.84)), each - used_width, 1
                ),
                *number,
            ]
        )
    wide = [
        max(round(dot * 1.7) + sum(line.width + round(usual * 0.35) for line in row) for row in part)
        for part in (lines[rows * column : rows * (column + 1)] for column in range(columns))
        if part
    ]
    x = left + (room - sum(wide) - between * (len(wide) - 1)) // 2 if area.is_centred else left
    for column, most in enumerate(wide):
        for row, (credit, words) in enumerate(
            zip(people[rows * column :][:rows], lines[rows * column :][:rows], strict=True)
        ):
            y = top + row * step
            paper.dot(x, y + (step - dot) // 2, dot, credit.dye)
            at = x + round(dot * 1.7)
            baseline = y + (step + round(usual * _CAP_HEIGHT)) // 2
            for line, colour in zip(words, (style.caption_ink, style.ink_soft), strict=False):
                paper.write(line, at, baseline, colour)
                at += line.width + round(usual * 0.35)
        x += (most if area.is_centred else each) + between


def _dots(paper: Bytes, dye: str, unit: float) -> None:
    """Draw rows of small dots over the lower part of a paper, coming out of nothing."""
    height, width = paper.shape[:2]
    step, radius = 0.03 * unit, 0.0042 * unit
    top = round(height * 0.62)
    rows, columns = np.mgrid[top:height, 0:width].astype(np.float32)
    x, y = columns / np.float32(step) - 0.5, (rows - height) / np.float32(step) - 0.5
    near = np.hypot(x - np.rint(x), y - np.rint(y)) * step
    share = np.clip(radius - near + 0.5, 0, 1) * np.linspace(0, 0.26, height - top)[:, None]
    below = paper[top:].astype(np.float32)
    mixed = below + (np.array(bgr(dye), np.float32) - below) * share[:, :, None]
    paper[top:] = np.clip(np.rint(mixed), 0, 255)
