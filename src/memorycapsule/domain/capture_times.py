"""Capture times: when a photo, clip or voice note was taken, as far as its file says, and on which day that was."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self

from memorycapsule.domain.zones import zone

#: A photo tells the offset of a clip that was taken so near to it.
_NEAR = timedelta(hours=24)


class TakenForm(StrEnum):
    """How much a file says about when it was taken."""

    TIME = "time"  #: the time on the wall, with its offset from UTC where the camera knew it
    INSTANT = "instant"  #: an instant in UTC, and not the offset of the place
    DAY = "day"  #: the day alone


@dataclass(frozen=True, kw_only=True)
class CaptureTime:
    """When something was taken."""

    #: Naive: the wall time of a TIME, UTC of an INSTANT, noon of a DAY. Microseconds order a burst.
    local: datetime
    #: Offset of `local` from UTC in seconds: 0 of an INSTANT, None of a DAY and where the camera knew none.
    offset_seconds: int | None = None
    form: TakenForm = TakenForm.TIME

    @classmethod
    def of_instant(cls, instant: datetime) -> Self:
        """Return the capture time of an instant, naive or aware UTC."""
        return cls(local=instant.replace(tzinfo=None), offset_seconds=0, form=TakenForm.INSTANT)

    @classmethod
    def of_day(cls, day: date) -> Self:
        """Return the capture time of which only the day is known."""
        return cls(local=datetime.combine(day, time(12)), form=TakenForm.DAY)

    @property
    def text(self) -> str | None:
        """The time in ISO 8601, with its offset where that is known; None for a day alone."""
        if self.form is TakenForm.DAY:
            return None
        text = self.local.isoformat(timespec="seconds")
        if self.offset_seconds is None:
            return text
        sign = "-" if self.offset_seconds < 0 else "+"
        hours, minutes = divmod(abs(self.offset_seconds) // 60, 60)
        return f"{text}{sign}{hours:02}:{minutes:02}"

    def at(self, assumed_offset: timedelta) -> datetime | None:
        """Return the time as an instant (aware UTC); `assumed_offset` is for cameras that knew none."""
        offset = self.offset_seconds
        known = assumed_offset if offset is None else timedelta(seconds=offset)
        try:
            return (self.local - known).replace(tzinfo=UTC)
        except OverflowError:
            return None

    def at_in(self, zone_name: str | None) -> datetime | None:
        """
        Return the time as an instant (aware UTC), in a zone where its own offset is not known.

        `zone_name` None means the zone of this machine.
        """
        try:
            assumed = (
                zone(zone_name).utcoffset(self.local) if zone_name else self.local.astimezone().utcoffset()
            )
        except (OverflowError, ValueError):
            return None
        return self.at(assumed or timedelta(0))


class WallTimes:
    """
    The wall times of one person's photos and clips.

    An instant has no wall time of its own. It gets the offset of the nearest other photo of that person, at most a
    day away, and otherwise the one of the zone; `zone_name` None means the zone of this machine.
    """

    def __init__(self, zone_name: str | None, captures: Iterable[CaptureTime | None] = ()) -> None:
        self._zone = zone(zone_name) if zone_name else None
        self._known = sorted(
            (at, one.offset_seconds)
            for one in captures
            if one and one.form is TakenForm.TIME and one.offset_seconds is not None
            if (at := one.at(timedelta(0)))
        )

    def of(self, taken: CaptureTime | None) -> datetime | None:
        """Return the naive wall time; noon where only the day is known, None for None."""
        if taken is None:
            return None
        if taken.form is not TakenForm.INSTANT:
            return taken.local
        at = taken.local.replace(tzinfo=UTC)
        offset = self._offset_near(at)
        try:
            if offset is None:
                return at.astimezone(self._zone).replace(tzinfo=None)
            return taken.local + timedelta(seconds=offset)
        except OverflowError:
            return taken.local

    def _offset_near(self, at: datetime) -> int | None:
        """Return the offset of the photo that was taken nearest to an instant, None without one on that day."""
        place = bisect_left(self._known, (at, 0))
        near = self._known[max(0, place - 1) : place + 1]
        distance, offset = min(((abs(other - at), offset) for other, offset in near), default=(None, None))
        return offset if distance is not None and distance <= _NEAR else None


def wall_times_of(
    zone_name: str | None, captures: Iterable[tuple[str, CaptureTime | None]]
) -> dict[str, WallTimes]:
    """Return the wall times of each person from all of their captures, given as pairs with the person's id."""
    of_person: dict[str, list[CaptureTime | None]] = defaultdict(list)
    for person, taken in captures:
        of_person[person].append(taken)
    return {person: WallTimes(zone_name, taken) for person, taken in of_person.items()}
