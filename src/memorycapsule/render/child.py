"""Rendering in a child process of lower priority, for a daemon that has other things to do."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorycapsule import processes
from memorycapsule.domain.plan import MontagePlan
from memorycapsule.errors import DiskFull, RenderFailed
from memorycapsule.render.film import LeftOut

#: The pipe's buffer on Linux holds so much without a reader; a key is 32 bytes.
_LONGEST_KEY = 4096


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What the program `python -m memorycapsule.render` said about its film; poster and film lie where it was told."""

    seconds: float
    frames: int
    left_out: tuple[LeftOut, ...]
    segments_encoded: int
    segments_reused: int


def render_in_child(
    plan: MontagePlan,
    *,
    pictures: Path,
    out: Path,
    poster: Path,
    workspace: Path,
    key: bytes = b"",
    workers: int = 2,
    nice: int = 10,
    on_progress: Callable[[float], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Rendered | None:
    """
    Render as `film.render` does, in a child niced by `nice`, and return what came of it; None when cancelled.

    The plan is left as `plan.json` in the workspace. `is_cancelled` is asked at each step of the progress. The child
    and its children die with the calling thread and with an exception here. Raises RenderFailed and DiskFull.
    """
    tell = on_progress or (lambda _: None)
    try:
        workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        plan_file = workspace / "plan.json"
        plan_file.write_text(plan.to_json(), encoding="utf-8")
    except OSError as error:
        raise DiskFull from error
    with _key_pipe(key) as key_end:
        child = processes.start(
            [
                *(sys.executable, "-m", "memorycapsule.render", str(plan_file.resolve()), str(out.resolve())),
                *("--pictures", str(pictures.resolve()), "--workspace", str(workspace.resolve())),
                *("--poster", str(poster.resolve()), "--workers", str(workers), "--key-fd", str(key_end)),
            ],
            processes.Limits(nice=nice),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(key_end,),
        )
    with child:
        try:
            for word in _words(child):
                if "error" in word:
                    raise _error(word["error"])
                if "film" in word:
                    return _rendered(word["film"])
                tell(float(word["progress"]))
                if is_cancelled and is_cancelled():
                    return None
        finally:
            child.kill()
    raise RenderFailed("The film's program ended early; the next try goes on from what is done.")


@contextlib.contextmanager
def _key_pipe(key: bytes) -> Iterator[int]:
    assert len(key) <= _LONGEST_KEY
    reading, writing = os.pipe()
    try:
        os.write(writing, key)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _words(child: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert child.stdout is not None
    for line in child.stdout:
        yield json.loads(line)


def _error(words: dict[str, str]) -> Exception:
    return DiskFull() if words["code"] == DiskFull.code else RenderFailed(words["message"])


def _rendered(words: dict[str, Any]) -> Rendered:
    return Rendered(
        seconds=words["seconds"],
        frames=words["frames"],
        left_out=tuple(LeftOut(id=item["id"], reason=item["reason"]) for item in words["left_out"]),
        segments_encoded=words["segments_encoded"],
        segments_reused=words["segments_reused"],
    )
