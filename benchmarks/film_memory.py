"""
Does memory grow with the number of photos? Peak memory of all processes of a film of 40 and of 400 photos.

    python benchmarks/film_memory.py [--counts 40 400] [--size 1920x1080] [--fps 30] [--seconds-per-photo 1.0]

The photos are drawn with NumPy and removed afterwards. Memory is the proportional share (PSS) of the renderer and all
its children, summed at the same moment and sampled all along; so pages that processes share count once. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from measuring import drawn, run

from memorycapsule.domain.film.direction import Direction, direct
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import FilmStyle
from memorycapsule.domain.film.sizes import Size


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


def measure(count: int, size: Size, fps: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = place / "pictures"
        folder.mkdir()
        pictures = [put_in(folder, number) for number in range(count)]
        style = replace(FilmStyle(), photo_seconds=seconds, entrance_seconds=seconds / 5)
        plan = direct(
            title=f"{count} photos",
            pictures=pictures,
            direction=Direction(size=size, fps=fps, style=style, length="full"),
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
        made = run(command)
        film = json.loads(made.output.splitlines()[-1])["film"]
    return {
        "photos": count,
        "frames": film["frames"],
        "seconds": made.seconds,
        "tree": made.peak_bytes / 2**20,
        "largest": made.largest_bytes / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[40, 400])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--seconds-per-photo", type=float, default=1.0)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    print("| photos | frames | took s | fps | peak of all processes MB | largest process MB |")
    print("|---|---|---|---|---|---|")
    rows = []
    for count in options.counts:
        row = measure(count, Size(width=width, height=height), options.fps, options.seconds_per_photo)
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
