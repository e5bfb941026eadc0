"""
Does memory grow with the number of photos? Peak memory of all processes of a film of 40 and of 400 photos.

    python benchmarks/film_memory.py [--counts 40 400] [--size 1920x1080] [--seconds-per-photo 1.0]

The photos are drawn with NumPy and removed afterwards. Memory is the proportional share (PSS) of the renderer and all
its children, summed at the same moment and sampled all along; so pages that processes share count once. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from memorycapsule.domain.choosing import Picture
from memorycapsule.domain.direction import Direction, direct
from memorycapsule.domain.plan import FilmStyle, Size

SAMPLE_SECONDS = 0.1


def drawn(number: int) -> bytes:
    """Return a photo of 2560 x 1707 with soft shapes and grain, different for each number."""
    chance = np.random.default_rng(number)
    small = chance.integers(30, 226, (9, 13, 3), dtype=np.uint8)
    large = cv2.resize(small, (2560, 1707), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = chance.integers(-6, 7, (1707, 2560, 1), dtype=np.int16)
    return cv2.imencode(
        ".jpg", np.clip(large + grain, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 92]
    )[1].tobytes()


def put_in(folder: Path, number: int) -> Picture:
    picture = Picture(
        id=f"picture-{number}",
        kind="photo",
        file=f"{number:05}.jpg",
        width=2560,
        height=1707,
        story_id="",
        position=number,
        contributor=f"Person {number % 7}",
    )
    (folder / picture.file).write_bytes(drawn(number))
    return picture


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(found for child in children for found in family(int(child)))]


def memory(pid: int) -> tuple[int, int]:
    """Return the bytes that a family of processes holds in all, and the most that one of them holds."""
    parts = []
    for member in family(pid):
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        parts += [int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")]
    return sum(parts), max(parts, default=0)


def measure(count: int, size: Size, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = place / "pictures"
        folder.mkdir()
        pictures = [put_in(folder, number) for number in range(count)]
        style = replace(FilmStyle(), photo_seconds=seconds, entrance_seconds=seconds / 5)
        plan = direct(
            title=f"{count} photos",
            pictures=pictures,
            direction=Direction(size=size, style=style, length="full"),
        )
        (place / "plan.json").write_text(plan.to_json(), encoding="utf-8")
        command = [
            *(
                sys.executable,
                "-m",
                "memorycapsule.render",
                str(place / "plan.json"),
                str(place / "film.mp4"),
            ),
            *("--pictures", str(folder), "--workspace", str(place / "workspace")),
        ]
        began, peak, one = time.monotonic(), 0, 0
        with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
            while program.poll() is None:
                whole, largest = memory(program.pid)
                peak, one = max(peak, whole), max(one, largest)
                time.sleep(SAMPLE_SECONDS)
            lines = program.stdout.read().splitlines()
        film = json.loads(lines[-1])["film"]
        took = time.monotonic() - began
    return {
        "photos": count,
        "frames": film["frames"],
        "seconds": took,
        "tree": peak / 2**20,
        "largest": one / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[40, 400])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--seconds-per-photo", type=float, default=1.0)
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    print("| photos | frames | took s | fps | peak of all processes MB | largest process MB |")
    print("|---|---|---|---|---|---|")
    rows = []
    for count in given.counts:
        row = measure(count, Size(width=width, height=height), given.seconds_per_photo)
        rows.append(row)
        values = (
            row["photos"],
            row["frames"],
            row["seconds"],
            row["frames"] / row["seconds"],
            row["tree"],
            row["largest"],
        )
        print("| " + " | ".join(f"{value:.0f}" for value in values) + " |", flush=True)
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        growth = last["tree"] / first["tree"] - 1
        print(f"\nGrowth from {first['photos']} to {last['photos']} photos: {growth:+.1%}")


if __name__ == "__main__":
    main()
