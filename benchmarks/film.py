"""
How fast is a film made? The same 8 photos by our renderer, by plain MoviePy and by ffmpeg's zoompan.

    make bench [ARGS="--size 640x360 --photos 3 --rounds 1"]

All three get the same prepared photos, size, rate, length, music and encoder setting, and take turns, several
rounds. Ours comes again with its own default setting. Beside each run of ours, as close in time as can be, stands the
limit: two single-threaded encoders that are given the same finished frames from memory. Everything is made in a
temporary folder; the frames lie in memory (/dev/shm). Linux only.

Times mean something on a quiet machine only. Otherwise look at CPU seconds, and at ratios of neighbours; the column
"others" says how many CPU seconds everything else on the machine used meanwhile.

The photos are the largest good JPEGs of CAPSULE_TEST_PHOTOS, or of ../shared/photos, or else drawn.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
from film_rivals import zoompan_command
from jitter import jitter, of_frames
from measuring import Run, drawn, run

from memorycapsule import themes
from memorycapsule.domain.film.direction import Direction, direct
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Encoder, MontagePlan, Photo, Scene
from memorycapsule.domain.film.sizes import Size
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.render.planes import planes_of
from memorycapsule.render.worker import frames

HERE = Path(__file__).parent
PHOTO_SECONDS, FADE_SECONDS = 4.0, 0.8
#: What most people would ask x264 for, whatever they make a film with.
USUAL = Encoder(preset="veryfast", crf=22.0, x264_params="")
SETTINGS = {"usual": USUAL, "default": Encoder()}
#: Frames for comparing the pipe with PyAV.
PIPED_FRAMES = 300


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be made, in a folder of its own."""

    folder: Path
    pictures: tuple[Picture, ...]
    size: Size
    fps: int

    def plan(self, encoder: Encoder) -> MontagePlan:
        """Return our plan: the photos alone, without title and names, as the others have it."""
        style = replace(
            themes.load("classic").film,
            photo_seconds=PHOTO_SECONDS,
            panorama_seconds=PHOTO_SECONDS,
            entrance_seconds=FADE_SECONDS,
        )
        how = Direction(size=self.size, fps=self.fps, style=style, encoder=encoder, length=None)
        plan = direct(title="", pictures=self.pictures, direction=how)
        shots = [replace(shot, caption=None) for shot in plan.shots if isinstance(shot, Photo)]
        shots[0] = replace(shots[0], entrance_frames=0)
        return replace(plan, scenes=(Scene(story_id=None, title="", shots=tuple(shots)),), fade_out_frames=0)

    def job(self, encoder: Encoder, out: Path, **more: Any) -> dict[str, Any]:
        """Return the job for the programs of film_rivals.py."""
        return {
            "photos": [str(self.folder / "pictures" / picture.file) for picture in self.pictures],
            "song": str(themes.load("classic").soundtrack),
            "width": self.size.width,
            "height": self.size.height,
            "fps": self.fps,
            "photo_seconds": PHOTO_SECONDS,
            "fade_seconds": FADE_SECONDS,
            "frames": self.plan(encoder).frames,
            "preset": encoder.preset,
            "crf": encoder.crf,
            "x264_params": encoder.x264_params,
            "out": str(out),
            **more,
        }

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


def photos_in(count: int) -> list[Path]:
    """Return the largest good JPEG photos of the sample folder."""
    folder = Path(os.environ.get("CAPSULE_TEST_PHOTOS") or HERE.parent.parent / "shared" / "photos")
    sizes = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if path.suffix.lower() in {".jpg", ".jpeg"}:
            picture = cv2.imread(str(path))
            if picture is not None:
                sizes.append((-picture.shape[0] * picture.shape[1], path))
    return [path for _, path in sorted(sizes)[:count]]


def prepared(folder: Path, count: int) -> tuple[Picture, ...]:
    """Put prepared photos into `folder`, as a story's are."""
    place = folder / "pictures"
    place.mkdir()
    sources = photos_in(count)
    if len(sources) < count:
        print(f"Only {len(sources)} sample photos; all {count} are drawn instead.")
        sources = [folder / f"drawn-{number}.jpg" for number in range(count)]
        for number, source in enumerate(sources):
            source.write_bytes(drawn(number))
    pictures = []
    with Decoders(workspace=folder) as decoders:
        for number, source in enumerate(sources):
            name = f"{number:02}.jpg"
            with source.open("rb") as file:
                (place / name).write_bytes(decoders.prepare(file).display)
            height, width = cv2.imread(str(place / name)).shape[:2]
            pictures.append(
                Picture(
                    id=name,
                    kind="photo",
                    file=name,
                    width=width,
                    height=height,
                    story_id="",
                    position=number,
                    contributor="Ada",
                )
            )
    return tuple(pictures)


def ours(work: Work, encoder: Encoder, out: Path) -> Run:
    plan = work.write("plan.json", work.plan(encoder).to_json())
    with tempfile.TemporaryDirectory(dir=work.folder) as workspace:
        return run(
            [
                *(sys.executable, "-m", "memorycapsule.render", str(plan), str(out)),
                *("--pictures", str(work.folder / "pictures"), "--workspace", workspace),
            ]
        )


def by_moviepy(work: Work, encoder: Encoder, out: Path) -> Run:
    job = work.write("moviepy.json", json.dumps(work.job(encoder, out)))
    return run([sys.executable, str(HERE / "film_rivals.py"), "moviepy", str(job)])


def by_zoompan(work: Work, encoder: Encoder, out: Path) -> Run:
    return run(zoompan_command(work.job(encoder, out)))


def limit(work: Work, encoder: Encoder, halves: list[Path]) -> Run:
    """Encode finished frames with two single-threaded encoders; nothing is composed, heard or joined."""
    from memorycapsule import processes
    from memorycapsule.render import ffmpeg

    commands = []
    for half in halves:
        arguments = ffmpeg.encode_arguments(work.plan(encoder), half.with_suffix(".mp4"))
        named = [str(half) if word == "pipe:0" else word for word in arguments]
        tunables = f"GLIBC_TUNABLES={ffmpeg.environment()['GLIBC_TUNABLES']}"
        commands.append(["env", tunables, processes.ffmpeg_path(), "-nostdin", "-loglevel", "error", *named])
    return run(*commands)


def finished_frames(work: Work, folder: Path, parts: int, most: int | None = None) -> list[Path]:
    """Write the film's frames into `parts` files of raw NV12."""
    cv2.setNumThreads(1)
    plan = work.plan(USUAL)
    count = min(plan.frames, most or plan.frames)
    edges = [count * part // parts for part in range(parts + 1)]
    paths = [folder / f"part{part}.nv12" for part in range(parts)]

    def write(part: int) -> None:
        with paths[part].open("wb") as file:
            for frame in frames(plan, work.folder / "pictures", edges[part], edges[part + 1]):
                file.write(frame.data)

    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(write, range(parts)))
    return paths


def holds(work: Work) -> Iterator[tuple[int, int]]:
    """Yield the frames (first, stop) in which one photo alone is seen."""
    photo, fade = round(PHOTO_SECONDS * work.fps), round(FADE_SECONDS * work.fps)
    for number in range(len(work.pictures)):
        first = number * (photo - fade)
        yield first + fade + 1, first + photo - fade - 1


def unevenness(work: Work, film: Path) -> str:
    """Say how large the rms jitter over all photos is, and that of the worst."""
    return _in_words(
        [jitter(film, work.size.width, work.size.height, first, stop) for first, stop in holds(work)]
    )


def unevenness_before_encoding(work: Work) -> str:
    """Say the same of our frames as they go into the encoder, which stirs them a little itself."""
    plan = work.plan(USUAL)
    return _in_words(
        [
            of_frames(
                [
                    planes_of(frame).luma.copy()
                    for frame in frames(plan, work.folder / "pictures", first, stop)
                ]
            )
            for first, stop in holds(work)
        ]
    )


def _in_words(found: list[float | None]) -> str:
    values = [value for value in found if value is not None]
    if not values:
        return "nothing to follow"
    return f"{statistics.fmean(value**2 for value in values) ** 0.5:.3f} ({max(values):.3f})"


WAYS = {
    "ours, usual setting": (ours, "usual"),
    "ffmpeg zoompan + xfade, usual setting": (by_zoompan, "usual"),
    "MoviePy, usual setting": (by_moviepy, "usual"),
    "ours, default setting": (ours, "default"),
}


def measure(work: Work, rounds: int, frames_folder: Path, *, without_moviepy: bool) -> None:
    halves = finished_frames(work, frames_folder, 2)
    count = work.plan(USUAL).frames
    runs: dict[str, list[Run]] = defaultdict(list)
    films = {name: work.folder / f"film{number}.mp4" for number, name in enumerate(WAYS)}
    for number in range(rounds):
        for name, (make, setting) in WAYS.items():
            if make is by_moviepy and without_moviepy:
                continue
            if make is ours:
                _keep(runs, number, f"limit, {setting} setting", limit(work, SETTINGS[setting], halves))
            _keep(runs, number, name, make(work, SETTINGS[setting], films[name]))
    print(f"\n{len(work.pictures)} photos, {count} frames of {work.size.width}x{work.size.height}, medians\n")
    print(
        "| way | fps | wall s | CPU s | CPU ms/frame | others' CPU s | peak MB | file MB | jitter px (worst) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, many in runs.items():
        seconds, cpu, foreign = (
            statistics.median(getattr(one, field) for one in many)
            for field in ("seconds", "cpu_seconds", "foreign_cpu_seconds")
        )
        peak = max(one.peak_bytes for one in many) / 2**20
        row = f"| {name} | {count / seconds:.1f} | {seconds:.1f} | {cpu:.1f} | {cpu / count * 1000:.1f} "
        row += f"| {foreign:.1f} | {peak:.0f} "
        if name in films:
            row += f"| {films[name].stat().st_size / 2**20:.1f} | {unevenness(work, films[name])} |"
        else:
            row += "| | |"
        print(row, flush=True)
    print(f"\nJitter of our frames before they are encoded: {unevenness_before_encoding(work)}")
    for what, one, other in (
        ("times as fast as MoviePy", "MoviePy, usual setting", "ours, usual setting"),
        ("times as fast as zoompan", "ffmpeg zoompan + xfade, usual setting", "ours, usual setting"),
        (
            "default setting, times as fast as zoompan",
            "ffmpeg zoompan + xfade, usual setting",
            "ours, default setting",
        ),
        ("of the limit, usual setting", "limit, usual setting", "ours, usual setting"),
        ("of the limit, default setting", "limit, default setting", "ours, default setting"),
    ):
        if runs[one]:
            print(f"{what}: {_ratios(runs[one], runs[other])}")


def _keep(runs: dict[str, list[Run]], number: int, name: str, made: Run) -> None:
    runs[name].append(made)
    print(
        f"round {number + 1}, {name}: {made.seconds:.1f} s, {made.cpu_seconds:.1f} CPU s,"
        f" others {made.foreign_cpu_seconds:.1f} CPU s",
        file=sys.stderr,
        flush=True,
    )


def _ratios(one: list[Run], other: list[Run]) -> str:
    """Say how the runs of each round compare, by wall and by CPU seconds."""
    parts = []
    for word, field in (("wall", "seconds"), ("CPU", "cpu_seconds")):
        values = [getattr(a, field) / getattr(b, field) for a, b in zip(one, other, strict=True)]
        parts.append(
            f"{word} {statistics.median(values):.2f} ({', '.join(f'{value:.2f}' for value in values)})"
        )
    return "; ".join(parts)


def compare_with_pyav(work: Work, rounds: int, frames_folder: Path) -> None:
    if importlib.util.find_spec("av") is None:
        print(
            "\nPipe or PyAV: PyAV is not installed here (it is no dependency), so the two are not compared."
        )
        return
    [raw] = finished_frames(work, frames_folder, 1, PIPED_FRAMES)
    encoder = Encoder()
    plan = work.write("plan.json", work.plan(encoder).to_json())
    job = work.job(encoder, work.folder / "piped.mp4", raw=str(raw), plan=str(plan))
    path = work.write("piped.json", json.dumps(job))
    count = raw.stat().st_size // (work.size.width * work.size.height * 3 // 2)
    print(f"\nOne encoder of one thread, {count} finished frames, default setting:")
    found: dict[str, list[Run]] = defaultdict(list)
    for _ in range(rounds):
        for how in ("pipe", "pyav"):
            found[how].append(run([sys.executable, str(HERE / "film_rivals.py"), how, str(path)]))
    for how, many in found.items():
        seconds = statistics.median(json.loads(one.output)["seconds"] for one in many)
        cpu = statistics.median(one.cpu_seconds for one in many)
        print(f"  {how}: {count / seconds:.1f} fps, {cpu / count * 1000:.1f} CPU ms/frame with start-up")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-moviepy", action="store_true", help="it takes most of the time")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with ExitStack() as places:
        folder = Path(places.enter_context(tempfile.TemporaryDirectory()))
        shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
        raw = Path(places.enter_context(tempfile.TemporaryDirectory(dir=shared)))
        work = Work(
            folder=folder,
            pictures=prepared(folder, options.photos),
            size=Size(width=width, height=height),
            fps=options.fps,
        )
        measure(work, options.rounds, raw, without_moviepy=options.without_moviepy)
        for path in raw.iterdir():
            path.unlink()
        compare_with_pyav(work, options.rounds, raw)


if __name__ == "__main__":
    main()
