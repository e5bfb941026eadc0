"""Opening dates as people type them, and what they mean."""

from __future__ import annotations

import calendar
import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from memorycapsule.domain.zones import instant_of, local_of, rules_version
from memorycapsule.errors import UsageProblem

LONGEST_YEARS = 100

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}
_UNITS = {
    "s": "second", "sec": "second", "second": "second", "seconds": "second", "초": "second",
    "m": "minute", "min": "minute", "minute": "minute", "minutes": "minute", "분": "minute",
    "h": "hour", "hour": "hour", "hours": "hour", "시간": "hour",
    "d": "day", "day": "day", "days": "day", "일": "day",
    "w": "week", "week": "week", "weeks": "week", "주": "week", "주일": "week",
    "mo": "month", "month": "month", "months": "month", "개월": "month", "달": "month",
    "y": "year", "year": "year", "years": "year", "년": "year",
}  # fmt: skip
_RELATIVE = (
    re.compile(r"\+\s*(\d{1,6})\s*([a-z]+)"),
    re.compile(r"in\s+(\d{1,6}|an?|one)\s*([a-z]+)"),
    re.compile(r"(\d{1,6})\s*(초|분|시간|일|주일|주|개월|달|년)\s*(?:후|뒤)에?"),
)
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?\s*(Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class OpeningDate:
    """A date as people meant it, with the instant derived from it."""

    #: Naive wall time.
    local: datetime
    #: IANA zone of the wall time.
    zone: str
    #: 1 for the second of two equal wall times when clocks are set back.
    fold: int
    #: The instant, aware UTC.
    at: datetime
    #: Version of the zone rules that `at` was derived with.
    rules: str
    #: Whether it was counted from the moment at which somebody typed it, so that it is as right as the clock was.
    is_relative: bool = field(default=False, compare=False)


def opening_date(local: datetime, zone_name: str, fold: int = 0) -> OpeningDate:
    """Return the opening date of a naive wall time under today's zone rules."""
    return OpeningDate(
        local=local.replace(fold=0),
        zone=zone_name,
        fold=fold,
        at=instant_of(local, zone_name, fold),
        rules=rules_version(),
    )


def parse_opening_date(
    text: str, zone_name: str, now: datetime, *, at_time: time | None = None
) -> OpeningDate:
    """
    Return what `text` means in a zone: ISO 8601, `in 10 years`, `+10y`, `10년 후`, `10년 뒤`, `+20s`.

    Days and longer keep the wall time of today, or mean `at_time`, which is also that of a day alone; 29 February
    plus a year is 28 February. Raises UsageProblem for anything else, an unknown zone, a date that has passed, and one
    that is more than a hundred years away.
    """
    # Some keyboards and file systems hand Hangul over in pieces (NFD).
    words = " ".join(unicodedata.normalize("NFC", text).split()).lower()
    try:
        counted = _relative(words, zone_name, now, at_time)
        date = replace(counted, is_relative=True) if counted else _iso(words, zone_name, at_time)
    except (ValueError, OverflowError) as error:
        raise UsageProblem("date_impossible", date=text) from error
    if date is None:
        raise UsageProblem("date_unreadable", date=text)
    if date.at <= now:
        raise UsageProblem("date_passed", date=text)
    if date.local.year > now.year + LONGEST_YEARS:
        raise UsageProblem("date_too_far", date=text, years=LONGEST_YEARS)
    return date


def add_months(local: datetime, months: int) -> datetime:
    """Return `local` moved by calendar months, on the last day of the month where the day does not exist."""
    year, month0 = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, calendar.monthrange(year, month0 + 1)[1])
    return local.replace(year=year, month=month0 + 1, day=day)


def _relative(words: str, zone_name: str, now: datetime, at_time: time | None) -> OpeningDate | None:
    for pattern in _RELATIVE:
        found = pattern.fullmatch(words)
        unit = _UNITS.get(found[2]) if found else None
        if found is None or unit is None:
            continue
        count = int(found[1]) if found[1].isdigit() else 1
        if unit in _SECONDS:
            at = now.astimezone(UTC) + timedelta(seconds=count * _SECONDS[unit])
            local = local_of(at, zone_name)
            return opening_date(local, zone_name, local.fold)
        today = local_of(now, zone_name).replace(second=0, microsecond=0, fold=0)
        if at_time:
            today = datetime.combine(today, at_time)
        if unit in _DAYS:
            return opening_date(today + timedelta(days=count * _DAYS[unit]), zone_name)
        return opening_date(add_months(today, count * _MONTHS[unit]), zone_name)
    return None


def _iso(words: str, zone_name: str, at_time: time | None) -> OpeningDate | None:
    found = _ISO.fullmatch(words)
    if found is None:
        return None
    local = datetime(*(int(part or 0) for part in found.groups()[:6]))  # type: ignore[arg-type]  # noqa: DTZ001 - a wall time
    if at_time and found[4] is None:
        local = datetime.combine(local, at_time)
    if found[7] is None:
        return opening_date(local, zone_name)
    offset = "+00:00" if found[7] == "z" else found[7]
    at = datetime.fromisoformat(f"{local.isoformat()}{offset}").astimezone(UTC)
    local = local_of(at, zone_name)
    return opening_date(local, zone_name, local.fold)
