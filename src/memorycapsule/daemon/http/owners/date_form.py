"""The date in a form: a day, a time and a zone, or a phrase such as "in 10 years"."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated

from fastapi import Form

from memorycapsule.domain import zones
from memorycapsule.domain.opening_dates import OpeningDate, parse_opening_date
from memorycapsule.errors import UsageProblem
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import countdown_in_words, date_in_words

_LONGEST = 80


@dataclass(frozen=True, kw_only=True)
class TypedDate:
    """A date as it was typed; a `phrase` takes the place of the day."""

    phrase: str = ""
    day: str = ""
    clock: str = "09:00"
    zone: str = "UTC"

    def parse(self, now: datetime) -> OpeningDate:
        """Return the date that is meant. Raises UsageProblem for one that cannot be read or cannot be."""
        text = self.phrase.strip() or self.day.strip()
        try:
            at_time = time.fromisoformat(self.clock.strip() or "09:00").replace(tzinfo=None)
        except ValueError as error:
            raise UsageProblem("time_of_day_unreadable", time=self.clock.strip()) from error
        return parse_opening_date(text, self.zone, now, at_time=at_time)


def pinned(date: OpeningDate) -> TypedDate:
    """Return a date as the form sends it again: an instant, which means the same later, as "in 10 years" would not."""
    return TypedDate(day=f"{date.at:%Y-%m-%dT%H:%M:%SZ}", zone=date.zone)


def typed_date(
    phrase: Annotated[str, Form(max_length=_LONGEST)] = "",
    day: Annotated[str, Form(max_length=_LONGEST)] = "",
    clock: Annotated[str, Form(max_length=_LONGEST)] = "09:00",
    zone: Annotated[str, Form(max_length=_LONGEST)] = "UTC",
) -> TypedDate:
    """Return the date that a form sends."""
    return TypedDate(phrase=phrase, day=day, clock=clock, zone=zone)


@functools.cache
def zone_groups() -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return the names of all zones by part of the world, each with the name of its place."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in zones.names():
        part, _slash, place = name.partition("/")
        groups.setdefault(part, []).append((name, (place or part).replace("_", " ")))
    return groups


def date_fields(date: OpeningDate, now: datetime, words: Wording) -> dict[str, str]:
    """Return a date in words, how long it is until then, and the date in UTC."""
    start = now if date.local.second else now.replace(second=0, microsecond=0)
    return {
        "date": date_in_words(date.local, date.zone, words.language),
        "left": countdown_in_words(start, date.at, words.language),
        "utc": f"{date.at:%Y-%m-%d %H:%M} UTC",
    }
