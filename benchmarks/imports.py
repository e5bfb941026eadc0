"""
How many photos a second come in: 100 JPEG photos of 12 megapixels, decoded, sealed, with derivatives and fsync.

    .venv/bin/python benchmarks/imports.py [--photos 100]

Compares one decoding child with two, alternating, in one run; prints photos per second and peak memory.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import cv2
import instance
import numpy as np

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.domain.opening_dates import parse_opening_date
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.media.intake import memory_copy
from memorycapsule.services import capsules, sessions, stories
from memorycapsule.services.capsules import CapsuleDraft

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100)
    count = parser.parse_args().photos
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photos = draw(root / "photos", count)
        size = statistics.mean(photo.stat().st_size for photo in photos) / 1e6
        print(f"{count} photos of 4000x3000, {size:.1f} MB each, {os.cpu_count()} cores")
        speeds: dict[int, list[float]] = {1: [], 2: []}
        for number in range(ROUNDS):
            for children, found in speeds.items():
                found.append(count / bring_in(root / f"{number}-{children}", photos, children))
        for children, found in speeds.items():
            rates = ", ".join(f"{speed:.1f}" for speed in found)
            print(f"{children} decoding children: median {statistics.median(found):.1f} photos/s ({rates})")
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak memory: this process {own:.0f} MB, the largest child {child:.0f} MB")


def draw(folder: Path, count: int) -> list[Path]:
    """Write photos that differ and compress about as well as real ones."""
    folder.mkdir()
    rng = np.random.default_rng(12)
    base = cv2.GaussianBlur(rng.integers(0, 256, (3000, 4000, 3), np.uint8), (0, 0), 3)
    base = cv2.normalize(base, None, 0, 255, cv2.NORM_MINMAX)
    photos = []
    for number in range(count):
        picture = np.roll(base, number * 37, axis=1)
        cv2.putText(picture, str(number), (200, 400), cv2.FONT_HERSHEY_SIMPLEX, 12, (255, 255, 255), 20)
        photos.append(folder / f"{number:04}.jpg")
        cv2.imwrite(str(photos[-1]), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return photos


def bring_in(root: Path, photos: list[Path], children: int) -> float:
    (root / "data").mkdir(parents=True)
    settings = config.Settings(data_dir=root / "data", key_file=root / "instance.key")
    instance.initialise(settings)
    with (
        open_app(settings) as app,
        closing(Decoders(workspace=root, children=children)) as decoders,
        ThreadPoolExecutor(children) as threads,
    ):
        viewer = sessions.host_viewer(app.store)
        capsule = capsules.create(
            app.store,
            app.vault,
            viewer,
            CapsuleDraft(title="Import", theme="museum", film_photos=60),
            date=parse_opening_date("in 10 years", "UTC", app.now()),
            now=app.now(),
        )
        story = stories.add(
            app.store, app.vault, viewer, capsule.slug, title="All of it", text=None, now=app.now()
        )

        def attach(path: Path) -> None:
            with path.open("rb") as file, memory_copy(file, limit_bytes=10**9) as upload:
                stories.attach(
                    app.store,
                    app.vault,
                    decoders.prepare,
                    viewer,
                    story.id,
                    file=path.name,
                    upload=upload,
                    clock=app.now,
                )

        started = time.perf_counter()
        list(threads.map(attach, photos))
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
