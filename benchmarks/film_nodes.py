"""
How much sooner a film is there when two nodes make it: one of 24 photos on one and on two, each pinned to a core.

    PYTHONPATH=tests .venv/bin/python benchmarks/film_nodes.py [--size 1280x720] [--fps 30] [--photos 24] [--runs 3]

Prints for each run the seconds from the first segment claimed to the last one kept. Then it compares what came out:
the packets of each segment, the streams of the film, the likeness of all its frames (PSNR), and the packets of its
sound. At last a sealed capsule's film is rendered ahead by one node, a story is added, and the other node renders what
that touches. The nodes have folders and caches of
their own, and one SQLite file. Two free cores are needed.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from measuring import drawn

from memorycapsule import processes
from memorycapsule.config import pixels_of
from memorycapsule.domain.film.montages import Montage
from memorycapsule.domain.film.pieces import PieceState
from memorycapsule.domain.film.sizes import Size
from memorycapsule.media.cache import Cache
from memorycapsule.services import opening
from memorycapsule.services.film import shared_segments
from memorycapsule.store import montages as montage_store
from memorycapsule.store.cluster import pieces as piece_store
from memorycapsule.store.transactions import Store
from memorycapsule.work import films
from memorycapsule.work.prerendering import Prerenderer
from memorycapsule.work.worker_context import WorkerContext
from support.cast import (
    NOW,
    OPENS,
    Instance,
    Time,
    add_story,
    join,
    make_capsule,
    make_context,
    make_instance,
    open_instance,
)

_POLL_SECONDS = 0.05
_CACHE_BYTES = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class Made:
    """A film that some nodes have made."""

    seconds: float
    #: The digest of each segment's packets, by its name.
    segments: dict[str, str]
    film: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=sys.modules[__name__].__doc__.split("\n\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    # The lines of the program's log would stand between the figures.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    with ExitStack() as stack:
        origin = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="film-nodes-")))
        with make_instance(_url(origin), origin / "data") as instance:
            film = _opened_film(instance, options.photos)
        shares, made = [], {}
        for number in range(options.runs):
            for nodes in (1, 2):
                folder = origin / f"run-{number}-{nodes}"
                _copy(origin, folder)
                made[nodes] = _made(folder, film, range(nodes), options)
                count, seconds = len(made[nodes].segments), made[nodes].seconds
                print(f"nodes: {nodes}, segments: {count}, seconds: {seconds:.1f}", flush=True)
            shares.append(made[2].seconds / made[1].seconds)
        print(
            f"two nodes take {statistics.median(shares):.2f} of the time of one (median of {len(shares)}: "
            + ", ".join(f"{share:.2f}" for share in shares)
            + ")"
        )
        _compare(made[1], made[2])
        _add_one(origin / "sealed", options)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/data/capsule.db"


def _copy(origin: Path, folder: Path) -> None:
    for name in ("data", "data-keys"):
        shutil.copytree(origin / name, folder / name)


def _opened_film(instance: Instance, photos: int) -> Montage:
    capsule = make_capsule(instance)
    ben = join(instance, capsule, "Ben")
    add_story(instance, capsule, ben.viewer, photos=[drawn(seed) for seed in range(photos)])
    opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
    with instance.store.reading() as tx:
        film = montage_store.of_opening(tx, capsule.id)
    assert film is not None
    return film


def _made(folder: Path, film: Montage, nodes: range, options: argparse.Namespace) -> Made:
    """Have some nodes make a film, and return what came out."""
    with open_instance(_url(folder), folder / "data", "") as instance:
        makers = [multiprocessing.Process(target=_node, args=(folder, number, options)) for number in nodes]
        for maker in makers:
            maker.start()
        seconds = _watched(instance, film)
        for maker in makers:
            maker.join()
        with instance.store.reading() as tx:
            pieces = piece_store.pieces.by(tx, montage_id=film.id)
            kept = montage_store.montages.get(tx, film.id)
            assert kept.film_blob, kept.report
            sources = {one.name: instance.vault.source_of(tx, one.blob_id) for one in pieces if one.blob_id}
            film_source = instance.vault.source_of(tx, kept.film_blob)
        segments = {}
        for name, source in sources.items():
            segments[name] = _packets(_copied(source, folder / "segment.mp4"))
        return Made(seconds=seconds, segments=segments, film=_copied(film_source, folder / "film.mp4"))


def _copied(source, path: Path) -> Path:  # type: ignore[no-untyped-def]
    with source.open() as reading, path.open("wb") as writing:
        shutil.copyfileobj(reading, writing)
    return path


def _node(folder: Path, number: int, options: argparse.Namespace) -> None:
    """Work on whatever film there is until it is over, on one core."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})
    with closing(Store(_url(folder))) as store, open_instance(_url(folder), folder / "data", "") as opened:
        instance = dataclasses.replace(opened, store=store)
        context = _context(instance, folder, f"node-{number}", OPENS, options)
        while not _is_over(instance):
            films.make_waiting(context)
            time.sleep(_POLL_SECONDS)


def _context(
    instance: Instance, folder: Path, name: str, now: datetime, options: argparse.Namespace
) -> WorkerContext:
    """Return what a node works with: a cache and a folder of its own."""
    width, height = pixels_of(options.size)
    return make_context(
        instance,
        Time(now),
        lease=name,
        is_alone=False,
        vault=dataclasses.replace(instance.vault, cache=Cache(folder / name / "cache", _CACHE_BYTES)),
        work_dir=folder / name / "work",
        size=Size(width=width, height=height),
        fps=options.fps,
    )


def _is_over(instance: Instance) -> bool:
    with instance.store.reading() as tx:
        return all(film.state.is_over for film in montage_store.montages.by(tx))


def _watched(instance: Instance, film: Montage) -> float:
    """Return for how many seconds segments of a film were rendered."""
    first: float | None = None
    while True:
        with instance.store.reading() as tx:
            states = [piece.state for piece in piece_store.pieces.by(tx, montage_id=film.id)]
            if montage_store.montages.get(tx, film.id).state.is_over and first is None:
                raise SystemExit("Nothing was shared: the film has too few segments.")
        if first is None and PieceState.RENDERING in states:
            first = time.monotonic()
        if first is not None and all(state in {PieceState.DONE, PieceState.LEFT} for state in states):
            return time.monotonic() - first
        time.sleep(_POLL_SECONDS)


def _compare(one: Made, two: Made) -> None:
    same = sum(two.segments.get(name) == digest for name, digest in one.segments.items())
    print(f"segments with the same packets: {same} of {len(one.segments)} and {len(two.segments)}")
    print(f"streams are the same: {_streams(one.film) == _streams(two.film)}")
    for line in _streams(two.film):
        print(f"  {line}")
    said = _ffmpeg("-i", str(one.film), "-i", str(two.film), "-lavfi", "psnr", "-f", "null", "-")
    print("all frames: " + " ".join(re.findall(r"PSNR.* (average:\S+ min:\S+)", said)))
    sounds = [_packets(made.film, "a") for made in (one, two)]
    print(f"packets of the sound are the same: {sounds[0] == sounds[1]}")
    print(f"longest gap between two packets of the sound: {_longest_gap(two.film):.3f} s")


def _packets(path: Path, stream: str = "") -> str:
    """Return a digest of all packets with their times."""
    chosen = ["-map", f"0:{stream}"] if stream else []
    return _ffmpeg("-i", str(path), *chosen, "-c", "copy", "-f", "framehash", "-", wants="stdout")


def _streams(path: Path) -> list[str]:
    """Return what ffmpeg says about the streams of a file."""
    said = _ffmpeg("-i", str(path), "-c", "copy", "-f", "null", "-")
    found = re.findall(r"Stream #0:\d\S*: (?:Video|Audio): .*", said.partition("Output #0")[0])
    return [line.partition("[")[0] + line.partition("]")[2] for line in found]


def _longest_gap(path: Path) -> float:
    """Return how many seconds lie at most between the end of a packet of sound and the next one's beginning."""
    rows = [
        [int(cell) for cell in line.split(",")[1:4]]
        for line in _packets(path, "a").splitlines()
        if not line.startswith("#")
    ]
    ends = [pts + duration for _dts, pts, duration in rows]
    rate = int(re.search(r"#tb 0: 1/(\d+)", _packets(path, "a"))[1])  # type: ignore[index]
    return max(begins - ends[number] for number, (_dts, begins, _duration) in enumerate(rows[1:])) / rate


def _ffmpeg(*words: str, wants: str = "stderr") -> str:
    done = subprocess.run(
        [processes.ffmpeg_path(), "-hide_banner", "-nostdin", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return str(getattr(done, wants))


def _add_one(folder: Path, options: argparse.Namespace) -> None:
    """Have one node render a sealed capsule's film ahead, add a story, and have the other one go on."""
    with make_instance(_url(folder), folder / "data") as instance:
        capsule = make_capsule(instance)
        ben = join(instance, capsule, "Ben")
        add_story(instance, capsule, ben.viewer, photos=[drawn(seed) for seed in range(options.photos)])
        first = Prerenderer(context=_context(instance, folder, "node-0", NOW, options)).run()
        before = shared_segments.names_ahead(instance.store, capsule.id)
        add_story(instance, capsule, ben.viewer, photos=[drawn(1000), drawn(1001)])
        again = Prerenderer(context=_context(instance, folder, "node-1", NOW, options)).run()
        after = shared_segments.names_ahead(instance.store, capsule.id)
    print(
        f"rendered ahead: {first} segments by one node; a story of two photos more touches {len(after - before)} "
        f"of {len(after) - 1}, and the other node renders {again}"
    )


if __name__ == "__main__":
    main()
