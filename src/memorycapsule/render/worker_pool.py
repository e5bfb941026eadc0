"""The worker pool: processes that share a film's segments, and one that makes its sound at the same time."""

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
from memorycapsule.errors import CapsuleError, Postponed, RenderFailed
from memorycapsule.render.messages import error_from


@dataclass(frozen=True, kw_only=True)
class EncodeJob:
    """One thing for a worker to write: to `half` first, renamed to `out` when it is whole."""

    task: Literal["segment", "poster"]
    first: int
    stop: int
    half: Path
    out: Path


@dataclass(frozen=True, kw_only=True)
class SoundResult:
    """What came of a film's sound."""

    #: Whether the song of the plan could be used.
    song_usable: bool
    #: Ids of voice notes that could not be played.
    unplayable_notes: tuple[str, ...]


#: NumPy's library for matrices starts threads that nothing here needs: a third of a child's start.
_NO_ALGEBRA = {"OPENBLAS_NUM_THREADS": "1"}

#: A child whose output has ended is gone after so long, or still there for a reason of its own.
_END_SECONDS = 5.0

#: A message of a child; None after its last one.
_Message = dict[str, Any] | None


class WorkerPool:
    """
    Worker processes that do jobs, and one that makes the sound. The context manager ends them all.

    They start at once, and import their libraries while the caller still reads plan and pictures.
    """

    def __init__(self, *, pictures: Path, workers: int) -> None:
        self._pictures = str(pictures)
        self._messages: queue.SimpleQueue[tuple[int, _Message]] = queue.SimpleQueue()
        self._children: list[subprocess.Popen[bytes]] = []
        self._readers: list[threading.Thread] = []
        self._workers = [self._start("memorycapsule.render.worker") for _ in range(max(1, workers))]
        self._sound_maker = self._start("memorycapsule.render.sound")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
        for child in self._children:
            child.wait()
        for reader in self._readers:
            reader.join()
        for child in self._children:
            if child.stdin is not None:
                # A child that died may have left some of its input unread.
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
    ) -> SoundResult:
        """
        Do all jobs, longest first, and make the sound.

        `on_frames` is called with the number of frames encoded so far, in all jobs together. A pool runs once.
        Raises the error that a child reported: RenderFailed, DiskFull or Postponed.
        """
        plan_json = plan.to_json()
        # The longest last job decides when all is done; the poster, which is quick, comes first.
        waiting = sorted(jobs, key=lambda job: job.stop - job.first if job.task == "segment" else 1 << 60)
        running: dict[int, EncodeJob] = {}
        for worker in self._workers[: len(waiting)]:
            self._send(worker, {"plan": plan_json, "pictures": self._pictures})
            running[worker] = waiting.pop()
            self._assign(worker, running[worker])
        sound_job = {
            "plan": plan_json, "pictures": self._pictures, "workspace": str(scratch), "out": str(sound),
        }  # fmt: skip
        self._send(self._sound_maker, sound_job)
        frames_of_running = dict.fromkeys(running, 0)
        frames_finished = 0
        sound_result: SoundResult | None = None
        while running or sound_result is None:
            number, message = self._messages.get()
            if message is None:
                if number in running or (number == self._sound_maker and sound_result is None):
                    raise self._ended_early(number)
                continue
            if "error" in message:
                raise error_from(message)
            if number == self._sound_maker:
                sound_result = SoundResult(
                    song_usable=bool(message["song_usable"]),
                    unplayable_notes=tuple(message["unplayable_notes"]),
                )
            elif "frames" in message:
                frames_of_running[number] = int(message["frames"])
            else:
                job = running.pop(number)
                frames_finished += frames_of_running[number]
                frames_of_running[number] = 0
                if waiting:
                    running[number] = waiting.pop()
                    self._assign(number, running[number])
                rename_synced(job.half, job.out)
            on_frames(frames_finished + sum(frames_of_running.values()))
        return sound_result

    def _start(self, module: str) -> int:
        # A child inherits our stderr, for its traceback.
        child = processes.start(
            [sys.executable, "-m", module],
            # imageio-ffmpeg starts an ffmpeg to test it, unless this names one.
            env={**processes.environment(), **_NO_ALGEBRA, "IMAGEIO_FFMPEG_EXE": processes.ffmpeg_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        number = len(self._children)
        self._children.append(child)
        reader = threading.Thread(target=self._read_messages, args=(number, child), daemon=True)
        self._readers.append(reader)
        reader.start()
        return number

    def _read_messages(self, number: int, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        try:
            # Only this thread closes the pipe: closing it while another thread reads raises there.
            with child.stdout as lines:
                for line in lines:
                    self._messages.put((number, _parsed(line)))
        finally:
            # After any end, `run` must not wait for this child any more.
            self._messages.put((number, None))

    def _assign(self, worker: int, job: EncodeJob) -> None:
        self._send(worker, {"task": job.task, "first": job.first, "stop": job.stop, "out": str(job.half)})

    def _send(self, number: int, message: dict[str, Any]) -> None:
        pipe = self._children[number].stdin
        assert pipe is not None
        try:
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except BrokenPipeError as error:
            raise self._ended_early(number) from error

    def _ended_early(self, number: int) -> CapsuleError:
        """Return what to say of a child that ended, or said what nobody understands, in the middle of its work."""
        try:
            is_stopped = processes.is_ended_from_outside(self._children[number].wait(_END_SECONDS))
        except subprocess.TimeoutExpired:
            is_stopped = False
        return Postponed("film_worker_stopped") if is_stopped else RenderFailed("film_worker_ended")


def _parsed(line: bytes) -> _Message:
    """Return the message of a line; None for one that is no JSON object: its child is not to be trusted further."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def rename_synced(half: Path, out: Path) -> None:
    """Rename a finished file once its content has reached the disk."""
    with half.open("rb") as file:
        os.fsync(file.fileno())
    half.replace(out)
