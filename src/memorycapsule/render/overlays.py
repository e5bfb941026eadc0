"""Text over pictures: ink and scrims as planes with opacity, laid over frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import Caption, Card, Credit, FilmStyle
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render import typesetting
from memorycapsule.render.planes import YUV_FROM_BGR, YUV_OFFSET, Bytes, planes_of
from memorycapsule.render.typesetting import Line

#: Words stay inside this part of the frame, as televisions and phones with round corners ask.
_SAFE = 0.06
_LINE_HEIGHT = 1.3
_CAP_HEIGHT = 0.72


@dataclass(frozen=True)
class Overlay:
    """
    Rows of a frame from `top` on: the ink, already multiplied by its opacity, and how much of the frame stays.

    All values are 0..255.
    """

    top: int
    luma: Bytes
    luma_through: Bytes
    colour: Bytes
    colour_through: Bytes

    def lay_over(self, frame: Bytes, opacity: float = 1.0) -> None:
        """Lay it over a frame, in place; `opacity` 0..1."""
        if opacity <= 0:
            return
        planes = planes_of(frame)
        top, rows = self.top, self.luma.shape[0]
        _lay(planes.luma[top : top + rows], self.luma, self.luma_through, opacity)
        _lay(planes.colour[top // 2 : (top + rows) // 2], self.colour, self.colour_through, opacity)


def _lay(target: Bytes, ink: Bytes, through: Bytes, opacity: float) -> None:
    if opacity < 1:
        ink = np.asarray(cv2.convertScaleAbs(ink, alpha=opacity), np.uint8)
        through = np.asarray(cv2.convertScaleAbs(through, alpha=opacity, beta=255 * (1 - opacity)), np.uint8)
    target[...] = cv2.add(cv2.multiply(target, through, scale=1 / 255), ink)


class Sheet:
    """A sheet for an overlay: colour and opacity, painted layer by layer, then converted to planes."""

    def __init__(self, size: Size, top: int, rows: int) -> None:
        self.top, self.rows, self.width = top - top % 2, rows + rows % 2, size.width
        self._bgr = np.zeros((self.rows, self.width, 3), np.float32)
        self._opacity = np.zeros((self.rows, self.width, 1), np.float32)

    def paint(self, mask: NDArray[np.float32], colour: str) -> None:
        """Paint `colour` with the opacities of `mask` (rows, width), 0..1."""
        self._paint(mask, 0, 0, colour)

    def _paint(self, mask: NDArray[np.float32], left: int, top: int, colour: str) -> None:
        """Paint with a small mask whose upper left corner lies at (`left`, `top`) of the sheet."""
        rows, columns = slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1])
        share = mask[:, :, None]
        for layer, ink in ((self._bgr, np.array(bgr(colour), np.float32)), (self._opacity, np.float32(1))):
            layer[rows, columns] *= 1 - share
            layer[rows, columns] += share * ink

    def write(self, line: Line, x: int, baseline: int, colour: str, shade: float = 0.0) -> None:
        """Write a line with its baseline at a row of the frame; `shade` lays a soft dark glow under it."""
        mask = np.zeros((self.rows, self.width), np.uint8)
        typesetting.draw(line, mask, x, baseline - self.top)
        # Only the place of the ink and its glow is painted; the rest of the sheet does not change.
        softness = max(1.0, line.size / 9)
        room = round(4 * softness) + 1 if shade else 0
        left, top, width, height = cv2.boundingRect(mask)
        right, bottom = left + width + room, top + height + room
        left, top = max(0, left - room), max(0, top - room)
        ink = mask[top:bottom, left:right].astype(np.float32) / np.float32(255)
        if shade and ink.size:
            glow = cv2.GaussianBlur(ink, (0, 0), softness)
            self._paint(np.asarray(np.clip(glow * shade, 0, 1), np.float32), left, top, "#000000")
        self._paint(ink, left, top, colour)

    def mark(self, x: int, y: int, width: int, height: int, colour: str, radius: int = 0) -> None:
        """Paint a rectangle with round corners; (`x`, `y`) is its upper left corner in the frame."""
        scale = 4
        patch = np.zeros((height * scale, width * scale), np.uint8)
        r = min(radius * scale, min(patch.shape) // 2)
        cv2.rectangle(patch, (r, 0), (patch.shape[1] - 1 - r, patch.shape[0]), (255,), -1)
        cv2.rectangle(patch, (0, r), (patch.shape[1], patch.shape[0] - 1 - r), (255,), -1)
        for centre in (
            (r, r),
            (patch.shape[1] - 1 - r, r),
            (r, patch.shape[0] - 1 - r),
            (patch.shape[1] - 1 - r, patch.shape[0] - 1 - r),
        ):
            cv2.circle(patch, centre, r, (255,), -1)
        small = cv2.resize(patch, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        y -= self.top
        # What lies outside the sheet is cut off.
        top, bottom = max(y, 0), min(y + height, self.rows)
        left, right = max(x, 0), min(x + width, self.width)
        if top < bottom and left < right:
            part = small[top - y : bottom - y, left - x : right - x]
            self._paint(np.asarray(part, np.float32), left, top, colour)

    def overlay(self) -> Overlay:
        """Return the sheet as an overlay."""
        matrix, offset = YUV_FROM_BGR.astype(np.float32), YUV_OFFSET.astype(np.float32)
        half = (self.width // 2, self.rows // 2)
        # Halving three channels has a fast way, halving two has none.
        low = cv2.resize(self._bgr, half, interpolation=cv2.INTER_AREA)
        low_opacity = cv2.resize(self._opacity, half, interpolation=cv2.INTER_AREA)
        luma = cv2.transform(self._bgr, matrix[:1]) + self._opacity[:, :, 0] * offset[0]
        colour = cv2.transform(low, matrix[1:]) + low_opacity[:, :, None] * offset[1:]
        through = _bytes(255 * (1 - low_opacity))
        return Overlay(
            top=self.top,
            luma=_bytes(luma),
            luma_through=_bytes(255 * (1 - self._opacity[:, :, 0])),
            colour=_bytes(colour),
            colour_through=np.dstack([through, through]),
        )


def bgr(colour: str) -> tuple[int, int, int]:
    """Return '#rrggbb' as blue, green, red, 0..255."""
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def caption_overlay(size: Size, style: FilmStyle, caption: Caption) -> Overlay | None:
    """Return heading and note in the lower third, over a scrim; None when there is nothing to draw."""
    heading = typesetting.clean(caption.heading)
    note = typesetting.clean(" · ".join(filter(None, (caption.who, caption.text, caption.when))))
    if not heading and not note:
        return None
    height = size.height
    left, width = round(size.width * _SAFE), round(size.width * (1 - 2 * _SAFE))
    gap = round(height * 0.022)
    big = round(height * style.caption_size)
    small = max(round(big * 0.76), round(height * 0.039))
    room = width - 2 * gap
    above = (
        typesetting.fitting(heading, style.heading_font, (big, round(big * 0.86)), room, 2) if heading else []
    )
    below = typesetting.fitting(note, style.text_font, (small,), room, 2) if note else []
    tall = sum(round(line.size * _LINE_HEIGHT) for line in (*above, *below))
    bottom = round(height * (1 - _SAFE))
    first = bottom - tall
    top = max(0, first - round(height * 0.16))
    sheet = Sheet(size, top, height - top)
    sheet.paint(_scrim(sheet, first, style.scrim), "#000000")
    sheet.mark(
        left,
        first + round(height * 0.008),
        max(3, round(height * 0.0075)),
        tall - round(height * 0.01),
        caption.dye,
        3,
    )
    y = first
    for line in (*above, *below):
        step = round(line.size * _LINE_HEIGHT)
        baseline = y + (step + round(line.size * _CAP_HEIGHT)) // 2
        sheet.write(line, left + 2 * gap, baseline, style.caption_ink, shade=0.5)
        y += step
    return sheet.overlay()


def _scrim(sheet: Sheet, first: int, most: float) -> NDArray[np.float32]:
    rows = np.arange(sheet.rows, dtype=np.float32)
    rise = np.clip(rows / max(1, first - sheet.top + (sheet.rows - first + sheet.top) * 0.55), 0, 1)
    smooth = rise * rise * (3 - 2 * rise) * most
    return np.repeat(smooth[:, None], sheet.width, axis=1).astype(np.float32)


def card_overlay(size: Size, style: FilmStyle, card: Card) -> Overlay:
    """Return the text of a card."""
    sheet = Sheet(size, 0, size.height)
    if card.role == "title":
        _title(sheet, size, style, card)
    elif card.role == "text":
        _text(sheet, size, style, card)
    else:
        _end(sheet, size, style, card)
    return sheet.overlay()


def _title(sheet: Sheet, size: Size, style: FilmStyle, card: Card) -> None:
    height = size.height
    big = round(height * style.title_size)
    sizes = tuple(round(big * share) for share in (1, 0.86, 0.74, 0.62, 0.52, 0.44, 0.38))
    heading = typesetting.clean(card.heading)
    lines = (
        typesetting.fitting(
            heading, style.heading_font, sizes, round(size.width * 0.8), 3 if len(heading) < 90 else 6
        )
        if heading
        else []
    )
    note = typesetting.clean(card.note)
    notes = (
        typesetting.fitting(
            note, style.text_font, (round(height * style.text_size),), round(size.width * 0.8), 2
        )
        if note
        else []
    )
    step = round((lines[0].size if lines else big) * 1.22)
    thread = round(height * 0.085)
    tall = step * len(lines) + thread + sum(round(line.size * _LINE_HEIGHT) for line in notes)
    y = (height - tall) // 2 - round(height * 0.015)
    for line in lines:
        sheet.write(
            line, (size.width - line.width) // 2, y + (step + round(line.size * _CAP_HEIGHT)) // 2, style.ink
        )
        y += step
    _stitches(sheet, size, style, card.credits, y + thread // 2)
    y += thread
    for line in notes:
        row = round(line.size * _LINE_HEIGHT)
        sheet.write(
            line,
            (size.width - line.width) // 2,
            y + (row + round(line.size * _CAP_HEIGHT)) // 2,
            style.ink_soft,
        )
        y += row


def _stitches(sheet: Sheet, size: Size, style: FilmStyle, people: tuple[Credit, ...], y: int) -> None:
    """Draw a short line of stitches, one in the dye of each contributor."""
    dyes = [person.dye for person in people][:16] or [style.accent] * 3
    long, thick, gap = (size.height * share for share in (0.03, 0.0065, 0.014))
    # Many stitches in a narrow frame are smaller ones.
    shrink = min(1.0, size.width * (1 - 2 * _SAFE) / (len(dyes) * long + (len(dyes) - 1) * gap))
    long, thick, gap = max(1, int(long * shrink)), max(2, round(thick * shrink)), int(gap * shrink)
    x = (size.width - len(dyes) * long - (len(dyes) - 1) * gap) // 2
    for dye in dyes:
        sheet.mark(x, y - thick // 2, long, thick, dye, thick // 2)
        x += long + gap


def _text(sheet: Sheet, size: Size, style: FilmStyle, card: Card) -> None:
    height = size.height
    left, width = round(size.width * 0.16), round(size.width * 0.68)
    big, usual = round(height * 0.072), round(height * style.text_size)
    heading, body, note = (
        typesetting.clean(card.heading),
        typesetting.clean(card.body),
        typesetting.clean(card.note),
    )
    above = (
        typesetting.fitting(heading, style.heading_font, (big, round(big * 0.8), round(big * 0.66)), width, 3)
        if heading
        else []
    )
    sizes = tuple(round(usual * share) for share in (1.2, 1, 0.88, 0.78))
    middle = (
        typesetting.fitting(body, style.text_font, sizes, width, 8, balanced=len(body) < 160) if body else []
    )
    below = typesetting.fitting(note, style.heading_font, (round(usual * 0.86),), width, 1) if note else []
    gap = round(height * 0.03)
    parts = [(above, 1.25, style.ink), (middle, 1.5, style.ink), (below, 1.4, style.ink_soft)]
    tall = sum(round(line.size * spread) for part, spread, _ in parts for line in part)
    tall += gap * (sum(bool(part) for part, _, _ in parts) - 1)
    y = (height - tall) // 2
    for part, spread, colour in parts:
        for line in part:
            step = round(line.size * spread)
            x = left
            if part is below and card.credits:
                mark = round(line.size * 0.7)
                sheet.mark(x, y + (step - mark) // 2, mark, mark, card.credits[0].dye, mark // 5)
                x += round(mark * 1.6)
            sheet.write(line, x, y + (step + round(line.size * _CAP_HEIGHT)) // 2, colour)
            y += step
        y += gap if part else 0


def _end(sheet: Sheet, size: Size, style: FilmStyle, card: Card) -> None:
    height = size.height
    count = len(card.credits)
    columns = 1 if count <= 5 else 2 if count <= 12 else 3
    per_column = -(-count // columns) if count else 0
    usual = round(height * (0.056 if columns == 1 else 0.046 if columns == 2 else 0.04))
    step = round(usual * 1.75)
    room = round(size.width * 0.84 / columns)
    mark = round(usual * 0.82)
    heading = typesetting.clean(card.heading)
    above = (
        typesetting.fitting(
            heading,
            style.heading_font,
            (round(height * 0.066), round(height * 0.05)),
            round(size.width * 0.8),
            2,
        )
        if heading
        else []
    )
    gap = round(height * 0.05) if above else 0
    tall = sum(round(line.size * 1.25) for line in above) + gap + step * per_column
    y = (height - tall) // 2
    for line in above:
        row = round(line.size * 1.25)
        sheet.write(
            line, (size.width - line.width) // 2, y + (row + round(line.size * _CAP_HEIGHT)) // 2, style.ink
        )
        y += row
    y += gap
    names = [
        typesetting.fitting(
            typesetting.clean(person.name) or "…", style.text_font, (usual,), room - 3 * mark, 1
        )[0]
        for person in card.credits
    ]
    wide = [
        max((line.width for line in names[column * per_column : (column + 1) * per_column]), default=0)
        + round(mark * 1.7)
        for column in range(columns)
    ]
    between = round(size.width * 0.05)
    x = (size.width - sum(wide) - between * (columns - 1)) // 2
    for column in range(columns):
        for row in range(per_column):
            index = column * per_column + row
            if index < count:
                top = y + row * step
                sheet.mark(x, top + (step - mark) // 2, mark, mark, card.credits[index].dye, mark // 5)
                baseline = top + (step + round(usual * _CAP_HEIGHT)) // 2
                sheet.write(names[index], x + round(mark * 1.7), baseline, style.ink)
        x += wide[column] + between


def _bytes(value: object) -> Bytes:
    return np.ascontiguousarray(np.clip(np.rint(np.asarray(value, np.float32)), 0, 255).astype(np.uint8))
