"""What cameras and programs write beside plain files is shown as it was meant."""

import cv2
import numpy as np
import pytest

from support.photo_files import (
    QUARTERS,
    animation,
    apple_png,
    by_pillow,
    exif_of_adobe_rgb,
    gamma,
    grey_page,
    in_space,
    png,
    pq,
    quarters,
    rgb_page,
    srgb,
    textured,
    tiff,
    tiled,
    with_chunk,
    with_exif,
)


def shown(made) -> np.ndarray:
    """RGB of the display picture."""
    return cv2.imdecode(np.frombuffer(made.display, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def off(made) -> int:
    """How far the middles of the four quarters are from what they should be, of 255."""
    pixels = shown(made).astype(int)
    height, width = pixels.shape[:2]
    middles = [pixels[height * y // 8, width * x // 8] for y, x in ((2, 2), (2, 6), (6, 2), (6, 6))]
    return max(int(np.abs(middle - colour).max()) for middle, colour in zip(middles, QUARTERS, strict=True))


@pytest.mark.parametrize(("columns", "rows"), [(1, 2), (2, 1), (2, 2), (3, 2), (4, 4)])
@pytest.mark.parametrize("kind", ["avif", "heic"])
def test_a_picture_of_tiles_is_put_together(prepared, kind, columns, rows):
    made = prepared(tiled(quarters(128 * columns, 128 * rows), columns, rows, kind=kind)[0])

    assert (made.width, made.height, made.missing) == (128 * columns, 128 * rows, ())
    assert off(made) <= 8


def test_a_large_picture_of_tiles_is_made_smaller(prepared):
    made = prepared(tiled(quarters(3072, 1536), 3, 3, kind="avif")[0])

    assert (made.width, made.height) == (3072, 1536)
    assert shown(made).shape == (1280, 2560, 3)
    assert off(made) <= 8


SMALL, PICTURE, NEARLY = quarters(24, 16)[::-1], quarters(96, 64), quarters(94, 63)
REDUCED = (4, (1,))
TIFFS = {
    "a marked copy first": tiff(
        rgb_page(SMALL, t254=REDUCED), rgb_page(PICTURE), data=[SMALL.tobytes(), PICTURE.tobytes()]
    ),
    "a copy marked in the old way first": tiff(
        rgb_page(SMALL, t255=(3, (2,))), rgb_page(PICTURE), data=[SMALL.tobytes(), PICTURE.tobytes()]
    ),
    "a copy without a mark first": tiff(
        rgb_page(SMALL), rgb_page(PICTURE), data=[SMALL.tobytes(), PICTURE.tobytes()]
    ),
    "a copy behind": tiff(
        rgb_page(PICTURE), rgb_page(SMALL, t254=REDUCED), data=[PICTURE.tobytes(), SMALL.tobytes()]
    ),
    "two copies before": tiff(
        rgb_page(SMALL, t254=REDUCED),
        rgb_page(SMALL, t254=REDUCED),
        rgb_page(PICTURE),
        data=[SMALL.tobytes(), SMALL.tobytes(), PICTURE.tobytes()],
    ),
    "the picture below a copy": tiff(
        rgb_page(SMALL, t254=REDUCED), rgb_page(PICTURE), data=[SMALL.tobytes(), PICTURE.tobytes()], below=[1]
    ),
    "a copy below the picture": tiff(
        rgb_page(PICTURE), rgb_page(SMALL, t254=REDUCED), data=[PICTURE.tobytes(), SMALL.tobytes()], below=[1]
    ),
    "a mask first": tiff(
        rgb_page(PICTURE[::-1], t254=(4, (4,))),
        rgb_page(PICTURE),
        data=[PICTURE[::-1].tobytes(), PICTURE.tobytes()],
    ),
    "pages of nearly one size": tiff(
        rgb_page(NEARLY), rgb_page(PICTURE[::-1]), data=[NEARLY.tobytes(), PICTURE[::-1].tobytes()]
    ),
    "big endian": tiff(
        rgb_page(SMALL, t254=REDUCED),
        rgb_page(PICTURE),
        data=[SMALL.tobytes(), PICTURE.tobytes()],
        order=">",
    ),
    "BigTIFF": tiff(
        rgb_page(SMALL, t254=REDUCED),
        rgb_page(PICTURE),
        data=[SMALL.tobytes(), PICTURE.tobytes()],
        is_big=True,
    ),
}


@pytest.mark.parametrize("name", TIFFS)
def test_the_picture_of_a_tiff_is_its_large_page(prepared, name):
    made = prepared(TIFFS[name])

    assert (made.width, made.height) == ((94, 63) if "nearly" in name else (96, 64))
    assert off(made) <= 6


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_large_page_of_a_tiff_is_turned_by_its_own_word(prepared, orientation):
    stored = np.rot90(PICTURE, {1: 0, 3: 2, 6: 1, 8: 3}[orientation])
    page = rgb_page(stored, t274=(3, (orientation,)))
    made = prepared(
        tiff(
            rgb_page(SMALL, t254=REDUCED),
            page,
            data=[SMALL.tobytes(), np.ascontiguousarray(stored).tobytes()],
        )
    )

    assert (made.width, made.height) == (96, 64)
    assert off(made) <= 6


RAMP = np.tile(np.linspace(0, 1, 64), (32, 1))


def packed(bits: int) -> bytes:
    """The ramp in so many bits a pixel."""
    values = (RAMP * ((1 << bits) - 1) + 0.5).astype(int)
    return np.packbits(values[..., None] >> np.arange(bits)[::-1] & 1, axis=None).tobytes()


GREYS = {
    "1 bit": (1, 1, packed(1)),
    "4 bits": (4, 1, packed(4)),
    "8 bits": (8, 1, (RAMP * 255).astype("<u1").tobytes()),
    "12 bits": (12, 1, packed(12)),
    "16 bits": (16, 1, (RAMP * 65535).astype("<u2").tobytes()),
    "32 bits": (32, 1, (RAMP * (2**32 - 1)).astype("<u4").tobytes()),
    "half float": (16, 3, RAMP.astype("<f2").tobytes()),
    "float": (32, 3, RAMP.astype("<f4").tobytes()),
    "double": (64, 3, RAMP.astype("<f8").tobytes()),
}


@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("name", GREYS)
def test_a_grey_tiff_is_no_negative(prepared, name, white_is_zero):
    bits, sample_format, data = GREYS[name]
    page = grey_page(64, 32, bits, 0 if white_is_zero else 1, sample_format)
    row = shown(prepared(tiff(page, data=[data])))[16].mean(axis=1)
    expected = RAMP[16] * 255
    if bits in {1, 4}:
        expected = (RAMP[16] * ((1 << bits) - 1) + 0.5).astype(int) * 255 / ((1 << bits) - 1)
    steps = np.abs(row - (255 - expected if white_is_zero else expected))

    assert np.median(steps) <= 3


def test_a_float_tiff_is_cut_off_at_black_and_white_and_not_stretched(prepared):
    values = np.full((32, 64), 0.5, "<f4")
    values[:, :8], values[:, 8:16], values[:, 16:24] = -3.0, 40.0, np.nan
    row = shown(prepared(tiff(grey_page(64, 32, 32, 1, 3), data=[values.tobytes()])))[16].mean(axis=1)

    assert (row[4], row[12], row[20]) == (
        pytest.approx(0, abs=3),
        pytest.approx(255, abs=3),
        pytest.approx(0, abs=3),
    )
    assert row[40] == pytest.approx(128, abs=2)


@pytest.mark.parametrize("white", [255, 65535])
def test_a_float_tiff_may_keep_the_numbers_of_a_file_of_whole_ones(prepared, white):
    values = (RAMP * white).astype("<f4")
    row = shown(prepared(tiff(grey_page(64, 32, 32, 1, 3), data=[values.tobytes()])))[16].mean(axis=1)

    assert np.median(np.abs(row - RAMP[16] * 255)) <= 3


#: Name in `in_space`, curve, code points of primaries and of the curve.
CODE_POINTS = [
    pytest.param("sRGB", srgb, 1, 13, id="sRGB"),
    pytest.param("Display P3", srgb, 12, 13, id="Display P3"),
    pytest.param("BT.2020", srgb, 9, 13, id="BT.2020"),
    pytest.param("Display P3", lambda light: light, 12, 8, id="linear Display P3"),
    pytest.param("BT.2020", lambda light: light ** (1 / 2.2), 9, 4, id="BT.2020 of gamma 2.2"),
    pytest.param("BT.2020", lambda light: pq(light * 0.5), 9, 16, id="PQ"),
    pytest.param("Display P3", lambda light: pq(light * 0.5), 12, 16, id="PQ in Display P3"),
]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("space", "curve", "primaries", "transfer"), CODE_POINTS)
def test_the_code_points_of_a_png_say_what_its_colours_are(
    prepared, depth, space, curve, primaries, transfer
):
    # Half the light in HDR: below the highlights, which are drawn together.
    scene = quarters()
    values = in_space(scene, space, curve)
    most = 2**depth - 1
    stored = (values * most + 0.5).astype(np.uint8 if depth == 8 else np.uint16)
    pixels = shown(prepared(with_chunk(png(stored), b"cICP", bytes([primaries, transfer, 0, 1])))).astype(int)
    light = in_space(scene, "sRGB", lambda light: light * (0.5 if transfer == 16 else 1))
    expected = np.rint(srgb(light) * 255)
    steps = [np.abs(pixels[y, x] - expected[y, x]).max() for y, x in ((16, 24), (16, 72), (48, 24), (48, 72))]

    assert max(steps) <= 4


def test_the_code_points_of_a_png_may_be_of_narrow_range(prepared):
    stored = (16 + in_space(quarters(), "Display P3", srgb) * 219 + 0.5).astype(np.uint8)

    assert off(prepared(with_chunk(png(stored), b"cICP", bytes([12, 13, 0, 0])))) <= 4


def test_hlg_in_a_png_looks_like_pq_in_a_png(prepared):
    def hlg(light):
        # The inverse of the 1000 cd/m2 display's gain, then the curve of the camera (BT.2100, table 5).
        shown_light = light * 0.5 * 203 / 1000
        luminance = shown_light @ np.array([0.2627, 0.6780, 0.0593])
        scene = shown_light * np.maximum(luminance, 1e-6)[..., None] ** (1 / 1.2 - 1)
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)

    def made(curve, transfer):
        stored = (in_space(quarters(), "BT.2020", curve) * 65535 + 0.5).astype(np.uint16)
        return shown(prepared(with_chunk(png(stored), b"cICP", bytes([9, transfer, 0, 1])))).astype(int)

    one, other = made(hlg, 18), made(lambda light: pq(light * 0.5), 16)
    assert (
        max(np.abs(one[y, x] - other[y, x]).max() for y, x in ((16, 24), (16, 72), (48, 24), (48, 72))) <= 6
    )


ADOBE = (in_space(quarters(160, 96), "Adobe RGB", gamma) * 255 + 0.5).astype(np.uint8)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize(
    "block",
    [
        pytest.param(exif_of_adobe_rgb(), id="Nikon"),
        pytest.param(exif_of_adobe_rgb(order=">"), id="big endian"),
        pytest.param(exif_of_adobe_rgb(space=None), id="no ColorSpace"),
        pytest.param(exif_of_adobe_rgb(index=b"R98", space=2), id="ColorSpace 2"),
    ],
)
def test_adobe_rgb_by_the_word_of_the_camera(prepared, extension, block):
    assert off(prepared(with_exif(ADOBE, extension, block))) <= 6


@pytest.mark.parametrize("block", [exif_of_adobe_rgb(index=b"R98"), exif_of_adobe_rgb(space=1)])
def test_without_that_word_colours_are_srgb(prepared, block):
    assert off(prepared(with_exif(quarters(160, 96), ".jpg", block))) <= 6


def test_a_png_that_says_srgb_is_srgb_whatever_its_exif_says(prepared):
    file = with_exif(quarters(160, 96), ".png", exif_of_adobe_rgb())

    assert off(prepared(with_chunk(file, b"sRGB", b"\0"))) <= 4


BLANKS = {
    "white": [np.full((64, 96, 3), 255, np.uint8)],
    "black": [np.zeros((64, 96, 3), np.uint8)],
    "three of them": [np.full((64, 96, 3), 255, np.uint8)] * 3,
    "fading in": [(quarters() * share).astype(np.uint8) for share in (0, 0.03, 0.06)],
    "see-through": [np.zeros((64, 96, 4), np.uint8)],
}


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("name", BLANKS)
def test_of_an_animation_the_first_frame_that_shows_something_is_shown(prepared, name, format_):
    first = BLANKS[name]
    frame = quarters()
    if first[0].shape[2] == 4:
        frame = np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)])
    # One frame is never merged with its equal by the writer.
    blanks = [one.copy() for one in first]
    for place, blank in enumerate(blanks):
        blank[0, 0, :3] = (place, 0, 0)

    assert off(prepared(animation([*blanks, frame], format_))) <= 6


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_stays_where_it_shows_something_or_none_does(prepared, format_):
    white, nearly = np.full((64, 96, 3), 255, np.uint8), np.full((64, 96, 3), 250, np.uint8)

    assert off(prepared(animation([quarters(), white], format_))) <= 6
    assert shown(prepared(animation([white, nearly], format_))).min() > 245


def test_a_picture_of_apples_programs_is_decoded(prepared):
    rgba = np.dstack([quarters(), np.full((64, 96), 255, np.uint8)])
    half = rgba.copy()
    half[..., 3] = 128

    assert off(prepared(apple_png(rgba))) <= 3
    expected = 255 - (255 - np.array(QUARTERS[0])) * 128 / 255
    assert np.abs(shown(prepared(apple_png(half)))[16, 24] - expected).max() <= 4


@pytest.mark.parametrize(
    ("width", "height", "rows"),
    [
        pytest.param(14000, 1750, 1080, marks=pytest.mark.slow),
        pytest.param(16000, 900, 900, marks=pytest.mark.slow),
        (9000, 1500, 1080),
        (5000, 2000, 1080),
        (2000, 400, 400),
    ],
)
def test_a_panorama_keeps_the_rows_that_a_film_needs(prepared, width, height, rows):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 200
    made = prepared(by_pillow(pixels, "JPEG"))

    assert (made.width, made.height) == (width, height)
    assert shown(made).shape[:2] == (rows, round(width * rows / height))


@pytest.mark.parametrize("share", [0.99, 0.95, 0.9])
def test_what_is_whole_is_not_called_incomplete(prepared, share):
    """Pictures of one colour, and of the very grey that stands for what is missing."""
    for colour in (0, 128, 255):
        pixels = np.full((120, 160, 3), colour, np.uint8)
        pixels[: int(120 * (1 - share))] = 30
        for format_ in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"):
            assert prepared(by_pillow(pixels, format_)).missing == ()


def test_a_textured_picture_is_whole_in_every_format(prepared):
    for format_ in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"):
        assert prepared(by_pillow(textured(), format_)).missing == ()
