"""The gate before lists: whose capsules somebody finds in one, and how much of each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from memorycapsule.errors import NotFound
from memorycapsule.services import reading
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from support.cast import (
    OPENS,
    add_story,
    another_session,
    invite,
    join,
    make_capsule,
    make_photo,
)
from support.opened import film_id, open_it


def test_the_admin_sees_of_others_capsules_that_they_are_there_and_no_more(filled):
    ben = another_session(filled.instance, filled.ben.viewer.account_id)
    theirs = make_capsule(filled.instance, by=ben, title="Ben's own", message="private", theme="museum")
    add_story(filled.instance, theirs, ben, photos=[make_photo()])

    lines = {line.capsule.id: line for line in reading.capsules(filled.instance.store, filled.ada)}
    line = lines[theirs.id]
    assert line.member is None
    assert (line.capsule.state, line.capsule.opens_at) == (theirs.state, theirs.opens_at)
    assert line.bytes > 0
    assert line.members == 0
    for private in ("Ben", "ben", "private", "museum"):
        assert private not in repr(line)
    assert lines[filled.capsule.id].capsule.title == filled.capsule.title
    with pytest.raises(NotFound):
        reading.capsule(filled.instance.store, filled.instance.vault, filled.ada, theirs.id)
    with pytest.raises(NotFound):
        reading.capsule(filled.instance.store, filled.instance.vault, filled.ada, theirs.slug)


def test_everybody_else_lists_only_what_they_are_in(filled):
    def listed(viewer):
        return {line.capsule.title for line in reading.capsules(filled.instance.store, viewer)}

    assert listed(filled.ben.viewer) == {"Summer at the Sea"}
    assert listed(filled.cleo) == {"Another"}
    for line in reading.capsules(filled.instance.store, filled.ben.viewer):
        assert line.bytes is None


def test_a_session_of_one_capsule_lists_only_that(filled):
    """Ben is in two; a link to one of them is no key to the other."""
    other = make_capsule(filled.instance, title="Other")
    there = join(filled.instance, other, "Ben")

    assert [line.capsule.id for line in reading.capsules(filled.instance.store, there.viewer)] == [other.id]
    with pytest.raises(NotFound):
        reading.capsule(filled.instance.store, filled.instance.vault, there.viewer, filled.capsule.id)


def on_shelf(stage, viewer):
    return {entry.capsule.id: entry for entry in reading.shelf(stage.instance.store, viewer)}


def test_a_shelf_holds_the_viewers_capsules_with_counts_and_before_the_date_no_more(filled):
    later = make_capsule(filled.instance, title="Later", opens=OPENS + timedelta(days=9))
    invite(filled.instance, later, "dan@example.org")
    hers = reading.shelf(filled.instance.store, filled.ada)
    shelf = [entry for entry in hers if entry.capsule.title != "Another"]

    assert [entry.capsule.id for entry in shelf] == [filled.capsule.id, later.id]
    assert [entry.member.account_id for entry in shelf] == [filled.ada.account_id] * 2
    assert [entry.invited for entry in shelf] == [0, 1]
    assert [(entry.montage, entry.picture) for entry in shelf] == [(None, None)] * 2
    assert [sum(one.stories for one in entry.contributions) for entry in shelf] == [2, 0]
    assert [entry.is_own_missing for entry in shelf] == [True, True]
    (ben,) = on_shelf(filled, filled.ben.viewer).values()
    assert (ben.member.name, ben.invited, ben.is_own_missing) == ("Ben", 0, False)
    assert on_shelf(filled, filled.cleo).keys().isdisjoint({filled.capsule.id, later.id})


def test_only_the_owner_learns_on_the_shelf_how_many_have_not_answered(filled):
    invite(filled.instance, filled.capsule, "dan@example.org")

    assert on_shelf(filled, filled.ada)[filled.capsule.id].invited == 1
    assert on_shelf(filled, filled.ben.viewer)[filled.capsule.id].invited == 0


def test_on_the_shelf_an_open_capsule_has_its_film_and_the_photo_that_came_first(filled):
    with filled.instance.store.reading() as tx:
        first = story_store.first_photo_id(tx, filled.capsule.id)
    open_it(filled)
    entry = on_shelf(filled, filled.younghee.viewer)[filled.capsule.id]

    assert (entry.montage.id, entry.picture) == (film_id(filled), first)
    assert not entry.is_own_missing
    assert not on_shelf(filled, filled.ada)[filled.capsule.id].is_own_missing, "it is too late for that"


def test_a_list_shows_of_others_capsules_neither_title_nor_message(filled):
    other = make_capsule(
        filled.instance, title="Hers", by=another_session(filled.instance, filled.cleo.account_id)
    )
    shown, hidden = reading.redacted(filled.instance.store, filled.ben.viewer, [filled.capsule, other])

    assert shown == filled.capsule
    assert hidden == replace(other, title="", slug="", message=None, theme="")


def test_lists_count_members_and_for_the_admin_bytes(filled):
    empty = make_capsule(filled.instance, title="Empty")
    with filled.instance.store.reading() as tx:
        kept = capsule_store.stored_bytes(tx)
    adas, bens = (
        {line.capsule.id: line for line in reading.capsules(filled.instance.store, viewer)}
        for viewer in (filled.ada, filled.ben.viewer)
    )

    assert (adas[filled.capsule.id].members, adas[filled.capsule.id].bytes) == (3, kept[filled.capsule.id])
    assert (adas[empty.id].members, adas[empty.id].bytes) == (1, 0)
    assert (bens[filled.capsule.id].members, bens[filled.capsule.id].bytes) == (3, None)


def test_a_capsule_that_somebody_has_left_is_not_theirs_in_any_list(filled):
    with filled.instance.store.transaction() as tx:
        capsule_store.members.save(tx, replace(filled.ben.member, left_at=OPENS))

    assert reading.capsules(filled.instance.store, filled.ben.viewer) == []
    (shown,) = reading.redacted(filled.instance.store, filled.ben.viewer, [filled.capsule])
    assert shown.title == ""
