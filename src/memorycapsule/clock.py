"""
The time, and whether it can be believed.

A clock that is ahead would open a capsule years early, and that cannot be undone. So a clock is judged by what the
store knows: the latest instant that has certainly come, and the wall clock of this boot when it was first read. Nobody
can set CLOCK_BOOTTIME, which continues during suspension. So within one boot a wall clock that was set shows exactly,
in this process and in every other one. Between two boots only the network knows how much time has passed: the kernel's
clock is synchronised, or another machine tells the same time. Where nobody can be asked, a day is the most that is
believed, until the clock has run for a day without a contradiction, or a person vouches for it.
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from memorycapsule.errors import CapsuleError, NotDue

#: Differences up to this are ordinary: a clock that was corrected by hand, a slow machine.
TOLERANCE = timedelta(minutes=5)
#: The most that a clock which nobody vouches for may be ahead of what has certainly come and still be believed. It
#: is also how long such a clock must run without a contradiction until it is believed altogether.
UNPROVEN_DAY = timedelta(days=1)
#: The program did not exist before this date, so an earlier clock is wrong.
PROGRAM_BORN_AT = datetime(2026, 1, 1, tzinfo=UTC)

# What adjtimex(2) returns when the kernel's clock is not synchronised (linux/timex.h).
_TIME_ERROR = 5
# sizeof(struct timex) is 208 bytes on 64-bit Linux and less elsewhere.
_TIMEX_BYTES = 512
_LONGEST_BOOT_ID = 64
_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
# Where the system does not tell its boots apart, each process stands for a boot of its own: that only doubts more.
_THIS_PROCESS = str(uuid.uuid4())


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the operating system says at one moment."""

    #: The wall clock, aware UTC.
    wall: datetime
    #: Seconds since the machine started, suspension included; nobody can set them.
    uptime_seconds: float
    #: Names the time from one start of the machine to the next.
    boot_id: str
    #: Whether NTP or the like synchronises the kernel's clock; None when unknown.
    synchronised: bool | None

    @property
    def uptime(self) -> timedelta:
        return timedelta(seconds=self.uptime_seconds)

    @property
    def booted_at(self) -> datetime:
        """When the machine started, by the wall clock; it stays the same as long as nobody sets that clock."""
        return self.wall - self.uptime


@dataclass(frozen=True, kw_only=True)
class KnownTime:
    """What the store knows of the time, from all processes and boots."""

    #: The latest instant that has certainly come.
    seen_at: datetime
    #: Whether the network told `seen_at`. Otherwise the network may set it back.
    seen_by_network: bool
    #: The boot that the following belong to; None before the first look.
    boot_id: str | None = None
    #: When it began by the wall clock.
    booted_at: datetime | None = None
    #: The earliest instant at which it may have begun, by `seen_at`. The same as `booted_at` when its clock is proven.
    booted_after: datetime | None = None
    #: Since when its wall clock has run without a contradiction although nobody vouches for it; None once it is proven.
    unproven_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one look at the clock came to."""

    #: Why nothing that cannot be undone may be done now, or None when it may.
    doubt: NotDue | None
    #: What is due by this instant may be opened. It is never later than the wall clock; None: nothing may be opened.
    opens_until: datetime | None
    #: What the store is to know from now on, unless it knows that already.
    known: KnownTime


def now() -> datetime:
    """Return this instant as aware UTC."""
    return datetime.now(UTC)


def read() -> Reading:
    """Read the clocks of the operating system."""
    # Linux counts the time of suspension in CLOCK_BOOTTIME only; macOS counts it in CLOCK_MONOTONIC.
    steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Reading(
        wall=now(),
        uptime_seconds=time.clock_gettime(steady),
        boot_id=boot_id(),
        synchronised=_kernel_is_synchronised(),
    )


@functools.cache
def boot_id() -> str:
    """Return what names the time from this start of the machine to the next."""
    if sys.platform == "darwin":
        name = ctypes.create_string_buffer(_LONGEST_BOOT_ID)
        size = ctypes.c_size_t(_LONGEST_BOOT_ID)
        failed = _libc().sysctlbyname(
            b"kern.bootsessionuuid", name, ctypes.byref(size), None, ctypes.c_size_t(0)
        )
        return _THIS_PROCESS if failed else name.value.decode("ascii")
    try:
        return _BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return _THIS_PROCESS


def judge(known: KnownTime, reading: Reading, second_source: datetime | None = None) -> Verdict:
    """Say whether a reading can be believed; `second_source` is another machine's time."""
    if doubt := _before_program(reading):
        return _doubted(known, doubt)
    is_told = _is_told_by_network(reading, second_source)
    if reading.boot_id != known.boot_id or known.booted_at is None or known.booted_after is None:
        return _judge_first_look(known, reading, is_told=is_told)
    # What has certainly come, by the time for which this boot has been running.
    certain = max(known.seen_at, known.booted_after + reading.uptime)
    if is_told and not known.seen_by_network:
        # A machine without a battery clock starts in the past and jumps once, when it gets the time from the network.
        # That jump makes its clock right.
        return _proven(reading, by_network=True)
    drift = reading.booted_at - known.booted_at
    has_jumped = abs(drift) > TOLERANCE
    if has_jumped and known.unproven_since is None:
        return _doubted(known, _jump(drift))
    if reading.wall < certain - TOLERANCE:
        return _doubted(known, NotDue("clock_behind", span=_span(certain - reading.wall)))
    if known.unproven_since is None:
        return _believed(known, reading, certain)
    has_run_for_a_day = not has_jumped and reading.wall - known.unproven_since >= UNPROVEN_DAY
    if is_told or has_run_for_a_day:
        return _proven(reading, by_network=is_told)
    if has_jumped and known.booted_at > known.booted_after + UNPROVEN_DAY:
        # That time was never believed, so another one contradicts nothing but it.
        return _unproven(_anchored(known, reading, certain), reading, certain)
    if drift > TOLERANCE:
        return _doubted(known, _jump(drift))
    return _unproven(known, reading, certain)


def vouched_for(reading: Reading) -> KnownTime:
    """
    Return what the store is to know when a person says that this reading is right.

    Raises NotDue for a time before this program was made: that is wrong, whoever vouches for it.
    """
    if doubt := _before_program(reading):
        raise doubt
    return _proven(reading, by_network=False).known


def first_seen(reading: Reading) -> KnownTime:
    """Return what the store of a new instance is to know. Raises NotDue for a time before this program was made."""
    if doubt := _before_program(reading):
        raise doubt
    if reading.synchronised:
        return _proven(reading, by_network=True).known
    return _anchored(KnownTime(seen_at=reading.wall, seen_by_network=False), reading, reading.wall)


class Clock:
    """Where a process reads the time. It remembers nothing: what is known of the time is in the store."""

    def __init__(self, readings: Callable[[], Reading] = read) -> None:
        self.read = readings

    def now(self) -> datetime:
        """Return this instant as aware UTC."""
        return self.read().wall

    def synchronised(self) -> bool | None:
        """Return whether NTP or the like synchronises the clock, None when unknown; worth a warning at most."""
        return self.read().synchronised


def _before_program(reading: Reading) -> NotDue | None:
    if reading.wall >= PROGRAM_BORN_AT:
        return None
    return NotDue("clock_before_program", date=f"{reading.wall:%Y-%m-%d}")


def _is_told_by_network(reading: Reading, second_source: datetime | None) -> bool:
    if second_source is None:
        return bool(reading.synchronised)
    return abs(second_source - reading.wall) <= TOLERANCE


def _judge_first_look(known: KnownTime, reading: Reading, *, is_told: bool) -> Verdict:
    """Judge the first reading of a boot. No more is certain of it than that it is later than all that was seen."""
    is_behind = reading.wall < known.seen_at - TOLERANCE
    if is_told and not (is_behind and known.seen_by_network):
        return _proven(reading, by_network=True)
    if is_behind:
        return _doubted(known, NotDue("clock_behind", span=_span(known.seen_at - reading.wall)))
    return _unproven(_anchored(known, reading, known.seen_at), reading, known.seen_at)


def _anchored(known: KnownTime, reading: Reading, certain: datetime) -> KnownTime:
    """Return what is known once this reading is what later ones of the same boot are compared with."""
    return dataclasses.replace(
        known,
        boot_id=reading.boot_id,
        booted_at=reading.booted_at,
        booted_after=certain - reading.uptime,
        unproven_since=reading.wall,
    )


def _proven(reading: Reading, *, by_network: bool) -> Verdict:
    known = KnownTime(
        seen_at=reading.wall,
        seen_by_network=by_network,
        boot_id=reading.boot_id,
        booted_at=reading.booted_at,
        booted_after=reading.booted_at,
    )
    return Verdict(doubt=None, opens_until=reading.wall, known=known)


def _believed(known: KnownTime, reading: Reading, certain: datetime) -> Verdict:
    return Verdict(doubt=None, opens_until=reading.wall, known=_seen(known, certain))


def _unproven(known: KnownTime, reading: Reading, certain: datetime) -> Verdict:
    latest = certain + UNPROVEN_DAY
    doubt = NotDue("clock_ahead", span=_span(reading.wall - certain)) if reading.wall > latest else None
    return Verdict(doubt=doubt, opens_until=min(reading.wall, latest), known=_seen(known, certain))


def _doubted(known: KnownTime, doubt: NotDue) -> Verdict:
    return Verdict(doubt=doubt, opens_until=None, known=known)


def _seen(known: KnownTime, certain: datetime) -> KnownTime:
    return dataclasses.replace(known, seen_at=max(known.seen_at, certain))


def _jump(drift: timedelta) -> NotDue:
    if drift > timedelta(0):
        return NotDue("clock_jumped_forward", span=_span(drift))
    return NotDue("clock_jumped_back", span=_span(-drift))


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
