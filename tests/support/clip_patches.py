"""Clips of eight colours, as cameras and programs code and tag them, made by ffmpeg."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memorycapsule import processes

#: sRGB; four columns and two rows, row by row.
PATCHES = np.array(
    [
        (224, 172, 143),
        (120, 80, 60),
        (92, 130, 50),
        (110, 160, 215),
        (180, 40, 45),
        (235, 200, 60),
        (128, 128, 128),
        (235, 235, 235),
    ]
)
#: How the parts of a picture are called by `scale`, `setparams` and the encoder.
_FINE = "flags=accurate_rnd+full_chroma_int"
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "8")
_HEVC = (
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-qp",
    "8",
    "-x265-params",
    "log-level=none",
    "-tag:v",
    "hvc1",
)
_TO_P3 = np.array(
    [[0.8224622, 0.1775380, 0.0], [0.0331942, 0.9668058, 0.0], [0.0170608, 0.0723974, 0.9105416]]
)
_TO_2020 = np.array(
    [[0.6274039, 0.3292830, 0.0433131], [0.0690973, 0.9195404, 0.0113623], [0.0163914, 0.0880133, 0.8955953]]
)
_GAMUTS = {"bt2020": _TO_2020, "smpte432": _TO_P3, "smpte431": _TO_P3}


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How a clip of the patches is coded and what it says of that."""

    size: tuple[int, int] = (320, 160)
    #: The matrix that it is coded by, and the one that it names; "unknown" names none.
    matrix: str = "bt709"
    tag: str = "unknown"
    primaries: str = "unknown"
    transfer: str = "unknown"
    is_full_range: bool = False
    encoder: tuple[str, ...] = _H264
    pixel_format: str = "yuv420p"
    ending: str = "mp4"
    #: Degrees that a player turns it by.
    turn: int = 0
    #: Rewrites the matrix that the coded picture names, as some phones and messengers do.
    bitstream_filter: str = ""
    muxer: tuple[str, ...] = ()


def hevc(**changes: object) -> Coding:
    """Return a coding of ten bits."""
    return Coding(**({"encoder": _HEVC, "pixel_format": "yuv420p10le", "ending": "mov"} | changes))  # type: ignore[arg-type]


def coded(primaries: str, transfer: str) -> NDArray[np.uint16]:
    """Return the patches as R'G'B' of 16 bits, in the named primaries and curve; white paper is 203 cd/m2."""
    encoded = PATCHES / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    linear = linear @ _GAMUTS.get(primaries, np.eye(3)).T
    return np.rint(np.clip(_CURVES.get(transfer, _srgb)(linear), 0, 1) * 65535).astype(np.uint16)


def _srgb(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def _pq(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.2100, table 4."""
    power = (linear * 203 / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def _hlg(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.2100, table 5, for a display of 1000 cd/m2, whose gamma of 1.2 is one of luminance."""
    shown = linear * 203 / 1000
    luminance = shown @ np.array([0.2627, 0.6780, 0.0593])
    scene = shown * np.maximum(luminance, 1e-9)[:, None] ** (1 / 1.2 - 1)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


_CURVES = {"smpte2084": _pq, "arib-std-b67": _hlg}


def laid_out(patches: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    """Return a picture of the patches, height x width x 3."""
    width, height = size
    rows = np.arange(height) * 2 // height
    columns = np.arange(width) * 4 // width
    return patches[rows[:, None] * 4 + columns]


def clip_of_patches(folder: Path, coding: Coding, *, frames: int = 3) -> Path:
    """Make a clip of the patches."""
    path = folder / f"patches.{coding.ending}"
    width, height = coding.size
    picture = laid_out(coded(coding.primaries, coding.transfer), coding.size).tobytes()
    span = "pc" if coding.is_full_range else "tv"
    filters = (
        f"scale=out_color_matrix={coding.matrix}:out_range={span}:{_FINE},format={coding.pixel_format},"
        f"setparams=colorspace={coding.tag}:color_primaries={coding.primaries}:color_trc={coding.transfer}"
    )
    stored = path.with_name(f"stored.{coding.ending}") if coding.turn else path
    _ffmpeg(
        "-f", "rawvideo", "-pixel_format", "rgb48le", "-video_size", f"{width}x{height}", "-framerate", "30", "-i", "-",
        "-vf", filters, *coding.encoder,
        *(("-bsf:v", coding.bitstream_filter) if coding.bitstream_filter else ()), *coding.muxer, stored,
        input=picture * frames,
    )  # fmt: skip
    if coding.turn:
        _ffmpeg("-display_rotation", str(coding.turn), "-i", stored, "-c", "copy", path)
    return path


def shown_patches(clip: bytes, *, turn: int = 0) -> NDArray[np.int64]:
    """Return the colours that a player shows of each patch of a display clip, turned back by `turn` degrees."""
    return patches_of(np.rot90(first_frame(clip), -turn // 90))


def patches_of(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the colour in the middle of each patch of a picture that is filled with them."""
    height, width = (side // cells for side, cells in zip(picture.shape[:2], (2, 4), strict=True))
    middles = [
        picture[row * height + height // 4 : (row + 1) * height - height // 4,
                column * width + width // 4 : (column + 1) * width - width // 4]
        for row in range(2) for column in range(4)
    ]  # fmt: skip
    return np.array([np.rint(one.reshape(-1, 3).mean(axis=0)) for one in middles]).astype(int)


def first_frame(clip: bytes) -> NDArray[np.uint8]:
    """Return the first frame of an mp4 as RGB, by the matrix that it names."""
    return _pictures(clip, "ppm", "-frames:v", "1", "-vf", f"scale={_FINE}")[0]


def decoded(clip: bytes) -> NDArray[np.uint8]:
    """Return all frames of an mp4 in grey, frames x height x width."""
    return _pictures(clip, "pgm", "-fps_mode", "passthrough", "-vf", "format=gray")


def _pictures(clip: bytes, codec: str, *arguments: str) -> NDArray[np.uint8]:
    done = subprocess.run(
        [
            processes.ffmpeg_path(), "-v", "error", "-f", "mov", "-i", "-",
            *arguments, "-f", "image2pipe", "-c:v", codec, "-",
        ],
        input=clip, capture_output=True, check=True,
    ).stdout  # fmt: skip
    # Each picture has its header: a word, width and height, the brightest value.
    magic, size, _, _ = done.split(b"\n", 3)
    width, height = map(int, size.split())
    shape = (height, width, 3) if magic == b"P6" else (height, width)
    header = len(b"\n".join(done.split(b"\n", 3)[:3])) + 1
    pictures = np.frombuffer(done, np.uint8).reshape(-1, header + int(np.prod(shape)))
    return pictures[:, header:].reshape(-1, *shape)


def _ffmpeg(*arguments: object, input: bytes | None = None) -> None:  # noqa: A002 - as subprocess calls it
    subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-y", *map(str, arguments)], input=input, check=True
    )
