"""A tick: everything that is due, once; and what an earlier run left behind is taken up."""

import json
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.quiet_hours import parse_quiet_hours
from memorycapsule.errors import Busy
from memorycapsule.processes import ffmpeg_path
from memorycapsule.services import reading
from memorycapsule.services.film import montages
from memorycapsule.services.opening import Openings
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import montages as montage_store
from memorycapsule.work import films, ticks
from memorycapsule.work.lock import FolderLock, holder_url, is_held
from memorycapsule.work.prerendering import Prerenderer
from support.cast import OPENS, adapted, add_story, join, make_capsule, make_context, make_instance, younghee
from support.moments import NOW


@pytest.fixture
def instance(tmp_path):
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        yield instance


@pytest.fixture
def capsule(instance):
    capsule = make_capsule(instance)
    ben = join(instance, capsule, "Ben")
    younghee(instance, capsule)
    add_story(instance, capsule, ben.viewer, photos=3)
    return capsule


def film_of(instance, capsule):
    with instance.store.reading() as tx:
        return montage_store.of_opening(tx, capsule.id)


def work_files(instance):
    return {path for path in (instance.folder / "work").rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_tick_opens_makes_the_film_and_sends_the_letters(instance, capsule, time):
    context = make_context(instance, time)
    ticks.settle(context)
    before = ticks.tick(context)
    assert (before.opened, before.films, before.doubt) == ((), (), None)

    time.go_to(OPENS)
    preview = ticks.preview(context)
    ticked = ticks.tick(context)
    afterwards = ticks.tick(context)

    assert [one.id for one in preview.opened] == [one.id for one in ticked.opened] == [capsule.id]
    film = film_of(instance, capsule)
    assert film.state is MontageState.READY, film.report
    assert ticked.films == (film.id,)
    assert len(ticked.letters.sent) == 3
    assert (afterwards.opened, afterwards.films, afterwards.letters.sent) == ((), (), ())
    assert len(instance.letters()) == 3
    assert work_files(instance) == set()
    file = reading.film_file(instance.store, instance.vault, instance.ada, film.id)
    with file.stream:
        (instance.folder / "film.mp4").write_bytes(file.stream.read())
    decoded = subprocess.run(
        [ffmpeg_path(), "-v", "error", "-i", instance.folder / "film.mp4", "-f", "null", "-"],
        capture_output=True,
        check=True,
    )
    assert decoded.stderr == b""


def test_a_preview_changes_nothing(instance, capsule, time):
    context = make_context(instance, time)
    time.go_to(OPENS)
    events = instance.events(capsule.id)
    ticks.preview(context)

    assert instance.events(capsule.id) == events
    assert film_of(instance, capsule) is None


@pytest.mark.slow
def test_what_an_earlier_run_was_rendering_is_taken_up(instance, capsule, time):
    time.go_to(OPENS)
    earlier = make_context(instance, time, lease="an earlier run")
    ticks.open_due(earlier)
    film = film_of(instance, capsule)
    montages.claim(instance.store, film.id, lease=earlier.run.lease, now=OPENS)
    leftover = instance.folder / "work" / "leftover"
    leftover.mkdir(parents=True)
    (leftover / "half.mp4").write_bytes(b"half")

    context = make_context(instance, time)
    ticks.settle(context)
    assert not leftover.exists()
    assert ticks.tick(context).films == (film.id,)
    assert film_of(instance, capsule).attempt == 2


@pytest.mark.slow
def test_a_film_that_cannot_be_made_delays_no_letter_beyond_the_grace(instance, capsule, time):
    """I9: with an impossible frame rate each attempt fails; letters leave when the film is given up or late."""
    context = make_context(instance, time, fps=0)
    time.go_to(OPENS)
    sent = list(ticks.tick(context).letters.sent)
    for _ in range(3):
        time.go_on(minutes=10)
        sent += ticks.tick(context).letters.sent

    film = film_of(instance, capsule)
    assert film.state is MontageState.FAILED
    assert film.report
    with instance.store.reading() as tx:
        kinds = [delivery_store.deliveries.get(tx, one).kind for one in sent]
    # And one to Ada, who is told that there is no film.
    assert kinds == [LetterKind.OPENED] * 3 + [LetterKind.NOTICE]
    assert work_files(instance) == set()


@pytest.mark.slow
def test_stopping_gives_the_film_back(instance, capsule, time):
    time.go_to(OPENS)
    asked = iter([False] * 6)
    context = make_context(instance, time, is_stopping=lambda: next(asked, True))
    ticks.open_due(context)
    films.make(context, film_of(instance, capsule).id)

    film = film_of(instance, capsule)
    assert (film.state, film.failures) == (MontageState.QUEUED, 0)
    again = adapted(context, is_stopping=lambda: False)
    assert films.make(again, film.id)


@pytest.mark.slow
def test_a_cancelled_film_is_stopped_and_its_folder_removed(instance, capsule, time):
    time.go_to(OPENS)
    context = make_context(instance, time)
    ticks.tick(context)
    further = montages.queue(
        instance.store, instance.vault, instance.wake, instance.ada, capsule.id, now=OPENS
    )
    asked = []

    def cancel_then_go_on():
        if not asked:
            asked.append(montages.cancel(instance.store, instance.ada, further.id, now=OPENS))
        return False

    assert not films.make(adapted(context, is_stopping=cancel_then_go_on), further.id)

    with instance.store.reading() as tx:
        assert montage_store.montages.get(tx, further.id).state is MontageState.CANCELLED
    assert not (instance.folder / "work" / further.id).exists()


def test_one_process_works_in_a_folder(tmp_path):
    assert not is_held(tmp_path)
    assert holder_url(tmp_path) is None
    with FolderLock(tmp_path) as lock:
        lock.publish(url="http://127.0.0.1:8484")
        assert is_held(tmp_path)
        assert holder_url(tmp_path) == "http://127.0.0.1:8484"
        with pytest.raises(Busy):
            FolderLock(tmp_path).take()
    assert not is_held(tmp_path)
    assert holder_url(tmp_path) is None
    assert not is_held(tmp_path / "nowhere")


def test_the_first_tick_at_its_second_opens_a_capsule_and_none_before_it(instance, capsule, time):
    context = make_context(instance, time)
    time.go_to(OPENS - timedelta(microseconds=1))
    assert ticks.open_due(context) == (Openings(), None)

    time.go_to(OPENS)
    openings, _ = ticks.open_due(context)
    assert [one.id for one in openings.opened] == [capsule.id]


def steps_of(store, work) -> int:
    """How many instructions SQLite's machine carries out while `work` is done."""
    steps = 0

    def count():
        nonlocal steps
        steps += 1

    def follow(connection, *_):
        connection.set_progress_handler(count, 1)

    def leave(connection, *_):
        connection.set_progress_handler(None, 1)

    event.listen(store.engine, "checkout", follow)
    event.listen(store.engine, "checkin", leave)
    try:
        work()
    finally:
        event.remove(store.engine, "checkout", follow)
        event.remove(store.engine, "checkin", leave)
    return steps


def fill(instance, capsule, count, **more):
    with instance.store.transaction() as tx:
        for number in range(count):
            one = replace(capsule, id=f"{number:036}", slug=f"n{number}", **more)
            capsule_store.capsules.add(tx, one)


def test_a_tick_does_no_more_among_a_thousand_capsules_that_are_not_due(instance, time):
    capsule = make_capsule(instance)
    context = make_context(instance, time)
    time.go_to(OPENS)
    ticks.open_due(context)

    def tick():
        assert ticks.open_due(context) == (Openings(), None)

    alone = steps_of(instance.store, tick)
    fill(instance, capsule, 1000, opens_at=OPENS + timedelta(days=9))

    # To find the place in an index takes a few more; to look at each capsule would take thousands.
    assert 0 < steps_of(instance.store, tick) < 2 * alone


def test_when_nothing_has_happened_a_thousand_films_to_come_are_not_looked_for_again(instance, time):
    """Of a higher seal level nobody can make anything before the date, so there is nothing to do for any of them."""
    capsule = make_capsule(instance)
    with instance.store.transaction() as tx:
        capsule_store.capsules.save(tx, replace(capsule, seal_level=2))
    context = adapted(make_context(instance, time), quiet_hours=parse_quiet_hours("always"))
    few = Prerenderer(context=context)
    few.run()
    alone = steps_of(instance.store, few.run)
    fill(instance, capsule, 1000, seal_level=2, opens_at=OPENS + timedelta(days=9))
    many = Prerenderer(context=context)
    assert steps_of(instance.store, many.run) > 10 * alone, "each is looked at once"

    assert 0 < steps_of(instance.store, many.run) < 2 * alone


def test_the_ticks_say_what_they_do_without_names(instance, capsule, time, capsys):
    time.go_to(OPENS)
    ticks.open_due(make_context(instance, time))
    said = capsys.readouterr()
    words = said.out + said.err

    assert capsule.id in words
    assert "Summer" not in words
    assert json.dumps("ben@example.org")[1:-1] not in words
    assert NOW < OPENS
