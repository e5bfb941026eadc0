"""What benchmarks share: running a program while watching its whole family of processes, and drawn photos."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

SAMPLE_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a program and all its children needed."""

    seconds: float
    cpu_seconds: float
    #: What everything else on this machine used meanwhile; much of it makes `seconds` worthless.
    foreign_cpu_seconds: float
    #: Proportional share (PSS) of all processes, and of the largest one, at the worst moment.
    peak_bytes: int
    largest_bytes: int
    #: Its stdout.
    output: bytes


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [word for task in tasks for word in (task / "children").read_text("ascii").split()]
    except OSError:
        return []
    return [pid, *(found for child in children for found in family(int(child)))]


def memory(pid: int) -> tuple[int, int]:
    """Return the bytes that a family of processes holds in all, and the most that one of them holds."""
    parts = []
    for member in family(pid):
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        parts += [int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")]
    return sum(parts), max(parts, default=0)


def run(*commands: list[str]) -> Run:
    """Run programs at the same time to their ends. Raises SystemExit when one fails. Linux only."""
    busy, began = _busy_seconds(), time.monotonic()
    # Installed programs have their bytecode beside them; compiling it anew each time would be measured, too.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    programs = [
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        for command in commands
    ]
    output: list[bytes] = []
    peak = largest = 0
    cpu = 0.0
    running = list(programs)
    while running:
        parts = [memory(program.pid) for program in running]
        peak = max(peak, sum(whole for whole, _ in parts))
        largest = max(largest, *(one for _, one in parts))
        time.sleep(SAMPLE_SECONDS)
        for program in list(running):
            ended, status, usage = os.wait4(program.pid, os.WNOHANG)
            if ended:
                program.returncode = os.waitstatus_to_exitcode(status)
                cpu += usage.ru_utime + usage.ru_stime
                running.remove(program)
    seconds = time.monotonic() - began
    for program in programs:
        with program.stdout as pipe:
            output.append(pipe.read())
        if program.returncode:
            raise SystemExit(f"{program.args[:3]} ended with {program.returncode}.")
    return Run(
        seconds=seconds,
        cpu_seconds=cpu,
        foreign_cpu_seconds=max(0.0, _busy_seconds() - busy - cpu),
        peak_bytes=peak,
        largest_bytes=largest,
        output=b"".join(output),
    )


def _busy_seconds() -> float:
    """Return the seconds that this machine's processors have been busy (proc_stat(5): user, nice, system, irqs)."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    user, nice, system, _idle, _iowait, irq, softirq = map(int, words[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def drawn(number: int) -> bytes:
    """Return a JPEG photo of 2560 x 1707 with soft shapes and grain, different for each number."""
    chance = np.random.default_rng(number)
    small = chance.integers(30, 226, (9, 13, 3), dtype=np.uint8)
    large = cv2.resize(small, (2560, 1707), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = chance.integers(-6, 7, (1707, 2560, 1), dtype=np.int16)
    return cv2.imencode(
        ".jpg", np.clip(large + grain, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 92]
    )[1].tobytes()
