"""The layout of a shot's windows: their places, their sizes, and the text on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from memorycapsule.domain.film.plan import Caption, Card, Clip, MontagePlan, Photo, Shot, Source, sources_of
from memorycapsule.render import typesetting
from memorycapsule.render.stages.desktop.pixels import PixelBox, even, whole
from memorycapsule.render.stages.desktop.windows import Desk, Status
from memorycapsule.words.catalogues import wording

#: Wider or higher than this, a picture is not seen whole, but its window goes over it.
_LONGEST, _TALLEST = 4.6, 0.4
#: What the window then shows of it: about half, but never flatter or narrower than this.
_LONG_VIEW, _FLATTEST, _TALL_VIEW = 3.6, 6.0, 0.56
#: Small pictures are enlarged at most so much.
LARGEST_SCALE = 2.0
_SMALLEST = 16
#: Windows may be wider than their pictures, so that words find room: shares of the frame to try.
_WIDTHS = (0.0, 0.3, 0.36, 0.5)
#: Neighbours of a low picture become lower, too, but not lower than this share of what they might be.
_LEVEL = 0.7
#: Off the middle of the desktop by at most so much of the frame's width and height.
_ASTRAY_X, _ASTRAY_Y = 0.11, 0.05
#: An upright picture stands in the left or right half.
_UPRIGHT_ASIDE = 0.12


@dataclass(frozen=True, kw_only=True)
class WindowText:
    """The text on the windows of a shot."""

    #: On the title bars, one for each.
    names: tuple[str, ...]
    #: In the status line of the first.
    text: str
    label: str
    dye: str


@dataclass(frozen=True, kw_only=True)
class Pane:
    """A window with a picture."""

    outer: PixelBox
    picture: PixelBox
    name: str
    #: The strip of a player.
    strip: PixelBox | None = None
    status: Status | None = None
    status_at: tuple[int, int] = (0, 0)


def number_of(shot: Shot) -> int:
    """Return a number that differs between shots, by what they show."""
    named = sources_of(shot)
    word = named[0].id if named else shot.heading if isinstance(shot, Card) else ""
    return int.from_bytes(sha256(f"desktop\0{word}".encode()).digest()[:4], "big")


def words_of(plan: MontagePlan, shot: Photo | Clip) -> WindowText:
    """
    Return the text of a shot's windows.

    The status line does not repeat the title bar. A picture without a caption is titled 'photo' or 'clip'.
    """
    caption = shot.caption or Caption(dye=plan.style.accent, first=0, stop=0)
    heading, text, who, when = map(
        typesetting.clean, (caption.heading, caption.text, caption.who, caption.when)
    )
    words = wording(plan.language)
    kind = words("film_clip") if isinstance(shot, Clip) else words("film_photo")
    first = heading or when or kind
    others = tuple(f"{kind} {number}" for number in range(2, len(sources_of(shot)) + 1))
    return WindowText(
        names=(first, *others),
        text=text,
        label=" · ".join(filter(None, (who, when if heading else ""))),
        dye=caption.dye,
    )


def view_of(source: Source) -> tuple[float, float]:
    """Return width and height of what its window shows of a picture at once, in its pixels: all but of long ones."""
    aspect = source.width / source.height
    if aspect > _LONGEST:
        return source.height * max(_LONG_VIEW, min(aspect / 2, _FLATTEST)), source.height
    if aspect < _TALLEST:
        return source.width, source.width / _TALL_VIEW
    return source.width, source.height


def fitted(view: tuple[float, float], width: int, height: int) -> tuple[int, int]:
    """Return the size at which a picture fits into `width` x `height`: even, and not blown up."""
    share = min(width / view[0], height / view[1], max(LARGEST_SCALE, _SMALLEST / min(view)))
    return max(_SMALLEST, even(view[0] * share)), max(_SMALLEST, even(view[1] * share))


def arranged(desk: Desk, sources: Sequence[Source], words: WindowText, *, strip: int = 0) -> tuple[Pane, ...]:
    """Return the windows of a shot; `strip` is how high a player's strip below the picture is."""
    views = [view_of(source) for source in sources]
    toss = int.from_bytes(sha256(f"place\0{sources[0].id}".encode()).digest()[:4], "big")
    if len(views) == 1:
        return (_alone(desk, views[0], words, strip, toss),)
    ways = [_in_a_row(desk, views, words, toss)]
    if len(views) > 2:
        ways.append(_in_columns(desk, views, words))
    return max(ways, key=lambda panes: sum(pane.picture.width * pane.picture.height for pane in panes))


def _alone(desk: Desk, view: tuple[float, float], words: WindowText, strip: int, toss: int) -> Pane:
    size, room = desk.size, desk.room
    pane = _measured(desk, view, words.names[0], words, strip, room.width, room.height)
    slack_x, slack_y = room.width - pane.outer.width, room.height - pane.outer.height
    astray_x, astray_y = ((toss >> shift) % 1001 / 500 - 1 for shift in (0, 12))
    x = slack_x / 2 + astray_x * min(slack_x / 2, _ASTRAY_X * size.width)
    if view[1] > view[0] and slack_x > size.width / 3:
        side = 1 if astray_x > 0 else -1
        x = slack_x / 2 + side * _UPRIGHT_ASIDE * size.width + astray_x * 0.02 * size.width
    y = slack_y / 2 + astray_y * min(slack_y / 2, _ASTRAY_Y * size.height)
    return _moved(pane, whole(room.x + x), whole(room.y + y))


def _measured(
    desk: Desk,
    view: tuple[float, float],
    name: str,
    words: WindowText | None,
    strip: int,
    width: int,
    height: int,
) -> Pane:
    """Return a window at the origin, of at most `width` x `height`; its status line is whole where that is possible."""
    around = 2 * (desk.edge + desk.line)
    below = strip + desk.gap if strip else 0
    room = height - (desk.bar + desk.gap + around) - below
    most = width - around
    least = min(desk.least_width(name), most)
    status_text = words if words and (words.text or words.label) else None
    tries = [
        _contents(desk, view, status_text, max(least, min(even(share * desk.size.width), most)), most, room)
        for share in ((0.0,) if status_text is None else _WIDTHS)
    ]
    wide, picture, status = max(tries, key=lambda tried: _score(desk, *tried))
    inside = picture[1] + 2 * desk.line + below + (desk.gap + status.height if status else 0)
    wide_outer, tall_outer = desk.outer_of(wide + 2 * desk.line, inside)
    outer = PixelBox(x=0, y=0, width=wide_outer, height=tall_outer)
    contents = desk.contents_of(outer)
    y = contents.y + 2 * desk.line + picture[1] + desk.gap
    return Pane(
        outer=outer,
        picture=PixelBox(
            x=whole(contents.x + (contents.width - picture[0]) / 2),
            y=contents.y + desk.line,
            width=picture[0],
            height=picture[1],
        ),
        name=name,
        strip=PixelBox(x=contents.x, y=y, width=contents.width, height=strip) if strip else None,
        status=status,
        status_at=(contents.x, y + below),
    )


def _contents(
    desk: Desk, view: tuple[float, float], words: WindowText | None, least: int, most: int, room: int
) -> tuple[int, tuple[int, int], Status | None]:
    """
    Return width, picture and status line of a window's contents, between `least` and `most` wide.

    A wider window has fewer lines of text, and so room for a larger picture.
    """
    line = desk.gap + even(1.32 * desk.text + desk.gap) if words else 0
    wide = max(least, fitted(view, most, room - line)[0])
    while True:
        status = Status(desk, words.text, words.label, words.dye, wide + 2 * desk.line) if words else None
        picture = fitted(view, wide, max(_SMALLEST, room - (desk.gap + status.height if status else 0)))
        closer = max(least, picture[0])
        # The width only ever decreases, so that two widths cannot alternate for ever.
        if closer >= wide:
            return wide, picture, status
        narrow = Status(desk, words.text, words.label, words.dye, closer + 2 * desk.line) if words else None
        if status and narrow and narrow.height > status.height:
            return wide, picture, status
        wide = closer


def _score(desk: Desk, wide: int, picture: tuple[int, int], status: Status | None) -> float:
    """Return the score of a window: high for a large picture, whole text in few lines, and little empty space."""
    empty = (wide - picture[0]) * picture[1] / (desk.size.width * desk.size.height)
    worth = picture[0] * picture[1] * max(0.1, 1 - 2 * empty)
    if status is None:
        return worth
    worth /= 1 + 0.5 * status.height / picture[1]
    return worth if status.is_whole else 0.25 * worth


def _moved(pane: Pane, x: int, y: int) -> Pane:
    return Pane(
        outer=pane.outer.moved(x, y),
        picture=pane.picture.moved(x, y),
        name=pane.name,
        strip=pane.strip.moved(x, y) if pane.strip else None,
        status=pane.status,
        status_at=(pane.status_at[0] + x, pane.status_at[1] + y),
    )


def _in_a_row(
    desk: Desk, views: Sequence[tuple[float, float]], words: WindowText, toss: int
) -> tuple[Pane, ...]:
    """Return windows side by side, their pictures about equally high, none quite level with its neighbour."""
    room, apart = desk.room, desk.shadow + desk.gap
    around = 2 * (desk.edge + desk.line)
    stagger = even(0.045 * desk.size.height)
    free = room.width - apart * (len(views) - 1) - around * len(views)
    aspects = [view[0] / view[1] for view in views]
    panes = [
        _measured(
            desk,
            view,
            name,
            words if index == 0 else None,
            0,
            around + whole(free * aspect / sum(aspects)),
            room.height - stagger,
        )
        for index, (view, aspect, name) in enumerate(zip(views, aspects, words.names, strict=True))
    ]
    # A status line makes the first picture lower; the others follow it.
    level = panes[0].picture.height
    panes[1:] = [
        _measured(
            desk,
            view,
            name,
            None,
            0,
            pane.outer.width,
            pane.outer.height - pane.picture.height + max(level, even(_LEVEL * pane.picture.height)),
        )
        if pane.picture.height > level
        else pane
        for pane, view, name in zip(panes[1:], views[1:], words.names[1:], strict=True)
    ]
    slack = room.width - sum(pane.outer.width for pane in panes) - apart * (len(panes) - 1)
    tallest = max(pane.outer.height for pane in panes)
    x = room.x + slack / (len(panes) + 1)
    placed: list[Pane] = []
    for index, pane in enumerate(panes):
        y = room.y + (room.height - tallest - stagger) / 2 + stagger * ((index + toss) % 2)
        placed.append(_moved(pane, whole(x), whole(y)))
        x += pane.outer.width + apart + slack / (len(panes) + 1)
    return tuple(placed)


def _in_columns(desk: Desk, views: Sequence[tuple[float, float]], words: WindowText) -> tuple[Pane, ...]:
    """Return one large window, and the others in a column on its right."""
    room, apart = desk.room, desk.shadow + desk.gap
    left = whole(0.6 * (room.width - apart))
    first = _measured(desk, views[0], words.names[0], words, 0, left, room.height)
    each = whole((room.height - apart * (len(views) - 2)) / (len(views) - 1))
    others = [
        _measured(desk, view, name, None, 0, room.width - apart - left, each)
        for view, name in zip(views[1:], words.names[1:], strict=True)
    ]
    wide = max(pane.outer.width for pane in others)
    slack = room.width - first.outer.width - apart - wide
    x = room.x + slack / 3
    placed = [_moved(first, whole(x), whole(room.y + (room.height - first.outer.height) / 2))]
    x += first.outer.width + apart + slack / 3
    tall = sum(pane.outer.height for pane in others) + apart * (len(others) - 1)
    y = room.y + (room.height - tall) / 2
    for pane in others:
        placed.append(_moved(pane, whole(x + (wide - pane.outer.width) / 2), whole(y)))
        y += pane.outer.height + apart
    return tuple(placed)
