"""Waits that rows keep, as SQL."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
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
