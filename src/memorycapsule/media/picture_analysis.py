"""
Analysis of prepared pictures: `analyse_pictures`, and the limited child that does the work.

The child is `python -m memorycapsule.media.picture_analysis FOLDER`. It reads one JSON object from stdin,
{"face_model": path or null, "pictures": [{"id", "file", "kind", "side", "duration", "seconds"}]}, and writes one JSON
line for each picture, in order: {"id", "analysis": {...} or null}. When the face model cannot be used, it continues
without one, and ends with status 2.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorycapsule import processes
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.errors import ConfigurationProblem, MediaRefused, Postponed, Refusal
from memorycapsule.processes.hangs import HangWatch

if TYPE_CHECKING:
    from memorycapsule.media.picture_features import Bytes, Faces

#: Address space in bytes of the child, and of each ffmpeg that it starts.
_MEMORY_BYTES = 2 << 30
#: Wall time for a photo, start of the child included, and for a clip besides four times its length.
_PHOTO_SECONDS, _CLIP_SECONDS = 60.0, 240.0
#: After so many children in a row that answer nothing, the rest of the pictures is not analysed.
_MOST_SILENT = 3
#: Pictures are decoded with at least so many pixels on their long side, where they have them: without faces, and with.
_ANALYSIS_SIDE, _FACE_SIDE = 320, 640
#: The least score of a face that YuNet reports.
_FACE_SCORE = 0.8


def analyse_pictures(
    folder: Path,
    pictures: Iterable[Picture],
    *,
    clip_seconds: float,
    face_model: Path | None = None,
    nice: int = 10,
    on_progress: Callable[[float], None] | None = None,
) -> dict[str, PictureAnalysis]:
    """
    Analyse the prepared pictures in `folder`, in a limited child of low priority, and return the results by id.

    A clip's best part is sought for `clip_seconds`, the longest that the film shows of one
    (`FilmStyle.longest_clip_seconds`). A picture that cannot be read has no result. A face model that cannot be used
    is ignored; `face_model_problem` says why. `on_progress` is called with 0..1; what it raises ends the child and
    passes through.
    """
    wanted = list(pictures)
    waiting = wanted
    analyses: dict[str, PictureAnalysis] = {}
    silent = 0
    while waiting and silent < _MOST_SILENT:
        answered = 0
        with closing(_answers(folder, waiting, clip_seconds, face_model, nice)) as answers:
            for line in answers:
                fields = json.loads(line)["analysis"]
                if fields is not None:
                    analyses[waiting[answered].id] = PictureAnalysis(**fields)
                answered += 1
                if on_progress:
                    on_progress(1 - (len(waiting) - answered) / len(wanted))
        silent = 0 if answered else silent + 1
        # Where a child ended early, the picture that it was analysing is to blame and gets no result.
        waiting = waiting[answered + 1 :]
    return analyses


def face_model_problem(model: Path) -> ConfigurationProblem | None:
    """Return why `model` cannot be used to find faces, None when it can."""
    if not model.is_file():
        return ConfigurationProblem("face_model_missing", file=model)
    with tempfile.TemporaryFile() as request:
        request.write(_request([], 0, model))
        request.seek(0)
        done = processes.run(_argv(Path.cwd()), _limits(nice=0), stdin=request, env=_environment())
    if done.returncode == 0:
        return None
    return ConfigurationProblem("face_model_unusable", file=model)


def _answers(
    folder: Path, pictures: Sequence[Picture], clip_seconds: float, face_model: Path | None, nice: int
) -> Generator[bytes, None, None]:
    """Yield the lines of one child until it has analysed all pictures, has died, or comes to no end with one."""
    child = _start(folder, nice=nice)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        # The child reads to the end before it writes, so neither process blocks the other.
        with child.stdin as pipe:
            pipe.write(_request(pictures, clip_seconds, face_model))
        pending = b""
        for picture in pictures:
            watch = HangWatch(child.pid, _most_seconds(picture), counts_work=True)
            while b"\n" not in pending:
                if not select.select([child.stdout], [], [], watch.look_seconds)[0]:
                    watch.check()
                    continue
                chunk = os.read(child.stdout.fileno(), 1 << 16)
                if not chunk:
                    return
                pending += chunk
            whole, pending = pending.split(b"\n", 1)
            yield whole
    except (BrokenPipeError, Postponed):
        return
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def _most_seconds(picture: Picture) -> float:
    return _PHOTO_SECONDS if picture.kind == "photo" else _CLIP_SECONDS + 4 * picture.duration_seconds


def _start(folder: Path, *, nice: int) -> subprocess.Popen[bytes]:
    return processes.start(
        _argv(folder),
        _limits(nice=nice),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    )


def _argv(folder: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "memorycapsule.media.picture_analysis", str(folder)]


def _limits(*, nice: int) -> processes.ChildLimits:
    return processes.ChildLimits(memory_bytes=_MEMORY_BYTES, nice=nice)


def _environment() -> dict[str, str]:
    # Each thread would reserve address space, which is what is limited.
    return processes.environment() | {
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "SILENT",
    }  # fmt: skip


def _request(pictures: Sequence[Picture], clip_seconds: float, face_model: Path | None) -> bytes:
    return json.dumps(
        {
            "face_model": str(face_model) if face_model else None,
            "pictures": [
                {
                    "id": picture.id,
                    "file": picture.file,
                    "kind": picture.kind,
                    "side": max(picture.width, picture.height),
                    "duration": picture.duration_seconds,
                    "seconds": min(clip_seconds, picture.duration_seconds),
                }
                for picture in pictures
            ],
        }
    ).encode()


def main() -> None:
    """Analyse the pictures that stdin names; see the module's docstring."""
    import cv2

    cv2.setNumThreads(1)
    folder, request = Path(sys.argv[1]), json.load(sys.stdin)
    faces = _face_detector(request["face_model"]) if request["face_model"] else None
    for picture in request["pictures"]:
        try:
            analysis = asdict(_analyse(folder / picture["file"], picture, faces))
        except (MediaRefused, Postponed, cv2.error, MemoryError):
            analysis = None
        sys.stdout.write(json.dumps({"id": picture["id"], "analysis": analysis}) + "\n")
        sys.stdout.flush()
    if request["face_model"] and faces is None:
        sys.exit(2)


def _analyse(path: Path, picture: dict[str, Any], faces: Faces | None) -> PictureAnalysis:
    """Return the analysis of one picture. Raises MediaRefused when it cannot be read."""
    from memorycapsule.media import clip_highlights, picture_features

    if picture["kind"] == "photo":
        return picture_features.analyse_picture(
            _read(path, picture["side"], _FACE_SIDE if faces else _ANALYSIS_SIDE), faces
        )
    start, moment = clip_highlights.best_part(path, picture["duration"], picture["seconds"])
    analysis = picture_features.analyse_picture(clip_highlights.frame_at(path, moment), faces)
    return replace(analysis, best_seconds=round(start, 3))


def _read(path: Path, long_side: int, wanted: int) -> Bytes:
    """Return a prepared JPEG, BGR, decoded at the smallest scale that leaves `wanted` pixels of its `long_side`."""
    import cv2
    import numpy as np

    ways = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
    way = next((way for share, way in ways.items() if long_side >= share * wanted), cv2.IMREAD_COLOR)
    picture = cv2.imread(str(path), way)
    if picture is None:
        raise MediaRefused(Refusal.PICTURE_UNREADABLE)
    return np.asarray(picture, np.uint8)


def _face_detector(model: str) -> Faces | None:
    """Return a function that detects faces with a YuNet model; None when it is no such model."""
    import cv2
    import numpy as np

    try:
        # The last two arguments: boxes that overlap by more are one face, and how many boxes are kept at most.
        detector = cv2.FaceDetectorYN.create(model, "", (320, 320), _FACE_SCORE, 0.3, 500)

        def faces(picture: Bytes) -> list[tuple[float, float, float, float]]:
            detector.setInputSize((picture.shape[1], picture.shape[0]))
            _, found = detector.detect(picture)
            rows = [] if found is None else np.asarray(found, np.float64)
            return [(float(row[0]), float(row[1]), float(row[2]), float(row[3])) for row in rows]

        faces(np.zeros((320, 320, 3), np.uint8))
    except cv2.error:
        return None
    return faces


if __name__ == "__main__":
    main()
