"""
The size of a picture from its header, before anything is decoded.

A picture needs memory for its pixels, not for its bytes: 300 KB of PNG can hold 2.5 gigapixels. So the size is read
here, in plain Python, and a picture that is too large never reaches a decoder.
"""

import struct

from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media import boxes
from memorycapsule.media.formats import jpeg, png, tiff
from memorycapsule.media.sniff import Format, Window

#: Limits for a photo, in pixels.
MOST_PIXELS = 250_000_000
MOST_SIDE = 30_000


def measure_photo(window: Window, format_: Format) -> tuple[int, int]:
    """
    Return width and height in pixels as stored (before any turn).

    Raises MediaRefused when the header has no size, or one above MOST_PIXELS or MOST_SIDE.
    """
    try:
        width, height = _MEASURES[format_](window)
    except (struct.error, IndexError) as error:
        raise MediaRefused(Refusal.HEADER_CUT) from error
    if width < 1 or height < 1:
        raise MediaRefused(Refusal.NO_SIZE)
    if width > MOST_SIDE or height > MOST_SIDE or width * height > MOST_PIXELS:
        raise MediaRefused(
            Refusal.TOO_MANY_PIXELS,
            width=width,
            height=height,
            megapixels=MOST_PIXELS // 1_000_000,
            side=MOST_SIDE,
        )
    return width, height


def _jpeg(window: Window) -> tuple[int, int]:
    return jpeg_frame(window)[:2]


def jpeg_frame(window: Window) -> tuple[int, int, int]:
    """
    Walk the marker segments to the frame header (ITU-T T.81, B.1.1.3 and B.2.2).

    Returns width, height and the offset at which the frame header ends, so behind every EXIF thumbnail.
    """
    for marker, start, length in jpeg.segments(window):
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", window.read(start + 1, 4))
            return width, height, start + length
    raise MediaRefused(Refusal.HEADER_CUT)


def _png(window: Window) -> tuple[int, int]:
    return png.size(window)


def _gif(window: Window) -> tuple[int, int]:
    width, height = struct.unpack("<HH", window.read(6, 4))
    return width, height


def _bmp(window: Window) -> tuple[int, int]:
    if window.read(14, 4) == b"\x0c\x00\x00\x00":
        width, height = struct.unpack("<HH", window.read(18, 4))
        return width, height
    width, height = struct.unpack("<ii", window.read(18, 8))
    # A negative height means that the rows run from the top.
    return width, abs(height)


def _webp(window: Window) -> tuple[int, int]:
    """Read the first chunk (RFC 9649): lossy, lossless or extended."""
    chunk = window.read(12, 4)
    if chunk == b"VP8X":
        body = window.read(24, 6)
        return int.from_bytes(body[:3], "little") + 1, int.from_bytes(body[3:6], "little") + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack("<I", window.read(21, 4))
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", window.read(26, 4))
        return width & 0x3FFF, height & 0x3FFF
    raise MediaRefused(Refusal.HEADER_CUT)


def _tiff(window: Window) -> tuple[int, int]:
    return tiff.picture_page(window).size


def _heif(window: Window) -> tuple[int, int]:
    """Return the largest of the image sizes (`ispe`, ISO/IEC 23008-12): tiles and thumbnails are smaller."""
    meta = boxes.find_top_level(window, b"meta")
    if meta is None:
        raise MediaRefused(Refusal.HEADER_CUT)
    # `meta` is a full box: four bytes of version and flags come first.
    properties = boxes.first(meta[4:], b"iprp", b"ipco")
    sizes = [
        struct.unpack(">II", box.body[4:12])
        for box in boxes.children(properties or b"")
        if box.kind == b"ispe" and len(box.body) >= 12
    ]
    if not sizes:
        raise MediaRefused(Refusal.HEADER_CUT)
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return width, height


_MEASURES = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "BMP": _bmp,
    "WebP": _webp,
    "TIFF": _tiff,
    "HEIC": _heif,
    "AVIF": _heif,
}
