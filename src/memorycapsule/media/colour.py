"""
Conversion of a picture's colours to sRGB.

Phones record in Display P3, cameras in Adobe RGB, and newer ones in HDR. OpenCV returns the stored numbers; shown as
sRGB they look dull (or grey, for HDR). Two kinds of description are understood: ICC profiles made of a matrix and
curves (ICC.1:2022, 8.3 and 10), and the code points of ITU-T H.273 ("nclx"). With any other profile, or a damaged
one, the picture is treated as sRGB.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Float = NDArray[np.float32]

#: sRGB primaries seen from D50, the white of ICC's connection space (IEC 61966-2-1, adapted by Bradford).
_XYZ_D50_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
_SRGB_CHROMATICITIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290))

#: Red, green, blue and white of the colour primaries of H.273, table 2.
_PRIMARIES = {
    1: _SRGB_CHROMATICITIES,
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), (0.3127, 0.3290)),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), (0.3127, 0.3290)),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), (0.3127, 0.3290)),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), (0.310, 0.316)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), (0.3127, 0.3290)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290)),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), (0.3127, 0.3290)),
}

#: Transfer characteristics of H.273 that are not, for the eye, the curve of sRGB.
_GAMMA_22, _GAMMA_28, _LINEAR, _PQ, _HLG = 4, 5, 8, 16, 18
#: Luminance of white paper in an HDR picture, in cd/m2 (ITU-R BT.2408).
_PAPER_WHITE = 203.0
#: Below this part of paper white tones stay as they are; above it highlights are drawn together.
_KNEE = 0.6


def _described(
    primaries: int, chromaticities: tuple[tuple[float, float], ...], transfer: int
) -> dict[str, Any]:
    """Return primaries and transfer characteristics as pillow-heif describes those of a file."""
    places = {
        f"color_primary_{name}_{axis}": place
        for name, point in zip(("red", "green", "blue", "white"), chromaticities, strict=True)
        for axis, place in zip("xy", point, strict=True)
    }
    return {"color_primaries": primaries, "transfer_characteristics": transfer, **places}


#: Adobe RGB (1998), which H.273 has no code point for.
ADOBE_RGB = _described(0, ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.3290)), _GAMMA_22)


@dataclass(frozen=True)
class Conversion:
    """How stored values become linear sRGB: one curve per channel (red, green, blue), then a matrix."""

    #: Values of the curve at 0..255 (8 bit) or 0..65535 (16 bit), shape (3, 256) or (3, 65536).
    curves: Float
    #: Linear source to linear sRGB, shape (3, 3).
    matrix: Float
    is_hdr: bool = False
    is_hlg: bool = False


def to_srgb(pixels: Array, *, profile: bytes | None, nclx: dict[str, Any] | None = None) -> NDArray[np.uint8]:
    """
    Return `pixels` (BGR, height x width x 3, uint8 or uint16) as 8-bit sRGB.

    An ICC profile takes precedence over `nclx` (ISO/IEC 23008-12, 6.5.5). Without either the values are sRGB already.
    """
    steps = 65536 if pixels.dtype == np.uint16 else 256
    conversion = None
    if profile:
        conversion = _from_profile(profile, steps)
    elif nclx:
        conversion = _from_nclx(nclx, steps)
    if conversion is None or _is_srgb(conversion):
        return _to_8_bit(pixels)
    linear = _linearise(pixels, conversion)
    if conversion.is_hdr:
        linear = _tone_map(linear, is_hlg=conversion.is_hlg)
    return _encode(linear @ conversion.matrix[::-1, ::-1].T)


def of_code_points(primaries: int, transfer: int) -> dict[str, Any]:
    """Return what `to_srgb` takes for code points of H.273; unknown primaries count as those of sRGB."""
    return _described(primaries, _PRIMARIES.get(primaries, _SRGB_CHROMATICITIES), transfer)


def full_range(pixels: Array) -> Array:
    """Return pixels of narrow range (black at 16 and white at 235 of 8 bits, H.273, 8.3) as pixels of full range."""
    most = np.iinfo(pixels.dtype).max
    step = (most + 1) / 256
    wide = (pixels.astype(np.float32) - 16 * step) * (most / (219 * step))
    stretched = (wide + 0.5).clip(0, most).astype(pixels.dtype)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        stretched[..., 3] = pixels[..., 3]
    return stretched


def srgb_curve(encoded: Array) -> Float:
    """Linear light of sRGB values, both 0..1 (IEC 61966-2-1)."""
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.asarray(light, np.float32)


def _to_8_bit(pixels: Array) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _linearise(pixels: Array, conversion: Conversion) -> Float:
    linear = np.empty(pixels.shape, np.float32)
    for channel in range(3):
        # Channels are stored blue first, curves red first.
        np.take(conversion.curves[2 - channel], pixels[..., channel], out=linear[..., channel])
    return linear


def _encode(linear: Array) -> NDArray[np.uint8]:
    np.clip(linear, 0.0, 1.0, out=linear)
    # Steps of 1/16383 are finer than 1/3 of an 8-bit step even in the deepest shadow.
    return _SRGB_BY_LIGHT[(linear * 16383 + 0.5).astype(np.uint16)]


def _make_srgb_by_light() -> NDArray[np.uint8]:
    light = np.arange(16384) / 16383
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


_SRGB_BY_LIGHT = _make_srgb_by_light()


def _is_srgb(conversion: Conversion) -> bool:
    """Return whether the conversion would change no 8-bit value visibly."""
    if conversion.is_hdr or np.abs(conversion.matrix - np.eye(3)).max() > 0.01:
        return False
    steps = conversion.curves.shape[1]
    return bool(np.abs(conversion.curves - srgb_curve(np.arange(steps) / (steps - 1))).max() < 0.01)


def _from_profile(profile: bytes, steps: int) -> Conversion | None:
    """Read a matrix profile; None for any other kind and for noise."""
    try:
        if profile[36:40] != b"acsp" or profile[16:24] != b"RGB XYZ ":
            return None
        (count,) = struct.unpack_from(">I", profile, 128)
        tags: dict[bytes, bytes] = {}
        for index in range(min(count, 100)):
            name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
            tags[name] = profile[offset : offset + size]
        colourants = [struct.unpack_from(">iii", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = np.stack([_curve(tags[name], steps) for name in (b"rTRC", b"gTRC", b"bTRC")])
    except (struct.error, KeyError, ValueError):
        return None
    matrix = _XYZ_D50_TO_SRGB @ (np.array(colourants).T / 65536)
    if not np.isfinite(curves).all() or np.abs(matrix).max() > 10:
        return None
    return Conversion(curves, matrix.astype(np.float32))


def _curve(tag: bytes, steps: int) -> Float:
    """Return a `curv` or `para` curve at `steps` places (ICC.1:2022, 10.6 and 10.18)."""
    place = np.linspace(0.0, 1.0, steps)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = struct.unpack_from(f">{min(count, 65536)}H", tag, 12)
        if count <= 1:
            # A lone value is a gamma in units of 1/256; none at all is a straight line.
            light = place ** (values[0] / 256 if values else 1.0)
        else:
            light = np.interp(place, np.linspace(0.0, 1.0, len(values)), np.array(values) / 65535)
        return np.asarray(light, np.float32)
    if tag[:4] != b"para":
        raise ValueError
    (form,) = struct.unpack_from(">H", tag, 8)
    length = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}.get(form)
    if length is None:
        raise ValueError
    given = [value / 65536 for value in struct.unpack_from(f">{length}i", tag, 12)]
    # Y = (a X + b)^g + e from X = d on, and c X + f below; the shorter forms leave some of these out.
    gamma, a, b, *rest = given if form else (*given, 1.0, 0.0)
    c, d, e, f = 0.0, -b / a if a else 0.0, 0.0, 0.0
    if form == 2:
        e = f = rest[0]
    elif form >= 3:
        c, d, e, f = (*rest, 0.0, 0.0)[:4]
    light = np.where(place >= d, np.maximum(a * place + b, 0.0) ** gamma + e, c * place + f)
    return np.asarray(light.clip(0.0, 1.0), np.float32)


def _from_nclx(nclx: dict[str, Any], steps: int) -> Conversion | None:
    transfer = nclx.get("transfer_characteristics", 2)
    chromaticities = tuple(
        (float(nclx[f"color_primary_{name}_x"]), float(nclx[f"color_primary_{name}_y"]))
        for name in ("red", "green", "blue", "white")
        if f"color_primary_{name}_x" in nclx
    )
    # 2 says "unspecified".
    if (
        nclx.get("color_primaries", 2) == 2
        or len(chromaticities) != 4
        or any(y <= 0 for _, y in chromaticities)
    ):
        chromaticities = _SRGB_CHROMATICITIES
    matrix = np.linalg.inv(_rgb_to_xyz(_SRGB_CHROMATICITIES)) @ _rgb_to_xyz(chromaticities)
    curve = _transfer_curve(transfer, np.linspace(0.0, 1.0, steps))
    return Conversion(
        np.stack([curve] * 3),
        matrix.astype(np.float32),
        is_hdr=transfer in {_PQ, _HLG},
        is_hlg=transfer == _HLG,
    )


def _rgb_to_xyz(chromaticities: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Return the matrix of three primaries and a white given as x, y (SMPTE RP 177)."""
    xyz = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in chromaticities]).T
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])


def _transfer_curve(transfer: int, encoded: NDArray[np.float64]) -> Float:
    """Return linear light; 1 is white, or paper white for PQ; scene light 0..1 for HLG."""
    light: NDArray[np.float64]
    if transfer == _PQ:  # ITU-R BT.2100, table 4
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = encoded ** (1 / m2)
        light = 10000 / _PAPER_WHITE * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    elif transfer == _HLG:  # ITU-R BT.2100, table 5
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - c) / a) + b) / 12)
    elif transfer == _LINEAR:
        light = encoded
    elif transfer in {_GAMMA_22, _GAMMA_28}:
        light = encoded ** (2.2 if transfer == _GAMMA_22 else 2.8)
    else:
        return srgb_curve(encoded)
    return light.astype(np.float32)


def _tone_map(linear: Float, *, is_hlg: bool) -> Float:
    """Draw highlights together, keeping hue: the brightest channel sets the factor of all three."""
    if is_hlg:
        # The system gamma of a 1000 cd/m2 display (BT.2100, table 5); luminance weights are those of BT.2020.
        luminance = linear @ np.array([0.0593, 0.6780, 0.2627], np.float32)
        gain = 1000 / _PAPER_WHITE * np.maximum(luminance, 1e-6) ** 0.2
        linear = (linear * gain[..., None]).astype(np.float32)
    brightest = np.maximum(linear.max(axis=2), 1e-6)
    over = np.maximum(brightest - _KNEE, 0.0) / (1 - _KNEE)
    drawn = np.where(brightest <= _KNEE, brightest, _KNEE + (1 - _KNEE) * (1 - np.exp(-over)))
    return np.asarray(linear * (drawn / brightest)[..., None], np.float32)
