"""
What the Unicode CLDR knows of a language, by Babel: names of days and months, parts of the day, numbers, units.

Babel is loaded when something is asked for the first time: `capsule --help` asks nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from datetime import date, time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from babel.core import Locale

Unit = Literal["year", "day", "hour", "minute"]
#: How long Babel takes them to be.
_SECONDS: dict[Unit, int] = {"year": 365 * 86400, "day": 86400, "hour": 3600, "minute": 60}


def day(when: date, pattern: str, language: str) -> str:
    """Return a day as a pattern of CLDR says, or one of its usual ones: 'full', 'long', 'medium', 'short'."""
    from babel.dates import format_date

    return format_date(when, pattern, locale=_locale(language))


def month(number: int, language: str) -> str:
    """Name a month, 1 to 12, as it stands alone."""
    name: str = _locale(language).months["stand-alone"]["wide"][number]
    return name


def period(when: time, language: str) -> str:
    """Name the part of the day: 'in the morning', 'rano'."""
    from babel.dates import format_time

    return format_time(when, "BBBB", locale=_locale(language))


def half(when: time, language: str) -> str:
    """Name the half of the day: 'AM', '오전'."""
    from babel.dates import format_time

    return format_time(when, "aaaa", locale=_locale(language))


def number(count: int, language: str) -> str:
    """Return a whole number in figures: '1,234'."""
    if abs(count) < 1000:
        return str(count)
    from babel.numbers import format_decimal

    return format_decimal(count, locale=_locale(language))


def duration(parts: Sequence[tuple[int, Unit]], language: str) -> str:
    """Return how long something takes: '9 years 168 days', '9년 168일'."""
    from babel.dates import format_timedelta
    from babel.lists import format_list

    locale = _locale(language)
    # `format_unit` knows no long Korean units: CLDR has them as aliases of short ones, which this one follows.
    parts_in_words = [
        format_timedelta(count * _SECONDS[unit], granularity=unit, threshold=math.inf, locale=locale)
        for count, unit in parts
    ]
    return format_list(parts_in_words, style="unit-narrow", locale=locale)


def home(language: str) -> str:
    """Return the territory where a language is spoken most, by its code of ISO 3166-1; '' for an unknown one."""
    from babel.core import Locale, get_global

    likely = get_global("likely_subtags").get(language.replace("-", "_"), language.replace("-", "_"))
    return Locale.parse(likely).territory or ""


def zone_at_home(language: str) -> str | None:
    """Return the zone of the land where a language is spoken most; None where that land has several."""
    from babel.core import get_global

    zones = get_global("territory_zones").get(home(language), ())
    return zones[0] if len(zones) == 1 else None


def territory(code: str, language: str) -> str:
    """Name a territory by its code of ISO 3166-1: 'South Korea', '대한민국'."""
    name: str = _locale(language).territories.get(code, code)
    return name


def city(zone: str, language: str) -> str:
    """Name the city of a zone: 'Kathmandu', '카트만두'; what CLDR lacks is called by the zone's own name."""
    cities, names = _locale(language).time_zones, _names_of_zone(zone)
    found = (cities.get(name, {}).get("city") for name in names)
    return next((str(city) for city in found if city), names[0].rpartition("/")[2].replace("_", " "))


@functools.cache
def _names_of_zone(zone: str) -> tuple[str, ...]:
    """Return all names of a zone, today's first: CLDR keeps a place under the first name that its zone had."""
    from babel.core import get_global

    aliases = get_global("zone_aliases")
    today = aliases.get(zone, zone)
    return (today, *sorted(name for name, meant in aliases.items() if meant == today))


@functools.cache
def _locale(language: str) -> Locale:
    from babel.core import Locale

    return Locale.parse(language, sep="-")
