"""The small form of a cover: for a telephone, whatever the photo is like."""

import cv2
import numpy as np
import pytest

from memorycapsule.media.covers import small_cover


def jpeg(width: int, height: int, *, noise: int = 0) -> bytes:
    chance = np.random.default_rng(7)
    shapes = cv2.resize(chance.integers(30, 226, (5, 7, 3), dtype=np.uint8), (width, height)).astype(np.int16)
    grain = chance.integers(-noise, noise + 1, (height, width, 1), dtype=np.int16)
    return cv2.imencode(".jpg", np.clip(shapes + grain, 0, 255).astype(np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(2560, 1707, (800, 533)), (1200, 2560, (375, 800)), (640, 480, (640, 480)), (2560, 3, (800, 1))],
)
def test_it_fits_eight_hundred_pixels_and_is_never_enlarged(width, height, size):
    small = cv2.imdecode(np.frombuffer(small_cover(jpeg(width, height)), np.uint8), cv2.IMREAD_COLOR)

    assert small.shape[1::-1] == size


def test_it_weighs_little_however_fine_the_photo_is():
    assert len(small_cover(jpeg(2560, 2560, noise=90))) < 100_000


def test_what_cannot_be_read_stays_as_it_is():
    assert small_cover(b"no picture") == b"no picture"
