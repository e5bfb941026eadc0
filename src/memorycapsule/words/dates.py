"""
Dates and countdowns in words, for letters, pages, films and the command line.

A language that is not here reads the default. What CLDR knows comes from Babel; how its parts are put together is
said by `dates.po` of each language, so that the words stay as people are used to read them.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta

from memorycapsule.domain import zones
from memorycapsule.words import cldr
from memorycapsule.words.catalogues import Wording, wording

#: So much is taken as there where a countdown counts days.
_MISSING_UNCOUNTED = timedelta(minutes=30)

#: What a clock shows, by whether there are minutes, and seconds.
_CLOCKS = {
    (False, False): "clock_hour",
    (True, False): "clock_minute",
    (True, True): "clock_second",
    (False, True): "clock_hour_second",
}


def date_in_words(local: datetime, zone: str, language: str) -> str:
    """
    Say a wall time in words: 'Thursday, 8 May 2036, 9:00 in the morning (Seoul time)' or
    '2036년 5월 8일 목요일 오전 9시'.

    `local` is the naive wall time in `zone` (an IANA name). In Korean the zone is said first, and only when
    it is not Korea's, so that a particle may follow the time. Seconds are said only when there are any. In place of
    a wall time that a clock change skips, the one is said that clocks show then.
    """
    words = _words(language)
    local = zones.shown_wall_time(local, zone)
    key = "moment_at_home" if zone == cldr.zone_at_home(words.language) else "moment"
    return words(
        key,
        day=day_in_words(local, language),
        time=_time_in_words(local.time(), words),
        zone=words("zone_utc") if zone == "UTC" else words("zone_of", city=cldr.city(zone, words.language)),
    )


def clock_change_in_words(local: datetime, zone: str, fold: int, language: str) -> str:
    """Say of a wall time that clocks skip it, or show it twice, and which is meant; '' for any other."""
    words, others = _words(language), wording(language, "common")
    shown = zones.shown_wall_time(local, zone)
    said = _time_in_words(local.time(), words)
    if shown != local.replace(fold=0):
        return others("clocks_skip", time=said, shown=_time_in_words(shown.time(), words))
    if not zones.happens_twice(local, zone):
        return ""
    other = f"{zones.instant_of(local, zone, 1 - fold):%Y-%m-%d %H:%M}Z"
    return others("clocks_first" if fold == 0 else "clocks_second", time=said, other=other)


def day_in_words(day: date, language: str) -> str:
    """Say a day in words: 'Thursday, 8 May 2036' or '2036년 5월 8일 목요일'."""
    words = _words(language)
    return cldr.day(day, words("day"), words.language)


def short_day(day: date, language: str) -> str:
    """Say a day without its weekday: '8 May 2036' or '2036년 5월 8일'."""
    words = _words(language)
    return cldr.day(day, words("day_short"), words.language)


def month_in_words(month: int, language: str) -> str:
    """Name a month, 1 to 12: 'August' or '8월'."""
    return cldr.month(month, _words(language).language)


def countdown_in_words(now: datetime, opens_at: datetime, language: str) -> str:
    """
    Say how long it still takes, in the two largest units: '9 years 167 days', '32 days',
    '7 hours 20 minutes', '20 minutes', 'soon'; '9년 167일', '32일', '7시간 20분', '20분', '곧'.

    Both are aware instants. Everything is rounded down, so the words never promise too late a time; only where days
    are counted, half an hour that is missing is not, so that ten years are ten years still when they have just
    been chosen. The last minute and everything after it is 'soon'. Years are calendar years, days are 24 hours.
    """
    now, opens_at = now.astimezone(UTC), opens_at.astimezone(UTC)
    if opens_at - now >= timedelta(days=1):
        now -= _MISSING_UNCOUNTED
    words = _words(language)
    years = 0
    while years < opens_at.year - now.year and _years_later(now, years + 1) <= opens_at:
        years += 1
    left = opens_at - _years_later(now, years)
    hours, minutes = left.seconds // 3600, left.seconds % 3600 // 60
    if is_soon(now, opens_at):
        return words("soon")
    if years:
        units: list[tuple[int, cldr.Unit]] = [(years, "year"), (left.days, "day")]
    elif left.days:
        units = [(left.days, "day")]
    else:
        units = [(hours, "hour"), (minutes, "minute")]
    return cldr.duration([(count, unit) for count, unit in units if count], words.language)


def is_soon(now: datetime, opens_at: datetime) -> bool:
    """Return whether a countdown is in its last minute, or over. Both are aware instants."""
    return opens_at - now < timedelta(minutes=1)


def _words(language: str) -> Wording:
    return wording(language, "dates")


def _years_later(instant: datetime, years: int) -> datetime:
    """The same day `years` later; 29 February becomes 28 February in a common year."""
    year = instant.year + years
    return instant.replace(year=year, day=min(instant.day, calendar.monthrange(year, instant.month)[1]))


def _time_in_words(local: time, words: Wording) -> str:
    clock = words(
        _CLOCKS[local.minute > 0, local.second > 0],
        hour=(local.hour - 1) % 12 + 1 if local.hour else 0,
        hour_24=local.hour,
        minute=local.minute,
        second=local.second,
    )
    if local == time(0):
        key = "time_midnight"
    elif local == time(12):
        key = "time_noon"
    else:
        key = "time_after_midnight" if local.hour == 0 else "time"
    language = words.language
    return words(key, clock=clock, period=cldr.period(local, language), half=cldr.half(local, language))
