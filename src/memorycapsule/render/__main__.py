"""
The renderer as a program of its own: `python -m memorycapsule.render PLAN OUT` and options.

Options: `--pictures DIR`, `--workspace DIR`, and, if wanted, `--poster FILE`, `--workers N`,
`--key-fd FD` (the key for segment names is read from that inherited file descriptor).

Renders a plan (JSON) and says on stdout, one JSON object a line, {"progress": 0..1} and at last {"film":
{...}} or {"error": {"code", "message"}}. Ends with 0 after a film, with the error's own exit code (that of
`RenderFailed`, `DiskFull` or `PlanRefused`) after an error, and with 2 for a command line it does not know.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from memorycapsule.domain.plan import MontagePlan
from memorycapsule.errors import CapsuleError, RenderFailed
from memorycapsule.render.film import Film, render

_SMALLEST_STEP = 0.005


def main(arguments: list[str] | None = None) -> int:
    """Render as the command line says and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m memorycapsule.render", description="Render a montage plan."
    )
    parser.add_argument("plan", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the prepared pictures")
    parser.add_argument("--workspace", type=Path, required=True, help="folder that keeps finished segments")
    parser.add_argument("--poster", type=Path, help="where to put a representative frame as JPEG")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--key-fd", type=int, help="inherited file descriptor to read the segment key from")
    given = parser.parse_args(arguments)
    try:
        key = b""
        if given.key_fd is not None:
            with os.fdopen(given.key_fd, "rb") as pipe:
                key = pipe.read()
        try:
            text = given.plan.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RenderFailed(f"The plan {given.plan.name} cannot be read.") from error
        film = render(
            MontagePlan.from_json(text),
            pictures=given.pictures,
            out=given.out,
            workspace=given.workspace,
            key=key,
            workers=given.workers,
            on_progress=_teller(),
        )
        if given.poster:
            given.poster.write_bytes(film.poster)
    except CapsuleError as error:
        _say({"error": {"code": error.code, "message": error.message}})
        return error.exit_code
    _say({"film": film_as_json(film)})
    return 0


def film_as_json(film: Film) -> dict[str, Any]:
    """Return what there is to say about a film, without the poster."""
    return {
        "seconds": film.seconds,
        "frames": film.frames,
        "left_out": [{"id": item.id, "reason": item.reason} for item in film.left_out],
        "segments_encoded": film.segments_encoded,
        "segments_reused": film.segments_reused,
        "made_with": dict(film.plan.made_with),
    }


def _teller() -> Any:
    told = -1.0

    def tell(share: float) -> None:
        nonlocal told
        if share - told >= _SMALLEST_STEP or (share >= 1 and told < 1):
            told = share
            _say({"progress": round(share, 4)})

    return tell


def _say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
