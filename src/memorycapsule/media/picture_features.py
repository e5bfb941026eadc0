"""
Features of one picture: its salient point, its perceptual hash, its exposure and its colour cast.

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
#: Detects the faces in a picture, each (left, top, width, height) in pixels.
Faces = Callable[[Bytes], list[tuple[float, float, float, float]]]

#: Long side of the picture for saliency: Hou & Zhang found 64 to be enough.
_SALIENCY_SIDE = 64
#: Standard deviation of the blur of a saliency map, as a share of the long side.
_SALIENCY_BLUR = 0.08
#: Places of less saliency than this share of the maximum do not count for the salient point.
_SALIENT_SHARE = 0.6
#: The centre bias: where things usually are in a picture, how widely spread, and how much this counts.
_CENTRE = (0.5, 0.42)
_CENTRE_SPREAD = 0.28
_CENTRE_SHARE = 0.85
#: Long side of the picture for exposure and colour cast.
_EXPOSURE_SIDE = 96
#: Pixels whose strongest channel is darker or brighter than this, of 255, count as clipped.
_DARKEST, _BRIGHTEST = 3, 250
#: The exposure of a black picture: half of a level, in linear light.
_BLACK = 0.5 / 255 / 12.92
_LUMINANCE = np.array([0.0722, 0.7152, 0.2126])


def analyse_picture(picture: Bytes, faces: Faces | None = None) -> PictureAnalysis:
    """Return a picture's features. The focus is the middle of the faces that `faces` detects, or the salient point."""
    x, y = _face_centre(picture, faces) or salient_point(picture)
    exposure, red, blue = exposure_and_cast(picture)
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
    salient = saliency(picture)
    # The centre of all places that are nearly the most salient: of a face rather than of its left eye.
    strong = np.maximum(salient - _SALIENT_SHARE * salient.max(), 0)
    height, width = strong.shape
    across, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    whole = float(strong.sum())
    if not whole:
        return _CENTRE
    return float(strong.sum(0) @ across) / whole, float(strong.sum(1) @ down) / whole


def saliency(picture: Bytes) -> Floats:
    """
    Return the saliency map of a picture: how much each place draws the eye.

    The spectral residual (Hou & Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007): the log
    amplitude spectrum less its local average, with the phases of the picture. It is computed for lightness and both
    colour axes (CIELAB), and weighted by sharpness and by a bias towards the middle and upper part.
    """
    share = _SALIENCY_SIDE / max(picture.shape[:2])
    size = (max(8, round(picture.shape[1] * share)), max(8, round(picture.shape[0] * share)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2LAB), np.float32)
    salient = sum(
        (_spectral_residual(lab[:, :, axis]) for axis in range(3)), np.zeros(lab.shape[:2], np.float32)
    )
    sigma = max(size) * _SALIENCY_BLUR
    weighted = _blurred(salient, sigma) * (0.35 + _blurred(_sharpness(picture, size), sigma))
    return np.asarray(weighted * _centre_bias(size), np.float32)


def _spectral_residual(plane: Floats) -> Floats:
    spectrum = np.fft.fft2(plane)
    amplitude = np.log(np.abs(spectrum) + 1e-3).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3), borderType=cv2.BORDER_REFLECT)
    salient = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    # An axis with little contrast counts little.
    return np.asarray(salient / (salient.mean() + 1e-9) * min(1.0, float(plane.std()) / 12), np.float32)


def _sharpness(picture: Bytes, size: tuple[int, int]) -> Floats:
    """Return how sharp each place is, 0..1."""
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.float32)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    sharpness = np.sqrt(cv2.resize(edges, size, interpolation=cv2.INTER_AREA))
    return np.asarray(sharpness / (float(np.percentile(sharpness, 95)) + 1e-3), np.float32).clip(0, 1)


def _centre_bias(size: tuple[int, int]) -> Floats:
    across = (np.arange(size[0]) + 0.5) / size[0] - _CENTRE[0]
    down = (np.arange(size[1]) + 0.5) / size[1] - _CENTRE[1]
    near = np.exp(-(across[None, :] ** 2 + down[:, None] ** 2) / (2 * _CENTRE_SPREAD**2))
    return np.asarray(1 - _CENTRE_SHARE + _CENTRE_SHARE * near, np.float32)


def _blurred(plane: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), np.float32)


def _face_centre(picture: Bytes, faces: Faces | None) -> tuple[float, float] | None:
    """Return the mean of all faces' middles, weighted by their areas; None without any face."""
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

    As in pHash, the bits say which of the 64 lowest frequencies of the discrete cosine transform, at 32 x 32 grey
    pixels and without the mean, lie above their median. Light, size and compression hardly change it.
    """
    grey = cv2.cvtColor(cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low = cv2.dct(np.asarray(grey, np.float32))[:9, :9].ravel()
    waves = np.concatenate([low[1:9], low[9:]])[:64]
    bits = waves > np.median(waves)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def exposure_and_cast(picture: Bytes) -> tuple[float, float, float]:
    """
    Return exposure, red and blue as `PictureAnalysis` has them, in linear light (sRGB, IEC 61966-2-1).

    They are trimmed means over all pixels that are not clipped: without the lightest and darkest twentieth for the
    exposure, and without the most coloured half for the cast, so that a red coat does not count as red light.
    """
    share = _EXPOSURE_SIDE / max(picture.shape[:2])
    if share < 1:
        size = (max(1, round(picture.shape[1] * share)), max(1, round(picture.shape[0] * share)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    unclipped = (picture.max(2) <= _BRIGHTEST) & (picture.max(2) >= _DARKEST)
    if not unclipped.any():
        return (0.0 if picture.mean() > 127 else float(np.log2(_BLACK))), 0.0, 0.0
    pixels = _LINEAR[picture[unclipped]]
    exposure = _trimmed_mean(np.log2(pixels @ _LUMINANCE), 0.05)
    blue, green, red = np.log2(pixels).T
    return exposure, _trimmed_mean(red - green, 0.25), _trimmed_mean(blue - green, 0.25)


def _trimmed_mean(values: NDArray[np.float64], left_out: float) -> float:
    """Return the mean without the share `left_out` at either end."""
    ordered = np.sort(values)
    ends = int(len(ordered) * left_out)
    return float(ordered[ends : len(ordered) - ends].mean())


def _linear() -> NDArray[np.float64]:
    levels = np.arange(256) / 255
    curve = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.maximum(curve, _BLACK), np.float64)


_LINEAR = _linear()
