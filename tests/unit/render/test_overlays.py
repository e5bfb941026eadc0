"""Words and marks over pictures: inside the frame, whatever its shape and however many people there are."""

import numpy as np
import pytest

from memorycapsule.domain.film.direction import Direction, direct
from memorycapsule.domain.film.plan import Card, FilmStyle
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.overlays import Sheet, card_overlay

NAMES = [f"Person {number}" for number in range(40)]


@pytest.mark.parametrize("shape", [(1080, 1920), (720, 720), (90, 160), (16, 160), (1920, 1080)])
@pytest.mark.parametrize("count", [1, 15, 40])
def test_cards_of_any_shape_carry_any_number_of_people(shape, count):
    size = Size(width=shape[0], height=shape[1])
    plan = direct(title="Summer", pictures=[], contributors=NAMES[:count], direction=Direction(size=size))
    for card in plan.shots:
        assert isinstance(card, Card)
        overlay = card_overlay(size, plan.style, card)
        assert overlay.luma.shape == (size.height, size.width)


@pytest.mark.parametrize("shape", [(1080, 1920), (720, 720)])
def test_every_stitch_of_sixteen_people_is_inside_the_frame(shape):
    size = Size(width=shape[0], height=shape[1])
    style = FilmStyle(dyes=tuple(f"#{number:02x}ff{number:02x}" for number in range(0, 256, 16)))
    plan = direct(title="", pictures=[], contributors=NAMES[:16], direction=Direction(size=size, style=style))
    overlay = card_overlay(size, style, plan.shots[0])
    inked = 255 - overlay.luma_through[overlay.luma_through.min(axis=1) < 60]
    (columns,) = np.nonzero(inked.max(axis=0) > 60)
    stitches = 1 + int((np.diff(columns) > 1).sum())

    assert stitches == 16
    assert columns[0] > 0
    assert columns[-1] < size.width - 1


@pytest.mark.parametrize(
    ("x", "y"), [(-3, 5), (-50, 5), (18, 5), (99, 5), (5, -3), (5, -50), (5, 18), (5, 99)]
)
def test_a_mark_is_cut_off_where_the_paper_ends(x, y):
    sheet = Sheet(Size(width=20, height=20), 0, 20)
    sheet.mark(x, y, 6, 6, "#ffffff")
    (rows, columns) = np.nonzero(sheet.overlay().luma_through == 0)

    expected_rows = [row for row in range(y, y + 6) if 0 <= row < 20]
    expected_columns = [column for column in range(x, x + 6) if 0 <= column < 20]
    whole = len(expected_rows) * len(expected_columns)
    assert len(rows) == len(columns) == whole
