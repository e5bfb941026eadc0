"""The poster at the entrance of a gallery: torn papers, a printed sheet, one brass pin."""

from __future__ import annotations

from hashlib import sha256

import cv2
import numpy as np

from memorycapsule.domain.film.plan import Card, FilmStyle, GalleryStage
from memorycapsule.render import typesetting
from memorycapsule.render.overlays import bgr
from memorycapsule.render.planes import Bytes
from memorycapsule.render.stages.gallery.walls import Floats, as_bytes, bare_wall, pool
from memorycapsule.render.stages.gallery.words import write
from memorycapsule.render.typesetting import Line

#: The papers below the sheet: left, top, right and low edge as parts of the poster, and the tilt in degrees.
_PAPERS = (
    (0.0, 0.05, 0.5, 0.47, -4.0),
    (0.42, 0.0, 0.87, 0.42, 5.0),
    (0.62, 0.07, 1.0, 0.52, 4.0),
    (0.0, 0.5, 0.42, 0.97, 4.5),
    (0.46, 0.6, 0.99, 1.0, -3.0),
)
_SHEET = (0.1, 0.13, 0.9, 0.91, -1.6)
#: How far a torn edge shows the paper's pale inside, and how far it wanders, as parts of the poster's height.
_TORN_PAPERS, _WANDER = 0.012, 0.009
#: A poster is at most so much wider than high.
_ASPECT = 1.66
_MOST_NAME_ROWS = 2
_SIZES = (0.185, 0.16, 0.14, 0.122, 0.106, 0.092, 0.08, 0.07, 0.061, 0.053, 0.046)


def entrance(width: int, height: int, card: Card, style: FilmStyle, stage: GalleryStage) -> Bytes:
    """Return the entrance of a gallery with the poster of a film, BGR."""
    bare = bare_wall(width, height, stage.plaster, "entrance")
    # Evening light: the poster's surroundings are a little darker than it is.
    light = 0.9 + 0.1 * pool(width, height, 0.5, 0.62)
    wall = as_bytes(bare * light[:, :, None])
    tall = min(0.8 * height, 0.84 * width / _ASPECT if width > height else 0.86 * width)
    wide = min(0.84 * width, _ASPECT * tall)
    left, top = (width - wide) / 2, (height - tall) / 2 - 0.01 * height
    seed = int.from_bytes(sha256(card.heading.encode()).digest()[:4], "big")
    for place, (colour, (*edges, turn)) in enumerate(zip(stage.papers, _PAPERS, strict=False)):
        random = np.random.default_rng((seed, place))
        box = [edge * side for edge, side in zip(edges, (wide, tall, wide, tall), strict=True)]
        paper, opacity = _paper(box[2] - box[0], box[3] - box[1], tall, colour, random, "ltrb")
        middle = (left + (box[0] + box[2]) / 2, top + (box[1] + box[3]) / 2)
        _paste(wall, paper, opacity, middle, turn + float(random.uniform(-1.2, 1.2)), tall)
    *edges, turn = _SHEET
    box = [edge * side for edge, side in zip(edges, (wide, tall, wide, tall), strict=True)]
    random = np.random.default_rng((seed, len(_PAPERS)))
    sheet, opacity = _paper(box[2] - box[0], box[3] - box[1], tall, stage.paper, random, "b")
    _print(sheet, card, style, stage, tall)
    middle = (left + (box[0] + box[2]) / 2, top + (box[1] + box[3]) / 2)
    _paste(wall, sheet, opacity, middle, turn, tall)
    _pin(wall, (middle[0] - 0.01 * tall, top + box[1] + 0.035 * tall), 0.019 * tall)
    return wall


def _paper(
    width: float, height: float, tall: float, colour: str, random: np.random.Generator, sides: str
) -> tuple[Bytes, Floats]:
    """
    Return a sheet of paper, BGR, and its opacity 0..1.

    `sides` are the initials of the torn ones: left, top, right, bottom.
    """
    pad = round(3 * _WANDER * tall) + 2
    columns, rows = round(width) + 2 * pad, round(height) + 2 * pad
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    inside = np.full((rows, columns), 1e3, np.float32)
    inner = np.full((rows, columns), 1e3, np.float32)
    for side, far, count in (
        ("l", x - pad, rows),
        ("t", y - pad, columns),
        ("r", columns - pad - x, rows),
        ("b", rows - pad - y, columns),
    ):
        tear, pale = np.zeros(count, np.float32), np.zeros(count, np.float32)
        if side in sides:
            tear = _wandering(count, tall, random)
            # The coloured layer is torn further in than the pale one below it.
            pale = np.maximum(
                0.1 * _TORN_PAPERS * tall,
                _TORN_PAPERS * tall * (1 + 0.55 * _wandering(count, tall, random) / (_WANDER * tall)),
            )
        across = (slice(None), None) if side in "lr" else (None, slice(None))
        inside = np.minimum(inside, far - tear[across])
        inner = np.minimum(inner, far - tear[across] - pale[across])
    opacity = np.clip(inside + 0.5, 0, 1)
    face = np.clip(inner + 0.5, 0, 1)[:, :, None]
    fibres = cv2.GaussianBlur(random.standard_normal((rows, columns), np.float32), (0, 0), 2.4, sigmaY=0.7)
    specks = cv2.GaussianBlur(random.standard_normal((rows, columns), np.float32), (0, 0), 0.8)
    texture = (3.2 * fibres / float(fibres.std()) + 1.6 * specks / float(specks.std()))[:, :, None]
    is_pale = colour.lower() > "#f0"
    pale_inside = np.array(bgr("#f3ede0" if not is_pale else "#efe8da"), np.float32)
    paper = pale_inside * (1 - face) + np.array(bgr(colour), np.float32) * face
    return as_bytes(paper + texture * (0.45 if is_pale else 1.0)), opacity


def _wandering(count: int, tall: float, random: np.random.Generator) -> Floats:
    """Return the offsets along a torn edge: long waves with small teeth on them."""
    path = np.zeros(count, np.float32)
    for length, share in ((0.05, 0.45), (0.014, 0.38), (0.004, 0.17)):
        points = random.uniform(-1, 1, max(4, int(count / (length * tall)) + 2)).astype(np.float32)
        places = np.linspace(0, len(points) - 1, count)
        path += share * np.interp(places, np.arange(len(points)), points).astype(np.float32)
    return np.asarray(path * _WANDER * tall, np.float32)


def _paste(
    wall: Bytes, paper: Bytes, opacity: Floats, middle: tuple[float, float], degrees: float, tall: float
) -> None:
    """Lay a sheet of paper with its shadow on a wall, in place, turned clockwise around its middle."""
    rows, columns = opacity.shape
    turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), -degrees, 1.0)
    turn[:, 2] += np.array(middle) - np.array([(columns - 1) / 2, (rows - 1) / 2])
    corners = turn @ np.array([[0, columns, columns, 0], [0, 0, rows, rows], [1, 1, 1, 1]], np.float64)
    reach = round(0.07 * tall)
    left, top = (max(0, int(edge) - reach) for edge in corners.min(axis=1))
    right, low = int(corners[0].max()) + reach, int(corners[1].max()) + reach
    part = wall[top:low, left:right]
    turn[:, 2] -= (left, top)
    size = (part.shape[1], part.shape[0])
    mask = np.asarray(cv2.warpAffine(opacity, turn, size, flags=cv2.INTER_LINEAR), np.float32)
    ink = cv2.warpAffine(paper, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    shade = np.zeros(mask.shape, np.float32)
    for drop, blur, strength in ((0.016, 0.016, 0.3), (0.004, 0.004, 0.24)):
        coarse = max(1, round(blur * tall / 3))
        small = cv2.resize(mask, (size[0] // coarse + 1, size[1] // coarse + 1), interpolation=cv2.INTER_AREA)
        move = np.array([[1, 0, 0.5 * drop * tall / coarse], [0, 1, drop * tall / coarse]])
        soft = cv2.GaussianBlur(cv2.warpAffine(small, move, small.shape[::-1]), (0, 0), blur * tall / coarse)
        shade = 1 - (1 - shade) * (1 - strength * np.asarray(cv2.resize(soft, size), np.float32))
    through = cv2.merge([as_bytes(255 - 255 * shade * tint) for tint in (1.0, 0.93, 0.86)])
    part[...] = cv2.multiply(part, through, scale=1 / 255)
    part[...] = as_bytes(part * (1 - mask[:, :, None]) + ink * mask[:, :, None])


def _print(sheet: Bytes, card: Card, style: FilmStyle, stage: GalleryStage, tall: float) -> None:
    """Print title, names and date on the sheet, in place."""
    height, width = sheet.shape[:2]
    room = round(0.8 * width)
    heading, note = typesetting.clean(card.heading), typesetting.clean(card.note)
    names = [name for name in (typesetting.clean(person.name) for person in card.credits) if name]
    small = round(0.052 * tall)
    artists = _rows_of(names, stage.wall_font, small, room)
    dates = typesetting.fitting(note, stage.wall_font, (small,), room, 1) if note else []
    below = [block for block in (artists, dates) if block]
    gaps = [0.045 * tall, 0.014 * tall]
    used = sum(line.size * 1.45 for block in below for line in block) + sum(gaps[: len(below)])
    lines = _heading(heading, style.heading_font, tall, room, 0.84 * height - used)
    blocks = [[(line, style.ink, 1.2) for line in lines]] if lines else []
    blocks += [[(line, style.ink_soft, 1.45) for line in block] for block in below]
    total = sum(line.size * spread for block in blocks for line, _, spread in block)
    total += sum(gaps[: len(blocks) - 1])
    y = (height - total) / 2 + 0.012 * tall
    for place, block in enumerate(blocks):
        for line, colour, spread in block:
            baseline = round(y + (line.size * spread + 0.72 * line.size) / 2)
            write(sheet, line, (width - line.width) // 2, baseline, colour)
            y += line.size * spread
        y += gaps[min(place, 1)]


def _heading(heading: str, font: str, tall: float, width: int, height: float) -> list[Line]:
    """Return a title in the largest size that fits, with whole words where that is possible."""
    longest = max(heading.split(), key=len, default="")
    for size in (round(share * tall) for share in _SIZES):
        lines = typesetting.wrap(heading, font, size, width, balanced=True)
        is_whole = typesetting.measure(longest, font, size) <= width
        if is_whole and len(lines) * size * 1.2 <= height:
            return lines
    smallest = round(_SIZES[-1] * tall)
    return (
        typesetting.fitting(heading, font, (smallest,), width, max(1, int(height / (1.2 * smallest))))
        if heading
        else []
    )


def _rows_of(names: list[str], font: str, size: int, width: int) -> list[Line]:
    """Return names in at most two rows of about equal length, none of them broken; [] when they do not fit."""
    for count in (1, _MOST_NAME_ROWS):
        each = -(-len(names) // count)
        rows = [" · ".join(names[place : place + each]) for place in range(0, len(names), max(1, each))]
        lines = [typesetting.line_of(row, font, size) for row in rows]
        if all(line.width <= width for line in lines):
            return lines
    return []


def _pin(wall: Bytes, middle: tuple[float, float], radius: float) -> None:
    """Stick a brass pin into a wall, in place."""
    reach = int(4 * radius) + 2
    left, top = (max(0, int(edge) - reach) for edge in middle)
    part = wall[top : top + 2 * reach, left : left + 2 * reach]
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]].astype(np.float32)
    across, down = (columns + left - middle[0]) / radius, (rows + top - middle[1]) / radius
    shadow = 0.5 * np.exp(-(((across - 0.5) / 0.9) ** 2 + ((down - 0.95) / 0.9) ** 2))
    brass = _brass(np.hypot(across + 0.3, down + 0.36))
    cover = np.clip((1 - np.hypot(across, down)) * radius + 0.5, 0, 1)[:, :, None]
    shaded = part * (1 - shadow[:, :, None])
    part[...] = as_bytes(shaded * (1 - cover) + brass * cover)


def _brass(far: Floats) -> Floats:
    """Return the colours of brass by the distance from the point that reflects the lamp."""
    stops = np.array([0.0, 0.55, 1.35], np.float32)
    colours = np.array([bgr("#fff2cc"), bgr("#d2a652"), bgr("#70490f")], np.float32)
    return np.stack([np.interp(far, stops, colours[:, channel]) for channel in range(3)], axis=2).astype(
        np.float32
    )
