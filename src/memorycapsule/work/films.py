"""Films: claimed one at a time, rendered by a child that may be killed, kept or tried again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from memorycapsule import processes
from memorycapsule.domain.montages import Montage
from memorycapsule.errors import CapsuleError, DiskFull, RenderFailed
from memorycapsule.services import montages
from memorycapsule.services.montages import Layout, Rendered
from memorycapsule.work.workshop import Workshop

_log = structlog.get_logger()

#: Progress is written to the store this often at most.
_PROGRESS_SECONDS = 1.0


class _Interrupted(Exception):
    """The renderer was stopped on purpose."""


def make_waiting(workshop: Workshop, *, only: str | None = None) -> list[str]:
    """Render the films that wait, one after another, and return the ids of those that ended with a film."""
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
        layout = montages.lay_out(
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
    except (CapsuleError, OSError) as error:
        failure = error if isinstance(error, CapsuleError) else _in_our_words(error)
        state = montages.fail(workshop.store, workshop.wake, montage, failure.message, now=workshop.now())
        if state.is_over:
            shutil.rmtree(folder, ignore_errors=True)
        log.warning("film.failed", reason=failure.message, state=str(state))
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
    read_end, write_end = os.pipe()
    os.write(write_end, key)
    os.close(write_end)
    errors = job.workspace / "renderer.log"
    with errors.open("wb") as log:
        child = processes.start(
            [
                sys.executable, "-m", "memorycapsule.render", str(job.plan_file), str(job.out),
                "--pictures", str(job.pictures), "--workspace", str(job.workspace),
                "--poster", str(job.poster), "--workers", str(job.workers), "--key-fd", str(read_end),
            ],
            processes.Limits(nice=job.nice),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(read_end,),
        )  # fmt: skip
    os.close(read_end)
    last: dict[str, Any] = {}
    try:
        assert child.stdout is not None
        for line in child.stdout:
            last = json.loads(line)
            if "progress" in last:
                on_progress(float(last["progress"]))
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


def _last_line(errors: Path) -> str:
    lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "it was stopped from outside"


def _in_our_words(error: OSError) -> CapsuleError:
    return RenderFailed(f"The film could not be worked on: {error.strerror or error}.")
