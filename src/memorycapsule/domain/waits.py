"""Waits that rows keep, which must not outlive a wrong clock."""

from __future__ import annotations

from datetime import datetime, timedelta


def is_over(until: datetime, now: datetime, *, longest: timedelta) -> bool:
    """
    Return whether a wait is over that ends at `until`, where none is longer than `longest`.

    One that ends further ahead than that was reckoned with a wrong clock. Nobody knows how long it has lasted, and
    waiting for the wrong year would be worse than one try too soon, so it is over.
    """
    return until <= now or until > now + longest
