"""The list of time zones in forms: places as they are called today, in the reader's language, one's own land first."""

import dataclasses
import html
import re

import pytest

from memorycapsule.domain.zones import territories
from memorycapsule.store import capsules as capsule_store


def zones_on(page: str) -> dict[str, list[tuple[str, str]]]:
    """The parts of the list, each with the zones in it and what they are called."""
    select = page.partition('name="zone"')[2].partition("</select>")[0]
    return {
        html.unescape(part): [
            (zone, html.unescape(place))
            for zone, place in re.findall(r'value="([^"]*)"[^>]*>([^<]*)<', inner)
        ]
        for part, inner in re.findall(r'<optgroup label="([^"]*)">(.*?)</optgroup>', select, re.DOTALL)
    }


@pytest.mark.parametrize(
    ("account", "browser", "first", "zone", "place"),
    [
        ("ko", "ko-KR", "대한민국", "Asia/Seoul", "서울"),
        ("ko", "en-US", "대한민국", "Asia/Seoul", "서울"),
        ("en", "en-GB,en;q=0.9", "United Kingdom", "Europe/London", "London"),
        ("en", "ko-KR", "United States", "America/Adak", "Adak"),
    ],
)
def test_the_zones_of_the_reader_s_own_land_come_first(scene, account, browser, first, zone, place):
    scene.reads(scene.instance.ada, account)
    ada = scene.browser(scene.session_of(scene.instance.ada.account_id), **{"accept-language": browser})
    found = zones_on(ada.get("/capsules/new").text)

    assert next(iter(found)) == first
    assert found[first][0] == (zone, place)
    assert found[first][-1] == ("UTC", "UTC")


def test_a_korean_reader_finds_places_of_today_by_korean_names(scene):
    scene.reads(scene.instance.ada, "ko")
    found = zones_on(scene.ada().get("/capsules/new").text)
    places = [one for part in found.values() for one in part]

    assert ("Asia/Kathmandu", "카트만두 (네팔)") in found["아시아"]
    assert ("Asia/Singapore", "싱가포르") in found["아시아"]
    assert sorted(zone for zone, _place in places) == sorted([*territories(), "UTC"])
    assert [place for _zone, place in places if re.search("[A-Za-z]", place)] == ["UTC", "Coyhaique (칠레)"]


def test_the_zone_of_an_older_capsule_stays_chosen_though_no_place_has_it_any_more(scene):
    with scene.instance.store.transaction() as tx:
        capsule = capsule_store.capsules.get(tx, scene.capsule.id)
        capsule_store.capsules.save(tx, dataclasses.replace(capsule, zone="Asia/Calcutta"))
    page = scene.ada().get(f"/c/{scene.capsule.id}/date").text

    assert re.search(r'<option value="Asia/Calcutta" selected>Kolkata</option>', page)
