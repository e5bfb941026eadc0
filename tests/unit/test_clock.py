"""The clock: every way of being wrong opens nothing, and an honest clock is never suspected."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule import clock
from memorycapsule.clock import LONG_ABSENCE, TOLERANCE, Clock, Reading
from support.sentences import sentence

START = datetime(2030, 6, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def reading(after=timedelta(0), *, moved=timedelta(0), synchronised=None):
    """What the system says `after` the start, when somebody has moved the wall clock."""
    return Reading(
        wall=START + after + moved, uptime_seconds=1000 + after.total_seconds(), synchronised=synchronised
    )


def reason(current, *, start=None, seen_at=None, trusted_at=None, second_source=None):
    """What a person reads of the doubt, None when there is none."""
    doubt = clock.reason_to_doubt(
        start or reading(), current, seen_at=seen_at, trusted_at=trusted_at, second_source=second_source
    )
    return doubt and sentence(doubt)


def clock_of(*readings):
    return Clock(readings=iter(readings).__next__)


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        (6 * MINUTE, "jumped 6 minutes forward"),
        (53 * DAY, "jumped 53 days forward"),
        (3650 * DAY, "jumped 3,650 days forward"),
        (-HOUR, "jumped 1 hour back"),
        (-3 * DAY, "jumped 3 days back"),
    ],
)
@pytest.mark.parametrize("synchronised", [True, False, None])
def test_a_wall_clock_moved_while_this_runs_is_doubted(moved, words, synchronised):
    start, current = reading(synchronised=synchronised), reading(HOUR, moved=moved, synchronised=synchronised)

    said = reason(current, start=start, seen_at=START)

    assert words in said
    assert "capsule doctor --trust-clock" in said


@pytest.mark.parametrize("moved", [TOLERANCE, -TOLERANCE, 4 * MINUTE, timedelta(0)])
def test_a_small_correction_is_no_reason(moved):
    assert reason(reading(HOUR, moved=moved), seen_at=START) is None


def test_a_suspended_laptop_is_not_doubted():
    assert reason(reading(40 * DAY, synchronised=False), seen_at=START + MINUTE) is None


def test_the_jump_of_a_machine_that_learns_the_time_from_the_network_is_no_reason():
    start = reading(synchronised=False)

    assert reason(reading(MINUTE, moved=53 * DAY, synchronised=True), start=start, seen_at=START) is None
    assert "jumped" in reason(reading(MINUTE, moved=53 * DAY, synchronised=False), start=start, seen_at=START)


@pytest.mark.parametrize("synchronised", [True, False, None])
def test_a_clock_before_the_last_seen_instant_is_doubted(synchronised):
    current = reading(synchronised=synchronised)

    assert "1 hour behind" in reason(current, seen_at=START + HOUR)
    assert reason(current, seen_at=START + TOLERANCE) is None


LONG_AGO = START - LONG_ABSENCE - DAY


@pytest.mark.parametrize(
    ("current", "second_source", "is_doubted"),
    [
        (reading(synchronised=False), None, True),
        (reading(synchronised=None), None, True),
        (reading(synchronised=True), None, False),
        (reading(synchronised=False), START + 4 * MINUTE, False),
        (reading(synchronised=None), START - 4 * MINUTE, False),
        (reading(synchronised=False), START - 6 * MINUTE, True),
        (reading(synchronised=False), START - 31 * DAY, True),
    ],
)
def test_after_a_long_absence_somebody_must_vouch_for_the_clock(current, second_source, is_doubted):
    said = reason(current, seen_at=LONG_AGO, second_source=second_source)

    assert (said is not None) == is_doubted
    if is_doubted:
        assert "31 days ahead" in said


def test_a_short_absence_needs_nobody():
    assert reason(reading(synchronised=False), seen_at=START - LONG_ABSENCE) is None


def test_an_unsynchronised_clock_alone_is_no_reason():
    assert reason(reading(HOUR, synchronised=False), seen_at=START, start=reading(synchronised=False)) is None


def test_the_first_start_has_seen_nothing_and_doubts_nothing():
    assert reason(reading(HOUR)) is None


def test_a_clock_older_than_the_program_is_doubted_whoever_vouches_for_it():
    dead_battery = Reading(wall=datetime(1970, 1, 1, tzinfo=UTC), uptime_seconds=5, synchronised=True)

    assert "1970-01-01" in reason(dead_battery, start=dead_battery)
    assert "1970-01-01" in reason(dead_battery, start=dead_battery, trusted_at=dead_battery.wall)


@pytest.mark.parametrize("seen_at", [None, START + 365 * DAY, LONG_AGO])
def test_a_person_who_vouches_for_the_clock_clears_every_other_doubt(seen_at):
    current = reading(HOUR, moved=53 * DAY)

    assert reason(current, seen_at=seen_at, trusted_at=current.wall - MINUTE) is None
    assert reason(current, seen_at=seen_at, trusted_at=current.wall - HOUR) is not None


def test_once_vouched_for_the_new_time_is_the_measure():
    moved = 53 * DAY
    trusted_at = START + HOUR + moved
    running = clock_of(
        reading(),
        reading(HOUR, moved=moved),
        reading(HOUR + MINUTE, moved=moved),
        reading(2 * DAY, moved=moved),
        reading(3 * DAY, moved=moved + HOUR),
    )

    assert "jumped" in sentence(running.doubt(seen_at=START, trusted_at=None))
    assert running.doubt(seen_at=trusted_at, trusted_at=trusted_at) is None
    assert running.doubt(seen_at=trusted_at, trusted_at=trusted_at) is None
    assert "jumped 1 hour" in sentence(running.doubt(seen_at=trusted_at, trusted_at=trusted_at))


def test_once_set_by_the_network_a_later_jump_is_doubted():
    running = clock_of(
        reading(synchronised=False),
        reading(MINUTE, moved=53 * DAY, synchronised=True),
        reading(HOUR, moved=53 * DAY, synchronised=True),
        reading(2 * HOUR, moved=400 * DAY, synchronised=True),
    )

    assert running.doubt(seen_at=START, trusted_at=None) is None
    assert running.doubt(seen_at=START, trusted_at=None) is None
    assert "jumped 347 days" in sentence(running.doubt(seen_at=START, trusted_at=None))


def test_a_clock_put_back_is_believed_again():
    running = clock_of(reading(), reading(HOUR, moved=9 * DAY), reading(2 * HOUR))

    assert running.doubt(seen_at=START, trusted_at=None) is not None
    assert running.doubt(seen_at=START, trusted_at=None) is None


spans = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000))
shifts = st.timedeltas(min_value=timedelta(days=-1000), max_value=timedelta(days=4000))
flags = st.sampled_from([True, False, None])


@given(st.lists(spans, min_size=1, max_size=6), flags)
def test_an_honest_clock_is_never_doubted_while_it_runs(steps, synchronised):
    instants = [sum(steps[:count], timedelta(0)) for count in range(1, len(steps) + 1)]
    running = clock_of(reading(), *(reading(instant, synchronised=synchronised) for instant in instants))
    seen_at = START

    for instant in instants:
        assert running.doubt(seen_at=seen_at, trusted_at=None) is None
        seen_at = START + instant


@given(spans, shifts, flags, flags)
def test_without_a_person_or_the_network_no_jump_is_believed(after, moved, at_start, later):
    start, current = reading(synchronised=at_start), reading(after, moved=moved, synchronised=later)
    was_set_by_network = at_start is False and later is True

    if abs(moved) > TOLERANCE and not was_set_by_network:
        assert reason(current, start=start, seen_at=START) is not None


@given(shifts, spans, flags)
def test_a_jump_while_the_program_was_off_is_believed_only_when_short_or_vouched_for(
    moved, absence, synchronised
):
    wall = START + moved
    restarted = Reading(wall=wall, uptime_seconds=1, synchronised=synchronised)

    sentence = reason(restarted, start=restarted, seen_at=START)

    if moved < -TOLERANCE or (moved > LONG_ABSENCE and not synchronised):
        assert sentence is not None
    else:
        assert sentence is None


def test_the_system_is_read_as_it_is():
    before = datetime.now(UTC)
    real = clock.read()

    assert before <= real.wall <= datetime.now(UTC)
    assert real.wall.tzinfo is UTC
    assert real.uptime_seconds >= time.monotonic() - 1
    assert real.synchronised in {True, False, None}


def test_this_very_clock_is_believed():
    running = Clock()

    assert running.doubt(seen_at=running.now(), trusted_at=None) is None
    assert running.synchronised() in {True, False, None}
