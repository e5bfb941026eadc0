"""Zones: known by name from the rules we bring along, and no name reaches anything else."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.zones import instant_of, local_of, territories, zone
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
