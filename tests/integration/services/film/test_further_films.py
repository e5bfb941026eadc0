"""Further films: what somebody wished for decides the plan: order, song, length."""

import io
from datetime import timedelta

import pytest

from integration.services.conftest import copied
from memorycapsule import themes
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.film.sizes import Size
from memorycapsule.errors import NotAllowed, NotFound, Sealed, TooMany, UsageProblem
from memorycapsule.services import opening, reading
from memorycapsule.services.film import estimates, montages, preparation
from memorycapsule.store import montages as montage_store
from support.cast import OPENS, add_story


@pytest.fixture(scope="module")
def opened(made, tmp_path_factory):
    """A stage with an opened capsule, to be copied, and the ids of three stories of Ben by their titles."""
    folder = tmp_path_factory.mktemp("opened")
    with copied(made, folder) as stage:
        found = {
            title: add_story(stage.instance, stage.capsule, stage.ben.viewer, title=title, photos=4).id
            for title in ("One", "Two", "Three")
        }
        opening.open_if_due(stage.instance.store, stage.instance.wake, stage.capsule.id, OPENS)
    return (folder, stage), found


@pytest.fixture
def stage(opened, tmp_path):
    with copied(opened[0], tmp_path) as stage:
        yield stage


@pytest.fixture
def story_ids(opened):
    return opened[1]


def queue(stage, viewer=None, **more):
    instance = stage.instance
    return montages.queue(
        instance.store, instance.vault, instance.wake, viewer or stage.ben.viewer, stage.capsule.id, now=OPENS, **more
    )  # fmt: skip


def plan(stage, film, folder):
    store, vault = stage.instance.store, stage.instance.vault
    attempt = montages.claim(store, film.id, lease="this run", now=OPENS)
    return preparation.prepare(store, vault, attempt, folder, size=Size(width=160, height=90), fps=10)


def titles(prepared):
    return [scene.title for scene in prepared.plan.scenes if scene.story_id]


def estimate(stage, *story_ids, length=None, viewer=None):
    return estimates.seconds_of_film(
        stage.instance.store,
        stage.instance.vault,
        viewer or stage.ben.viewer,
        stage.capsule.id,
        story_ids=story_ids,
        length=length,
        size=Size(width=160, height=90),
        fps=10,
        now=OPENS,
    )


def test_stories_come_in_the_order_in_which_they_were_chosen_and_no_others(stage, story_ids, tmp_path):
    film = queue(stage, story_ids=[story_ids["Three"], story_ids["One"]])

    assert titles(plan(stage, film, tmp_path)) == ["Three", "One"]


def test_the_music_of_another_theme_lies_beside_the_pictures_and_beats_the_time(stage, story_ids, tmp_path):
    museum = themes.load("museum")
    prepared = plan(stage, queue(stage, music="museum"), tmp_path)
    track = prepared.plan.soundtrack

    assert prepared.plan.theme == "photocard"
    assert (prepared.pictures / track.file).read_bytes() == museum.soundtrack.read_bytes()
    assert (track.title, track.beats_per_bar) == ("Rooms of Evening", 3)
    assert track.beat_seconds == pytest.approx(60 / 72)


def test_a_song_of_ones_own_goes_before_all_others(stage, story_ids, tmp_path):
    prepared = plan(stage, queue(stage, soundtrack=io.BytesIO(b"a song"), music="museum"), tmp_path)

    assert (prepared.pictures / prepared.plan.soundtrack.file).read_bytes() == b"a song"


@pytest.mark.parametrize("length", ["20", "40"])
def test_a_film_is_about_as_long_as_was_wished(stage, story_ids, tmp_path, length):
    film = queue(stage, length=length)

    assert plan(stage, film, tmp_path).plan.seconds == pytest.approx(float(length), abs=6)


def test_what_was_told_beforehand_is_what_the_film_becomes(stage, story_ids, tmp_path):
    chosen = [story_ids["Two"], story_ids["One"]]
    prepared = plan(stage, queue(stage, story_ids=chosen), tmp_path)

    assert estimate(stage, *chosen) == pytest.approx(prepared.plan.seconds, abs=1)
    assert estimate(stage, story_ids["Two"]) < estimate(stage, *chosen) < estimate(stage)


def test_before_the_date_and_to_strangers_no_length_is_told(made, tmp_path):
    with copied(made, tmp_path) as sealed:
        with pytest.raises(Sealed):
            estimate(sealed)
        with pytest.raises(NotFound):
            estimate(sealed, viewer=sealed.cleo)


def test_a_title_of_its_own_is_the_films_and_its_files(stage, story_ids, tmp_path):
    film = queue(stage, title=" Best of\nsummer 1/2 ")

    assert film.title == "Best of summer 1/2"
    assert plan(stage, film, tmp_path).plan.title == film.title
    assert plan(stage, queue(stage), tmp_path).plan.title == stage.capsule.title


@pytest.mark.parametrize(
    "options", [{"length": "forever"}, {"length": "-1"}, {"music": "opera"}, {"title": "a" * 201}]
)
def test_what_cannot_be_had_is_refused_at_once(stage, story_ids, options):
    with pytest.raises(UsageProblem):
        queue(stage, **options)


def test_nobody_fills_the_queue_alone(stage, story_ids):
    films = [queue(stage) for _ in range(5)]
    with pytest.raises(TooMany):
        queue(stage)

    assert queue(stage, stage.younghee.viewer).state is MontageState.QUEUED
    montages.cancel(stage.instance.store, stage.ben.viewer, films[0].id, now=OPENS)
    assert queue(stage).state is MontageState.QUEUED


def test_a_token_that_may_only_contribute_makes_and_cancels_no_film(stage, story_ids):
    from dataclasses import replace

    from memorycapsule.domain.sessions import Scope

    narrow = replace(stage.ben.viewer, scope=Scope.CONTRIBUTE)
    film = queue(stage)
    with pytest.raises(NotAllowed):
        queue(stage, narrow)
    with pytest.raises(NotAllowed):
        montages.cancel(stage.instance.store, narrow, film.id, now=OPENS)


def test_options_are_kept_with_the_film(stage, story_ids):
    film = queue(stage, length="short", music="window")
    with stage.instance.store.reading() as tx:
        found = montage_store.montages.get(tx, film.id)

    assert (found.length, found.music, found.soundtrack_blob) == ("short", "window", None)


def test_how_far_a_film_is_can_be_seen_by_members_alone(stage, story_ids):
    film = queue(stage)

    assert reading.film(stage.instance.store, stage.younghee.viewer, film.id).bytes is None
    with pytest.raises(NotFound):
        reading.film(stage.instance.store, stage.cleo, film.id)
    assert montages.seconds_left(stage.instance.store, film, OPENS + timedelta(seconds=9)) is None
