"""The day that stands in the name of a file, as phones and chat programs write it."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta

from memorycapsule.domain.capture_times import CaptureTime

#: Nobody took a photo before; names of scans go back to then.
_FIRST_YEAR = 1840
#: Eight digits without separators are a date only from when cameras wrote names.
_FIRST_COMPACT_YEAR = 1900

#: No phone named files so before, and codes of goods have thirteen digits as well.
_FIRST_YEAR_OF_MILLISECONDS = 2010

#: A time may follow a day immediately: HHMMSS, and HHMMSS with milliseconds.
_CLOCK = r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\d{3})?"
_COMPACT = re.compile(
    rf"(?<![\d+])(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)(?:{_CLOCK})?(?!\d)", re.ASCII
)
_SEPARATED = re.compile(
    r"(?<![\d+])(?P<year>\d{4})(?:(?P<close>[-.]|\. )(?P<month>\d{1,2})(?P=close)(?P<day>\d{1,2})"
    r"|(?P<wide>[_ ])(?P<month2>\d\d)(?P=wide)(?P<day2>\d\d))(?!\d)",
    re.ASCII,
)
_IN_WORDS = re.compile(
    r"(?<!\d)(?P<year>\d{4}) ?[年년] ?(?P<month>\d{1,2}) ?[月월] ?(?P<day>\d{1,2}) ?[日일]", re.ASCII
)
#: The day stands first where dots separate it, as in German and Russian.
_DAY_FIRST = re.compile(r"(?<![\d.+])(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4})(?!\d)", re.ASCII)
#: Other signs leave open which of two numbers is the month, unless one is above twelve.
_DAY_BEFORE_MONTH = re.compile(
    r"(?<![\d+])(?P<day>1[3-9]|2\d|3[01])(?P<sign>[-_])(?P<month>\d\d)(?P=sign)(?P<year>\d{4})(?!\d)",
    re.ASCII,
)
_MONTH_BEFORE_DAY = re.compile(
    r"(?<![\d+])(?P<month>\d\d)(?P<sign>[-_])(?P<day>1[3-9]|2\d|3[01])(?P=sign)(?P<year>\d{4})(?!\d)",
    re.ASCII,
)
#: Facebook, WeChat and LINE name files by milliseconds since 1970.
_MILLISECONDS = re.compile(r"(?:FB_IMG_|FB_VID_|mmexport|wx_camera_|line_)?(1\d{12})(?!\d)", re.ASCII)
#: What stands before a price or a version.
_AMOUNT_BEFORE = re.compile(
    r"(?:[₩$€£¥￦#]|(?<![a-z])(?:krw|usd|eur|rs|v|ver|version|price|cost|total)|가격|금액|합계)[\s.:_-]*$",
    re.IGNORECASE,
)
#: What stands before a telephone number, or is its beginning.
_PHONE_BEFORE = re.compile(
    r"(?:(?<![a-z])(?:tel|phone|fax)|전화|번호|(?<!\d)0\d{1,2}[-). ]|\+\d{1,3}[-. (])[\s.:_-]*$",
    re.IGNORECASE,
)
_MONEY_AFTER = re.compile(r"\s?(?:[₩$€£¥￦원円元]|(?:krw|usd|eur|won|dollars?)(?![a-z]))", re.IGNORECASE)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
#: A digest, or an identifier (RFC 9562): eight of its digits may look like a day.
_IDENTIFIER = re.compile(
    r"(?=(?:[0-9]*[a-f]){2})[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    re.IGNORECASE | re.ASCII,
)


def day_in_name(name: str, *, latest: date) -> date | None:
    """
    Return the day that a file's name holds, None without one or with several.

    Only a whole and possible day counts, no later than `latest`. The time that stands beside it is not read: chat
    programs write there when they saved the file.
    """
    # Digits of full width are digits, and a typographer's dash is a dash.
    stem = unicodedata.normalize("NFKC", name.replace("\\", "/").rpartition("/")[2]).translate(_DASHES)
    identifiers = [found.span() for found in _IDENTIFIER.finditer(stem)]
    days = set()
    for pattern in (_IN_WORDS, _SEPARATED, _COMPACT, _DAY_FIRST, _DAY_BEFORE_MONTH, _MONTH_BEFORE_DAY):
        for found in pattern.finditer(stem):
            before = stem[: found.start()]
            if _AMOUNT_BEFORE.search(before) or _MONEY_AFTER.match(stem, found.end()):
                continue
            is_inside = any(first <= found.start() and found.end() <= end for first, end in identifiers)
            if pattern is _COMPACT and (is_inside or _PHONE_BEFORE.search(before)):
                continue
            day = _day(found.groupdict(), _FIRST_COMPACT_YEAR if pattern is _COMPACT else _FIRST_YEAR)
            if day is not None and day <= latest:
                days.add(day)
    return days.pop() if len(days) == 1 else None


def taken_by_name(name: str, now: datetime) -> CaptureTime | None:
    """Return the day that a file's name holds as a capture time, None without one; `now` is aware."""
    # Whoever is ahead of us by time zones is not in the future.
    day = day_in_name(name, latest=(now + timedelta(days=1)).date())
    if day:
        return CaptureTime.of_day(day)
    instant = _instant_in(name)
    return CaptureTime.of_instant(instant) if instant and instant <= now else None


def _instant_in(name: str) -> datetime | None:
    """Return the instant that begins a file's name in milliseconds, None without one."""
    found = _MILLISECONDS.match(name.replace("\\", "/").rpartition("/")[2])
    instant = datetime.fromtimestamp(int(found[1]) / 1000, UTC) if found else None
    return instant if instant and instant.year >= _FIRST_YEAR_OF_MILLISECONDS else None


def _day(parts: dict[str, str | None], first_year: int) -> date | None:
    year, month, day = parts["year"], parts["month"] or parts.get("month2"), parts["day"] or parts.get("day2")
    try:
        found = date(int(year or 0), int(month or 0), int(day or 0))
    except ValueError:
        return None
    return found if found.year >= first_year else None
