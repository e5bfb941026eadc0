"""What is said of an import: at its end what is in, how much and how long, and what was left out, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memorycapsule.cli.output import Output, plain
from memorycapsule.errors import CapsuleError

#: So many files left out for one reason stand below it, instead of with it each.
_MANY = 4
_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ImportSum:
    """How much an import was."""

    #: Files that were found, quiet ones of the system left aside.
    files: int
    #: Bytes of those that are in or were there already.
    bytes: int
    seconds: float


def left_out(out: Output, refused: Sequence[tuple[Path | str, CapsuleError]]) -> None:
    """Warn of every file that was left out; many with one reason stand below it."""
    said = [(plain(str(path)), out.spoken(error)) for path, error in refused]
    counts = Counter(reason for _, reason in said)
    for reason, count in counts.items():
        names = [name for name, why in said if why == reason]
        if count < _MANY:
            for name in names:
                out.warn(out.words("cli_left_out", file=name, reason=reason).rstrip())
        else:
            out.warn(out.words("cli_left_out_many", count=count, reason=reason))
            for name in names:
                out.warn(f"    {name}")


def not_in_yet(out: Output, postponed: Sequence[tuple[Path | str, CapsuleError]]) -> None:
    """Warn of every file that the machine was too busy to read, and say once what becomes of them."""
    for path, _error in postponed:
        out.warn(out.words("cli_not_in_yet", file=plain(str(path))))
    for reason in dict.fromkeys(out.spoken(error) for _path, error in postponed):
        out.warn(f"  {reason}")


def sum_in_words(out: Output, done: ImportSum) -> str:
    """Say how much it was and how long it took."""
    return out.words.counted(
        "cli_added_sum",
        done.files,
        megabytes=f"{done.bytes / _MEGABYTE:,.1f}",
        time=_time_in_words(out, done.seconds),
    )


def _time_in_words(out: Output, seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes:
        return out.words("cli_minutes_and_seconds", minutes=minutes, seconds=rest)
    return out.words("cli_seconds", seconds=f"{seconds:.1f}" if seconds < 10 else rest)
