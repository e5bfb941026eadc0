"""Capsules: they only ever move from sealed to open, never early, and take stories until the very instant."""

import unicodedata
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.capsules import (
    CapsuleState,
    Member,
    Role,
    checked_film_photos,
    checked_message,
    checked_title,
    parse_film_photos,
    slug_of,
)
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.errors import UsageProblem
from support.cast import OPENS
from support.cast import a_capsule as capsule
from support.moments import NOW
from support.refusals import refused

INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "is_due", "accepts"),
    [
        (NOW, False, True),
        (OPENS - INSTANT, False, True),
        (OPENS, True, False),
        (OPENS + INSTANT, True, False),
        (OPENS + timedelta(days=36_500), True, False),
    ],
)
def test_a_sealed_capsule_takes_stories_until_it_is_due(now, is_due, accepts):
    assert capsule().is_due(now) is is_due
    assert capsule().accepts_stories(now) is accepts


@given(later=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40_000)))
def test_an_open_capsule_stays_open_and_takes_no_stories(later):
    opened = capsule(state=CapsuleState.OPEN, opened_at=OPENS, generation=1)

    assert not opened.is_due(OPENS + later)
    assert not opened.accepts_stories(OPENS - later)
    assert opened.with_date(opening_date(datetime(2090, 1, 1), "Asia/Seoul")).is_open


@pytest.mark.parametrize(
    ("role", "may_add", "is_owner"),
    [(Role.OWNER, True, True), (Role.CONTRIBUTOR, True, False), (Role.RECIPIENT, False, False)],
)
def test_a_recipient_only_receives(role, may_add, is_owner):
    member = Member(id="m", capsule_id="c", account_id="a", role=role, name="Ben", joined_at=NOW)

    assert (member.may_add_stories, member.is_owner) == (may_add, is_owner)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Summer at the Sea", "summer-at-the-sea"),
        ("  Ada & Ben: 2026!  ", "ada-ben-2026"),
        ("우리 가족 10년", "우리-가족-10년"),
        ("snake_case", "snake-case"),
        ("Grandma's and Grandpa’s garden", "grandmas-and-grandpas-garden"),
        ("'quoted'", "quoted"),
        ("ฤดูร้อนที่บ้านยาย", "ฤดูร้อนที่บ้านยาย"),
        ("गर्मी की छुट्टी", "गर्मी-की-छुट्टी"),
        ("\u0301", "capsule"),
        ("../../etc/passwd", "etc-passwd"),
        ("!!!", "capsule"),
        ("🎉", "capsule"),
        ("", "capsule"),
        ("x" * 300, "x" * 40),
        ("ab " * 100, ("ab-" * 100)[:40].strip("-")),
    ],
)
def test_a_slug_is_made_of_the_words_of_the_title(title, slug):
    assert slug_of(title) == slug


@given(title=st.text())
def test_every_title_has_a_slug_that_a_shell_takes_as_one_word(title):
    slug = slug_of(title)

    assert 0 < len(slug) <= 40
    assert slug == slug.strip("-")
    assert all(
        character == "-" or character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"}
        for character in slug
    )


def test_titles_and_messages_are_checked():
    assert checked_title(" 영희의\n여름 ") == "영희의 여름"
    assert checked_title("x" * 200) == "x" * 200
    assert checked_message("  a\n\n b ") == "a\n\n b"
    assert checked_message("a\0b\udcff") == "a\ufffdb\ufffd"
    assert checked_message("  ") is None
    for call in (
        lambda: checked_title("\u202e "),
        lambda: checked_title("x" * 201),
        lambda: checked_message("x" * 5001),
        lambda: checked_film_photos(0),
        lambda: checked_film_photos(2001),
    ):
        with pytest.raises(UsageProblem):
            call()
    assert (checked_film_photos(1), checked_film_photos(2000)) == (1, 2000)


@pytest.mark.parametrize(("typed", "count"), [("1", 1), (" 60 ", 60), ("2000", 2000)])
def test_a_number_of_pictures_is_read_as_it_was_typed(typed, count):
    assert parse_film_photos(typed) == count


@pytest.mark.parametrize("typed", ["", "many", "1.5", "0", "2001", "-3"])
def test_what_is_no_number_of_pictures_is_refused_with_the_largest_one(typed):
    with refused(UsageProblem, "film_photos_impossible", most=2000):
        parse_film_photos(typed)


def test_another_date_brings_all_that_belongs_to_it():
    date = opening_date(datetime(2026, 10, 25, 2, 30), "Europe/Berlin", fold=1)
    moved = capsule().with_date(date)

    assert (moved.opens_local, moved.zone, moved.fold, moved.opens_at, moved.zone_rules) == (
        date.local, "Europe/Berlin", 1, date.at, date.rules,
    )  # fmt: skip
    assert moved.title == capsule().title
