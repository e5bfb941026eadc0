"""
How much sooner a film is there when two nodes make it: 24 photos on one and on two, each pinned to a processor.

    PYTHONPATH=tests .venv/bin/python benchmarks/film_nodes.py [--size 1280x720] [--fps 30] [--photos 24] [--runs 3]

Prints, for each run, the seconds from the first segment claimed to the last one kept, on one node and on two, and the
CPU seconds of the busiest node. Where other programs use the processors meanwhile, the share of CPU says what the
seconds would have been on a machine of one's own.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import structlog

from memorycapsule.config import pixels_of
from memorycapsule.domain.film.pieces import PieceState
from memorycapsule.domain.film.sizes import Size
from memorycapsule.media.cache import Cache
from memorycapsule.services import opening
from memorycapsule.store import montages as montage_store
from memorycapsule.store.cluster import pieces as piece_store
from memorycapsule.store.transactions import Store
from memorycapsule.work import films
from memorycapsule.work.worker_context import WorkerContext
from support.cast import (
    OPENS,
    Instance,
    Time,
    add_story,
    join,
    make_capsule,
    make_context,
    make_instance,
    make_photo,
)

_POLL_SECONDS = 0.05
_CACHE_BYTES = 1_000_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=sys.modules[__name__].__doc__.split("\n\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    shares: list[float] = []
    cpu_shares: list[float] = []
    print("nodes: seconds, CPU seconds of the busiest", flush=True)
    for _ in range(options.runs):
        took = {nodes: _measured(nodes, options) for nodes in (1, 2)}
        for nodes, (seconds, cpu_seconds) in took.items():
            print(f"{nodes}: {seconds:.1f}, {cpu_seconds:.1f}", flush=True)
        shares.append(took[2][0] / took[1][0])
        cpu_shares.append(took[2][1] / took[1][1])
    print(f"two nodes take {statistics.median(shares):.2f} of the seconds of one (median)")
    print(f"the busier of two has {statistics.median(cpu_shares):.2f} of the CPU of one (median)")


def _measured(nodes: int, options: argparse.Namespace) -> tuple[float, float]:
    """Return how many seconds the segments of one film took, and how much CPU the busiest node."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        url = f"sqlite:///{data}/capsule.db"
        with make_instance(url, data) as instance:
            film_id = _opened_film(instance, options.photos)
            answers: multiprocessing.Queue[float] = multiprocessing.Queue()
            makers = [
                multiprocessing.Process(target=_node, args=(instance, number, options, answers))
                for number in range(nodes)
            ]
            for maker in makers:
                maker.start()
            seconds = _watched(instance, film_id)
            cpu_seconds = max(answers.get() for _ in makers)
            for maker in makers:
                maker.join()
    return seconds, cpu_seconds


def _opened_film(instance: Instance, photos: int) -> str:
    capsule = make_capsule(instance)
    ben = join(instance, capsule, "Ben")
    pictures = [make_photo(seed, width=2560, height=1707) for seed in range(photos)]
    add_story(instance, capsule, ben.viewer, photos=pictures)
    opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
    with instance.store.reading() as tx:
        film = montage_store.of_opening(tx, capsule.id)
    assert film is not None
    return film.id


def _node(
    there: Instance, number: int, options: argparse.Namespace, answers: multiprocessing.Queue[float]
) -> None:
    """Work on whatever film there is until it is over, on one processor, and answer how much CPU that took."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[number % len(processors)]})
    instance = dataclasses.replace(there, store=Store(there.store.url))
    with closing(instance.store):
        clock = Time()
        clock.go_to(OPENS)
        name = f"node {number}"
        cache = Cache(instance.folder / name / "cache", _CACHE_BYTES)
        vault = dataclasses.replace(instance.vault, cache=cache)
        width, height = pixels_of(options.size)
        context: WorkerContext = make_context(
            instance, clock, lease=name, is_alone=False, vault=vault, work_dir=instance.folder / "work" / name,
            size=Size(width=width, height=height), fps=options.fps,
        )  # fmt: skip
        before = _cpu_seconds()
        while not _is_over(instance):
            films.make_waiting(context)
            time.sleep(_POLL_SECONDS)
        answers.put(_cpu_seconds() - before)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _is_over(instance: Instance) -> bool:
    with instance.store.reading() as tx:
        return all(film.state.is_over for film in montage_store.montages.by(tx))


def _watched(instance: Instance, film_id: str) -> float:
    """Return for how long segments of a film were rendered."""
    first: float | None = None
    while True:
        with instance.store.reading() as tx:
            states = [piece.state for piece in piece_store.pieces.by(tx, montage_id=film_id)]
        if first is None and PieceState.RENDERING in states:
            first = time.monotonic()
        if first is not None and all(state is PieceState.DONE for state in states):
            return time.monotonic() - first
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    main()
