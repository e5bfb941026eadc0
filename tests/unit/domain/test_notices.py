"""When somebody is told, and when the login at the mail server is tried."""

from datetime import timedelta
from uuid import uuid4

import pytest

from memorycapsule.domain.notices import Notice, NoticeKind, ToldNotice, is_letter_due, is_trial_due
from memorycapsule.domain.reasons import KeptReason
from support.moments import NOW


def notice(kind=NoticeKind.DISK, *, capsule_id=None, count=1):
    return Notice(kind=kind, capsule_id=capsule_id, says=KeptReason(reason="notice_disk"), count=count)


def told(one, *, ago=timedelta(0)):
    return ToldNotice(
        id=str(uuid4()), account_id="ada", kind=one.kind, capsule_id=one.capsule_id or "", count=one.count,
        told_at=NOW - ago,
    )  # fmt: skip


def is_due(*notices, told=(), is_sending=False):
    return is_letter_due(notices, told, is_sending=is_sending, now=NOW)


def test_nobody_gets_a_letter_about_nothing():
    assert not is_due()


def test_what_was_never_told_is_told_and_what_was_told_is_not():
    assert is_due(notice())
    assert not is_due(notice(), told=[told(notice(), ago=timedelta(days=2))])


def test_more_of_the_same_is_news_a_day_later():
    before = notice(NoticeKind.REJECTED_LETTERS, capsule_id="c", count=2)
    now = notice(NoticeKind.REJECTED_LETTERS, capsule_id="c", count=3)

    assert not is_due(now, told=[told(before, ago=timedelta(hours=23))])
    assert is_due(now, told=[told(before, ago=timedelta(hours=24))])
    assert not is_due(before, told=[told(now, ago=timedelta(days=2))])


def test_another_thing_waits_for_the_end_of_the_day_but_not_a_capsule_that_does_not_open():
    yesterday = [told(notice(), ago=timedelta(hours=3))]

    assert not is_due(notice(), notice(NoticeKind.BACKUP), told=yesterday)
    for kind in (NoticeKind.CLOCK, NoticeKind.HELD, NoticeKind.OPENING):
        assert is_due(notice(), notice(kind), told=yesterday)


def test_a_clock_that_is_doubted_again_and_again_is_told_once_a_day():
    clock = notice(NoticeKind.CLOCK)

    assert not is_due(clock, told=[told(clock, ago=timedelta(hours=1))])


def test_the_same_kind_in_another_capsule_is_news():
    one, other = (notice(NoticeKind.OPENING, capsule_id=name) for name in ("one", "other"))

    assert is_due(one, other, told=[told(one, ago=timedelta(minutes=1))])


def test_what_lasts_is_told_again_after_a_month():
    assert not is_due(notice(), told=[told(notice(), ago=timedelta(days=29))])
    assert is_due(notice(), told=[told(notice(), ago=timedelta(days=30))])


def test_letters_that_fail_are_told_when_the_others_have_been_sent():
    failed = notice(NoticeKind.UNKNOWN_LETTERS, capsule_id="c")

    assert not is_due(failed, is_sending=True)
    assert is_due(failed)
    assert is_due(failed, notice(), is_sending=True)


def test_a_letter_that_a_wrong_clock_has_dated_silences_nobody():
    long_ahead = [told(notice(), ago=timedelta(days=-3650))]

    assert is_due(notice(NoticeKind.BACKUP), told=long_ahead)


@pytest.mark.parametrize(
    ("tried", "has_failed", "opens_in", "is_due"),
    [
        (None, False, None, True),
        (timedelta(days=6), False, None, False),
        (timedelta(days=7), False, None, True),
        (timedelta(minutes=59), True, None, False),
        (timedelta(hours=1), True, None, True),
        # A week and a day before an opening, however shortly before it was tried.
        (timedelta(hours=2), False, timedelta(days=6, hours=23), True),
        (timedelta(hours=1), False, timedelta(days=6, hours=23), False),
        (timedelta(hours=2), False, timedelta(hours=23), True),
        (timedelta(hours=1), False, timedelta(hours=23), False),
        (timedelta(hours=2), False, timedelta(days=8), False),
        # A wrong clock.
        (timedelta(days=-3650), False, None, True),
    ],
)
def test_the_mail_login_is_tried_each_week_and_in_time_before_openings(tried, has_failed, opens_in, is_due):
    openings = [] if opens_in is None else [NOW + opens_in]
    tried_at = None if tried is None else NOW - tried

    assert is_trial_due(tried_at, openings, has_failed=has_failed, now=NOW) is is_due
