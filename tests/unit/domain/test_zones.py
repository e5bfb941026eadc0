"""Zones: known by name from the rules we bring along, and no name reaches anything else."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.zones import (
    happens_twice,
    instant_of,
    local_of,
    shown_wall_time,
    territories,
    zone,
)
from memorycapsule.errors import UsageProblem
from support.refusals import refused


@pytest.mark.parametrize(
    "name", ["UTC", "Asia/Seoul", "America/Argentina/Buenos_Aires", "Etc/GMT-14", "America/Port-au-Prince"]
)
def test_a_zone_is_found_by_its_name(name):
    assert zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "/",
        "Asia",
        "Asia/",
        "/Asia/Seoul",
        "Asia//Seoul",
        "../etc/passwd",
        "Asia/../../../etc/passwd",
        "/etc/localtime",
        "/usr/share/zoneinfo/Asia/Seoul",
        "Asia/Seoul\0",
        "Asia/Seoul\n",
        "__init__.py",
        "Asia/__init__.py",
        "tzdata.zi",
        "zone.tab",
        "zones",
        "leapseconds",
        "Korea Standard Time",
        "서울",
        "Asia/Seoul" * 50,
        "a" * 5000,
    ],
)
def test_what_is_no_zone_is_refused_in_one_sentence(name):
    with refused(UsageProblem, "zone_unknown", zone=name):
        zone(name)


@given(name=st.text(max_size=30))
def test_no_name_does_more_than_be_refused(name):
    with contextlib.suppress(UsageProblem):
        assert zone(name).key == name


def test_rules_do_not_come_from_the_operating_system(monkeypatch):
    monkeypatch.setenv("PYTHONTZPATH", "/nowhere")
    zone.cache_clear()

    assert instant_of(datetime(2026, 7, 1, 12), "Europe/Berlin") == datetime(2026, 7, 1, 10, tzinfo=UTC)


@given(instant=st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2126, 1, 1)))
@pytest.mark.parametrize("name", ["Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"])
def test_an_instant_survives_the_way_to_wall_time_and_back(name, instant):
    instant = instant.replace(tzinfo=UTC)
    local = local_of(instant, name)

    assert instant_of(local, name, local.fold) == instant


def test_the_zones_of_places_are_those_that_places_have_today():
    found = territories()

    assert (found["Asia/Seoul"], found["Europe/Oslo"], found["Asia/Kathmandu"]) == ("KR", "NO", "NP")
    former = {
        "Asia/Calcutta",
        "Asia/Dacca",
        "Asia/Rangoon",
        "Asia/Saigon",
        "Asia/Ujung_Pandang",
        "Africa/Asmera",
    }
    assert former & set(found) == set()
    assert all(zone(name).key == name for name in found)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("seoul", ["Asia/Seoul"]),
        ("asia/seoul", ["Asia/Seoul"]),
        ("ASIA/SEOUL", ["Asia/Seoul"]),
        ("Asia/Soul", ["Asia/Seoul"]),
        ("KST", ["Asia/Seoul"]),
        ("new york", ["America/New_York"]),
        ("New-York", ["America/New_York"]),
        ("berlin ", ["Europe/Berlin"]),
        ("utc", ["UTC"]),
    ],
)
def test_whoever_writes_a_zone_nearly_right_is_told_its_name(typed, meant):
    with pytest.raises(UsageProblem) as refused:
        zone(typed)

    assert (refused.value.reason, refused.value.values["names"]) == ("zone_unknown_like", meant)


@pytest.mark.parametrize("typed", ["", " ", "Mars/Base", "../../etc/passwd", "x" * 10_000, "X"])
def test_nothing_is_suggested_where_nothing_is_near(typed):
    with pytest.raises(UsageProblem) as refused:
        zone(typed)

    assert refused.value.reason == "zone_unknown"


@pytest.mark.parametrize(
    ("local", "name", "shown", "is_twice"),
    [
        (datetime(2036, 3, 9, 2, 30), "America/New_York", datetime(2036, 3, 9, 3, 30), False),
        (datetime(2027, 3, 28, 2, 0), "Europe/Berlin", datetime(2027, 3, 28, 3, 0), False),
        (datetime(2027, 10, 3, 2, 15), "Australia/Lord_Howe", datetime(2027, 10, 3, 2, 45), False),
        (datetime(2036, 11, 2, 1, 30), "America/New_York", datetime(2036, 11, 2, 1, 30), True),
        (datetime(2027, 10, 31, 2, 0), "Europe/Berlin", datetime(2027, 10, 31, 2, 0), True),
        (datetime(2027, 10, 31, 3, 0), "Europe/Berlin", datetime(2027, 10, 31, 3, 0), False),
        (datetime(2036, 5, 8, 9, 0), "Asia/Seoul", datetime(2036, 5, 8, 9, 0), False),
    ],
)
def test_a_wall_time_is_skipped_or_comes_twice_where_clocks_are_changed(local, name, shown, is_twice):
    assert (shown_wall_time(local, name), happens_twice(local, name)) == (shown, is_twice)
