"""
Children that hang, told apart from those that only wait for their turn.

A child hangs when it sleeps of its own will, for minutes, with all its threads and children. One that was stopped, or
waits for a processor or a disk, goes on when the machine lets it: that time does not count. Nor does time in which this
process did not run either, as on a machine that was paused.
"""

import os
from pathlib import Path
from time import monotonic

from memorycapsule.errors import Postponed

#: A child that has slept for so long hangs. Nothing that works sleeps for longer than moments.
HANG_SECONDS = 600.0
_LOOK_SECONDS = 1.0
#: States of /proc/PID/stat (proc_pid_stat(5)) in which a thread wants nothing: sleeping, idle, a zombie, dead.
_RESTING = {b"S", b"I", b"Z", b"X"}
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def is_machine_quiet() -> bool:
    """Say whether in the last minute no more wanted to run, on average, than there are processors."""
    return os.getloadavg()[0] <= (os.cpu_count() or 1)


class HangWatch:
    """
    Counts for how long a child has been asleep without a break; `heard` begins anew.

    It looks at most once in `look_seconds`. With `counts_work`, CPU time that the child uses counts as well: it is
    for one that is to be heard of, and may neither sleep nor work in silence.
    """

    def __init__(self, pid: int, most_seconds: float | None = None, *, counts_work: bool = False) -> None:
        self._pid = pid
        self._most_seconds = HANG_SECONDS if most_seconds is None else most_seconds
        self._counts_work = counts_work
        self.look_seconds = min(_LOOK_SECONDS, self._most_seconds / 4)
        self._looked_at = monotonic()
        self._cpu_seconds = 0.0
        self._counted = 0.0

    def heard(self) -> None:
        """Begin anew, as the child has shown that it gets on."""
        self._counted = 0.0

    def check(self) -> None:
        """Raise Postponed when the child hangs."""
        passed = monotonic() - self._looked_at
        if passed < self.look_seconds:
            return
        self._looked_at += passed
        is_resting, cpu_seconds = _family(self._pid)
        worked, self._cpu_seconds = max(0.0, cpu_seconds - self._cpu_seconds), cpu_seconds
        if is_resting:
            self._counted += min(passed, 2 * self.look_seconds)
        elif self._counts_work:
            self._counted += min(worked, passed)
        else:
            self._counted = 0.0
        if self._counted >= self._most_seconds:
            raise Postponed


def _family(pid: int) -> tuple[bool, float]:
    """Return whether a process rests with all its threads and children, and their CPU time so far, in seconds."""
    is_resting, ticks = True, 0
    try:
        ticks += sum(map(int, _fields(Path(f"/proc/{pid}/stat"))[11:15]))
        for thread in Path(f"/proc/{pid}/task").iterdir():
            is_resting = is_resting and _fields(thread / "stat")[0] in _RESTING
            children = (thread / "children").read_bytes().split()
            for child_rests, seconds in map(_family, map(int, children)):
                is_resting = is_resting and child_rests
                ticks += round(seconds * _TICKS_PER_SECOND)
    except (FileNotFoundError, ProcessLookupError):
        # It has ended just now; or this system does not tell (macOS), and all time counts.
        pass
    return is_resting, ticks / _TICKS_PER_SECOND


def _fields(stat: Path) -> list[bytes]:
    """Return what stands behind a process's name, which may hold spaces and brackets: the state first."""
    return stat.read_bytes().rpartition(b")")[2].split()
