"""The prologue of every film: by night a bundle is untied, its four corners fold open, and light comes out."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import Card, MontagePlan
from memorycapsule.render.overlays import bgr
from memorycapsule.render.painting import Painter, smooth
from memorycapsule.render.planes import Bytes, blend, new_frame, planes_from_bgr, planes_of
from memorycapsule.render.sprites import Haze, Sprite
from memorycapsule.render.stages.bundle.cloth import fold_lines, knot, patchwork

_NIGHT, _NIGHT_LOW, _WARM = "#10162a", "#0b1021", "#f4ca63"
#: The bundle's side in frame heights, closed and open.
_CLOSED, _OPEN = 0.52, 0.41
_EYE = 2.4
#: How far the sides of a full bundle bend out.
_ROUND = 0.07
#: When each thing happens, as shares of the prologue: from, until.
_KNOT, _RELAX, _BACK, _GLOW, _LIGHT = (0.08, 0.38), (0.20, 0.33), (0.28, 0.72), (0.34, 0.8), (0.52, 0.94)
#: When the first corner starts to open, how much later each next one, and how long it takes.
_FLAPS = (0.30, 0.052, 0.27)
#: Of each corner, clockwise from the top: how much lighter or darker it is.
_SHADES = (0.07, -0.08, -0.16, -0.02)
#: From here on a theme's ground is light enough for the light to become it.
_BRIGHT = 120


class ProloguePainter(Painter):
    """A bundle in the dyes of all contributors, without text: that comes with the title."""

    def __init__(self, plan: MontagePlan, card: Card) -> None:
        size, style = plan.size, plan.style
        self._width, self._height = size.width, size.height
        self._last = max(1, card.frames - 1)
        self._side = max(16, 2 * round(min(_CLOSED * size.height, 0.6 * size.width) / 2))
        self._night = _night(size.width, size.height)
        self._ground = _plain(size.width, size.height, style.ground, style.ground_low)
        self._is_bright = float(planes_of(self._ground).luma.mean()) > _BRIGHT
        light = style.ground if self._is_bright else _WARM
        self._cloth = patchwork(card.credits, style.dyes, self._side)
        self._lines = fold_lines(self._side)
        self._bundle, self._full = Sprite(*_bulged(self._cloth, self._lines, 1.0)), 1.0
        self._flaps = [_corner(self._cloth, number) for number in range(4)]
        self._linings = [_corner(_lit(self._cloth), number) for number in range(4)]
        self._veil = _corner(np.full_like(self._cloth, 24), 0)
        self._inside = _inside(self._side, light)
        self._glow = _disc(256, _WARM, 2.2)
        self._lamp, self._light = _disc(256, "#ffe3a0", 1.3), _disc(256, "#ffffff", 1.0)
        self._floor = _disc(128, "#04060e", 1.4)
        unit = self._side * 0.8 / 280
        parts = knot(unit)
        self._knot = {name: Sprite(*part) for name, part in parts.items()}
        self._knot_shades = {name: _shade(opacity, self._side) for name, (_, opacity) in parts.items()}

    def paint(self, index: int, frame: Bytes) -> None:
        share = index / self._last
        frame[...] = self._night
        breath = 1 + 0.012 * math.sin(math.pi * min(1.0, share / 0.3))
        side = self._side * breath * (1 + (_OPEN / _CLOSED - 1) * _during(share, _BACK))
        self._round(self._floor, frame, 0.5 * self._height + 0.42 * side, side * 0.95, 0.5, flat=0.42)
        glow = _during(share, _GLOW)
        self._round(
            self._glow, frame, 0.5 * self._height, (0.75 + 1.0 * glow) * self._height, 0.16 + 0.54 * glow
        )
        angles = [
            math.pi * _eased((share - _FLAPS[0] - _FLAPS[1] * number) / _FLAPS[2]) for number in range(4)
        ]
        if any(angles):
            self._open(frame, side, angles)
        else:
            self._closed(share, side, frame)
        self._tie(_share(share, _KNOT), side, frame)
        self._shine(share, side, frame)

    def _closed(self, share: float, side: float, frame: Bytes) -> None:
        """Draw the whole bundle, round and folded; it becomes flat as the knot lets go."""
        full = 1 - _during(share, _RELAX)
        if full != self._full:
            self._bundle, self._full = Sprite(*_bulged(self._cloth, self._lines, full)), full
        middle = (self._bundle.width - 1) / 2
        matrix = self._placed() @ _scaled(side / self._side) @ _moved(-middle, -middle)
        self._bundle.lay_turned(frame, matrix)

    def _open(self, frame: Bytes, side: float, angles: list[float]) -> None:
        middle = (self._side - 1) / 2
        flat = self._placed() @ _scaled(side / self._side)
        self._inside.lay_turned(frame, flat @ _moved(-middle, -middle))
        for number in sorted(range(4), key=lambda number: math.sin(angles[number])):
            angle = angles[number]
            turned = flat @ _rotated(number * math.pi / 2) @ self._hinged(angle)
            cloth = self._flaps if angle < math.pi / 2 else self._linings
            cloth[number].lay_turned(frame, turned)
            self._veil.lay_turned(frame, turned, 0.5 * math.sin(angle))

    def _hinged(self, angle: float) -> NDArray[np.float64]:
        """Return the map of the upper corner, turned around the upper side, to places about the middle."""
        half, eye = self._side / 2, _EYE * self._side
        cosine, sine = math.cos(angle), math.sin(angle)
        from_hinge = np.array([[1, 0, 0.5 - half], [0, 1, 0.5], [0, 0, 1.0]])
        projection = np.array([[eye, 0, 0], [0, eye * cosine, -eye * half], [0, -sine, eye]])
        return np.asarray(projection @ from_hinge / eye, np.float64)

    def _tie(self, share: float, side: float, frame: Bytes) -> None:
        """Draw the knot: it swells, its loops slip through, and it falls away."""
        if share >= 1:
            return
        swell = math.sin(math.pi * min(1.0, share / 0.36)) * 0.09
        slip, fall = smooth((share - 0.22) / 0.6), smooth((share - 0.45) / 0.55)
        left = 1 - smooth((share - 0.6) / 0.4)
        across, down = 1 + swell + 0.3 * fall, 1 - swell - 0.3 * fall
        base = self._placed() @ _scaled(side / self._side) @ _moved(0, 0.16 * fall * self._side)
        base = base @ np.diag([across, down, 1.0])
        middle = _moved(0.5 - self._knot["tie"].width / 2, 0.5 - self._knot["tie"].height / 2)
        loop, tail = 1 - 0.72 * slip, 1 + 0.45 * slip
        bent: dict[str, NDArray[np.float64]] = {"tie": _scaled(1 - 0.25 * slip)}
        for name, way in (("left", -1), ("right", 1)):
            bent[f"{name} ear"] = _rotated(way * 0.5 * slip) @ _scaled(loop)
            bent[f"{name} tail"] = _rotated(way * -0.3 * slip) @ _scaled(tail)
        below = base @ _moved(0, 0.03 * self._side)
        for name, shade in self._knot_shades.items():
            shade.lay_turned(frame, below @ bent[name] @ middle, 0.4 * left)
        for name, part in self._knot.items():
            part.lay_turned(frame, base @ bent[name] @ middle, left)

    def _shine(self, share: float, side: float, frame: Bytes) -> None:
        """Let light grow out of the open cloth; in a light theme it covers the frame."""
        grown = _share(share, _LIGHT)
        if grown <= 0:
            return
        if not self._is_bright:
            self._round(
                self._light, frame, 0.5 * self._height, (0.8 + 0.5 * grown) * side, 0.75 * smooth(grown)
            )
            return
        reach = side * (0.5 + 0.3 * grown) + grown**2.4 * 1.6 * math.hypot(self._width, self._height)
        self._round(self._lamp, frame, 0.5 * self._height, reach * 1.15, 0.8 * smooth(grown * 2.2))
        self._round(self._light, frame, 0.5 * self._height, reach * 0.85, smooth(grown * 2.2))
        blend(frame, self._ground, smooth((grown - 0.4) / 0.6), frame)

    def _round(
        self, disc: Haze, frame: Bytes, y: float, radius: float, share: float, flat: float = 1.0
    ) -> None:
        scale = radius * 2 / disc.width
        middle = (disc.width - 1) / 2
        place = np.array([[scale, 0, self._width / 2 - 0.5], [0, scale * flat, y - 0.5], [0, 0, 1.0]])
        disc.lay_turned(frame, place @ _moved(-middle, -middle), min(1.0, share))

    def _placed(self) -> NDArray[np.float64]:
        return _moved(self._width / 2 - 0.5, self._height / 2 - 0.5)


def _share(share: float, when: tuple[float, float]) -> float:
    return min(1.0, max(0.0, (share - when[0]) / (when[1] - when[0])))


def _during(share: float, when: tuple[float, float]) -> float:
    return smooth(_share(share, when))


def _eased(share: float) -> float:
    """Ease like released cloth: slowly at first, then quickly, and slowly at the end."""
    share = min(1.0, max(0.0, share))
    return share * share * share * (share * (share * 6 - 15) + 10)


def _moved(x: float, y: float) -> NDArray[np.float64]:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def _scaled(scale: float) -> NDArray[np.float64]:
    return np.diag([scale, scale, 1.0])


def _rotated(angle: float) -> NDArray[np.float64]:
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])


def _night(width: int, height: int) -> Bytes:
    frame = _plain(width, height, _NIGHT, _NIGHT_LOW)
    luma = planes_of(frame).luma
    # A grain of one level keeps the glow from showing as rings.
    grain = np.random.default_rng(1).normal(0, 0.6, luma.shape)
    luma[...] = np.clip(np.rint(luma + grain), 16, 235)
    return frame


def _plain(width: int, height: int, high: str, low: str) -> Bytes:
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    column = np.array(bgr(high), np.float32) * (1 - share) + np.array(bgr(low), np.float32) * share
    picture = np.rint(np.broadcast_to(column, (height, width, 3))).astype(np.uint8)
    frame, planes = new_frame(width, height), planes_from_bgr(picture)
    target = planes_of(frame)
    target.luma[...], target.colour[...] = planes.luma, planes.colour
    return frame


def _corner(cloth: Bytes, number: int) -> Sprite:
    """Return one of the four corners, turned so that it lies above: a triangle down to the middle."""
    side = cloth.shape[0]
    turned = np.ascontiguousarray(np.rot90(cloth, number)[: side // 2])
    shade = _SHADES[number]
    picture = turned.astype(np.float32)
    picture = picture + (255 - picture) * shade if shade > 0 else picture * (1 + shade)
    # It is a hair wider than its quarter, so that nothing shows between two of them.
    rows, columns = np.mgrid[0 : side // 2, 0:side].astype(np.float32) + 0.5
    inside = np.minimum(columns - rows, side - columns - rows) / math.sqrt(2) + 0.9
    return Sprite(np.rint(picture).astype(np.uint8), np.rint(np.clip(inside, 0, 1) * 255).astype(np.uint8))


def _lit(cloth: Bytes) -> Bytes:
    """Return the inner side of a cloth, with light on it."""
    warm = np.array([225, 244, 255], np.float32)
    return np.asarray(np.rint(cloth[:, ::-1] * 0.78 + warm * 0.22), np.uint8)


def _inside(side: int, light: str) -> Sprite:
    """Return what the open cloth holds: light, brightest in the middle, darker along the folds."""
    place = np.abs(np.linspace(-1, 1, side, dtype=np.float32))
    far = np.maximum(place[:, None], place[None])[:, :, None]
    pale = np.array(bgr(light), np.float32)
    bright = pale + (255 - pale) * 0.75
    picture = bright + (pale - bright) * far**2
    picture *= 1 - 0.3 * np.clip((far - 0.8) / 0.2, 0, 1) ** 2
    return Sprite(np.rint(picture).astype(np.uint8), np.full((side, side), 255, np.uint8))


def _disc(side: int, colour: str, fall: float) -> Haze:
    """Return a round patch of light that thins out towards its rim."""
    place = np.linspace(-1, 1, side, dtype=np.float32)
    thin = np.clip(1 - np.hypot(place[:, None], place[None]), 0, 1)
    opacity = (thin * thin * (3 - 2 * thin)) ** fall
    return Haze(np.rint(opacity * 255).astype(np.uint8), colour)


def _shade(shape: Bytes, side: int) -> Haze:
    """Return the soft shadow of a shape."""
    return Haze(np.asarray(cv2.GaussianBlur(shape, (0, 0), max(0.6, side * 0.018)), np.uint8), _NIGHT_LOW)


def _bulged(cloth: Bytes, lines: Bytes, full: float) -> tuple[Bytes, Bytes]:
    """
    Return a closed bundle as BGR and opacity.

    Its sides bend out the more, the fuller it is (`full`, 0..1). Light falls on it from above, and lines show where
    its corners meet.
    """
    side = cloth.shape[0]
    margin = 2 + round(side * _ROUND)
    place = (np.arange(side + 2 * margin, dtype=np.float32) - margin + 0.5) / side * 2 - 1
    x, y = place[None], place[:, None]
    bend = full * _ROUND * 2
    within_x, within_y = 1 - np.clip(x * x, 0, 1), 1 - np.clip(y * y, 0, 1)
    from_x, from_y = x / (1 + bend * within_y), y / (1 + bend * within_x)
    map_x = np.asarray((from_x + 1) * side / 2 - 0.5, np.float32)
    map_y = np.asarray((from_y + 1) * side / 2 - 0.5, np.float32)
    shades = _quarters(from_x, from_y)
    plain = np.asarray(cv2.remap(cloth, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    picture = np.where(shades > 0, plain + (255 - plain) * shades, plain * (1 + shades))
    ink = np.asarray(cv2.remap(lines, map_x, map_y, cv2.INTER_LINEAR), np.float32)[:, :, None]
    ink *= np.float32(full / 255)
    under = np.roll(ink, max(1, side // 130), axis=0) * 0.4
    picture = picture * (1 - under) + np.array(bgr("#1a2340"), np.float32) * under
    picture = picture * (1 - ink) + 250 * ink
    light = full * (
        0.04
        - 0.20 * (from_x * 0.35 + from_y * 0.65)
        - 0.16 * np.clip(np.hypot(from_x, from_y) - 0.55, 0, 1) ** 2
    )
    picture *= (1 + light)[:, :, None]
    edge = np.minimum(1 - np.abs(from_x), 1 - np.abs(from_y)) * side / 2 + 0.5
    return (
        np.clip(np.rint(picture), 0, 255).astype(np.uint8),
        np.rint(np.clip(edge, 0, 1) * 255).astype(np.uint8),
    )


def _quarters(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the shade of the corner that each place belongs to."""
    upper, right = x > y, x > -y
    shades = np.where(upper, np.where(right, _SHADES[1], _SHADES[0]), np.where(right, _SHADES[2], _SHADES[3]))
    return shades.astype(np.float32)[:, :, None]
