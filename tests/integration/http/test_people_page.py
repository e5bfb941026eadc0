"""The page of people: many who have not answered are folded and found, and only the silent are reminded."""

import re

import pytest

from support.cast import invite, join, make_capsule

MANY = 30


@pytest.fixture
def crowd(scene):
    """Ada's page of a capsule to which she has invited thirty people."""
    for number in range(MANY):
        invite(scene.instance, scene.capsule, f"guest{number}@example.org", name=f"Guest {number}")
    return scene, scene.ada(), f"/c/{scene.capsule.id}/people"


def test_thirty_invitations_fold_and_the_rest_of_the_page_stays_near(crowd):
    _scene, ada, path = crowd
    page = ada.get(path).text
    outside = page.partition('<details class="fold">')[0] + page.rpartition("</details>")[2]

    assert f"<summary>{MANY} invitations</summary>" in page
    assert "Who is in it" in outside
    assert "Remind all who are silent" in outside
    assert "guest7@example.org" not in outside
    assert page.count('class="rest"') == MANY


def test_those_who_were_invited_at_one_time_stand_in_the_order_of_their_addresses(crowd):
    _scene, ada, path = crowd
    listed = re.findall(r"guest\d+@example.org", ada.get(path).text)

    assert list(dict.fromkeys(listed)) == sorted(f"guest{number}@example.org" for number in range(MANY))


@pytest.mark.parametrize(
    ("find", "found"), [("guest 7", ["guest7@"]), ("EST29@", ["guest29@"]), ("nobody", [])]
)
def test_they_are_found_by_name_and_address_without_scripts(crowd, find, found):
    _scene, ada, path = crowd
    page = ada.get(path, params={"find": find}).text
    listed = page.partition('id="waiting-list"')[2].partition("Who is in it")[0]

    assert '<details class="fold" open>' in page
    assert [f"guest{number}@" for number in range(MANY) if f"guest{number}@" in listed] == found
    assert f'name="find" value="{find}"' in page
    is_hidden = 'id="waiting-list-none" hidden' in page
    assert is_hidden == bool(found)


def test_a_few_stand_open_as_they_are(scene):
    invite(scene.instance, scene.capsule, "dora@example.org", name="Dora")
    page = scene.ada().get(f"/c/{scene.capsule.id}/people").text

    assert "dora@example.org" in page
    assert "<details" not in page


def test_nobody_is_offered_to_be_reminded_where_nobody_is_silent(scene):
    alone = make_capsule(scene.instance, title="Alone")
    ada, offer = scene.ada(), "Remind all who are silent"

    assert offer not in ada.get(f"/c/{alone.id}/people").text
    assert offer not in ada.get(f"/c/{scene.capsule.id}/people").text, "Ben has put something in"
    join(scene.instance, alone, "Dora")
    assert offer in ada.get(f"/c/{alone.id}/people").text
