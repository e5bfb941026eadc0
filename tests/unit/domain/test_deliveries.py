"""Deliveries and montages: their waits and their ends."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.deliveries import FIRST_WAIT, LEAST_TRIES, LONGEST_WAIT, is_given_up, wait_after
from support.moments import NOW


@given(attempt=st.integers(min_value=1, max_value=100_000))
def test_attempts_never_get_closer_together_and_never_wait_longer_than_four_hours(attempt):
    assert FIRST_WAIT <= wait_after(attempt) <= wait_after(attempt + 1) <= LONGEST_WAIT


def test_the_wait_doubles_from_five_minutes():
    assert [wait_after(attempt) // timedelta(minutes=1) for attempt in range(1, 9)] == [
        5, 10, 20, 40, 80, 160, 240, 240,
    ]  # fmt: skip


def test_a_letter_is_given_up_days_after_the_first_answer_and_not_before_several_tries():
    assert not is_given_up(NOW, 40, NOW + timedelta(days=5, microseconds=-1), 5)
    assert not is_given_up(NOW, LEAST_TRIES - 1, NOW + timedelta(days=60), 5)
    assert is_given_up(NOW, LEAST_TRIES, NOW + timedelta(days=5), 5)


def test_the_least_tries_take_more_than_a_day():
    waits = [wait_after(attempt) for attempt in range(1, LEAST_TRIES)]
    assert sum(waits, timedelta()) > timedelta(days=1)
