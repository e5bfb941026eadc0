"""
From plan and prepared pictures to a film: cut it into segments, let workers encode the missing ones, join them.

Pictures of a finished segment could be read when it was encoded. So only the pictures of missing segments are probed.
A broken one is left out, and the film is cut again.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from memorycapsule.domain.film.direction import without_pictures
from memorycapsule.domain.film.montages import SONG
from memorycapsule.domain.film.plan import Card, Clip, MontagePlan, Photo, Source
from memorycapsule.domain.film.subtitles import chapter_frames
from memorycapsule.domain.film.voices import Voice
from memorycapsule.errors import CapsuleError, RenderFailed, shortage
from memorycapsule.render import ffmpeg
from memorycapsule.render.made_with import MadeWith, made_with
from memorycapsule.render.segments import Segment, cut, is_whole, shown_in
from memorycapsule.render.stages import stage_name
from memorycapsule.render.worker_pool import EncodeJob, WorkerPool, rename_synced

#: The ending of a file that is being written; a killed run leaves such files behind.
_HALF = ".half"
#: The shares that joining and digesting have in the progress.
_JOIN_SHARE = 0.03
_DIGEST_SHARE = 0.02


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A picture, voice note or song that could not be used, and why."""

    #: Id of the picture or note; 'soundtrack' for the song.
    id: str
    error: CapsuleError


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

    `workspace` keeps finished segments (`segments/`, named by `key` and all that they show), so that a second run
    encodes only the missing ones. It may be emptied after success, and serves one film at a time. `digests` are the
    SHA-256 of pictures by their ids; digests that the caller does not know are computed. Pictures that only finished
    segments show need not be in the folder (see `render.survey`). `on_progress` is called with 0..1. Children die
    with the calling thread. Raises RenderFailed, DiskFull and Postponed.
    """
    report = on_progress or (lambda _: None)
    # An absolute path never begins with a dash, so ffmpeg takes none for an option.
    pictures, out, workspace = pictures.resolve(), out.resolve(), workspace.resolve()
    try:
        # A place that cannot be written is told before the work, not after it.
        _half(out).touch()
        _half(out).unlink()
        workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        finished = workspace / "segments"
        finished.mkdir(mode=0o700, exist_ok=True)
        with _scratch(workspace) as scratch, WorkerPool(pictures=pictures, workers=workers) as pool:
            places = _Places(pictures=pictures, finished=finished, scratch=scratch, out=out)
            return _render(plan, places, key, pool, digests or {}, report)
    except OSError as error:
        raise (shortage(error) or RenderFailed("film_unwritable")) from error


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Where the files of a rendering lie."""

    pictures: Path
    #: Folder of finished segments, which later runs find again.
    finished: Path
    #: Folder that goes with this run.
    scratch: Path
    #: The film.
    out: Path


def _half(out: Path) -> Path:
    """Return where a film lies until it is whole."""
    return out.with_name(f".{out.name}{_HALF}")


def _render(
    plan: MontagePlan,
    places: _Places,
    key: bytes,
    pool: WorkerPool,
    known_digests: Mapping[str, str],
    report: Callable[[float], None],
) -> Film:
    digests, left_out = digests_of(
        plan, places.pictures, known_digests, lambda share: report(_DIGEST_SHARE * share)
    )
    program = made_with()
    probed: set[str] = set()
    while True:
        usable = without(plan, left_out)
        segments = cut(usable, digests, program, key)
        missing = [segment for segment in segments if not is_whole(places.finished / f"{segment.name}.mp4")]
        needed = {
            source.id: source
            for segment in missing
            for source in shown_in(usable, segment.first, segment.stop)
        }
        needed |= {source.id: source for source in shown_on_poster(usable)}
        broken = probe(
            usable, [source for source in needed.values() if source.id not in probed], places.pictures
        )
        if not broken:
            break
        probed |= needed.keys()
        left_out += broken
    frames_to_encode = sum(segment.frames for segment in missing)
    # The same segment may be needed twice; it is encoded once.
    jobs = {segment.name: _segment_job(segment, places.finished) for segment in missing}
    poster = places.scratch / "poster.jpg"
    sound = places.scratch / "sound.m4a"
    share = 1 - _DIGEST_SHARE - _JOIN_SHARE
    sound_result = pool.run(
        usable,
        [
            EncodeJob(
                task="poster",
                first=poster_frame(usable),
                stop=0,
                half=places.scratch / "poster.half",
                out=poster,
            ),
            *jobs.values(),
        ],
        sound=sound,
        scratch=places.scratch,
        on_frames=lambda done: report(
            _DIGEST_SHARE + share * min(1.0, done / frames_to_encode if frames_to_encode else 1.0)
        ),
    )
    if not sound_result.song_usable:
        left_out.append(LeftOut(id=SONG, error=CapsuleError("film_song_unplayable")))
    left_out += [_unplayable(voice) for voice in usable.voices if voice.id in sound_result.unplayable_notes]
    half = _half(places.out)
    try:
        _join(usable, segments, places.finished, sound, places.scratch, half)
        rename_synced(half, places.out)
    except RenderFailed:
        # ffmpeg does not say which segment is bad. If that one stayed, every further try would fail.
        for segment in segments:
            (places.finished / f"{segment.name}.mp4").unlink(missing_ok=True)
        raise
    finally:
        half.unlink(missing_ok=True)
    report(1.0)
    return Film(
        seconds=usable.seconds,
        frames=usable.frames,
        left_out=tuple(left_out),
        poster=poster.read_bytes(),
        segments_encoded=len(jobs),
        segments_reused=len(segments) - len(missing),
        plan=_with_program(usable, program),
    )


def _with_program(plan: MontagePlan, program: MadeWith) -> MontagePlan:
    """Return the plan with what drew it."""
    stages = {stage_name(plan, shot) for shot in plan.shots}
    return replace(plan, made_with=tuple(sorted(program.on(stages).items())))


def poster_frame(plan: MontagePlan) -> int:
    """Return the number of the poster's frame: the middle of a picture a third into the film, a wide one if any."""
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

    It goes through JSON once, so that a whole number is written alike (1 or 1.0) whoever made the plan.
    """
    return MontagePlan.from_json(without_pictures(plan, frozenset(item.id for item in left_out)).to_json())


def probe(plan: MontagePlan, sources: list[Source], pictures: Path) -> list[LeftOut]:
    """Return which of `sources` cannot be used."""
    clips = {shot.source.id: shot for shot in plan.shots if isinstance(shot, Clip)}
    found: list[LeftOut] = []
    for source in sources:
        path, clip = pictures / source.file, clips.get(source.id)
        good = _is_inside(source) and path.is_file()
        if not (good and (_clip_plays(path, clip, plan.fps) if clip else _photo_opens(path))):
            found.append(_left_out(source))
    return found


def digests_of(
    plan: MontagePlan, pictures: Path, known: Mapping[str, str], report: Callable[[float], None]
) -> tuple[dict[str, str], list[LeftOut]]:
    """Return the digests of the film's pictures, by id, and the pictures without one."""
    digests = dict(known)
    left_out: list[LeftOut] = []
    sources = plan.sources
    for number, source in enumerate(sources):
        if source.id not in digests:
            if _is_inside(source) and (pictures / source.file).is_file():
                digests[source.id] = _digest(pictures / source.file)
            else:
                left_out.append(_left_out(source))
        report((number + 1) / len(sources))
    return digests, left_out


def shown_on_poster(plan: MontagePlan) -> tuple[Source, ...]:
    """Return the pictures that `poster_frame` shows."""
    number = poster_frame(plan)
    return shown_in(plan, number, number + 1)


def _is_inside(source: Source) -> bool:
    """Return whether a picture's file lies directly in the folder of pictures."""
    return source.file == Path(source.file).name


def _left_out(source: Source) -> LeftOut:
    is_clip = source.file.endswith(".mp4")
    error = CapsuleError("film_clip_unreadable" if is_clip else "film_photo_unreadable", file=source.file)
    return LeftOut(id=source.id, error=error)


def _unplayable(voice: Voice) -> LeftOut:
    return LeftOut(id=voice.id, error=CapsuleError("film_voice_unplayable", file=voice.file))


def _photo_opens(path: Path) -> bool:
    """Return whether a prepared JPEG is whole: its end is there, and all of it decodes at an eighth of its size."""
    data = path.read_bytes()
    # OpenCV only warns about a truncated JPEG, so its end marker is checked (ITU-T T.81, B.1.1.3).
    if not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return False
    import numpy as np

    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_COLOR_8) is not None


def _clip_plays(path: Path, shot: Clip, fps: int) -> bool:
    """Return whether a clip has a picture where its shot begins. A clip may end early: its last frame then stays."""
    try:
        return bool(
            ffmpeg.run(
                ffmpeg.probe_arguments(path, shot, fps),
                failure=RenderFailed("film_clip_unplayable"),
            )
        )
    except RenderFailed:
        return False


def _segment_job(segment: Segment, finished: Path) -> EncodeJob:
    return EncodeJob(
        task="segment",
        first=segment.first,
        stop=segment.stop,
        half=finished / f"{segment.name}{_HALF}",
        out=finished / f"{segment.name}.mp4",
    )


def _join(
    plan: MontagePlan, segments: tuple[Segment, ...], finished: Path, sound: Path, scratch: Path, out: Path
) -> None:
    concat_list = scratch / "segments.txt"
    # The concat demuxer quotes with single quotes; one inside is closed, escaped, opened again.
    quoted = (str((finished / f"{segment.name}.mp4").resolve()).replace("'", r"'\''") for segment in segments)
    concat_list.write_text(
        "ffconcat version 1.0\n" + "".join(f"file '{name}'\n" for name in quoted), encoding="utf-8"
    )
    metadata = scratch / "metadata.txt"
    chapters = "".join(
        ffmpeg.chapter(title, first, stop, plan.fps) for title, first, stop in chapter_frames(plan)
    )
    metadata.write_text(ffmpeg.metadata(plan.title, plan.date) + chapters, encoding="utf-8")
    failure = RenderFailed("film_pieces_unjoined")
    arguments = ffmpeg.join_arguments(concat_list, sound, metadata, out)
    progress = ffmpeg.run(arguments, failure=failure)
    joined = [int(count) for count in re.findall(rb"^frame=\s*(\d+)", progress, re.MULTILINE)]
    if joined[-1:] != [plan.frames]:
        raise failure


@contextlib.contextmanager
def _scratch(workspace: Path) -> Iterator[Path]:
    """Provide an empty folder for temporary files. What a killed run left is removed first."""
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
