"""Resampling, mixing and colours on small planes, against plain NumPy."""

import functools

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memorycapsule.render.planes import (
    MARGIN,
    blend,
    darken,
    new_frame,
    planes_from_bgr,
    planes_of,
    sample,
    with_margin,
)


def smooth_picture(height=240, width=400):
    """Return a grey picture without detail finer than 16 pixels."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    values = 128 + 50 * np.sin(x / 17) + 40 * np.cos(y / 19) + 20 * np.sin((x + y) / 23)
    return np.repeat(np.rint(values).astype(np.uint8)[:, :, None], 3, axis=2)


def expected_luma(height, width, x, y, step):
    rows = (np.arange(height) + 0.5) * step + y - 0.5
    columns = (np.arange(width) + 0.5) * step + x - 0.5
    values = (
        128 + 50 * np.sin(columns / 17)[None] + 40 * np.cos(rows / 19)[:, None]
        + 20 * np.sin((columns[None] + rows[:, None]) / 23)
    )  # fmt: skip
    return 16 + values * 219 / 255


@pytest.mark.parametrize("step", [1.06, 1.0801, 1.1234, 1.25, 0.7])
@pytest.mark.parametrize(("x", "y"), [(0, 0), (3.37, 1.61), (60.5, 33.3)])
def test_a_view_lies_where_it_should_to_a_fiftieth_of_a_pixel(step, x, y):
    canvas = with_margin(planes_from_bgr(smooth_picture()))
    frame = new_frame(160, 90)
    sample(canvas, x, y, step, frame)
    got = planes_of(frame).luma[8:-8, 8:-8].astype(float)
    want = expected_luma(90, 160, x, y, step)[8:-8, 8:-8]

    # Least squares for the shift that explains the difference (Lucas and Kanade, 1981).
    down, across = np.gradient(want)
    causes = np.stack([across.ravel(), down.ravel(), np.ones(across.size)], axis=1)
    shift = np.linalg.lstsq(causes, (got - want).ravel())[0][:2] * step
    assert np.abs(shift).max() < 0.02
    assert np.abs(got - want).max() < 2


def test_a_slow_zoom_moves_without_jitter():
    canvas = with_margin(planes_from_bgr(smooth_picture()))
    frame, places = new_frame(160, 90), []
    for number in range(60):
        sample(canvas, 20 + number * 0.1357, 10 + number * 0.0713, 1.06 + number * 0.0011, frame)
        got = planes_of(frame).luma[8:-8, 8:-8].astype(float)
        want = expected_luma(90, 160, 20 + number * 0.1357, 10 + number * 0.0713, 1.06 + number * 0.0011)[
            8:-8, 8:-8
        ]
        across = np.gradient(want, axis=1)
        places.append(np.sum(across * (got - want)) / np.sum(across**2))

    assert np.std(places) < 0.02


@functools.cache
def blurred_noise():
    chance = np.random.default_rng(1).integers(0, 256, (180, 300, 3), dtype=np.uint8)
    return with_margin(planes_from_bgr(cv2.GaussianBlur(chance, (0, 0), 1.5)))


@settings(max_examples=60)
@given(
    st.one_of(st.floats(1.0, 1.6), st.sampled_from([17 / 16, 16 / 15, 1.0625001, 9 / 8, 1.25])),
    st.floats(0, 20),
    st.floats(0, 20),
)
# cv2.resize copies what keeps its size, as 164 pixels do here.
@example(1 + 1 / 512, 0.0, 0.0)
@pytest.mark.slow
def test_a_view_is_the_cubic_of_its_pixels_wherever_it_lies(step, x, y):
    canvas = blurred_noise()
    frame = new_frame(160, 90)
    sample(canvas, x, y, step, frame)

    rows, columns = (
        cubic(edge, place + MARGIN, step, length)
        for edge, place, length in ((canvas.luma.shape[0], y, 90), (canvas.luma.shape[1], x, 160))
    )
    want = rows @ canvas.luma.astype(np.float64) @ columns.T
    # Half a level is rounding; the rest is what a 64th of a pixel can make of such pictures: warpAffine, which
    # draws the few views that have no border to start from, knows 32 places between two pixels.
    off = np.abs(planes_of(frame).luma - want)
    assert off.max() < 4
    assert off.mean() < 0.6


def cubic(source, place, step, length):
    """Return the weights (length, source) of the cubic kernel with a = -0.75 (Keys, 1981)."""
    away = np.abs((np.arange(length)[:, None] + 0.5) * step - 0.5 + place - np.arange(source))
    near = (1.25 * away - 2.25) * away**2 + 1
    far = -0.75 * (((away - 5) * away + 8) * away - 4)
    return np.where(away <= 1, near, np.where(away < 2, far, 0))


@pytest.mark.parametrize(
    ("colour", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 255), (63, 102, 240)),
        ((255, 0, 0), (32, 240, 118)),
    ],
)
def test_colours_are_bt709_in_limited_range(colour, yuv):
    planes = planes_from_bgr(np.full((4, 4, 3), colour, np.uint8))

    assert planes.luma == pytest.approx(yuv[0], abs=1)
    assert planes.colour[0, 0] == pytest.approx(yuv[1:], abs=1)


def test_blending_mixes_by_share_and_fading_ends_in_black():
    below, above, target = new_frame(4, 2), new_frame(4, 2), new_frame(4, 2)
    below[:], above[:] = 100, 200
    blend(below, above, 0.25, target)
    assert (target == 125).all()

    darken(target, 1.0)
    assert (target == new_frame(4, 2)).all()


def test_black_stays_black_at_every_step_of_a_fade():
    frame = new_frame(4, 2)
    for number in range(10):
        darken(frame, number / 10)
        assert (frame == new_frame(4, 2)).all()


def test_tiny_canvases_with_a_large_step_fall_back_and_stay_exact():
    flat = with_margin(planes_from_bgr(cv2.merge([np.full((20, 30), 90, np.uint8)] * 3)))
    frame = new_frame(16, 10)
    sample(flat, 0, 0, 1.0, frame)

    assert len(np.unique(planes_of(frame).luma)) == 1
