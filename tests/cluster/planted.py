"""
A program with a fault in it: python -m cluster.planted FAULT WORDS...

What `make cluster` promises must not hold with any of these; `short` is no fault, and lets a tenth of it end sooner.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import true

from memorycapsule.cli import main
from memorycapsule.store import leases


def never_expire() -> None:
    leases.LASTS = timedelta(days=1000)


def any_is_abandoned() -> None:
    leases.is_void = lambda _tx, _row, _lease: true()


def short() -> None:
    leases.LASTS = timedelta(seconds=9)


FAULTS: dict[str, Callable[[], None]] = {
    "never": never_expire,
    "any": any_is_abandoned,
    "short": short,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
