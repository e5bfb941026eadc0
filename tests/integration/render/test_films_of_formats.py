"""What is particular to a format of photos is as right in a film as on a page, and panoramas fill it."""

import cv2
import numpy as np
import pytest

from memorycapsule.domain.film.direction import Direction, direct
from memorycapsule.domain.film.framing import display_size
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Encoder, FilmStyle, Photo
from memorycapsule.domain.film.sizes import Size
from memorycapsule.media.decoder_pool import Decoders
from support.photo_files import (
    QUARTERS,
    by_pillow,
    exif_of_adobe_rgb,
    gamma,
    in_space,
    png,
    quarters,
    rgb_page,
    srgb,
    tiff,
    tiled,
    with_chunk,
    with_exif,
)

pytestmark = pytest.mark.slow
PLAIN = FilmStyle(
    title_seconds=0.5,
    end_seconds=0.5,
    photo_seconds=1.0,
    entrance_seconds=0.2,
    story_entrance_seconds=0.2,
    zoom=1.0,
)
SHAPE = (384, 256)


@pytest.fixture
def film_of(studio):
    """Make a film of one file, and return the frames in which it is shown alone."""

    def film_of(content: bytes, size: Size):
        file = studio.folder / "original"
        file.write_bytes(content)
        with Decoders(workspace=studio.folder, children=1) as decoders, file.open("rb") as upload:
            made = decoders.prepare(upload)
        (studio.pictures / "0.jpg").write_bytes(made.display)
        width, height = display_size(made.width, made.height)
        picture = Picture(
            id="0",
            kind="photo",
            file="0.jpg",
            width=width,
            height=height,
            story_id="",
            contributor="",
            position=0,
        )
        how = Direction(size=size, style=PLAIN, encoder=Encoder(crf=8.0))
        plan = direct(title="", pictures=[picture], direction=how)
        _, decoded = studio.film(plan)
        (placed,) = [placed for placed in plan.timeline if isinstance(placed.shot, Photo)]
        edge = round(plan.fps * 0.25)
        return placed.shot, [decoded.frames[at] for at in range(placed.first + edge, placed.stop - edge)]

    return film_of


def adobe() -> bytes:
    stored = (in_space(quarters(*SHAPE), "Adobe RGB", gamma) * 255 + 0.5).astype(np.uint8)
    return with_exif(stored, ".jpg", exif_of_adobe_rgb())


def display_p3() -> bytes:
    stored = (in_space(quarters(*SHAPE), "Display P3", srgb) * 255 + 0.5).astype(np.uint8)
    return with_chunk(png(stored), b"cICP", bytes([12, 13, 0, 1]))


def second_page() -> bytes:
    small, picture = quarters(48, 32)[::-1], quarters(*SHAPE)
    pages = rgb_page(small, t254=(4, (1,))), rgb_page(picture)
    return tiff(*pages, data=[small.tobytes(), picture.tobytes()])


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda: tiled(quarters(*SHAPE), 3, 2, kind="avif")[0], id="AVIF of tiles"),
        pytest.param(adobe, id="Adobe RGB by EXIF"),
        pytest.param(display_p3, id="PNG in Display P3"),
        pytest.param(second_page, id="TIFF with a copy first"),
    ],
)
def test_its_colours_are_right_in_a_film(film_of, made):
    _shot, frames = film_of(made(), Size(width=320, height=180))
    frame = frames[0].astype(int)
    middles = [frame[y, x] for y, x in ((45, 80), (45, 240), (135, 80), (135, 240))]

    assert max(np.abs(middle - colour).max() for middle, colour in zip(middles, QUARTERS, strict=True)) <= 8


@pytest.mark.parametrize(("width", "height"), [(9600, 1200), (7200, 1500), (14000, 1750)])
def test_a_panorama_is_panned_at_full_height(film_of, width, height):
    # Bands from top to bottom in green; from left to right more and more red.
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 250, width, dtype=np.uint8)
    pixels[: height // 8, :, 1] = pixels[-height // 8 :, :, 1] = 220
    pixels[height // 2 :, :, 2] = 200
    shot, frames = film_of(by_pillow(pixels, "JPEG", quality=95), Size(width=640, height=360))

    assert shot.fit == "cover"
    later = frames[len(frames) * 2 // 3]
    for frame in (frames[0], later):
        green, blue = (frame[:, :, channel].astype(int).mean(axis=1) for channel in (1, 2))
        assert green[:30].min() > 150
        assert green[-30:].min() > 150
        assert green[80:160].max() < 60
        assert blue[60:160].max() < 60
        assert blue[220:300].min() > 150
    reds = [frame[:, :, 0].mean() for frame in (frames[0], later)]
    assert abs(reds[1] - reds[0]) > 5
    assert cv2.Laplacian(frames[0][:, :, 0], cv2.CV_64F).std() < 40
