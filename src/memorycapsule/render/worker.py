"""
The worker process: composes frames and feeds them to an encoder.

`WorkerPool` starts it as `python -m memorycapsule.render.worker`. It reads one JSON object with the plan and the
folder of pictures from stdin, then one job a line. It writes one JSON object a line to stdout: how many frames are
done, and how the job ended. It ends when its stdin ends.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.errors import CapsuleError, RenderFailed
from memorycapsule.render import ffmpeg
from memorycapsule.render.messages import error_message, send
from memorycapsule.render.painting import Painter
from memorycapsule.render.planes import YUV_FROM_BGR, YUV_OFFSET, Bytes, darken, new_frame, planes_of
from memorycapsule.render.segments import visible
from memorycapsule.render.stages import open_painter

_REPORT_EVERY = 15
_POSTER_QUALITY = 88


def frames(plan: MontagePlan, pictures: Path, first: int, stop: int) -> Iterator[Bytes]:
    """
    Yield frames `first` up to `stop` of the film; each is overwritten by the next.

    A thread prepares the next shot while this one is painted. Painters are closed when their shot is over, so memory
    does not grow with the film.
    """
    shown = visible(plan.timeline, first, stop)
    target, spare = (new_frame(plan.size.width, plan.size.height) for _ in range(2))
    dark_from = plan.frames - plan.fade_out_frames
    painters: dict[int, Painter] = {}
    with ThreadPoolExecutor(1) as preparing, _closing(painters):
        coming: Future[Painter] | None = preparing.submit(open_painter, plan, shown[0].shot, pictures)
        current = -1
        try:
            for number in range(first, stop):
                while current + 1 < len(shown) and shown[current + 1].first <= number:
                    assert coming is not None
                    current += 1
                    painters[current] = coming.result()
                    following = shown[current + 1].shot if current + 1 < len(shown) else None
                    coming = preparing.submit(open_painter, plan, following, pictures) if following else None
                placed = shown[current]
                index = number - placed.first
                if current > 0 and index < placed.shot.entrance_frames:
                    before = shown[current - 1]
                    painters[current].enter(
                        index, painters[current - 1], number - before.first, target, spare
                    )
                else:
                    if current - 1 in painters:
                        painters.pop(current - 1).close()
                    painters[current].paint(index, target)
                if number >= dark_from:
                    darken(target, (number - dark_from + 1) / plan.fade_out_frames)
                yield target
        finally:
            if (
                coming is not None
                and (coming.cancel() or coming.exception() is None)
                and not coming.cancelled()
            ):
                coming.result().close()


@contextlib.contextmanager
def _closing(painters: dict[int, Painter]) -> Iterator[None]:
    """Close every painter that is still open at the end."""
    try:
        yield
    finally:
        for painter in painters.values():
            painter.close()


def encode(plan: MontagePlan, pictures: Path, first: int, stop: int, out: Path) -> Iterator[int]:
    """
    Encode frames `first` up to `stop` as a closed segment at `out`, yielding how many frames are done.

    Raises DiskFull, Postponed and RenderFailed.
    """
    with ffmpeg.start(
        ffmpeg.encode_arguments(plan, out),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        try:
            for done, frame in enumerate(frames(plan, pictures, first, stop), start=1):
                child.stdin.write(frame.data)
                if done % _REPORT_EVERY == 0:
                    yield done
            child.stdin.close()
        except BrokenPipeError:
            # The encoder ended early; its stderr says why.
            pass
        except BaseException:
            child.kill()
            raise
        complaint = child.stderr.read()
        if code := child.wait():
            raise ffmpeg.translate_error(code, complaint, RenderFailed("film_unencoded"))
    yield stop - first


def poster(plan: MontagePlan, pictures: Path, number: int) -> bytes:
    """Return frame `number` of the film as a JPEG."""
    frame = next(frames(plan, pictures, number, number + 1))
    # OpenCV's own conversion from NV12 knows BT.601 only.
    made, data = cv2.imencode(".jpg", bgr_from_frame(frame), [cv2.IMWRITE_JPEG_QUALITY, _POSTER_QUALITY])
    if not made:
        raise RenderFailed
    return data.tobytes()


def bgr_from_frame(frame: Bytes) -> Bytes:
    """Return a frame as sRGB, shape (height, width, 3)."""
    planes = planes_of(frame)
    height, width = planes.luma.shape
    colour = cv2.resize(planes.colour, (width, height), interpolation=cv2.INTER_LINEAR)
    back = np.linalg.inv(YUV_FROM_BGR)
    matrix = np.hstack([back, -(back @ YUV_OFFSET)[:, None]])
    return np.asarray(cv2.transform(cv2.merge([planes.luma, *cv2.split(colour)]), matrix), np.uint8)


def work() -> None:
    """Do jobs from stdin until it ends."""
    cv2.setNumThreads(1)
    film: dict[str, Any] = json.loads(sys.stdin.readline())
    plan = MontagePlan.from_json(film["plan"])
    pictures = Path(film["pictures"])
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        out = Path(job["out"])
        try:
            if job["task"] == "poster":
                out.write_bytes(poster(plan, pictures, job["first"]))
            else:
                for done in encode(plan, pictures, job["first"], job["stop"], out):
                    send({"frames": done})
        except (CapsuleError, OSError, MemoryError) as error:
            send(error_message(error))
        else:
            send({"done": True})


if __name__ == "__main__":
    work()
