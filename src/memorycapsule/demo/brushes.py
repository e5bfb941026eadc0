"""
Brushes for the drawn pictures: gradients, noise, ridges, light, layers of soft shapes, and the grain of a film.

Colours are sRGB as "#rrggbb" or as three floats 0..1; places are fractions of the picture's width and height;
sizes are fractions of its short side. A canvas is float32 RGB and small; `developed` enlarges it and adds grain.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Colour = str | Sequence[float] | Floats

#: Bits after the binary point in the coordinates given to OpenCV, for shapes placed between pixels.
SHIFT = 4


@cache
def _hex(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def rgb(colour: Colour) -> Floats:
    return np.asarray(_hex(colour) if isinstance(colour, str) else colour, np.float32)


def mix(first: Colour, second: Colour, share: float) -> Floats:
    """Return `first` with `share` (0..1) of `second` in it."""
    return rgb(first) * np.float32(1 - share) + rgb(second) * np.float32(share)


def smooth(values: Any, start: float, end: float) -> Floats:
    """Return 0 before `start`, 1 after `end` and a soft step (Hermite) between."""
    share = np.clip((values - start) / (end - start), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _thrice(mask: Floats) -> Floats:
    """Return `mask` as three equal channels: NumPy is slow where it must repeat along a short last axis."""
    return np.asarray(cv2.merge((mask, mask, mask)), np.float32)


def _spread(colours: Floats, width: int) -> Floats:
    """Return colours of shape (3,), (rows, 1, 3), (1, width, 3) or (rows, width, 3) as rows of width * 3 values."""
    if colours.ndim == 1:
        return np.tile(colours, width)[None]
    rows = len(colours)
    if colours.shape[1] == 1:
        colours = np.asarray(cv2.resize(colours, (width, rows), interpolation=cv2.INTER_NEAREST), np.float32)
    return colours.reshape(rows, width * 3)


class BrushLayer:
    """A transparent sheet of premultiplied RGBA bytes: anti-aliased shapes drawn on it cover each other."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height, self.unit = width, height, min(width, height)
        self.sheet = np.zeros((height, width, 4), np.uint8)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round(x * self.width * 2**SHIFT), round(y * self.height * 2**SHIFT)

    @staticmethod
    def _ink(colour: Colour, alpha: float) -> tuple[float, ...]:
        red, green, blue = (float(part) * 255 * alpha for part in rgb(colour))
        return red, green, blue, 255 * alpha

    def disc(self, x: float, y: float, radius: float, colour: Colour, alpha: float = 1.0) -> Self:
        size = max(1, round(radius * self.unit * 2**SHIFT))
        cv2.circle(self.sheet, self._at(x, y), size, self._ink(colour, alpha), -1, cv2.LINE_AA, SHIFT)
        return self

    def oval(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        colour: Colour,
        angle: float = 0,
        alpha: float = 1.0,
    ) -> Self:
        """Draw a filled ellipse with half axes `wide` and `high`, turned clockwise by `angle` degrees."""
        axes = (max(1, round(wide * self.unit * 2**SHIFT)), max(1, round(high * self.unit * 2**SHIFT)))
        ink = self._ink(colour, alpha)
        cv2.ellipse(self.sheet, self._at(x, y), axes, angle, 0, 360, ink, -1, cv2.LINE_AA, SHIFT)
        return self

    def area(self, points: Iterable[tuple[float, float]], colour: Colour, alpha: float = 1.0) -> Self:
        outline = np.array([self._at(x, y) for x, y in points], np.int32)
        cv2.fillPoly(self.sheet, [outline], self._ink(colour, alpha), cv2.LINE_AA, SHIFT)
        return self

    def stroke(
        self, points: Iterable[tuple[float, float]], width: float, colour: Colour, alpha: float = 1.0
    ) -> Self:
        outline = np.array([self._at(x, y) for x, y in points], np.int32)
        thick = max(1, round(width * self.unit))
        cv2.polylines(self.sheet, [outline], False, self._ink(colour, alpha), thick, cv2.LINE_AA, SHIFT)
        return self

    def bird(self, x: float, y: float, size: float, colour: Colour) -> Self:
        """Draw a far bird: two bent wings."""
        bend = np.linspace(0, 1, 9)
        for side in (-1, 1):
            across, up = x + side * size * bend, 0.9 * size * np.sin(bend**0.8 * 2.5)
            self.stroke(zip(across, y - up * (1 - 0.2 * bend), strict=True), 0.002, colour)
        return self


def _blurred(sheet: Picture, sigma: float) -> Picture:
    """Blur by `sigma` pixels; wide blurs are made small and enlarged again."""
    if sigma < 6:
        return np.asarray(cv2.GaussianBlur(sheet, (0, 0), sigma), np.uint8)
    height, width = sheet.shape[:2]
    small = cv2.resize(sheet, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


class Canvas:
    """A float32 RGB picture being painted, `self.pixels` of shape (height, width, 3), values 0..1."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.width, self.height, self.unit, self.rng = width, height, min(width, height), rng
        self.pixels: Floats = np.zeros((height, width, 3), np.float32)
        #: Row and column coordinates as fractions, shapes (height, 1) and (1, width).
        self.y: Floats = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / np.float32(height)
        self.x: Floats = (np.arange(width, dtype=np.float32)[None] + 0.5) / np.float32(width)

    # ----------------------------------------------------------------------------------------- materials
    def gradient(self, *stops: tuple[float, Colour]) -> Floats:
        """Return colours from top to bottom, shape (height, 1, 3); a stop is (place, colour)."""
        places = [place for place, _ in stops]
        colours = np.array([rgb(colour) for _, colour in stops])
        channels = [np.interp(self.y[:, 0], places, colours[:, channel]) for channel in range(3)]
        return np.stack(channels, -1)[:, None].astype(np.float32)

    def noise(self, size: float, octaves: int = 4, stretch: float = 1.0) -> Floats:
        """Return cloudy noise 0..1, shape (height, width): blobs of `size`, `stretch` times as wide as high."""
        half = (self.width // 2 + 1, self.height // 2 + 1)
        total = np.zeros(half[::-1], np.float32)
        for octave in range(octaves):
            cell = max(2.0, size * self.unit / 2**octave)
            grid = (int(self.height / cell) + 3, int(self.width / cell / stretch) + 3)
            cells = self.rng.random(grid, np.float32) - np.float32(0.5)
            total += cv2.resize(cells, half, interpolation=cv2.INTER_CUBIC) * np.float32(0.55**octave)
        large = cv2.resize(total, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(np.clip(large * np.float32(0.75) + np.float32(0.5), 0, 1), np.float32)

    def plain(self, horizon: float, size: float, stretch: float = 3.0) -> Floats:
        """Return noise 0..1 lying flat below `horizon` as seen by somebody standing there; 0.5 far away."""
        tile = np.zeros((512, 512), np.float32)
        for octave in range(5):
            count = 16 << octave
            # Two more cells on every side, taken from the other edge, so that the tile has no seam.
            cells = np.pad(self.rng.random((count, count), np.float32) - np.float32(0.5), 2, mode="wrap")
            cell = 512 // count
            wide = cv2.resize(cells, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
            tile += wide[2 * cell : 2 * cell + 512, 2 * cell : 2 * cell + 512] * np.float32(0.62**octave)
        depth = np.maximum((self.y - horizon) / (1 - horizon), 0.004)
        across = (self.x - 0.5) / depth * (520 / size / stretch) * (self.width / self.height)
        away = np.broadcast_to(170 / size / depth, across.shape)
        waves = cv2.remap(
            tile,
            across.astype(np.float32),
            np.ascontiguousarray(away, np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        fade = smooth(depth, 0.0, 0.3) * np.float32(0.9) + np.float32(0.1)
        return np.asarray(np.clip(waves * fade * np.float32(0.8) + np.float32(0.5), 0, 1), np.float32)

    def ridge(self, base: float, height: float, size: float = 0.3, octaves: int = 6) -> Floats:
        """Return the y of a mountain line over every column, shape (width,), around `base`, `height` high."""
        line = np.zeros(self.width, np.float32)
        for octave in range(octaves):
            cells = max(4, int(self.width / (size * self.unit) * 2**octave) + 3)
            values = self.rng.random(cells, np.float32)[None] - np.float32(0.5)
            wave = cv2.resize(values, (self.width, 1), interpolation=cv2.INTER_CUBIC)[0]
            line += wave * np.float32(0.5**octave)
        return np.asarray(np.float32(base) - line * np.float32(height), np.float32)

    def layer(self) -> BrushLayer:
        return BrushLayer(self.width, self.height)

    # ----------------------------------------------------------------------------------------- painting
    def fill(self, colours: Any) -> None:
        self.pixels.reshape(self.height, -1)[:] = _spread(np.asarray(colours, np.float32), self.width)

    def paint(self, mask: Any, colours: Any, top: float = 0.0) -> None:
        """Blend `colours` in by `mask` (0..1); nothing above the fraction `top` is touched."""
        ink = rgb(colours) if isinstance(colours, (str, tuple, list)) else np.asarray(colours, np.float32)
        share = np.broadcast_to(np.asarray(mask, np.float32), (self.height, self.width))
        rows = np.flatnonzero(share.max(axis=1) > 0.003)
        if not len(rows):
            return
        first, last = max(int(top * self.height), rows[0]), rows[-1] + 1
        if first >= last:
            return
        if ink.ndim == 3 and ink.shape[0] == self.height:
            ink = ink[first:last]
        area = self.pixels[first:last].reshape(last - first, -1)
        change = _spread(ink, self.width) - area
        change *= _thrice(np.ascontiguousarray(share[first:last])).reshape(area.shape)
        area += change

    def below(self, line: Floats, colours: Any) -> None:
        """Paint everything below a ridge, its edge anti-aliased."""
        top = max(0.0, float(line.min()) - 0.01)
        self.paint(np.clip((self.y - line) * self.height + 0.5, 0, 1), colours, top)

    def screen(self, light: Any) -> None:
        """Add light of shape (height, width, 3) as a second exposure does: it never burns out."""
        self.pixels += np.asarray(light, np.float32) * (1 - self.pixels)

    def glow(self, x: float, y: float, radius: float, colour: Colour, power: float = 1.0) -> None:
        """Add a soft light with a bright heart."""
        reach = radius * self.unit * 2.6
        left, right = int(max(0, x * self.width - reach)), int(min(self.width, x * self.width + reach))
        top, bottom = int(max(0, y * self.height - reach)), int(min(self.height, y * self.height + reach))
        if left >= right or top >= bottom:
            return
        step = max(1, int(radius * self.unit / 40))
        rows = (np.arange(top, bottom + step, step, dtype=np.float32)[:, None] - y * self.height) / self.unit
        columns = (np.arange(left, right + step, step, dtype=np.float32)[None] - x * self.width) / self.unit
        far = (rows**2 + columns**2) / radius**2
        light = (np.exp(-far * 1.6) * 0.7 + np.exp(-far * 9) * 0.5) * power
        size = (right - left, bottom - top)
        large = cv2.resize(light.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        area = self.pixels[top:bottom, left:right]
        area += np.stack([large * part for part in rgb(colour)], -1) * (1 - area)

    def lay(self, layer: BrushLayer, blur: float = 0.0, alpha: float = 1.0) -> None:
        """Put a layer on the picture, out of focus by `blur`."""
        left, top, wide, high = cv2.boundingRect(cv2.extractChannel(layer.sheet, 3))
        if not wide:
            return
        spread = int(blur * self.unit * 3) + 1
        rows = slice(max(0, top - spread), top + high + spread)
        columns = slice(max(0, left - spread), left + wide + spread)
        part = layer.sheet[rows, columns]
        if blur:
            part = _blurred(part, max(0.4, blur * self.unit))
        ink = part.astype(np.float32)
        ink *= np.float32(alpha / 255)
        area = self.pixels[rows, columns]
        area *= _thrice(1 - ink[..., 3])
        area += cv2.cvtColor(ink, cv2.COLOR_RGBA2RGB)

    def ball(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        lit: Colour,
        dark: Colour,
        light: tuple[float, float],
    ) -> None:
        """Paint a round thing lit from `light`, a direction (right, down) of length up to 1."""
        reach_x, reach_y = wide * self.unit + 2, high * self.unit + 2
        centre_x, centre_y = x * self.width, y * self.height
        left, right = int(max(0, centre_x - reach_x)), int(min(self.width, centre_x + reach_x))
        top, bottom = int(max(0, centre_y - reach_y)), int(min(self.height, centre_y + reach_y))
        rows = (np.arange(top, bottom, dtype=np.float32)[:, None] - centre_y) / (high * self.unit)
        columns = (np.arange(left, right, dtype=np.float32)[None] - centre_x) / (wide * self.unit)
        far = rows**2 + columns**2
        front = np.sqrt(np.maximum(0, 1 - far))
        toward = np.sqrt(max(0.05, 1 - light[0] ** 2 - light[1] ** 2))
        facing = columns * light[0] + rows * light[1] + front * toward
        share = smooth(facing, -0.35, 0.95)[..., None]
        ink = rgb(dark) * (1 - share) + rgb(lit) * share
        ink += (np.clip(facing, 0, 1) ** 24)[..., None] * np.float32(0.35)
        mask = np.clip((1 - np.sqrt(far)) * high * self.unit + 0.5, 0, 1)[..., None]
        area = self.pixels[top:bottom, left:right]
        area += (ink - area) * mask

    def vignette(self, strength: float = 0.25) -> None:
        far = (self.x - 0.5) ** 2 + (self.y - 0.5) ** 2
        self.pixels *= (1 - np.float32(strength) * smooth(far, 0.08, 0.5))[..., None]


@cache
def _grain() -> NDArray[np.int16]:
    """Return grain of shape (512, 512, 3), laid over a picture like tiles."""
    rng = np.random.default_rng(7)
    tile = rng.normal(0, 3.2, (512, 512)).astype(np.float32)
    soft = cv2.GaussianBlur(tile, (0, 0), 0.8, borderType=cv2.BORDER_REFLECT) * 2.2
    return np.repeat(np.round(soft)[..., None], 3, axis=2).astype(np.int16)


def developed(canvas: Canvas, width: int, height: int) -> Picture:
    """Return the finished picture as BGR bytes of shape (height, width, 3): enlarged, with a fine grain."""
    small = cv2.convertScaleAbs(np.maximum(canvas.pixels, 0), alpha=255)
    small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    # Small pictures are looked at from nearer: half the grain.
    grain = _grain() if max(width, height) > 2000 else _grain() // 2
    for top in range(0, height, 512):
        for left in range(0, width, 512):
            part = large[top : top + 512, left : left + 512]
            cv2.add(part, grain[: part.shape[0], : part.shape[1]], part, dtype=cv2.CV_8U)
    return np.asarray(large, np.uint8)
