"""What is published is upright, in sRGB and says nothing about where it comes from."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

SEGMENTS_WITH_METADATA = {*range(0xE1, 0xF0), 0xFE}


def segments(jpeg: bytes) -> list[int]:
    """Marker codes of a JPEG up to its picture data."""
    codes, place = [], 2
    while jpeg[place + 1] != 0xDA:
        codes.append(jpeg[place + 1])
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return codes


@pytest.mark.parametrize(
    "name",
    [
        "iphone4_gps.jpg",
        "canon7d_adobergb.jpg",
        "iphonexs_two_images_empty_icc.heic",
        "bad/php_in_comment.jpg",
        "bad/zip_appended.jpg",
        "bad/html_polyglot.jpg",
        "bad/exif_markup_in_text.jpg",
    ],
)
def test_a_derivative_holds_a_picture_and_nothing_else(samples, prepare, name):
    prepared = prepare(samples[name].path)

    for jpeg in (prepared.display, prepared.thumbnail):
        assert SEGMENTS_WITH_METADATA.isdisjoint(segments(jpeg))
        assert jpeg.endswith(b"\xff\xd9")
        assert jpeg.count(b"<?php") == jpeg.count(b"PK\x03\x04") == jpeg.count(b"<script") == 0


@pytest.mark.parametrize(
    "name", ["canon7d_adobergb.jpg", pytest.param("display_p3_from_iphone7.jpg", marks=pytest.mark.slow)]
)
def test_wide_colours_agree_with_little_cms(samples, prepare, quarters, name):
    """The reference is LittleCMS, which comes with Pillow, on the profile in the file."""
    with Image.open(samples[name].path) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        image = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))
    reference = np.asarray(image)[..., ::-1]
    display = cv2.imdecode(np.frombuffer(prepare(samples[name].path).display, np.uint8), cv2.IMREAD_COLOR)

    assert display.shape == reference.shape
    assert np.abs(quarters(display) - quarters(reference)).max() < 2
    assert np.abs(display.astype(int) - reference).mean() < 2


def corner_picture(extension: str, *, width: int = 64, height: int = 32) -> bytes:
    """A picture that is red at the top left, and grey elsewhere."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[: height // 2, : width // 2] = (0, 0, 255)
    return cv2.imencode(extension, pixels)[1].tobytes()


def red_corner(jpeg: bytes) -> tuple[int, int]:
    """Row and column (0 or 1) of the quarter that is red."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
    height, width = pixels.shape[:2]
    redness = pixels[..., 2] - pixels[..., 0]
    found = cv2.resize(redness.astype(np.float32), (2, 2), interpolation=cv2.INTER_AREA)
    assert (height, width) != (1, 1)
    return tuple(int(place) for place in np.unravel_index(found.argmax(), (2, 2)))


#: Where the top left corner goes, and whether the sides are swapped (CIPA DC-008, tag 0x0112).
TURNS = {
    1: ((0, 0), False), 2: ((0, 1), False), 3: ((1, 1), False), 4: ((1, 0), False),
    5: ((0, 0), True), 6: ((0, 1), True), 7: ((1, 1), True), 8: ((1, 0), True),
}  # fmt: skip


def tiff(orientation: int) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(corner_picture(".png"), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    height, width = pixels.shape[:2]
    entries = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8 + 2 + 10 * 12 + 4), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 8 + 2 + 10 * 12 + 4 + 6), (274, 3, 1, orientation), (277, 3, 1, 3), (278, 3, 1, height),
        (279, 4, 1, pixels.size),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (
        b"II*\0"
        + struct.pack("<I", 8)
        + directory
        + bytes(4)
        + struct.pack("<HHH", 8, 8, 8)
        + pixels.tobytes()
    )


def exif(orientation: int) -> bytes:
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def webp_or_png(extension: str, orientation: int) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(corner_picture(".png"), np.uint8), cv2.IMREAD_COLOR)
    block = np.frombuffer(exif(orientation), np.uint8)
    return cv2.imencodeWithMetadata(extension, pixels, [cv2.IMAGE_METADATA_EXIF], [block])[1].tobytes()


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(
    "made",
    [
        pytest.param(tiff, id="TIFF"),
        pytest.param(lambda orientation: webp_or_png(".png", orientation), id="PNG"),
        pytest.param(lambda orientation: webp_or_png(".webp", orientation), id="WebP"),
        pytest.param(lambda orientation: webp_or_png(".jpg", orientation), id="JPEG"),
    ],
)
def test_a_picture_is_turned_once_and_only_once(tmp_path, prepare, made, orientation):
    path = tmp_path / "picture"
    path.write_bytes(made(orientation))
    prepared = prepare(path)
    corner, is_swapped = TURNS[orientation]

    assert (prepared.width, prepared.height) == ((32, 64) if is_swapped else (64, 32))
    assert red_corner(prepared.display) == corner


def turned_avif(quarter_turns: int) -> bytes:
    """An AVIF with an `irot` property: anti-clockwise quarter turns (ISO/IEC 23008-12, 6.5.10)."""
    plain = corner_picture(".avif")
    rotation = struct.pack(">I4sB", 9, b"irot", quarter_turns)

    def at(kind: bytes) -> int:
        return plain.index(kind) - 4

    def size(kind: bytes) -> int:
        return int.from_bytes(plain[at(kind) : at(kind) + 4], "big")

    properties = plain[at(b"ipco") + 8 : at(b"ipco") + size(b"ipco")]
    count, place = 0, 0
    while place < len(properties):
        place += int.from_bytes(properties[place : place + 4], "big")
        count += 1
    ipma = bytearray(plain[at(b"ipma") : at(b"ipma") + size(b"ipma")])
    # One item, 16-bit ids, 8-bit indices: the number of associations is the byte after the id.
    assert ipma[8:16] == bytes(4) + struct.pack(">I", 1)
    ipma[18] += 1
    ipma += bytes([0x80 | (count + 1)])
    ipma[:4] = struct.pack(">I", len(ipma))
    ipco = struct.pack(">I", size(b"ipco") + len(rotation)) + b"ipco" + properties + rotation
    iprp = struct.pack(">I", 8 + len(ipco) + len(ipma)) + b"iprp" + ipco + bytes(ipma)
    grown = len(iprp) - size(b"iprp")
    result = bytearray(plain[: at(b"iprp")] + iprp + plain[at(b"iprp") + size(b"iprp") :])
    meta = plain.index(b"meta") - 4
    result[meta : meta + 4] = struct.pack(">I", size(b"meta") + grown)
    data_at = plain.index(b"mdat") + 4
    location = result.index(struct.pack(">I", data_at), plain.index(b"iloc"))
    result[location : location + 4] = struct.pack(">I", data_at + grown)
    return bytes(result)


@pytest.mark.parametrize(("quarter_turns", "orientation"), [(0, 1), (1, 8), (2, 3), (3, 6)])
def test_an_avif_is_turned_by_its_own_property(tmp_path, prepare, quarter_turns, orientation):
    path = tmp_path / "picture"
    path.write_bytes(turned_avif(quarter_turns))
    prepared = prepare(path)
    corner, is_swapped = TURNS[orientation]

    assert (prepared.width, prepared.height) == ((32, 64) if is_swapped else (64, 32))
    assert red_corner(prepared.display) == corner


def test_see_through_parts_are_white(tmp_path, prepare):
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:, 20:] = (0, 0, 255, 255)
    path = tmp_path / "picture"
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    shown = cv2.imdecode(np.frombuffer(prepare(path).display, np.uint8), cv2.IMREAD_COLOR)

    assert shown[:, :12].min() > 245
    assert shown[:, 28:, 2].min() > 245
    assert shown[:, 28:, 0].max() < 10


@pytest.mark.parametrize("name", ["galaxys1_o6_gps.jpg", "no_exif_24mp_progressive.jpg"])
@pytest.mark.parametrize("behind", ["noise", "zeros"])
def test_a_jpeg_ends_where_its_picture_ends(tmp_path, samples, prepare, name, behind):
    """Motion photos have a clip behind their picture, in which any marker may stand."""
    trailer = {"noise": np.random.default_rng(4).bytes(12_000_000), "zeros": bytes(5000)}[behind]
    path = tmp_path / "picture"
    path.write_bytes(samples[name].path.read_bytes() + trailer)

    assert trailer.count(b"\xff\xda") > 100 or behind == "zeros"
    assert prepare(path).display == prepare(samples[name].path).display
