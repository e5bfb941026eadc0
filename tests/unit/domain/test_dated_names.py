"""The name of a file tells the day of a photo only where it is a day without doubt."""

from datetime import UTC, date, datetime

import pytest

from memorycapsule.domain.dated_names import day_in_name, taken_by_name

TODAY = date(2026, 5, 8)


@pytest.mark.parametrize(
    "name",
    [
        "KakaoTalk_20240501_123456789.jpg",
        "KakaoTalk_20240501_1234_56_789_01.jpg",
        "KakaoTalk_Photo_2024-05-01-12-34-56.jpeg",
        "IMG-20240501-WA0001.jpg",
        "VID-20240501-WA0012.mp4",
        "PTT-20240501-WA0003.opus",
        "WhatsApp Image 2024-05-01 at 12.30.15.jpeg",
        "Screenshot_20240501-123015.png",
        "Screenshot_20240501_123015_Chrome.jpg",
        "Screenshot_2024-05-01-12-30-15-123_com.kakao.talk.jpg",
        "Screen Shot 2024-05-01 at 12.30.15 PM.png",
        "Screenshot from 2024-05-01 12-30-15.png",
        "스크린샷 2024-05-01 오후 12.30.15.png",
        "스크린샷 2024. 5. 1. 오후 3.05.png",
        "사진 2024년 5월 1일.jpg",
        "写真 2024年05月01日.jpg",
        "PXL_20240501_103015123.jpg",
        "PXL_20240501_103015123.PORTRAIT.jpg",
        "VID_20240501_123015.mp4",
        "IMG_20240501_123015_HDR.jpg",
        "IMG20240501123015.jpg",
        "IMG_2024_05_01_12_30_15.jpg",
        "20240501_123015.jpg",
        "20240501123015123.jpg",
        "20240501T123015.jpg",
        "2024-05-01 12.30.15.jpg",
        "2024-05-01.jpg",
        "2024\u201305\u201301.jpg",
        "２０２４-０５-０１.jpg",
        "2024.05.01.jpg",
        "2024-5-1 picnic.jpg",
        "01.05.2024 Ausflug.jpg",
        "signal-2024-05-01-123015.jpg",
        "signal-2024-05-01-12-30-15-123.jpg",
        "photo_2024-05-01_12-30-15.jpg",
        "WIN_20240501_12_30_15_Pro.jpg",
        "DJI_20240501123015_0001_D.JPG",
        "P20240501_123015.jpg",
        "face-20240501-123015.jpg",
        "LINE_ALBUM_20240501.jpg",
        "Resized_20240501_123015(1).jpeg",
        "C:\\photos\\IMG_20240501.jpg",
        "a/2019-01-01/IMG_20240501.jpg",
    ],
)
def test_a_day_in_a_name_is_read(name):
    assert day_in_name(name, latest=TODAY) == date(2024, 5, 1)


@pytest.mark.parametrize(
    "name",
    [
        "", "image.jpg", "IMG_2041.HEIC", "DSC01234.JPG",
        # telephone numbers
        "010-2024-0501.jpg", "01020240501.jpg", "010-20240501.jpg", "+8220240501.jpg", "+82 20240501.jpg",
        "02) 20240501.jpg", "tel 20240501.jpg", "전화 20240501.jpg",
        # prices, versions, counters, sizes
        "20240501원.jpg", "₩20240501.jpg", "$2024.05.01.png", "price 20240501.jpg", "2024.05.01 EUR.jpg",
        "paint-v2024.05.01.png", "IMG_2024_5_1.jpg", "1920x1080.png", "12345620240501.jpg", "202405011.jpg",
        # days that no calendar has, and days to come
        "IMG_20240231_120000.jpg", "2023-02-29.jpg", "20241301.jpg", "2024-00-10.jpg", "20240500.jpg",
        "IMG_20991231_120000.jpg", "2026-05-09.jpg", "00010101.jpg", "IMG_18991231.jpg",
        # digests and identifiers
        "3f20240501ab77c0de.jpg", "20240501-1234-4abc-9def-0123456789ab.jpg",
        # more than one day, and less than one
        "20240501-20240507.jpg", "2024-05.jpg", "2024.jpg", "202405.jpg", "240501.jpg",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_day_is_none(name):
    assert day_in_name(name, latest=TODAY) is None


def test_a_scan_may_be_called_after_a_day_of_long_ago():
    assert day_in_name("1913-06-21 wedding.tif", latest=TODAY) == date(1913, 6, 21)
    assert day_in_name("19670812 school.jpg", latest=TODAY) == date(1967, 8, 12)


@pytest.mark.parametrize(
    "name", ["21-02-2024 Ausflug.jpg", "photo_21-02-2024.jpg", "02-21-2024.jpg", "02_21_2024.jpg"]
)
def test_a_number_above_twelve_tells_day_and_month_apart(name):
    assert day_in_name(name, latest=TODAY) == date(2024, 2, 21)


def test_numbers_that_may_both_be_months_tell_nothing():
    assert day_in_name("05-06-2024.jpg", latest=TODAY) is None


@pytest.mark.parametrize(
    "name",
    ["FB_IMG_1708510462000.jpg", "mmexport1708510462000.jpg", "1708510462000.jpg", "a/1708510462000(1).jpg"],
)
def test_milliseconds_in_a_name_are_an_instant(name):
    taken = taken_by_name(name, datetime(2026, 5, 8, tzinfo=UTC))

    assert taken is not None
    assert taken.text == "2024-02-21T10:14:22+00:00"


@pytest.mark.parametrize(
    "name", ["1234567890123.jpg", "1999510462000.jpg", "17085104620001.jpg", "8801234567893.jpg"]
)
def test_other_long_numbers_are_no_instants(name):
    assert taken_by_name(name, datetime(2026, 5, 8, tzinfo=UTC)) is None
