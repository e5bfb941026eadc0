"""Text in a gallery: labels beside works, and lettering on walls."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from memorycapsule.domain.film.plan import Caption, Card, FilmStyle, GalleryStage
from memorycapsule.render import typesetting
from memorycapsule.render.overlays import bgr
from memorycapsule.render.planes import Bytes
from memorycapsule.render.stages.gallery.walls import Floats, WallBox, as_bytes, cast_shadow, unit
from memorycapsule.render.typesetting import Line

#: No text is smaller than this part of a wall: 42 pixels of a film 1080 high.
_SMALLEST = 0.039
_RING = "#fbf9f4"
_LINE_HEIGHT = 1.36
_CAP_HEIGHT = 0.72
#: Where the words on a wall begin, and how wide and high they may get, as parts of the wall.
_LEFT, _ROOM_X, _ROOM_Y, _MIDDLE = 0.15, 0.7, 0.74, 0.485
#: Longer words on a label than this make it wider.
_LONG_TEXT = 24
#: So many names need no more than two columns.
_FEW_NAMES, _PAIR = 10, 2


@dataclass(frozen=True)
class Row:
    """A line of words with its colour, and the dye of the dot before it."""

    line: Line
    colour: str
    dye: str = ""
    #: The distance to the next line, in sizes.
    spread: float = _LINE_HEIGHT

    @property
    def step(self) -> int:
        return round(self.line.size * self.spread)

    @property
    def indent(self) -> int:
        return round(self.line.size * 0.86) if self.dye else 0


def label_rows(caption: Caption, style: FilmStyle, scale: float, room: int) -> list[Row]:
    """Return the lines of a label: the heading or the text first, then who and when; [] for an empty caption."""
    heading, text, who, when = (
        typesetting.clean(words) for words in (caption.heading, caption.text, caption.who, caption.when)
    )
    first = heading or text or who or when
    if not first:
        return []
    big, usual, small = (math.ceil(share * scale) for share in (0.044, 0.042, _SMALLEST))
    steps = [round(share * scale) for share in (0.26, 0.32, 0.4, 0.5, 0.62)]
    widths = [width for width in steps if width < room] or [room]
    indent = round(small * 0.86)
    signed = [words for words in (who, when) if words and words != first]
    # Name and day share a line unless that makes the label very wide. The title gets the same width.
    together = indent + typesetting.measure(", ".join(signed), style.text_font, small)
    signature = [", ".join(signed)] if signed and together <= 0.5 * scale else signed
    signed_widths = [indent + typesetting.measure(words, style.text_font, small) for words in signature]
    narrow = max([widths[0], *(min(width, widths[-1]) for width in signed_widths)])
    lines: list[Line] = []
    # A short title makes a narrow label; a long one needs a wide one before it needs more lines.
    wider = [(3, width) for width in widths if width > narrow]
    for most, width in [(2, narrow), *wider, (7, widths[-1])]:
        lines = typesetting.fitting(first, style.heading_font, (big,), width, most)
        if not lines[-1].text.endswith("…") or first.endswith("…"):
            break
    width = max(narrow, *(line.width for line in lines))
    rows = [Row(line, style.ink) for line in lines]
    stage_font = style.stage.wall_font if isinstance(style.stage, GalleryStage) else style.text_font
    if heading and text:
        wide = max(width, widths[min(2, len(widths) - 1)]) if len(text) > _LONG_TEXT else width
        rows += [Row(line, style.ink) for line in typesetting.fitting(text, stage_font, (usual,), wide, 5)]
    wide = max(width, *(row.line.width for row in rows)) - indent
    has_dye = bool(who) and first != who
    signing = [
        line
        for words in signature
        for line in typesetting.fitting(words, style.text_font, (small,), wide, 2, balanced=False)
    ]
    rows += [
        Row(line, style.ink_soft, caption.dye if has_dye and place == 0 else "")
        for place, line in enumerate(signing)
    ]
    return rows


def label_size(rows: list[Row], scale: float) -> tuple[int, int]:
    """Return width and height of a label."""
    pad_x, pad_y = round(0.023 * scale), round(0.016 * scale)
    width = max(row.indent + row.line.width for row in rows)
    return width + 2 * pad_x, sum(row.step for row in rows) + 2 * pad_y


def put_label(wall: Bytes, corner: tuple[int, int], rows: list[Row], stage: GalleryStage) -> WallBox:
    """Put a label of thick paper on a wall, in place, and return where it is."""
    scale = unit(wall.shape[1], wall.shape[0])
    box = WallBox(*corner, *label_size(rows, scale))
    cast_shadow(wall, box, drop=0.005 * scale, blur=0.006 * scale, strength=0.5)
    part = wall[box.y : box.low, box.x : box.right]
    down = np.linspace(1.0, 0.965, part.shape[0], dtype=np.float32)[:, None, None]
    part[...] = as_bytes(np.array(bgr(stage.paper), np.float32) * down * np.ones_like(part, np.float32))
    part[-max(1, round(0.0022 * scale)) :] = bgr("#cfc6b6")
    write_rows(wall, rows, box.x + round(0.023 * scale), box.y + round(0.016 * scale))
    return box


def write_rows(wall: Bytes, rows: list[Row], x: int, y: int) -> int:
    """Write lines one below the other from (`x`, `y`) on, in place. Returns the row at which the next would begin."""
    for row in rows:
        baseline = y + (row.step + round(row.line.size * _CAP_HEIGHT)) // 2
        if row.dye:
            radius = row.line.size * 0.24
            middle = (x + radius, baseline - row.line.size * 0.36)
            # A pale ring tells any dye from any wall.
            dot(wall, middle, radius * 1.22, _RING)
            dot(wall, middle, radius, row.dye)
        write(wall, row.line, x + row.indent, baseline, row.colour)
        y += row.step
    return y


def write(wall: Bytes, line: Line, x: int, baseline: int, colour: str) -> None:
    """Write a line on a wall, in place, with its baseline at a row."""
    top, low = (
        max(0, baseline - round(1.15 * line.size)),
        min(wall.shape[0], baseline + round(0.5 * line.size)),
    )
    left, right = max(0, x), min(wall.shape[1], x + line.width + line.size // 4)
    if low <= top or right <= left:
        return
    mask = np.zeros((low - top, right - left), np.uint8)
    typesetting.draw(line, mask, x - left, baseline - top)
    ink(wall[top:low, left:right], mask.astype(np.float32) / np.float32(255), colour)


def dot(wall: Bytes, middle: tuple[float, float], radius: float, colour: str) -> None:
    """Paint a round patch, in place."""
    left, top = (max(0, int(edge - radius - 2)) for edge in middle)
    part = wall[top : top + int(2 * radius) + 5, left : left + int(2 * radius) + 5]
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    far = np.hypot(columns + left - middle[0], rows + top - middle[1])
    ink(part, np.clip(radius - far + 0.5, 0, 1).astype(np.float32), colour)


def ink(part: Bytes, mask: Floats, colour: str) -> None:
    """Paint `colour` with the opacities of `mask` (rows, columns), 0..1, in place."""
    share = mask[:, :, None]
    part[...] = as_bytes(part * (1 - share) + share * np.array(bgr(colour), np.float32))


def typeset_text(wall: Bytes, card: Card, style: FilmStyle, stage: GalleryStage) -> None:
    """Set a story without pictures on a wall, in place: its title, its text, and its contributor."""
    scale = unit(wall.shape[1], wall.shape[0])
    width = round(wall.shape[1] * _ROOM_X)
    most = wall.shape[0] * _ROOM_Y
    heading, body, note = (typesetting.clean(words) for words in (card.heading, card.body, card.note))
    blocks: list[list[Row]] = []
    for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        # A long title shrinks first. The text is never smaller than that of a label.
        sizes = [round(max(share * part, _SMALLEST) * scale) for part in (0.08, 0.05, 0.038)]
        blocks = [
            _block(heading, style.heading_font, sizes[0], width, stage.lettering, spread=1.3),
            _block(body, stage.wall_font, sizes[1], width, stage.lettering, spread=1.62),
            _block(note, style.text_font, sizes[2], width, stage.lettering, spread=1.4),
        ]
        blocks = [block for block in blocks if block]
        if sum(row.step for block in blocks for row in block) + 0.04 * scale * (len(blocks) - 1) <= most:
            break
    if note and card.credits and blocks:
        signature = blocks[-1]
        signature[0] = replace(signature[0], dye=card.credits[0].dye)
    gap = round(0.04 * scale)
    y = round(
        wall.shape[0] * _MIDDLE - (sum(r.step for b in blocks for r in b) + gap * (len(blocks) - 1)) / 2
    )
    for block in blocks:
        y = write_rows(wall, block, round(wall.shape[1] * _LEFT), y) + gap


def _block(text: str, font: str, size: int, width: int, colour: str, *, spread: float) -> list[Row]:
    lines = typesetting.wrap(text, font, size, width, balanced=spread < _LINE_HEIGHT) if text else []
    return [Row(line, colour, spread=spread) for line in lines]


def typeset_names(wall: Bytes, card: Card, style: FilmStyle, stage: GalleryStage) -> None:
    """Set the names of an end card on a wall, in place, with its heading and the title of the music."""
    scale = unit(wall.shape[1], wall.shape[0])
    left, width = round(wall.shape[1] * _LEFT), round(wall.shape[1] * _ROOM_X)
    heading, note = typesetting.clean(card.heading), typesetting.clean(card.note)
    names = [(typesetting.clean(person.name) or "…", person.dye) for person in card.credits]
    most_rows = 5 if len(names) <= _FEW_NAMES else 8
    columns = max(1, -(-len(names) // most_rows))
    rows_each = -(-len(names) // columns)
    size = round((0.052 if columns == 1 else 0.046 if columns == _PAIR else 0.04) * scale)
    # A wall without names is left to the lettering.
    shares, note_share = ((0.088, 0.07, 0.056), _SMALLEST) if names else ((0.15, 0.12, 0.088), 0.046)
    above = (
        [
            Row(line, stage.lettering, spread=1.25)
            for line in typesetting.fitting(
                heading,
                style.heading_font,
                tuple(round(share * scale) for share in shares),
                width,
                2,
            )
        ]
        if heading
        else []
    )
    below = (
        [
            Row(line, stage.lettering, spread=1.4)
            for line in typesetting.fitting(
                f"♪ {note}", stage.wall_font, (round(note_share * scale),), width, 1
            )
        ]
        if note
        else []
    )
    each = width // columns
    lettered = [
        Row(
            typesetting.fitting(name, stage.wall_font, (size,), round(each * 0.92) - size, 1)[0],
            stage.lettering,
            dye,
            spread=1.72,
        )
        for name, dye in names
    ]
    gap = round(0.045 * scale)
    parts = [
        sum(row.step for row in above),
        rows_each * lettered[0].step if lettered else 0,
        sum(row.step for row in below),
    ]
    y = round(wall.shape[0] * _MIDDLE - (sum(parts) + gap * (sum(map(bool, parts)) - 1)) / 2)
    if above:
        y = write_rows(wall, above, left, y) + gap
        if below and not names:
            # A brass rule between the lettering and what the music is called.
            thick = max(1, round(0.006 * scale))
            wall[y - gap // 2 : y - gap // 2 + thick, left : left + round(0.2 * width)] = bgr(style.accent)
    for column in range(columns if lettered else 0):
        write_rows(wall, lettered[column * rows_each : (column + 1) * rows_each], left + column * each, y)
    y += parts[1] + (gap if lettered else 0)
    write_rows(wall, below, left, y)
