"""
How many machines so many members need: a model on paper, and a simulation of the busiest minute that checks it.

    .venv/bin/python benchmarks/scale.py [--members 1000 10000 ...] [--film-hours 4] [--seed 12]

Prints what an instance of each size holds, and what happens on its busiest day when a third of that day's capsules
open in the same minute: how long until the last opening, the last letter and the last film, by the model and by the
simulation. Costs are those of docs/scale.md, which says where each was measured.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

DAYS_OF_YEAR = 365
#: The simulation is played so many times.
PLAYS = 30


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What people do."""

    members_of_capsule: int = 5
    #: How long a capsule is sealed; whoever has opened one makes another.
    sealed_years: float = 5
    photos_of_capsule: int = 40
    bytes_of_photo: float = 4.1e6
    #: Anniversaries and New Year, against the mean of all days.
    busiest_day: float = 4
    #: How much of that day opens in one minute: nine in the morning of the zone where most people live.
    busiest_minute: float = 1 / 3
    film_seconds: float = 120
    #: Standard deviation of the length of films, as a share of its mean.
    film_spread: float = 0.6


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What it takes; seconds of one core, or of waiting for somebody else."""

    opening: float = 0.03
    #: Until a server has answered, with all that is written before and afterwards.
    letter: float = 0.25
    second_of_film: float = 0.62
    #: What each film takes besides its seconds: starting, looking at pictures, sound, joining.
    film: float = 8.0
    rows_of_photo: float = 6.5
    bytes_of_row: float = 580
    #: How long letters wait for their film (`mail.render_grace_seconds`).
    grace: float = 3600


@dataclass(frozen=True, kw_only=True)
class Machines:
    openers: int = 2
    #: Sessions with mail servers, of all workers together (`mail.connections`).
    connections: int = 8
    #: Films that are made at the same time, each by one core.
    film_cores: int


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Seconds after the date."""

    opened: float
    told: float
    filmed: float


class Size:
    """An instance of so many members: what it holds, and its busiest minute."""

    def __init__(self, members: int, habits: Habits, costs: Costs, *, film_hours: float) -> None:
        self.members = members
        self.capsules = members / habits.members_of_capsule
        self.photos = self.capsules * habits.photos_of_capsule
        self.file_terabytes = self.photos * habits.bytes_of_photo / 1e12
        self.rows = self.photos * costs.rows_of_photo
        self.row_gigabytes = self.rows * costs.bytes_of_row / 1e9
        self.openings_of_day = self.capsules / (habits.sealed_years * DAYS_OF_YEAR)
        self.at_once = math.ceil(self.openings_of_day * habits.busiest_day * habits.busiest_minute)
        self.mean_film = costs.film + habits.film_seconds * costs.second_of_film
        wanted = self.at_once * self.mean_film / (film_hours * 3600)
        self.machines = Machines(film_cores=max(2, math.ceil(wanted)))


def modelled(size: Size, habits: Habits, costs: Costs) -> Burst:
    """Return what the model says: each queue takes its work divided by those who do it."""
    machines, at_once = size.machines, size.at_once
    opened = math.ceil(at_once / machines.openers) * costs.opening
    # While the last films are made, some cores have nothing to do any more: half a film, in the mean.
    filmed = at_once * size.mean_film / machines.film_cores
    filmed = max(filmed, size.mean_film) + (size.mean_film / 2 if at_once > 1 else 0)
    if filmed <= costs.grace:
        return Burst(opened=opened, told=filmed + _letters(1, habits, machines, costs), filmed=filmed)
    waiting = at_once - costs.grace * machines.film_cores / size.mean_film
    told = costs.grace + _letters(waiting, habits, machines, costs)
    return Burst(opened=opened, told=told, filmed=filmed)


def _letters(capsules: float, habits: Habits, machines: Machines, costs: Costs) -> float:
    return math.ceil(capsules * habits.members_of_capsule / machines.connections) * costs.letter


def simulated(size: Size, habits: Habits, costs: Costs, rng: random.Random, *, plays: int) -> Burst:
    """Play the minute so many times, and return the means."""
    played = [_played(size, habits, costs, rng) for _ in range(plays)]
    return Burst(
        opened=statistics.fmean(one.opened for one in played),
        told=statistics.fmean(one.told for one in played),
        filmed=statistics.fmean(one.filmed for one in played),
    )


def _played(size: Size, habits: Habits, costs: Costs, rng: random.Random) -> Burst:
    """Let capsules open one by one, films of all lengths go to free cores, and letters follow them."""
    machines = size.machines
    opened = list(_served([0.0] * size.at_once, machines.openers, lambda: costs.opening))
    # Lengths of films are spread as a lognormal distribution of this mean.
    sigma = math.sqrt(math.log(1 + habits.film_spread**2))
    middle = math.log(habits.film_seconds) - sigma**2 / 2

    def film() -> float:
        return costs.film + rng.lognormvariate(middle, sigma) * costs.second_of_film

    filmed = list(_served(opened, machines.film_cores, film))
    leave = sorted(min(film, costs.grace) for film in filmed for _ in range(habits.members_of_capsule))
    told = _served(leave, machines.connections, lambda: rng.expovariate(1 / costs.letter))
    return Burst(opened=max(opened), told=max(told), filmed=max(filmed))


def _served(arrivals: Iterable[float], servers: int, takes: Callable[[], float]) -> Iterator[float]:
    """Yield when each is done, in the order of their arrivals, of which each goes to whoever is free first."""
    free = [0.0] * servers
    for arrival in arrivals:
        done = max(arrival, heapq.heappop(free)) + takes()
        heapq.heappush(free, done)
        yield done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--members", nargs="+", type=int, default=[10**power for power in range(3, 8)])
    parser.add_argument("--film-hours", type=float, default=4, help="all films are ready after so many hours")
    parser.add_argument("--seed", type=int, default=12)
    options = parser.parse_args()
    habits, costs, rng = Habits(), Costs(), random.Random(options.seed)
    sizes = [Size(members, habits, costs, film_hours=options.film_hours) for members in options.members]
    print("| members | capsules | photos | files, TB | rows | rows, GB | openings a day | of one minute |")
    print("|---" * 8 + "|")
    for size in sizes:
        print(
            f"| {size.members:,} | {size.capsules:,.0f} | {size.photos:,.0f} | {size.file_terabytes:,.2f} "
            f"| {size.rows:,.0f} | {size.row_gigabytes:,.1f} | {size.openings_of_day:,.1f} | {size.at_once:,} |"
        )
    print()
    print("| members | cores for films | last opening, s | last letter, min | last film, min |")
    print("|---" * 5 + "|")
    for size in sizes:
        model, played = modelled(size, habits, costs), simulated(size, habits, costs, rng, plays=PLAYS)
        print(
            f"| {size.members:,} | {size.machines.film_cores} | {model.opened:.2f}, {played.opened:.2f} "
            f"| {model.told / 60:.1f}, {played.told / 60:.1f} | {model.filmed / 60:.1f}, {played.filmed / 60:.1f} |"
        )


if __name__ == "__main__":
    main()
