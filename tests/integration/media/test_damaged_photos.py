"""A damaged photo is shown when a good part of it is there, and is then said to be incomplete; or it is refused."""

import functools

import cv2
import numpy as np
import pytest

from memorycapsule.domain.stories import Missing
from memorycapsule.errors import MediaRefused
from support.photo_files import (
    animation,
    apple_png,
    by_pillow,
    exif_of_adobe_rgb,
    png,
    rgb_page,
    textured,
    tiff,
    tiled,
    with_exif,
)

WHOLE = textured()
ROWS = WHOLE.shape[0]


def bmp() -> bytes:
    return cv2.imencode(".bmp", np.ascontiguousarray(WHOLE[..., ::-1]))[1].tobytes()


#: Files of one picture by what they are; cut at a share of their bytes, they are cut at about that share of rows.
FILES = {
    "JPEG": by_pillow(WHOLE, "JPEG", quality=90),
    "JPEG of full colour": by_pillow(WHOLE, "JPEG", quality=95, subsampling=0),
    "JPEG with restarts": by_pillow(WHOLE, "JPEG", quality=90, restart_marker_rows=1),
    "grey JPEG": by_pillow(WHOLE[..., 1], "JPEG", quality=90),
    "CMYK JPEG": by_pillow(WHOLE, "JPEG", mode="CMYK", quality=95),
    "PNG": png(WHOLE),
    "PNG of 16 bits": png(WHOLE.astype(np.uint16) * 257),
    "PNG of Pillow": by_pillow(WHOLE, "PNG"),
    "PNG with a palette": by_pillow(WHOLE[..., 1], "PNG"),
    "PNG of Apple": apple_png(np.dstack([WHOLE, np.full(WHOLE.shape[:2], 255, np.uint8)])),
    "lossy WebP": by_pillow(WHOLE, "WEBP", quality=80),
    "lossless WebP": by_pillow(WHOLE, "WEBP", lossless=True),
    "WebP with EXIF": with_exif(WHOLE, ".webp", exif_of_adobe_rgb(space=1)),
    "GIF": by_pillow(WHOLE[..., 1], "GIF", interlace=0),
    "interlaced GIF": by_pillow(WHOLE[..., 1], "GIF", interlace=1),
    "BMP": bmp(),
    "TIFF in one strip": tiff(rgb_page(WHOLE), data=[WHOLE.tobytes()]),
    "BigTIFF in one strip": tiff(rgb_page(WHOLE), data=[WHOLE.tobytes()], is_big=True, order=">"),
}


def shown(made) -> np.ndarray:
    """BGR of the display picture."""
    return cv2.imdecode(np.frombuffer(made.display, np.uint8), cv2.IMREAD_COLOR).astype(int)


@pytest.mark.parametrize("share", [0.9, pytest.param(0.99, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_shown_with_grey_for_the_rest(prepared, name, share):
    content = FILES[name]
    whole, made = prepared(content), prepared(content[: int(len(content) * share)])

    assert whole.missing == ()
    assert made.missing == (Missing.PICTURE,)
    assert (made.width, made.height) == (whole.width, whole.height)
    differing = np.abs(shown(made) - shown(whole)).max(axis=2) > 24
    assert differing.mean() < 0.2
    if name != "CMYK JPEG":
        assert np.median(np.abs(shown(made)[differing] - 128)) <= 12


#: After a refusal the decoding child is replaced, which takes a second.
QUICK = {"JPEG", "PNG", "lossy WebP", "GIF", "TIFF in one strip"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FILES]
)
@pytest.mark.parametrize("share", [0.5, pytest.param(0.25, marks=pytest.mark.slow)])
def test_half_a_file_is_refused(prepared, name, share):
    content = FILES[name]

    with pytest.raises(MediaRefused):
        prepared(content[: int(len(content) * share)])


@pytest.mark.parametrize("name", ["JPEG", "PNG", "lossy WebP", "lossless WebP"])
def test_an_interrupted_copy_that_ends_in_zeros_is_cut_there(prepared, name):
    content = FILES[name]
    for share, is_taken in ((0.9, True), (0.4, False)):
        kept = int(len(content) * share)
        holed = content[:kept] + bytes(len(content) - kept)
        if is_taken:
            assert prepared(holed).missing == (Missing.PICTURE,)
        else:
            with pytest.raises(MediaRefused):
                prepared(holed)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_that_lost_strips_is_shown_without_them(prepared, compression):
    """Writers put the directory before or behind the strips; only with one before, a cut file is one."""
    content = moved_to_the_front(by_pillow(WHOLE, "TIFF", compression=compression))

    assert prepared(content).missing == ()
    assert prepared(content[: int(len(content) * 0.92)]).missing == (Missing.PICTURE,)
    with pytest.raises(MediaRefused):
        prepared(content[: len(content) // 2])


def moved_to_the_front(content: bytes) -> bytes:
    """A little-endian TIFF of one page with its directory before its strips."""
    at = int.from_bytes(content[4:8], "little")
    count = int.from_bytes(content[at : at + 2], "little")
    tags = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        entry = content[place : place + 12]
        tag, kind, values = (int.from_bytes(entry[a:b], "little") for a, b in ((0, 2), (2, 4), (4, 8)))
        size = {3: 2, 4: 4}.get(kind)
        if size is None:
            continue
        where = place + 8 if size * values <= 4 else int.from_bytes(entry[8:12], "little")
        tags[tag] = (
            kind,
            [int.from_bytes(content[where + n * size :][:size], "little") for n in range(values)],
        )
    strips = [
        content[start : start + length] for start, length in zip(tags[273][1], tags[279][1], strict=True)
    ]
    size = (
        8
        + 2
        + 12 * len(tags)
        + 4
        + sum(values * n for values, n in ((4, len(held)) for _, held in tags.values()))
    )
    starts = [size + sum(map(len, strips[:place])) for place in range(len(strips))]
    tags[273] = 4, starts
    entries, beyond = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        field = b"".join(value.to_bytes(2 if kind == 3 else 4, "little") for value in values)
        if len(field) > 4:
            beyond, field = beyond + field, (8 + 2 + 12 * len(tags) + 4 + len(beyond)).to_bytes(4, "little")
        entries += tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + len(values).to_bytes(4, "little")
        entries += field.ljust(4, b"\0")
    head = (
        b"II*\0" + (8).to_bytes(4, "little") + len(tags).to_bytes(2, "little") + entries + bytes(4) + beyond
    )
    return head.ljust(size, b"\0") + b"".join(strips)


def test_a_turned_tiff_is_turned_when_it_is_cut_as_well(prepared):
    stored = np.ascontiguousarray(np.rot90(WHOLE))
    content = tiff(rgb_page(stored, t274=(3, (6,))), data=[stored.tobytes()])
    made = prepared(content[: int(len(content) * 0.9)])

    assert (made.width, made.height) == (WHOLE.shape[1], ROWS)
    assert np.abs(shown(made)[:, WHOLE.shape[1] // 4 :] - WHOLE[:, WHOLE.shape[1] // 4 :, ::-1]).mean() < 12


def test_an_interlaced_png_without_its_last_pass_is_shown_in_every_other_row(prepared):
    content = png(WHOLE, is_interlaced=True)
    made = prepared(content[: int(len(content) * 0.7)])

    assert made.missing == (Missing.PICTURE,)
    assert np.abs(shown(made)[::2] - shown(prepared(content))[::2]).mean() < 4
    with pytest.raises(MediaRefused):
        prepared(content[: int(len(content) * 0.4)])


def test_a_progressive_jpeg_needs_all_frequencies_of_its_brightness(prepared):
    content = by_pillow(WHOLE, "JPEG", quality=90, progressive=True)

    assert prepared(content[: int(len(content) * 0.95)]).missing == (Missing.PICTURE,)
    with pytest.raises(MediaRefused):
        prepared(content[: int(len(content) * 0.15)])


@pytest.mark.parametrize("position", [0.9, 0.3])
def test_a_png_is_shown_as_far_as_its_damage(prepared, position):
    content = bytearray(png(WHOLE))
    at = int(len(content) * position)
    content[at : at + 64] = bytes(64)
    if position > 0.8:
        assert prepared(bytes(content)).missing == (Missing.PICTURE,)
    else:
        with pytest.raises(MediaRefused):
            prepared(bytes(content))


@pytest.mark.parametrize("format_", ["GIF", "WEBP"])
def test_an_animation_that_lost_its_end_shows_its_first_frame(prepared, format_):
    content = animation([WHOLE, WHOLE[::-1].copy(), WHOLE[:, ::-1].copy()], format_)

    assert prepared(content[: int(len(content) * 0.6)]).missing == (Missing.PICTURE,)
    with pytest.raises(MediaRefused):
        prepared(content[: int(len(content) * 0.1)])


@functools.cache
def heic_of_tiles() -> tuple[bytes, list[tuple[int, int]]]:
    return tiled(textured(640, 512), 5, 4, kind="heic")


@pytest.mark.parametrize(
    ("lost", "is_taken"), [(1, True), (3, True), pytest.param(8, False, marks=pytest.mark.slow), (18, False)]
)
@pytest.mark.parametrize("way", ["cut", "zeros"])
def test_a_heic_is_taken_without_a_few_of_its_tiles_and_refused_without_most(prepared, way, lost, is_taken):
    content, tiles = heic_of_tiles()
    start = tiles[-lost][0]
    damaged = content[:start] + (b"" if way == "cut" else bytes(len(content) - start))
    if is_taken:
        made = prepared(damaged)
        assert made.missing == (Missing.PICTURE,)
        assert np.abs(shown(made)[400:500, 540:630] - 128).max() < 8
    else:
        with pytest.raises(MediaRefused):
            prepared(damaged)


def test_an_avif_without_its_end_is_refused(prepared):
    content, _tiles = tiled(textured(640, 512), 5, 4, kind="avif")

    with pytest.raises(MediaRefused):
        prepared(content[: len(content) // 2])
