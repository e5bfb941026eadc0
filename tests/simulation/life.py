"""A life: its steps by one seed, and living them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from memorycapsule.domain import opening_dates, zones
from memorycapsule.services import instances
from simulation import keeping, machine, people, promises
from simulation.world import Act, Broken, World
from support.compilations import remembering_statements
from support.ten_frames import rendering_ten_frames

_CHOICES = people.USUAL | machine.USUAL | keeping.USUAL
#: Whenever people come, they do a few things.
_MOST_AT_ONCE = 6
#: So many other things come to people's minds where one cannot be done.
_OTHER_IDEAS = 3
#: At least one step in so many breaks something.
_ONE_BREAKS_IN = 9
#: One act in so many is killed.
_ONE_IS_KILLED_IN = 8


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happens, after some time."""

    what: str
    #: Of all chance within it.
    seed: int
    #: Minutes that pass before.
    minutes: int
    #: The program is killed at the so-many-th point of it; None lets it live.
    killed_at: int | None = None


@dataclass(kw_only=True)
class Ending:
    """How a life ended."""

    seed: int
    #: The steps that were lived.
    steps: Sequence[Step]
    #: None for a good end.
    broken: str | None
    counts: dict[str, int]
    diary: list[str] = field(default_factory=list)

    @property
    def promise(self) -> str | None:
        return self.broken and self.broken.partition(" ")[0]


def steps_of(seed: int, years: int, *, least: int = 304) -> list[Step]:
    """Return the steps of a life: people come every few weeks, do several things, and the machine does its own."""
    chance = random.Random(seed)
    names = list(_CHOICES)
    weights = [_CHOICES[name][1] for name in names]
    minutes_left = years * 365 * 24 * 60
    visits = least // (_MOST_AT_ONCE // 2 + 1)
    steps: list[Step] = []
    breaking = 0
    while minutes_left > 0 or len(steps) < least or breaking < least // _ONE_BREAKS_IN:
        away = min(int(chance.expovariate(visits / (years * 365 * 24 * 60))), 400 * 24 * 60)
        minutes_left -= away
        steps += [
            Step(
                what=chance.choices(names, weights)[0],
                seed=chance.getrandbits(32),
                minutes=chance.randint(0, 90) if number else away,
                killed_at=None if chance.randrange(_ONE_IS_KILLED_IN) else _point(chance),
            )
            for number in range(chance.randint(1, _MOST_AT_ONCE))
        ]
        breaking = sum(step.what in machine.FAULTS for step in steps)
    return steps


def _point(chance: random.Random) -> int:
    """Choose a point to be killed at; many acts have only a few."""
    return chance.randint(1, chance.choice((4, 12, 40)))


def live(steps: Sequence[Step], *, seed: int = 0, checks_all: bool = True) -> Ending:
    """Live these steps, and say how it ended."""
    lived: list[Step] = []
    with remembering_statements(), rendering_ten_frames(), World() as world, _changing_rules(world):

        def perform(act: Act, killed_at: int | None = None) -> None:
            outcome = world.perform(act, killed_at=killed_at)
            world.diary.note(world, f"{act.what}: {outcome.what}")
            if act.is_repeated and outcome.what != "done" and not outcome.crash:
                world.mend("disk")
                outcome = world.perform(act)
                world.diary.note(world, f"{act.what} again: {outcome.what}")
            if outcome.what == "done" or act.is_repeated:
                act.before_check()
            promises.check(world, act, outcome)
            act.afterwards()

        broken = None
        try:
            for step in steps:
                lived.append(step)
                _live_step(world, step, perform)
                if checks_all and len(lived) % 100 == 0:
                    promises.check_all(world)
            _end_well(world, perform)
        except Broken as error:
            broken = str(error)
        counts = promises.summary(world) | {"steps": len(lived)}
        return Ending(seed=seed, steps=lived, broken=broken, counts=counts, diary=world.diary.lines)


def _live_step(world: World, step: Step, perform) -> None:
    world.reseed(step.seed)
    chance = random.Random(step.seed)
    machine.live(world, timedelta(minutes=step.minutes), perform)
    # Where that cannot be done now, people do something else.
    for what in (step.what, *chance.choices(list(people.USUAL), k=_OTHER_IDEAS)):
        choose, _weight = _CHOICES[what]
        if act := choose(world, chance):
            perform(act, step.killed_at)
            return


def _end_well(world: World, perform) -> None:
    """Mend everything, let some weeks pass, and look whether anybody waits for anything."""
    world.diary.note(world, "everything is mended")
    world.mend_all()
    world.stop()
    machine.live(world, timedelta(days=1), perform)
    if held := keeping.release(world, random.Random(0)):
        perform(held)
    for _ in range(8):
        machine.live(world, timedelta(days=1), perform)
    promises.check_end(world)
    promises.check_all(world)


@contextmanager
def _changing_rules(world: World) -> Iterator[None]:
    """Zone rules are those of the world's version: every other one moves São Paulo by an hour."""
    usual = zones.zone
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            zones,
            "zone",
            lambda name: usual(
                "America/Noronha" if name == "America/Sao_Paulo" and not world.rules % 2 else name
            ),
        )
        for module in (opening_dates, instances):
            patch.setattr(module, "rules_version", lambda: f"rules {world.rules}")
        yield
