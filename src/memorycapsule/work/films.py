"""Films: claimed one at a time, rendered by a child that may be killed, kept or tried again."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from memorycapsule import processes
from memorycapsule.domain.montages import Montage
from memorycapsule.errors import Busy, CapsuleError, ConfigurationProblem, DiskFull, RenderFailed
from memorycapsule.services import layouts, montages
from memorycapsule.services.layouts import Layout
from memorycapsule.services.montages import Rendered
from memorycapsule.work.workshop import Workshop

_log = structlog.get_logger()

#: Progress is written to the store this often at most.
_PROGRESS_SECONDS = 1.0
#: A renderer that says nothing for so long hangs.
_STALLED_SECONDS = 900.0
#: What no other attempt at the film would change; it waits until somebody has seen to it.
_NOT_THE_FILMS_FAULT = (DiskFull, Busy, ConfigurationProblem)
_POSTPONED_BY = timedelta(minutes=5)


class _Interrupted(Exception):
    """The renderer was stopped on purpose."""


def make_waiting(workshop: Workshop, *, only: str | None = None) -> list[str]:
    """Render the films that wait, one after another, and return the ids of those that ended with a film."""
    # Nothing is in hand now: a film that is still taken was let go of without a word, by whatever run.
    montages.take_up_abandoned(workshop.store, None, workshop.now())
    made: list[str] = []
    tried: set[str] = set()
    while not workshop.is_stopping():
        waiting = [
            montage
            for montage in montages.waiting(workshop.store, workshop.now())
            if montage.id not in tried and only in {None, montage.id}
        ]
        if not waiting:
            break
        tried.add(waiting[0].id)
        if make(workshop, waiting[0].id):
            made.append(waiting[0].id)
    return made


def make(workshop: Workshop, montage_id: str) -> bool:
    """Render one film and say whether there is one now. A failure is noted in the film's row, not raised."""
    montage = montages.claim(workshop.store, montage_id, lease=workshop.lease, now=workshop.now())
    if montage is None:
        return False
    folder = workshop.work_dir / montage.id
    log = _log.bind(montage=montage.id, capsule=montage.capsule_id, attempt=montage.attempt)
    started = time.monotonic()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        layout = layouts.lay_out(
            workshop.store, workshop.vault, montage, folder, size=workshop.size, fps=workshop.fps
        )
        rendered = _render(workshop, montage, layout, folder)
        is_kept = montages.keep(
            workshop.store, workshop.vault, workshop.wake, montage, rendered, now=workshop.now()
        )
    except _Interrupted:
        with workshop.store.transaction() as tx:
            montages.give_back(tx, montage, workshop.now())
        if not workshop.is_stopping():
            shutil.rmtree(folder, ignore_errors=True)  # cancelled: nobody will go on with it
        log.info("film.interrupted")
        return False
    except _NOT_THE_FILMS_FAULT as error:
        with workshop.store.transaction() as tx:
            montages.give_back(tx, montage, workshop.now() + _POSTPONED_BY, error.message)
        log.warning("film.postponed", reason=error.message)
        return False
    except Exception as error:
        failure = error if isinstance(error, CapsuleError) else _in_our_words(error)
        state = montages.fail(workshop.store, workshop.wake, montage, failure.message, now=workshop.now())
        if state.is_over:
            shutil.rmtree(folder, ignore_errors=True)
        log.warning("film.failed", reason=failure.message, state=str(state), exc_info=error)
        return False
    shutil.rmtree(folder, ignore_errors=True)
    log.info("film.finished", seconds=rendered.seconds, took_seconds=round(time.monotonic() - started, 1))
    return is_kept


def remove_leftovers(workshop: Workshop) -> None:
    """Remove the working folders of films that nobody waits for any more."""
    if not workshop.work_dir.exists():
        return
    live = montages.live(workshop.store)
    for folder in workshop.work_dir.iterdir():
        if folder.is_dir() and folder.name not in live:
            shutil.rmtree(folder, ignore_errors=True)


def _render(workshop: Workshop, montage: Montage, layout: Layout, folder: Path) -> Rendered:
    told = time.monotonic()

    def on_progress(share: float) -> None:
        nonlocal told
        if workshop.is_stopping():
            raise _Interrupted
        if time.monotonic() - told >= _PROGRESS_SECONDS:
            told = time.monotonic()
            if not montages.note_progress(workshop.store, montage, share):
                raise _Interrupted

    film = folder / "film.mp4"
    poster = folder / "poster.jpg"
    key = workshop.vault.key.token("segments", montage.capsule_id, 1).encode()
    facts = run_renderer(
        Job(
            plan_file=layout.plan_file,
            pictures=layout.pictures,
            out=film,
            poster=poster,
            workspace=folder,
            workers=workshop.workers,
            nice=workshop.nice,
        ),
        key=key,
        on_progress=on_progress,
    )
    return Rendered(
        film=film,
        poster=poster,
        seconds=float(facts["seconds"]),
        report=layout.report + tuple(str(left["reason"]) for left in facts["left_out"]),
    )


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of the renderer."""

    plan_file: Path
    pictures: Path
    out: Path
    poster: Path
    workspace: Path
    workers: int
    nice: int


def run_renderer(job: Job, *, key: bytes, on_progress: Callable[[float], None]) -> dict[str, Any]:
    """
    Run `python -m memorycapsule.render` as a child of lower priority, and return what it says of the film.

    Whatever `on_progress` raises ends the child and passes through. Raises RenderFailed or DiskFull.
    """
    errors = job.workspace / "renderer.log"
    with _readable(key) as key_fd, errors.open("wb") as log:
        child = processes.start(
            [
                sys.executable, "-m", "memorycapsule.render", str(job.plan_file), str(job.out),
                "--pictures", str(job.pictures), "--workspace", str(job.workspace),
                "--poster", str(job.poster), "--workers", str(job.workers), "--key-fd", str(key_fd),
            ],
            processes.Limits(nice=job.nice),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(key_fd,),
        )  # fmt: skip
    last: dict[str, Any] = {"progress": 0.0}
    try:
        for line in _lines(child):
            last = json.loads(line) if line else last
            # Called when nothing was said, too: the program may be ending, or the film have been taken back.
            on_progress(float(last.get("progress", 1.0)))
    finally:
        if child.poll() is None and "film" not in last:
            child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()
    if "film" in last:
        return dict(last["film"])
    said = last.get("error", {})
    if said.get("code") == DiskFull.code:
        raise DiskFull
    raise RenderFailed(said.get("message") or f"The renderer ended without a film ({_last_line(errors)}).")


@contextmanager
def _readable(key: bytes) -> Iterator[int]:
    """Provide a file descriptor that a child reads the key from: arguments and environment can be looked at."""
    read_end, write_end = os.pipe()
    try:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(key)
        yield read_end
    finally:
        os.close(read_end)


def _lines(child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """
    Yield the lines that a child says, and an empty one for each second in which it says nothing.

    Raises RenderFailed when it has been silent for 15 minutes.
    """
    assert child.stdout is not None
    pending = b""
    heard = time.monotonic()
    while True:
        if not select.select([child.stdout], [], [], 1.0)[0]:
            if time.monotonic() - heard > _STALLED_SECONDS:
                raise RenderFailed("The renderer hung; it was ended and will be tried again.")
            yield b""
            continue
        heard = time.monotonic()
        chunk = os.read(child.stdout.fileno(), 1 << 16)
        if not chunk:
            return
        *whole, pending = (pending + chunk).split(b"\n")
        yield from whole


def _last_line(errors: Path) -> str:
    lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "it was stopped from outside"


def _in_our_words(error: Exception) -> CapsuleError:
    return RenderFailed(f"The film could not be worked on ({error.__class__.__name__}: {error}).")
