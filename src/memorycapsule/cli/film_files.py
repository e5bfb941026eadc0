"""Where a film and its plan go: to names of their own, and never over what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from memorycapsule.errors import UsageProblem

#: What the film is called: it is an MP4, which a .mov may be as well.
_FILM_ENDINGS = (".mp4", ".m4v", ".mov")


def checked_film(out: Path, inputs: Sequence[Path], *, force: bool) -> Path:
    """Return where the film goes. Raises UsageProblem where it would not be known as a film, too."""
    if out.suffix.lower() not in _FILM_ENDINGS:
        raise UsageProblem("film_ending", file=out, better=f"{out.stem or 'film'}{_FILM_ENDINGS[0]}")
    return checked_out(out, inputs, force=force)


def checked_out(out: Path, inputs: Sequence[Path], *, force: bool) -> Path:
    """Return where something goes. Raises UsageProblem where it cannot, or would replace what it is made of."""
    path = out.expanduser().absolute()
    if not path.parent.is_dir():
        raise UsageProblem("film_folder_missing", folder=path.parent)
    # By whatever name or link the two are called.
    if any(path == one.absolute() or _are_one(path, one) for one in inputs):
        raise UsageProblem("film_over_input", file=out)
    if path.is_dir() or (path.exists() and not force):
        raise UsageProblem("already_there", file=out)
    return path


def _are_one(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False
