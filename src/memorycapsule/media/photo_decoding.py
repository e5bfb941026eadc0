"""
Decoding of one photo to upright 8-bit sRGB pixels. It runs in the limited child only.

OpenCV decodes JPEG, PNG, WebP, GIF, BMP and TIFF. libheif decodes HEIC. ffmpeg decodes AVIF, because OpenCV cannot
decode many of these files (all of 10 bits), and pillow-heif's libheif is built without an AV1 decoder. Pillow decodes
nothing.
"""

import os
import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule import processes
from memorycapsule.domain.film.framing import fitted_size
from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.colour import to_srgb
from memorycapsule.media.exif import Exif, read_exif
from memorycapsule.media.measure import jpeg_frame, tiff_profile
from memorycapsule.media.prepared import DISPLAY_SIDE
from memorycapsule.media.sniff import Format, Window

Array = NDArray[Any]

#: Progressive files of cameras and web sites have about ten scans. Each costs a pass over the whole picture.
_MOST_SCANS = 64
#: A file that ends in as many zeros instead of its closing marker is an interrupted copy.
_ZEROS_OF_A_HOLE = b"\x00" * 1024
_SURPLUS = re.compile(rb"(\d+) extraneous bytes before marker")
#: Part of the picture data that may be left over when the picture is complete.
_MOST_SURPLUS = 0.01
#: What stands between the picture's data: a marker that is neither a stuffed byte, a restart nor a filler (ITU-T
#: T.81, B.1.1.2 and B.1.1.5).
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
_SCAN, _END = b"\xda", b"\xff\xd9"
#: CPU time of ffmpeg for one AVIF, in seconds.
_AVIF_CPU_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class UprightPhoto:
    """A decoded photo."""

    #: Upright BGR, height x width x 3, uint8, sRGB; at most DISPLAY_SIDE on the long side.
    pixels: NDArray[np.uint8]
    #: Size of the whole picture as a person sees it.
    width: int
    height: int
    exif: Exif
    #: Part of the picture is missing, and grey stands for it.
    is_incomplete: bool


@dataclass(frozen=True, kw_only=True)
class _Raw:
    """What a decoder returns: the pixels as stored, and what is needed to turn and colour them."""

    pixels: Array
    #: Size as stored, of the whole picture even when `pixels` are reduced.
    width: int
    height: int
    exif: Exif
    profile: bytes | None
    nclx: dict[str, Any] | None = None
    #: The decoder has not turned the picture yet.
    is_to_be_turned: bool = False
    #: Part of the picture is missing, and grey stands for it.
    is_incomplete: bool = False


def decode_photo(window: Window, format_: Format) -> UprightPhoto:
    """Decode a photo. Raises MediaRefused for a damaged file, MemoryError for one beyond this process's limit."""
    try:
        raw = _DECODERS.get(format_, _by_opencv)(window, format_)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        raise MediaRefused(Refusal.PICTURE_UNREADABLE) from error
    pixels = _without_alpha(_as_bgr(_fitted(raw.pixels, DISPLAY_SIDE)))
    pixels = to_srgb(pixels, profile=raw.profile, nclx=raw.nclx)
    width, height = raw.width, raw.height
    if raw.is_to_be_turned:
        pixels = turned(pixels, raw.exif.orientation)
        if raw.exif.orientation >= 5:
            width, height = height, width
    return UprightPhoto(
        pixels=np.ascontiguousarray(pixels),
        width=width,
        height=height,
        exif=raw.exif,
        is_incomplete=raw.is_incomplete,
    )


def turned(pixels: Array, orientation: int) -> Array:
    """Return the upright picture for EXIF orientation 1..8 (CIPA DC-008, tag 0x0112)."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    flips = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation)
    return pixels if flips is None else pixels[:: flips[0], :: flips[1]]


def _fitted(pixels: Array, side: int) -> Array:
    height, width = pixels.shape[:2]
    size = fitted_size(width, height, side)
    if size == (width, height):
        return pixels
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        # Colours of see-through pixels must not bleed into their neighbours.
        pixels = _without_alpha(pixels)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _as_bgr(pixels: Array) -> Array:
    if pixels.dtype not in (np.uint8, np.uint16):
        scaled = cv2.normalize(pixels, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload] # None is allowed
        pixels = scaled.astype(np.uint8)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    return pixels


def _without_alpha(pixels: Array) -> Array:
    """Lay a picture with alpha on white."""
    if pixels.ndim != 3 or pixels.shape[2] != 4:
        return pixels
    whole = int(np.iinfo(pixels.dtype).max)
    alpha = cv2.cvtColor(np.ascontiguousarray(pixels[..., 3]), cv2.COLOR_GRAY2BGR)
    ink = cv2.multiply(cv2.bitwise_not(np.ascontiguousarray(pixels[..., :3])), alpha, scale=1 / whole)
    return cv2.bitwise_not(ink)


def _by_opencv(window: Window, format_: Format) -> _Raw:
    data = np.frombuffer(_mapped(window), np.uint8)
    pixels, exif_block, profile = _imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise MediaRefused(Refusal.PICTURE_INCOMPLETE if format_ == "PNG" else Refusal.PICTURE_UNREADABLE)
    if format_ == "TIFF":
        # OpenCV turns a TIFF whatever its flags say, and returns neither EXIF nor profile.
        exif, profile = read_exif(window.read(0, window.size)), tiff_profile(window)
    else:
        exif = read_exif(exif_block)
    height, width = pixels.shape[:2]
    return _Raw(
        pixels=pixels,
        width=width,
        height=height,
        exif=exif,
        profile=profile,
        is_to_be_turned=format_ != "TIFF",
    )


def _jpeg(window: Window, _format: Format) -> _Raw:
    width, height, scans_at = jpeg_frame(window)
    mapped = _mapped(window)
    end = _checked_scans(mapped, scans_at)
    flags = _reduction(max(width, height)) | cv2.IMREAD_IGNORE_ORIENTATION
    data = np.frombuffer(mapped, np.uint8)
    _clear_warnings()
    pixels, exif_block, profile = _imdecode(data, flags)
    if pixels is None:
        # OpenCV refuses a file without its closing marker, even when nothing else is missing.
        _clear_warnings()
        pixels, exif_block, profile = _imdecode(np.append(data, np.frombuffer(_END, np.uint8)), flags)
    if pixels is None:
        raise MediaRefused(Refusal.PICTURE_UNREADABLE)
    _check_warnings(_warnings(), end - scans_at)
    return _Raw(
        pixels=pixels,
        width=width,
        height=height,
        exif=read_exif(exif_block),
        profile=profile,
        is_to_be_turned=True,
    )


def _checked_scans(data: Any, scans_at: int) -> int:
    """
    Return the offset at which the picture ends. What phones write behind it (a clip, a second picture) is ignored.

    Raises MediaRefused for a picture whose end is missing or that is made of far too many scans.
    """
    scans, at = 0, scans_at
    while (found := _MARKER.search(data, at)) is not None:
        at = found.end()
        marker = found[1]
        if marker == _END[1:]:
            return at
        scans += marker == _SCAN
        if scans > _MOST_SCANS:
            raise MediaRefused(Refusal.TOO_MANY_SCANS)
        # Tables may hold what looks like a marker.
        at += int.from_bytes(data[at : at + 2], "big")
    if data[-len(_ZEROS_OF_A_HOLE) :] == _ZEROS_OF_A_HOLE:
        raise MediaRefused(Refusal.PICTURE_INCOMPLETE)
    return len(data)


def _check_warnings(warnings: bytes, scan_bytes: int) -> None:
    """
    Raise MediaRefused when libjpeg replaced a good part of the picture.

    It continues after any damage, with grey or with garbage, and warns in one line. A few surplus bytes are harmless:
    whole series of phones write them.
    """
    if b"Corrupt JPEG data" not in warnings:
        return
    surplus = _SURPLUS.search(warnings)
    if surplus is None:
        raise MediaRefused(Refusal.PICTURE_INCOMPLETE)
    if int(surplus[1]) > _MOST_SURPLUS * scan_bytes:
        raise MediaRefused(Refusal.PICTURE_SCRAMBLED)


def _reduction(longest: int) -> int:
    """Return the flag for the largest reduction by libjpeg that still leaves DISPLAY_SIDE pixels."""
    for factor, flag in (
        (8, cv2.IMREAD_REDUCED_COLOR_8),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (2, cv2.IMREAD_REDUCED_COLOR_2),
    ):
        if longest >= factor * DISPLAY_SIDE:
            return flag
    return cv2.IMREAD_COLOR


def _imdecode(data: Array, flags: int) -> tuple[Array | None, bytes | None, bytes | None]:
    pixels, kinds, blocks = cv2.imdecodeWithMetadata(data, flags)
    found = {int(kind): block.tobytes() for kind, block in zip(kinds, blocks, strict=False)}
    return pixels, found.get(cv2.IMAGE_METADATA_EXIF), found.get(cv2.IMAGE_METADATA_ICCP)


def _open_heif(window: Window) -> Any:
    """Return the primary image of a HEIC or AVIF file; its pixels are decoded when asked for."""
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False
    try:
        file = pillow_heif.open_heif(window.read(0, window.size), convert_hdr_to_8bit=False, bgr_mode=True)
        return file[file.primary_index]
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError, IndexError) as error:
        raise _heif_refusal(error) from error


def _heif_refusal(error: Exception) -> Exception:
    if "Memory allocation" in str(error):
        return MemoryError()
    cut = "end of file" in str(error) or "outside of file" in str(error)
    return MediaRefused(Refusal.PICTURE_INCOMPLETE if cut else Refusal.PICTURE_UNREADABLE)


def _heic(window: Window, _format: Format) -> _Raw:
    image = _open_heif(window)
    try:
        data, stride = image.data, image.stride
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError) as error:
        raise _heif_refusal(error) from error
    width, height = image.size
    is_deep = ";" in image.mode
    rows = np.frombuffer(data, np.uint16 if is_deep else np.uint8).reshape(height, -1)
    channels = {"L": 1, "BGR": 3, "RGB": 3}.get(image.mode.split(";")[0], 4)
    pixels = rows[:, : width * channels].reshape(height, width, channels)
    assert stride == rows.strides[0]
    # libheif has turned and cropped the picture; the EXIF orientation says the same and is not used.
    return _Raw(
        pixels=pixels,
        width=width,
        height=height,
        exif=read_exif(_heif_exif(image)),
        profile=image.info.get("icc_profile"),
        nclx=image.info.get("nclx_profile"),
    )


def _heif_exif(image: Any) -> bytes | None:
    block: bytes | None = image.info.get("exif")
    return block


def _avif(window: Window, _format: Format) -> _Raw:
    image = _open_heif(window)
    width, height = image.size
    small_width, small_height = fitted_size(width, height, DISPLAY_SIDE)
    is_deep = image.info.get("bit_depth", 8) > 8
    try:
        done = processes.run(
            [
                processes.ffmpeg_path(), "-v", "error", "-nostdin", "-threads", "1",
                "-protocol_whitelist", "file,pipe", "-f", "mov", "-i", f"/dev/fd/{window.descriptor}",
                "-frames:v", "1", "-vf", f"scale={small_width}:{small_height}:flags=area",
                "-f", "rawvideo", "-pix_fmt", "bgr48le" if is_deep else "bgr24", "pipe:1",
            ],
            processes.ChildLimits(cpu_seconds=_AVIF_CPU_SECONDS),
            pass_fds=(window.descriptor,),
        )  # fmt: skip
    except processes.OutOfCpu as error:
        raise MediaRefused(Refusal.DECODING_TOO_LONG) from error
    kind = np.uint16 if is_deep else np.uint8
    if done.returncode != 0 or len(done.stdout) != small_width * small_height * 3 * np.dtype(kind).itemsize:
        raise MediaRefused(Refusal.PICTURE_UNREADABLE)
    # ffmpeg turns by `irot` and `imir`, as libheif does for HEIC.
    return _Raw(
        pixels=np.frombuffer(done.stdout, kind).reshape(small_height, small_width, 3),
        width=width,
        height=height,
        exif=read_exif(_heif_exif(image)),
        profile=image.info.get("icc_profile"),
        nclx=image.info.get("nclx_profile"),
    )


def _mapped(window: Window) -> Any:
    import mmap

    return mmap.mmap(window.descriptor, window.size, access=mmap.ACCESS_READ)


def _clear_warnings() -> None:
    os.ftruncate(2, 0)
    os.lseek(2, 0, os.SEEK_SET)


def _warnings() -> bytes:
    """Return what libraries wrote to standard error, which `decoder_child` has replaced by a file in memory."""
    return os.pread(2, 65536, 0)


_DECODERS = {"JPEG": _jpeg, "HEIC": _heic, "AVIF": _avif}
