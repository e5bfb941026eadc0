"""Deliveries and montages: their waits and their ends."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.deliveries import FIRST_WAIT, LONGEST_WAIT, is_given_up, wait_after
from memorycapsule.domain.film.montages import MontageState
from support.moments import NOW


@given(attempt=st.integers(min_value=1, max_value=100_000))
def test_attempts_never_get_closer_together_and_never_wait_longer_than_four_hours(attempt):
    assert FIRST_WAIT <= wait_after(attempt) <= wait_after(attempt + 1) <= LONGEST_WAIT


def test_the_wait_doubles_from_five_minutes():
    assert [wait_after(attempt) // timedelta(minutes=1) for attempt in range(1, 9)] == [
        5, 10, 20, 40, 80, 160, 240, 240,
    ]  # fmt: skip


def test_a_letter_is_given_up_after_the_days_and_not_before():
    assert not is_given_up(NOW, NOW + timedelta(days=5, microseconds=-1), 5)
    assert is_given_up(NOW, NOW + timedelta(days=5), 5)


@pytest.mark.parametrize(
    ("state", "is_over", "has_film"),
    [
        (MontageState.QUEUED, False, False),
        (MontageState.RENDERING, False, False),
        (MontageState.READY, True, True),
        (MontageState.DEGRADED, True, True),
        (MontageState.FAILED, True, False),
        (MontageState.CANCELLED, True, False),
    ],
)
def test_every_state_of_a_film_says_whether_it_is_over(state, is_over, has_film):
    assert (state.is_over, state.has_film) == (is_over, has_film)
