"""Sizes are read from headers, and what is too large is refused before anything decodes it."""

import struct

import pytest

from memorycapsule.errors import Refusal
from memorycapsule.media.formats import tiff as tiff_format
from memorycapsule.media.measure import measure_photo
from memorycapsule.media.sniff import Window
from support.refusals import file_refused


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


def tiff(order: str, entries: list[tuple[int, int, int, int]], tail: bytes = b"") -> bytes:
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    body = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        value_bytes = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        body += struct.pack(order + "HHI", tag, kind, count) + value_bytes
    return head + body + bytes(4) + tail


@pytest.fixture
def window(tmp_path):
    opened = []

    def make(content: bytes) -> Window:
        path = tmp_path / "file"
        path.write_bytes(content)
        opened.append(path.open("rb"))
        return Window.of(opened[-1])

    yield make
    for file in opened:
        file.close()


@pytest.mark.parametrize(
    ("format_", "content", "size"),
    [
        ("PNG", png(640, 480), (640, 480)),
        ("GIF", b"GIF89a" + struct.pack("<HH", 320, 240), (320, 240)),
        ("BMP", b"BM" + bytes(12) + struct.pack("<Iii", 40, 128, -64), (128, 64)),
        ("BMP", b"BM" + bytes(12) + struct.pack("<IHH", 12, 128, 64), (128, 64)),
        ("WebP", b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x8f\1\0\x2b\1\0", (400, 300)),
        ("WebP", b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 399 | 299 << 14), (400, 300)),
        ("WebP", b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 400, 300), (400, 300)),
        (
            "JPEG",
            b"\xff\xd8\xff\xe0\0\4ab\xff\xff\xc2\0\x0b\x08" + struct.pack(">HH", 30, 40) + bytes(6),
            (40, 30),
        ),
        ("TIFF", tiff("<", [(256, 3, 1, 278), (257, 3, 1, 374)]), (278, 374)),
        ("TIFF", tiff(">", [(256, 4, 1, 278), (257, 4, 1, 374)]), (278, 374)),
    ],
)
def test_the_size_is_read_from_the_header(window, format_, content, size):
    assert measure_photo(window(content), format_) == size


@pytest.mark.parametrize(
    ("format_", "content"),
    [
        *(("PNG", png(*size)) for size in [(16000, 16000), (30001, 10), (10, 30001), (2**31 - 1, 2**31 - 1)]),
        ("JPEG", b"\xff\xd8\xff\xc0\0\x0b\x08" + struct.pack(">HH", 65535, 65535) + bytes(6)),
        ("GIF", b"GIF89a" + struct.pack("<HH", 65535, 65535)),
        ("WebP", b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\xff\xff\xff" * 2),
        ("BMP", b"BM" + bytes(12) + struct.pack("<Iii", 40, 2**31 - 1, -(2**31))),
        ("TIFF", tiff("<", [(256, 4, 1, 2**32 - 1), (257, 4, 1, 2**32 - 1)])),
    ],
)
def test_a_picture_beyond_the_limits_is_refused(window, format_, content):
    with file_refused(Refusal.TOO_MANY_PIXELS, megapixels=250, side=30_000):
        measure_photo(window(content), format_)


def test_two_hundred_megapixels_are_within_the_limits(window):
    assert measure_photo(window(png(16320, 12240)), "PNG") == (16320, 12240)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "BMP", "WebP", "TIFF", "HEIC", "AVIF"])
@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"II*\0", b"\0\0\0\x10ftypheic", b"\0" * 30])
def test_a_header_that_is_cut_off_is_refused(window, format_, content):
    with file_refused(Refusal.HEADER_CUT, Refusal.NO_SIZE, Refusal.INDEX_UNREADABLE, Refusal.TOO_MANY_PIXELS):
        measure_photo(window(content), format_)


def test_a_raw_camera_file_is_refused_although_its_preview_is_a_tiff(window):
    nikon = tiff("<", [(254, 4, 1, 1), (256, 3, 1, 160), (257, 3, 1, 120), (330, 4, 2, 200)])

    with file_refused(Refusal.RAW):
        measure_photo(window(nikon), "TIFF")


def test_the_profile_of_a_tiff_is_found(window):
    profile = bytes(range(200))
    entries = [(256, 3, 1, 1), (257, 3, 1, 1), (34675, 7, 200, 8 + 2 + 36 + 4)]

    assert tiff_format.picture_page(window(tiff("<", entries, profile))).profile == profile
