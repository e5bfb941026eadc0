"""Quiet hours: when the machine may work for itself, because nobody waits for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time

from memorycapsule.errors import UsageProblem

_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """A span of each day, by the wall clock; it may go over midnight."""

    first: time
    #: The first moment that is not in it any more; equal to `first` for the whole day.
    stop: time

    def contains(self, local: datetime) -> bool:
        """Return whether the naive wall time `local` is in it."""
        at = local.time()
        if self.first < self.stop:
            return self.first <= at < self.stop
        return at >= self.first or at < self.stop


def parse_quiet_hours(text: str) -> QuietHours | None:
    """
    Return what "01:00-06:00" or "22:30-06:00" means; "always" is the whole day, "never" is None.

    Raises UsageProblem for anything else.
    """
    words = text.strip().lower()
    if words == "never":
        return None
    if words == "always":
        return QuietHours(first=time(), stop=time())
    if match := _SPAN.fullmatch(words):
        try:
            first, stop = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
        except ValueError:
            first = stop = time()
        if first != stop:
            return QuietHours(first=first, stop=stop)
    raise UsageProblem("quiet_hours_unreadable", hours=text)
