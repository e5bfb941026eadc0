"""
Child processes: finding ffmpeg, and starting programs under limits that die with their parent.

A small launcher (`launcher.py`, run with `python -I -S`) sets the limits and then executes the program, because
`preexec_fn` is unsafe in a process with threads. On Linux the launcher also requests SIGKILL for the parent's death
(prctl(2), PR_SET_PDEATHSIG), so that `kill -9` of the daemon leaves no encoder behind. The kernel sends that signal
when the *thread* that started the child ends. So a long-running child must be started from a thread that lives as long.

Children open strangers' files, so they do not inherit our settings and secrets; see `environment`.

What limits the work of a child is CPU time, which a busy machine does not use up. Wall time only ends a child that
hangs: `hangs.HangWatch` counts it.
"""

import functools
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorycapsule.errors import Postponed
from memorycapsule.processes import music_heads
from memorycapsule.processes.hangs import HangWatch

_LAUNCHER = Path(__file__).resolve().with_name("launcher.py")
#: Niceness of children that read uploads: serving pages comes first.
UPLOAD_NICE = 5
#: What ends a child from outside: a terminal, a service manager, a machine that is out of memory.
_FROM_OUTSIDE = {-signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL}
#: What ffmpeg ends with after such a signal, and after SIGXCPU.
_FFMPEG_SIGNALLED = 255
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class ChildLimits:
    """Limits of a child. `None` keeps the parent's limit, and a lower limit of the parent always stays."""

    #: Address space in bytes (RLIMIT_AS).
    memory_bytes: int | None = None
    #: CPU time in seconds (RLIMIT_CPU).
    cpu_seconds: int | None = None
    #: Added to the parent's niceness, 0..19.
    nice: int = 0


#: ffmpeg may open files only, so that a playlist or a URL leads nowhere else.
FILES_ONLY = ("-protocol_whitelist", "file,pipe")


@functools.cache
def ffmpeg_path() -> str:
    """Return the path of the ffmpeg that comes with MoviePy, or of the one that IMAGEIO_FFMPEG_EXE names."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def sound_input(path: Path, *, start_seconds: float = 0) -> list[str] | None:
    """
    Return ffmpeg's arguments that open the sound of a stranger's file, from `start_seconds` on.

    The file's content decides the demuxer, so that ffmpeg tries no other. Returns None when the file is neither music
    that a capsule accepts nor a clip. `path` must be absolute, so that ffmpeg takes it for no option.
    """
    with path.open("rb") as file:
        head = file.read(music_heads.HEAD_BYTES)
    options = ["-f", "mov"] if head[4:8] == b"ftyp" else music_heads.music_options(head)
    if options is None:
        return None
    return [*FILES_ONLY, "-ss", f"{start_seconds:.3f}", *options, "-i", str(path)]


def environment() -> dict[str, str]:
    """Return the environment of a child: ours without our settings, tokens and passwords."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CAPSULE_") and name != "CREDENTIALS_DIRECTORY"
    }


def limited(argv: list[str], limits: ChildLimits) -> list[str]:
    """Return the command line that runs `argv` under `limits`, dying with the process that starts it."""
    return [
        sys.executable,
        "-I",
        "-S",
        str(_LAUNCHER),
        str(limits.memory_bytes or 0),
        str(limits.cpu_seconds or 0),
        str(limits.nice),
        str(os.getpid()),
        *argv,
    ]


def start(argv: list[str], limits: ChildLimits | None = None, **popen: Any) -> subprocess.Popen[bytes]:
    """
    Start `argv` under `limits` and return its Popen; keyword arguments are those of `subprocess.Popen`.

    The child gets `environment()` unless `env` says otherwise.
    """
    popen.setdefault("env", environment())
    return subprocess.Popen(limited(argv, limits or ChildLimits()), **popen)


def is_ended_from_outside(code: int, *, is_ffmpeg: bool = False) -> bool:
    """
    Say whether a child that ended with `code` (negative for a signal) was ended from outside.

    That says nothing of what it was working on: a terminal did it, a service manager, or a machine out of memory.
    """
    return code in _FROM_OUTSIDE or (is_ffmpeg and code == _FFMPEG_SIGNALLED)


class OutOfCpu(Exception):
    """A child has used up its CPU time."""


@dataclass(frozen=True, kw_only=True)
class End:
    """How a child has ended."""

    #: As `subprocess.Popen.returncode`: negative for a signal.
    code: int
    #: CPU time that it has used, in seconds.
    cpu_seconds: float

    def check(self, limits: ChildLimits, *, is_ffmpeg: bool = False) -> None:
        """
        Raise OutOfCpu for a child that has used up its CPU time.

        Raises Postponed for one that was ended from outside: that says nothing of what it was working on.
        """
        is_spent = limits.cpu_seconds is not None and self.cpu_seconds >= limits.cpu_seconds
        if self.code == -signal.SIGXCPU or (self.code and is_spent):
            raise OutOfCpu
        if is_ended_from_outside(self.code, is_ffmpeg=is_ffmpeg):
            raise Postponed


def run(
    argv: list[str], limits: ChildLimits | None = None, *, hang_seconds: float | None = None, **popen: Any
) -> subprocess.CompletedProcess[bytes]:
    """
    Run `argv` under `limits` to its end, its output captured.

    The child gets `environment()` unless `env` says otherwise. It hangs when it sleeps for `hang_seconds`
    (`hangs.HANG_SECONDS` by default). Raises OutOfCpu, and Postponed (after killing the child) when it hangs or was
    ended from outside.
    """
    limits = limits or ChildLimits()
    popen.setdefault("stdin", subprocess.DEVNULL)
    with start(argv, limits, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen) as child:
        watch = HangWatch(child.pid, hang_seconds)
        try:
            stdout, stderr = _output(child, watch)
            end = wait(child, watch)
        except BaseException:
            child.kill()
            raise
    end.check(limits, is_ffmpeg=argv[0] == ffmpeg_path())
    return subprocess.CompletedProcess(argv, end.code, stdout, stderr)


def wait(child: subprocess.Popen[bytes], watch: HangWatch) -> End:
    """Wait for the end of a child that nobody has waited for, and return it. Raises Postponed when it hangs."""
    pause = 0.0005
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return End(code=child.returncode, cpu_seconds=usage.ru_utime + usage.ru_stime)
        watch.check()
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def _output(child: subprocess.Popen[bytes], watch: HangWatch) -> tuple[bytes, bytes]:
    """Return all that a child writes to its two pipes. Raises Postponed when it hangs."""
    assert child.stdout is not None
    assert child.stderr is not None
    written = {child.stdout.fileno(): bytearray(), child.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as open_pipes:
        for pipe in written:
            open_pipes.register(pipe, selectors.EVENT_READ)
        while open_pipes.get_map():
            for key, _events in open_pipes.select(watch.look_seconds):
                chunk = os.read(key.fd, _CHUNK_BYTES)
                written[key.fd] += chunk
                if not chunk:
                    open_pipes.unregister(key.fd)
            watch.check()
    stdout, stderr = (bytes(all_of_it) for all_of_it in written.values())
    return stdout, stderr
