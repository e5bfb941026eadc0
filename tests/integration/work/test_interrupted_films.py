"""What ends a film from outside is not the film's failure: it is made as soon as the machine lets it be."""

import os
import resource
from dataclasses import replace

import pytest

from memorycapsule.domain.film.montages import FIRST_RETRY, LONGEST_RETRY, MOST_FAILURES, MontageState
from memorycapsule.store import montages as montage_store
from memorycapsule.work import films, ticks
from support.cast import OPENS, add_story, make_capsule, make_context, make_instance
from support.killed import KilledStarts


@pytest.fixture
def context(tmp_path, time):
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        capsule = make_capsule(instance)
        add_story(instance, capsule, instance.ada, photos=1)
        context = make_context(instance, time)
        time.go_to(OPENS)
        ticks.open_due(context)
        yield context


def the_film(context):
    with context.store.reading() as tx:
        [film] = montage_store.montages.by(tx)
    return film


@pytest.mark.slow
@pytest.mark.parametrize("module", ["memorycapsule.render", "memorycapsule.render.worker"])
def test_a_film_whose_programs_are_killed_is_tried_until_it_is_there(
    context, time, tmp_path, monkeypatch, module
):
    killed = KilledStarts(monkeypatch, tmp_path, module)
    waits = []
    for _ in range(MOST_FAILURES + 1):
        [film] = films.make_waiting(context).unmade
        waits.append(film.not_before - time.now)
        time.go_to(film.not_before)

    assert (film.state, film.failures) == (MontageState.QUEUED, 0)
    assert film.report[-1].reason in {"renderer_stopped", "film_worker_stopped"}
    assert waits == [FIRST_RETRY * 2**number for number in range(MOST_FAILURES + 1)]

    killed.end()
    assert films.make_waiting(context).made == (film.id,)
    assert the_film(context).report == ()


@pytest.mark.slow
def test_a_program_that_breaks_down_by_itself_is_the_films_failure(context, tmp_path, monkeypatch):
    KilledStarts(monkeypatch, tmp_path, "memorycapsule.render", by="SIGSEGV")
    [film] = films.make_waiting(context).unmade

    assert (film.state, film.failures) == (MontageState.QUEUED, 1)


def test_a_program_without_open_files_left_does_not_blame_the_film(context, time):
    """What a thousand half-open connections do to a daemon."""
    films.make_waiting(context, only="nobody's")  # what is imported at its first use, is now
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        os.close(held.pop())
        [film] = films.make_waiting(context).unmade
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert (film.state, film.failures) == (MontageState.QUEUED, 0)
    assert film.report[-1].reason == "machine_exhausted"
    assert film.not_before - time.now == FIRST_RETRY


def test_however_often_a_film_is_interrupted_it_is_tried_every_hour(context):
    film = the_film(context)
    waits = [replace(film, attempt=attempt).wait_after_interruption for attempt in range(1, 2000)]

    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (FIRST_RETRY, LONGEST_RETRY)
    assert replace(film, attempt=3, failures=2).wait_after_interruption == FIRST_RETRY
