"""What part of a picture the film shows, and how it moves over it."""

from __future__ import annotations

from typing import Literal

from memorycapsule.domain.film.plan import Move, Rect
from memorycapsule.domain.film.sizes import Size

#: Longest side of the display picture, in pixels, and the rows that one of a panorama keeps.
DISPLAY_SIDE = 2560
PANORAMA_ROWS = 1080
#: Pictures narrower than this lie whole over a blurred fill.
_NARROWEST_COVER = 1.28
#: Wider than this a picture is a panorama.
_PANORAMA = 2.35
#: A picture is enlarged at most so much; smaller ones are shown inset.
_LARGEST_SCALE = 2.2
#: At most so much is cut off at the top, where faces are.
_TOP_CROP = 0.07
#: As much with the zoom.
_TOP_CROP_CLOSE = 0.095
#: What matters stays so far inside the frame, as a part of the frame.
_INSIDE = 0.12
#: What matters comes to lie here in the frame, as near as may be.
_FOCUS_AT = (0.5, 0.42)
#: Of a clip at most so much is cut off in all.
_CLIP_CROP = 0.12
#: A pan over a panorama goes at most so many frame widths.
_LONGEST_PAN = 0.75


def fitted_size(width: int, height: int, long_side: int, short_side: int | None = None) -> tuple[int, int]:
    """
    Return the pixels of a prepared picture whose original has `width` x `height`.

    It is never enlarged; its longer side has at most `long_side` pixels and its shorter one at most
    `short_side` (None: as many).
    """
    share = min(1.0, long_side / max(width, height), (short_side or long_side) / min(width, height))
    return max(1, round(width * share)), max(1, round(height * share))


def display_size(width: int, height: int) -> tuple[int, int]:
    """
    Return the pixels of the display picture of a photo of `width` x `height`; it is never enlarged.

    Its longer side has at most DISPLAY_SIDE pixels. A panorama keeps PANORAMA_ROWS, so that a film can show it at full
    height; with too few rows for a film of so many it is a strip in any case.
    """
    if width / height <= _PANORAMA or height * _LARGEST_SCALE < PANORAMA_ROWS:
        return fitted_size(width, height, DISPLAY_SIDE)
    rows = max(min(height, PANORAMA_ROWS), round(height * DISPLAY_SIDE / width))
    return fitted_size(width, height, width, rows)


def is_panorama(size: Size, width: int, height: int) -> bool:
    """Return whether a picture is panned from side to side."""
    return width / height > _PANORAMA and size.height / height <= _LARGEST_SCALE


def frame_picture(
    size: Size, width: int, height: int, zoom: float, variant: int, focus: tuple[float, float] | None = None
) -> tuple[Literal["cover", "inset"], Move]:
    """
    Return how a picture of `width` x `height` is shown and the move over it; `variant` picks among the fitting
    moves.

    `focus` is where what matters lies, 0..1 of width and height: the frame keeps it inside as far as the top
    of the picture allows, and most moves go towards it. Without one, moves keep to the middle and the upper part.

    Wide pictures cover the frame: the move zooms in or out by `zoom` and drifts over what the frame cuts off,
    keeping to the upper part. Panoramas are panned. Portraits, very wide and very small pictures lie whole on
    a composed frame ('inset'), which is moved as one.
    """
    aspect = width / height
    scale = max(size.width / width, size.height / height)
    if is_panorama(size, width, height):
        return "cover", _pan(size.aspect / aspect, variant, focus)
    if aspect < min(_NARROWEST_COVER, size.aspect) or aspect > _PANORAMA or scale > _LARGEST_SCALE:
        return "inset", drift(zoom, nearer=bool(variant & 1))
    if focus is not None:
        return "cover", _towards(focus, size.aspect, aspect, zoom, variant)
    return "cover", _cover(size.aspect, aspect, zoom, variant)


def _cover(frame: float, aspect: float, zoom: float, variant: int) -> Move:
    wide = Rect(x=0, y=0, width=min(1.0, frame / aspect), height=min(1.0, aspect / frame))
    spare_x, spare_y = 1 - wide.width, 1 - wide.height
    sides = (spare_x * 0.25, spare_x * 0.75) if variant & 2 else (spare_x * 0.75, spare_x * 0.25)
    # Down or up, over the upper part of what is cut off.
    low = min(spare_y, _TOP_CROP)
    heights = (0.0, low) if variant & 4 else (low, 0.0)
    focus_x = (0.38, 0.5, 0.62)[variant // 8 % 3]
    start = Rect(x=sides[0], y=heights[0], width=wide.width, height=wide.height)
    end = _closer(Rect(x=sides[1], y=heights[1], width=wide.width, height=wide.height), zoom, focus_x, 0.36)
    return Move(start=start, end=end) if variant & 1 else Move(start=end, end=start)


def _towards(focus: tuple[float, float], frame: float, aspect: float, zoom: float, variant: int) -> Move:
    """Return a zoom to where what matters lies in the frame as it should; one in four goes back from there."""
    width, height = min(1.0, frame / aspect), min(1.0, aspect / frame)
    near = Rect(
        x=_nearest(focus[0] - width / zoom * _FOCUS_AT[0], 0, 1 - width / zoom),
        y=_nearest(focus[1] - height / zoom * _FOCUS_AT[1], 0, min(1 - height / zoom, _TOP_CROP_CLOSE)),
        width=width / zoom,
        height=height / zoom,
    )
    # The wide view lies halfway to the middle of the picture, so that the move drifts, and never loses what
    # matters.
    x = _nearest(
        (near.x + near.width / 2 + 0.5) / 2 - width / 2,
        max(0.0, focus[0] - width * (1 - _INSIDE)),
        min(1 - width, max(0.0, focus[0] - width * _INSIDE)),
    )
    y = _nearest(near.y - (height - near.height) * _FOCUS_AT[1], 0, min(1 - height, _TOP_CROP))
    wide = Rect(x=x, y=y, width=width, height=height)
    return Move(start=near, end=wide) if variant % 4 == 0 else Move(start=wide, end=near)


def _nearest(value: float, least: float, most: float) -> float:
    return max(min(value, most), min(least, most))


def _closer(rect: Rect, zoom: float, focus_x: float, focus_y: float) -> Rect:
    width, height = rect.width / zoom, rect.height / zoom
    return Rect(
        x=rect.x + (rect.width - width) * focus_x,
        y=rect.y + (rect.height - height) * focus_y,
        width=width,
        height=height,
    )


def clip_fit(size: Size, width: int, height: int) -> Literal["cover", "inset"]:
    """Return how a clip is shown: it fills the frame when little is lost; it has no move that would show the rest."""
    share = width / height / size.aspect
    lost = 1 - min(share, 1 / share)
    scale = max(size.width / width, size.height / height)
    return "cover" if lost <= _CLIP_CROP and scale <= _LARGEST_SCALE else "inset"


def drift(zoom: float, *, nearer: bool) -> Move:
    """Return a quiet zoom over a composed frame, towards its middle or away from it."""
    whole = Rect(x=0, y=0, width=1, height=1)
    near = _closer(whole, 1 + (zoom - 1) * 0.6, 0.5, 0.5)
    return Move(start=whole, end=near) if nearer else Move(start=near, end=whole)


def _pan(width: float, variant: int, focus: tuple[float, float] | None) -> Move:
    """Return a move from side to side; where what matters is known, it comes from the farther side and ends there."""
    reach = min(1 - width, width * _LONGEST_PAN)
    left = (1 - width - reach) / 2
    is_rightwards = bool(variant & 1)
    if focus is not None:
        goal = _nearest(focus[0] - width / 2, 0, 1 - width)
        is_rightwards = goal > (1 - width) / 2
        left = max(0.0, goal - reach) if is_rightwards else min(goal, 1 - width - reach)
    # A breath of zoom, and the frame stays inside the picture.
    shrink = 0.97
    first = Rect(x=left, y=0.01, width=width * shrink, height=shrink)
    second = Rect(
        x=left + reach + width * (1 - shrink), y=0.02, width=width * shrink * 0.995, height=shrink * 0.995
    )
    return Move(start=first, end=second) if is_rightwards else Move(start=second, end=first)
