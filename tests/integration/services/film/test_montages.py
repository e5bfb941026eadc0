"""Montages: claimed, kept, tried again or given up; only the attempt that holds a film may end it."""

import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from memorycapsule.domain.film.montages import MOST_FAILURES, MontageState, Omission
from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.domain.film.sizes import Size
from memorycapsule.errors import DiskFull, NotAllowed, NotFound, RenderFailed, Sealed
from memorycapsule.services import opening
from memorycapsule.services.film import montages, preparation
from memorycapsule.services.film.montages import RenderedFilm
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from support.cast import OPENS, add_story, join, make_photo
from support.refusals import refused


def film_of(stage):
    with stage.instance.store.reading() as tx:
        return montage_store.of_opening(tx, stage.capsule.id)


def get(stage, montage_id):
    with stage.instance.store.reading() as tx:
        return montage_store.montages.get(tx, montage_id)


def open_it(stage):
    opening.open_if_due(stage.instance.store, stage.instance.wake, stage.capsule.id, OPENS)
    return film_of(stage)


def claim(stage, film, lease="this run", now=OPENS):
    return montages.claim(stage.instance.store, film.id, lease=lease, now=now)


def keep(stage, attempt, tmp_path, content=b"film"):
    film, poster = tmp_path / "film.mp4", tmp_path / "poster.jpg"
    film.write_bytes(content)
    poster.write_bytes(b"poster")
    rendered = RenderedFilm(film=film, poster=poster, seconds=3.0, report=())
    store, vault, wake = stage.instance.store, stage.instance.vault, stage.instance.wake
    return montages.keep(store, vault, wake, attempt, rendered, now=OPENS)


def fail(stage, attempt, now=OPENS):
    return montages.fail(
        stage.instance.store, stage.instance.wake, attempt, RenderFailed("renderer_hung"), now=now
    )


def failed(stage, film, now=OPENS):
    """Let a film fail until it is given up; as it is then, and when."""
    for _ in range(MOST_FAILURES):
        fail(stage, claim(stage, film, now=now), now)
        now = get(stage, film.id).not_before
    return get(stage, film.id), now


def retry(stage, viewer, film, now):
    return montages.retry(stage.instance.store, stage.instance.wake, viewer, film.id, now=now)


def queue(stage, viewer=None, **more):
    return montages.queue(
        stage.instance.store,
        stage.instance.vault,
        stage.instance.wake,
        viewer or stage.ben.viewer,
        stage.capsule.id,
        now=OPENS,
        **more,
    )


def cancel(stage, film, viewer=None):
    return montages.cancel(stage.instance.store, viewer or stage.ben.viewer, film.id, now=OPENS)


def prepare(stage, attempt, folder):
    return preparation.prepare(
        stage.instance.store,
        stage.instance.vault,
        attempt,
        folder,
        size=Size(width=160, height=90),
        fps=10,
    )


def test_only_the_attempt_that_holds_a_film_ends_it(stage, tmp_path):
    """I6."""
    film = open_it(stage)
    overtaken = claim(stage, film, "an earlier run")
    montages.requeue_abandoned(stage.instance.store, None, OPENS)
    holder = claim(stage, film)
    before = stage.instance.blob_files()

    assert not montages.note_progress(stage.instance.store, overtaken, 0.9)
    assert not keep(stage, overtaken, tmp_path)
    fail(stage, overtaken)
    assert get(stage, film.id).state is MontageState.RENDERING
    assert get(stage, film.id).failures == 0
    assert stage.instance.blob_files() == before, "its film is thrown away"

    assert montages.note_progress(stage.instance.store, holder, 0.5)
    assert get(stage, film.id).progress == 0.5
    assert keep(stage, holder, tmp_path)
    ready = get(stage, film.id)
    assert (ready.state, ready.progress, ready.seconds, ready.attempt) == (MontageState.READY, 1.0, 3.0, 2)
    assert not keep(stage, holder, tmp_path), "and ends it once"


def test_a_film_that_was_cut_off_is_no_failure(stage):
    film = open_it(stage)
    for number in range(MOST_FAILURES + 2):
        claim(stage, film, f"run {number}")
        montages.requeue_abandoned(stage.instance.store, None, OPENS)

    found = get(stage, film.id)
    assert (found.state, found.failures, found.attempt) == (MontageState.QUEUED, 0, MOST_FAILURES + 2)


def test_a_film_that_fails_three_times_has_failed(stage):
    film, now, waits = open_it(stage), OPENS, []
    for _ in range(MOST_FAILURES):
        fail(stage, claim(stage, film, now=now), now)
        waits.append(get(stage, film.id).not_before - now)
        assert montages.renderable(stage.instance.store, now) == []
        now = get(stage, film.id).not_before

    failed = get(stage, film.id)
    assert (failed.state, failed.failures, failed.finished_at is not None) == (MontageState.FAILED, 3, True)
    assert waits[0] < waits[1]
    assert montages.renderable(stage.instance.store, now + timedelta(days=1)) == []
    assert stage.instance.events(stage.capsule.id).count("montage.failed") == 1


def test_a_film_that_failed_is_made_again_when_the_owner_asks(stage, tmp_path):
    film, now = failed(stage, open_it(stage))
    again = retry(stage, stage.ada, film, now)

    assert (again.state, again.failures, again.not_before) == (MontageState.QUEUED, 0, now)
    assert (again.report, again.finished_at) == ((), None)
    assert ("films", film.id) in stage.instance.woken
    assert retry(stage, stage.ada, film, now) == again, "what waits is tried at once, as often as they ask"
    assert keep(stage, claim(stage, film, now=now), tmp_path)
    with refused(NotAllowed, "film_not_failed"):
        retry(stage, stage.ada, film, now)


def test_a_film_is_made_again_for_whoever_asked_for_it_the_owner_and_an_openings_for_the_admin(
    stage, tmp_path
):
    opening_film, now = failed(stage, open_it(stage))
    mine, now = failed(stage, queue(stage), now)
    admin = replace(stage.cleo, is_admin=True)

    with refused(NotAllowed, "film_retry_of_other_member"):
        retry(stage, stage.ben.viewer, opening_film, now)
    with refused(NotAllowed, "film_retry_of_other_member"):
        retry(stage, stage.younghee.viewer, mine, now)
    for nobody, film in ((stage.cleo, opening_film), (stage.cleo, mine), (admin, mine)):
        with pytest.raises(NotFound):
            retry(stage, nobody, film, now)
    assert retry(stage, admin, opening_film, now).state is MontageState.QUEUED
    assert retry(stage, stage.ben.viewer, mine, now).state is MontageState.QUEUED
    assert retry(stage, stage.ada, mine, now).state is MontageState.QUEUED


def test_the_admin_has_no_film_made_again_that_is_there_and_any_openings_that_failed(stage, tmp_path):
    film, now = failed(stage, open_it(stage))
    stranger, member = replace(stage.cleo, is_admin=True), replace(stage.ben.viewer, is_admin=True)

    assert retry(stage, member, film, now).state is MontageState.QUEUED
    assert keep(stage, claim(stage, film, now=now), tmp_path)
    for admin in (stranger, member):
        with refused(NotAllowed, "film_not_failed"):
            retry(stage, admin, film, now)


def test_films_of_openings_come_first(stage):
    open_it(stage)
    mine = queue(stage)
    with stage.instance.store.transaction() as tx:
        montage_store.montages.save(tx, replace(mine, queued_at=OPENS - timedelta(days=1)))

    assert [one.is_opening for one in montages.renderable(stage.instance.store, OPENS)] == [True, False]


def test_a_further_film_is_for_members_of_an_open_capsule(stage):
    with pytest.raises(Sealed):
        queue(stage)
    open_it(stage)
    with pytest.raises(NotFound):
        queue(stage, stage.cleo)
    with pytest.raises(NotFound, match="film_story_unknown"):
        queue(stage, story_ids=["nothing"])

    film = queue(stage, soundtrack=io.BytesIO(b"a song"))
    assert (film.is_opening, film.member_id) == (False, stage.ben.member.id)
    with (
        stage.instance.store.reading() as tx,
        stage.instance.vault.source_of(tx, film.soundtrack_blob).open() as song,
    ):
        assert song.read() == b"a song"


def test_whoever_asked_for_a_film_or_the_owner_cancels_it(stage, tmp_path):
    of_opening = open_it(stage)
    with pytest.raises(NotAllowed, match="opening_film_stays"):
        cancel(stage, of_opening)
    film = queue(stage)
    with pytest.raises(NotAllowed, match="film_of_other_member"):
        cancel(stage, film, stage.younghee.viewer)
    with pytest.raises(NotFound):
        cancel(stage, film, stage.cleo)

    attempt = claim(stage, film)
    assert cancel(stage, film).state is MontageState.CANCELLED
    assert not montages.note_progress(stage.instance.store, attempt, 0.1)
    assert not keep(stage, attempt, tmp_path)
    with stage.instance.store.transaction() as tx:
        montages.requeue(tx, attempt, OPENS)
    assert get(stage, film.id).state is MontageState.CANCELLED
    assert stage.instance.events(stage.capsule.id)[-1] == "montage.cancelled"
    with pytest.raises(NotAllowed, match="film_cancelled_already"):
        cancel(stage, film)
    assert cancel(stage, queue(stage), stage.ada).state is MontageState.CANCELLED


def test_how_long_a_film_still_takes_is_reckoned_from_the_attempt_in_hand(stage_on_both):
    stage = stage_on_both
    store = stage.instance.store

    def left(now):
        return montages.seconds_left(store, get(stage, film.id), now)

    film = open_it(stage)
    assert left(OPENS) is None
    first = claim(stage, film, "an earlier run")
    assert left(OPENS + timedelta(seconds=5)) is None, "it has hardly begun"
    montages.note_progress(store, first, 0.25)
    assert left(OPENS + timedelta(seconds=10)) == pytest.approx(30)
    montages.requeue_abandoned(store, None, OPENS)

    later = OPENS + timedelta(hours=1)
    second = claim(stage, film, now=later)
    assert left(later) is None
    montages.note_progress(store, second, 0.5)
    assert left(later + timedelta(seconds=40)) == pytest.approx(40)
    montages.fail(store, stage.instance.wake, second, RenderFailed("renderer_hung"), now=later)
    assert left(later) is None


def test_a_plan_and_exactly_its_pictures_are_laid_out(stage, tmp_path):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, title="Am Meer", photos=3)
    attempt = claim(stage, open_it(stage))

    prepared = prepare(stage, attempt, tmp_path / "work")

    names = {source.file for source in prepared.plan.sources}
    assert {path.name for path in prepared.pictures.iterdir()} == names
    assert len(names) == 3
    assert all((prepared.pictures / name).read_bytes()[:2] == b"\xff\xd8" for name in names)
    assert MontagePlan.from_json(prepared.plan_file.read_text()) == prepared.plan
    assert prepared.report == ()
    assert "Am Meer" in prepared.plan_file.read_text()


def test_the_next_attempt_goes_on_with_the_plan_of_the_one_that_was_cut_off(stage, tmp_path):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=2)
    film = open_it(stage)
    first = prepare(stage, claim(stage, film, "an earlier run"), tmp_path / "one")
    montages.requeue_abandoned(stage.instance.store, None, OPENS)
    second = prepare(stage, claim(stage, film), tmp_path / "two")

    assert second.plan == first.plan
    assert {path.name for path in second.pictures.iterdir()} == {
        path.name for path in first.pictures.iterdir()
    }


def test_what_held_a_film_up_is_told_until_it_goes_on_and_what_it_does_without_for_good(stage, tmp_path):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=2)
    broken = break_picture(stage)
    film = open_it(stage)
    attempt = claim(stage, film)
    prepare(stage, attempt, tmp_path / "one")
    with stage.instance.store.transaction() as tx:
        montages.requeue(tx, attempt, OPENS, DiskFull())
    waiting = get(stage, film.id)

    assert [omission.of for omission in waiting.report] == [broken.id, ""]
    assert waiting.report[-1] == Omission(of="", reason="disk_full")
    assert prepare(stage, claim(stage, film), tmp_path / "two").report == waiting.report[:1]


def test_a_failure_makes_a_new_plan(stage, tmp_path):
    film = open_it(stage)
    attempt = claim(stage, film)
    prepare(stage, attempt, tmp_path)
    assert get(stage, film.id).plan
    fail(stage, attempt)

    assert get(stage, film.id).plan is None


def break_picture(stage, number=0):
    with stage.instance.store.reading() as tx:
        medium = story_store.media_of_capsule(tx, stage.capsule.id)[number]
    path = stage.instance.vault.blobs._path(medium.display_blob)
    path.write_bytes(path.read_bytes()[:-1])
    return medium


def test_a_broken_photo_is_left_out_and_named_and_so_it_is_after_a_crash(stage, tmp_path):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=3)
    broken = break_picture(stage)
    film = open_it(stage)
    first = prepare(stage, claim(stage, film, "an earlier run"), tmp_path / "one")
    montages.requeue_abandoned(stage.instance.store, None, OPENS)
    second = prepare(stage, claim(stage, film), tmp_path / "two")

    for prepared in (first, second):
        assert broken.id not in {source.id for source in prepared.plan.sources}
        assert len(prepared.plan.sources) == 2
        (omission,) = prepared.report
        assert omission.of == broken.id
        assert (omission.reason, omission.values["medium"]) == ("film_photo_unread", broken.id)
        assert omission.values["problem"]["reason"] == omission.error.values["problem"].reason


def test_a_broken_photo_makes_room_for_another(stage, tmp_path):
    with stage.instance.store.transaction() as tx:
        capsule = capsule_store.capsules.get(tx, stage.capsule.id)
        capsule_store.capsules.save(tx, replace(capsule, film_photos=2))
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=4)
    break_picture(stage, 0)
    break_picture(stage, 1)

    prepared = prepare(stage, claim(stage, open_it(stage)), tmp_path)

    assert len(prepared.plan.sources) == 2
    assert {path.name for path in prepared.pictures.iterdir()} == {one.file for one in prepared.plan.sources}


def test_damaged_words_are_left_out_and_named(stage, tmp_path):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer)
    with stage.instance.store.transaction() as tx:
        story_store.stories.save(tx, replace(story, words=b"?" + story.words[1:]))

    prepared = prepare(stage, claim(stage, open_it(stage)), tmp_path)

    assert len(prepared.plan.sources) == 1
    (omission,) = prepared.report
    assert omission.of == story.id
    assert (omission.reason, omission.values["author"]) == ("film_words_left_out", "Ben")


def test_a_film_of_chosen_stories_has_only_those_in_that_order(stage, tmp_path):
    stories = [
        add_story(
            stage.instance, stage.capsule, stage.ben.viewer, title=f"No {number}", photos=[make_photo()]
        )
        for number in range(3)
    ]
    open_it(stage)
    chosen = [stories[2].id, stories[0].id]
    film = queue(stage, story_ids=[*chosen, chosen[0]])
    prepared = prepare(stage, claim(stage, film), tmp_path)

    text = prepared.plan_file.read_text()
    assert film.story_ids == tuple(chosen)
    assert "No 1" not in text
    assert text.index("No 2") < text.index("No 0")
    assert len(prepared.plan.sources) == 2


def test_a_capsule_with_nothing_in_it_has_a_plan_too(stage, tmp_path):
    prepared = prepare(stage, claim(stage, open_it(stage)), tmp_path)

    assert prepared.plan.sources == ()
    assert stage.capsule.title in json.dumps(json.loads(prepared.plan_file.read_text()), ensure_ascii=False)


def test_two_members_of_one_name_are_two_in_the_film(stage, tmp_path):
    namesake = join(stage.instance, stage.capsule, "Ben", address="namesake@example.org")
    for viewer in (stage.ben.viewer, namesake.viewer):
        add_story(stage.instance, stage.capsule, viewer)
    plan = prepare(stage, claim(stage, open_it(stage)), tmp_path).plan
    names = [(credit.name, credit.dye) for credit in plan.shots[-1].credits]

    assert [name for name, _ in names] == ["Ben", "Ben"]
    assert len(set(names)) == 2


def test_a_picture_is_as_large_in_the_plan_as_in_the_folder(stage, tmp_path):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=[make_photo(width=6000, height=200)])
    prepared = prepare(stage, claim(stage, open_it(stage)), tmp_path)
    (source,) = prepared.plan.sources

    assert (source.width, source.height) == (2560, 85)
