"""A capture time says no more than its file did, and stands on the clock of the place where it was taken."""

from datetime import UTC, date, datetime, timedelta

import pytest

from memorycapsule.domain.capture_times import CaptureTime, WallTimes

#: 00:05 on New Year's Day in Seoul.
NEW_YEAR = CaptureTime.of_instant(datetime(2023, 12, 31, 15, 5))


def photo(local: datetime, hours: float | None) -> CaptureTime:
    return CaptureTime(local=local, offset_seconds=None if hours is None else int(hours * 3600))


@pytest.mark.parametrize(
    ("local", "offset", "text", "at"),
    [
        (datetime(2026, 7, 1, 12, 30, 5), None, "2026-07-01T12:30:05", datetime(2026, 7, 1, 10, 30, 5)),
        (datetime(2026, 7, 1, 12, 30), 32_400, "2026-07-01T12:30:00+09:00", datetime(2026, 7, 1, 3, 30)),
        (datetime(2026, 7, 1, 12, 30), -12_600, "2026-07-01T12:30:00-03:30", datetime(2026, 7, 1, 16, 0)),
        (datetime(2026, 7, 1, 12, 30), 0, "2026-07-01T12:30:00+00:00", datetime(2026, 7, 1, 12, 30)),
        (datetime(2026, 7, 1, 12, 30), 20_700, "2026-07-01T12:30:00+05:45", datetime(2026, 7, 1, 6, 45)),
    ],
)
def test_the_capture_time_is_the_cameras_own(local, offset, text, at):
    known = CaptureTime(local=local, offset_seconds=offset)

    assert known.text == text
    assert known.at(timedelta(hours=2)) == at.replace(tzinfo=UTC)


def test_digits_behind_the_seconds_order_a_burst_and_are_not_told():
    burst = [CaptureTime(local=datetime(2026, 7, 1, 12, 30, 5, 10_000 * place)) for place in (3, 1, 2)]

    assert {shot.text for shot in burst} == {"2026-07-01T12:30:05"}
    assert sorted(burst, key=lambda shot: shot.at(timedelta(0))) == [burst[1], burst[2], burst[0]]


def test_an_instant_before_the_calendar_is_none():
    assert CaptureTime(local=datetime(1, 1, 1)).at(timedelta(hours=9)) is None
    assert CaptureTime(local=datetime(1, 1, 1)).at_in("Asia/Seoul") is None


def test_of_a_day_no_time_is_told():
    day = CaptureTime.of_day(date(2024, 5, 1))

    assert day.text is None
    assert WallTimes("Asia/Seoul").of(day).date() == date(2024, 5, 1)


@pytest.mark.parametrize(
    ("zone_name", "local"),
    [
        ("Asia/Seoul", datetime(2024, 1, 1, 0, 5)),
        ("UTC", datetime(2023, 12, 31, 15, 5)),
        ("America/New_York", datetime(2023, 12, 31, 10, 5)),
        ("Asia/Kathmandu", datetime(2023, 12, 31, 20, 50)),
    ],
)
def test_an_instant_without_a_place_stands_on_the_clock_of_the_zone(zone_name, local):
    assert WallTimes(zone_name).of(NEW_YEAR) == local
    assert NEW_YEAR.text == "2023-12-31T15:05:00+00:00"


@pytest.mark.parametrize(
    ("photos", "local"),
    [
        # Photos of a journey tell, whatever the zone of the capsule is.
        ([photo(datetime(2023, 12, 31, 16, 0), 1)], datetime(2023, 12, 31, 16, 5)),
        ([photo(datetime(2023, 12, 30, 16, 6), 1)], datetime(2023, 12, 31, 16, 5)),
        ([photo(datetime(2024, 1, 1, 10, 0), -5)], datetime(2023, 12, 31, 10, 5)),
        # The nearest tells.
        (
            [photo(datetime(2023, 12, 31, 9, 0), 1), photo(datetime(2023, 12, 31, 10, 0), -5)],
            datetime(2023, 12, 31, 10, 5),
        ),
        # These say nothing: of another day, without an offset, an instant themselves, a day alone.
        ([photo(datetime(2023, 12, 25, 16, 0), 1)], datetime(2024, 1, 1, 0, 5)),
        ([photo(datetime(2024, 1, 1, 0, 6), None)], datetime(2024, 1, 1, 0, 5)),
        ([NEW_YEAR, None, CaptureTime.of_day(date(2023, 12, 31))], datetime(2024, 1, 1, 0, 5)),
    ],
)
def test_the_same_persons_photos_of_that_day_tell_where_a_clip_was_taken(photos, local):
    assert WallTimes("Asia/Seoul", photos).of(NEW_YEAR) == local


def test_a_time_with_its_own_offset_stays_as_it_is():
    abroad = photo(datetime(2023, 12, 31, 16, 5), 1)

    assert WallTimes("Asia/Seoul", [photo(datetime(2024, 1, 1, 0, 6), 9)]).of(abroad) == abroad.local
    assert WallTimes("Asia/Seoul").of(None) is None


@pytest.mark.parametrize("edge", [datetime.min, datetime.max], ids=["first", "last"])
@pytest.mark.parametrize("zone_name", ["Asia/Seoul", "America/New_York", None])
def test_the_ends_of_the_calendar_break_nothing(edge, zone_name):
    assert WallTimes(zone_name, [photo(edge, 14), photo(edge, -12)]).of(CaptureTime.of_instant(edge))
