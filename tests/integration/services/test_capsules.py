"""Capsules: made with their keys, edited by their owner until the date, deleted only while they are the owner's."""

import io

import pytest

from memorycapsule import themes
from memorycapsule.domain.capsules import CapsuleState, Role
from memorycapsule.domain.film.sizes import Size
from memorycapsule.errors import CapsuleError, NotAllowed, NotFound, UsageProblem
from memorycapsule.seal import envelopes
from memorycapsule.services import capsules, opening, reading
from memorycapsule.services.capsules import CapsuleChanges
from memorycapsule.services.film import montages, preparation
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import montages as montage_store
from support.cast import OPENS, add_story, another_session, events_of, invite, make_capsule
from support.moments import NOW
from support.refusals import refused


def edit(stage, viewer=None, now=NOW, **changes):
    return capsules.edit(
        stage.instance.store,
        stage.instance.vault,
        viewer or stage.ada,
        stage.capsule.id,
        CapsuleChanges(**changes),
        now=now,
    )


def delete(stage, viewer=None):
    return capsules.delete(
        stage.instance.store, stage.instance.vault, viewer or stage.ada, stage.capsule.id, now=NOW
    )


def test_a_new_capsule_is_sealed_and_its_maker_owns_it(instance):
    capsule = make_capsule(instance, title="  우리 가족\n10년 ", message="for later")
    view = reading.capsule(instance.store, instance.vault, instance.ada, capsule.slug)

    assert (capsule.state, capsule.opens_at, capsule.title) == (CapsuleState.SEALED, OPENS, "우리 가족 10년")
    assert (view.member.role, view.member.name) == (Role.OWNER, "Ada")
    assert instance.events(capsule.id) == ["capsule.created"]


def test_either_key_alone_opens_a_capsule(instance):
    capsule = make_capsule(instance)
    with instance.store.reading() as tx:
        kept = {
            kind: capsule_store.newest_envelope(tx, capsule.id, kind).envelope
            for kind in ("instance", "recovery")
        }
    ours = envelopes.unwrap(kept["instance"], instance.key.identity)

    assert envelopes.unwrap(kept["recovery"], instance.recovery_identity) == ours
    assert envelopes.recipient_of(ours) == capsule.recipient


def test_names_for_the_command_line_are_unique_per_account(stage):
    ben = another_session(stage.instance, stage.ben.viewer.account_id)
    slugs = [make_capsule(stage.instance, title="Ours").slug for _ in range(3)]

    assert slugs == ["ours", "ours-2", "ours-3"]
    assert make_capsule(stage.instance, by=ben, title="Ours").slug == "ours"


def test_a_session_of_one_capsule_makes_no_other(stage):
    with pytest.raises(NotAllowed):
        make_capsule(stage.instance, by=stage.ben.viewer)


@pytest.mark.parametrize(
    "changes",
    [{"title": " "}, {"title": "x" * 201}, {"theme": "neon"}, {"film_photos": 0}, {"message": "x" * 5001}],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(instance, changes):
    with pytest.raises(UsageProblem):
        make_capsule(instance, **changes)

    assert reading.capsules(instance.store, instance.ada) == []
    assert instance.blob_files() == set()


def test_the_owner_edits_until_the_date(stage):
    edited = edit(stage, title="Winter", message="", theme="museum", film_photos=10)

    assert (edited.title, edited.message, edited.theme, edited.film_photos) == ("Winter", None, "museum", 10)
    assert edited.slug == stage.capsule.slug, "the name in scripts stays"
    for viewer, error in ((stage.ben.viewer, NotAllowed), (stage.cleo, NotFound)):
        with pytest.raises(error):
            edit(stage, viewer, title="Mine")
    with refused(NotAllowed, "edit_too_late"):
        edit(stage, now=OPENS, title="Late")
    with pytest.raises(UsageProblem):
        edit(stage, theme="neon")


def test_an_edit_that_is_refused_keeps_the_bytes_of_before(stage):
    edit(stage, cover=io.BytesIO(b"cover"))
    before = stage.instance.blob_files()
    with pytest.raises(CapsuleError):
        edit(stage, stage.ben.viewer, cover=io.BytesIO(b"another"))

    assert stage.instance.blob_files() == before


def test_an_owner_deletes_what_is_theirs_alone(stage_on_both):
    stage = stage_on_both
    edit(stage, cover=io.BytesIO(b"cover"))
    add_story(stage.instance, stage.capsule, stage.ada, photos=2)
    invite(stage.instance, stage.capsule, "dan@example.org")
    for viewer, error in ((stage.ben.viewer, NotAllowed), (stage.cleo, NotFound)):
        with pytest.raises(error):
            delete(stage, viewer)

    delete(stage)

    assert stage.instance.blob_files() == set()
    with pytest.raises(NotFound):
        reading.capsule(stage.instance.store, stage.instance.vault, stage.ada, stage.capsule.id)
    with stage.instance.store.reading() as tx:
        kinds = [event.kind for event in events_of(tx, stage.capsule.id)]
        assert capsule_store.members_of(tx, stage.capsule.id) == []
    assert kinds[-1] == "capsule.deleted", "the log outlives what it is about"
    assert make_capsule(stage.instance).slug == stage.capsule.slug


def test_nobody_deletes_a_capsule_that_holds_the_stories_of_others(stage):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)
    with refused(NotAllowed, "others_have_contributed"):
        delete(stage)

    assert len(stage.instance.blob_files()) == 3


def test_an_open_capsule_without_stories_of_others_can_still_be_deleted_with_its_film(stage):
    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    delete(stage)

    with pytest.raises(NotFound):
        reading.capsule(stage.instance.store, stage.instance.vault, stage.ada, stage.capsule.id)


def test_music_of_another_theme_and_a_song_of_ones_own_take_each_others_place(stage):
    first = edit(stage, soundtrack=io.BytesIO(b"song"))
    assert (first.music, bool(first.soundtrack_blob)) == (None, True)
    chosen = edit(stage, music="museum")
    assert (chosen.music, chosen.soundtrack_blob) == ("museum", None)
    with stage.instance.store.reading() as tx:
        assert capsule_store.blobs.find(tx, first.soundtrack_blob) is None
    assert edit(stage, soundtrack=io.BytesIO(b"song")).music is None
    assert edit(stage, music="").soundtrack_blob is None
    with pytest.raises(UsageProblem):
        edit(stage, music="polka")


def test_chosen_music_is_what_the_film_is_laid_out_with(stage, tmp_path):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)
    edit(stage, music="museum")
    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    with stage.instance.store.reading() as tx:
        film = montage_store.of_opening(tx, stage.capsule.id)
    film = montages.claim(stage.instance.store, film.id, lease="this run", now=OPENS)
    prepared = preparation.prepare(
        stage.instance.store, stage.instance.vault, film, tmp_path, size=Size(width=160, height=90), fps=10
    )

    museum = themes.load("museum")
    assert prepared.plan.theme == "photocard"
    assert prepared.plan.soundtrack.title == museum.music.titles["en"]
    assert prepared.plan.soundtrack.beats_per_bar == museum.music.beats_per_bar
    assert (prepared.pictures / prepared.plan.soundtrack.file).read_bytes() == museum.soundtrack.read_bytes()
