"""The title of the table: giant letters that stand still, and cards that slide in before them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

from memorycapsule.domain.film.plan import Card, FilmStyle, MontagePlan, Source
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.hangul import has_hangul
from memorycapsule.render import typesetting
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
    card_back,
    cropped,
    picture_card,
    stage_of,
    whole_sky,
)
from memorycapsule.render.stages.table.paper import Paper
from memorycapsule.render.typesetting import Line

#: The title's letters: from the edges (of width and height), steps of lines in ems, and the smallest size.
_EDGE_X, _EDGE_Y = 0.042, 0.045
#: Of one or two lines, and of more.
_STEPS = 0.94, 1.1
#: Hangul stands higher and lower than Latin letters.
_HANGUL_STEP = 1.03
#: The largest letters, as parts of the theme's, and the smallest, of the frame's height.
_LARGEST_TITLE, _SMALLEST_TITLE = 1.4, 0.048
#: The highest point of a letter above its baseline, and the lowest below, in ems.
_RISE, _FALL = 0.78, 0.2
#: The title's cards: mean side, from the bottom, and each one's tilt and how far it is shifted down.
_TITLE_CARD = 0.41
_TITLE_BOTTOM = 0.05
_TITLE_TILTS = ((-8.0, 0.0), (1.5, -0.025), (8.0, 0.005))
#: So much of a letter is covered at most; more than two lines stand free.
_COVERED = 0.22
#: When the first card slides in, how much later each next one, and how long it takes; seconds.
_SLIDE = (0.5, 0.22, 1.0)
_LINE_HEIGHT = 1.3
#: Frames of a smaller aspect are narrow.
_NARROW = 1.3


class TitlePainter(Painter):
    """Giant letters that stand still, and three cards that slide in before them."""

    def __init__(self, plan: MontagePlan, card: Card, pictures: Path) -> None:
        size, style = plan.size, plan.style
        stage = stage_of(size, style)
        self._fps, self._frames, self._height = plan.fps, card.frames, size.height
        self._cards = _title_cards(size, card, stage, pictures)
        top = min((_top(table_card) for table_card in self._cards), default=0.0)
        self._ground = _title_ground(size, style, card, stage, top)

    def paint(self, index: int, frame: Bytes) -> None:
        frame[...] = self._ground
        first, later, long = (share * self._fps for share in _SLIDE)
        for number, table_card in enumerate(self._cards):
            share = min(1.0, (index - first - later * number) / long)
            if share <= 0:
                continue
            left = (1 - share) ** 3
            # A card that has arrived still glides a little, as long as the title stands.
            gliding = 1 - index / self._frames
            pose = Pose(
                x=left * 0.25 * self._height,
                y=(left * 0.8 + gliding * 0.012) * self._height,
                tilt=left * 22 + gliding * 0.8,
                lift=left,
            )
            table_card.lay(frame, ViewTransform(), pose)

    def enter(self, index: int, before: Painter, before_index: int, frame: Bytes, spare: Bytes) -> None:
        # The light of the prologue turns into the sky before letters appear on it.
        before.paint(before_index, frame)
        self.paint(index, spare)
        blend(frame, spare, smooth(1.4 * entrance_share(index, self.entrance_frames) - 0.4), frame)


def _title_cards(size: Size, card: Card, stage: TableGeometry, pictures: Path) -> list[TableCard]:
    """Return the title's cards: its pictures, or the backs of cards in the contributors' dyes."""
    count = len(card.sources[:3])
    shapes = [_shape(source) for source in card.sources[:3]]
    if not count:
        shapes = [5 / 7] * min(3, len(card.credits))
        count = len(shapes)
    mean = _TITLE_CARD * size.height
    widths = [mean * math.sqrt(shape) for shape in shapes]
    heights = [mean / math.sqrt(shape) for shape in shapes]
    room = size.width * (0.64 if size.width > _NARROW * size.height else 0.86)
    overlap = 0.03 * size.height
    shrink = min(
        1.0, room / (sum(widths) - overlap * (count - 1) or 1), 0.5 * size.height / max(heights or [1])
    )
    total = (sum(widths) - overlap * (count - 1)) * shrink
    x = size.width * (1 - _EDGE_X) - total - 0.02 * size.height
    # In a narrow frame the date has no room beside them, so it stands below.
    bottom = _TITLE_BOTTOM if size.width > _NARROW * size.height or not card.note else 3 * _TITLE_BOTTOM
    table_cards = []
    for number, (wide, high) in enumerate(zip(widths, heights, strict=True)):
        tilt, down = _TITLE_TILTS[number if count > 1 else 2]
        wide, high = wide * shrink, high * shrink  # noqa: PLW2901
        y = (1 - bottom + down) * size.height - high / 2
        if card.sources:
            inside = (wide * (1 - 2 * stage.table.edge), high * (1 - 2 * stage.table.edge))
            place = Place(x + wide / 2, y, *inside, inside, tilt)
            source = card.sources[number]
            picture = cropped(read_picture(pictures, source, round(2 * max(inside) * FINE)), shapes[number])
            table_cards.append(picture_card(picture, place, stage, 1.0))
        else:
            table_cards.append(
                card_back(wide, high, card.credits[number].dye, (x + wide / 2, y, tilt), stage)
            )
        x += wide - overlap * shrink
    return table_cards


def _title_ground(size: Size, style: FilmStyle, card: Card, stage: TableGeometry, cards_top: float) -> Bytes:
    """Return the sky with the title's letters and the line of its date; `cards_top` is 0 without cards."""
    lines, em = _title_lines(size, style, card, stage, cards_top)
    left = round(size.width * _EDGE_X)
    step = round(em * _step(lines, em))
    spacing = _spacing(size, style, stage, em)
    top = size.height * _EDGE_Y
    if not cards_top:
        top = max(top, (size.height * 0.94 - step * len(lines)) / 2)
    baseline = round(top + em * _rise(lines, em))
    paper = Paper(whole_sky(style, size))
    widths = [line.width + spacing * em * len(list(typesetting.parts_of(line))) for line in lines]
    for line, width in zip(lines, widths, strict=True):
        # Lines from the right begin where the widest one does.
        indent = round(max(widths) - width) if line.is_rtl else 0
        paper.write(line, left + indent - round(0.04 * em), baseline, style.ink, spacing)
        baseline += step
    note = typesetting.clean(card.note)
    if note:
        usual = round(size.height * style.text_size)
        room = round(size.width * (0.26 if cards_top and size.width > _NARROW * size.height else 0.8))
        notes = typesetting.fitting(note, style.heading_font, (usual, round(usual * 0.8)), room, 3)
        row = round(notes[0].size * _LINE_HEIGHT)
        y = round(size.height * (1 - 0.075)) - row * (len(notes) - 1)
        for line in notes:
            paper.write(line, left, y, style.ink_soft)
            y += row
    return paper.frame


def _title_lines(
    size: Size, style: FilmStyle, card: Card, stage: TableGeometry, cards_top: float
) -> tuple[list[Line], int]:
    heading = typesetting.clean(card.heading)
    room = round(size.width * (1 - 2 * _EDGE_X))
    usual = size.height * style.title_size
    least = max(4, round(size.height * _SMALLEST_TITLE))
    sizes = [round(usual * _LARGEST_TITLE * 0.94**number) for number in range(60)]
    for em in (size for size in sizes if size >= least):
        font, width = stage.table.title_font, round(room * 1.05)
        is_cut = any(typesetting.measure(word, font, em) > width for word in heading.split())
        if is_cut and em > 0.4 * usual:
            # A smaller size is better than a broken word.
            continue
        lines = typesetting.wrap(heading, font, em, width, balanced=True)
        spacing = _spacing(size, style, stage, em)
        widths = [line.width + spacing * em * len(line.text) for line in lines]
        feet = size.height * _EDGE_Y + (_rise(lines, em) + _step(lines, em) * (len(lines) - 1)) * em
        low = cards_top + (_COVERED if len(lines) <= 2 else -_FALL) * em if cards_top else size.height * 0.84
        if max(widths, default=0) <= room and feet <= low:
            return lines, em
    most_lines = max(
        1, int(((cards_top or size.height * 0.84) - size.height * _EDGE_Y) / (least * _STEPS[1]))
    )
    return typesetting.fitting(heading, stage.table.title_font, (least,), room, most_lines), least


def _top(table_card: TableCard) -> float:
    """Return the highest point of a card as it lies."""
    angle = math.radians(abs(table_card.tilt))
    return table_card.y - (table_card.height * math.cos(angle) + table_card.width * math.sin(angle)) / 2


def _spacing(size: Size, style: FilmStyle, stage: TableGeometry, em: int) -> float:
    """Return the letter spacing in ems: tight for giant letters, loose for small ones, so that they can be read."""
    giant = size.height * style.title_size
    return stage.table.title_spacing * min(1.0, em / giant)


def _rise(lines: Sequence[Line], em: int) -> float:
    """Return how far the first line reaches above its baseline, in ems: some scripts have marks above marks."""
    return max([_RISE, *(typesetting.reach_of(line)[0] / em for line in lines[:1])])


def _step(lines: Sequence[Line], em: int) -> float:
    """Return how far apart the lines are, in ems."""
    few = _HANGUL_STEP if any(has_hangul(line.text) for line in lines) else _STEPS[0]
    usual = _STEPS[1] if len(lines) > 2 else few
    reaches = [typesetting.reach_of(line) for line in lines]
    # Of two lines that follow each other, the ink may touch, but does not cross.
    return max([usual, *((low + high) / em for (_, low), (high, _) in itertools.pairwise(reaches))])


def _shape(source: Source) -> float:
    """Return the shape of a picture on the title's card: its own, unless it is a strip."""
    return min(max(source.width / source.height, 0.6), 1.7)
