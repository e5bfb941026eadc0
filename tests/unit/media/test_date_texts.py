"""Dates and offsets are read in every form that cameras and programs write."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.capture_times import CaptureTime, TakenForm
from memorycapsule.media.metadata.date_texts import read_date_text, read_offset

MORNING = datetime(2024, 2, 21, 10, 14, 22)


@pytest.mark.parametrize(
    "text",
    [
        "2024:02:21 10:14:22", "2024:02:21 10:14:22\0", "2024:02:21 10:14:22\0\0\0", "2024:02:21 10:14:22 ",
        " 2024:02:21 10:14:22", "\ufeff2024:02:21 10:14:22", "2024-02-21 10:14:22", "2024-02-21T10:14:22",
        "2024-02-21t10:14:22", "2024/02/21 10:14:22", "2024.02.21 10:14:22", "2024:02:21T10:14:22",
        "2024:02:21-10:14:22", "2024:02:21_10:14:22", "2024:02:21  10:14:22", "2024:02:21\t10:14:22",
        "2024:02:21\x0010:14:22", "2024:02:21, 10:14:22", "2024:2:21 10:14:22", "2024: 2:21 10:14:22",
        "2024:02:21 10.14.22", "2024:02:21 10-14-22", "2024/2/21 10:14:22", "20240221 101422",
        "20240221T101422", "20240221101422", "2024_02_21 10_14_22", "2024년 2월 21일 10:14:22",
        "2024年02月21日 10:14:22", "2024. 2. 21. 10:14:22", "2024:02:21 10:14:22 AM",
        "2024:02:21 上午 10:14:22", "2024:02:21 오전 10:14:22", "2024년 2월 21일 오전 10시 14분 22초",
        "Wed, 21 Feb 2024 10:14:22", "21 Feb 2024 10:14:22", "21-Feb-2024 10:14:22", "2024-Feb-21 10:14:22",
        "Wed Feb 21 10:14:22 2024", "February 21, 2024 10:14:22", "21.02.2024 10:14:22",
        "2024:02:2110:14:22", "10:14:22 2024-02-21", "21/Feb/2024:10:14:22", "Wed Feb 21 10:14:22 KST 2024",
        "21/02/2024 10:14:22", "02/21/2024 10:14:22",
        "date: 2024:02:21 10:14:22 \ufffd\ufffd", "2024:02:21 10:14:22 (est.)", "2024:02:21 10:14:22Zurich",
    ],
)  # fmt: skip
def test_a_time_is_read_in_every_form(text):
    assert read_date_text(text) == CaptureTime(local=MORNING)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("2024: 2:21  9: 5: 7", datetime(2024, 2, 21, 9, 5, 7)),
        ("2024:02:21 10:14", datetime(2024, 2, 21, 10, 14)),
        ("2024-02-21T10:14", datetime(2024, 2, 21, 10, 14)),
        ("2024:02:21 10:14:60", datetime(2024, 2, 21, 10, 15)),
        ("2016:12:31 23:59:60", datetime(2017, 1, 1)),
        ("2024:02:21 24:00:00", datetime(2024, 2, 22)),
        ("2024:02:21 24:14:22", datetime(2024, 2, 22, 0, 14, 22)),
        ("2024:12:31 24:00", datetime(2025, 1, 1)),
        ("2024:02:21 10:14:22.5", datetime(2024, 2, 21, 10, 14, 22, 500_000)),
        ("2024:02:21 10:14:22.123456789", datetime(2024, 2, 21, 10, 14, 22, 123_456)),
        ("2024-02-21T10:14:22,25", datetime(2024, 2, 21, 10, 14, 22, 250_000)),
        ("2024:02:21 10:14:22:53", datetime(2024, 2, 21, 10, 14, 22, 530_000)),
        ("2024:02:21 10:14:22 PM", datetime(2024, 2, 21, 22, 14, 22)),
        ("2024:02:21 下午 03:14:22", datetime(2024, 2, 21, 15, 14, 22)),
        ("2024:02:21 10:14:22 p.\u00a0m.", datetime(2024, 2, 21, 22, 14, 22)),
        ("2024:02:21 12:14:22 a. m.", datetime(2024, 2, 21, 0, 14, 22)),
        ("２０２４：０２：２１ １０：１４：２２", datetime(2024, 2, 21, 10, 14, 22)),
        ("2024:02:21 오후 12:14:22", datetime(2024, 2, 21, 12, 14, 22)),
        ("2024:02:21 12:14:22 am", datetime(2024, 2, 21, 0, 14, 22)),
        ("0001:01:01 00:00:00", datetime(1, 1, 1)),
        ("9999:12:31 23:59:59", datetime(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_short_and_odd_clocks_are_read(text, local):
    assert read_date_text(text) == CaptureTime(local=local)


@pytest.mark.parametrize(
    "text",
    [
        "2024:02:21", "2024-02-21", "20240221", "2024/2/21", "2024:02:21   :  :  ", "2024:02:21 25:00:00",
        "2024:02:21 99:99:99", "2024:02:21 --:--:--", "2024:02:21 (about noon)", "21 Feb 2024", "2024년 2월 21일",
    ],
)  # fmt: skip
def test_a_day_without_a_time_is_a_day(text):
    found = read_date_text(text)

    assert found == CaptureTime.of_day(MORNING.date())
    assert found.text is None


@pytest.mark.parametrize(
    "text",
    [
        None, "", " ", "\0" * 19, "0000:00:00 00:00:00", "    :  :     :  :  ", "0000-00-00T00:00:00", "2024",
        "2024:02", "2024:02:00 10:14:22", "2024:00:00 00:00:00", "2023:02:29 10:14:22", "2023:13:45 10:14:22",
        "오늘 아침 8시!!!", "2023:10", "yesterday", "10:14:22", "1708510462", "9999:12:32", "1:2:3", "-2024:02:210", "03/02/2024 10:14:22",
    ],
)  # fmt: skip
def test_a_text_without_a_possible_day_is_none(text):
    assert read_date_text(text) is None


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2024:02:21 10:14:22+09:00", 9), ("2024:02:21 10:14:22 +09:00", 9), ("2024:02:21 10:14:22+0900", 9),
        ("2024:02:21 10:14:22 +0000", 0), ("2024:02:21 10:14:22+09", 9), ("2024:02:21 10:14:22+9", 9),
        ("2024-02-21T10:14:22.250+09:00", 9), ("2024-02-21T10:14-05:30", -5.5), ("20240221T101422+0900", 9),
        ("2024:02:21 10:14:22 GMT+9", 9), ("2024:02:21 10:14:22 UTC+09:00", 9), ("2024:02:21 10:14:22−03:30", -3.5),
        ("Wed, 21 Feb 2024 10:14:22 +0900", 9), ("Wed, 21 Feb 2024 10:14:22 EST", -5),
        ("2024:02:21 10:14:22+05:45", 5.75), ("2024:02:21 10:14:22 +14:00", 14), ("2024:02:21 10:14:22+09:00\0", 9),
    ],
)  # fmt: skip
def test_an_offset_behind_the_time_is_read(text, hours):
    found = read_date_text(text, offset="+01:00")

    assert (found.offset_seconds, found.form) == (hours * 3600, TakenForm.TIME)
    assert found.local.replace(second=22, microsecond=0) == MORNING


@pytest.mark.parametrize(
    "text", ["2024-02-21T10:14:22Z", "2024:02:21 10:14:22 UTC", "Wed, 21 Feb 2024 10:14:22 GMT"]
)
def test_utc_by_its_name_is_an_instant_without_a_place(text):
    assert read_date_text(text) == CaptureTime.of_instant(MORNING)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("+09:00", 32400), ("+0900", 32400), ("+09", 32400), ("+9", 32400), ("+9:00", 32400), ("+ 9:00", 32400),
        (" +09:00 \0", 32400), ("09:00", 32400), ("-03:30", -12600), ("−03:30", -12600), ("-0330", -12600),
        ("+00:00", 0), ("-00:00", 0), ("Z", 0), ("z", 0), ("UTC", 0), ("GMT", 0), ("UTC+9", 32400),
        ("GMT-05:00", -18000), ("+09:00:00", 32400), ("＋０９：００", 32400), ("+14:00", 50400), ("+15:00", None), ("+09:60", None),
        ("", None), (None, None), ("   :  ", None), ("Seoul", None), ("+", None), ("9", None),
    ],
)  # fmt: skip
def test_an_offset_is_one_that_some_place_has(text, seconds):
    assert read_offset(text) == seconds


def test_other_fields_complete_a_text_and_never_contradict_it():
    assert (
        read_date_text("2024:02:21 10:14:22", offset="+0900", fraction="53 ").text
        == "2024-02-21T10:14:22+09:00"
    )
    assert read_date_text("2024:02:21 10:14:22", fraction="53 ").local.microsecond == 530_000
    assert read_date_text("2024:02:21 10:14:22.25", fraction="53").local.microsecond == 250_000
    assert read_date_text("2024:02:21 10:14:22", offset="Z") == CaptureTime.of_instant(MORNING)
    assert read_date_text("2024:02:21 10:14:22", offset="+15:00", fraction="x") == CaptureTime(local=MORNING)
    assert read_date_text("2024:02:21", offset="+09:00", fraction="53") == CaptureTime.of_day(MORNING.date())


@given(st.text(max_size=60))
def test_noise_never_raises(noise):
    read_date_text(noise)
    read_date_text(f"2024:02:21 {noise}", offset=noise, fraction=noise)
    read_offset(noise)
