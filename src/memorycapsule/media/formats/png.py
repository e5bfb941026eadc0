"""
PNG (W3C PNG, third edition): its chunks, the code points of its colours, Apple's variant, and damaged files.

Apple's tools write "CgBI" files into programs for phones: compressed data without a header, blue before red, colours
multiplied by their alpha. Such a file, and a damaged one, becomes an ordinary PNG here before it is decoded.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.sniff import Window

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Samples of a pixel by colour type.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_LAST_FILTER = 4
#: First column and row, and steps between columns and rows, of the seven passes of an interlaced picture.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
#: Compressed data is never so empty.
_HOLE = bytes(32)
#: More chunks than any program writes: a large picture has one for every 8 KB.
_MOST_CHUNKS = 100_000


@dataclass(frozen=True, kw_only=True)
class Header:
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    colour_type: int
    is_interlaced: bool
    #: The whole chunk, as it is stored.
    chunk: bytes


@dataclass(frozen=True, kw_only=True)
class CodePoints:
    """The cICP chunk: code points of ITU-T H.273."""

    primaries: int
    transfer: int
    is_full_range: bool


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A file that an ordinary decoder can read."""

    data: bytes
    #: The rows above this one are the picture's.
    rows: int
    height: int
    is_apple: bool
    #: Only the last pass of an interlaced picture is cut: from `rows` on each row of even number is complete.
    has_even_rows: bool = False


def size(window: Window) -> tuple[int, int]:
    """Return width and height in pixels. Raises MediaRefused without a header, struct.error when it is cut off."""
    width, height = struct.unpack(">II", window.read(_header_at(window), 8))
    return width, height


def _read_header(window: Window) -> Header:
    at = _header_at(window)
    chunk = window.read(at - 8, 25)
    if len(chunk) < 25:
        raise MediaRefused(Refusal.HEADER_CUT)
    width, height, depth, colour_type, _, _, interlace = struct.unpack_from(">IIBBBBB", chunk, 8)
    return Header(
        width=width,
        height=height,
        depth=depth,
        colour_type=colour_type,
        is_interlaced=interlace == 1,
        chunk=chunk,
    )


def _header_at(window: Window) -> int:
    """Return where the body of the header begins: it is the first chunk, but for Apple's own."""
    for kind, at, _length in chunks(window):
        if kind == b"IHDR":
            return at
        if kind != b"CgBI":
            break
    raise MediaRefused(Refusal.HEADER_CUT)


def is_apple(window: Window) -> bool:
    """Return whether it is a file of Apple's variant."""
    return window.read(12, 4) == b"CgBI"


def code_points(window: Window) -> CodePoints | None:
    """Return what the cICP chunk says; None without one. It stands before the picture data."""
    for kind, at, length in chunks(window):
        if kind == b"IDAT":
            return None
        if kind == b"cICP" and length == 4:
            body = window.read(at, 4)
            return CodePoints(primaries=body[0], transfer=body[1], is_full_range=body[3] != 0)
    return None


def is_said_srgb(window: Window) -> bool:
    """Return whether a chunk says that the colours are sRGB, whatever a camera's EXIF says."""
    for kind, _at, _length in chunks(window):
        if kind == b"IDAT":
            return False
        if kind == b"sRGB":
            return True
    return False


def mended(window: Window) -> Mended:
    """
    Return an ordinary PNG with all that can be read of the picture.

    It is decompressed up to the damage; what is missing is filled with zeros. Raises MediaRefused when nothing can be
    read, or the header is damaged.
    """
    header = _read_header(window)
    row_bytes, whole_bytes = _sizes(header)
    apple = is_apple(window)
    raw = _inflated(window, whole_bytes, is_apple=apple)
    raw = raw[: _end_of_rows(header, raw)]
    if not raw:
        raise MediaRefused(Refusal.PICTURE_INCOMPLETE)
    rows, has_even_rows = _complete_rows(header, len(raw), row_bytes)
    # Stored, not compressed: it is read once.
    packed = zlib.compress(raw + bytes(whole_bytes - len(raw)), 0)
    kept = [
        window.read(at - 8, length + 12)
        for kind, at, length in chunks(window)
        if kind in {b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"gAMA", b"cHRM", b"sRGB"}
    ]
    data = b"".join([_SIGNATURE, header.chunk, *kept, _chunk(b"IDAT", packed), _chunk(b"IEND", b"")])
    return Mended(data=data, rows=rows, height=header.height, is_apple=apple, has_even_rows=has_even_rows)


def from_apple(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the colours of a decoded picture of Apple's variant: red and blue change places, and alpha is undone."""
    if pixels.ndim != 3:
        return pixels
    pixels = pixels.copy()
    pixels[..., [0, 2]] = pixels[..., [2, 0]]
    if pixels.shape[2] == 4:
        alpha = np.maximum(pixels[..., 3:].astype(np.uint16), 1)
        colours = (pixels[..., :3].astype(np.uint16) * 255 + alpha // 2) // alpha
        pixels[..., :3] = np.minimum(colours, 255)
    return pixels


def chunks(window: Window) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, offset of the body and its length of every chunk, the last one even when it is cut off."""
    at = len(_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        head = window.read(at, 8)
        if len(head) < 8:
            return
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if not kind.isalpha():
            return
        yield kind, at + 8, length
        at += length + 12


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _inflated(window: Window, whole_bytes: int, *, is_apple: bool) -> bytes:
    """Return what can be decompressed of the picture data, at most `whole_bytes`."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS if is_apple else zlib.MAX_WBITS)
    raw = bytearray()
    for kind, at, length in chunks(window):
        if kind != b"IDAT":
            continue
        body, check = window.read(at, length), window.read(at + length, 4)
        if len(check) == 4 and zlib.crc32(kind + body) != int.from_bytes(check, "big"):
            # A hole of zeros may well be decompressed, to garbage.
            body = body.partition(_HOLE)[0]
        # Small steps: what stands before the damage must come out of the stream.
        for start in range(0, len(body), 1024):
            try:
                raw += stream.decompress(body[start : start + 1024], max(1, whole_bytes - len(raw)))
            except zlib.error:
                return bytes(raw[:whole_bytes])
            if stream.eof or len(raw) >= whole_bytes:
                return bytes(raw[:whole_bytes])
    return bytes(raw[:whole_bytes])


def _end_of_rows(header: Header, raw: bytes) -> int:
    """Return where the rows end that begin with a filter that exists, as all do but those of garbage."""
    at = 0
    for columns, rows in _pass_sizes(header) if header.is_interlaced else [(header.width, header.height)]:
        row_bytes = _row_bytes(header, columns)
        for _ in range(rows if columns else 0):
            if at >= len(raw) or raw[at] > _LAST_FILTER:
                return min(at, len(raw))
            at += row_bytes
    return len(raw)


def _row_bytes(header: Header, columns: int) -> int:
    bits = header.depth * _SAMPLES.get(header.colour_type, 4)
    return 1 + (columns * bits + 7) // 8


def _sizes(header: Header) -> tuple[int, int]:
    """Return the bytes of a row (of the last pass, when interlaced) and of the whole picture, decompressed."""
    row = _row_bytes(header, header.width)
    if not header.is_interlaced:
        return row, row * header.height
    return row, sum(_row_bytes(header, columns) * rows for columns, rows in _pass_sizes(header) if columns)


def _pass_sizes(header: Header) -> list[tuple[int, int]]:
    return [
        (-(-(header.width - x) // step_x), -(-(header.height - y) // step_y))
        for x, y, step_x, step_y in _PASSES
    ]


def _complete_rows(header: Header, raw_bytes: int, row_bytes: int) -> tuple[int, bool]:
    """Return how many rows from the top are complete, and whether below those at least every even one is."""
    _, whole_bytes = _sizes(header)
    if not header.is_interlaced:
        return min(header.height, raw_bytes // row_bytes), False
    _columns, last_rows = _pass_sizes(header)[-1]
    before = whole_bytes - last_rows * row_bytes
    if raw_bytes < before:
        return 0, False
    return min(header.height, 2 * ((raw_bytes - before) // row_bytes)), True
