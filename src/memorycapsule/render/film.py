"""
From plan and prepared pictures to a film: cut into segments, let workers encode those that are missing, join.

A segment that is there already was made of pictures that could be read, so only the pictures of missing ones are
probed; whichever of them is broken is left out, and the film is cut again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from memorycapsule import themes
from memorycapsule.domain.film.direction import leave_out
from memorycapsule.domain.film.montages import SONG
from memorycapsule.domain.film.plan import Card, Clip, MontagePlan, Photo, Source
from memorycapsule.domain.film.subtitles import chapter_frames
from memorycapsule.domain.film.voices import Voice
from memorycapsule.errors import DiskFull, RenderFailed, is_disk_full
from memorycapsule.render import ffmpeg
from memorycapsule.render.segments import RENDERER_VERSION, Segment, cut, is_whole, shown_in
from memorycapsule.render.worker_pool import EncodeJob, WorkerPool

#: Endings of files that a killed run leaves half written.
_HALF = ".half"
#: What share of the work joining is, for the progress.
_JOIN_SHARE = 0.03
_DIGEST_SHARE = 0.02


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A picture, voice note or song that could not be used, with a sentence that says so."""

    #: Id of the picture or note; 'soundtrack' for the song.
    id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Film:
    """What came of a plan."""

    seconds: float
    frames: int
    left_out: tuple[LeftOut, ...]
    #: A representative frame, JPEG.
    poster: bytes
    segments_encoded: int
    segments_reused: int
    #: The plan as it was rendered: without the pictures left out, and with what it was made with.
    plan: MontagePlan


def render(
    plan: MontagePlan,
    *,
    pictures: Path,
    out: Path,
    workspace: Path,
    key: bytes = b"",
    workers: int = 2,
    digests: Mapping[str, str] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Film:
    """
    Make the film of `plan` from the prepared `pictures` (a folder) and put it at `out`, whole or not at all.

    `workspace` keeps finished segments (`segments/`, named by `key` and all that they show), so that a second
    run encodes only what is missing; whoever gives it may empty it after success. `digests` are the SHA-256 of
    pictures by their ids, where the caller knows them; the others are read for it. Pictures that only finished
    segments show need not be in the folder (see `survey`). Progress is told as 0..1. Children die with the
    calling thread. One film at a time in a workspace. Raises RenderFailed and DiskFull.
    """
    tell = on_progress or (lambda _: None)
    # Whole paths begin with no dash, whatever a folder is called.
    pictures, out, workspace = pictures.resolve(), out.resolve(), workspace.resolve()
    try:
        workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = workspace / "segments"
        store.mkdir(mode=0o700, exist_ok=True)
        with _scratch(workspace) as scratch, WorkerPool(pictures=pictures, workers=workers) as crew:
            return _render(plan, pictures, out, store, scratch, key, crew, digests or {}, tell)
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise RenderFailed(
            "The film could not be written; check that the folders for the film exist and may be written to."
        ) from error


def made_with() -> dict[str, str]:
    """Return what decides pixels beside the plan: versions of renderer, OpenCV and ffmpeg, digests of the fonts."""
    fonts = {
        path.name: _digest(path)
        for path in sorted(themes.font_path("Pretendard-Regular.otf").parent.glob("*.?tf"))
    }
    return {"renderer": RENDERER_VERSION, "opencv": cv2.__version__, "ffmpeg": ffmpeg.version(), **fonts}


def _render(
    plan: MontagePlan,
    pictures: Path,
    out: Path,
    store: Path,
    scratch: Path,
    key: bytes,
    crew: WorkerPool,
    known: Mapping[str, str],
    tell: Callable[[float], None],
) -> Film:
    digests, left_out = digests_of(plan, pictures, known, lambda share: tell(_DIGEST_SHARE * share))
    used = made_with()
    probed: set[str] = set()
    while True:
        whole = without(plan, left_out)
        segments = cut(whole, digests, used, key)
        missing = [segment for segment in segments if not is_whole(store / f"{segment.name}.mp4")]
        needed = {
            source.id: source
            for segment in missing
            for source in shown_in(whole, segment.first, segment.stop)
        }
        needed |= {source.id: source for source in shown_on_poster(whole)}
        broken = probe(whole, [source for source in needed.values() if source.id not in probed], pictures)
        if not broken:
            break
        probed |= needed.keys()
        left_out += broken
    waiting = sum(segment.frames for segment in missing)
    # The same segment may be needed twice; it is encoded once.
    jobs = {segment.name: _segment_job(segment, store) for segment in missing}
    poster = scratch / "poster.jpg"
    sound = scratch / "sound.m4a"
    share = 1 - _DIGEST_SHARE - _JOIN_SHARE
    answers = crew.run(
        whole,
        [
            EncodeJob(
                task="poster", first=poster_frame(whole), stop=0, half=scratch / "poster.half", out=poster
            ),
            *jobs.values(),
        ],
        sound=sound,
        scratch=scratch,
        on_frames=lambda done: tell(_DIGEST_SHARE + share * min(1.0, done / waiting if waiting else 1.0)),
    )
    if not answers.song_usable:
        left_out.append(
            LeftOut(id=SONG, reason="The song could not be played, so the film has the theme's own music.")
        )
    left_out += [_not_heard(voice) for voice in whole.voices if voice.id in answers.unheard]
    half = out.with_name(f".{out.name}{_HALF}")
    try:
        _join(whole, segments, store, sound, scratch, half)
        _keep(half, out)
    except RenderFailed:
        # One of them is bad, and which is not said; kept, it would spoil every further try.
        for segment in segments:
            (store / f"{segment.name}.mp4").unlink(missing_ok=True)
        raise
    finally:
        half.unlink(missing_ok=True)
    tell(1.0)
    return Film(
        seconds=whole.seconds,
        frames=whole.frames,
        left_out=tuple(left_out),
        poster=poster.read_bytes(),
        segments_encoded=len(jobs),
        segments_reused=len(segments) - len(missing),
        plan=replace(whole, made_with=tuple(sorted(used.items()))),
    )


def poster_frame(plan: MontagePlan) -> int:
    """
    Return the frame that stands for the film: the middle of a picture about a third into it, a wide one if
    any.
    """
    timeline = plan.timeline
    photos = [placed for placed in timeline if isinstance(placed.shot, Photo)]
    wide = [placed for placed in photos if isinstance(placed.shot, Photo) and placed.shot.fit == "cover"]
    best = (
        wide
        or photos
        or [placed for placed in timeline if not isinstance(placed.shot, Card)]
        or list(timeline[:1])
    )
    placed = best[len(best) // 3]
    return (placed.first + placed.stop) // 2


def without(plan: MontagePlan, left_out: list[LeftOut]) -> MontagePlan:
    """
    Return the plan without the pictures that are left out, in the form that segments are named after.

    Written and read once, whole numbers among fractions look the same whoever made the plan.
    """
    return MontagePlan.from_json(leave_out(plan, frozenset(item.id for item in left_out)).to_json())


def probe(plan: MontagePlan, sources: list[Source], pictures: Path) -> list[LeftOut]:
    """Return which of `sources` cannot be used, with a sentence each."""
    clips = {shot.source.id: shot for shot in plan.shots if isinstance(shot, Clip)}
    found: list[LeftOut] = []
    for source in sources:
        path, clip = pictures / source.file, clips.get(source.id)
        good = _is_inside(source) and path.is_file()
        if not (good and (_clip_plays(path, clip, plan.fps) if clip else _photo_opens(path))):
            found.append(_left_out(source))
    return found


def digests_of(
    plan: MontagePlan, pictures: Path, known: Mapping[str, str], tell: Callable[[float], None]
) -> tuple[dict[str, str], list[LeftOut]]:
    """Return the digests of the film's pictures, by id, and those that are not there, with a sentence each."""
    digests = dict(known)
    left_out: list[LeftOut] = []
    sources = plan.sources
    for number, source in enumerate(sources):
        if source.id not in digests:
            if _is_inside(source) and (pictures / source.file).is_file():
                digests[source.id] = _digest(pictures / source.file)
            else:
                left_out.append(_left_out(source))
        tell((number + 1) / len(sources))
    return digests, left_out


def shown_on_poster(plan: MontagePlan) -> tuple[Source, ...]:
    """Return the pictures that `poster_frame` shows."""
    number = poster_frame(plan)
    return shown_in(plan, number, number + 1)


def _is_inside(source: Source) -> bool:
    """Return whether a picture's file is one of the folder of pictures, and not somewhere else."""
    return source.file == Path(source.file).name


def _left_out(source: Source) -> LeftOut:
    kind = "clip" if source.file.endswith(".mp4") else "photo"
    reason = (
        f"The {kind} {source.file} could not be read and was left out of the film; the original is untouched."
    )
    return LeftOut(id=source.id, reason=reason)


def _not_heard(voice: Voice) -> LeftOut:
    reason = f"The voice note {voice.file} could not be played and was left out of the film; the original is untouched."
    return LeftOut(id=voice.id, reason=reason)


def _photo_opens(path: Path) -> bool:
    """Return whether a prepared JPEG is whole: its end is there, and all of it decodes at an eighth of its size."""
    data = path.read_bytes()
    # OpenCV only warns about a JPEG that was cut short; the marker at its end tells (ITU-T T.81, B.1.1.3).
    if not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return False
    import numpy as np

    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_COLOR_8) is not None


def _clip_plays(path: Path, shot: Clip, fps: int) -> bool:
    """Return whether a clip has a picture where its shot begins; one that ends early holds its last frame."""
    try:
        return bool(
            ffmpeg.run(
                ffmpeg.probe_arguments(path, shot, fps), what="The clip cannot be played.", timeout_seconds=60
            )
        )
    except RenderFailed:
        return False


def _segment_job(segment: Segment, store: Path) -> EncodeJob:
    return EncodeJob(
        task="segment",
        first=segment.first,
        stop=segment.stop,
        half=store / f"{segment.name}{_HALF}",
        out=store / f"{segment.name}.mp4",
    )


def _join(
    plan: MontagePlan, segments: tuple[Segment, ...], store: Path, sound: Path, scratch: Path, out: Path
) -> None:
    names = scratch / "segments.txt"
    # The concat demuxer quotes with single quotes; one inside is closed, escaped, opened again.
    quoted = (str((store / f"{segment.name}.mp4").resolve()).replace("'", r"'\''") for segment in segments)
    names.write_text(
        "ffconcat version 1.0\n" + "".join(f"file '{name}'\n" for name in quoted), encoding="utf-8"
    )
    words = scratch / "metadata.txt"
    chapters = "".join(
        ffmpeg.chapter(title, first, stop, plan.fps) for title, first, stop in chapter_frames(plan)
    )
    words.write_text(ffmpeg.metadata(plan.title, plan.date) + chapters, encoding="utf-8")
    what = "The pieces of the film could not be joined; the next try makes them again."
    said = ffmpeg.run(ffmpeg.join_arguments(names, sound, words, out), what=what, timeout_seconds=600)
    joined = [int(count) for count in re.findall(rb"^frame=\s*(\d+)", said, re.MULTILINE)]
    if joined[-1:] != [plan.frames]:
        raise RenderFailed(what)


def _keep(half: Path, out: Path) -> None:
    with half.open("rb") as film:
        os.fsync(film.fileno())
    half.replace(out)


@contextlib.contextmanager
def _scratch(workspace: Path) -> Iterator[Path]:
    """Provide an empty folder for temporary files; what a killed run left is removed first."""
    for half in (workspace / "segments").glob(f"*{_HALF}"):
        half.unlink(missing_ok=True)
    scratch = workspace / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
