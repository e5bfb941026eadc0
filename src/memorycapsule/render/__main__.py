"""
The renderer as a program of its own: `python -m memorycapsule.render PLAN [OUT]` and options.

Options: `--pictures DIR`, `--workspace DIR`, and, if wanted, `--poster FILE`, `--workers N`, `--key-fd FD` (the
key for segment names is read from that inherited file descriptor), `--digests FILE` (JSON: the SHA-256 of
pictures by their ids).

It writes one JSON object a line to stdout: {"progress": 0..1} now and then, and at last the result.

* By default it renders the plan (JSON) to OUT. The result is {"film": {...}}, see `film_as_json`.
* With `--survey` it renders nothing. The result is {"survey": {...}}, see `render.survey`.
* With `--segment NAME` it renders that segment alone to OUT. The result is {"segment": {"left_out": [...]}}.

After an error the last line is {"error": {"code", "reason", "values"}}. The exit code is 0, that of the error
(`RenderFailed`, `DiskFull`, `Postponed` or `PlanRefused`), or 2 for a command line that it does not know.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.domain.reasons import reason_fields
from memorycapsule.errors import CapsuleError, RenderFailed
from memorycapsule.render.film import Film, LeftOut, render
from memorycapsule.render.messages import error_message, send
from memorycapsule.render.segment_jobs import render_segment, survey

_SMALLEST_STEP = 0.005


def main(arguments: list[str] | None = None) -> int:
    """Render as the command line says and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m memorycapsule.render", description="Render a montage plan."
    )
    parser.add_argument("plan", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the prepared pictures")
    parser.add_argument("--workspace", type=Path, help="folder that keeps finished segments")
    parser.add_argument("--poster", type=Path, help="where to put a representative frame as JPEG")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--key-fd", type=int, help="inherited file descriptor to read the segment key from")
    parser.add_argument("--digests", type=Path, help="JSON file with the digests of pictures that are known")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--survey", action="store_true", help="only say which segments there are")
    mode.add_argument("--segment", metavar="NAME", help="make one segment alone")
    options = parser.parse_args(arguments)
    if not options.survey and options.out is None:
        parser.error("it is not said where to put the film")
    if not options.survey and options.segment is None and options.workspace is None:
        parser.error("a film needs a --workspace")
    try:
        send(_run(options))
    except (CapsuleError, MemoryError) as error:
        send(error_message(error))
        return error.exit_code if isinstance(error, CapsuleError) else CapsuleError.exit_code
    return 0


def _run(options: argparse.Namespace) -> dict[str, Any]:
    key = b""
    if options.key_fd is not None:
        with os.fdopen(options.key_fd, "rb") as pipe:
            key = pipe.read()
    try:
        plan = MontagePlan.from_json(options.plan.read_text(encoding="utf-8"))
        digests = json.loads(options.digests.read_text(encoding="utf-8")) if options.digests else {}
    except (OSError, ValueError) as error:
        raise RenderFailed("render_plan_unreadable", file=options.plan.name) from error
    if options.survey:
        surveyed = survey(plan, pictures=options.pictures, digests=digests, key=key)
        return {"survey": asdict(surveyed)}
    if options.segment is not None:
        left_out = render_segment(
            plan,
            options.segment,
            pictures=options.pictures,
            out=options.out,
            digests=digests,
            key=key,
            on_progress=_progress_reporter(),
        )
        return {"segment": {"left_out": _left_out_as_json(left_out)}}
    film = render(
        plan,
        pictures=options.pictures,
        out=options.out,
        workspace=options.workspace,
        key=key,
        workers=options.workers,
        digests=digests,
        on_progress=_progress_reporter(),
    )
    if options.poster:
        options.poster.write_bytes(film.poster)
    return {"film": film_as_json(film)}


def film_as_json(film: Film) -> dict[str, Any]:
    """Return a film's facts for the caller, without the poster."""
    return {
        "seconds": film.seconds,
        "frames": film.frames,
        "left_out": _left_out_as_json(film.left_out),
        "segments_encoded": film.segments_encoded,
        "segments_reused": film.segments_reused,
        "made_with": dict(film.plan.made_with),
    }


def _left_out_as_json(left_out: Iterable[LeftOut]) -> list[dict[str, Any]]:
    return [{"id": item.id, **reason_fields(item.error)} for item in left_out]


def _progress_reporter() -> Callable[[float], None]:
    """Return a function that sends the progress whenever it has grown by _SMALLEST_STEP."""
    reported = -1.0

    def report(share: float) -> None:
        nonlocal reported
        if share - reported >= _SMALLEST_STEP or (share >= 1 and reported < 1):
            reported = share
            send({"progress": round(share, 4)})

    return report


if __name__ == "__main__":
    sys.exit(main())
