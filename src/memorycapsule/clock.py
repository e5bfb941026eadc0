"""
The time, and whether it can be trusted.

A clock that jumps forward would open a capsule years early, and that cannot be undone. So nothing is opened while the
clock is in doubt. A jump while the program runs shows in comparison with CLOCK_BOOTTIME, which continues during
suspension and which nobody can set. A jump while the program was off shows in comparison with the last instant in the
store. A clock that is not synchronised is no reason for doubt by itself: many containers and machines without a network
never are.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from memorycapsule.errors import CapsuleError, NotDue

#: Differences up to this are ordinary: a clock that was corrected by hand, a slow machine.
TOLERANCE = timedelta(minutes=5)
#: After a longer time off, a person must confirm the clock.
LONG_ABSENCE = timedelta(days=30)
#: The program did not exist before this date, so an earlier clock is wrong.
PROGRAM_BORN_AT = datetime(2026, 1, 1, tzinfo=UTC)

# What adjtimex(2) returns when the kernel's clock is not synchronised (linux/timex.h).
_TIME_ERROR = 5
# sizeof(struct timex) is 208 bytes on 64-bit Linux and less elsewhere.
_TIMEX_BYTES = 512


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the operating system says at one moment."""

    #: The wall clock, aware UTC.
    wall: datetime
    #: Seconds since the machine started, suspension included; nobody can set them.
    uptime_seconds: float
    #: Whether NTP or the like synchronises the kernel's clock; None when unknown.
    synchronised: bool | None


def now() -> datetime:
    """Return this instant as aware UTC."""
    return datetime.now(UTC)


def read() -> Reading:
    """Read the clocks of the operating system."""
    # Linux counts the time of suspension in CLOCK_BOOTTIME only; macOS counts it in CLOCK_MONOTONIC.
    steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Reading(
        wall=now(), uptime_seconds=time.clock_gettime(steady), synchronised=_kernel_is_synchronised()
    )


def reason_to_doubt(
    start: Reading,
    current: Reading,
    *,
    seen_at: datetime | None,
    trusted_at: datetime | None,
    second_source: datetime | None = None,
) -> NotDue | None:
    """
    Return why the clock cannot be trusted, or None when it can.

    `start` is the process's first reading (or the first after a confirmed jump), `seen_at` the last instant in the
    store at which the clock was trusted, `trusted_at` the last instant at which a person confirmed the clock, and
    `second_source` another machine's time.
    """
    wall = current.wall
    if wall < PROGRAM_BORN_AT:
        return NotDue("clock_before_program", date=f"{wall:%Y-%m-%d}")
    if is_vouched_for(current, trusted_at):
        return None
    drift = drift_between(start, current)
    # A machine without a battery clock starts in the past and jumps once, when it gets the time from the network.
    # That jump makes its clock right.
    has_just_been_set = start.synchronised is False and current.synchronised is True
    if abs(drift) > TOLERANCE and not has_just_been_set:
        if drift > timedelta(0):
            return NotDue("clock_jumped_forward", span=_span(drift))
        return NotDue("clock_jumped_back", span=_span(-drift))
    if seen_at is None:
        return None
    if wall < seen_at - TOLERANCE:
        return NotDue("clock_behind", span=_span(seen_at - wall))
    is_witnessed = seen_at >= start.wall
    is_agreed = second_source is not None and abs(second_source - wall) <= TOLERANCE
    if wall > seen_at + LONG_ABSENCE and not (is_witnessed or is_agreed or current.synchronised):
        return NotDue("clock_ahead", span=_span(wall - seen_at))
    return None


def is_vouched_for(current: Reading, trusted_at: datetime | None) -> bool:
    """Return whether a person has just confirmed this clock."""
    return trusted_at is not None and abs(current.wall - trusted_at) <= TOLERANCE


def drift_between(start: Reading, current: Reading) -> timedelta:
    """Return by how much the wall clock advanced more than the uptime; negative when it was set back."""
    return (current.wall - start.wall) - timedelta(seconds=current.uptime_seconds - start.uptime_seconds)


class Clock:
    """
    The clock of one process, to be made when the process starts.

    It keeps no time of its own. It remembers wall time and uptime of its start, so that it can find out later whether
    the wall clock was set.
    """

    def __init__(self, readings: Callable[[], Reading] = read) -> None:
        self._readings = readings
        self._start = readings()

    def now(self) -> datetime:
        """Return this instant as aware UTC."""
        return self._readings().wall

    def synchronised(self) -> bool | None:
        """Return whether NTP or the like synchronises the clock, None when unknown; worth a warning at most."""
        return self._readings().synchronised

    def doubt(
        self,
        *,
        seen_at: datetime | None,
        trusted_at: datetime | None,
        second_source: datetime | None = None,
    ) -> NotDue | None:
        """
        Return why nothing may be opened now, or None when capsules may be opened.

        The caller writes `seen_at = now()` to the store after each None, and never after a doubt, so that a wrong
        time is not compared with later. `capsule doctor --trust-clock` writes `trusted_at` and `seen_at`. When
        `trusted_at` is at most five minutes old, this process takes its current reading as the new start.
        """
        current = self._readings()
        reason = reason_to_doubt(
            self._start, current, seen_at=seen_at, trusted_at=trusted_at, second_source=second_source
        )
        if reason is None and abs(drift_between(self._start, current)) > TOLERANCE:
            # A person has confirmed the clock after its jump, so later jumps are measured from here.
            self._start = current
        return reason


def _kernel_is_synchronised() -> bool | None:
    if sys.platform != "linux":
        return None
    # All zeros mean modes = 0: adjtimex(2) only reads.
    answer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = int(_libc().adjtimex(answer))
    return None if state < 0 else state != _TIME_ERROR


@functools.cache
def _libc() -> ctypes.CDLL:
    # Each CDLL makes classes of its own, and every page reads the clock.
    return ctypes.CDLL(None, use_errno=True)


def _span(span: timedelta) -> CapsuleError:
    """Return a span in its largest unit, to stand in the sentence of another error."""
    seconds = span.total_seconds()
    if days := round(seconds / 86_400):
        return CapsuleError("span_days", count=days)
    if hours := round(seconds / 3_600):
        return CapsuleError("span_hours", count=hours)
    return CapsuleError("span_minutes", count=round(seconds / 60))
