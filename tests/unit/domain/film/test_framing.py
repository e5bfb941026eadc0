"""Moves go towards what matters, keep it inside the frame, and never cut off more than a little of the top."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.film.framing import frame_picture
from memorycapsule.domain.film.sizes import Size

FILM = Size(width=1920, height=1080)
ZOOM = 1.09
#: Moves that go back from what matters instead of towards it.
BACKWARDS = 4

places = st.floats(0, 1)
focuses = st.tuples(places, places)
tosses = st.integers(0, 2**32 - 1)
covers = st.floats(1.28, 2.35).map(lambda aspect: (round(1600 * aspect), 1600))
panoramas = st.floats(2.4, 6).map(lambda aspect: (round(1200 * aspect), 1200))
insets = st.sampled_from([(1200, 1800), (400, 300), (1600, 1600), (900, 300)])


def holds(rect, x, y=None, margin=0.0):
    """Whether a point lies inside a view, so far from its sides."""
    across = rect.x + rect.width * margin - 1e-9 <= x <= rect.x + rect.width * (1 - margin) + 1e-9
    return across and (y is None or rect.y - 1e-9 <= y <= rect.y + rect.height + 1e-9)


def is_inside(rect):
    return (
        rect.x >= -1e-9
        and rect.y >= -1e-9
        and rect.x + rect.width <= 1 + 1e-9
        and rect.y + rect.height <= 1 + 1e-9
    )


@given(covers, focuses, tosses)
def test_every_view_lies_inside_the_picture_and_cuts_little_off_the_top(size, focus, variant):
    fit, move = frame_picture(FILM, *size, ZOOM, variant, focus)
    wide = max(move.start, move.end, key=lambda rect: rect.width)

    assert fit == "cover"
    assert is_inside(move.start)
    assert is_inside(move.end)
    assert wide.y <= 0.07
    assert max(move.start.y, move.end.y) < 0.1
    for rect in (move.start, move.end):
        assert rect.width * size[0] / (rect.height * size[1]) == pytest.approx(FILM.aspect, rel=1e-3)
    assert wide.width / min(move.start.width, move.end.width) == pytest.approx(ZOOM)


@given(covers, focuses, tosses)
def test_what_matters_stays_inside_as_far_as_the_top_allows(size, focus, variant):
    _, move = frame_picture(FILM, *size, ZOOM, variant, focus)

    for rect in (move.start, move.end):
        edge = min(focus[0], 1 - focus[0])
        assert holds(rect, focus[0], margin=0.1 if edge > 0.15 else 0)
        assert rect.y <= focus[1] or focus[1] < 0.1
        if focus[1] <= rect.height:
            assert holds(rect, *focus)


@given(covers, st.tuples(st.floats(0.3, 0.7), st.floats(0.2, 0.45)), tosses)
def test_three_in_four_moves_go_towards_what_matters(size, focus, variant):
    _, move = frame_picture(FILM, *size, ZOOM, variant, focus)
    near = min(move.start, move.end, key=lambda rect: rect.width)
    wide = max(move.start, move.end, key=lambda rect: rect.width)

    def off(rect):
        """How far what matters is from the middle of a view."""
        return abs((focus[0] - rect.x) / rect.width - 0.5)

    assert (move.end == near) is (variant % BACKWARDS != 0)
    assert off(near) <= off(wide) + 1e-9


@given(panoramas, focuses, tosses)
def test_a_pan_ends_on_what_matters(size, focus, variant):
    fit, move = frame_picture(FILM, *size, ZOOM, variant, focus)

    assert fit == "cover"
    assert holds(move.end, min(max(focus[0], 0.01), 0.99))
    assert is_inside(move.start)
    assert is_inside(move.end)
    # It comes from where there is more to see.
    if abs(focus[0] - 0.5) > 0.02:
        assert (move.end.x > move.start.x) is (focus[0] > 0.5)


@given(insets, focuses, tosses)
def test_pictures_shown_whole_move_as_ever(size, focus, variant):
    assert frame_picture(FILM, *size, ZOOM, variant, focus) == frame_picture(FILM, *size, ZOOM, variant)


@given(covers, tosses)
def test_without_a_focus_the_top_is_kept_as_well(size, variant):
    _, move = frame_picture(FILM, *size, ZOOM, variant)

    assert max(move.start.y, move.end.y) < 0.11
