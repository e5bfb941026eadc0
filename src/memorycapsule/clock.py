"""
The time, and whether it can be believed.

A clock that jumps forward would open a capsule years early, and that cannot be undone. So a clock in doubt
opens nothing. A jump while the program runs shows against CLOCK_BOOTTIME, which counts on through suspension
and which nobody can set; a jump while it was off shows against the instant that the store saw last. A clock
that merely is not synchronised is no reason for doubt: many containers and machines without a network never
are.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: Differences up to this are ordinary: a clock corrected by hand, a leap of a slow machine.
TOLERANCE = timedelta(minutes=5)
#: A machine off for longer than this needs somebody who vouches for its clock.
LONG_ABSENCE = timedelta(days=30)
#: This program did not exist before; a clock that says so is wrong.
PROGRAM_BORN_AT = datetime(2026, 1, 1, tzinfo=UTC)

# What adjtimex(2) returns when the kernel's clock is not synchronised (linux/timex.h).
_TIME_ERROR = 5
# sizeof(struct timex) is 208 bytes on 64-bit Linux and less elsewhere.
_TIMEX_BYTES = 512

_REMEDY = "nothing is opened until it is right, or until `capsule doctor --trust-clock` says that it is"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the operating system says at one moment."""

    #: The wall clock, aware UTC.
    wall: datetime
    #: Seconds since the machine started, suspension included; nobody can set them.
    uptime_seconds: float
    #: Whether the kernel's clock is kept by NTP or the like; None when it does not tell.
    synchronised: bool | None


def now() -> datetime:
    """Return this instant as aware UTC."""
    return datetime.now(UTC)


def read() -> Reading:
    """Ask the operating system."""
    # Linux counts suspension in CLOCK_BOOTTIME only; macOS does in CLOCK_MONOTONIC.
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
) -> str | None:
    """
    Return one sentence saying why the clock cannot be believed, or None when it can.

    `start` is the reading that the process began with (or was told to trust), `seen_at` the last instant that
    the store saw while the clock was believed, `trusted_at` the last instant at which a person vouched for
    the clock, `second_source` another machine's time.
    """
    wall = current.wall
    if wall < PROGRAM_BORN_AT:
        return f"The clock of this machine says {wall:%Y-%m-%d}, before this program was made; set it right."
    if is_vouched_for(current, trusted_at):
        return None
    drift = drift_between(start, current)
    # A machine without a battery clock starts in the past and jumps once, when the network tells it the time:
    # that jump is the cure, not the disease.
    has_just_been_set = start.synchronised is False and current.synchronised is True
    if abs(drift) > TOLERANCE and not has_just_been_set:
        direction = "forward" if drift > timedelta(0) else "back"
        return (
            f"The clock of this machine jumped {_in_words(abs(drift))} {direction} while this ran; {_REMEDY}."
        )
    if seen_at is None:
        return None
    if wall < seen_at - TOLERANCE:
        behind = _in_words(seen_at - wall)
        return f"The clock of this machine is {behind} behind the last time it was seen here; {_REMEDY}."
    is_witnessed = seen_at >= start.wall
    is_agreed = second_source is not None and abs(second_source - wall) <= TOLERANCE
    if wall > seen_at + LONG_ABSENCE and not (is_witnessed or is_agreed or current.synchronised):
        ahead = _in_words(wall - seen_at)
        return (
            f"The clock of this machine is {ahead} ahead of the last time it was seen here "
            f"and not synchronised; {_REMEDY}."
        )
    return None


def is_vouched_for(current: Reading, trusted_at: datetime | None) -> bool:
    """Return whether a person has just said that this very clock is right."""
    return trusted_at is not None and abs(current.wall - trusted_at) <= TOLERANCE


def drift_between(start: Reading, current: Reading) -> timedelta:
    """Return how much further the wall clock went than time itself; negative when it went back."""
    return (current.wall - start.wall) - timedelta(seconds=current.uptime_seconds - start.uptime_seconds)


class Clock:
    """
    The clock of one process; make it when the process starts.

    It keeps no time of its own. It remembers how wall time and uptime stood together at the start, so that it
    can tell later whether the wall clock was moved.
    """

    def __init__(self, readings: Callable[[], Reading] = read) -> None:
        self._readings = readings
        self._start = readings()

    def now(self) -> datetime:
        """Return this instant as aware UTC."""
        return self._readings().wall

    def synchronised(self) -> bool | None:
        """Return whether NTP or the like keeps the clock right, None when unknown: a warning at most."""
        return self._readings().synchronised

    def doubt(
        self,
        *,
        seen_at: datetime | None,
        trusted_at: datetime | None,
        second_source: datetime | None = None,
    ) -> str | None:
        """
        Return one sentence saying why nothing may be opened now, or None when it may.

        The caller writes `seen_at = now()` to the store after each None, and never after a sentence: a wrong
        time must not become the measure. `capsule doctor --trust-clock` writes both `trusted_at` and
        `seen_at`; a running process that meets a `trusted_at` of the last five minutes starts anew there.
        """
        current = self._readings()
        reason = reason_to_doubt(
            self._start, current, seen_at=seen_at, trusted_at=trusted_at, second_source=second_source
        )
        if reason is None and abs(drift_between(self._start, current)) > TOLERANCE:
            # The jump has been vouched for; from here on it is the way things stand.
            self._start = current
        return reason


def _kernel_is_synchronised() -> bool | None:
    if sys.platform != "linux":
        return None
    # All zeros means modes = 0: only ask (adjtimex(2)).
    answer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = int(_libc().adjtimex(answer))
    return None if state < 0 else state != _TIME_ERROR


@functools.cache
def _libc() -> ctypes.CDLL:
    # Each one makes classes of its own, and every page asks what time it is.
    return ctypes.CDLL(None, use_errno=True)


def _in_words(span: timedelta) -> str:
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if count := round(span.total_seconds() / seconds):
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "less than a minute"
