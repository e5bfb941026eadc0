"""Search: a photo is found by what is written about it, by its month and by whose it is."""

import unicodedata
from datetime import datetime

import pytest

from memorycapsule.daemon.http.guests import photo_layout, photo_search
from memorycapsule.daemon.http.guests.photo_search import Month, PhotoQuery, matching, saying
from support.albums import opened, picture

SUMMER, WINTER = datetime(2019, 8, 15, 12), datetime(2020, 1, 3, 9)


@pytest.fixture
def capsule():
    return opened(
        [
            picture(file="IMG_1.jpg", taken=SUMMER, caption="The Swing"),
            picture(file="가족사진.jpg", taken=WINTER),
        ],
        [picture(file="IMG_3.jpg"), picture(file="IMG_4.jpg", taken=datetime(1980, 1, 1))],
    )


def files(capsule, *, language="en", **asked):
    query = PhotoQuery(**asked)
    found = capsule.shown.photos(matching(photo_layout.lay_out(capsule.view).all_photos, query))
    said = saying(found, query, language=language)
    return [one.view.details.file for one in found if one.view.medium.id in said]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("swing", ["IMG_1.jpg"]),
        ("the  ada SWING", ["IMG_1.jpg"]),
        ("swing winter", []),
        ("가족", ["가족사진.jpg"]),
        (unicodedata.normalize("NFD", "가족"), ["가족사진.jpg"]),
        ("story img_4", ["IMG_4.jpg"]),
        ("august 2019", ["IMG_1.jpg"]),
        ("1980", []),
        ("", ["IMG_1.jpg", "가족사진.jpg", "IMG_3.jpg", "IMG_4.jpg"]),
    ],
)
def test_words_are_looked_for_in_all_that_is_written(capsule, words, said):
    assert files(capsule, words=words) == said


def test_days_are_written_in_the_language_of_whoever_looks(capsule):
    assert files(capsule, words="1월", language="ko") == ["가족사진.jpg"]
    assert files(capsule, words="1월") == []


def test_months_hold_the_photos_that_say_so(capsule):
    all_photos = photo_layout.lay_out(capsule.view).all_photos

    assert photo_search.months(all_photos, "en") == {
        2019: [Month(value="2019-08", name="August", count=1)],
        2020: [Month(value="2020-01", name="January", count=1)],
    }
    assert files(capsule, month="2019-08") == ["IMG_1.jpg"]
    assert files(capsule, month="1980-01") == []


def test_all_that_is_wanted_holds_at_once(capsule):
    assert files(capsule, by="member", month="2020-01", words="ada") == ["가족사진.jpg"]
    assert files(capsule, by="somebody else", month="2020-01") == []
