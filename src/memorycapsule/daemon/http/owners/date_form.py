"""The date in a form: a day, a time and a zone, or a phrase such as "in 10 years"."""

from __future__ import annotations

import functools
import operator
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated

from fastapi import Form
from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.domain import zones
from memorycapsule.domain.opening_dates import OpeningDate
from memorycapsule.errors import UsageProblem
from memorycapsule.words import cldr
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.dates import clock_change_in_words, countdown_in_words, date_in_words
from memorycapsule.words.languages import region_of

_LONGEST = 80


@dataclass(frozen=True, kw_only=True)
class TypedDate:
    """A date as it was typed; a `phrase` takes the place of the day."""

    phrase: str = ""
    day: str = ""
    clock: str = "09:00"
    zone: str = "UTC"

    def parse(self, app: App) -> OpeningDate:
        """Return the date that is meant. Raises UsageProblem for one that cannot be read or cannot be."""
        text = self.phrase.strip() or self.day.strip()
        try:
            at_time = time.fromisoformat(self.clock.strip() or "09:00").replace(tzinfo=None)
        except ValueError as error:
            raise UsageProblem("time_of_day_unreadable", time=self.clock.strip()) from error
        return app.parse_date(text, self.zone, at_time=at_time)


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


def zone_groups(request: Request, words: Wording, chosen: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """
    Return all zones by part of the world, each with the name of its place in the reader's language.

    The reader's own country comes first, with UTC and, where no place has it any more, the zone that is `chosen`.
    """
    region = region_of(request.headers.get("accept-language"), words.language)
    own, *others = _zone_groups(words.language, region or cldr.home(words.language))
    known = {zone for _name, places in (own, *others) for zone, _place in places}
    kept = [] if chosen in known else [(chosen, cldr.city(chosen, words.language))]
    return {own[0]: [*own[1], *kept], **dict(others)}


@functools.cache
def _zone_groups(language: str, home: str) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    words = wording(language)
    at_home, parts = [], defaultdict(list)
    for zone, territory in zones.territories().items():
        city, country = cldr.city(zone, language), cldr.territory(territory, language)
        if territory == home:
            at_home.append((zone, city))
        else:
            part = words(f"zone_part_{zone.partition('/')[0].lower()}")
            parts[part].append(
                (zone, city if city == country else words("zone_place", city=city, country=country))
            )
    by_place = operator.itemgetter(1)
    return [
        (cldr.territory(home, language), [*sorted(at_home, key=by_place), ("UTC", "UTC")]),
        *((part, sorted(parts[part], key=by_place)) for part in sorted(parts)),
    ]


def date_fields(date: OpeningDate, now: datetime, words: Wording) -> dict[str, str]:
    """Return a date in words, what clocks do then, how long it is until then, and the date in UTC."""
    start = now if date.local.second else now.replace(second=0, microsecond=0)
    return {
        "date": date_in_words(date.local, date.zone, words.language),
        "clocks": clock_change_in_words(date.local, date.zone, date.fold, words.language),
        "left": countdown_in_words(start, date.at, words.language),
        "utc": f"{date.at:%Y-%m-%d %H:%M} UTC",
    }
