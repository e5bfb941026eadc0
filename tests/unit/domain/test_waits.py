"""Waits that rows keep outlive no wrong clock."""

from datetime import timedelta

import pytest

from memorycapsule.domain.waits import is_due_again, is_over, is_recent
from support.moments import NOW

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("until", "over"),
    [
        (NOW - 50 * 365 * 24 * HOUR, True),
        (NOW, True),
        (NOW + HOUR / 60, False),
        (NOW + 4 * HOUR, False),
        (NOW + 5 * HOUR, True),
        (NOW + 70 * 365 * 24 * HOUR, True),
    ],
)
def test_a_wait_is_over_at_its_end_and_where_none_can_end_so_late(until, over):
    assert is_over(until, NOW, longest=4 * HOUR) is over


@pytest.mark.parametrize(
    ("then", "recent"),
    [
        (NOW - 4 * HOUR, False),
        (NOW - 3 * HOUR, True),
        (NOW, True),
        (NOW + HOUR, True),
        (NOW + 4 * HOUR, False),
        (NOW + 70 * 365 * 24 * HOUR, False),
    ],
)
def test_what_a_wrong_clock_has_dated_is_no_reason_to_wait(then, recent):
    assert is_recent(then, NOW, within=4 * HOUR) is recent


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (NOW - 4 * HOUR, True),
        (NOW - 3 * HOUR, False),
        (NOW, False),
        (NOW + HOUR, True),
        (NOW + 70 * 365 * 24 * HOUR, True),
    ],
)
def test_what_is_done_every_four_hours_is_done_at_once_where_a_wrong_clock_has_dated_it(last, due):
    assert is_due_again(last, NOW, every=4 * HOUR) is due
