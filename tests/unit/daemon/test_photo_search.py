"""Search: a photo is found by what is written about it, by its month and by whose it is."""

import unicodedata
from datetime import datetime

import pytest

from memorycapsule.daemon.http.guests import photo_layout, photo_search
from memorycapsule.daemon.http.guests.photo_search import Month, PhotoQuery, matching
from support.albums import opened, picture

SUMMER, WINTER = datetime(2019, 8, 15, 12), datetime(2020, 1, 3, 9)


@pytest.fixture
def view():
    return opened(
        [
            picture(file="IMG_1.jpg", taken=SUMMER, caption="The Swing"),
            picture(file="가족사진.jpg", taken=WINTER),
        ],
        [picture(file="IMG_3.jpg"), picture(file="IMG_4.jpg", taken=datetime(1980, 1, 1))],
    )


def files(view, *, language="en", **query):
    all_photos = photo_layout.lay_out(view).all_photos
    return [
        one.view.details.file for one in matching(view, all_photos, PhotoQuery(**query), language=language)
    ]


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
def test_words_are_looked_for_in_all_that_is_written(view, words, said):
    assert files(view, words=words) == said


def test_days_are_written_in_the_language_of_whoever_looks(view):
    assert files(view, words="1월", language="ko") == ["가족사진.jpg"]
    assert files(view, words="1월") == []


def test_months_hold_the_photos_that_say_so(view):
    all_photos = photo_layout.lay_out(view).all_photos

    assert photo_search.months(view, all_photos, "en") == {
        2019: [Month(value="2019-08", name="August", count=1)],
        2020: [Month(value="2020-01", name="January", count=1)],
    }
    assert files(view, month="2019-08") == ["IMG_1.jpg"]
    assert files(view, month="1980-01") == []


def test_all_that_is_wanted_holds_at_once(view):
    assert files(view, by="member", month="2020-01", words="ada") == ["가족사진.jpg"]
    assert files(view, by="somebody else", month="2020-01") == []
