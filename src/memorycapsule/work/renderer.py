"""The renderer as a child process that may be killed: starting it, reading its progress and its result."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorycapsule import processes
from memorycapsule.domain.reasons import error_of_reason
from memorycapsule.errors import CapsuleError, Postponed, RenderFailed
from memorycapsule.processes.hangs import HangWatch
from memorycapsule.render.messages import error_from
from memorycapsule.render.survey import Survey
from memorycapsule.services.vault import translate_error

#: A renderer without output for so long hangs.
_STALLED_SECONDS = 900.0


class RenderInterrupted(Exception):
    """Raised by `on_progress` to end the renderer on purpose."""


class PeriodicCheck:
    """Calls `check` every so many seconds while a child reports its progress; what it raises ends the child."""

    def __init__(self, check: Callable[[], None], seconds: float) -> None:
        self._check = check
        self._seconds = seconds
        self._checked_at = time.monotonic()

    def __call__(self, _share: float) -> None:
        if time.monotonic() - self._checked_at >= self._seconds:
            self._checked_at = time.monotonic()
            self._check()


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """One run of the renderer."""

    plan_file: Path
    pictures: Path
    out: Path
    poster: Path
    workspace: Path
    workers: int
    nice: int
    #: JSON of the digests of pictures that are known already.
    digests_file: Path | None = None


def run_renderer(job: RenderJob, *, key: bytes, on_progress: Callable[[float], None]) -> dict[str, Any]:
    """
    Render a film in a child of lower priority, `python -m memorycapsule.render`, and return its facts.

    `on_progress` is called with 0..1 at least once a second. What it raises ends the child and passes through.
    `left_out` of the facts says by their ids why pictures, notes and the song could not be used. Raises RenderFailed,
    DiskFull, or Postponed when the child was ended from outside.
    """
    arguments = [
        str(job.plan_file), str(job.out), "--pictures", str(job.pictures), "--workspace", str(job.workspace),
        "--poster", str(job.poster), "--workers", str(job.workers),
    ]  # fmt: skip
    if job.digests_file:
        arguments += ["--digests", str(job.digests_file)]
    film = _run(arguments, "film", job.workspace, job.nice, key, on_progress)
    return film | {"left_out": _left_out(film)}


def survey(job: RenderJob, *, key: bytes, on_progress: Callable[[float], None]) -> Survey:
    """Return the segments of the film that `run_renderer` would make. Errors are those of `run_renderer`."""
    arguments = [str(job.plan_file), "--pictures", str(job.pictures), "--survey"]
    if job.digests_file:
        arguments += ["--digests", str(job.digests_file)]
    return Survey.from_json(_run(arguments, "survey", job.workspace, job.nice, key, on_progress))


def render_segment(
    job: RenderJob, name: str, *, key: bytes, on_progress: Callable[[float], None]
) -> dict[str, CapsuleError]:
    """
    Render one segment alone to `job.out`. The digests of all pictures must be known.

    Returns why pictures are broken, by their ids. If there are any, no segment was made. Errors are those of
    `run_renderer`.
    """
    arguments = [
        str(job.plan_file), str(job.out), "--pictures", str(job.pictures), "--segment", name,
        "--digests", str(job.digests_file),
    ]  # fmt: skip
    result = _run(arguments, "segment", job.workspace, job.nice, key, on_progress)
    return _left_out(result)


def _run(
    arguments: list[str],
    result_key: str,
    workspace: Path,
    nice: int,
    key: bytes,
    on_progress: Callable[[float], None],
) -> dict[str, Any]:
    errors = workspace / "renderer.log"
    try:
        with _key_pipe(key) as key_fd, errors.open("wb") as log:
            child = processes.start(
                [sys.executable, "-m", "memorycapsule.render", *arguments, "--key-fd", str(key_fd)],
                processes.ChildLimits(nice=nice),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(key_fd,),
            )
    except OSError as error:
        raise translate_error(error) from error
    last: dict[str, Any] = {"progress": 0.0}
    try:
        for line in _lines(child):
            last = json.loads(line) if line else last
            # Called without output, too: the program may be ending, or the film may have been cancelled.
            on_progress(float(last.get("progress", 1.0)))
    finally:
        if child.poll() is None and result_key not in last:
            child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()
    if result_key in last:
        return dict(last[result_key])
    if "error" in last:
        try:
            problem = error_from(last)
        except ValueError as error:
            raise RenderFailed("renderer_not_understood") from error
        raise problem
    raise _ended_early(child.returncode, errors)


def _left_out(result: dict[str, Any]) -> dict[str, CapsuleError]:
    return {str(one["id"]): _checked(one) for one in result["left_out"]}


def _checked(fields: Any) -> CapsuleError:
    """Return the error that the child tells of. Raises RenderFailed when it tells of none."""
    try:
        return error_of_reason(fields, CapsuleError)
    except ValueError as error:
        raise RenderFailed("renderer_not_understood") from error


@contextmanager
def _key_pipe(key: bytes) -> Iterator[int]:
    """Provide a file descriptor that a child reads the key from: others may see its arguments and environment."""
    read_end, write_end = os.pipe()
    try:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(key)
        yield read_end
    finally:
        os.close(read_end)


def _lines(child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """
    Yield the lines of a child's stdout, and an empty one for each second without any.

    Raises RenderFailed for a child that sleeps or works for 15 minutes without output; one that is stopped, or has to
    wait for others on a busy machine, takes as long as it takes.
    """
    assert child.stdout is not None
    pending = b""
    watch = HangWatch(child.pid, _STALLED_SECONDS, counts_work=True)
    while True:
        if not select.select([child.stdout], [], [], 1.0)[0]:
            try:
                watch.check()
            except Postponed as error:
                raise RenderFailed("renderer_hung") from error
            yield b""
            continue
        watch.heard()
        chunk = os.read(child.stdout.fileno(), 1 << 16)
        if not chunk:
            return
        *whole, pending = (pending + chunk).split(b"\n")
        yield from whole


def _ended_early(code: int, errors: Path) -> CapsuleError:
    if processes.is_ended_from_outside(code):
        return Postponed("renderer_stopped")
    lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return RenderFailed("renderer_ended", line=lines[-1][:200] if lines else code)
