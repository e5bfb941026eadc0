"""Dates, countdowns and counts as people read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.words.counts import contents_in_words, people_in_words
from memorycapsule.words.dates import clock_change_in_words, countdown_in_words, date_in_words
from memorycapsule.words.forms_of_address import addressed


@pytest.mark.parametrize(
    ("local", "english", "korean"),
    [
        (
            datetime(2036, 5, 8, 9),
            "Thursday, 8 May 2036, 9:00 in the morning",
            "2036년 5월 8일 목요일 오전 9시",
        ),
        (
            datetime(2036, 5, 8, 0),
            "Thursday, 8 May 2036, 0:00, as the day begins",
            "2036년 5월 8일 목요일 0시",
        ),
        (datetime(2036, 5, 8, 0, 5), "Thursday, 8 May 2036, 0:05 at night", "2036년 5월 8일 목요일 0시 5분"),
        (datetime(2036, 5, 8, 12), "Thursday, 8 May 2036, 12:00 noon", "2036년 5월 8일 목요일 낮 12시"),
        (
            datetime(2036, 5, 8, 12, 30),
            "Thursday, 8 May 2036, 12:30 in the afternoon",
            "2036년 5월 8일 목요일 오후 12시 30분",
        ),
        (
            datetime(2036, 2, 29, 18),
            "Friday, 29 February 2036, 6:00 in the evening",
            "2036년 2월 29일 금요일 오후 6시",
        ),
        (
            datetime(2099, 12, 31, 23, 59),
            "Thursday, 31 December 2099, 11:59 at night",
            "2099년 12월 31일 목요일 오후 11시 59분",
        ),
        (
            datetime(2036, 5, 8, 9, 0, 20),
            "Thursday, 8 May 2036, 9:00:20 in the morning",
            "2036년 5월 8일 목요일 오전 9시 20초",
        ),
    ],
)
def test_a_date_is_said_in_words_in_both_languages(local, english, korean):
    assert date_in_words(local, "Asia/Seoul", "en") == f"{english} (Seoul time)"
    assert date_in_words(local, "Asia/Seoul", "ko") == korean


@pytest.mark.parametrize(
    ("zone", "english", "korean"),
    [
        ("Europe/Berlin", "Berlin time", "베를린 시각"),
        ("Asia/Kathmandu", "Kathmandu time", "카트만두 시각"),
        # As it was called before, and as the CLDR calls it still.
        ("Asia/Katmandu", "Kathmandu time", "카트만두 시각"),
        ("Asia/Kolkata", "Kolkata time", "콜카타 시각"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires time", "부에노스 아이레스 시각"),
        ("America/New_York", "New York time", "뉴욕 시각"),
        ("Atlantic/Faroe", "Faroe time", "페로 제도 시각"),
        ("US/Pacific", "Los Angeles time", "로스앤젤레스 시각"),
        ("UTC", "UTC", "UTC 시각"),
    ],
)
def test_a_zone_is_said_by_its_city_in_the_reader_s_language_and_first_in_korean(zone, english, korean):
    local = datetime(2036, 5, 8, 9)

    assert date_in_words(local, zone, "en") == f"Thursday, 8 May 2036, 9:00 in the morning ({english})"
    assert date_in_words(local, zone, "ko") == f"{korean} 2036년 5월 8일 목요일 오전 9시"


def test_an_unknown_language_is_english():
    assert date_in_words(datetime(2036, 5, 8, 9), "UTC", "fr").startswith("Thursday")


NOW = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "english", "korean"),
    [
        (datetime(2036, 5, 8, tzinfo=UTC) - NOW, "9 years 168 days", "9년 168일"),
        (datetime(2027, 11, 22, tzinfo=UTC) - NOW, "1 year", "1년"),
        (datetime(2027, 11, 23, 5, tzinfo=UTC) - NOW, "1 year 1 day", "1년 1일"),
        (timedelta(days=364, hours=23), "364 days", "364일"),
        (timedelta(days=32, hours=5), "32 days", "32일"),
        (timedelta(days=1), "1 day", "1일"),
        (timedelta(hours=23, minutes=59, seconds=59), "23 hours 59 minutes", "23시간 59분"),
        (timedelta(hours=7, minutes=20), "7 hours 20 minutes", "7시간 20분"),
        (timedelta(hours=1), "1 hour", "1시간"),
        (timedelta(minutes=1), "1 minute", "1분"),
        (timedelta(seconds=59), "soon", "곧"),
        (timedelta(0), "soon", "곧"),
        (-timedelta(days=400), "soon", "곧"),
    ],
)
def test_a_countdown_says_its_two_largest_units(left, english, korean):
    assert countdown_in_words(NOW, NOW + left, "en") == english
    assert countdown_in_words(NOW, NOW + left, "ko") == korean


def test_a_countdown_from_a_leap_day_counts_calendar_years():
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)

    assert countdown_in_words(leap, datetime(2029, 2, 28, 12, tzinfo=UTC), "en") == "1 year"
    assert countdown_in_words(leap, datetime(2032, 2, 29, 12, tzinfo=UTC), "en") == "4 years"


INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2130, 1, 1), timezones=st.just(UTC))


@given(INSTANTS, INSTANTS, st.integers(-12, 14))
def test_a_countdown_is_never_empty_and_does_not_depend_on_the_zone_it_is_given_in(now, opens_at, hours):
    elsewhere = timezone(timedelta(hours=hours))
    words = countdown_in_words(now, opens_at, "en")

    assert words
    assert countdown_in_words(now.astimezone(elsewhere), opens_at.astimezone(elsewhere), "en") == words
    assert (words == "soon") == (opens_at - now < timedelta(minutes=1))


@pytest.mark.parametrize(
    ("people", "english", "korean"),
    [
        (1, "one person", "한 사람"),
        (7, "seven people", "일곱 사람"),
        (11, "11 people", "11명"),
        (0, "no people", "0명"),
    ],
)
def test_people_are_counted(people, english, korean):
    assert people_in_words(people, "en") == english
    assert people_in_words(people, "ko") == korean


@pytest.mark.parametrize(
    ("counts", "english", "korean"),
    [
        ((143, 2, 0, 9), "143 photos, 2 clips and 9 stories", "사진 143장, 영상 2개, 이야기 9편"),
        ((1, 0, 0, 1), "1 photo and 1 story", "사진 1장, 이야기 1편"),
        ((0, 1, 0, 0), "1 clip", "영상 1개"),
        ((1234, 0, 0, 0), "1,234 photos", "사진 1,234장"),
        ((3, 1, 2, 0), "3 photos, 1 clip and 2 voice notes", "사진 3장, 영상 1개, 음성 2개"),
        ((0, 0, 1, 1), "1 voice note and 1 story", "음성 1개, 이야기 1편"),
        ((0, 0, 0, 0), "", ""),
    ],
)
def test_contents_are_counted_without_what_is_not_there(counts, english, korean):
    given = dict(zip(("photos", "clips", "voices", "stories"), counts, strict=True))

    assert contents_in_words(**given, locale="en") == english
    assert contents_in_words(**given, locale="ko") == korean


@pytest.mark.parametrize(
    ("name", "english", "korean"),
    [
        ("Ben", "Ben", "Ben 님"),
        ("김영희", "김영희", "김영희 님"),
        ("할머니", "할머니", "할머니"),
        ("부산 외할머니", "부산 외할머니", "부산 외할머니"),
        ("영희님", "영희님", "영희님"),
        ("  ", "  ", "  "),
        ("", "", ""),
        ("{name}", "{name}", "{name} 님"),
    ],
)
def test_people_are_addressed_as_they_are_used_to(name, english, korean):
    assert addressed(name, "en") == english
    assert addressed(name, "ko") == korean


def test_a_time_that_clocks_skip_is_said_as_clocks_show_it():
    local, zone = datetime(2027, 3, 28, 2, 30), "Europe/Berlin"

    assert date_in_words(local, zone, "en") == "Sunday, 28 March 2027, 3:30 in the morning (Berlin time)"
    assert clock_change_in_words(local, zone, 0, "en") == (
        "2:30 in the morning is skipped that night, because clocks are set forward; "
        "it opens at 3:30 in the morning."
    )
    assert clock_change_in_words(local, zone, 0, "ko") == (
        "오전 2시 30분: 그날 밤에는 시계를 앞으로 돌려서 없는 시각이에요. 오전 3시 30분에 열려요."
    )


def test_of_a_time_that_comes_twice_it_is_said_which_is_meant():
    local, zone = datetime(2027, 10, 31, 2, 30), "Europe/Berlin"

    assert clock_change_in_words(local, zone, 0, "en").endswith(
        "The first is meant; the second is 2027-10-31 01:30Z."
    )
    assert clock_change_in_words(local, zone, 1, "en").endswith(
        "The second is meant; the first is 2027-10-31 00:30Z."
    )
    assert clock_change_in_words(datetime(2036, 5, 8, 9), "Asia/Seoul", 0, "en") == ""
