"""Three lives in CI; `make simulate` lives a hundred. That broken promises are noticed, and lives are repeated exactly."""

import dataclasses

import pytest

from memorycapsule.store import capsules as capsule_store
from simulation.life import live, steps_of
from simulation.shrinking import shrunk


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_in_a_life_the_promise_holds(seed):
    ending = live(steps_of(seed, years=6, least=70), seed=seed)

    assert ending.broken is None, "\n".join([*ending.diary[-30:], ending.broken])


def test_one_seed_gives_one_list_of_steps():
    assert steps_of(7, years=30) == steps_of(7, years=30)
    assert len(steps_of(7, years=30)) >= 300


@pytest.mark.slow
def test_the_same_steps_are_lived_in_the_same_way():
    steps = steps_of(5, years=2, least=24)

    assert live(steps).diary == live(steps).diary


@pytest.mark.slow
def test_a_life_that_ends_badly_is_made_shorter_and_ends_in_the_same_way(monkeypatch):
    steps = steps_of(1, years=3, least=24)
    opened = capsule_store.open_if_due

    def open_twice(tx, capsule_id, now):
        return opened(tx, capsule_id, now) and bool(
            capsule_store.capsules.change(tx, capsule_store.CapsuleRow.id == capsule_id, generation=2)
        )

    monkeypatch.setattr(capsule_store, "open_if_due", open_twice)
    ending = live(steps)
    assert ending.promise == "I2", ending

    short = shrunk(ending, live, most_tries=12)

    assert short.promise == "I2"
    assert len(short.steps) < len(steps)
    assert dataclasses.replace(live(short.steps), diary=[]) == dataclasses.replace(short, seed=0, diary=[])
