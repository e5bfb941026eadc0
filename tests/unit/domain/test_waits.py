"""Waits that rows keep outlive no wrong clock."""

from datetime import timedelta

import pytest

from memorycapsule.domain.waits import is_over
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
