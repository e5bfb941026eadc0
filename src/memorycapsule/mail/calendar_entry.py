"""The opening day as a calendar entry (RFC 5545)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from memorycapsule.domain.zones import zone as zone_named

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_DAY = timedelta(days=1)
#: The zone rules written into the entry reach this far to either side of the opening day.
_RULES_REACH = timedelta(days=366)


def calendar_entry(
    *, uid: str, summary: str, description: str, opens_at: datetime, zone: str, stamp: datetime
) -> bytes:
    """
    Write an .ics with one event of an hour at `opens_at` and a reminder a day before.

    `opens_at` and `stamp` are aware instants; the event carries the wall time of `zone` (an IANA name)
    together with the zone's rules, so it is right in calendars that know other rules. The same input gives
    the same bytes.
    """
    from icalendar import Alarm, Calendar, Event

    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("summary", summary)
    event.add("description", description)
    event.add("transp", "TRANSPARENT")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", -_DAY)
    event.add_component(alarm)

    calendar = Calendar()
    calendar.add("prodid", "-//MemoryCapsule//Opening day//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    rules = zone_named(zone)
    starts = opens_at.astimezone(UTC if zone == "UTC" else rules)
    if zone != "UTC":  # RFC 5545 section 3.3.5: UTC is written with a Z and has no VTIMEZONE
        calendar.add_component(_zone_rules(rules, zone, opens_at))
    event.add("dtstart", starts)
    event.add("duration", timedelta(hours=1))
    calendar.add_component(event)
    entry: bytes = calendar.to_ical()
    return entry


def _zone_rules(rules: ZoneInfo, name: str, around: datetime) -> Timezone:
    """
    The VTIMEZONE with every change of offset near `around` (RFC 5545 section 3.6.5).

    Written here because icalendar's own `Timezone.from_tzinfo` gives the start of summer time in the offset
    after the change, an hour later than the standard asks for.
    """
    from icalendar import Timezone

    component = Timezone()
    component.add("tzid", name)
    day, last = around - _RULES_REACH, around + _RULES_REACH
    offset = _offset(rules, day)
    component.add_component(_observance(rules, day, offset))
    while day < last:
        if _offset(rules, day + _DAY) != offset:
            change = _change_between(rules, day, day + _DAY)
            component.add_component(_observance(rules, change, offset))
            offset = _offset(rules, change)
        day += _DAY
    return component


def _observance(
    rules: ZoneInfo, since: datetime, offset_before: timedelta
) -> TimezoneDaylight | TimezoneStandard:
    """The offset in force from the instant `since`; its start is a wall time of the offset before."""
    from icalendar import TimezoneDaylight, TimezoneStandard

    local = since.astimezone(rules)
    part = TimezoneDaylight() if local.dst() else TimezoneStandard()
    part.add("dtstart", since.astimezone(UTC).replace(tzinfo=None) + offset_before)
    part.add("tzoffsetfrom", offset_before)
    part.add("tzoffsetto", _offset(rules, since))
    part.add("tzname", local.tzname())
    return part


def _change_between(rules: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first instant, to the second, with the offset of `after`; halves the time between."""
    offset = _offset(rules, before)
    seconds = int((after - before).total_seconds())
    low, high = 0, seconds
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(rules, before + timedelta(seconds=middle)) == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset(rules: ZoneInfo, instant: datetime) -> timedelta:
    offset = instant.astimezone(rules).utcoffset()
    assert offset is not None
    return offset
