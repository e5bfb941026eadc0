"""Lives many lives on all processors and prints one line for each: python -m simulation --seeds 100 --years 30."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from pathlib import Path

import structlog

from simulation.life import Ending, Step, live, steps_of
from simulation.shrinking import shrunk


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many lives")
    parser.add_argument("--years", type=int, default=30, help="how long each")
    parser.add_argument("--seed", type=int, help="this life alone, with its diary")
    parser.add_argument("--steps", type=Path, help="the steps in this file, as a broken life left them")
    parser.add_argument(
        "--processes",
        type=int,
        default=len(os.sched_getaffinity(0)) + 1,
        help="how many lives at once; one more than there are cores, since a life now and then waits for a letter",
    )
    parser.add_argument(
        "--no-shrinking", action="store_true", help="say what broke, and leave the life as long"
    )
    asked = parser.parse_args()
    _be_quiet()
    if asked.steps:
        steps = [Step(**one) for one in json.loads(asked.steps.read_text())]
        return _tell_all(live(steps))
    if asked.seed is not None:
        return _tell_all(live(steps_of(asked.seed, asked.years), seed=asked.seed))
    began = time.monotonic()
    total: Counter[str] = Counter()
    broken = []
    with multiprocessing.get_context("fork").Pool(asked.processes, _be_quiet) as pool:
        lives = ((seed, asked.years) for seed in range(1, asked.seeds + 1))
        for ending in pool.imap_unordered(_live_seed, lives):
            total.update(ending.counts)
            print(_line(ending), flush=True)
            if ending.broken:
                broken.append(ending)
    print(
        f"{asked.seeds} lives of {asked.years} years in {time.monotonic() - began:.0f} s: "
        + ", ".join(f"{name} {total[name]}" for name in sorted(total))
        + f", broken {len(broken)}"
    )
    for ending in broken[:3]:
        if not asked.no_shrinking:
            ending = shrunk(ending, live)
        _keep(ending)
    return bool(broken)


def _be_quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _live_seed(wanted: tuple[int, int]) -> Ending:
    seed, years = wanted
    return live(steps_of(seed, years), seed=seed)


def _line(ending: Ending) -> str:
    counted = ", ".join(f"{name} {number}" for name, number in sorted(ending.counts.items()))
    return f"seed {ending.seed}: {counted}, {ending.broken or 'well'}"


def _tell_all(ending: Ending) -> int:
    print("\n".join(ending.diary))
    print(_line(ending))
    if ending.broken:
        _keep(shrunk(ending, live))
    return bool(ending.broken)


def _keep(ending: Ending) -> None:
    path = Path(f"broken-life-{ending.seed}.json")
    path.write_text(json.dumps([dataclasses.asdict(step) for step in ending.steps], indent=1))
    print(f"\nseed {ending.seed}, {len(ending.steps)} steps are enough: {ending.broken}")
    print("\n".join(ending.diary[-40:]))
    print(f"Again: make simulate STEPS={path}")


if __name__ == "__main__":
    sys.exit(main())
