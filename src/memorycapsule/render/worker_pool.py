"""The crew: worker processes that share the segments, and the one that makes the sound beside them."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from memorycapsule import processes
from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.errors import CapsuleError, DiskFull, RenderFailed, is_disk_full


@dataclass(frozen=True, kw_only=True)
class EncodeJob:
    """One thing for a worker to write: to `half` first, renamed to `out` when it is whole."""

    task: Literal["segment", "poster"]
    first: int
    stop: int
    half: Path
    out: Path


@dataclass(frozen=True, kw_only=True)
class WorkerAnswers:
    """What the crew has to say at the end."""

    song_usable: bool
    #: Ids of voice notes that could not be played.
    unheard: tuple[str, ...]


#: NumPy's library for matrices starts threads that nothing here needs: a third of a child's start.
_NO_ALGEBRA = {"OPENBLAS_NUM_THREADS": "1"}

#: What a child said, or None when it has nothing more to say.
_Word = dict[str, Any] | None


class WorkerPool:
    """
    Worker processes that do jobs, and one that makes the sound; a context manager that ends them all.

    They start at once and load what they need while whoever leads them looks at plan and pictures.
    """

    def __init__(self, *, pictures: Path, workers: int) -> None:
        self._pictures = str(pictures)
        self._said: queue.SimpleQueue[tuple[int, _Word]] = queue.SimpleQueue()
        self._children: list[subprocess.Popen[bytes]] = []
        self._ears: list[threading.Thread] = []
        self._workers = [self._start("memorycapsule.render.worker") for _ in range(max(1, workers))]
        self._sound_maker = self._start("memorycapsule.render.sound")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
        for child in self._children:
            child.wait()
        for ear in self._ears:
            ear.join()
        for child in self._children:
            if child.stdin is not None:
                # Words that a child which died never read.
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.close()

    def run(
        self,
        plan: MontagePlan,
        jobs: list[EncodeJob],
        *,
        sound: Path,
        scratch: Path,
        on_frames: Callable[[int], None],
    ) -> WorkerAnswers:
        """
        Do all jobs, longest first, and make the sound; `on_frames` hears how many frames are encoded in all.

        Once only. Raises what a child reported: RenderFailed or DiskFull.
        """
        words = plan.to_json()
        # The longest last job decides when all is done; the poster, which is quick, comes first.
        waiting = sorted(jobs, key=lambda job: job.stop - job.first if job.task == "segment" else 1 << 60)
        doing: dict[int, EncodeJob] = {}
        for worker in self._workers[: len(waiting)]:
            self._tell(worker, {"plan": words, "pictures": self._pictures})
            doing[worker] = waiting.pop()
            self._give(worker, doing[worker])
        order = {"plan": words, "pictures": self._pictures, "workspace": str(scratch), "out": str(sound)}
        self._tell(self._sound_maker, order)
        under_way = dict.fromkeys(doing, 0)
        finished = 0
        sound_made: WorkerAnswers | None = None
        while doing or sound_made is None:
            number, word = self._said.get()
            if word is None:
                if number in doing or (number == self._sound_maker and sound_made is None):
                    raise RenderFailed(
                        "A part of the film's crew ended early; the next try goes on from what is done."
                    )
                continue
            if "error" in word:
                raise _error(word)
            if number == self._sound_maker:
                sound_made = WorkerAnswers(song_usable=bool(word["usable"]), unheard=tuple(word["unheard"]))
            elif "frames" in word:
                under_way[number] = int(word["frames"])
            else:
                job = doing.pop(number)
                finished += under_way[number]
                under_way[number] = 0
                if waiting:
                    doing[number] = waiting.pop()
                    self._give(number, doing[number])
                _keep(job.half, job.out)
            on_frames(finished + sum(under_way.values()))
        return sound_made

    def _start(self, module: str) -> int:
        # What a child that breaks has to say goes where our own errors go.
        child = processes.start(
            [sys.executable, "-m", module],
            # Whoever is told where ffmpeg is does not try it out first.
            env={**processes.environment(), **_NO_ALGEBRA, "IMAGEIO_FFMPEG_EXE": processes.ffmpeg_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        number = len(self._children)
        self._children.append(child)
        ear = threading.Thread(target=self._listen, args=(number, child), daemon=True)
        self._ears.append(ear)
        ear.start()
        return number

    def _listen(self, number: int, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        try:
            # Closed here alone: closing what another thread reads is an error there.
            with child.stdout as lines:
                for line in lines:
                    self._said.put((number, _understood(line)))
        finally:
            # Whatever happened here, nobody waits for this child any more.
            self._said.put((number, None))

    def _give(self, worker: int, job: EncodeJob) -> None:
        self._tell(worker, {"task": job.task, "first": job.first, "stop": job.stop, "out": str(job.half)})

    def _tell(self, number: int, words: dict[str, Any]) -> None:
        pipe = self._children[number].stdin
        assert pipe is not None
        try:
            pipe.write(json.dumps(words).encode() + b"\n")
            pipe.flush()
        except BrokenPipeError as error:
            raise RenderFailed(
                "A part of the film's crew ended early; the next try goes on from what is done."
            ) from error


def _understood(line: bytes) -> _Word:
    """Return what a line says; None for one that is no JSON object, after which nothing sensible can come."""
    try:
        word = json.loads(line)
    except ValueError:
        return None
    return word if isinstance(word, dict) else None


def _keep(half: Path, out: Path) -> None:
    """Give a finished file its name only when its content is on the disk."""
    with half.open("rb") as file:
        os.fsync(file.fileno())
    half.replace(out)


def said_of(error: CapsuleError | OSError) -> dict[str, str]:
    """Return what a child says of a problem; `Crew.run` raises it again."""
    if isinstance(error, OSError):
        error = DiskFull() if is_disk_full(error) else RenderFailed()
    return {"error": error.code, "message": error.message}


def _error(word: dict[str, Any]) -> CapsuleError:
    return DiskFull() if word["error"] == DiskFull.code else RenderFailed(str(word["message"]))
