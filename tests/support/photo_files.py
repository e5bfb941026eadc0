"""Writers of the photo files that cameras, phones and programs write and that simple encoders do not."""

import io
import struct
import zlib
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import pillow_heif
from PIL import Image

#: RGB of the quarters, row by row.
QUARTERS = ((220, 30, 30), (30, 180, 50), (30, 60, 210), (230, 200, 30))


def quarters(width: int = 96, height: int = 64) -> np.ndarray:
    """RGB, height x width x 3, uint8: four quarters."""
    pixels = np.empty((height, width, 3), np.uint8)
    for place, colour in enumerate(QUARTERS):
        rows = slice(0, height // 2) if place < 2 else slice(height // 2, height)
        columns = slice(0, width // 2) if place % 2 == 0 else slice(width // 2, width)
        pixels[rows, columns] = colour
    return pixels


def textured(width: int = 320, height: int = 240) -> np.ndarray:
    """RGB, uint8: a picture that compresses like a photo, each row as much as another."""
    noise = np.random.default_rng(7).integers(0, 40, (height, width, 3))
    rows, columns = np.mgrid[0:height, 0:width]
    ground = np.dstack([columns * 200 // width, rows * 200 // height, (rows + columns) % 97 * 2])
    return (ground + noise).astype(np.uint8)


def by_pillow(pixels: np.ndarray, format_: str, *, mode: str | None = None, **how: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, format_, **how)
    return out.getvalue()


def animation(frames: Sequence[np.ndarray], format_: str) -> bytes:
    """An animated GIF, PNG or WebP; frames are RGB or RGBA."""
    first, *others = [Image.fromarray(frame) for frame in frames]
    out = io.BytesIO()
    how = {"lossless": True} if format_ == "WEBP" else {}
    first.save(out, format_, save_all=True, append_images=others, duration=100, **how)
    return out.getvalue()


# TIFF


def tiff(
    *pages: dict[int, tuple[int, Sequence[int]]],
    data: Sequence[bytes],
    order: str = "<",
    is_big: bool = False,
    below: Sequence[int] = (),
) -> bytes:
    """
    A TIFF of these pages: tags by number, each a type (3 or 4) and values; `data` holds the pixels of each in one strip.

    `below` names pages that are sub-directories of the first. The directories come before the pixels, as in files that
    can be read while they arrive.
    """
    word, width = ("Q", 8) if is_big else ("I", 4)
    count_code = "Q" if is_big else "H"
    tags = [dict(page) for page in pages]
    for page, pixels in zip(tags, data, strict=True):
        page.setdefault(259, (3, (1,)))
        page.setdefault(278, (4, page[257][1]))
        page[273], page[279] = (4, (0,)), (4, (len(pixels),))
    if below:
        tags[0][330] = (4, (0,) * len(below))

    def size(page: dict[int, tuple[int, Sequence[int]]]) -> int:
        values = sum(
            len(_packed(order, *held)) for held in page.values() if len(_packed(order, *held)) > width
        )
        return struct.calcsize(count_code) + len(page) * (4 + 2 * width) + width + values

    start = 16 if is_big else 8
    places = [start + sum(map(size, tags[:place])) for place in range(len(tags))]
    pixels_at = start + sum(map(size, tags))
    for place, page in enumerate(tags):
        page[273] = (4, (pixels_at + sum(map(len, data[:place])),))
    if below:
        tags[0][330] = (4, tuple(places[place] for place in below))
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if is_big else 42)
    head += struct.pack(order + "HH", 8, 0) if is_big else b""
    body = head + struct.pack(order + word, start)
    chain = [place for place in range(len(tags)) if place not in below]
    for place, page in enumerate(tags):
        following = chain[chain.index(place) + 1 :] if place in chain else []
        entries, beyond = b"", b""
        beyond_at = places[place] + struct.calcsize(count_code) + len(page) * (4 + 2 * width) + width
        for tag, (kind, values) in sorted(page.items()):
            field = _packed(order, kind, values)
            if len(field) > width:
                beyond, field = beyond + field, struct.pack(order + word, beyond_at + len(beyond))
            entries += struct.pack(f"{order}HH{word}", tag, kind, len(values)) + field.ljust(width, b"\0")
        after = struct.pack(order + word, places[following[0]] if following else 0)
        body += struct.pack(order + count_code, len(page)) + entries + after + beyond
    return body + b"".join(data)


def _packed(order: str, kind: int, values: Sequence[int]) -> bytes:
    return struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)


def rgb_page(pixels: np.ndarray, **more: tuple[int, Sequence[int]]) -> dict[int, tuple[int, Sequence[int]]]:
    """Tags of an RGB page of 8 bits; `more` by names such as `t254`."""
    height, width = pixels.shape[:2]
    named = {int(name[1:]): value for name, value in more.items()}
    return {
        256: (4, (width,)), 257: (4, (height,)), 258: (3, (8, 8, 8)), 262: (3, (2,)), 277: (3, (3,)), **named
    }  # fmt: skip


def grey_page(
    width: int, height: int, bits: int, photometric: int, sample_format: int = 1
) -> dict[int, tuple[int, Sequence[int]]]:
    return {
        256: (4, (width,)), 257: (4, (height,)), 258: (3, (bits,)), 262: (3, (photometric,)), 277: (3, (1,)),
        339: (3, (sample_format,)),
    }  # fmt: skip


# PNG


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    return png[:33] + png_chunk(kind, body) + png[33:]


def png(pixels: np.ndarray, *, is_interlaced: bool = False) -> bytes:
    """A PNG of 8 or 16 bits, RGB or RGBA, with filters of type 0, interlaced or not."""
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    header = struct.pack(">IIBBBBB", width, height, bits, 2 if channels == 3 else 6, 0, 0, int(is_interlaced))
    raw = b"".join(_png_rows(part) for part in _passes(pixels, is_interlaced=is_interlaced))
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(raw))
        + png_chunk(b"IEND", b"")
    )


def _passes(pixels: np.ndarray, *, is_interlaced: bool) -> list[np.ndarray]:
    if not is_interlaced:
        return [pixels]
    starts = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    return [pixels[y::step_y, x::step_x] for x, y, step_x, step_y in starts]


def _png_rows(pixels: np.ndarray) -> bytes:
    rows = pixels.astype(pixels.dtype.newbyteorder(">")) if pixels.dtype.itemsize > 1 else pixels
    return b"".join(b"\0" + np.ascontiguousarray(row).tobytes() for row in rows)


def apple_png(rgba: np.ndarray) -> bytes:
    """A "CgBI" PNG: blue first, colours multiplied by alpha, compressed without a header."""
    alpha = rgba[..., 3:].astype(int)
    stored = rgba.copy()
    stored[..., :3] = (rgba[..., :3] * alpha + 127) // 255
    height, width = rgba.shape[:2]
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(_png_rows(stored[..., [2, 1, 0, 3]])) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"CgBI", b"\x50\x00\x20\x02")
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        + png_chunk(b"IDAT", data)
        + png_chunk(b"IEND", b"")
    )


# Colours

_TO_XYZ = {
    "sRGB": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290)),
    "Display P3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290)),
    "BT.2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), (0.3127, 0.3290)),
    "Adobe RGB": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.3290)),
}


def in_space(rgb: np.ndarray, space: str, encode) -> np.ndarray:
    """sRGB pixels as values 0..1 of another space; `encode` turns linear light into them."""
    values = rgb / 255.0
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    matrix = np.linalg.inv(_matrix(space)) @ _matrix("sRGB")
    return encode((light @ matrix.T).clip(0, 1))


def _matrix(space: str) -> np.ndarray:
    points = np.array([[x / y, 1, (1 - x - y) / y] for x, y in _TO_XYZ[space]]).T
    return points[:, :3] * np.linalg.solve(points[:, :3], points[:, 3])


def srgb(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def gamma(light: np.ndarray) -> np.ndarray:
    return light ** (256 / 563)


def pq(light: np.ndarray) -> np.ndarray:
    """Light of which 1 is paper white, 203 cd/m2 (ITU-R BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (light * 203 / 10000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


# EXIF


def exif_of_adobe_rgb(*, index: bytes = b"R03", space: int | None = 0xFFFF, order: str = "<") -> bytes:
    """The EXIF block of a camera set to Adobe RGB, without the word "Exif"."""
    spaces = [(0xA001, 3, 1, struct.pack(order + "HH", space, 0))] if space is not None else []
    exif_at = 8 + 2 + 12 + 4
    interoperability_at = exif_at + 2 + 12 * (len(spaces) + 1) + 4

    def directory(entries: Iterable[tuple[int, int, int, bytes]]) -> bytes:
        packed = [struct.pack(order + "HHI", tag, kind, count) + field for tag, kind, count, field in entries]
        return struct.pack(order + "H", len(packed)) + b"".join(packed) + bytes(4)

    pointer = order + "I"
    return (
        (b"II*\0" if order == "<" else b"MM\0*")
        + struct.pack(pointer, 8)
        + directory([(0x8769, 4, 1, struct.pack(pointer, exif_at))])
        + directory([*spaces, (0xA005, 4, 1, struct.pack(pointer, interoperability_at))])
        + directory([(1, 2, 4, index + b"\0")])
    )


def with_exif(pixels: np.ndarray, extension: str, block: bytes) -> bytes:
    """A JPEG, PNG or WebP of RGB pixels with an EXIF block."""
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    quality = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, 98], ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101], ".png": []}[
        extension
    ]
    blocks = [np.frombuffer(block, np.uint8)]
    return cv2.imencodeWithMetadata(extension, bgr, [cv2.IMAGE_METADATA_EXIF], blocks, quality)[1].tobytes()


# HEIC and AVIF of tiles (ISO/IEC 23008-12, 6.6.2.3)


def tiled(pixels: np.ndarray, columns: int, rows: int, *, kind: str) -> tuple[bytes, list[tuple[int, int]]]:
    """
    An AVIF ("avif") or HEIC ("heic") of equal tiles, with a derived image of type "grid".

    Returns the file, and where each tile's data begins and how long it is.
    """
    height, width = pixels.shape[0] // rows, pixels.shape[1] // columns
    encoded = [
        _encoded(pixels[row * height : (row + 1) * height, column * width : (column + 1) * width], kind)
        for row in range(rows)
        for column in range(columns)
    ]
    item, configuration = ("av01", b"av1C") if kind == "avif" else ("hvc1", b"hvcC")
    single = encoded[0]
    at = single.index(configuration) - 4
    setup = single[at : at + int.from_bytes(single[at : at + 4], "big")]
    tiles = [_item_data(one) for one in encoded]
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, pixels.shape[1], pixels.shape[0])
    count = len(tiles)
    infos = [_box("infe", struct.pack(">IHH4s", 0x02000000, 1, 0, b"grid") + b"\0")] + [
        _box("infe", struct.pack(">IHH4s", 0x02000001, place + 2, 0, item.encode()) + b"\0")
        for place in range(count)
    ]
    properties = [
        setup,
        _box("ispe", struct.pack(">III", 0, width, height)),
        _box("ispe", struct.pack(">III", 0, pixels.shape[1], pixels.shape[0])),
        _box("pixi", struct.pack(">IB3B", 0, 3, 8, 8, 8)),
    ]
    associations = struct.pack(">HB2B", 1, 2, 3, 4) + b"".join(
        struct.pack(">HB3B", place + 2, 3, 0x81, 2, 4) for place in range(count)
    )
    lengths = [len(grid), *map(len, tiles)]

    def meta(start: int) -> bytes:
        places = [start + sum(lengths[:place]) for place in range(count + 1)]
        locations = b"".join(
            struct.pack(">HHHII", place + 1, 0, 1, where, length)
            for place, (where, length) in enumerate(zip(places, lengths, strict=True))
        )
        dimg = struct.pack(f">HH{count}H", 1, count, *range(2, count + 2))
        return _box(
            "meta",
            bytes(4)
            + _box("hdlr", bytes(8) + b"pict" + bytes(13))
            + _box("pitm", struct.pack(">IH", 0, 1))
            + _box("iloc", struct.pack(">IBBH", 0, 0x44, 0, count + 1) + locations)
            + _box("iinf", struct.pack(">IH", 0, count + 1) + b"".join(infos))
            + _box("iref", bytes(4) + _box("dimg", dimg))
            + _box(
                "iprp",
                _box("ipco", b"".join(properties))
                + _box("ipma", struct.pack(">II", 0, count + 1) + associations),
            ),
        )

    brand = kind.encode()
    head = _box("ftyp", brand + bytes(4) + brand + b"mif1" + b"miaf")
    start = len(head) + len(meta(0)) + 8
    body = head + meta(start) + _box("mdat", grid + b"".join(tiles))
    places = [start + sum(lengths[:place]) for place in range(1, count + 1)]
    return body, list(zip(places, lengths[1:], strict=True))


def _encoded(pixels: np.ndarray, kind: str) -> bytes:
    if kind == "avif":
        bgr = np.ascontiguousarray(pixels[..., ::-1])
        return cv2.imencode(".avif", bgr, [cv2.IMWRITE_AVIF_QUALITY, 90, cv2.IMWRITE_AVIF_SPEED, 9])[
            1
        ].tobytes()
    height, width = pixels.shape[:2]
    heif = pillow_heif.from_bytes("RGB", (width, height), np.ascontiguousarray(pixels).tobytes())
    out = io.BytesIO()
    heif.save(out, quality=90)
    return out.getvalue()


def _item_data(file: bytes) -> bytes:
    """The data of the only picture of a file: all of its `mdat`."""
    at = file.index(b"mdat")
    return file[at + 4 : at - 4 + int.from_bytes(file[at - 4 : at], "big")]


def _box(kind: str, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body
