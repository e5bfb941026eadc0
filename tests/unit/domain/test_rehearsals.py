"""When an opening is rehearsed: each week, sooner where something failed, and on the day before the date."""

from datetime import timedelta

import pytest

from memorycapsule.domain.rehearsals import is_rehearsal_due
from support.cast import a_capsule
from support.moments import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CAPSULE = a_capsule(created_at=NOW, opens_at=NOW + 100 * DAY)


@pytest.mark.parametrize(
    ("rehearsed", "now", "is_due"),
    [
        (None, NOW + 6 * DAY, False),
        (None, NOW + 7 * DAY, True),
        (NOW + 50 * DAY, NOW + 56 * DAY, False),
        (NOW + 50 * DAY, NOW + 57 * DAY, True),
        (NOW + 96 * DAY, NOW + 99 * DAY - HOUR, False),
        (NOW + 96 * DAY, NOW + 99 * DAY + HOUR, True),
        (NOW + 99 * DAY + HOUR, NOW + 100 * DAY, False),
        (NOW + 1000 * DAY, NOW + 50 * DAY, True),
    ],
    ids=[
        "just made",
        "a week",
        "six days",
        "seven days",
        "not yet the day before",
        "the day before",
        "done",
        "ahead",
    ],
)
def test_an_opening_is_rehearsed_each_week_and_on_the_day_before(rehearsed, now, is_due):
    assert is_rehearsal_due(CAPSULE, rehearsed, now) is is_due


def test_what_has_failed_is_rehearsed_again_after_a_day():
    assert not is_rehearsal_due(CAPSULE, NOW + 50 * DAY, NOW + 50 * DAY + 23 * HOUR, has_failed=True)
    assert is_rehearsal_due(CAPSULE, NOW + 50 * DAY, NOW + 51 * DAY, has_failed=True)


def test_a_capsule_that_opens_within_a_day_of_being_made_needs_no_rehearsal():
    soon = a_capsule(created_at=NOW, opens_at=NOW + HOUR)

    assert not is_rehearsal_due(soon, None, NOW + HOUR)
