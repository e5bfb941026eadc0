"""Pages of the table: the title with its giant letters, stories without pictures, and the binder at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from memorycapsule.domain.plan import Card, Credit, FilmStyle, MontagePlan, Size, Source
from memorycapsule.render import letters
from memorycapsule.render.letters import Line
from memorycapsule.render.overlays import bgr
from memorycapsule.render.painting import Painter, entrance_share, smooth
from memorycapsule.render.pictures import read_picture
from memorycapsule.render.planes import Bytes, blend, planes_from_bgr, planes_of
from memorycapsule.render.stages.table_cards import (
    FINE,
    Glance,
    Piece,
    Place,
    Pose,
    Stage,
    back_piece,
    lay_on,
    picture_piece,
    rounded,
    stage_of,
    whole_sky,
    write,
)
from memorycapsule.render.stages.table_turns import OnTable

#: The title's letters: from the edges (of width and height), steps of lines in ems, and the smallest size.
_EDGE_X, _EDGE_Y = 0.042, 0.045
_STEP = 0.94
_SMALLEST_TITLE = 0.05
#: The highest point of a letter above its baseline, and the lowest below, in ems.
_RISE, _FALL = 0.78, 0.2
#: The title's cards: mean side, from the bottom, and each one's tilt and how far it is shifted down.
_TITLE_CARD = 0.41
_TITLE_BOTTOM = 0.05
_TITLE_TILTS = ((-8.0, 0.0), (1.5, -0.025), (8.0, 0.005))
#: The letters' feet are covered by so much of a letter at most.
_COVERED = 0.16
#: When the first card slides in, how much later each next one, and how long it takes; seconds.
_SLIDE = (0.5, 0.22, 1.0)
#: A page of the binder: left, top, width and height in frame heights.
_PAGE = (0.09, 0.075, 0.8, 0.85)
#: When the first card goes back into its pocket, how much later each next one, how long it takes; seconds.
_PUT_BACK = (0.45, 0.1, 0.55)
_LINE_HEIGHT = 1.3
_CAP_HEIGHT = 0.72


def text_piece(size: Size, style: FilmStyle, card: Card, stage: Stage, zoom: float) -> Piece:
    """Return a story without pictures as the back of a card: a strip of its teller's dye, the words, the name."""
    fine = FINE * zoom
    wide, high = round(min(0.76 * size.width, 1.3 * size.height) * fine), round(0.78 * size.height * fine)
    unit = size.height * fine
    paper = np.empty((high, wide, 3), np.uint8)
    paper[...] = bgr(stage.table.card)
    dye = card.credits[0].dye if card.credits else style.accent
    _dots(paper, dye, unit)
    paper[: round(0.022 * unit)] = bgr(dye)
    left, room = round(0.085 * unit), wide - round(0.17 * unit)
    heading, body, note = letters.clean(card.heading), letters.clean(card.body), letters.clean(card.note)
    usual = style.text_size * unit
    below = letters.fitting(note, style.heading_font, (round(usual * 0.92),), room, 1) if note else []
    foot = high - round(0.075 * unit)
    tall = foot - round(0.1 * unit) - (round(usual * 1.6) if below else 0)
    above: list[Line] = []
    middle: list[Line] = []
    for share in (1.0, 0.92, 0.84, 0.76, 0.68, 0.6):
        big, small = round(0.082 * unit * share), round(usual * (1.3 if len(body) < 90 else 1.12) * share)
        above = letters.wrap(heading, style.heading_font, big, room, balanced=True) if heading else []
        middle = letters.wrap(body, style.text_font, small, room) if body else []
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
        _dot(paper, left, foot - round(line.size * _CAP_HEIGHT), round(line.size * 0.74), dye)
        write(paper, line, left + round(line.size * 1.15), foot, style.ink_soft)
    opacity = rounded(high, wide, 0.045 * unit)
    return Piece(paper, opacity, fine, (size.width / 2, 0.495 * size.height, -0.8), stage)


class TitlePainter(Painter):
    """Giant letters that stand still, and three cards that slide in before them."""

    def __init__(self, plan: MontagePlan, card: Card, pictures: Path) -> None:
        size, style = plan.size, plan.style
        stage = stage_of(size, style)
        self._fps, self._frames, self._height = plan.fps, card.frames, size.height
        self._pieces = _title_pieces(size, card, stage, pictures)
        top = min((piece.y - piece.height / 2 for piece in self._pieces), default=0.0)
        self._ground = _lettered(size, style, card, stage, top)

    def paint(self, index: int, frame: Bytes) -> None:
        frame[...] = self._ground
        first, later, long = (share * self._fps for share in _SLIDE)
        for number, piece in enumerate(self._pieces):
            share = min(1.0, (index - first - later * number) / long)
            if share <= 0:
                continue
            left = (1 - share) ** 3
            # What has come still glides a little, as long as the title stands.
            gliding = 1 - index / self._frames
            pose = Pose(
                x=left * 0.25 * self._height,
                y=(left * 0.8 + gliding * 0.012) * self._height,
                tilt=left * 22 + gliding * 0.8,
                lift=left,
            )
            piece.lay(frame, Glance(), pose)

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        # The light of the prologue has become the sky before there are letters on it.
        before.paint(before_index, frame)
        self.paint(index, spare)
        blend(frame, spare, smooth(1.4 * entrance_share(index, self.entrance_frames) - 0.4), frame)


def _title_pieces(size: Size, card: Card, stage: Stage, pictures: Path) -> list[Piece]:
    """Return the title's cards: its pictures, or the backs of cards in the contributors' dyes."""
    count = len(card.sources[:3])
    shapes = [_shape(source) for source in card.sources[:3]]
    if not count:
        shapes = [5 / 7] * min(3, len(card.credits))
        count = len(shapes)
    mean = _TITLE_CARD * size.height
    widths = [mean * math.sqrt(shape) for shape in shapes]
    heights = [mean / math.sqrt(shape) for shape in shapes]
    room = size.width * (0.64 if size.width > size.height else 0.86)
    overlap = 0.03 * size.height
    shrink = min(
        1.0, room / (sum(widths) - overlap * (count - 1) or 1), 0.5 * size.height / max(heights or [1])
    )
    total = (sum(widths) - overlap * (count - 1)) * shrink
    x = size.width * (1 - _EDGE_X) - total - 0.02 * size.height
    pieces = []
    for number, (wide, high) in enumerate(zip(widths, heights, strict=True)):
        tilt, down = _TITLE_TILTS[number if count > 1 else 2]
        wide, high = wide * shrink, high * shrink  # noqa: PLW2901
        y = (1 - _TITLE_BOTTOM + down) * size.height - high / 2
        if card.sources:
            inside = (wide * (1 - 2 * stage.table.edge), high * (1 - 2 * stage.table.edge))
            place = Place(x + wide / 2, y, *inside, inside, tilt)
            source = card.sources[number]
            picture = _cropped(read_picture(pictures, source, round(2 * max(inside) * FINE)), shapes[number])
            pieces.append(picture_piece(picture, place, stage, 1.0))
        else:
            pieces.append(back_piece(wide, high, card.credits[number].dye, (x + wide / 2, y, tilt), stage))
        x += wide - overlap * shrink
    return pieces


def _lettered(size: Size, style: FilmStyle, card: Card, stage: Stage, cards_top: float) -> Bytes:
    """Return the sky with the title's letters and the line of its date; `cards_top` is 0 without cards."""
    lines, letter = _title_lines(size, style, card, stage, cards_top)
    left = round(size.width * _EDGE_X)
    step = round(letter * _STEP)
    top = size.height * _EDGE_Y
    if not cards_top:
        top = max(top, (size.height * 0.94 - step * len(lines)) / 2)
    baseline = round(top + letter * _RISE)
    paper = _Paper(whole_sky(style, size))
    for line in lines:
        paper.write(line, left - round(0.04 * letter), baseline, style.ink, stage.table.title_spacing)
        baseline += step
    note = letters.clean(card.note)
    if note:
        usual = round(size.height * style.text_size)
        room = round(size.width * (0.26 if cards_top and size.width > size.height else 0.8))
        notes = letters.fitting(note, style.heading_font, (usual, round(usual * 0.8)), room, 3)
        row = round(notes[0].size * _LINE_HEIGHT)
        y = round(size.height * (1 - 0.075)) - row * (len(notes) - 1)
        for line in notes:
            paper.write(line, left, y, style.ink_soft)
            y += row
    return paper.frame()


def _title_lines(
    size: Size, style: FilmStyle, card: Card, stage: Stage, cards_top: float
) -> tuple[list[Line], int]:
    heading = letters.clean(card.heading)
    room = round(size.width * (1 - 2 * _EDGE_X))
    spacing = stage.table.title_spacing
    most = round(size.height * style.title_size)
    least = max(4, round(size.height * _SMALLEST_TITLE))
    sizes = [round(most * 0.94**number) for number in range(60)]
    for letter in (size for size in sizes if size >= least):
        lines = letters.wrap(heading, stage.table.title_font, letter, round(room * 1.05), balanced=True)
        widths = [line.width + spacing * letter * len(line.text) for line in lines]
        feet = size.height * _EDGE_Y + (_RISE + _STEP * (len(lines) - 1)) * letter
        low = cards_top + _COVERED * letter if cards_top else size.height * 0.84
        if max(widths, default=0) <= room and feet <= low:
            return lines, letter
    most_lines = max(1, int(((cards_top or size.height * 0.84) - size.height * _EDGE_Y) / (least * _STEP)))
    return letters.fitting(heading, stage.table.title_font, (least,), room, most_lines), least


class EndPainter(Painter):
    """A page of the binder into which the cards go back, and the names of all who gave something."""

    def __init__(self, plan: MontagePlan, card: Card, pictures: Path) -> None:
        size, style = plan.size, plan.style
        stage = stage_of(size, style)
        self._fps, self._height = plan.fps, size.height
        sources = card.sources[:9]
        paper = _Paper(whole_sky(style, size))
        self._pieces: list[Piece] = []
        if sources:
            pockets = _draw_page(paper, size, stage, 2 if len(sources) <= 4 else 3)
            self._pieces = [
                _pocketed(source, pocket, stage, pictures)
                for source, pocket in zip(sources, pockets, strict=False)
            ]
        _draw_names(paper, size, style, card, has_page=bool(sources))
        self._empty = paper.frame()
        self._full = self._empty.copy()
        for piece in self._pieces:
            piece.lay(self._full, Glance())

    def paint(self, index: int, frame: Bytes) -> None:
        first, later, long = (share * self._fps for share in _PUT_BACK)
        if index >= first + later * len(self._pieces) + long:
            frame[...] = self._full
            return
        frame[...] = self._empty
        for number, piece in enumerate(self._pieces):
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
            piece.lay(frame, Glance(), pose)

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        if not isinstance(before, OnTable):
            super().enter(index, before, before_index, frame, spare)
            return
        share = entrance_share(index, self.entrance_frames)
        self.paint(index, frame)
        blend(before.sky, frame, smooth(share * 1.6 - 0.6), frame)
        before.refresh(before_index)
        before.leave(before_index, share, frame)
        before.say(before_index, frame)


@dataclass(frozen=True)
class _Pocket:
    x: float
    y: float
    width: float
    height: float


def _draw_page(paper: _Paper, size: Size, stage: Stage, rows: int) -> list[_Pocket]:
    """Draw an empty page of the binder, with as many columns as rows, and return its pockets."""
    height = size.height
    x, y, wide, high = (round(edge * height) for edge in _PAGE)
    page = np.empty((high * 2, wide * 2, 3), np.uint8)
    page[...] = bgr(stage.table.binder)
    gap, margin, spine = (round(share * height * 2) for share in (0.014, 0.03, 0.062))
    ring = round(0.017 * height * 2)
    across = (wide * 2 - margin - spine - gap * (rows - 1)) / rows
    down = (high * 2 - 2 * margin - gap * (rows - 1)) / rows
    pockets = []
    for row in range(rows):
        _dot(
            page,
            round(spine * 0.5 - ring / 2),
            round(margin + (down + gap) * row + down / 2 - ring / 2),
            ring,
            stage.table.ring,
        )
        for column in range(rows):
            left, top = spine + (across + gap) * column, margin + (down + gap) * row
            shape = (round(down), round(across))
            pocket = np.empty((*shape, 3), np.uint8)
            pocket[...] = bgr(stage.table.pocket)
            lay_on(page, pocket, round(left), round(top), rounded(*shape, 0.012 * height * 2))
            pockets.append(
                _Pocket(x + (left + across / 2) / 2, y + (top + down / 2) / 2, across / 2, down / 2)
            )
    piece = Piece(
        page, rounded(high * 2, wide * 2, 0.035 * height * 2), 2.0, (x + wide / 2, y + high / 2, 0.0), stage
    )
    paper.lay(piece)
    return pockets


def _pocketed(source: Source, pocket: _Pocket, stage: Stage, pictures: Path) -> Piece:
    shape = min(max(source.width / source.height, 0.5), 2.0)
    room = 0.95 * min(pocket.width / shape, pocket.height)
    inside = room * shape * (1 - 2 * stage.table.edge), room * (1 - 2 * stage.table.edge)
    picture = _cropped(read_picture(pictures, source, round(2 * max(inside) * FINE)), shape)
    return picture_piece(picture, Place(pocket.x, pocket.y, *inside, inside, 0.0), stage, 1.0)


def _draw_names(paper: _Paper, size: Size, style: FilmStyle, card: Card, *, has_page: bool) -> None:
    """Write the heading, the names with how much each gave, and the music; beside the binder or in the middle."""
    height, width = size.height, size.width
    count = len(card.credits)
    left = round((_PAGE[0] + _PAGE[2] + 0.075) * height) if has_page else round(0.1 * width)
    room = round(width * 0.95) - left if has_page else round(0.8 * width)
    columns = 1 if count <= 8 else 2 if has_page or count <= 16 else 3
    rows = math.ceil(count / columns)
    heading, music = letters.clean(card.heading), letters.clean(card.note)
    big = round(height * 0.074)
    above = (
        letters.fitting(heading, style.heading_font, (big, round(big * 0.8), round(big * 0.66)), room, 3)
        if heading
        else []
    )
    usual = round(height * 0.046)
    below = letters.fitting(f"♪ {music}", style.text_font, (round(usual * 0.86),), room, 2) if music else []
    gap = round(height * 0.045)
    around = sum(round(line.size * 1.25) for line in (*above, *below)) + gap * (bool(above) + bool(below))
    step = min(round(usual * 1.55), int((height * 0.88 - around) / max(1, rows)))
    usual = min(usual, round(step * 0.68))
    y = (height - around - step * rows) // 2
    for line in above:
        row = round(line.size * 1.25)
        x = left if has_page else (width - line.width) // 2
        paper.write(line, x, y + (row + round(line.size * _CAP_HEIGHT)) // 2, style.ink)
        y += row
    y += gap if above else 0
    _draw_columns(paper, style, card.credits, columns, (left, y, room, step, usual), is_centred=not has_page)
    y += step * rows + (gap if below else 0)
    for line in below:
        row = round(line.size * 1.25)
        x = left if has_page else (width - line.width) // 2
        paper.write(line, x, y + (row + round(line.size * _CAP_HEIGHT)) // 2, style.ink_soft)
        y += row


def _draw_columns(
    paper: _Paper,
    style: FilmStyle,
    people: Sequence[Credit],
    columns: int,
    where: tuple[int, int, int, int, int],
    *,
    is_centred: bool,
) -> None:
    left, top, room, step, usual = where
    rows = math.ceil(len(people) / columns)
    dot = round(usual * 0.72)
    between = round(usual * 0.9)
    each = (room - between * (columns - 1)) // columns
    lines: list[list[Line]] = []
    for credit in people:
        counted = str(credit.count) if credit.count else ""
        number = [_line(counted, style.text_font, usual)] if counted else []
        taken = round(dot * 1.7) + sum(line.width + round(usual * 0.35) for line in number)
        name = letters.clean(credit.name) or "…"
        lines.append(
            [
                *letters.fitting(name, style.heading_font, (usual, round(usual * 0.84)), each - taken, 1),
                *number,
            ]
        )
    wide = [
        max(round(dot * 1.7) + sum(line.width + round(usual * 0.35) for line in row) for row in part)
        for part in (lines[rows * column : rows * (column + 1)] for column in range(columns))
        if part
    ]
    x = left + (room - sum(wide) - between * (len(wide) - 1)) // 2 if is_centred else left
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
        x += (most if is_centred else each) + between


class _Paper:
    """A frame that is drawn on in full colour before it becomes one; cards are laid in between."""

    def __init__(self, ground: Bytes) -> None:
        self._frame = ground.copy()
        #: Words and dots, over a colour of their own: white where nothing is.
        height, width = ground.shape[0] * 2 // 3, ground.shape[1]
        self._words: list[tuple[Bytes, Bytes]] = []
        self._shape = height, width

    def lay(self, piece: Piece) -> None:
        piece.lay(self._frame, Glance())

    def write(self, line: Line, x: int, baseline: int, colour: str, spacing: float = 0.0) -> None:
        mask = np.zeros((*self._shape, 3), np.uint8)
        write(mask, line, x, baseline, "#ffffff", spacing)
        self._ink(mask[:, :, 0], colour)

    def dot(self, x: int, y: int, size: int, colour: str) -> None:
        mask = np.zeros((*self._shape, 3), np.uint8)
        _dot(mask, x, y, size, "#ffffff")
        self._ink(mask[:, :, 0], colour)

    def frame(self) -> Bytes:
        return self._frame

    def _ink(self, mask: Bytes, colour: str) -> None:
        ink = np.empty((2, 2, 3), np.uint8)
        ink[...] = bgr(colour)
        planes, target = planes_from_bgr(ink), planes_of(self._frame)
        height, width = self._shape
        half = cv2.resize(mask, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        for below, share, value in (
            (target.luma, mask.astype(np.float32) / 255, planes.luma[0, 0]),
            (target.colour, np.asarray(half, np.float32)[:, :, None] / 255, planes.colour[0, 0]),
        ):
            below[...] = np.rint(below * (1 - share) + value * share)


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


def _dot(paper: Bytes, x: int, y: int, size: int, colour: str) -> None:
    spot = np.empty((size, size, 3), np.uint8)
    spot[...] = bgr(colour)
    lay_on(paper, spot, x, y, rounded(size, size, size / 2))


def _line(text: str, font: str, size: int) -> Line:
    return Line(text=text, font=font, size=size, width=letters.measure(text, font, size))


def _shape(source: Source) -> float:
    """Return the shape of a picture on the title's card: its own, unless it is a strip."""
    return min(max(source.width / source.height, 0.6), 1.7)


def _cropped(picture: Bytes, shape: float) -> Bytes:
    """Return the middle of a picture in the wanted shape; the upper part of a tall one."""
    height, width = picture.shape[:2]
    wide, high = min(width, round(height * shape)), min(height, round(width / shape))
    left, top = (width - wide) // 2, (height - high) // 3
    return picture[top : top + max(1, high), left : left + max(1, wide)]
