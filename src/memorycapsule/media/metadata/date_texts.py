"""
Dates and offsets as cameras, programs and people write them into metadata.

EXIF asks for "2024:02:21 10:14:22", XMP for ISO 8601 and PNG for RFC 2822; what stands there is often looser.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from memorycapsule.domain.capture_times import CaptureTime, TakenForm

#: The widest offset in use is +14:00.
_WIDEST_OFFSET = timedelta(hours=14)
#: Texts are this long at most, in characters; what comes behind is not read.
_LONGEST_TEXT = 100

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DAYS = tuple(
    re.compile(pattern, re.ASCII | re.IGNORECASE)
    for pattern in (
        # RFC 2822, and as C writes it: "Wed Feb 21 10:14:22 2024", whose year stands behind the time.
        rf"(?<!\d)(?P<day>\d{{1,2}})[\s\-./]+{_MONTH}[\s\-./,]+(?P<year>\d{{4}})(?!\d)",
        rf"{_MONTH}\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}})(?![\d:])",
        rf"{_MONTH}\s+(?P<day>\d{{1,2}})(?!\d)(?=.*?(?<![\d+\-])(?P<year>\d{{4}})(?!\d))",
        # Blanks may stand for zeros, and nothing may stand before the time.
        (
            r"(?<!\d)(?P<year>\d{4})\s?(?P<sign>[:/.\-_\s])\s?(?P<month>\d{1,2})\s?(?P=sign)\s?(?P<day>\d{1,2})"
            r"(?:(?!\d)|(?<=\d\d)(?=\d\d:\d\d))"
        ),
        rf"(?<!\d)(?P<year>\d{{4}})[\s\-./]+{_MONTH}[\s\-./]+(?P<day>\d{{1,2}})(?!\d)",
        r"(?<!\d)(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]",
        r"(?<!\d)(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?=\D|$|\d{6})",
        # Dots stand behind the day in many languages. Other signs may stand behind the month, too, so that only a
        # number above twelve tells.
        r"(?<!\d)(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})(?!\d)",
        r"(?<!\d)(?P<day>1[3-9]|2\d|3[01])[/\-](?P<month>\d{1,2})[/\-](?P<year>\d{4})(?!\d)",
        r"(?<!\d)(?P<month>\d{1,2})[/\-](?P<day>1[3-9]|2\d|3[01])[/\-](?P<year>\d{4})(?!\d)",
    )
)
_CLOCK = re.compile(
    r"[^\d]{0,12}?(?P<before>am|pm|[ap]\.\s?m\.|오전|오후|上午|下午|午前|午後)?\s?"
    r"(?<!\d)(?P<hour>\d{1,2})\s?(?P<sign>[:.\-_h時时시])\s?(?P<minute>\d{1,2})(?!\d)\s?[分분]?"
    r"(?:\s?(?:(?P=sign)|[:.]|(?<=[\s分분]))\s?(?P<second>\d{1,2})(?!\d)\s?[秒초]?(?:[.,:](?P<fraction>\d+))?)?"
    r"\s?(?P<after>am|pm|[ap]\.\s?m\.|오전|오후|上午|下午|午前|午後)?",
    re.ASCII | re.IGNORECASE,
)
_COMPACT_CLOCK = re.compile(
    r"[t\s_\-]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?:[.,](?P<fraction>\d+))?(?!\d)",
    re.ASCII | re.IGNORECASE,
)
_AFTERNOON = {"pm", "p.m.", "p. m.", "오후", "下午", "午後"}
#: A minus may be the sign of typographers.
_OFFSET = re.compile(
    r"\s*(?:(?P<utc>z|utc|gmt|ut)(?![a-z]))?\s?"
    r"(?:(?P<sign>[+\-−])\s?(?P<hours>\d\d?)(?:\s?:?\s?(?P<minutes>\d\d))?(?::?\d\d)?(?!\d))?",
    re.ASCII | re.IGNORECASE,
)
_BARE_OFFSET = re.compile(r"\d\d:\d\d", re.ASCII)
#: The zones of RFC 2822, 4.3, by their hours.
_NAMED_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_NAMED_ZONE = re.compile(rf"\s*({'|'.join(_NAMED_ZONES)})\b")


def read_date_text(
    text: str | None, *, offset: str | None = None, fraction: str | None = None
) -> CaptureTime | None:
    """
    Return the time that a text states; None for one without a whole and possible day.

    A day without a time that can be is a day alone. Hour 24 and second 60 belong to the hour and minute after.
    `offset` and `fraction` are what other fields say of the offset and of the digits behind the seconds; what stands
    in the text itself goes before them.
    """
    line = _printable(text)
    for pattern in _DAYS:
        found = pattern.search(line)
        day = _day(found.groupdict()) if found else None
        if found and day:
            behind = _with_clock(day, line[found.end() :], offset, fraction)
            before = _with_clock(day, line[: found.start()], offset, fraction)
            return before if behind.form is TakenForm.DAY else behind
    return None


def read_offset(text: str | None) -> int | None:
    """Return the seconds of an offset from UTC such as "+09:00", "+0900", "+9" or "Z"; None for any other text."""
    line = _printable(text).strip()
    if _BARE_OFFSET.fullmatch(line):
        line = f"+{line}"
    found = _OFFSET.fullmatch(line)
    return _seconds(found) if found else None


def _printable(text: str | None) -> str:
    # Cameras and input methods of East Asia also write digits and signs of full width.
    line = unicodedata.normalize("NFKC", (text or "")[:_LONGEST_TEXT])
    return "".join(one if one.isprintable() else " " for one in line)


def _day(parts: Mapping[str, str]) -> date | None:
    month = _MONTHS.get(parts["month"].lower()[:3]) or parts["month"]
    try:
        return date(int(parts["year"]), int(month), int(parts["day"]))
    except ValueError:
        return None


def _with_clock(day: date, rest: str, offset: str | None, fraction: str | None) -> CaptureTime:
    found = _CLOCK.match(rest) or _COMPACT_CLOCK.match(rest)
    local = _local(day, found.groupdict(), fraction) if found else None
    if found is None or local is None:
        return CaptureTime.of_day(day)
    behind = rest[found.end() :]
    own = _OFFSET.match(behind)
    named = _NAMED_ZONE.match(behind)
    if named:
        return CaptureTime(local=local, offset_seconds=_NAMED_ZONES[named[1]] * 3600)
    seconds = _seconds(own) if own else None
    is_utc = bool(own and own["utc"] and not own["sign"])
    if seconds is None:
        seconds = read_offset(offset)
        is_utc = seconds == 0 and _printable(offset).strip().upper() in {"Z", "UTC", "GMT"}
    taken = CaptureTime(local=local, offset_seconds=seconds)
    # "Z" names no place: nobody's clock shows it, programs convert to it.
    return replace(taken, form=TakenForm.INSTANT) if is_utc else taken


def _local(day: date, parts: Mapping[str, str | None], fraction: str | None) -> datetime | None:
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    half = (parts.get("before") or parts.get("after") or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half in _AFTERNOON else 0)
    if hour > 24 or minute > 59 or second > 60:
        return None
    digits = parts["fraction"] or re.sub(r"\D", "", (fraction or "").strip(" \x00"), flags=re.ASCII)
    try:
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall time
        clock = timedelta(hours=hour, minutes=minute, seconds=second)
        return midnight + clock + timedelta(microseconds=int(digits[:6].ljust(6, "0")))
    except OverflowError:
        return None


def _seconds(found: re.Match[str]) -> int | None:
    if found["sign"] is None:
        return 0 if found["utc"] else None
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    if offset > _WIDEST_OFFSET or int(found["minutes"] or 0) > 59:
        return None
    return int(offset.total_seconds()) * (1 if found["sign"] == "+" else -1)
