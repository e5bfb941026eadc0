"""
What is seen in one picture: where it draws the eye, what it looks like, how light and how warm it is.

Pictures are BGR arrays of shape (height, width, 3), uint8, sRGB; a side of some hundred pixels is enough.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.picture_analysis import PictureAnalysis

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
#: Faces in a picture, each (left, top, width, height) in pixels.
Faces = Callable[[Bytes], list[tuple[float, float, float, float]]]

#: Long side of the picture in which the eye is drawn somewhere: Hou & Zhang found 64 to be enough.
_SALIENT_SIDE = 64
#: How far around a point counts for it, as a part of the long side.
_ATTENTION = 0.08
#: What draws the eye less than this part of the strongest place is left out of the middle.
_STRONG = 0.6
#: Where things usually are in a picture, how widely spread, and how much this counts.
_USUAL = (0.5, 0.42)
_USUAL_SPREAD = 0.28
_USUAL_SHARE = 0.85
#: Long side of the picture whose light is measured.
_LIGHT_SIDE = 96
#: Luminance and colour at least so far from their ends are believed; of 255.
_DARKEST, _BRIGHTEST = 3, 250
#: What is left when nothing can be measured; half of a level, in linear light.
_BLACK = 0.5 / 255 / 12.92
_LUMINANCE = np.array([0.0722, 0.7152, 0.2126])


def analyse_picture(picture: Bytes, faces: Faces | None = None) -> PictureAnalysis:
    """Return what is seen in a picture; `faces`, where given and found, say what matters in it."""
    x, y = _faces_focus(picture, faces) or salient_point(picture)
    exposure, red, blue = light(picture)
    return PictureAnalysis(
        focus_x=round(x, 4),
        focus_y=round(y, 4),
        perceptual_hash=perceptual_hash(picture),
        exposure=round(exposure, 3),
        red=round(red, 3),
        blue=round(blue, 3),
    )


def salient_point(picture: Bytes) -> tuple[float, float]:
    """Return where the eye is drawn first, 0..1 of width and height."""
    drawn = attention(picture)
    # The middle of all that is nearly as strong as the strongest: of a face rather than of its left eye.
    strong = np.maximum(drawn - _STRONG * drawn.max(), 0)
    height, width = strong.shape
    across, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    whole = float(strong.sum())
    if not whole:
        return _USUAL
    return float(strong.sum(0) @ across) / whole, float(strong.sum(1) @ down) / whole


def attention(picture: Bytes) -> Floats:
    """
    Return how much each place of a picture draws the eye.

    The spectral residual (Hou & Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007): what of
    the log amplitude spectrum an average of its neighbourhood does not foretell, with the phases of the
    picture. It is taken of lightness and of both colour axes (CIELAB). What is in focus counts more than what
    is blurred, and the middle and upper part a little more than the edges.
    """
    share = _SALIENT_SIDE / max(picture.shape[:2])
    size = (max(8, round(picture.shape[1] * share)), max(8, round(picture.shape[0] * share)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2LAB), np.float32)
    salient = sum((_residual(lab[:, :, axis]) for axis in range(3)), np.zeros(lab.shape[:2], np.float32))
    sigma = max(size) * _ATTENTION
    drawn = _blurred(salient, sigma) * (0.35 + _blurred(_detail(picture, size), sigma))
    return np.asarray(drawn * _usual_places(size), np.float32)


def _residual(plane: Floats) -> Floats:
    spectrum = np.fft.fft2(plane)
    amplitude = np.log(np.abs(spectrum) + 1e-3).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3), borderType=cv2.BORDER_REFLECT)
    salient = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    # Axes with little in them say little.
    return np.asarray(salient / (salient.mean() + 1e-9) * min(1.0, float(plane.std()) / 12), np.float32)


def _detail(picture: Bytes, size: tuple[int, int]) -> Floats:
    """Return how sharp each place is, 0..1."""
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.float32)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    detail = np.sqrt(cv2.resize(edges, size, interpolation=cv2.INTER_AREA))
    return np.asarray(detail / (float(np.percentile(detail, 95)) + 1e-3), np.float32).clip(0, 1)


def _usual_places(size: tuple[int, int]) -> Floats:
    across = (np.arange(size[0]) + 0.5) / size[0] - _USUAL[0]
    down = (np.arange(size[1]) + 0.5) / size[1] - _USUAL[1]
    near = np.exp(-(across[None, :] ** 2 + down[:, None] ** 2) / (2 * _USUAL_SPREAD**2))
    return np.asarray(1 - _USUAL_SHARE + _USUAL_SHARE * near, np.float32)


def _blurred(plane: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), np.float32)


def _faces_focus(picture: Bytes, faces: Faces | None) -> tuple[float, float] | None:
    """Return the middle of all faces, large ones counting more; None without any."""
    found = faces(picture) if faces else []
    if not found:
        return None
    boxes = np.array(found)
    weights = boxes[:, 2] * boxes[:, 3]
    middle = np.average(boxes[:, :2] + boxes[:, 2:] / 2, axis=0, weights=weights)
    x, y = np.clip(middle / (picture.shape[1], picture.shape[0]), 0, 1)
    return float(x), float(y)


def perceptual_hash(picture: Bytes) -> int:
    """
    Return a 64-bit hash that is nearly the same for pictures that look nearly the same.

    The signs of the 64 lowest frequencies of the discrete cosine transform of the picture at 32 x 32 grey
    pixels, against their median, without the mean (as pHash does). Light, size and compression hardly change
    it.
    """
    grey = cv2.cvtColor(cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low = cv2.dct(np.asarray(grey, np.float32))[:9, :9].ravel()
    waves = np.concatenate([low[1:9], low[9:]])[:64]
    bits = waves > np.median(waves)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def light(picture: Bytes) -> tuple[float, float, float]:
    """
    Return exposure, red and blue as `PictureAnalysis` has them, in linear light (sRGB, IEC 61966-2-1).

    Clipped pixels are left out, and of the others the ends: the lightest and darkest twentieth for exposure,
    the most coloured half for the cast, so that a red coat is not a red light.
    """
    share = _LIGHT_SIDE / max(picture.shape[:2])
    if share < 1:
        size = (max(1, round(picture.shape[1] * share)), max(1, round(picture.shape[0] * share)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    believed = (picture.max(2) <= _BRIGHTEST) & (picture.max(2) >= _DARKEST)
    if not believed.any():
        return (0.0 if picture.mean() > 127 else float(np.log2(_BLACK))), 0.0, 0.0
    pixels = _LINEAR[picture[believed]]
    exposure = _middle(np.log2(pixels @ _LUMINANCE), 0.05)
    blue, green, red = np.log2(pixels).T
    return exposure, _middle(red - green, 0.25), _middle(blue - green, 0.25)


def _middle(values: NDArray[np.float64], left_out: float) -> float:
    """Return the mean without so large a part at either end."""
    ordered = np.sort(values)
    ends = int(len(ordered) * left_out)
    return float(ordered[ends : len(ordered) - ends].mean())


def _linear() -> NDArray[np.float64]:
    levels = np.arange(256) / 255
    curve = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.maximum(curve, _BLACK), np.float64)


_LINEAR = _linear()
