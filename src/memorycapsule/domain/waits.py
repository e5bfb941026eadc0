"""Waits that rows keep, or that are reckoned from instants in rows. None may outlive a wrong clock."""

from __future__ import annotations

from datetime import datetime, timedelta

#: Clocks are corrected by this much without having been wrong.
CORRECTION = timedelta(minutes=5)


def is_over(until: datetime, now: datetime, *, longest: timedelta) -> bool:
    """
    Return whether a wait is over that ends at `until`, where none is longer than `longest`.

    One that ends further ahead than that was reckoned with a wrong clock. Nobody knows how long it has lasted, and
    waiting for the wrong year would be worse than one try too soon, so it is over.
    """
    return until <= now or until > now + longest + CORRECTION


def is_due_again(last: datetime, now: datetime, *, every: timedelta) -> bool:
    """
    Return whether what was done at `last`, and is to be done so often, is to be done now.

    What lies ahead was dated by a wrong clock, and nobody knows when it was done.
    """
    return not last <= now < last + every


def is_recent(then: datetime, now: datetime, *, within: timedelta) -> bool:
    """
    Return whether something happened at `then` so lately that the next of its kind waits, for `within` at most.

    What lies further ahead than that was dated by a wrong clock, and nothing waits for it.
    """
    return abs(now - then) < within
