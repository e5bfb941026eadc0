"""
Decoding of one photo to upright 8-bit sRGB pixels. It runs in the limited child only.

OpenCV decodes JPEG, PNG, WebP, GIF, BMP and TIFF. libheif decodes HEIC. ffmpeg decodes AVIF, because OpenCV cannot
decode many of these files (all of 10 bits), and pillow-heif's libheif is built without an AV1 decoder. Pillow decodes
nothing. What a decoder refuses is mended by its format's module in `formats`, and decoded once more.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule import processes
from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.domain.film.framing import display_size
from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.colour import ADOBE_RGB, full_range, of_code_points, to_srgb
from memorycapsule.media.formats import bmp, frames, gif, heif, jpeg, png, tiff, webp
from memorycapsule.media.formats.damage import check_good_part, ends_in_hole, with_rows_grey
from memorycapsule.media.measure import jpeg_frame
from memorycapsule.media.metadata.blocks import read_block_dates
from memorycapsule.media.metadata.date_sources import preferred_date
from memorycapsule.media.metadata.exif import Exif, read_exif
from memorycapsule.media.metadata.xmp import read_xmp_dates
from memorycapsule.media.sniff import Format, Window

Array = NDArray[Any]

#: CPU time of ffmpeg for one picture, in seconds.
_FFMPEG_CPU_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class UprightPhoto:
    """A decoded photo."""

    #: Upright BGR, height x width x 3, uint8, sRGB; of `display_size`.
    pixels: NDArray[np.uint8]
    #: Size of the whole picture as a person sees it.
    width: int
    height: int
    exif: Exif
    #: Part of the picture is missing, and grey stands for it.
    is_incomplete: bool
    #: When it was taken, by the best of the dates in the file.
    taken: CaptureTime | None


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
    #: An XMP packet, from a decoder that returns it.
    xmp: bytes | None = None
    #: The decoder has not turned the picture yet.
    is_to_be_turned: bool = False
    #: Part of the picture is missing, and grey stands for it.
    is_incomplete: bool = False


def decode_photo(window: Window, format_: Format) -> UprightPhoto:
    """Decode a photo. Raises MediaRefused for a damaged file, MemoryError for one beyond this process's limit."""
    try:
        raw = _DECODERS[format_](window)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        raise MediaRefused(Refusal.PICTURE_UNREADABLE) from error
    width, height = raw.width, raw.height
    pixels = _without_alpha(_as_bgr(_fitted(raw.pixels, display_size(width, height))))
    # A camera that was set to Adobe RGB may say so nowhere but in its EXIF.
    nclx = raw.nclx or (ADOBE_RGB if raw.exif.is_adobe_rgb else None)
    pixels = to_srgb(pixels, profile=raw.profile, nclx=nclx)
    if raw.is_to_be_turned:
        pixels = turned(pixels, raw.exif.orientation)
        if raw.exif.orientation >= 5:
            width, height = height, width
    dates = read_block_dates(window, format_) | read_xmp_dates(raw.xmp) | raw.exif.dates
    return UprightPhoto(
        pixels=np.ascontiguousarray(pixels),
        width=width,
        height=height,
        exif=raw.exif,
        is_incomplete=raw.is_incomplete,
        taken=preferred_date(dates),
    )


def turned(pixels: Array, orientation: int) -> Array:
    """Return the upright picture for EXIF orientation 1..8 (CIPA DC-008, tag 0x0112)."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    flips = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation)
    return pixels if flips is None else pixels[:: flips[0], :: flips[1]]


def _fitted(pixels: Array, size: tuple[int, int]) -> Array:
    """Return the pixels in `size` (width, height), which is no larger."""
    height, width = pixels.shape[:2]
    if size == (width, height):
        return pixels
    if not np.issubdtype(pixels.dtype, np.unsignedinteger) or pixels.dtype.itemsize > 2:
        pixels = _as_16_bit(pixels)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        # Colours of see-through pixels must not bleed into their neighbours.
        pixels = _without_alpha(pixels)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _as_bgr(pixels: Array) -> Array:
    if pixels.dtype not in (np.uint8, np.uint16):
        pixels = _as_16_bit(pixels)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    return pixels


def _as_16_bit(pixels: Array) -> NDArray[np.uint16]:
    """Return floats, cut off at 0 and 1, or whole numbers of a type's range above 0, as 16 bits."""
    if np.issubdtype(pixels.dtype, np.floating):
        pixels = np.nan_to_num(pixels, nan=0.0, posinf=1.0)
        pixels = pixels / _white(pixels)
    else:
        pixels = pixels / np.float64(np.iinfo(pixels.dtype).max)
    return (pixels.clip(0.0, 1.0) * 65535 + 0.5).astype(np.uint16)


def _white(pixels: Array) -> float:
    """
    Return which number is white in a picture of floats: 1, as is usual.

    Programs for measurements keep the numbers of 8 or 16 bits. Most of such a picture lies above 1, which is true of
    no picture whose highlights alone do.
    """
    if np.median(pixels) <= 1:
        return 1.0
    return next((white for white in (255.0, 65535.0) if pixels.max() <= white), 1.0)


def _without_alpha(pixels: Array) -> Array:
    """Lay a picture with alpha on white."""
    if pixels.ndim != 3 or pixels.shape[2] != 4:
        return pixels
    whole = int(np.iinfo(pixels.dtype).max)
    alpha = cv2.cvtColor(np.ascontiguousarray(pixels[..., 3]), cv2.COLOR_GRAY2BGR)
    ink = cv2.multiply(cv2.bitwise_not(np.ascontiguousarray(pixels[..., :3])), alpha, scale=1 / whole)
    return cv2.bitwise_not(ink)


def _gif(window: Window) -> _Raw:
    return _animated(window, lambda data: (gif.mended(data, _by_ffmpeg), True))


def _webp(window: Window) -> _Raw:
    return _animated(window, lambda data: webp.mended(data, _plainly))


def _animated(window: Window, mended: Callable[[bytes], tuple[Array | None, bool]]) -> _Raw:
    """Decode the first frame that shows something; `mended` returns a damaged picture, and whether it lacks a part."""
    data = np.frombuffer(_mapped(window), np.uint8)
    pixels, exif_block, profile = _imdecode(data, cv2.IMREAD_UNCHANGED)
    is_incomplete = False
    # A hole of zeros is decoded like a picture.
    if pixels is None or ends_in_hole(data):
        pixels, is_incomplete = mended(data.tobytes())
    else:
        pixels = frames.first_that_shows(data, pixels)
    return _stored(pixels, read_exif(exif_block), profile=profile, is_incomplete=is_incomplete)


def _bmp(window: Window) -> _Raw:
    data = np.frombuffer(_mapped(window), np.uint8)
    pixels = _plainly(data)
    if pixels is not None:
        return _stored(pixels, Exif())
    return _stored(_plainly(bmp.mended(data.tobytes())), Exif(), is_incomplete=True)


def _png(window: Window) -> _Raw:
    data = np.frombuffer(_mapped(window), np.uint8)
    pixels, exif_block, profile = (
        (None, None, None) if png.is_apple(window) else _imdecode(data, cv2.IMREAD_UNCHANGED)
    )
    is_incomplete = False
    if pixels is None:
        mended = png.mended(window)
        pixels, exif_block, profile = _imdecode(np.frombuffer(mended.data, np.uint8), cv2.IMREAD_UNCHANGED)
        is_incomplete = mended.rows < mended.height
        if pixels is not None:
            pixels = png.from_apple(pixels) if mended.is_apple else pixels
            pixels = _rows_filled(pixels, mended.rows, has_even_rows=mended.has_even_rows)
    else:
        pixels = frames.first_that_shows(data, pixels)
    said = png.code_points(window)
    if said and pixels is not None and not said.is_full_range:
        pixels = full_range(pixels)
    exif = read_exif(exif_block)
    if png.is_said_srgb(window):
        exif = replace(exif, is_adobe_rgb=False)
    # The code points take precedence over a profile (W3C PNG, third edition, 4.3).
    nclx = of_code_points(said.primaries, said.transfer) if said else None
    return _stored(pixels, exif, profile=None if nclx else profile, nclx=nclx, is_incomplete=is_incomplete)


def _rows_filled(pixels: Array, rows: int, *, has_even_rows: bool) -> Array:
    """Return a picture of which the rows from `rows` on are missing; or only those of odd number."""
    if rows >= pixels.shape[0]:
        return pixels
    if not has_even_rows:
        return with_rows_grey(pixels, rows)
    filled = pixels.copy()
    # Each stands for the one below it.
    below = np.arange(rows, pixels.shape[0])
    filled[below] = pixels[below & ~1]
    return filled


def _tiff(window: Window) -> _Raw:
    page = tiff.picture_page(window)
    changed = tiff.decodable(page)
    pixels = _plainly(np.frombuffer(_mapped(window), np.uint8) if changed is None else changed)
    is_incomplete = pixels is None
    exif = read_exif(window.read(0, window.size))
    if pixels is None:
        height = page.size[1]
        rows = page.complete_rows()
        check_good_part(rows / height)
        pixels = _plainly(tiff.cut_to(page, rows))
        if pixels is not None:
            pixels = with_rows_grey(np.resize(pixels, (height, *pixels.shape[1:])), rows)
    if pixels is not None:
        pixels = _as_meant(pixels, page)
    exif = replace(exif, orientation=page.orientation)
    # OpenCV turns a TIFF whatever its flags say, and returns neither EXIF nor profile.
    return _stored(
        pixels, exif, profile=page.profile, is_to_be_turned=is_incomplete, is_incomplete=is_incomplete
    )


def _as_meant(pixels: Array, page: tiff.Page) -> Array:
    """Return what OpenCV has decoded as the page means it: half floats as such, and white as the largest number."""
    if page.sample_format == tiff.FLOATING and pixels.dtype == np.uint16:
        pixels = pixels.view(np.float16).astype(np.float32)
    # Of 8 bits and less OpenCV inverts by itself.
    if page.photometric != tiff.WHITE_IS_ZERO or pixels.dtype == np.uint8:
        return pixels
    return 1 - pixels if np.issubdtype(pixels.dtype, np.floating) else np.iinfo(pixels.dtype).max - pixels


def _jpeg(window: Window) -> _Raw:
    width, height, scans_at = jpeg_frame(window)
    mapped = _mapped(window)
    scans = jpeg.walk_scans(mapped, scans_at)
    flags = _reduction(max(width, height), max(display_size(width, height))) | cv2.IMREAD_IGNORE_ORIENTATION
    data = np.frombuffer(mapped, np.uint8)
    _clear_warnings()
    # OpenCV refuses a file without its closing marker, even when nothing else is missing.
    if not scans.is_closed:
        data = np.append(data[: scans.end], np.frombuffer(jpeg.END, np.uint8))
    pixels, exif_block, profile = _imdecode(data, flags)
    if pixels is None:
        raise MediaRefused(Refusal.PICTURE_UNREADABLE)
    return _Raw(
        pixels=pixels,
        width=width,
        height=height,
        exif=read_exif(exif_block),
        profile=profile,
        is_to_be_turned=True,
        is_incomplete=jpeg.is_incomplete(pixels, _warnings(), scans, scans_at),
    )


def _stored(
    pixels: Array | None,
    exif: Exif,
    *,
    profile: bytes | None = None,
    nclx: dict[str, Any] | None = None,
    is_to_be_turned: bool = True,
    is_incomplete: bool = False,
) -> _Raw:
    """Return what was decoded in its full size. Raises MediaRefused for nothing."""
    if pixels is None:
        raise MediaRefused(Refusal.PICTURE_UNREADABLE)
    height, width = pixels.shape[:2]
    return _Raw(
        pixels=pixels,
        width=width,
        height=height,
        exif=exif,
        profile=profile,
        nclx=nclx,
        is_to_be_turned=is_to_be_turned,
        is_incomplete=is_incomplete,
    )


def _reduction(longest: int, needed: int) -> int:
    """Return the flag for the largest reduction by libjpeg that still leaves so many pixels of the longest side."""
    for factor, flag in (
        (8, cv2.IMREAD_REDUCED_COLOR_8),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (2, cv2.IMREAD_REDUCED_COLOR_2),
    ):
        if longest >= factor * needed:
            return flag
    return cv2.IMREAD_COLOR


def _imdecode(data: Array, flags: int) -> tuple[Array | None, bytes | None, bytes | None]:
    pixels, kinds, blocks = cv2.imdecodeWithMetadata(data, flags)
    found = {int(kind): block.tobytes() for kind, block in zip(kinds, blocks, strict=False)}
    return pixels, found.get(cv2.IMAGE_METADATA_EXIF), found.get(cv2.IMAGE_METADATA_ICCP)


def _plainly(data: bytes | Array) -> Array | None:
    """Decode a file as it is stored, by OpenCV; None for one that cannot be decoded."""
    return _imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[0]


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


def _heic(window: Window) -> _Raw:
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
    pixels, is_incomplete = heif.mended(window, pixels)
    # libheif has turned and cropped the picture; the EXIF orientation says the same and is not used.
    return _Raw(
        pixels=pixels,
        width=width,
        height=height,
        exif=read_exif(_heif_exif(image)),
        profile=image.info.get("icc_profile"),
        nclx=image.info.get("nclx_profile"),
        xmp=image.info.get("xmp"),
        is_incomplete=is_incomplete,
    )


def _heif_exif(image: Any) -> bytes | None:
    block: bytes | None = image.info.get("exif")
    return block


def _avif(window: Window) -> _Raw:
    image = _open_heif(window)
    width, height = image.size
    is_deep = image.info.get("bit_depth", 8) > 8
    pixels = _frame_of_ffmpeg(
        window.descriptor, "mov", display_size(width, height), pixel_format="bgr48le" if is_deep else "bgr24"
    )
    if pixels is None:
        raise MediaRefused(Refusal.PICTURE_UNREADABLE)
    # ffmpeg turns by `irot` and `imir`, as libheif does for HEIC.
    return _Raw(
        pixels=pixels,
        width=width,
        height=height,
        exif=read_exif(_heif_exif(image)),
        profile=image.info.get("icc_profile"),
        nclx=image.info.get("nclx_profile"),
        xmp=image.info.get("xmp"),
    )


def _by_ffmpeg(data: bytes) -> Array | None:
    """Decode the first frame of a GIF with all that is there of it (BGRA); None when nothing is."""
    width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    with os.fdopen(os.memfd_create("picture"), "w+b") as file:
        file.write(data)
        file.flush()
        return _frame_of_ffmpeg(file.fileno(), "gif", (width, height), pixel_format="bgra")


def _frame_of_ffmpeg(
    descriptor: int, demuxer: str, size: tuple[int, int], *, pixel_format: Literal["bgr24", "bgr48le", "bgra"]
) -> Array | None:
    """
    Decode the first frame of a file in `size` (width, height); None when it cannot be decoded.

    Raises MediaRefused when it takes too long.
    """
    width, height = size
    try:
        done = processes.run(
            [
                processes.ffmpeg_path(), "-v", "error", "-nostdin", "-threads", "1",
                "-protocol_whitelist", "file,pipe", "-f", demuxer, "-i", f"/dev/fd/{descriptor}",
                # A picture of tiles is a filter graph of its own to ffmpeg, which takes no `-vf` then.
                "-frames:v", "1", "-s", f"{width}x{height}", "-sws_flags", "area",
                "-f", "rawvideo", "-pix_fmt", pixel_format, "pipe:1",
            ],
            processes.ChildLimits(cpu_seconds=_FFMPEG_CPU_SECONDS),
            pass_fds=(descriptor,),
        )  # fmt: skip
    except processes.OutOfCpu as error:
        raise MediaRefused(Refusal.DECODING_TOO_LONG) from error
    kind = np.uint16 if pixel_format == "bgr48le" else np.uint8
    channels = 4 if pixel_format == "bgra" else 3
    if done.returncode != 0 or len(done.stdout) != width * height * channels * np.dtype(kind).itemsize:
        return None
    return np.frombuffer(done.stdout, kind).reshape(height, width, channels)


def _mapped(window: Window) -> Any:
    import mmap

    return mmap.mmap(window.descriptor, window.size, access=mmap.ACCESS_READ)


def _clear_warnings() -> None:
    os.ftruncate(2, 0)
    os.lseek(2, 0, os.SEEK_SET)


def _warnings() -> bytes:
    """Return what libraries wrote to standard error, which `decoder_child` has replaced by a file in memory."""
    return os.pread(2, 65536, 0)


_DECODERS: dict[Format, Callable[[Window], _Raw]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WebP": _webp,
    "BMP": _bmp,
    "TIFF": _tiff,
    "HEIC": _heic,
    "AVIF": _avif,
}
