"""One fault that comes again and again does not fill the disk with its log, and the log says so."""

import logging

import pytest

from memorycapsule.daemon.logs import MOST_LINES, Repetitions


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def record(event, **more):
    said = {"event": event, **more}
    return logging.LogRecord("memorycapsule", logging.WARNING, __file__, 1, said, None, None)


def test_of_one_event_so_many_lines_a_minute_are_let_through_and_others_as_before(clock):
    repetitions = Repetitions(clock=clock)
    passed = [repetitions.filter(record("job.failed", number=number)) for number in range(1000)]

    assert passed == [True] * MOST_LINES + [False] * (1000 - MOST_LINES)
    assert repetitions.filter(record("capsule.opened"))


def test_the_next_minute_says_how_much_was_left_out(clock):
    repetitions = Repetitions(clock=clock)
    for _ in range(MOST_LINES + 5):
        repetitions.filter(record("job.failed"))
    clock.now += 60
    first, second = record("job.failed"), record("job.failed")

    assert repetitions.filter(first)
    assert repetitions.filter(second)
    assert first.msg == {"event": "job.failed", "left_out": 5}
    assert "left_out" not in second.msg


def test_what_libraries_say_in_words_is_bounded_as_well(clock):
    repetitions = Repetitions(clock=clock)
    same = logging.LogRecord("asyncio", logging.ERROR, __file__, 1, "out of system resource %s", ("x",), None)

    assert sum(repetitions.filter(same) for _ in range(1000)) == MOST_LINES
