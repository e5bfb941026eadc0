"""Dates as people type them: what they mean, in every zone, and what is refused."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.opening_dates import add_months, opening_date, parse_opening_date
from memorycapsule.domain.zones import rules_version
from memorycapsule.errors import UsageProblem
from memorycapsule.words.catalogues import wording
from memorycapsule.words.error_sentences import AREA, sentence_of
from support.refusals import refused

NOW = datetime(2026, 5, 8, 9, 0, 12, 345678, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "local", "at"),
    [
        ("2036-05-08 09:00", "Asia/Seoul", "2036-05-08T09:00", "2036-05-08T00:00"),
        ("2036-05-08T09:00", "Asia/Seoul", "2036-05-08T09:00", "2036-05-08T00:00"),
        ("2036-05-08T09:00:30", "UTC", "2036-05-08T09:00:30", "2036-05-08T09:00:30"),
        ("2036-05-08", "Europe/Berlin", "2036-05-08T00:00", "2036-05-07T22:00"),
        ("  2036-05-08   09:00 ", "Asia/Seoul", "2036-05-08T09:00", "2036-05-08T00:00"),
        # An offset names an instant; the wall time is that of the zone.
        ("2036-05-08T09:00Z", "Asia/Seoul", "2036-05-08T18:00", "2036-05-08T09:00"),
        ("2036-05-08T09:00+09:00", "Europe/Berlin", "2036-05-08T02:00", "2036-05-08T00:00"),
        ("2036-05-08 09:00 -0330", "UTC", "2036-05-08T12:30", "2036-05-08T12:30"),
        ("2099-12-31 23:59", "Asia/Seoul", "2099-12-31T23:59", "2099-12-31T14:59"),
        # Zones with offsets that are no whole hours.
        ("2036-05-08 09:00", "Asia/Kathmandu", "2036-05-08T09:00", "2036-05-08T03:15"),
        ("2036-05-08 09:00", "Pacific/Chatham", "2036-05-08T09:00", "2036-05-07T20:15"),
        ("2036-05-08 09:00", "Pacific/Kiritimati", "2036-05-08T09:00", "2036-05-07T19:00"),
        ("2036-01-08 09:00", "Australia/Lord_Howe", "2036-01-08T09:00", "2036-01-07T22:00"),
        ("2036-07-08 09:00", "Australia/Lord_Howe", "2036-07-08T09:00", "2036-07-07T22:30"),
        # Relative: seconds count from this very instant, days and longer from the minute.
        ("+20s", "Asia/Seoul", "2026-05-08T18:00:32.345678", "2026-05-08T09:00:32.345678"),
        ("+ 20 s", "UTC", "2026-05-08T09:00:32.345678", "2026-05-08T09:00:32.345678"),
        ("+5m", "UTC", "2026-05-08T09:05:12.345678", "2026-05-08T09:05:12.345678"),
        ("in an hour", "UTC", "2026-05-08T10:00:12.345678", "2026-05-08T10:00:12.345678"),
        ("3시간 뒤", "UTC", "2026-05-08T12:00:12.345678", "2026-05-08T12:00:12.345678"),
        ("in 10 years", "Asia/Seoul", "2036-05-08T18:00", "2036-05-08T09:00"),
        ("In 10 Years", "Asia/Seoul", "2036-05-08T18:00", "2036-05-08T09:00"),
        ("+10y", "Asia/Seoul", "2036-05-08T18:00", "2036-05-08T09:00"),
        ("in a year", "UTC", "2027-05-08T09:00", "2027-05-08T09:00"),
        ("in one year", "UTC", "2027-05-08T09:00", "2027-05-08T09:00"),
        ("10년 후", "Asia/Seoul", "2036-05-08T18:00", "2036-05-08T09:00"),
        ("10년 뒤", "Asia/Seoul", "2036-05-08T18:00", "2036-05-08T09:00"),
        ("10년 뒤에", "Asia/Seoul", "2036-05-08T18:00", "2036-05-08T09:00"),
        ("10년후", "Asia/Seoul", "2036-05-08T18:00", "2036-05-08T09:00"),
        ("6개월 후", "Asia/Seoul", "2026-11-08T18:00", "2026-11-08T09:00"),
        ("2주 후", "UTC", "2026-05-22T09:00", "2026-05-22T09:00"),
        ("+3mo", "UTC", "2026-08-08T09:00", "2026-08-08T09:00"),
        # A summer later the wall time is the same, although a day in between had 25 hours.
        ("in 200 days", "Europe/Berlin", "2026-11-24T11:00", "2026-11-24T10:00"),
    ],
)
def test_a_date_means_what_people_say(text, zone, local, at):
    date = parse_opening_date(text, zone, NOW)

    assert date.local == datetime.fromisoformat(local)
    assert date.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert (date.zone, date.fold, date.rules) == (zone, 0, rules_version())
    assert date.at.tzinfo is UTC
    assert date.local.tzinfo is None


def test_hangul_may_come_in_pieces_as_macos_writes_it():
    import unicodedata

    date = parse_opening_date(unicodedata.normalize("NFD", "10년 후"), "Asia/Seoul", NOW)

    assert date.local == datetime(2036, 5, 8, 18, 0)


def test_a_wall_time_in_a_gap_is_read_with_the_offset_from_before():
    date = parse_opening_date("2027-03-28 02:30", "Europe/Berlin", NOW)

    assert date.at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert date.local == datetime(2027, 3, 28, 2, 30), "what people typed stays as they typed it"


def test_a_wall_time_that_happens_twice_is_the_first_unless_the_second_is_meant():
    first = parse_opening_date("2026-10-25 02:30", "Europe/Berlin", NOW)
    second = opening_date(datetime(2026, 10, 25, 2, 30), "Europe/Berlin", fold=1)

    assert first.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert second.at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert (first.fold, second.fold) == (0, 1)
    assert first.local == second.local


def test_an_instant_in_the_second_of_two_equal_hours_is_kept():
    date = parse_opening_date("2026-10-25T01:30Z", "Europe/Berlin", NOW)

    assert (date.local, date.fold) == (datetime(2026, 10, 25, 2, 30), 1)
    assert date.at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@given(before=st.integers(min_value=0, max_value=7200), seconds=st.integers(min_value=1, max_value=10_000))
@pytest.mark.parametrize(
    "change", [datetime(2026, 10, 25, 1, 0, tzinfo=UTC), datetime(2027, 3, 28, 1, 0, tzinfo=UTC)]
)
def test_seconds_are_seconds_over_a_change_of_the_clocks(change, before, seconds):
    now = change - timedelta(seconds=before)

    date = parse_opening_date(f"+{seconds}s", "Europe/Berlin", now)

    assert date.at == now + timedelta(seconds=seconds)
    assert opening_date(date.local, date.zone, date.fold).at == date.at, "deriving it anew gives the same"


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("+1y", "2029-02-28"),
        ("+4y", "2032-02-29"),
        ("in 12 months", "2029-02-28"),
        ("1개월 후", "2028-03-29"),
    ],
)
def test_29_february_plus_a_year_is_28_february(text, local):
    now = datetime(2028, 2, 29, 9, 0, tzinfo=UTC)

    assert parse_opening_date(text, "UTC", now).local == datetime.fromisoformat(local).replace(hour=9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "tomorrow",
        "08.05.2036",
        "05/08/2036",
        "2036-5-8",
        "2036-05-08 9:00",
        "2036-13-01",
        "2035-02-29",
        "2036-05-08 25:00",
        "2036-05-08 09:00 +25:00",
        "0000-01-01",
        "0001-01-01",
        "in ten years",
        "in 10 fortnights",
        "+10",
        "+y",
        "+-10y",
        "-10y",
        "+0s",
        "in 0 days",
        "10년 전",
        "2036-05-08 09:00; rm -rf",
        "+999999y",
        "+999999mo",
        "+9999999s",
        "9999-12-31 23:59",
        "2026-05-08 09:00",
        "2020-01-01",
        "2127-01-01",
        "in 101 years",
    ],
)
def test_anything_else_is_refused_in_one_sentence(text):
    with pytest.raises(UsageProblem) as refused:
        parse_opening_date(text, "UTC", NOW)

    sentence = sentence_of(refused.value, wording("en", AREA))
    assert sentence.endswith(("후”.", "future.", "earlier date."))
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "zone", "reason"),
    [
        ("2026-02-30", "UTC", "date_impossible"),
        ("some day", "UTC", "date_unreadable"),
        ("2020-01-01", "UTC", "date_passed"),
        ("in 101 years", "UTC", "date_too_far"),
        ("2036-05-08", "Mars/Olympus", "zone_unknown"),
    ],
)
def test_each_date_that_cannot_be_has_its_own_reason(text, zone, reason):
    with pytest.raises(UsageProblem) as refused:
        parse_opening_date(text, zone, NOW)

    assert (refused.value.code, refused.value.reason) == ("usage", reason)


def test_a_hundred_years_are_not_too_far():
    assert parse_opening_date("in 100 years", "UTC", NOW).local.year == 2126


@given(text=st.text(max_size=40))
def test_no_text_does_more_than_be_refused(text):
    try:
        date = parse_opening_date(text, "Asia/Seoul", NOW)
    except UsageProblem:
        return
    assert date.at > NOW


@given(
    local=st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),
    months=st.integers(min_value=0, max_value=2400),
)
def test_months_land_in_the_right_month_and_never_beyond_its_end(local, months):
    moved = add_months(local, months)

    assert (moved.year * 12 + moved.month) - (local.year * 12 + local.month) == months
    assert moved.day == local.day or (moved.day < local.day and (moved + timedelta(days=1)).day == 1)
    assert moved.time() == local.time()


@given(local=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2126, 1, 1)))
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Seoul", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_the_second_of_two_equal_wall_times_is_never_before_the_first(zone, local):
    """Casablanca sets its clocks back for Ramadan, Lord Howe moves them by half an hour."""
    first, second = (opening_date(local, zone, fold) for fold in (0, 1))

    assert abs(second.at - first.at) <= timedelta(hours=1)
    assert abs((local - first.at.replace(tzinfo=None)).total_seconds()) <= 15 * 3600


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("2036-05-08", "2036-05-08T18:30"),
        ("2036-05-08 09:00", "2036-05-08T09:00"),
        ("in 2 days", "2026-05-10T18:30"),
        ("10년 후", "2036-05-08T18:30"),
        ("+2h", "2026-05-08T11:00:12.345678"),
    ],
)
def test_a_day_without_a_time_of_day_means_the_one_that_is_given(text, local):
    date = parse_opening_date(text, "UTC", NOW, at_time=time(18, 30))

    assert date.local == datetime.fromisoformat(local)


@pytest.mark.parametrize(
    ("text", "kind", "reason", "values"),
    [
        ("tomorrow", UsageProblem, "date_unreadable", {}),
        ("2036-13-01", UsageProblem, "date_impossible", {}),
        ("2026-05-08 08:59", UsageProblem, "date_passed", {}),
        ("2127-01-01", UsageProblem, "date_too_far", {"years": 100}),
    ],
)
def test_what_is_refused_says_which_date_and_why(text, kind, reason, values):
    with refused(kind, reason, date=text, **values):
        parse_opening_date(text, "UTC", NOW)


def test_relative_days_count_from_the_first_of_two_equal_hours():
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

    assert parse_opening_date("in 7 days", "Europe/Berlin", second).fold == 0
