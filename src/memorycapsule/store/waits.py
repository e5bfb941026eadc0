"""Waits that rows keep, as SQL."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.orm import Mapped
from sqlmodel import or_

from memorycapsule.domain.waits import CORRECTION


def is_over(
    until: Mapped[Any], now: datetime | ColumnElement[datetime], *, longest: timedelta
) -> ColumnElement[bool]:
    """
    Select the rows whose wait is over, as `domain.waits.is_over` says it.

    `now` may be the database's own clock.
    """
    return or_(until <= now, until > now + longest + CORRECTION)


def is_over_at_bound(until: Mapped[datetime]) -> ColumnElement[bool]:
    """Say the same with the instant left open, for a statement that is made once: `bound` says what it is."""
    return or_(until <= bindparam("now"), until > bindparam("too_far"))


def bound(now: datetime, *, longest: timedelta) -> dict[str, datetime]:
    """Return what `is_over_at_bound` leaves open."""
    return {"now": now, "too_far": now + longest + CORRECTION}
