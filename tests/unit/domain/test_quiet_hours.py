"""Quiet hours: a span of each day by the wall clock."""

from datetime import datetime

import pytest

from memorycapsule.domain.quiet_hours import parse_quiet_hours
from memorycapsule.errors import UsageProblem
from support.refusals import refused


def at(clock):
    return datetime.fromisoformat(f"2036-05-08 {clock}")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("01:00-06:00", ["01:00", "03:30", "05:59:59"], ["00:59:59", "06:00", "13:00"]),
        ("22:30-6:00", ["22:30", "23:59:59", "00:00", "05:59"], ["06:00", "12:00", "22:29"]),
        (" 1:00 – 2:00 ", ["01:30"], ["02:00"]),
        ("always", ["00:00", "12:00", "23:59:59"], []),
        ("Always", ["12:00"], []),
    ],
)
def test_what_is_in_them(text, inside, outside):
    hours = parse_quiet_hours(text)

    assert all(hours.contains(at(clock)) for clock in inside)
    assert not any(hours.contains(at(clock)) for clock in outside)


def test_there_may_be_none():
    assert parse_quiet_hours("never") is None


@pytest.mark.parametrize("text", ["", "1-6", "25:00-26:00", "01:00-01:00", "01:60-02:00", "night"])
def test_anything_else_is_refused_in_a_sentence(text):
    with refused(UsageProblem, "quiet_hours_unreadable", hours=text):
        parse_quiet_hours(text)
