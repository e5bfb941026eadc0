"""Albums: an open capsule is arranged once, and what is read by its album is what the whole of it says."""

import dataclasses
import json

import pytest

from memorycapsule.domain.stories import MediumKind
from memorycapsule.errors import NotFound
from memorycapsule.services import cleanup, reading
from memorycapsule.store import albums as album_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from support.cast import OPENS, add_story
from support.opened import open_it


@pytest.fixture
def filled_album(filled):
    """Ben's and 영희's stories, and one of Ben's with three photos and one without any; opened."""
    add_story(filled.instance, filled.capsule, filled.ben.viewer, title="Three", photos=3)
    add_story(filled.instance, filled.capsule, filled.ben.viewer, title="Words", photos=0)
    open_it(filled)
    return filled


def opened(stage):
    return reading.opened(stage.instance.store, stage.instance.vault, stage.ben.viewer, stage.capsule.id)


def kept(stage):
    with stage.instance.store.reading() as tx:
        return album_store.find(tx, stage.capsule.id)


def test_the_album_says_what_the_whole_capsule_says(filled_album):
    stage = filled_album
    store, vault = stage.instance.store, stage.instance.vault
    whole = reading.capsule(store, vault, stage.ben.viewer, stage.capsule.id)

    for view in (opened(stage), opened(stage)):  # arranged, and then read
        stories = {one.story.id: one for one in whole.stories}
        assert {one.id for one in view.album.stories} == stories.keys()
        for one in view.album.stories:
            assert (one.title, one.member_id) == (stories[one.id].words.title, stories[one.id].author.id)
            assert [medium.id for medium in one.media] == [m.medium.id for m in stories[one.id].media]
        assert view.contributions == whole.contributions
        assert (view.capsule, view.member) == (whole.capsule, whole.member)
        assert reading.shown(store, vault, view, stories=stories, media=None) == stories


def test_a_page_is_given_what_it_asks_for_and_no_more(filled_album):
    stage = filled_album
    view = opened(stage)
    three = next(one for one in view.album.stories if one.title == "Three")
    shown = reading.shown(
        stage.instance.store,
        stage.instance.vault,
        view,
        stories=[three.id],
        media=[three.media[2].id, three.media[0].id],
    )

    assert [one.medium.id for one in shown[three.id].media] == [three.media[0].id, three.media[2].id]
    assert shown.keys() == {three.id}


def test_before_the_date_there_is_no_album(filled):
    with pytest.raises(NotFound):
        opened(filled)
    assert kept(filled) is None


def test_unsealing_arranges_first_so_that_nobody_waits(filled_album):
    stage = filled_album
    assert kept(stage) is None
    assert cleanup.unseal_opened(stage.instance.store, stage.instance.vault, set(), now=OPENS)
    arranged = kept(stage)

    assert len(json.loads(arranged)["stories"]) == 4
    assert opened(stage).album.to_json() == arranged


@pytest.mark.parametrize("other", [b'{"form": 99, "albums": []}', b'{"form": 1, "stor', b"\xff"])
def test_what_was_kept_by_another_version_or_is_damaged_is_arranged_anew(filled_album, other):
    stage = filled_album
    album = opened(stage).album
    with stage.instance.store.transaction() as tx:
        album_store.keep(tx, stage.capsule.id, other)

    assert opened(stage).album == album
    assert kept(stage) == album.to_json()


def test_what_cannot_be_read_is_missing_and_comes_back_with_its_bytes(filled_album):
    stage = filled_album
    with stage.instance.store.transaction() as tx:
        medium = story_store.media_of_capsule(tx, stage.capsule.id)[0]
        damaged = medium.details[:-1] + bytes([medium.details[-1] ^ 1])
        story_store.media.save(tx, dataclasses.replace(medium, details=damaged))
    media = {one.id for story in opened(stage).album.stories for one in story.media}

    assert medium.id not in media
    assert len(media) == 4
    assert sum(one.photos for one in opened(stage).contributions) == 5
    with stage.instance.store.transaction() as tx:
        story_store.media.save(tx, medium)
    assert medium.id in {one.id for story in opened(stage).album.stories for one in story.media}
    assert kept(stage) is not None


def test_whoever_has_left_is_named_with_what_they_left(filled_album):
    stage = filled_album
    opened(stage)
    with stage.instance.store.transaction() as tx:
        gone = dataclasses.replace(stage.younghee.member, left_at=OPENS)
        capsule_store.members.save(tx, gone)
    view = opened(stage)

    with stage.instance.store.reading() as tx:
        assert view.contributions == capsule_store.contributions(tx, stage.capsule.id)
    assert "영희" in {one.member.name for one in view.contributions}
    with pytest.raises(NotFound):
        reading.opened(stage.instance.store, stage.instance.vault, stage.younghee.viewer, stage.capsule.id)


def test_a_deleted_capsule_takes_its_album_along(filled_album):
    stage = filled_album
    opened(stage)
    with stage.instance.store.transaction() as tx:
        capsule_store.remove_with_contents(tx, stage.capsule.id)

    assert kept(stage) is None


def test_voices_are_no_pictures(filled_album):
    stage = filled_album
    with stage.instance.store.transaction() as tx:
        medium = story_store.media_of_capsule(tx, stage.capsule.id)[0]
        story_store.media.save(tx, dataclasses.replace(medium, kind=MediumKind.VOICE))
    story = next(one for one in opened(stage).album.stories if one.id == medium.story_id)

    assert [one.id for one in story.voices] == [medium.id]
    assert medium.id not in {one.id for one in story.pictures}
