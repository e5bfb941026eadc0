"""A date as a form asks for it: a day, a time and a zone, or words such as "in 10 years"."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated

from fastapi import Form

from memorycapsule.domain import zones
from memorycapsule.domain.opening_dates import LONGEST_YEARS, OpeningDate, parse_opening_date
from memorycapsule.errors import DatePassed, DateTooFar, UsageProblem
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import countdown_in_words, date_in_words

_LONGEST = 80


@dataclass(frozen=True, kw_only=True)
class TypedDate:
    """What was typed; `phrase`, where there is any, goes before the day."""

    phrase: str = ""
    day: str = ""
    clock: str = "09:00"
    zone: str = "UTC"

    def understood(self, now: datetime) -> OpeningDate:
        """Return the date that is meant. Raises UsageProblem."""
        text = self.phrase.strip() or self.day.strip()
        try:
            at_time = time.fromisoformat(self.clock.strip() or "09:00").replace(tzinfo=None)
        except ValueError as error:
            raise UsageProblem("That is no time of day; write it like 09:00.") from error
        return parse_opening_date(text, self.zone, now, at_time=at_time)


def frozen(date: OpeningDate) -> TypedDate:
    """Return a date in a form that means the same however long somebody looks at it."""
    return TypedDate(day=f"{date.at:%Y-%m-%dT%H:%M:%SZ}", zone=date.zone)


def typed_date(
    phrase: Annotated[str, Form(max_length=_LONGEST)] = "",
    day: Annotated[str, Form(max_length=_LONGEST)] = "",
    clock: Annotated[str, Form(max_length=_LONGEST)] = "09:00",
    zone: Annotated[str, Form(max_length=_LONGEST)] = "UTC",
) -> TypedDate:
    """Return what a form says of a date."""
    return TypedDate(phrase=phrase, day=day, clock=clock, zone=zone)


@functools.cache
def zone_groups() -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return all zones by part of the world, each with what it is called there."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in zones.names():
        part, _slash, place = name.partition("/")
        groups.setdefault(part, []).append((name, (place or part).replace("_", " ")))
    return groups


def date_fields(date: OpeningDate, now: datetime, words: Wording) -> dict[str, str]:
    """Say a date in words, and how long it still takes."""
    start = now if date.local.second else now.replace(second=0, microsecond=0)
    return {
        "date": date_in_words(date.local, date.zone, words.language),
        "left": countdown_in_words(start, date.at, words.language),
        "utc": f"{date.at:%Y-%m-%d %H:%M} UTC",
    }


def problem(error: UsageProblem, words: Wording) -> str:
    """Say why a date cannot be, in the reader's language."""
    match error:
        case DatePassed():
            return words("date_passed")
        case DateTooFar():
            return words("date_far", years=LONGEST_YEARS)
        case _:
            return words("date_unread")
