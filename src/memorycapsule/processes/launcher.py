"""
Becomes another program under limits; `processes.limited` makes its command line.

Each start of a child waits for it, so it loads as little of Python as it can: no `signal`, no typing.
"""

import os
import resource
import sys

_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


def become(arguments: list[str]) -> None:
    """Set the limits of the command line's first four words, and execute the program of the others."""
    memory_bytes, cpu_seconds, nice, parent = (int(word) for word in arguments[:4])
    argv = arguments[4:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        if os.getppid() != parent:
            # The parent died before the request reached the kernel.
            os._exit(1)

    def lower(kind: int, soft: int, hard: int) -> None:
        # The parent may have a lower hard limit (ulimit, LimitAS= of systemd), which nobody may raise.
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))

    if memory_bytes:
        lower(resource.RLIMIT_AS, memory_bytes, memory_bytes)
    if cpu_seconds:
        lower(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 5)
    # A core dump would write what is sealed to the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if nice:
        os.nice(nice)
    os.execvp(argv[0], argv)  # noqa: S606 - this is the launcher's whole purpose


if __name__ == "__main__":
    become(sys.argv[1:])
